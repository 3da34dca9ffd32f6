//! Blobs sealed with a key of their own (protocol A10): one ChaCha20-Poly1305 call over the whole, stored as
//! `nonce (12) || ciphertext || tag (16)`.
//!
//! The key travels inside the message, sealed to its recipient: see [`crate::envelope::wrap_key`].
//!
//! [`seal`] and [`open`] take a whole blob; [`Sealer`] and [`Opener`] take one piece by piece, in memory that does not grow with it.

mod stream;

pub use stream::{Opener, Sealer};

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{ChaCha20Poly1305, Key, KeyInit as _, Nonce, Tag};
use rand_core::CryptoRng;
use sha2::{Digest as _, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// Bytes that sealing adds, and so the least that a sealed blob has: the nonce and the tag.
pub const OVERHEAD: usize = NONCE_LENGTH + TAG_LENGTH;

const NONCE_LENGTH: usize = 12;
const TAG_LENGTH: usize = 16;

/// The key of one sealed blob ("DEK" on the wire). Wiped from memory when dropped.
#[derive(Clone)]
pub struct BlobKey(Zeroizing<[u8; 32]>);

impl BlobKey {
    /// Makes a fresh key. Every attachment gets its own.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(bytes.as_mut());
        Self(bytes)
    }

    /// Takes the 32 bytes of a key.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&Key::from(*self.0))
    }
}

impl fmt::Debug for BlobKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BlobKey(..)")
    }
}

/// Why a sealed blob was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// Too short to be a sealed blob: cut off, or never sealed.
    #[error("a sealed blob has at least {OVERHEAD} bytes, this one has {actual}")]
    TooShort {
        /// Bytes found.
        actual: usize,
    },
    /// The blob was altered, or sealed with another key.
    #[error("the blob was altered or sealed with another key")]
    Unauthentic,
}

/// Seals a blob. The nonce is drawn from `rng`.
pub fn seal(key: &BlobKey, plaintext: &[u8], rng: &mut impl CryptoRng) -> Vec<u8> {
    let mut nonce = [0; NONCE_LENGTH];
    rng.fill_bytes(&mut nonce);
    let mut sealed = Vec::with_capacity(plaintext.len() + OVERHEAD);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plaintext);
    let tag = key
        .cipher()
        .encrypt_inout_detached(
            &Nonce::from(nonce),
            &[],
            (&mut sealed[NONCE_LENGTH..]).into(),
        )
        .expect("a blob is shorter than the 256 GiB that the cipher can take");
    sealed.extend_from_slice(&tag);
    sealed
}

/// Opens a sealed blob.
///
/// # Errors
/// [`BlobError`].
pub fn open(key: &BlobKey, sealed: &[u8]) -> Result<Vec<u8>, BlobError> {
    let too_short = BlobError::TooShort {
        actual: sealed.len(),
    };
    let (nonce, rest) = sealed
        .split_first_chunk::<NONCE_LENGTH>()
        .ok_or(too_short)?;
    let (ciphertext, tag) = rest.split_last_chunk::<TAG_LENGTH>().ok_or(too_short)?;
    let mut plaintext = ciphertext.to_vec();
    key.cipher()
        .decrypt_inout_detached(
            &Nonce::from(*nonce),
            &[],
            plaintext.as_mut_slice().into(),
            &Tag::from(*tag),
        )
        .map_err(|_| BlobError::Unauthentic)?;
    Ok(plaintext)
}

/// The `hash` of a sealed attachment: `sha256:` and the lower-case hex of the plaintext's SHA-256. (The relay's own blob hashes
/// have no prefix and are over the stored bytes.)
pub fn plaintext_hash(plaintext: &[u8]) -> String {
    hash_of_digest(&Sha256::digest(plaintext).into())
}

/// The same of a SHA-256 that was made piece by piece.
pub fn hash_of_digest(digest: &[u8; 32]) -> String {
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
