//! Keys and signatures: Ed25519 (RFC 8032), one spelling each, strict in every direction (protocol A1.2, A1.3).
//!
//! A [`PublicKey`] that was read from outside is a canonical, torsion-free point that is not of small order, so it can be compared as
//! bytes, verified against and converted to X25519 without further checks. One that a store gives back is what it was when it was stored.

use crate::base64url::{self, DecodeError};
use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::CompressedEdwardsY;
use ed25519_dalek::{Signer as _, SigningKey, Verifier as _, VerifyingKey};
use sha2::{Digest as _, Sha256, Sha512};
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;
use zeroize::Zeroizing;

/// Why something is not a usable public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not 43 characters of canonical base64url.
    #[error("not a key: {0}")]
    Encoding(#[from] DecodeError),
    /// The bytes are no point of the curve, or a second spelling of one.
    #[error("not a key: the bytes are not a canonical point of edwards25519")]
    NotAPoint,
    /// The point is of small order or has a torsion component: signatures under it prove nothing.
    #[error("not a key: the point is of small order or not in the prime-order group")]
    Torsion,
}

/// Why a signature was refused. Which of the reasons it was is nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not match the key and the bytes")]
pub struct BadSignature;

/// An agent's address: a valid Ed25519 public key, 32 bytes, written as 43 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Takes 32 bytes if they are a canonical, torsion-free point.
    ///
    /// # Errors
    /// [`KeyError::NotAPoint`] or [`KeyError::Torsion`].
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        Verifier::from_bytes(bytes).map(|verifier| verifier.public())
    }

    /// Takes 32 bytes that another program of the same user has checked, for a tenth of the price: that they are a point is checked, that it
    /// is torsion-free is not.
    fn from_checked_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        CompressedEdwardsY(bytes)
            .decompress()
            .map(|_| Self(bytes))
            .ok_or(KeyError::NotAPoint)
    }

    /// Takes back 32 bytes that were a key when this program stored them, from where nobody else writes. Nothing is checked: to find that
    /// they are a point costs more than to read the record that they are in. For what is shown and compared: under what is no key
    /// after all nothing verifies, and nothing must be sealed to it.
    pub fn from_stored_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first eight characters of the written form: enough to tell keys apart in a log, not enough to address one.
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }

    /// What two people read to each other to see whether they have the same key: the first half of its SHA-256, as eight groups of
    /// four hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let hash = Sha256::digest(self.0);
        let pairs = hash[..16].chunks(2);
        let groups: Vec<String> = pairs
            .map(|pair| format!("{:02x}{:02x}", pair[0], pair[1]))
            .collect();
        groups.join(" ")
    }

    /// The decoded form, which costs a fifth of a verification to make: worth keeping for keys that are seen often.
    pub fn verifier(&self) -> Verifier {
        // What was stored and is no point becomes the identity, under which nothing is verified since it is weak.
        let key = VerifyingKey::from_bytes(&self.0).unwrap_or_default();
        Verifier {
            is_weak: key.is_weak(),
            key,
        }
    }

    /// Checks a signature over `message`, strictly: no small-order component, no second spelling of the scalar.
    ///
    /// # Errors
    /// [`BadSignature`], whatever the reason.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        self.verifier().verify(message, signature)
    }

    /// The X25519 form of the key (the birationally equivalent u-coordinate), for HPKE.
    pub fn to_x25519(&self) -> [u8; 32] {
        // The identity in place of stored bytes that are no point: no secret is shared with it.
        let point = CompressedEdwardsY(self.0).decompress().unwrap_or_default();
        point.to_montgomery().to_bytes()
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::from_bytes(base64url::decode_array(text)?)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&base64url::encode(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({})", self.short())
    }
}

crate::serde_as_text!(PublicKey);
crate::serde_as_text!(Signature);

/// For `#[serde(with)]`: keys in text from whoever has checked them, such as a daemon that is asked by its own user. That they are points
/// is checked, that they are torsion-free is not.
pub mod checked {
    use super::{PublicKey, base64url};
    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::{Serialize as _, Serializer};
    use std::borrow::Cow;

    /// Writes it as any key.
    ///
    /// # Errors
    /// What `serializer` says.
    pub fn serialize<S: Serializer>(key: &PublicKey, serializer: S) -> Result<S::Ok, S::Error> {
        key.serialize(serializer)
    }

    /// Reads it without looking whether the point is torsion-free.
    ///
    /// # Errors
    /// It is no point of the curve, or not text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PublicKey, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let bytes = base64url::decode_array(&text).map_err(D::Error::custom)?;
        PublicKey::from_checked_bytes(bytes).map_err(D::Error::custom)
    }
}

/// A public key in decoded form, ready to verify.
#[derive(Debug, Clone)]
pub struct Verifier {
    key: VerifyingKey,
    /// Of small order, as no [`PublicKey`] from outside is.
    is_weak: bool,
}

/// Whether the y of an encoded point is below 2^255 - 19 (RFC 8032, 5.1.3). Then a point has a second spelling only where x is 0, with
/// the other sign, and there it is of small order.
fn is_reduced(bytes: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = bytes;
    *first < 0xed || *last & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff)
}

/// The points of small order, as they are encoded.
static SMALL_ORDER: LazyLock<[[u8; 32]; 8]> =
    LazyLock::new(|| EIGHT_TORSION.map(|point| point.compress().0));

impl Verifier {
    /// Takes 32 bytes if they are a canonical, torsion-free point: what [`PublicKey::from_bytes`] and [`PublicKey::verifier`] do, for
    /// the price of the first.
    ///
    /// # Errors
    /// [`KeyError::NotAPoint`] or [`KeyError::Torsion`].
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::NotAPoint)?;
        let (point, is_weak) = (key.to_edwards(), key.is_weak());
        // To encode it again costs as much as to decode it, and is left to the few that are refused in any case.
        if !is_reduced(&bytes) || (is_weak && point.compress().0 != bytes) {
            return Err(KeyError::NotAPoint);
        }
        if is_weak || !point.is_torsion_free() {
            return Err(KeyError::Torsion);
        }
        Ok(Self { key, is_weak })
    }

    /// The key this verifies for.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.key.to_bytes())
    }

    /// As [`PublicKey::verify`]. Refuses what ed25519-dalek's `verify_strict` refuses, without decoding R, which is a tenth and more
    /// of its time: a signature is good if R is the one encoding of the point that the rest of it comes to, so that an R of small order is
    /// told by its encoding.
    ///
    /// # Errors
    /// [`BadSignature`], whatever the reason.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        if self.is_weak || SMALL_ORDER.contains(signature.r_bytes()) {
            return Err(BadSignature);
        }
        self.key
            .verify(message, &signature)
            .map_err(|_| BadSignature)
    }
}

/// An Ed25519 signature, 64 bytes, written as 86 characters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature([u8; 64]);

impl Signature {
    /// Takes 64 bytes. Whether they are a signature of anything only [`PublicKey::verify`] tells.
    pub fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The 64 bytes.
    pub fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl FromStr for Signature {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        Ok(Self(base64url::decode_array(text)?))
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&base64url::encode(&self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Signature(..)")
    }
}

/// What a key file begins with that is kept under a passphrase; its version follows. Only `mrpctl key decrypt` opens it.
pub const ENCRYPTED_KEY_HEAD: &str = "mrp-encrypted-key-";

/// Whether the content of a key file is kept under a passphrase.
pub fn is_encrypted_key(content: &[u8]) -> bool {
    content.starts_with(ENCRYPTED_KEY_HEAD.as_bytes()) && content.len() != 32
}

/// Why a key file's bytes were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key file holds exactly 32 bytes (the raw Ed25519 seed), this one holds {actual}")]
pub struct SeedLength {
    /// Bytes found.
    pub actual: usize,
}

/// A private key: the 32-byte Ed25519 seed, which is also the whole content of a key file. Wiped from memory when dropped.
#[derive(Clone)]
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// Takes a seed: 32 bytes from a secure random source, or the content of a key file.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Reads the content of a key file (the published SDK's format: the raw seed and nothing else).
    ///
    /// # Errors
    /// [`SeedLength`] if there are not exactly 32 bytes.
    pub fn from_file_content(content: &[u8]) -> Result<Self, SeedLength> {
        let seed = Zeroizing::new(<[u8; 32]>::try_from(content).map_err(|_| SeedLength {
            actual: content.len(),
        })?);
        Ok(Self::from_seed(&seed))
    }

    /// The seed, for writing a key file. The copy is wiped when dropped.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The address that belongs to this key.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// The public key that belongs to [`to_x25519`](Self::to_x25519), for HPKE.
    pub fn public_x25519(&self) -> [u8; 32] {
        self.0.verifying_key().to_montgomery().to_bytes()
    }

    /// Signs bytes. Callers sign only what they built themselves (see [`crate::sign`]): never a text that came from a peer.
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }

    /// The X25519 form: the clamped first half of SHA-512 of the seed, for HPKE.
    pub fn to_x25519(&self) -> Zeroizing<[u8; 32]> {
        let mut hash = Zeroizing::new([0_u8; 64]);
        hash.copy_from_slice(&Sha512::digest(self.0.as_bytes()));
        let mut scalar = Zeroizing::new([0_u8; 32]);
        scalar.copy_from_slice(&hash[..32]);
        scalar[0] &= 0xf8;
        scalar[31] = (scalar[31] & 0x7f) | 0x40;
        scalar
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SecretKey(of {})", self.public().short())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use curve25519_dalek::edwards::EdwardsPoint;
    use curve25519_dalek::traits::Identity as _;

    #[test]
    fn a_secret_key_never_shows_its_seed() {
        let secret = SecretKey::from_seed(&[1; 32]);
        let shown = format!("{secret:?}");
        assert_eq!(shown, "SecretKey(of iojj3XQJ)");
    }

    #[test]
    fn a_key_that_was_checked_is_read_as_it_was_written() {
        #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        struct Answer {
            #[serde(with = "checked")]
            key: PublicKey,
        }
        let answer = Answer {
            key: SecretKey::from_seed(&[1; 32]).public(),
        };
        let text = serde_json::to_string(&answer).unwrap();
        assert_eq!(serde_json::from_str::<Answer>(&text).unwrap(), answer);
        for bytes in [[2; 32], [4; 32]] {
            let text = format!(r#"{{"key":"{}"}}"#, base64url::encode(&bytes));
            assert!(serde_json::from_str::<Answer>(&text).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn both_ways_to_the_public_x25519_key_lead_to_the_same() {
        for seed in 0..8 {
            let secret = SecretKey::from_seed(&[seed; 32]);
            assert_eq!(secret.public_x25519(), secret.public().to_x25519());
            let base = curve25519_dalek::constants::X25519_BASEPOINT;
            let by_scalar = base.mul_clamped(*secret.to_x25519());
            assert_eq!(secret.public_x25519(), by_scalar.to_bytes());
        }
    }

    /// The expected value is that of coreutils' `sha256sum`.
    #[test]
    fn a_fingerprint_is_the_half_of_a_hash() {
        let key = SecretKey::from_seed(&[1; 32]).public();
        assert_eq!(key.fingerprint(), "3475 0f98 bd59 fcfc 946d a45a aabe 933b");
    }

    #[test]
    fn small_order_keys_and_second_spellings_are_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(PublicKey::from_bytes(identity), Err(KeyError::Torsion));
        // The prime itself ends with ed: what is below it is a point of order 2, what is not is a second spelling of a point.
        for (least, expected) in [
            (0xec, KeyError::Torsion),
            (0xed, KeyError::NotAPoint),
            (0xee, KeyError::NotAPoint),
        ] {
            let mut y = [0xff; 32];
            (y[0], y[31]) = (least, 0x7f);
            assert_eq!(PublicKey::from_bytes(y), Err(expected), "{least:x}");
        }
        let mut minus_zero = identity;
        minus_zero[31] = 0x80;
        assert_eq!(PublicKey::from_bytes(minus_zero), Err(KeyError::NotAPoint));
    }

    #[test]
    fn a_point_with_a_torsion_component_is_refused() {
        let secret = SecretKey::from_seed(&[9; 32]);
        let point = CompressedEdwardsY(*secret.public().as_bytes())
            .decompress()
            .unwrap();
        let mixed = (point + EIGHT_TORSION[1]).compress().0;
        assert_eq!(PublicKey::from_bytes(mixed), Err(KeyError::Torsion));
    }

    /// Signatures of the form (R, h a) hold for R = -h T under the key a B + T. A check that does not look at R's order takes them; with
    /// T the identity the key is like any other.
    #[test]
    fn a_signature_whose_r_is_of_small_order_is_refused_though_the_equation_holds() {
        use curve25519_dalek::scalar::Scalar;
        let signing = SigningKey::from_bytes(&[9; 32]);
        let point = signing.verifying_key().to_edwards();
        let mut seen = 0;
        for torsion in EIGHT_TORSION {
            let bytes = (point + torsion).compress().0;
            let key = PublicKey::from_checked_bytes(bytes).unwrap();
            for (number, r) in (0..64_u8).flat_map(|number| EIGHT_TORSION.map(|r| (number, r))) {
                let r_bytes = r.compress().0;
                let hash = Sha512::new().chain_update(r_bytes).chain_update(bytes);
                let h = Scalar::from_hash(hash.chain_update([number]));
                if r + h * torsion != EdwardsPoint::identity() {
                    continue;
                }
                let s = (h * signing.to_scalar()).to_bytes();
                let both = ed25519_dalek::Signature::from_components(r_bytes, s);
                let plain = VerifyingKey::from_bytes(&bytes).unwrap();
                assert!(plain.verify(&[number], &both).is_ok());
                assert!(plain.verify_strict(&[number], &both).is_err());
                let signature = Signature::from_bytes(both.to_bytes());
                assert_eq!(key.verify(&[number], &signature), Err(BadSignature));
                seen += 1;
            }
        }
        assert!(seen >= 64, "{seen}");
    }

    #[test]
    fn nothing_is_signed_by_stored_bytes_that_are_no_point() {
        let bytes = [2; 32];
        assert!(CompressedEdwardsY(bytes).decompress().is_none());
        let key = PublicKey::from_stored_bytes(bytes);
        assert_eq!(key.as_bytes(), &bytes);
        // Good under the identity, in whose place nobody may sign either.
        let s = SigningKey::from_bytes(&[9; 32]);
        let r = s.verifying_key().to_bytes();
        let both = ed25519_dalek::Signature::from_components(r, s.to_scalar().to_bytes());
        let signature = Signature::from_bytes(both.to_bytes());
        assert_eq!(key.verify(b"all", &signature), Err(BadSignature));
        assert_eq!(key.to_x25519(), [0; 32]);
    }

    #[test]
    fn nothing_is_signed_by_a_key_of_small_order() {
        let weak = EIGHT_TORSION[0].compress().0;
        let key = PublicKey::from_checked_bytes(weak).unwrap();
        // Under the identity, any R = s B is a signature of everything.
        let s = SigningKey::from_bytes(&[9; 32]);
        let r = s.verifying_key().to_bytes();
        let both = ed25519_dalek::Signature::from_components(r, s.to_scalar().to_bytes());
        let plain = VerifyingKey::from_bytes(&weak).unwrap();
        assert!(plain.verify(b"all", &both).is_ok());
        let signature = Signature::from_bytes(both.to_bytes());
        assert_eq!(key.verify(b"all", &signature), Err(BadSignature));
    }
}
