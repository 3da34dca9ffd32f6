//! The sealed body as it travels.

use super::VERSION;
use crate::base64url::{self, DecodeError};
use crate::json::excerpt;
use serde::de::Error as _;
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Bytes of the authentication tag, and so the least that a ciphertext has.
const TAG_LENGTH: usize = 16;
/// Characters of what an error repeats, at most.
const MAX_EXCERPT: usize = 64;

/// Why a body is not a sealed one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealedError {
    /// The body is not a JSON object.
    #[error("a sealed body is a JSON object")]
    NotAnObject,
    /// The version is not 2. Version 1 did not say who sealed and is not read.
    #[error("sealed with version {actual}, only version {VERSION} is read")]
    Version {
        /// The JSON text of the member `v`, cut to 64 characters; `none` if there is none.
        actual: String,
    },
    /// A member is absent or not a string.
    #[error("the sealed body has no text {field:?}")]
    Missing {
        /// The member's name.
        field: &'static str,
    },
    /// A member is not base64url of the right number of bytes.
    #[error("{field:?} of the sealed body: {source}")]
    Encoding {
        /// The member's name.
        field: &'static str,
        /// What is wrong.
        source: DecodeError,
    },
    /// The ciphertext is shorter than its authentication tag.
    #[error("the sealed body's ciphertext has at least {TAG_LENGTH} bytes, this one has {actual}")]
    TooShort {
        /// Bytes found.
        actual: usize,
    },
}

/// A sealed body: `{"v":2,"enc","ct","ct_content_type"}`. Whether it opens only opening it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    encapsulated: [u8; 32],
    ciphertext: Vec<u8>,
    content_type: String,
}

impl Sealed {
    pub(super) fn new(encapsulated: [u8; 32], ciphertext: Vec<u8>, content_type: String) -> Self {
        Self {
            encapsulated,
            ciphertext,
            content_type,
        }
    }

    /// Reads a message's body. Members that are not known are ignored.
    ///
    /// # Errors
    /// [`SealedError`], with the first thing that is wrong.
    pub fn parse(body: &str) -> Result<Self, SealedError> {
        let body = serde_json::from_str::<Value>(body).map_err(|_| SealedError::NotAnObject)?;
        Self::from_value(&body)
    }

    fn from_value(body: &Value) -> Result<Self, SealedError> {
        let members = body.as_object().ok_or(SealedError::NotAnObject)?;
        let version = members.get("v");
        if version.and_then(Value::as_u64) != Some(VERSION) {
            return Err(SealedError::Version {
                actual: version.map_or_else(
                    || "none".to_owned(),
                    |version| excerpt(&version.to_string(), MAX_EXCERPT),
                ),
            });
        }
        let text = |field: &'static str| {
            members
                .get(field)
                .and_then(Value::as_str)
                .ok_or(SealedError::Missing { field })
        };
        let encapsulated = decode_field("enc", text("enc")?)?;
        let ciphertext =
            base64url::decode(text("ct")?).map_err(|source| SealedError::Encoding {
                field: "ct",
                source,
            })?;
        if ciphertext.len() < TAG_LENGTH {
            return Err(SealedError::TooShort {
                actual: ciphertext.len(),
            });
        }
        let content_type = text("ct_content_type")?.to_owned();
        Ok(Self::new(encapsulated, ciphertext, content_type))
    }

    /// The encapsulated key: fresh for each sealing, so it also tells two copies of one sealing from two messages.
    pub fn encapsulated(&self) -> &[u8; 32] {
        &self.encapsulated
    }

    /// The ciphertext with its tag.
    pub fn ciphertext(&self) -> &[u8] {
        &self.ciphertext
    }

    /// The inner content type. The relay can change it.
    pub fn content_type(&self) -> &str {
        &self.content_type
    }
}

impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Sealed", 4)?;
        members.serialize_field("v", &VERSION)?;
        members.serialize_field("enc", &base64url::encode(&self.encapsulated))?;
        members.serialize_field("ct", &base64url::encode(&self.ciphertext))?;
        members.serialize_field("ct_content_type", &self.content_type)?;
        members.end()
    }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Decodes a member that holds exactly `N` bytes.
pub(super) fn decode_field<const N: usize>(
    field: &'static str,
    text: &str,
) -> Result<[u8; N], SealedError> {
    base64url::decode_array(text).map_err(|source| SealedError::Encoding { field, source })
}
