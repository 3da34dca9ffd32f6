//! Messages: what a sender asks for, what a recipient gets, and the limits between them (protocol A4).

use crate::id::MessageId;
use crate::key::PublicKey;
use crate::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

mod draft;

pub use draft::{Draft, DraftError, SendRequest};

/// The content type of a message that names none.
pub const DEFAULT_CONTENT_TYPE: &str = "application/json";
/// Attachments of one message, at most.
pub const MAX_ATTACHMENTS: usize = 10;
/// Entries of a metadata map, at most.
pub const MAX_METADATA_ENTRIES: usize = 16;
/// Characters of a metadata key, at most.
pub const MAX_METADATA_KEY: usize = 64;
/// Characters of a metadata value, at most.
pub const MAX_METADATA_VALUE: usize = 256;
/// Characters of a thread id, a reply reference or a content type, at most.
pub const MAX_REFERENCE: usize = 128;
/// Characters of an attachment's file name, at most.
pub const MAX_FILENAME: usize = 255;

/// Free-form text pairs that travel with a message or a profile.
pub type Metadata = BTreeMap<String, String>;

/// The sizes and times that a relay may set for messages; the defaults are the protocol's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of an inline body, at most.
    pub body: usize,
    /// Bytes of a whole send request or frame, at most.
    pub message: usize,
    /// How long a message lives that names no time.
    pub ttl_default: Duration,
    /// How long a message lives, at most.
    pub ttl_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1 << 20,
            message: 2 << 20,
            ttl_default: Duration::from_secs(604_800),
            ttl_max: Duration::from_secs(2_592_000),
        }
    }
}

/// A field that breaks a rule: the details of `validation_failed`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {rule} (given: {actual})")]
pub struct Violation {
    /// Path of the field in the request, such as `attachments[2].filename`.
    pub field: String,
    /// The rule, as a sentence with its limit.
    pub rule: String,
    /// The limit as a number or text.
    pub limit: Value,
    /// What was given, measured like the limit; never the content of a body.
    pub actual: Value,
}

impl Violation {
    /// Of a rule, with the limit and what was given.
    pub fn new(
        field: impl Into<String>,
        rule: impl Into<String>,
        limit: impl Into<Value>,
        actual: impl Into<Value>,
    ) -> Self {
        Self {
            field: field.into(),
            rule: rule.into(),
            limit: limit.into(),
            actual: actual.into(),
        }
    }

    /// The `details` of the error body.
    pub fn details(&self) -> Value {
        json!({ "field": self.field, "limit": self.limit, "actual": self.actual })
    }
}

/// Checks that `text` has `least` to `most` characters.
pub(crate) fn check_length(
    field: &str,
    text: &str,
    least: usize,
    most: usize,
) -> Result<(), Violation> {
    let actual = text.chars().count();
    if (least..=most).contains(&actual) {
        return Ok(());
    }
    Err(Violation::new(
        field,
        format!("must have {least} to {most} characters"),
        most,
        actual,
    ))
}

/// Checks a metadata map: number of entries, lengths of keys and values.
///
/// # Errors
/// The first [`Violation`] found, under the name `metadata`.
pub fn check_metadata(metadata: &Metadata) -> Result<(), Violation> {
    if metadata.len() > MAX_METADATA_ENTRIES {
        let rule = format!("must have at most {MAX_METADATA_ENTRIES} entries");
        return Err(Violation::new(
            "metadata",
            rule,
            MAX_METADATA_ENTRIES,
            metadata.len(),
        ));
    }
    for (key, value) in metadata {
        check_length("metadata (a key)", key, 1, MAX_METADATA_KEY)?;
        check_length(&format!("metadata.{key}"), value, 0, MAX_METADATA_VALUE)?;
    }
    Ok(())
}

/// A blob that travels with a message. To a relay only `blob_id` must be given; in a sealed envelope all of it is the sender's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Attachment {
    /// Name of the blob on the relay.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 128))]
    pub blob_id: String,
    /// A name for people; never a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "openapi",
        schema(
            min_length = 1,
            max_length = 255,
            pattern = r"^(?!\.\.?$)[^/\\\x00-\x1f\x7f-\x9f]+$"
        )
    )]
    pub filename: Option<String>,
    /// Media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 128))]
    pub content_type: Option<String>,
    /// Bytes (of the plaintext, where it is sealed).
    #[serde(
        default,
        deserialize_with = "whole_number",
        skip_serializing_if = "Option::is_none"
    )]
    pub size: Option<u64>,
    /// SHA-256, hexadecimal; in an envelope `sha256:<hex>` of the plaintext.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 128))]
    pub hash: Option<String>,
    /// Whether the blob's bytes are sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<bool>,
    /// Encapsulated key of the wrapped blob key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 43))]
    pub dek_enc: Option<String>,
    /// The wrapped blob key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64))]
    pub dek_ct: Option<String>,
}

impl Attachment {
    fn check(&self, index: usize) -> Result<(), Violation> {
        let field = |name: &str| format!("attachments[{index}].{name}");
        check_length(&field("blob_id"), &self.blob_id, 1, MAX_REFERENCE)?;
        if let Some(filename) = &self.filename {
            check_length(&field("filename"), filename, 1, MAX_FILENAME)?;
            let forbidden =
                |character: char| matches!(character, '/' | '\\') || character.is_control();
            if filename.chars().any(forbidden) || filename == "." || filename == ".." {
                let rule = "must be a name, not a path: no /, \\ or control characters, and neither . nor ..";
                return Err(Violation::new(
                    field("filename"),
                    rule,
                    "a plain name",
                    filename.as_str(),
                ));
            }
        }
        for (name, value, most) in [
            ("content_type", &self.content_type, MAX_REFERENCE),
            ("hash", &self.hash, MAX_REFERENCE),
            ("dek_enc", &self.dek_enc, 43),
            ("dek_ct", &self.dek_ct, 64),
        ] {
            if let Some(value) = value {
                check_length(&field(name), value, 1, most)?;
            }
        }
        Ok(())
    }
}

/// Where a message stands (protocol A4.6, A4.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Accepted and waiting for its recipient.
    Sent,
    /// Taken over by its recipient.
    Delivered,
    /// Its time ran out.
    Expired,
}

/// A message as its recipient, or its sender, reads it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Message {
    /// Name on the relay.
    pub message_id: MessageId,
    /// Who sent it.
    pub sender_key: PublicKey,
    /// Who is to get it.
    pub recipient_key: PublicKey,
    /// Media type.
    #[serde(default = "default_content_type")]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub content_type: String,
    /// The body's bytes as they were sent; absent where there is none, or where it expired.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::body))]
    pub body: Option<Box<RawValue>>,
    /// Blobs that travel along.
    #[serde(default, deserialize_with = "null_to_default")]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub attachments: Vec<Attachment>,
    /// Where it stands.
    pub status: Status,
    /// Thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<String>,
    /// What it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<String>,
    /// Text pairs.
    #[serde(
        default,
        deserialize_with = "null_to_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::metadata))]
    pub metadata: Metadata,
    /// When the relay accepted it.
    pub created_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When its recipient took it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Timestamp>,
}

fn default_content_type() -> String {
    DEFAULT_CONTENT_TYPE.to_owned()
}

/// Other relays write `null` for what is empty.
pub(crate) fn null_to_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Tells an explicit `null` from an absent field.
pub(crate) fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

/// Reads a whole number in any spelling: to JSON Schema, `60.0` is an integer, and some languages write all numbers so.
pub(crate) fn whole_number<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<i64> + TryFrom<u64>,
{
    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let whole = if let Some(number) = number.as_i64() {
        T::try_from(number).ok()
    } else if let Some(number) = number.as_u64() {
        T::try_from(number).ok()
    } else {
        exact(&number).and_then(|number| T::try_from(number).ok())
    };
    let refusal = || serde::de::Error::custom(format!("not a whole number in range: {number}"));
    whole.map(Some).ok_or_else(refusal)
}

/// A double that is a whole number, and no rounded one.
fn exact(number: &serde_json::Number) -> Option<i64> {
    const MOST: f64 = 9_007_199_254_740_992.0;
    let number = number.as_f64()?;
    (number.fract() == 0.0 && number.abs() < MOST).then(|| format!("{number:.0}").parse().ok())?
}
