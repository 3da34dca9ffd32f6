//! End-to-end sealing of messages: HPKE in auth mode (RFC 9180), and the envelope inside (protocol A10).
//!
//! Suite: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305, single shot, no associated data. The X25519 keys are the
//! Ed25519 ones converted, so an address is all that is needed to seal, and opening proves who sealed.
//!
//! What the scheme leaves open, the envelope closes. HPKE binds neither thread nor order, and the inner content type travels
//! outside the ciphertext. So our own messages always seal a whole [`Envelope`] with an id, the recipient, the thread and the
//! time, and [`open_message`] checks them. It knows such an envelope by its content, not by the type that the relay shows: a
//! relay that relabels it cannot get it read without the checks.
//!
//! - [`Sealed`]: the body on the wire. [`seal`], [`open`]: plain bytes in and out.
//! - [`seal_message`], [`open_message`]: the envelope, ours and the published SDK's.
//! - [`wrap_key`], [`unwrap_key`]: the keys of sealed attachments.

mod hpke_auth;
mod message;
mod wire;

pub use message::{
    COPY_MEMORY, CopyId, Envelope, OpenedMessage, Outer, Outgoing, is_within_copy_memory,
    open_message, seal_message,
};
pub use wire::{Sealed, SealedError};

use crate::base64url;
use crate::blob::BlobKey;
use crate::json::StructureError;
use crate::key::{PublicKey, SecretKey};
use hpke_auth::HpkeError;
use rand_core::CryptoRng;
use wire::decode_field;
use zeroize::Zeroizing;

/// The content type of a message whose body is a [`Sealed`].
pub const SEALED_CONTENT_TYPE: &str = "application/x-m2m-encrypted";

/// The inner content type of a sealed [`Envelope`].
pub const ENVELOPE_CONTENT_TYPE: &str = "application/x-m2m-envelope+json";

/// The only version of the sealed form that is read or written.
pub const VERSION: u64 = 2;

/// HPKE info string of message bodies.
const MESSAGE_INFO: &[u8] = b"mrp-v2-msg";

/// HPKE info string of the keys of sealed blobs.
const BLOB_KEY_INFO: &[u8] = b"mrp-v2-blob";

/// Why a sealed message or key was not opened. Each variant says whose doing it can be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not a sealed body: the sender's program or the relay spoiled it.
    #[error(transparent)]
    Malformed(#[from] SealedError),
    /// The encapsulated key is a small-order point, which makes every shared secret zero: an attack, never an accident.
    #[error("the encapsulated key is of small order")]
    SmallOrder,
    /// Sealed by someone else than the sender named, or for someone else, or altered on the way.
    #[error("not sealed by this sender for this key, or altered on the way")]
    Unauthentic,
    /// The sender sealed an envelope that cannot be read.
    #[error("the sealed envelope cannot be read: {reason}")]
    MalformedEnvelope {
        /// What is wrong with it.
        reason: String,
    },
    /// The sender sealed JSON that is too deep or has too many keys.
    #[error("the sealed body is refused: {0}")]
    Structure(#[from] StructureError),
    /// The sender meant it for another key: somebody passed it on.
    #[error("the envelope is addressed to {to}, not to this key")]
    WrongRecipient {
        /// Whom the sender meant.
        to: PublicKey,
    },
    /// The thread fields outside differ from the sealed ones: the relay moved the message.
    #[error(
        "the message was moved: {field} is {outer:?} outside the envelope and {sealed:?} inside"
    )]
    ThreadMoved {
        /// `thread_id` or `in_reply_to`.
        field: &'static str,
        /// What the sender sealed, cut to 128 characters.
        sealed: Option<String>,
        /// What the relay shows, cut likewise.
        outer: Option<String>,
    },
}

/// What [`open`] found. The content type is the relay's word, not the sender's: it travels outside the ciphertext.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The bytes that were sealed. They come from the sender, for this recipient.
    pub plaintext: Vec<u8>,
    /// Their type, unauthenticated.
    pub content_type: String,
}

/// Seals bytes from `sender` to `recipient`.
pub fn seal(
    sender: &SecretKey,
    recipient: &PublicKey,
    plaintext: &[u8],
    content_type: &str,
    rng: &mut impl CryptoRng,
) -> Sealed {
    let (encapsulated, ciphertext) =
        hpke_auth::seal(sender, recipient, MESSAGE_INFO, plaintext, rng);
    Sealed::new(encapsulated, ciphertext, content_type.to_owned())
}

/// Opens what `sender` sealed for `recipient`.
///
/// # Errors
/// [`OpenError::SmallOrder`] or [`OpenError::Unauthentic`].
pub fn open(
    recipient: &SecretKey,
    sender: &PublicKey,
    sealed: &Sealed,
) -> Result<Opened, OpenError> {
    let plaintext = hpke_auth::open(
        recipient,
        sender,
        MESSAGE_INFO,
        sealed.encapsulated(),
        sealed.ciphertext(),
    )?;
    Ok(Opened {
        plaintext,
        content_type: sealed.content_type().to_owned(),
    })
}

/// The key of a sealed blob, sealed to a recipient: `dek_enc` and `dek_ct` of an attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// The encapsulated key, base64url.
    pub dek_enc: String,
    /// The sealed key, base64url.
    pub dek_ct: String,
}

/// Seals the key of a blob to a recipient.
pub fn wrap_key(
    sender: &SecretKey,
    recipient: &PublicKey,
    key: &BlobKey,
    rng: &mut impl CryptoRng,
) -> WrappedKey {
    let (encapsulated, ciphertext) =
        hpke_auth::seal(sender, recipient, BLOB_KEY_INFO, key.as_bytes(), rng);
    WrappedKey {
        dek_enc: base64url::encode(&encapsulated),
        dek_ct: base64url::encode(&ciphertext),
    }
}

/// Opens the key of a blob.
///
/// # Errors
/// [`OpenError::Malformed`] if the texts are not base64url of 32 and 48 bytes, else as [`open`].
pub fn unwrap_key(
    recipient: &SecretKey,
    sender: &PublicKey,
    wrapped: &WrappedKey,
) -> Result<BlobKey, OpenError> {
    let encapsulated = decode_field::<32>("dek_enc", &wrapped.dek_enc)?;
    let ciphertext = decode_field::<48>("dek_ct", &wrapped.dek_ct)?;
    let plaintext = Zeroizing::new(hpke_auth::open(
        recipient,
        sender,
        BLOB_KEY_INFO,
        &encapsulated,
        &ciphertext,
    )?);
    let bytes = plaintext
        .as_slice()
        .try_into()
        .expect("48 bytes of ciphertext hold 32 of plaintext");
    Ok(BlobKey::from_bytes(bytes))
}

impl From<HpkeError> for OpenError {
    fn from(error: HpkeError) -> Self {
        match error {
            HpkeError::SmallOrder => Self::SmallOrder,
            HpkeError::Unauthentic => Self::Unauthentic,
        }
    }
}
