//! The one HPKE suite and mode that the protocol uses, over keys converted from Ed25519.

use crate::key::{PublicKey, SecretKey};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{
    Deserializable as _, OpModeR, OpModeS, Serializable as _, single_shot_open,
    single_shot_seal_with_rng,
};
use rand_core::CryptoRng;

type Suite = X25519HkdfSha256;
type XPublicKey = <Suite as hpke::Kem>::PublicKey;
type XPrivateKey = <Suite as hpke::Kem>::PrivateKey;

/// Why nothing came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HpkeError {
    /// The shared secret would be all zero.
    SmallOrder,
    /// Wrong keys, or altered.
    Unauthentic,
}

/// Seals in auth mode. Returns the encapsulated key and the ciphertext with its tag.
pub(super) fn seal(
    sender: &SecretKey,
    recipient: &PublicKey,
    info: &[u8],
    plaintext: &[u8],
    rng: &mut impl CryptoRng,
) -> ([u8; 32], Vec<u8>) {
    let (encapsulated, ciphertext) =
        single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, Suite>(
            // The sender's public key by its Ed25519 form, which is there already: to make it from the private one takes longer.
            &OpModeS::Auth((private_key(sender), public_key(&sender.public_x25519()))),
            &public_key(&recipient.to_x25519()),
            info,
            plaintext,
            &[],
            rng,
        )
        .expect("a recipient's key is of prime order, so no shared secret is zero");
    (encapsulated.to_bytes().into(), ciphertext)
}

/// Opens in auth mode.
pub(super) fn open(
    recipient: &SecretKey,
    sender: &PublicKey,
    info: &[u8],
    encapsulated: &[u8; 32],
    ciphertext: &[u8],
) -> Result<Vec<u8>, HpkeError> {
    let encapsulated = <Suite as hpke::Kem>::EncappedKey::from_bytes(encapsulated)
        .expect("an encapsulated key is any 32 bytes");
    single_shot_open::<ChaCha20Poly1305, HkdfSha256, Suite>(
        &OpModeR::Auth(public_key(&sender.to_x25519())),
        &private_key(recipient),
        &encapsulated,
        info,
        ciphertext,
        &[],
    )
    .map_err(|error| match error {
        hpke::HpkeError::DecapError => HpkeError::SmallOrder,
        _ => HpkeError::Unauthentic,
    })
}

fn public_key(bytes: &[u8; 32]) -> XPublicKey {
    XPublicKey::from_bytes(bytes).expect("an X25519 key is any 32 bytes")
}

fn private_key(key: &SecretKey) -> XPrivateKey {
    XPrivateKey::from_bytes(key.to_x25519().as_ref()).expect("an X25519 scalar is any 32 bytes")
}
