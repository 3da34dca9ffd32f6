//! What holds for every input.

#![expect(
    clippy::unwrap_used,
    reason = "a test that fails here fails as it should"
)]

use mrp_proto::envelope::{self, CopyId, Outer, Outgoing, Sealed};
use mrp_proto::frame::{ClientFrame, ServerFrame};
use mrp_proto::id::EnvelopeId;
use mrp_proto::json::{self, NotIJson};
use mrp_proto::key::{PublicKey, SecretKey, Signature};
use mrp_proto::time::Timestamp;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rand_core::{Infallible, TryCryptoRng, TryRng};
use serde_json::Value;
use serde_json::value::RawValue;

/// The same inputs in every run.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 200,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_sealed_opens_for_its_recipient_alone(
        seeds in any::<[[u8; 32]; 3]>(),
        ephemeral in any::<[u8; 32]>(),
        plaintext in vec(any::<u8>(), 0..300),
        content_type in ".{0,40}",
    ) {
        prop_assume!(seeds[0] != seeds[1] && seeds[1] != seeds[2] && seeds[0] != seeds[2]);
        let [sender, recipient, stranger] = seeds.map(|seed| SecretKey::from_seed(&seed));
        let sealed = envelope::seal(&sender, &recipient.public(), &plaintext, &content_type, &mut Drawn(ephemeral));
        let sealed = Sealed::parse(&serde_json::to_string(&sealed).unwrap()).unwrap();
        let opened = envelope::open(&recipient, &sender.public(), &sealed).unwrap();
        prop_assert_eq!(opened.plaintext, plaintext);
        prop_assert_eq!(opened.content_type, content_type);
        prop_assert!(envelope::open(&stranger, &sender.public(), &sealed).is_err());
        prop_assert!(envelope::open(&recipient, &stranger.public(), &sealed).is_err());
    }

    #[test]
    fn a_sealed_message_comes_out_as_it_went_in(
        ephemeral in any::<[u8; 32]>(),
        body in proptest::option::of(json_text()),
        thread in proptest::option::of(".{1,20}"),
        reply in proptest::option::of(".{1,20}"),
        at in 0_i64..4_000_000_000_000,
    ) {
        let (sender, recipient) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
        let sent_at = Timestamp::from_unix_millis(at);
        let id = EnvelopeId::from_parts(sent_at, [7; 10]);
        let body = body.map(|text| RawValue::from_string(text).unwrap());
        let message = Outgoing {
            id: &id,
            body: body.as_deref(),
            content_type: "application/json",
            attachments: &[],
            thread_id: thread.as_deref(),
            in_reply_to: reply.as_deref(),
            sent_at,
        };
        let sealed = envelope::seal_message(&sender, &recipient.public(), &message, &mut Drawn(ephemeral));
        let outer = Outer { thread_id: thread.as_deref(), in_reply_to: reply.as_deref() };
        let opened = envelope::open_message(&recipient, &sender.public(), outer, &sealed).unwrap();
        prop_assert_eq!(opened.copy_id, CopyId::Envelope(id));
        let read = opened.envelope;
        prop_assert_eq!(read.body.map(|body| body.get().to_owned()), body.map(|body| body.get().to_owned()));
        prop_assert_eq!((read.thread_id, read.in_reply_to), (thread, reply));
        prop_assert_eq!((read.to, read.sent_at), (Some(recipient.public()), Some(sent_at)));
    }

    #[test]
    fn the_canonical_form_is_its_own_and_hides_only_spelling(value in json_value()) {
        let compact = json::canonicalize(&value.to_string());
        let spread = json::canonicalize(&serde_json::to_string_pretty(&value).unwrap());
        prop_assert_eq!(&compact, &spread);
        match compact {
            Ok(canonical) => prop_assert_eq!(json::canonicalize(&canonical), Ok(canonical)),
            Err(error) => prop_assert_eq!(error, NotIJson::NotCharacters),
        }
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in "[\\[\\]{}\":,\\\\ue0-9.+-]{0,60}|.{0,60}") {
        let _ = json::check_structure(&text, 8, 8);
        let _ = json::canonicalize(&text);
        let _ = Sealed::parse(&text);
        let _ = ClientFrame::decode(&text);
        let _ = ServerFrame::decode(&text);
        let _ = text.parse::<PublicKey>();
        let _ = text.parse::<Signature>();
        if let Ok(time) = text.parse::<Timestamp>() {
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }
    }

    #[test]
    fn a_key_is_read_back_and_no_other_bytes_are(bytes in any::<[u8; 32]>()) {
        if let Ok(key) = PublicKey::from_bytes(bytes) {
            prop_assert_eq!(key.to_string().parse(), Ok(key));
            prop_assert_eq!(key.as_bytes(), &bytes);
        }
        let own = SecretKey::from_seed(&bytes).public();
        prop_assert_eq!(PublicKey::from_bytes(*own.as_bytes()), Ok(own));
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        proptest::num::f64::NORMAL.prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            btree_map(".{0,6}", inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// JSON with white space in it, which a body must keep.
fn json_text() -> impl Strategy<Value = String> {
    json_value().prop_map(|value| serde_json::to_string_pretty(&value).unwrap())
}

/// "Random" bytes that the test drew.
struct Drawn([u8; 32]);

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("only bytes are drawn")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("only bytes are drawn")
    }

    fn try_fill_bytes(&mut self, target: &mut [u8]) -> Result<(), Infallible> {
        target.copy_from_slice(&self.0);
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}
