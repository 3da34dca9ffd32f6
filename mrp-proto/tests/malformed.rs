//! Keys, signatures, times, ids and JSON that are refused, and with which error: rows of (what is wrong, input, error).

#![expect(
    clippy::unwrap_used,
    reason = "a test that fails here fails as it should"
)]

use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::scalar::Scalar;
use mrp_proto::base64url::{self, DecodeError};
use mrp_proto::id::{BlobId, EnvelopeId, MessageId};
use mrp_proto::json::{self, NotIJson, StructureError};
use mrp_proto::key::{BadSignature, KeyError, PublicKey, SecretKey, SeedLength, Signature};
use mrp_proto::sign::{AuthError, TIMESTAMP_TOLERANCE, Unverified};
use mrp_proto::time::{TimeError, Timestamp};
use sha2::{Digest as _, Sha512};
use std::time::Duration;

const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The key of the seed 01…01.
const KEY: &str = "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w";

/// The order of the prime-order group, little endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn length(expected: usize, actual: usize) -> DecodeError {
    DecodeError::Length { expected, actual }
}

fn secret() -> SecretKey {
    SecretKey::from_seed(&[1; 32])
}

#[test]
fn texts_that_are_no_keys() {
    let malformed = || KeyError::Encoding(DecodeError::Malformed);
    let wrong_length = |actual| KeyError::Encoding(length(43, actual));
    for (wrong, text, error) in [
        ("empty", "", wrong_length(0)),
        ("one character short", &KEY[..42], wrong_length(42)),
        ("padded", &format!("{KEY}="), wrong_length(44)),
        (
            "scheme in front",
            &format!("ed25519:{KEY}"),
            wrong_length(51),
        ),
        ("line end", &format!("{KEY}\n"), wrong_length(44)),
        ("hexadecimal", &"8a".repeat(32), wrong_length(64)),
        (
            "non-ASCII in 43 bytes",
            &format!("é{}", &KEY[2..]),
            malformed(),
        ),
        ("padding inside", &format!("{}=", &KEY[..42]), malformed()),
        (
            "base64 alphabet: +",
            &format!("+{}", &KEY[1..]),
            malformed(),
        ),
        (
            "base64 alphabet: /",
            &format!("/{}", &KEY[1..]),
            malformed(),
        ),
        ("space inside", &format!(" {}", &KEY[1..]), malformed()),
        ("spare bits 01", &format!("{}x", &KEY[..42]), malformed()),
        ("spare bits 10", &format!("{}y", &KEY[..42]), malformed()),
        ("spare bits 11", &format!("{}z", &KEY[..42]), malformed()),
    ] {
        assert_eq!(text.parse::<PublicKey>(), Err(error), "{wrong}");
    }
    assert!(KEY.parse::<PublicKey>().is_ok());
}

#[test]
fn points_that_are_no_keys() {
    let small = |byte: u8| {
        let mut bytes = [0; 32];
        bytes[0] = byte;
        bytes
    };
    // p = 2^255 - 19, little endian: ed ff … ff 7f.
    let above = |byte: u8| {
        let mut bytes = [0xff; 32];
        bytes[0] = byte;
        bytes[31] = 0x7f;
        bytes
    };
    let signed = |mut bytes: [u8; 32]| {
        bytes[31] |= 0x80;
        bytes
    };
    for (wrong, bytes, error) in [
        ("the identity", small(1), KeyError::Torsion),
        (
            "the point of order 2 (y = -1)",
            above(0xec),
            KeyError::Torsion,
        ),
        ("a point of order 4 (y = 0)", small(0), KeyError::Torsion),
        (
            "the other point of order 4",
            signed(small(0)),
            KeyError::Torsion,
        ),
        (
            "the identity with a sign",
            signed(small(1)),
            KeyError::NotAPoint,
        ),
        (
            "order 2 with a sign",
            signed(above(0xec)),
            KeyError::NotAPoint,
        ),
        ("y = p, a spelling of 0", above(0xed), KeyError::NotAPoint),
        (
            "y = p + 1, a spelling of 1",
            above(0xee),
            KeyError::NotAPoint,
        ),
        (
            "y = p + 1 with a sign",
            signed(above(0xee)),
            KeyError::NotAPoint,
        ),
        (
            "y = p + 3, a spelling of a point",
            above(0xf0),
            KeyError::NotAPoint,
        ),
        ("all ones", [0xff; 32], KeyError::NotAPoint),
        ("not on the curve", small(2), KeyError::NotAPoint),
    ] {
        assert_eq!(PublicKey::from_bytes(bytes), Err(error.clone()), "{wrong}");
        let text = base64url::encode(&bytes);
        assert_eq!(text.parse::<PublicKey>(), Err(error), "{wrong}, as text");
    }
    // y = 3 is on the curve: the row above fails for its spelling alone.
    assert!(CompressedEdwardsY(small(3)).decompress().is_some());
    let honest = CompressedEdwardsY(*secret().public().as_bytes())
        .decompress()
        .unwrap();
    for torsion in EIGHT_TORSION {
        let pure = PublicKey::from_bytes(torsion.compress().0);
        assert_eq!(pure, Err(KeyError::Torsion));
        let mixed = PublicKey::from_bytes((honest + torsion).compress().0);
        if torsion == EIGHT_TORSION[0] {
            assert_eq!(mixed, Ok(secret().public()));
        } else {
            assert_eq!(mixed, Err(KeyError::Torsion));
        }
    }
}

#[test]
fn every_key_and_signature_has_one_spelling() {
    let signature = secret().sign(b"m").to_string();
    for (text, spare_bits) in [(KEY, 2), (signature.as_str(), 4)] {
        let (head, last) = text.split_at(text.len() - 1);
        let value = ALPHABET.find(last).unwrap() >> spare_bits;
        let spellings: Vec<String> = ALPHABET
            .chars()
            .enumerate()
            .filter(|(index, _)| index >> spare_bits == value)
            .map(|(_, last)| format!("{head}{last}"))
            .collect();
        assert_eq!(spellings.len(), 1 << spare_bits);
        let accepted: Vec<&String> = spellings
            .iter()
            .filter(|text| text.parse::<PublicKey>().is_ok() || text.parse::<Signature>().is_ok())
            .collect();
        assert_eq!(accepted, [text]);
    }
}

#[test]
fn texts_that_are_no_signatures() {
    let good = secret().sign(b"m").to_string();
    for (wrong, text, error) in [
        ("empty", String::new(), length(86, 0)),
        ("one character short", good[..85].to_owned(), length(86, 85)),
        ("padded", format!("{good}=="), length(86, 88)),
        ("hexadecimal", "ab".repeat(64), length(86, 128)),
        (
            "padding inside",
            format!("{}=", &good[..85]),
            DecodeError::Malformed,
        ),
        (
            "base64 alphabet",
            format!("+{}", &good[1..]),
            DecodeError::Malformed,
        ),
        (
            "spare bits",
            format!("{}_", &good[..85]),
            DecodeError::Malformed,
        ),
    ] {
        assert_eq!(text.parse::<Signature>(), Err(error), "{wrong}");
    }
}

#[test]
fn signatures_that_do_not_hold() {
    let key = secret().public();
    let good = *secret().sign(b"message").as_bytes();
    let with = |alter: fn(&mut [u8; 64])| {
        let mut bytes = good;
        alter(&mut bytes);
        bytes
    };
    for (wrong, message, signature) in [
        ("other message", &b"massage"[..], good),
        ("longer message", b"message ", good),
        ("no message", b"", good),
        ("bit of R", b"message", with(|bytes| bytes[0] ^= 1)),
        ("bit of S", b"message", with(|bytes| bytes[32] ^= 1)),
        ("high bit of S", b"message", with(|bytes| bytes[63] |= 0x80)),
        ("all zero", b"message", [0; 64]),
        (
            "R and S swapped",
            b"message",
            with(|bytes| bytes.rotate_left(32)),
        ),
        (
            "S + order, a second spelling of S",
            b"message",
            with(add_order),
        ),
        (
            "R with a torsion component",
            b"message",
            with(add_torsion_to_r),
        ),
        (
            "R the identity",
            b"message",
            signature_with_small_r(b"message"),
        ),
    ] {
        let signature = Signature::from_bytes(signature);
        assert_eq!(
            key.verify(message, &signature),
            Err(BadSignature),
            "{wrong}"
        );
    }
    assert_eq!(key.verify(b"message", &Signature::from_bytes(good)), Ok(()));
    let other = SecretKey::from_seed(&[2; 32]).public();
    assert_eq!(
        other.verify(b"message", &Signature::from_bytes(good)),
        Err(BadSignature)
    );
}

fn add_order(signature: &mut [u8; 64]) {
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
}

fn add_torsion_to_r(signature: &mut [u8; 64]) {
    let r = CompressedEdwardsY(signature[..32].try_into().unwrap())
        .decompress()
        .unwrap();
    signature[..32].copy_from_slice(&(r + EIGHT_TORSION[1]).compress().0);
}

/// R = the identity and S = k * a: the equation holds, and a verifier that allows small-order R takes it.
fn signature_with_small_r(message: &[u8]) -> [u8; 64] {
    let mut signature = [0; 64];
    signature[0] = 1;
    let mut hash = Sha512::new();
    hash.update(&signature[..32]);
    hash.update(secret().public().as_bytes());
    hash.update(message);
    let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
    let a = Scalar::from_bytes_mod_order(*secret().to_x25519());
    signature[32..].copy_from_slice((k * a).as_bytes());
    let lenient = ed25519_dalek::VerifyingKey::from_bytes(secret().public().as_bytes()).unwrap();
    let parsed = ed25519_dalek::Signature::from_bytes(&signature);
    assert!(ed25519_dalek::Verifier::verify(&lenient, message, &parsed).is_ok());
    signature
}

#[test]
fn the_universal_forgery_has_no_key_to_stand_on() {
    let mut key = [0; 32];
    key[0] = 1;
    let mut signature = [0; 64];
    signature[0] = 1;
    // A lenient verifier takes this one signature, under this one key, for every message.
    let lenient = ed25519_dalek::VerifyingKey::from_bytes(&key).unwrap();
    let parsed = ed25519_dalek::Signature::from_bytes(&signature);
    for message in ["GET\n/v1/messages", "anything"] {
        assert!(ed25519_dalek::Verifier::verify(&lenient, message.as_bytes(), &parsed).is_ok());
    }
    assert_eq!(PublicKey::from_bytes(key), Err(KeyError::Torsion));
    let under_a_good_key = secret()
        .public()
        .verify(b"anything", &Signature::from_bytes(signature));
    assert_eq!(under_a_good_key, Err(BadSignature));
}

#[test]
fn key_files_of_another_length() {
    for actual in [0, 31, 33, 43, 64] {
        let refused = SecretKey::from_file_content(&vec![7; actual]).err();
        assert_eq!(refused, Some(SeedLength { actual }));
    }
}

#[test]
fn texts_that_are_no_times() {
    for text in [
        "",
        "now",
        "2026-03-05",
        "2026-03-05T12:00:00",
        "2026-03-05 12:00:00Z",
        "2026-03-05T12:00Z",
        "2026-03-05T12:00:00.Z",
        "2026-03-05T12:00:00,5Z",
        "2026-03-05T12:00:00.1234567890Z",
        "2026-03-05T12:00:00+0100",
        "2026-03-05T12:00:00+01",
        "2026-03-05T12:00:00Z[UTC]",
        "2026-03-05T12:00:00Z\n",
        " 2026-03-05T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-03-05T25:00:00Z",
        "26-03-05T12:00:00Z",
        "+002026-03-05T12:00:00Z",
        "1969-12-31T23:59:59.999Z",
        "9999-12-31T23:59:59Z",
        "1772712000",
        "２026-03-05T12:00:00Z",
    ] {
        assert_eq!(text.parse::<Timestamp>(), Err(TimeError), "{text:?}");
    }
    // The last moment that is taken can also be written.
    let last: Timestamp = "9999-12-30T22:00:00.000Z".parse().unwrap();
    assert_eq!(
        (last, last.to_string().as_str()),
        (Timestamp::MAX, "9999-12-30T22:00:00.000Z")
    );
    assert_eq!(
        "9999-12-30T22:00:00.001Z".parse::<Timestamp>(),
        Err(TimeError)
    );
}

#[test]
fn claims_that_are_not_even_looked_at() {
    let at = "2026-03-05T12:00:00.000Z";
    let signature = secret().sign(b"m").to_string();
    let padded_key = format!("{KEY}=");
    let clock = |millis| AuthError::Clock {
        distance: TIMESTAMP_TOLERANCE + Duration::from_millis(millis),
        tolerance: TIMESTAMP_TOLERANCE,
    };
    for (wrong, key, timestamp, given, error) in [
        (
            "padded key",
            padded_key.as_str(),
            at,
            signature.as_str(),
            AuthError::PublicKey(KeyError::Encoding(length(43, 44))),
        ),
        ("no signature", KEY, at, "", AuthError::Signature),
        (
            "short signature",
            KEY,
            at,
            &signature[..85],
            AuthError::Signature,
        ),
        (
            "no time",
            KEY,
            "noon",
            &signature,
            AuthError::Timestamp(TimeError),
        ),
        (
            "1 ms too old",
            KEY,
            "2026-03-05T11:54:59.999Z",
            &signature,
            clock(1),
        ),
        (
            "1 ms too new",
            KEY,
            "2026-03-05T12:05:00.001Z",
            &signature,
            clock(1),
        ),
        (
            "another hour by its offset",
            KEY,
            "2026-03-05T12:00:00+01:00",
            &signature,
            clock(3_300_000),
        ),
    ] {
        let claim = Unverified::decode(
            key,
            timestamp,
            given,
            at.parse().unwrap(),
            TIMESTAMP_TOLERANCE,
        );
        assert_eq!(claim.err(), Some(error), "{wrong}");
    }
    for timestamp in [
        "2026-03-05T11:55:00Z",
        "2026-03-05T12:05:00Z",
        "2026-03-05T13:00:00+01:00",
    ] {
        let claim = Unverified::decode(
            KEY,
            timestamp,
            &signature,
            at.parse().unwrap(),
            TIMESTAMP_TOLERANCE,
        );
        assert!(claim.is_ok(), "{timestamp}");
    }
}

#[test]
fn texts_that_are_no_ids() {
    let (message, blob, envelope) = (
        |text: &str| text.parse::<MessageId>().is_ok(),
        |text: &str| text.parse::<BlobId>().is_ok(),
        |text: &str| text.parse::<EnvelopeId>().is_ok(),
    );
    let long = format!("msg_{}", "a".repeat(125));
    for (wrong, valid, text) in [
        (
            "no prefix",
            message as fn(&str) -> bool,
            "1772611200_a1b2c3d4e5f6",
        ),
        ("prefix alone", message, "msg_"),
        ("a path in it", message, "msg_../../etc"),
        ("too long", message, &long),
        ("another id's prefix", message, "blob_a1b2c3d4e5f6"),
        ("too short", blob, "blob_a1b2c3"),
        ("upper case", blob, "blob_A1B2C3D4E5F6"),
        ("a path in it", blob, "blob_../../../etc/passwd"),
        ("lower case", envelope, "01kjvx2f00zzzzzzzzzzzzzzzz"),
        ("25 characters", envelope, "01KJVX2F00ZZZZZZZZZZZZZZZ"),
        ("beyond 128 bits", envelope, "8ZZZZZZZZZZZZZZZZZZZZZZZZZ"),
        ("O for 0", envelope, "O1KJVX2F00ZZZZZZZZZZZZZZZZ"),
    ] {
        assert!(!valid(text), "{wrong}: {text}");
    }
}

#[test]
fn json_without_a_canonical_form() {
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    for (wrong, text, error) in [
        (
            "too deep",
            deep(65),
            NotIJson::Structure(StructureError::TooDeep {
                limit: 64,
                actual: 65,
            }),
        ),
        (
            "repeated key",
            r#"{"a":1,"a":2}"#.to_owned(),
            NotIJson::RepeatedKey {
                key: "a".to_owned(),
            },
        ),
        (
            "repeated key, escaped",
            r#"{"a":1,"\u0061":2}"#.to_owned(),
            NotIJson::RepeatedKey {
                key: "a".to_owned(),
            },
        ),
        (
            "integer past a double",
            "[9007199254740993]".to_owned(),
            NotIJson::InexactNumber {
                literal: "9007199254740993".to_owned(),
            },
        ),
        (
            "number past a double",
            "1e400".to_owned(),
            NotIJson::InexactNumber {
                literal: "1e400".to_owned(),
            },
        ),
        (
            "half a surrogate pair",
            r#""\ud83d""#.to_owned(),
            NotIJson::NotCharacters,
        ),
        ("not JSON", "{'a':1}".to_owned(), NotIJson::Syntax),
    ] {
        assert_eq!(json::canonicalize(&text), Err(error), "{wrong}");
    }
    assert!(json::canonicalize(&deep(64)).is_ok());
}
