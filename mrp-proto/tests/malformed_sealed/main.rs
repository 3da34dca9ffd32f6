//! Sealed bodies, envelopes and blobs that are refused, and with which error: rows of (what is wrong, input,
//! error). Each row differs in one thing from what is accepted at the end of its test.

mod blobs;

use curve25519_dalek::constants::EIGHT_TORSION;
use mrp_proto::base64url::{self, DecodeError};
use mrp_proto::blob::BlobKey;
use mrp_proto::envelope::{
    self, CopyId, ENVELOPE_CONTENT_TYPE, OpenError, Outer, Sealed, SealedError,
};
use mrp_proto::json::StructureError;
use mrp_proto::key::SecretKey;
use rand_core::{Infallible, TryCryptoRng, TryRng};
use serde_json::{Value, json};

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

/// The same "random" byte for ever: the tests need no secrets.
struct Repeat(u8);

impl TryRng for Repeat {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes([self.0; 4]))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes([self.0; 8]))
    }

    fn try_fill_bytes(&mut self, target: &mut [u8]) -> Result<(), Infallible> {
        target.fill(self.0);
        Ok(())
    }
}

impl TryCryptoRng for Repeat {}

fn sealed(plaintext: &str, content_type: &str) -> Sealed {
    envelope::seal(
        &sender(),
        &recipient().public(),
        plaintext.as_bytes(),
        content_type,
        &mut Repeat(5),
    )
}

#[test]
fn bodies_that_are_not_sealed_ones() {
    let enc = "nL3GbiuBLF1jEZFOx_yZU5CcViSJIWZ_WWbvA_skDyU";
    let good = json!({ "v": 2, "enc": enc, "ct": "AAAAAAAAAAAAAAAAAAAAAA", "ct_content_type": "text/plain" });
    let with = |member: &str, value: Value| {
        let mut body = good.clone();
        body[member] = value;
        body.to_string()
    };
    let without = |member: &str| {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(member);
        body.to_string()
    };
    let version = |actual: &str| SealedError::Version {
        actual: actual.to_owned(),
    };
    let missing = |field| SealedError::Missing { field };
    let encoding = |field, source| SealedError::Encoding { field, source };
    let length = |actual| DecodeError::Length {
        expected: 43,
        actual,
    };
    for (wrong, body, error) in [
        ("not JSON", "sealed".to_owned(), SealedError::NotAnObject),
        (
            "a list",
            format!(r#"[2,"{enc}","AAAA","t"]"#),
            SealedError::NotAnObject,
        ),
        ("a text", r#""sealed""#.to_owned(), SealedError::NotAnObject),
        ("no version", without("v"), version("none")),
        ("version 1", with("v", json!(1)), version("1")),
        ("version 3", with("v", json!(3)), version("3")),
        ("version as text", with("v", json!("2")), version("\"2\"")),
        (
            "version without end",
            with("v", json!("9".repeat(10_000))),
            version(&format!("\"{}", "9".repeat(63))),
        ),
        ("version as fraction", with("v", json!(2.5)), version("2.5")),
        ("no enc", without("enc"), missing("enc")),
        ("enc null", with("enc", Value::Null), missing("enc")),
        ("enc a number", with("enc", json!(7)), missing("enc")),
        (
            "enc short",
            with("enc", json!(&enc[..42])),
            encoding("enc", length(42)),
        ),
        (
            "enc padded",
            with("enc", json!(format!("{enc}="))),
            encoding("enc", length(44)),
        ),
        (
            "enc with spare bits",
            with("enc", json!(format!("{}V", &enc[..42]))),
            encoding("enc", DecodeError::Malformed),
        ),
        ("no ct", without("ct"), missing("ct")),
        (
            "ct empty",
            with("ct", json!("")),
            SealedError::TooShort { actual: 0 },
        ),
        (
            "ct shorter than its tag",
            with("ct", json!("AAAAAAAAAAAAAAAAAAAA")),
            SealedError::TooShort { actual: 15 },
        ),
        (
            "ct padded",
            with("ct", json!("AAAAAAAAAAAAAAAAAAAAAA==")),
            encoding("ct", DecodeError::Malformed),
        ),
        (
            "ct in the other alphabet",
            with("ct", json!("++++++++++++++++++++++")),
            encoding("ct", DecodeError::Malformed),
        ),
        (
            "no type",
            without("ct_content_type"),
            missing("ct_content_type"),
        ),
        (
            "type a list",
            with("ct_content_type", json!([])),
            missing("ct_content_type"),
        ),
    ] {
        assert_eq!(Sealed::parse(&body), Err(error.clone()), "{wrong}");
        let by_serde = serde_json::from_str::<Sealed>(&body).map_err(|error| error.to_string());
        assert!(
            wrong == "not JSON" || by_serde == Err(error.to_string()),
            "{wrong}: {by_serde:?}"
        );
    }
    assert!(Sealed::parse(&good.to_string()).is_ok());
    assert!(Sealed::parse(&with("unknown", json!(1))).is_ok());
}

#[test]
fn seals_that_do_not_open() {
    let good = sealed(r#"{"text":"hi"}"#, "application/json");
    let altered = |alter: fn(&mut [u8; 32], &mut Vec<u8>)| {
        let (mut enc, mut ct) = (*good.encapsulated(), good.ciphertext().to_vec());
        alter(&mut enc, &mut ct);
        let (enc, ct) = (base64url::encode(&enc), base64url::encode(&ct));
        let body = json!({ "v": 2, "enc": enc, "ct": ct, "ct_content_type": "application/json" });
        Sealed::parse(&body.to_string()).unwrap()
    };
    let elsewhere = envelope::wrap_key(
        &sender(),
        &recipient().public(),
        &BlobKey::from_bytes(&[4; 32]),
        &mut Repeat(5),
    );
    let of_other_purpose =
        json!({ "v": 2, "enc": elsewhere.dek_enc, "ct": elsewhere.dek_ct, "ct_content_type": "t" });
    let of_other_purpose = Sealed::parse(&of_other_purpose.to_string()).unwrap();
    for (wrong, by, with, sealed) in [
        (
            "first bit of the ciphertext",
            sender(),
            recipient(),
            altered(|_, ct| ct[0] ^= 1),
        ),
        (
            "last bit of the tag",
            sender(),
            recipient(),
            altered(|_, ct| *ct.last_mut().unwrap() ^= 0x80),
        ),
        (
            "cut off",
            sender(),
            recipient(),
            altered(|_, ct| ct.truncate(16)),
        ),
        (
            "one byte more",
            sender(),
            recipient(),
            altered(|_, ct| ct.push(0)),
        ),
        (
            "bit of the encapsulated key",
            sender(),
            recipient(),
            altered(|enc, _| enc[0] ^= 1),
        ),
        (
            "its high bit, which the curve ignores",
            sender(),
            recipient(),
            altered(|enc, _| enc[31] ^= 0x80),
        ),
        ("other sender", stranger(), recipient(), good.clone()),
        ("other recipient", sender(), stranger(), good.clone()),
        (
            "sender and recipient swapped",
            recipient(),
            sender(),
            good.clone(),
        ),
        (
            "sealed for another purpose",
            sender(),
            recipient(),
            of_other_purpose,
        ),
    ] {
        let opened = envelope::open(&with, &by.public(), &sealed);
        assert_eq!(opened, Err(OpenError::Unauthentic), "{wrong}");
    }
    let opened = envelope::open(&recipient(), &sender().public(), &good).unwrap();
    assert_eq!(opened.plaintext, br#"{"text":"hi"}"#);
}

#[test]
fn encapsulated_keys_of_small_order() {
    let mut tried: Vec<[u8; 32]> = EIGHT_TORSION
        .iter()
        .map(|point| point.to_montgomery().to_bytes())
        .collect();
    // Second spellings of 0 and 1: p and p + 1.
    for low in [0xed, 0xee] {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (low, 0x7f);
        tried.push(bytes);
    }
    for enc in tried {
        let body = json!({ "v": 2, "enc": base64url::encode(&enc), "ct": "AAAAAAAAAAAAAAAAAAAAAA", "ct_content_type": "t" });
        let sealed = Sealed::parse(&body.to_string()).unwrap();
        let opened = envelope::open(&recipient(), &sender().public(), &sealed);
        assert_eq!(opened, Err(OpenError::SmallOrder), "{enc:x?}");
    }
}

#[test]
fn envelopes_that_are_refused() {
    let own = recipient().public().to_string();
    let good = json!({
        "id": ID, "to": own, "sent_at": SENT_AT, "thread_id": "t", "in_reply_to": "r", "content_type": "application/json",
        "body": { "text": "hi" },
    });
    let with = |member: &str, value: Value| {
        let mut plaintext = good.clone();
        plaintext[member] = value;
        plaintext.to_string()
    };
    let without = |member: &str| {
        let mut plaintext = good.clone();
        plaintext.as_object_mut().unwrap().remove(member);
        plaintext.to_string()
    };
    let unreadable = |reason: &str| OpenError::MalformedEnvelope {
        reason: reason.to_owned(),
    };
    let moved = |field, sealed: Option<&str>, outer: Option<&str>| OpenError::ThreadMoved {
        field,
        sealed: sealed.map(str::to_owned),
        outer: outer.map(str::to_owned),
    };
    let here = Outer {
        thread_id: Some("t"),
        in_reply_to: Some("r"),
    };
    let elsewhere = Outer {
        thread_id: Some("u"),
        ..here
    };
    let nowhere = Outer::default();
    let to = stranger().public();
    let deep = with(
        "body",
        serde_json::from_str(&("[".repeat(65) + &"]".repeat(65))).unwrap(),
    );
    for (wrong, plaintext, outer, error) in [
        (
            "for another key",
            with("to", json!(to)),
            here,
            OpenError::WrongRecipient { to },
        ),
        (
            "moved to another thread",
            good.to_string(),
            elsewhere,
            moved("thread_id", Some("t"), Some("u")),
        ),
        (
            "taken out of its thread",
            good.to_string(),
            nowhere,
            moved("thread_id", Some("t"), None),
        ),
        (
            "put into a thread",
            without("thread_id"),
            here,
            moved("thread_id", None, Some("t")),
        ),
        (
            "made an answer",
            without("in_reply_to"),
            here,
            moved("in_reply_to", None, Some("r")),
        ),
        (
            "made an answer to another",
            with("in_reply_to", json!("q")),
            here,
            moved("in_reply_to", Some("q"), Some("r")),
        ),
        ("no id", without("id"), here, unreadable("no valid id")),
        (
            "id no ULID",
            with("id", json!("7")),
            here,
            unreadable("no valid id"),
        ),
        (
            "no recipient",
            without("to"),
            here,
            unreadable("no valid to"),
        ),
        (
            "recipient no key",
            with("to", json!("me")),
            here,
            unreadable("no valid to"),
        ),
        (
            "no time",
            without("sent_at"),
            here,
            unreadable("no valid sent_at"),
        ),
        (
            "time no time",
            with("sent_at", json!("noon")),
            here,
            unreadable("no valid sent_at"),
        ),
        (
            "no type",
            without("content_type"),
            here,
            unreadable("no content_type"),
        ),
        (
            "not JSON",
            "{".to_owned(),
            here,
            unreadable("EOF while parsing an object at line 1 column 1"),
        ),
        (
            "a list",
            format!("[{good}]"),
            here,
            unreadable("expected a JSON object"),
        ),
        (
            "empty",
            String::new(),
            here,
            unreadable("expected a JSON object"),
        ),
        (
            "neither ours nor theirs",
            r#"{"text":"hi"}"#.to_owned(),
            here,
            unreadable("neither body nor content_type"),
        ),
        (
            "body too deep",
            deep,
            here,
            OpenError::Structure(StructureError::TooDeep {
                limit: 64,
                actual: 65,
            }),
        ),
    ] {
        let sealed = sealed(&plaintext, ENVELOPE_CONTENT_TYPE);
        let opened = envelope::open_message(&recipient(), &sender().public(), outer, &sealed);
        assert_eq!(opened.err(), Some(error), "{wrong}");
    }
    let opening = |plaintext: &Value| {
        let sealed = sealed(&plaintext.to_string(), ENVELOPE_CONTENT_TYPE);
        envelope::open_message(&recipient(), &sender().public(), here, &sealed)
    };
    let opened = opening(&good).unwrap();
    assert_eq!(opened.copy_id, CopyId::Envelope(ID.parse().unwrap()));
    assert_eq!(opened.envelope.body.unwrap().get(), r#"{"text":"hi"}"#);
    // An empty list is one: a relay's attachments do not take its place.
    assert_eq!(opened.envelope.attachments, Some(Vec::new()));
    // However much the sender seals, an error stays fit for a log.
    let long = "x".repeat(100_000);
    for member in ["thread_id", "attachments", "content_type", "to"] {
        let mut spoiled = good.clone();
        spoiled[member] = json!(long);
        spoiled["id"] = if member == "thread_id" {
            json!(ID)
        } else {
            json!(1)
        };
        let error = opening(&spoiled).unwrap_err().to_string();
        assert!(error.len() < 600, "{member}: {} bytes", error.len());
    }
}

#[test]
fn only_without_an_envelope_do_the_attachments_outside_count() {
    let foreign = json!({"body": 1, "content_type": "application/json"}).to_string();
    for (plaintext, label, attachments) in [
        (&*foreign, ENVELOPE_CONTENT_TYPE, Some(Vec::new())),
        (&*foreign, "application/json", None),
        ("1", "application/json", None),
        ("hi", "text/plain", None),
    ] {
        let sealed = sealed(plaintext, label);
        let outer = Outer::default();
        let opened = envelope::open_message(&recipient(), &sender().public(), outer, &sealed);
        assert_eq!(opened.unwrap().envelope.attachments, attachments, "{label}");
    }
}

#[test]
fn a_relabelled_envelope_is_still_held_to_what_it_binds() {
    let good = json!({
        "id": ID, "to": recipient().public(), "sent_at": SENT_AT, "thread_id": "t", "content_type": "application/json", "body": 1,
    });
    for label in [
        "application/json",
        "text/plain",
        "",
        "application/octet-stream",
    ] {
        let sealed = sealed(&good.to_string(), label);
        let moved = Outer {
            thread_id: Some("u"),
            in_reply_to: None,
        };
        let opened = envelope::open_message(&recipient(), &sender().public(), moved, &sealed);
        assert!(
            matches!(
                opened,
                Err(OpenError::ThreadMoved {
                    field: "thread_id",
                    ..
                })
            ),
            "{label}"
        );
        let unmoved = Outer {
            thread_id: Some("t"),
            in_reply_to: None,
        };
        let opened =
            envelope::open_message(&recipient(), &sender().public(), unmoved, &sealed).unwrap();
        assert_eq!(
            opened.copy_id,
            CopyId::Envelope(ID.parse().unwrap()),
            "{label}"
        );
        assert_eq!(opened.envelope.content_type, "application/json", "{label}");
    }
}
