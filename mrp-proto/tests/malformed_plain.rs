//! Signatures of messages in clear that do not hold, and why: rows of (what is wrong, how to spoil it, error).

#![expect(
    clippy::unwrap_used,
    reason = "a test that fails here fails as it should"
)]

use mrp_proto::base64url::DecodeError;
use mrp_proto::envelope::Outgoing;
use mrp_proto::id::EnvelopeId;
use mrp_proto::json::NotIJson;
use mrp_proto::key::SecretKey;
use mrp_proto::message::{Attachment, Metadata};
use mrp_proto::plain::{self, BadPlain, Received, Verdict};
use mrp_proto::time::Timestamp;
use serde_json::json;
use serde_json::value::RawValue;

const ID: &str = "01KJVX2F00ZZZZZZZZZZZZZZZZ";
const SENT_AT: &str = "2026-03-05T12:00:00.123Z";

fn sender() -> SecretKey {
    SecretKey::from_seed(&[1; 32])
}

fn recipient() -> SecretKey {
    SecretKey::from_seed(&[2; 32])
}

fn stranger() -> SecretKey {
    SecretKey::from_seed(&[3; 32])
}

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

/// A message in clear as it arrives, to be spoiled in one place.
struct InClear {
    sender: SecretKey,
    recipient: SecretKey,
    content_type: String,
    body: Option<Box<RawValue>>,
    attachments: Vec<Attachment>,
    thread_id: Option<String>,
    in_reply_to: Option<String>,
    metadata: Metadata,
}

impl InClear {
    fn signed() -> Self {
        let attachments =
            vec![serde_json::from_value(json!({ "blob_id": "blob_a1b2c3d4e5f6" })).unwrap()];
        let mut message = Self {
            sender: sender(),
            recipient: recipient(),
            content_type: "application/json".to_owned(),
            body: Some(raw(r#"{"n": 1.0, "text": "hi"}"#)),
            attachments,
            thread_id: Some("t".to_owned()),
            in_reply_to: None,
            metadata: Metadata::from([("subject".to_owned(), "s".to_owned())]),
        };
        let id: EnvelopeId = ID.parse().unwrap();
        let outgoing = Outgoing {
            id: &id,
            body: message.body.as_deref(),
            content_type: &message.content_type,
            attachments: &message.attachments,
            thread_id: message.thread_id.as_deref(),
            in_reply_to: None,
            sent_at: SENT_AT.parse().unwrap(),
        };
        let entries = plain::sign(&sender(), &recipient().public(), &outgoing).unwrap();
        message
            .metadata
            .extend(entries.map(|(name, value)| (name.to_owned(), value)));
        message
    }

    fn verdict(&self) -> Verdict {
        let received = Received {
            content_type: &self.content_type,
            body: self.body.as_deref(),
            attachments: &self.attachments,
            thread_id: self.thread_id.as_deref(),
            in_reply_to: self.in_reply_to.as_deref(),
            metadata: &self.metadata,
        };
        plain::verify(&self.sender.public(), &self.recipient.public(), &received)
    }

    fn set(&mut self, name: &str, value: &str) {
        self.metadata.insert(name.to_owned(), value.to_owned());
    }
}

#[test]
fn messages_in_clear_whose_signature_does_not_hold() {
    type Spoil = fn(&mut InClear);
    let repeated = NotIJson::RepeatedKey {
        key: "a".to_owned(),
    };
    let rows: [(&str, Spoil, BadPlain); 17] = [
        (
            "other sender",
            |m| m.sender = stranger(),
            BadPlain::Signature,
        ),
        (
            "other recipient",
            |m| m.recipient = stranger(),
            BadPlain::Signature,
        ),
        (
            "other body",
            |m| m.body = Some(raw(r#"{"n":1,"text":"ho"}"#)),
            BadPlain::Signature,
        ),
        ("no body", |m| m.body = None, BadPlain::Signature),
        (
            "other type",
            |m| m.content_type.push('x'),
            BadPlain::Signature,
        ),
        (
            "other thread",
            |m| m.thread_id = Some("u".to_owned()),
            BadPlain::Signature,
        ),
        ("no thread", |m| m.thread_id = None, BadPlain::Signature),
        (
            "made an answer",
            |m| m.in_reply_to = Some("r".to_owned()),
            BadPlain::Signature,
        ),
        (
            "attachment gone",
            |m| m.attachments.clear(),
            BadPlain::Signature,
        ),
        (
            "other attachment",
            |m| m.attachments[0].blob_id.push('0'),
            BadPlain::Signature,
        ),
        (
            "other id",
            |m| m.set("mrp-id", "01KJVX2F00ZZZZZZZZZZZZZZZY"),
            BadPlain::Signature,
        ),
        (
            "same time, other text",
            |m| m.set("mrp-sent-at", "2026-03-05T12:00:00.1230Z"),
            BadPlain::Signature,
        ),
        (
            "no id",
            |m| _ = m.metadata.remove("mrp-id"),
            BadPlain::Missing { name: "mrp-id" },
        ),
        (
            "no time",
            |m| _ = m.metadata.remove("mrp-sent-at"),
            BadPlain::Missing {
                name: "mrp-sent-at",
            },
        ),
        ("id no ULID", |m| m.set("mrp-id", "1"), BadPlain::Id),
        (
            "time no time",
            |m| m.set("mrp-sent-at", "noon"),
            BadPlain::SentAt,
        ),
        (
            "body not I-JSON",
            |m| m.body = Some(raw(r#"{"a":1,"a":1}"#)),
            BadPlain::NotIJson(repeated),
        ),
    ];
    for (wrong, spoil, error) in rows {
        let mut message = InClear::signed();
        spoil(&mut message);
        assert_eq!(message.verdict(), Verdict::Bad(error), "{wrong}");
    }
    let mut padded = InClear::signed();
    let signature = padded.metadata["mrp-sig"].clone();
    padded.set("mrp-sig", &format!("{signature}=="));
    let wrong_length = DecodeError::Length {
        expected: 86,
        actual: 88,
    };
    assert_eq!(
        padded.verdict(),
        Verdict::Bad(BadPlain::Encoding(wrong_length))
    );
}

#[test]
fn messages_in_clear_that_may_change_in_what_is_not_covered() {
    let sent_at: Timestamp = SENT_AT.parse().unwrap();
    let verified = Verdict::Verified {
        id: ID.parse().unwrap(),
        sent_at,
    };
    let mut message = InClear::signed();
    assert_eq!(message.verdict(), verified);
    // The relay fills in attachments, and JSON may be spelled in other ways.
    message.attachments[0].size = Some(3);
    message.set("subject", "other");
    message.body = Some(raw(r#"{"text":"\u0068i","n":1}"#));
    assert_eq!(message.verdict(), verified);
    message.metadata.remove("mrp-sig");
    assert_eq!(message.verdict(), Verdict::Unsigned);
}

#[test]
fn a_body_without_canonical_form_is_not_signed() {
    let id: EnvelopeId = ID.parse().unwrap();
    let body = raw("[9007199254740993]");
    let message = Outgoing {
        id: &id,
        body: Some(&body),
        content_type: "application/json",
        attachments: &[],
        thread_id: None,
        in_reply_to: None,
        sent_at: SENT_AT.parse().unwrap(),
    };
    let signed = plain::sign(&sender(), &recipient().public(), &message);
    let literal = "9007199254740993".to_owned();
    assert_eq!(signed, Err(NotIJson::InexactNumber { literal }));
}
