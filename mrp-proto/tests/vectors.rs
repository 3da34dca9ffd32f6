//! Known answers from other implementations, in both directions.
//!
//! - `sdk-0.3.1.json`: made with the published Python client.
//! - `hpke-auth-fixed-ephemeral.json`: made with pyhpke from fixed ephemeral keys, so that sealing is checked byte for byte too.
//! - `plain-signatures.json`: canonical text written by hand, signed with PyNaCl.

#![expect(
    clippy::unwrap_used,
    reason = "a test that fails here fails as it should"
)]

use mrp_proto::base64url;
use mrp_proto::blob::{self, BlobKey};
use mrp_proto::envelope::{self, Outer, Sealed, WrappedKey};
use mrp_proto::key::{PublicKey, SecretKey, Signature};
use mrp_proto::message::{Attachment, Metadata};
use mrp_proto::plain::{self, Received, Verdict};
use mrp_proto::sign::{self, BodyHash, Unverified};
use mrp_proto::time::Timestamp;
use rand_core::{Infallible, TryCryptoRng, TryRng};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::time::Duration;

#[derive(Deserialize)]
struct SdkVectors {
    sender: Identity,
    recipient: Identity,
    request_signatures: Vec<RequestSignature>,
    ws_signature: WebSocketSignature,
    hpke_messages: Vec<HpkeMessage>,
    blob: Blob,
}

#[derive(Deserialize)]
struct Identity {
    seed_hex: String,
    public_key: String,
    x25519_private_hex: String,
    x25519_public_hex: String,
}

#[derive(Deserialize)]
struct RequestSignature {
    seed_hex: String,
    method: String,
    path: String,
    timestamp: String,
    body: String,
    canonical: String,
    signature: String,
}

#[derive(Deserialize)]
struct WebSocketSignature {
    seed_hex: String,
    timestamp: String,
    canonical: String,
    signature: String,
}

#[derive(Deserialize)]
struct HpkeMessage {
    name: String,
    plaintext_hex: String,
    content_type: String,
    body: Box<RawValue>,
}

#[derive(Deserialize)]
struct Blob {
    dek_hex: String,
    wrapped: Wrapped,
    wrapped_ct_len: usize,
    plaintext: String,
    encrypted_b64url: String,
    plaintext_hash: String,
}

#[derive(Deserialize)]
struct Wrapped {
    enc: String,
    ct: String,
}

fn sdk() -> SdkVectors {
    serde_json::from_str(include_str!("vectors/sdk-0.3.1.json")).unwrap()
}

#[test]
fn keys_and_their_x25519_forms() {
    let vectors = sdk();
    for identity in [&vectors.sender, &vectors.recipient] {
        let secret = secret(&identity.seed_hex);
        assert_eq!(secret.public().to_string(), identity.public_key);
        assert_eq!(secret.public(), identity.public_key.parse().unwrap());
        assert_eq!(
            hex(secret.to_x25519().as_ref()),
            identity.x25519_private_hex
        );
        assert_eq!(
            hex(&secret.public().to_x25519()),
            identity.x25519_public_hex
        );
        assert_eq!(hex(secret.seed().as_ref()), identity.seed_hex);
        assert_eq!(
            SecretKey::from_file_content(&bytes(&identity.seed_hex))
                .unwrap()
                .public(),
            secret.public()
        );
    }
}

#[test]
fn request_signatures_are_made_and_accepted() {
    for vector in sdk().request_signatures {
        let secret = secret(&vector.seed_hex);
        let canonical = sign::request_bytes(
            &vector.method,
            &vector.path,
            &vector.timestamp,
            BodyHash::of(vector.body.as_bytes()),
        );
        assert_eq!(String::from_utf8_lossy(&canonical), vector.canonical);
        assert_eq!(secret.sign(&canonical).to_string(), vector.signature);
        assert_claim_holds(
            &secret.public(),
            &vector.timestamp,
            &vector.signature,
            &canonical,
        );
    }
}

#[test]
fn websocket_signatures_are_made_and_accepted() {
    let vector = sdk().ws_signature;
    let secret = secret(&vector.seed_hex);
    let canonical = sign::websocket_bytes(&vector.timestamp);
    assert_eq!(String::from_utf8_lossy(&canonical), vector.canonical);
    assert_eq!(secret.sign(&canonical).to_string(), vector.signature);
    assert_claim_holds(
        &secret.public(),
        &vector.timestamp,
        &vector.signature,
        &canonical,
    );
}

#[test]
fn sealed_messages_open_and_ours_open_again() {
    let vectors = sdk();
    let (sender, recipient) = parties(&vectors);
    for vector in &vectors.hpke_messages {
        let plaintext = bytes(&vector.plaintext_hex);
        let sealed = Sealed::parse(vector.body.get()).unwrap();
        let opened = envelope::open(&recipient, &sender.public(), &sealed).unwrap();
        assert_eq!(opened.plaintext, plaintext, "{}", vector.name);
        assert_eq!(opened.content_type, vector.content_type, "{}", vector.name);
        let written: serde_json::Value = serde_json::to_value(&sealed).unwrap();
        let given: serde_json::Value = serde_json::from_str(vector.body.get()).unwrap();
        assert_eq!(written, given, "{}", vector.name);

        let ours = envelope::seal(
            &sender,
            &recipient.public(),
            &plaintext,
            &vector.content_type,
            &mut Fixed::new(&[9; 32]),
        );
        let ours: Sealed = serde_json::from_str(&serde_json::to_string(&ours).unwrap()).unwrap();
        assert_eq!(
            envelope::open(&recipient, &sender.public(), &ours),
            Ok(opened),
            "{}",
            vector.name
        );
    }
}

#[test]
fn sealed_messages_of_the_published_client_read_as_it_reads_them() {
    let vectors = sdk();
    let (sender, recipient) = parties(&vectors);
    let read: Vec<_> = vectors
        .hpke_messages
        .iter()
        .map(|vector| {
            let sealed = Sealed::parse(vector.body.get()).unwrap();
            let outer = Outer {
                thread_id: Some("any"),
                in_reply_to: None,
            };
            let opened =
                envelope::open_message(&recipient, &sender.public(), outer, &sealed).unwrap();
            assert_eq!(
                opened.copy_id.to_string(),
                base64url::encode(sealed.encapsulated())
            );
            let body = opened.envelope.body.map(|body| body.get().to_owned());
            (
                vector.name.as_str(),
                body,
                opened.binary.map(|bytes| bytes.len()),
            )
        })
        .collect();
    assert_eq!(
        read,
        [
            ("basic_json", Some(r#"{"text":"hello"}"#.to_owned()), None),
            ("empty", None, None),
            ("binary", None, Some(256)),
            ("text", Some(r#""hi""#.to_owned()), None),
        ]
    );
}

#[test]
fn blobs_and_their_keys() {
    let vectors = sdk();
    let (sender, recipient) = parties(&vectors);
    let vector = &vectors.blob;
    let key = BlobKey::from_bytes(&bytes(&vector.dek_hex).try_into().unwrap());
    let wrapped = WrappedKey {
        dek_enc: vector.wrapped.enc.clone(),
        dek_ct: vector.wrapped.ct.clone(),
    };
    let unwrapped = envelope::unwrap_key(&recipient, &sender.public(), &wrapped).unwrap();
    assert_eq!(unwrapped.as_bytes(), key.as_bytes());
    let ours = envelope::wrap_key(
        &sender,
        &recipient.public(),
        &key,
        &mut Fixed::new(&[9; 32]),
    );
    assert_eq!(
        base64url::decode(&ours.dek_ct).unwrap().len(),
        vector.wrapped_ct_len
    );
    let unwrapped = envelope::unwrap_key(&recipient, &sender.public(), &ours).unwrap();
    assert_eq!(unwrapped.as_bytes(), key.as_bytes());

    let stored = base64url::decode(&vector.encrypted_b64url).unwrap();
    assert_eq!(
        blob::open(&key, &stored).unwrap(),
        vector.plaintext.as_bytes()
    );
    // With the nonce of the vector the sealing is the vector's, byte for byte.
    let resealed = blob::seal(
        &key,
        vector.plaintext.as_bytes(),
        &mut Fixed::new(&stored[..12]),
    );
    assert_eq!(resealed, stored);
    assert_eq!(
        blob::plaintext_hash(vector.plaintext.as_bytes()),
        vector.plaintext_hash
    );
}

#[derive(Deserialize)]
struct FixedEphemeral {
    sender_seed_hex: String,
    recipient_seed_hex: String,
    cases: Vec<FixedEphemeralCase>,
}

#[derive(Deserialize)]
struct FixedEphemeralCase {
    name: String,
    info: String,
    ephemeral_ikm_hex: String,
    plaintext_hex: String,
    enc: String,
    ct: String,
}

#[test]
fn sealing_agrees_with_another_implementation_byte_for_byte() {
    let vectors: FixedEphemeral =
        serde_json::from_str(include_str!("vectors/hpke-auth-fixed-ephemeral.json")).unwrap();
    let (sender, recipient) = (
        secret(&vectors.sender_seed_hex),
        secret(&vectors.recipient_seed_hex),
    );
    let mut infos = Vec::new();
    for case in vectors.cases {
        let plaintext = bytes(&case.plaintext_hex);
        let mut rng = Fixed::new(&bytes(&case.ephemeral_ikm_hex));
        if case.info == "mrp-v2-blob" {
            let key = BlobKey::from_bytes(&plaintext.try_into().unwrap());
            let wrapped = envelope::wrap_key(&sender, &recipient.public(), &key, &mut rng);
            assert_eq!(
                (wrapped.dek_enc, wrapped.dek_ct),
                (case.enc, case.ct),
                "{}",
                case.name
            );
        } else {
            let sealed = envelope::seal(&sender, &recipient.public(), &plaintext, "t", &mut rng);
            let written = serde_json::to_value(&sealed).unwrap();
            assert_eq!(written["enc"], case.enc, "{}", case.name);
            assert_eq!(written["ct"], case.ct, "{}", case.name);
        }
        infos.push(case.info);
    }
    assert_eq!(
        infos,
        ["mrp-v2-msg", "mrp-v2-msg", "mrp-v2-msg", "mrp-v2-blob"]
    );
}

#[derive(Deserialize)]
struct PlainSignatures {
    sender_seed_hex: String,
    recipient_seed_hex: String,
    cases: Vec<PlainSignature>,
}

#[derive(Deserialize)]
struct PlainSignature {
    name: String,
    body: Option<String>,
    content_type: String,
    attachments: Vec<String>,
    thread_id: Option<String>,
    in_reply_to: Option<String>,
    #[serde(rename = "mrp-id")]
    id: String,
    #[serde(rename = "mrp-sent-at")]
    sent_at: String,
    canonical: String,
    #[serde(rename = "mrp-sig")]
    signature: String,
}

#[test]
fn signatures_of_messages_in_clear_are_made_and_accepted() {
    let vectors: PlainSignatures =
        serde_json::from_str(include_str!("vectors/plain-signatures.json")).unwrap();
    let (sender, recipient) = (
        secret(&vectors.sender_seed_hex),
        secret(&vectors.recipient_seed_hex).public(),
    );
    for case in vectors.cases {
        // The file is consistent with itself: what is signed there is the text that is shown there.
        let signature: Signature = case.signature.parse().unwrap();
        sender
            .public()
            .verify(case.canonical.as_bytes(), &signature)
            .unwrap();

        let body = case
            .body
            .clone()
            .map(|body| RawValue::from_string(body).unwrap());
        let attachments: Vec<Attachment> = case.attachments.iter().map(attachment).collect();
        let id = case.id.parse().unwrap();
        let sent_at = case.sent_at.parse().unwrap();
        let message = envelope::Outgoing {
            id: &id,
            body: body.as_deref(),
            content_type: &case.content_type,
            attachments: &attachments,
            thread_id: case.thread_id.as_deref(),
            in_reply_to: case.in_reply_to.as_deref(),
            sent_at,
        };
        let entries = plain::sign(&sender, &recipient, &message).unwrap();
        let metadata: Metadata = entries.map(|(name, value)| (name.to_owned(), value)).into();
        assert_eq!(
            metadata[plain::METADATA_SIGNATURE],
            case.signature,
            "{}",
            case.name
        );
        let received = Received {
            content_type: &case.content_type,
            body: body.as_deref(),
            attachments: &attachments,
            thread_id: case.thread_id.as_deref(),
            in_reply_to: case.in_reply_to.as_deref(),
            metadata: &metadata,
        };
        assert_eq!(
            plain::verify(&sender.public(), &recipient, &received),
            Verdict::Verified { id, sent_at },
            "{}",
            case.name
        );
    }
}

fn attachment(blob_id: &String) -> Attachment {
    serde_json::from_value(serde_json::json!({ "blob_id": blob_id })).unwrap()
}

fn assert_claim_holds(key: &PublicKey, timestamp: &str, signature: &str, canonical: &[u8]) {
    let now: Timestamp = timestamp.parse().unwrap();
    let claim = Unverified::decode(
        &key.to_string(),
        timestamp,
        signature,
        now,
        Duration::from_secs(300),
    )
    .unwrap();
    let verified = claim.verify(&key.verifier(), [canonical]).unwrap();
    assert_eq!(verified.key, *key);
}

fn parties(vectors: &SdkVectors) -> (SecretKey, SecretKey) {
    (
        secret(&vectors.sender.seed_hex),
        secret(&vectors.recipient.seed_hex),
    )
}

fn secret(seed_hex: &str) -> SecretKey {
    SecretKey::from_seed(&bytes(seed_hex).try_into().unwrap())
}

fn bytes(hex: &str) -> Vec<u8> {
    assert!(hex.len().is_multiple_of(2));
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// "Random" bytes that are given, once each.
struct Fixed(Vec<u8>);

impl Fixed {
    fn new(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("only bytes are drawn")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("only bytes are drawn")
    }

    fn try_fill_bytes(&mut self, target: &mut [u8]) -> Result<(), Infallible> {
        target.copy_from_slice(&self.0.drain(..target.len()).collect::<Vec<_>>());
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}
