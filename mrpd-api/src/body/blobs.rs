//! Files and blobs: what a message carries, and what lies with a relay.

use mrp_proto::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A file that travels with a message: an entry of [`Send::attachments`](super::Send::attachments).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Attach {
    /// `file_…`, which `PUT /v1/blobs` gave, or `blob_…`, which a relay gave.
    pub id: String,
    /// The name that its recipient sees; that of the file where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// Media type; that of the file where absent.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
}

/// Query of the routes below [`crate::route::BLOBS`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(default)]
pub struct BlobQuery {
    /// A name for people; never a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// Media type; `application/octet-stream` where absent.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Local agent; the default one where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Relay; the agent's first where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay: Option<String>,
}

/// A file that waits here for its messages, or a blob at a relay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Blob {
    /// `file_…` here, `blob_…` at a relay.
    pub id: String,
    /// Local agent that uploaded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Relay at which it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay: Option<String>,
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// Media type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// SHA-256 of the bytes, hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// When it came here, or was uploaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// Until when the relay has it, unless a message carries it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}
