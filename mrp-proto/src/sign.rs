//! What is signed: the canonical bytes of requests and of WebSocket authentication (protocol A1), and the step from a claim
//! that came over the wire to one that was checked.
//!
//! Signing takes typed parts, never bytes that a peer chose: the forms made here cannot collide with each other or with
//! [`crate::plain`], because each begins with a word that the others cannot begin with.

use crate::base64url;
use crate::code::Code;
use crate::key::{PublicKey, Signature, Verifier};
use crate::time::Timestamp;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// How far a request's timestamp may be from the relay's clock, unless configured otherwise (protocol A1.3).
pub const TIMESTAMP_TOLERANCE: Duration = Duration::from_secs(300);

/// SHA-256 of a body, as the canonical string carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyHash([u8; 32]);

impl BodyHash {
    /// Of a whole body; an absent one counts as empty.
    pub fn of(body: &[u8]) -> Self {
        Self(Sha256::digest(body).into())
    }

    /// Of a body that was hashed while it streamed.
    pub fn from_digest(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The canonical bytes of an HTTP request: `METHOD\nTARGET\nTIMESTAMP\nBASE64URL(SHA256(BODY))`.
///
/// `target` is the raw path, with or without its query, exactly as on the request line; `timestamp` is the header's text.
pub fn request_bytes(method: &str, target: &str, timestamp: &str, body: BodyHash) -> Vec<u8> {
    format!(
        "{method}\n{target}\n{timestamp}\n{}",
        base64url::encode(&body.0)
    )
    .into_bytes()
}

/// The canonical bytes of WebSocket authentication: `WS\nTIMESTAMP` (protocol A1.5).
pub fn websocket_bytes(timestamp: &str) -> Vec<u8> {
    format!("WS\n{timestamp}").into_bytes()
}

/// The bytes under a signature of data that belongs to no message: `mrp-data-v1\n` and the 32 bytes of its SHA-256. The data itself is
/// never signed, so nobody can have a request of theirs signed as data (protocol A14).
pub fn data_bytes(data: BodyHash) -> Vec<u8> {
    [b"mrp-data-v1\n".as_slice(), data.as_bytes()].concat()
}

/// Why a claim was not believed. Each has its own wire code (protocol A1.3).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// A header, or a field of the auth frame, is missing.
    #[error("the request is not signed: {missing} is missing")]
    Missing {
        /// The first of them that is missing.
        missing: &'static str,
    },
    /// The key is not 43 characters of base64url that spell a valid point.
    #[error("the public key is not valid: {0}")]
    PublicKey(#[from] crate::key::KeyError),
    /// The timestamp is not RFC 3339.
    #[error("the timestamp is {0}")]
    Timestamp(#[from] crate::time::TimeError),
    /// The timestamp is too far from the verifier's clock.
    #[error(
        "the timestamp is {distance:?} away from the relay's clock, at most {tolerance:?} are allowed; check this machine's clock"
    )]
    Clock {
        /// How far.
        distance: Duration,
        /// How far is allowed.
        tolerance: Duration,
    },
    /// The signature is malformed, or not one of these bytes under this key.
    #[error("the signature does not match the key, method, path, timestamp and body")]
    Signature,
    /// A bound signature has something else about it (protocol A11).
    #[error(transparent)]
    Bound(#[from] crate::bound::BoundError),
    /// A request that is signed in both schemes has two keys.
    #[error("the request is signed in two ways with two keys; sign with one key")]
    TwoKeys,
}

impl AuthError {
    /// The wire code.
    pub fn code(&self) -> Code {
        match self {
            Self::Missing { .. } => Code::MissingAuth,
            Self::PublicKey(_) => Code::InvalidPublicKey,
            Self::Timestamp(_) | Self::Clock { .. } => Code::TimestampOutOfRange,
            Self::Signature | Self::TwoKeys => Code::InvalidSignature,
            Self::Bound(error) => error.code(),
        }
    }
}

/// A signed claim as it came: decoded, its clock checked, its signature not yet.
#[derive(Debug, Clone)]
pub struct Unverified {
    /// The key, not yet known to be a point.
    pub key: [u8; 32],
    /// The timestamp's text, which is what was signed.
    pub timestamp_text: String,
    /// The same as a point in time.
    pub timestamp: Timestamp,
    /// The signature.
    pub signature: Signature,
}

impl Unverified {
    /// Decodes the three parts and holds the timestamp against the clock. Nothing here costs curve arithmetic.
    ///
    /// # Errors
    /// Each failure as its own variant of [`AuthError`].
    pub fn decode(
        key: &str,
        timestamp: &str,
        signature: &str,
        now: Timestamp,
        tolerance: Duration,
    ) -> Result<Self, AuthError> {
        let key = base64url::decode_array(key).map_err(crate::key::KeyError::from)?;
        let signature = signature.parse().map_err(|_| AuthError::Signature)?;
        let time: Timestamp = timestamp.parse()?;
        let distance = time.distance(now);
        if distance > tolerance {
            return Err(AuthError::Clock {
                distance,
                tolerance,
            });
        }
        Ok(Self {
            key,
            timestamp_text: timestamp.to_owned(),
            timestamp: time,
            signature,
        })
    }

    /// Judges the signature over any one of `forms` (a request may be signed with or without its query).
    ///
    /// # Errors
    /// [`AuthError::Signature`] if it fits none.
    pub fn verify<'a>(
        self,
        verifier: &Verifier,
        forms: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Verified, AuthError> {
        let fits = forms
            .into_iter()
            .any(|form| verifier.verify(form, &self.signature).is_ok());
        if !fits || verifier.public().as_bytes() != &self.key {
            return Err(AuthError::Signature);
        }
        Ok(Verified {
            key: verifier.public(),
            timestamp: self.timestamp,
            signature: self.signature,
        })
    }
}

/// A claim whose signature was checked: who made it, when they say, and the signature, which also names it for the replay guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Who signed.
    pub key: PublicKey,
    /// When, by the signer's clock.
    pub timestamp: Timestamp,
    /// The signature.
    pub signature: Signature,
}
