//! Signatures of data that belongs to no message.

use mrp_proto::key::{PublicKey, Signature};
use serde::{Deserialize, Serialize};

/// `POST /v1/sign`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignData {
    /// Local agent to sign as; the default one where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// SHA-256 of the data, 64 hexadecimal digits.
    pub sha256: String,
}

/// The answer: a detached signature of `mrp-data-v1\n` and the 32 bytes of the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DataSignature {
    /// Who signed.
    pub key: PublicKey,
    /// 86 characters of base64url.
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 86, max_length = 86))]
    pub signature: Signature,
}
