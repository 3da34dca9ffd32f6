//! Why a bound signature is not believed: each reason says what would be right.

use super::MAX_LIFETIME;
use super::structured::Malformed;
use crate::code::Code;

/// Why a bound signature was not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BoundError {
    /// A header is no dictionary of structured fields.
    #[error("the header {field} is not a dictionary as RFC 9651 has it: {source}")]
    Malformed {
        /// The header.
        field: &'static str,
        /// Where it fails.
        source: Malformed,
    },
    /// More than one signature has our tag.
    #[error("Signature-Input has several signatures with tag=\"mrp\"; sign once")]
    Several,
    /// The header `Signature` lacks what `Signature-Input` announces.
    #[error("the header Signature has no member {label:?}, which Signature-Input announces")]
    NoSignature {
        /// The name of the signature.
        label: String,
    },
    /// What is in the header `Signature` has another shape.
    #[error("the member {label:?} of the header Signature is not 64 bytes between colons")]
    NotASignature {
        /// The name of the signature.
        label: String,
    },
    /// A parameter is missing.
    #[error("the signature lacks the parameter {name}")]
    NoParameter {
        /// Which.
        name: &'static str,
    },
    /// A parameter has a value that it cannot have.
    #[error("the signature's parameter {name} {rule}")]
    Parameter {
        /// Which.
        name: &'static str,
        /// What would be right.
        rule: &'static str,
    },
    /// A parameter that nothing is known of.
    #[error("the signature has a parameter that this version does not know: {name}")]
    UnknownParameter {
        /// Which, shortened.
        name: String,
    },
    /// A component that nothing is known of.
    #[error(
        "the signature covers {name}; known are @method, @authority, @path, @query, content-digest, content-type, idempotency-key and range, without parameters"
    )]
    UnknownComponent {
        /// Which, shortened.
        name: String,
    },
    /// A component is covered twice.
    #[error("the signature covers {name} twice")]
    Repeated {
        /// Which.
        name: &'static str,
    },
    /// The signature must cover a part of the request, and does not.
    #[error("the signature must cover {name}")]
    NotCovered {
        /// Which.
        name: &'static str,
    },
    /// The signature covers a header that the request has not.
    #[error("the signature covers {name}, which the request does not have")]
    Absent {
        /// Which.
        name: &'static str,
    },
    /// The signature would be good for too long, or for no time at all.
    #[error(
        "the signature's expires must be 1 to {} s after created, it is {actual}",
        MAX_LIFETIME.as_secs()
    )]
    Lifetime {
        /// Seconds between the two.
        actual: i64,
    },
    /// A request with a body lacks a digest of it.
    #[error(
        "a signed request with a body needs the header Content-Digest with sha-256 (RFC 9530): {problem}"
    )]
    Digest {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The signature fits under no name of the verifier.
    #[error(
        "the signature does not match the key and the request under any name of this relay; it may have been made for another one, or this one's public_url or names lack the one it was made for"
    )]
    Mismatch,
    /// The auth frame has a version that nothing is known of.
    #[error("the auth frame has v {version}; known are 1 and 2")]
    Version {
        /// Which.
        version: u64,
    },
    /// The auth frame is made for another relay.
    #[error(
        "the audience {audience:?} is no origin of this relay, such as https://relay.example.net; it may be another relay's, or this one's public_url or names lack it"
    )]
    Audience {
        /// What it was made for, shortened.
        audience: String,
    },
}

impl BoundError {
    /// The wire code (protocol A1.3).
    pub fn code(&self) -> Code {
        match self {
            Self::NoSignature { .. } => Code::MissingAuth,
            Self::Lifetime { .. } => Code::TimestampOutOfRange,
            _ => Code::InvalidSignature,
        }
    }
}
