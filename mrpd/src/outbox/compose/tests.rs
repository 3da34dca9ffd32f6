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
    composed_with(send, seal, &[])
}

fn composed_with(send: &Send, seal: Seal, files: &[Chosen]) -> Result<OutboxRecord, ComposeError> {
    let agent = testing::agent("me", 1);
    compose(Parts {
        agent: &agent,
        link: &agent.links[0],
        recipient: recipient().public(),
        send,
        seal,
        files,
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

fn chosen() -> Chosen {
    let encode = |byte| mrp_proto::base64url::encode(&[byte; 32]);
    Chosen {
        file: Some(FileRecord {
            id: "file_1".to_owned(),
            filename: Some("secret.txt".to_owned()),
            content_type: None,
            size: 10,
            plain_digest: encode(1),
            sealed_digest: encode(2),
            key: encode(3),
            created_at: Timestamp::EPOCH,
            used_at: Timestamp::EPOCH,
        }),
        blob_id: String::new(),
        filename: Some("secret.txt".to_owned()),
        content_type: None,
    }
}

fn opened(request: &SendRequest) -> Vec<Attachment> {
    let sealed = Sealed::parse(request.body.as_ref().unwrap().get()).unwrap();
    let outer = Outer {
        thread_id: Some("t"),
        in_reply_to: None,
    };
    let sender = SecretKey::from_seed(&[1; 32]).public();
    let opened = open_message(&recipient(), &sender, outer, &sealed).unwrap();
    opened.envelope.attachments.unwrap()
}

#[test]
fn of_a_sealed_file_the_relay_sees_only_which_blob_it_is() {
    let files = [chosen()];
    let record = composed_with(&send("1"), Seal::Sealed, &files).unwrap();
    let posted = serde_json::to_string(&record.request.attachments).unwrap();
    let blob_id = format!("blob_{}", "02".repeat(32));
    assert_eq!(posted, format!(r#"[{{"blob_id":"{blob_id}"}}]"#));
    let attachment = opened(&record.request).remove(0);
    assert_eq!(attachment.blob_id, blob_id);
    assert_eq!(attachment.filename.as_deref(), Some("secret.txt"));
    assert_eq!(
        (attachment.size, attachment.encrypted),
        (Some(10), Some(true))
    );
    let wrapped = mrp_proto::envelope::WrappedKey {
        dek_enc: attachment.dek_enc.unwrap(),
        dek_ct: attachment.dek_ct.unwrap(),
    };
    let sender = SecretKey::from_seed(&[1; 32]).public();
    let key = mrp_proto::envelope::unwrap_key(&recipient(), &sender, &wrapped).unwrap();
    assert_eq!(key.as_bytes(), &[3; 32]);
    let record = composed_with(&send("1"), Seal::Plain, &files).unwrap();
    let plain = &record.request.attachments.unwrap()[0];
    assert_eq!(plain.blob_id, format!("blob_{}", "01".repeat(32)));
    assert_eq!((plain.dek_enc.as_ref(), plain.size), (None, None));
}

#[test]
fn with_other_names_of_its_files_it_is_the_same_message() {
    let agent = testing::agent("me", 1);
    let files = [chosen()];
    let known = [files[0].file.clone()];
    for seal in [Seal::Sealed, Seal::Plain] {
        let mut record = composed_with(&send("1"), seal, &files).unwrap();
        record.files[0].blob_id = "blob_0123456789ab".to_owned();
        let again = recompose(&agent, &record, &record.files, &known).unwrap();
        let outer = again.attachments.as_ref().unwrap();
        assert_eq!(outer[0].blob_id, "blob_0123456789ab");
        assert_eq!(again.expires_in, record.request.expires_in);
        if seal == Seal::Sealed {
            assert_eq!(opened(&again)[0].blob_id, "blob_0123456789ab");
            continue;
        }
        let received = Received {
            content_type: DEFAULT_CONTENT_TYPE,
            body: again.body.as_deref(),
            attachments: outer,
            thread_id: Some("t"),
            in_reply_to: None,
            metadata: again.metadata.as_ref().unwrap(),
        };
        let sender = SecretKey::from_seed(&[1; 32]).public();
        let verdict = plain::verify(&sender, &recipient().public(), &received);
        let Verdict::Verified { id, .. } = verdict else {
            panic!("{verdict:?}");
        };
        assert_eq!(record.id, format!("out_{id}"));
    }
}
