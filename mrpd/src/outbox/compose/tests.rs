use super::*;
use crate::testing;
use mrp_proto::envelope::{Outer, Sealed, open_message};
use mrp_proto::key::SecretKey;
use mrp_proto::plain::{Received, Verdict};
use mrpd_api::message::Kind;

fn recipient() -> SecretKey {
    SecretKey::from_seed(&[2; 32])
}

fn composed(send: &Send, seal: Seal) -> Result<OutboxRecord, ComposeError> {
    let agent = testing::agent("me", 1);
    compose(Parts {
        agent: &agent,
        link: &agent.links[0],
        recipient: recipient().public(),
        send,
        seal,
        files: &[],
        now: Timestamp::from_unix_millis(1_800_000_000_000),
    })
}

fn send(body: &str) -> Send {
    Send {
        body: Some(RawValue::from_string(body.to_owned()).unwrap()),
        thread: Some("t".to_owned()),
        ..Send::default()
    }
}

#[test]
fn what_is_posted_is_sealed_and_what_is_shown_is_not() {
    let record = composed(&send(r#"{"text": "secret"}"#), Seal::Sealed).unwrap();
    let posted = serde_json::to_string(&record.request).unwrap();
    assert!(!posted.contains("secret"));
    assert_eq!(
        record.request.content_type.as_deref(),
        Some(SEALED_CONTENT_TYPE)
    );
    assert_eq!(
        record.message.body.as_ref().unwrap().get(),
        r#"{"text": "secret"}"#
    );
    assert_eq!(record.message.kind, Kind::Text);
    let sealed = Sealed::parse(record.request.body.unwrap().get()).unwrap();
    let outer = Outer {
        thread_id: Some("t"),
        in_reply_to: None,
    };
    let sender = SecretKey::from_seed(&[1; 32]).public();
    let opened = open_message(&recipient(), &sender, outer, &sealed).unwrap();
    assert_eq!(opened.envelope.body.unwrap().get(), r#"{"text": "secret"}"#);
    let id = opened.envelope.id.unwrap().to_string();
    assert_eq!(record.id, format!("out_{id}"));
}

#[test]
fn what_goes_in_clear_is_signed_where_that_is_possible() {
    let record = composed(&send(r#"{"text":"hi"}"#), Seal::Plain).unwrap();
    let metadata = record.request.metadata.unwrap();
    let received = Received {
        content_type: DEFAULT_CONTENT_TYPE,
        body: record.request.body.as_deref(),
        attachments: &[],
        thread_id: Some("t"),
        in_reply_to: None,
        metadata: &metadata,
    };
    let sender = SecretKey::from_seed(&[1; 32]).public();
    let verdict = plain::verify(&sender, &recipient().public(), &received);
    assert!(matches!(verdict, Verdict::Verified { .. }));
    assert!(record.message.metadata.is_empty() && record.message.verified);
    let record = composed(&send(r#"{"a":1,"a":2}"#), Seal::Plain).unwrap();
    assert!(!record.message.verified && record.request.metadata.is_none());
    assert!(
        unsigned_warning(&record)
            .unwrap()
            .contains("cannot be signed")
    );
}

#[test]
fn limits_hold_for_what_is_asked_and_for_what_is_posted() {
    let nothing = composed(&Send::default(), Seal::Sealed).unwrap_err();
    assert!(
        nothing.to_string().starts_with("body: must be given"),
        "{nothing}"
    );
    let large = format!("\"{}\"", "x".repeat(900 << 10));
    let error = composed(&send(&large), Seal::Sealed).unwrap_err();
    assert!(
        matches!(error, ComposeError::SealedTooLarge { .. }),
        "{error}"
    );
    assert!(composed(&send(&large), Seal::Plain).is_ok());
    let fourteen = (0..14).map(|number| (format!("k{number}"), String::new()));
    let crowded = Send {
        metadata: fourteen.collect(),
        ..send("1")
    };
    assert!(composed(&crowded, Seal::Sealed).is_ok());
    let error = composed(&crowded, Seal::Plain).unwrap_err();
    assert!(error.to_string().contains("at most 16 entries"), "{error}");
}

#[test]
fn nobody_can_pass_off_signing_entries_of_their_own() {
    let mut asked = send("1");
    asked
        .metadata
        .insert(plain::METADATA_SIGNATURE.to_owned(), "forged".to_owned());
    let record = composed(&asked, Seal::Plain).unwrap();
    assert_ne!(
        record.request.metadata.unwrap()[plain::METADATA_SIGNATURE],
        "forged"
    );
}
