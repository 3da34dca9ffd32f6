//! Sealed blobs and their wrapped keys.

use crate::{Repeat, recipient, sealed, sender};
use mrp_proto::base64url::{self, DecodeError};
use mrp_proto::blob::{self, BlobError, BlobKey};
use mrp_proto::envelope::{self, OpenError, SealedError, WrappedKey};

#[test]
fn wrapped_keys_that_do_not_unwrap() {
    let key = BlobKey::from_bytes(&[4; 32]);
    let good = envelope::wrap_key(&sender(), &recipient().public(), &key, &mut Repeat(5));
    let encoding = |field, source| OpenError::Malformed(SealedError::Encoding { field, source });
    let length = |expected, actual| DecodeError::Length { expected, actual };
    let message = sealed(&"x".repeat(32), "t");
    let with_enc = |dek_enc: String| WrappedKey {
        dek_enc,
        ..good.clone()
    };
    let with_ct = |dek_ct: String| WrappedKey {
        dek_ct,
        ..good.clone()
    };
    for (wrong, wrapped, error) in [
        (
            "enc short",
            with_enc(good.dek_enc[..40].to_owned()),
            encoding("dek_enc", length(43, 40)),
        ),
        (
            "enc padded",
            with_enc(format!("{}=", good.dek_enc)),
            encoding("dek_enc", length(43, 44)),
        ),
        ("enc zero", with_enc("A".repeat(43)), OpenError::SmallOrder),
        (
            "ct short",
            with_ct(good.dek_ct[..62].to_owned()),
            encoding("dek_ct", length(64, 62)),
        ),
        (
            "ct in the other alphabet",
            with_ct("+".repeat(64)),
            encoding("dek_ct", DecodeError::Malformed),
        ),
        (
            "ct altered",
            with_ct(good.dek_ct.chars().rev().collect()),
            OpenError::Unauthentic,
        ),
        (
            "sealed as a message",
            WrappedKey {
                dek_enc: base64url::encode(message.encapsulated()),
                dek_ct: base64url::encode(message.ciphertext()),
            },
            OpenError::Unauthentic,
        ),
    ] {
        let unwrapped = envelope::unwrap_key(&recipient(), &sender().public(), &wrapped);
        assert_eq!(unwrapped.err(), Some(error), "{wrong}");
    }
    let unwrapped = envelope::unwrap_key(&recipient(), &sender().public(), &good).unwrap();
    assert_eq!(unwrapped.as_bytes(), key.as_bytes());
    assert_eq!(format!("{unwrapped:?}"), "BlobKey(..)");
}

#[test]
fn blobs_that_do_not_open() {
    let key = BlobKey::from_bytes(&[4; 32]);
    let good = blob::seal(&key, b"content", &mut Repeat(5));
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    for (wrong, bytes, error) in [
        ("empty", Vec::new(), BlobError::TooShort { actual: 0 }),
        (
            "nonce alone",
            good[..12].to_vec(),
            BlobError::TooShort { actual: 12 },
        ),
        (
            "one byte short of the least",
            good[..27].to_vec(),
            BlobError::TooShort { actual: 27 },
        ),
        ("cut off", good[..28].to_vec(), BlobError::Unauthentic),
        ("nonce altered", flipped(0), BlobError::Unauthentic),
        ("content altered", flipped(12), BlobError::Unauthentic),
        (
            "tag altered",
            flipped(good.len() - 1),
            BlobError::Unauthentic,
        ),
        (
            "longer",
            [good.as_slice(), &[0]].concat(),
            BlobError::Unauthentic,
        ),
    ] {
        assert_eq!(blob::open(&key, &bytes), Err(error), "{wrong}");
    }
    assert_eq!(
        blob::open(&BlobKey::from_bytes(&[9; 32]), &good),
        Err(BlobError::Unauthentic)
    );
    assert_eq!(blob::open(&key, &good).unwrap(), b"content");
    let empty = blob::seal(&key, b"", &mut Repeat(5));
    assert_eq!(
        (empty.len(), blob::open(&key, &empty)),
        (blob::OVERHEAD, Ok(Vec::new()))
    );
}
