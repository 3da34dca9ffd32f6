use super::*;
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use mrp_proto::content::Kind;
use mrp_proto::envelope::{OpenError, Outgoing, SEALED_CONTENT_TYPE, seal, seal_message};
use mrp_proto::id::EnvelopeId;
use mrp_proto::key::SecretKey;
use mrp_proto::message::{Metadata, Status};
use serde_json::value::{RawValue, to_raw_value};

const NOW: i64 = 1_800_000_000_000;
const DAY: Duration = Duration::from_secs(24 * 3600);

fn now() -> Timestamp {
    Timestamp::from_unix_millis(NOW)
}

fn secret(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

/// The recipient of everything here has seed 2, the sender seed 1.
fn recipient() -> LocalAgent {
    crate::testing::agent("bob", 2)
}

fn message(content_type: &str, body: &str) -> Message {
    Message {
        message_id: "msg_1_a".parse().unwrap(),
        sender_key: secret(1).public(),
        recipient_key: secret(2).public(),
        content_type: content_type.to_owned(),
        body: Some(RawValue::from_string(body.to_owned()).unwrap()),
        attachments: Vec::new(),
        status: Status::Sent,
        thread_id: None,
        in_reply_to: None,
        metadata: Metadata::new(),
        created_at: now(),
        expires_at: now().after(7 * DAY),
        delivered_at: None,
    }
}

fn judged(message: Message) -> Result<Incoming, Refusal> {
    let url = "http://127.0.0.1:8080".parse().unwrap();
    let arrival = Arrival {
        relay: "home",
        url: &url,
        now: now(),
        dedup_window: 30 * DAY,
    };
    judge(&recipient(), arrival, message)
}

fn sealed(sent_at: Timestamp, to: &SecretKey) -> Message {
    let id = EnvelopeId::from_parts(now(), [7; 10]);
    let body = RawValue::from_string(r#"{"text":"hi"}"#.to_owned()).unwrap();
    let outgoing = Outgoing {
        id: &id,
        body: Some(&body),
        content_type: "application/json",
        attachments: &[],
        thread_id: None,
        in_reply_to: None,
        sent_at,
    };
    let sealed = seal_message(&secret(1), &to.public(), &outgoing, &mut UnwrapErr(SysRng));
    let text = to_raw_value(&sealed).unwrap();
    message(SEALED_CONTENT_TYPE, text.get())
}

fn marks(incoming: &Incoming) -> Vec<String> {
    let text = format!("{:?}", incoming.copies);
    text.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_sealed_message_is_opened_and_its_sender_proven() {
    let incoming = judged(sealed(now(), &secret(2))).unwrap();
    let shown = &incoming.message;
    assert_eq!(shown.body.as_ref().unwrap().get(), r#"{"text":"hi"}"#);
    assert_eq!(
        (shown.kind, shown.encrypted, shown.verified),
        (Kind::Text, true, true)
    );
    assert_eq!(shown.content_type, "application/json");
    let marks = marks(&incoming);
    assert!(
        marks[0].starts_with("r http://127.0.0.1:8080 "),
        "{marks:?}"
    );
    let id = EnvelopeId::from_parts(now(), [7; 10]).to_string();
    assert!(
        marks[1].starts_with("e ") && marks[1].ends_with(&id),
        "{marks:?}"
    );
}

#[test]
fn a_relay_adds_no_attachment_to_what_was_sealed_without() {
    let mut message = sealed(now(), &secret(2));
    message.attachments = serde_json::from_str(r#"[{"blob_id":"blob_0123456789ab"}]"#).unwrap();
    let incoming = judged(message).unwrap();
    assert!(incoming.message.verified);
    assert_eq!(incoming.message.attachments, []);
}

#[test]
fn a_copy_from_another_relay_has_the_same_second_mark() {
    let first = judged(sealed(now(), &secret(2))).unwrap();
    let mut again = sealed(now(), &secret(2));
    again.message_id = "msg_2_b".parse().unwrap();
    let second = judged(again).unwrap();
    assert_ne!(marks(&first)[0], marks(&second)[0]);
    assert_eq!(marks(&first)[1], marks(&second)[1]);
}

#[test]
fn what_the_published_sdk_seals_is_known_by_its_encapsulation() {
    let seal_as_sdk = || {
        let sealed = seal(
            &secret(1),
            &secret(2).public(),
            br#"{"a":1}"#,
            "application/json",
            &mut UnwrapErr(SysRng),
        );
        message(SEALED_CONTENT_TYPE, to_raw_value(&sealed).unwrap().get())
    };
    let one = seal_as_sdk();
    let incoming = judged(one.clone()).unwrap();
    assert_eq!(incoming.message.kind, Kind::Json);
    assert!(incoming.message.verified);
    assert_eq!(marks(&incoming), marks(&judged(one).unwrap()));
    assert_ne!(
        marks(&incoming)[1],
        marks(&judged(seal_as_sdk()).unwrap())[1]
    );
}

#[test]
fn what_cannot_be_opened_is_kept_and_marks_nothing_but_itself() {
    let mut forged = sealed(now(), &secret(2));
    forged.sender_key = secret(3).public();
    for unreadable in [forged, message(SEALED_CONTENT_TYPE, r#"{"v":1}"#)] {
        let incoming = judged(unreadable).unwrap();
        assert_eq!(incoming.message.kind, Kind::Undecryptable);
        assert_eq!(
            (incoming.message.encrypted, incoming.message.verified),
            (true, false)
        );
        assert_eq!(marks(&incoming).len(), 1);
    }
}

#[test]
fn what_was_moved_or_passed_on_is_refused() {
    let mut moved = sealed(now(), &secret(2));
    moved.thread_id = Some("other".to_owned());
    assert!(matches!(
        judged(moved),
        Err(Refusal::Moved(OpenError::ThreadMoved { .. }))
    ));
    let mut foreign = message("application/json", "1");
    foreign.recipient_key = secret(3).public();
    assert!(matches!(judged(foreign), Err(Refusal::NotOurs { .. })));
}

#[test]
fn what_is_older_than_the_memory_of_copies_is_refused() {
    let at = |days: u32| sealed(now().before(DAY * days), &secret(2));
    assert!(judged(at(45)).is_ok());
    assert!(matches!(judged(at(46)), Err(Refusal::TooOld { .. })));
}

#[test]
fn a_signature_in_clear_proves_the_sender_and_a_bad_one_is_refused() {
    let id = EnvelopeId::from_parts(now(), [7; 10]);
    let mut plain = message("application/json", r#"{"text":"hi"}"#);
    let outgoing = Outgoing {
        id: &id,
        body: plain.body.as_deref(),
        content_type: "application/json",
        attachments: &[],
        thread_id: None,
        in_reply_to: None,
        sent_at: now(),
    };
    let entries = plain::sign(&secret(1), &secret(2).public(), &outgoing).unwrap();
    plain.metadata.insert("colour".to_owned(), "red".to_owned());
    plain
        .metadata
        .extend(entries.map(|(name, value)| (name.to_owned(), value)));
    let incoming = judged(plain.clone()).unwrap();
    assert_eq!(
        (incoming.message.encrypted, incoming.message.verified),
        (false, true)
    );
    assert_eq!(marks(&incoming).len(), 2);
    let names: Vec<&String> = incoming.message.metadata.keys().collect();
    assert_eq!(names, ["colour"]);
    plain.body = Some(RawValue::from_string(r#"{"text":"ho"}"#.to_owned()).unwrap());
    assert!(matches!(judged(plain), Err(Refusal::BadSignature(_))));
}

#[test]
fn an_unsigned_message_is_shown_as_not_verified_and_its_id_means_nothing() {
    let mut plain = message("application/json", r#"{"text":"hi"}"#);
    plain.metadata.insert(
        plain::METADATA_ID.to_owned(),
        "01ARZ3NDEKTSV4RRFFQ69G5FAV".to_owned(),
    );
    let incoming = judged(plain).unwrap();
    assert!(!incoming.message.verified);
    assert_eq!(marks(&incoming).len(), 1);
}

#[test]
fn sealed_bytes_that_are_no_text_are_kept_as_base64url() {
    let sealed = seal(
        &secret(1),
        &secret(2).public(),
        &[0xff, 0xfe],
        "image/png",
        &mut UnwrapErr(SysRng),
    );
    let incoming = judged(message(
        SEALED_CONTENT_TYPE,
        to_raw_value(&sealed).unwrap().get(),
    ));
    let shown = incoming.unwrap().message;
    assert_eq!(shown.kind, Kind::Binary);
    assert_eq!(shown.body.unwrap().get(), "\"__4\"");
    assert_eq!(shown.content_type, "image/png");
}
