//! Schemas, for OpenAPI documents, of the types that serde reads and writes as texts, and what is done to every document. The other
//! types derive their schemas.

mod document;

pub use document::{forbid_null, tidy};

use crate::agent::{MAX_INPUT_SCHEMA, NAME_LENGTH};
use crate::code::Code;
use crate::id::{BlobId, MessageId};
use crate::key::PublicKey;
use crate::message::{MAX_METADATA_ENTRIES, MAX_METADATA_KEY, MAX_METADATA_VALUE};
use crate::time::Timestamp;
use utoipa::openapi::schema::{
    ArrayBuilder, Object, ObjectBuilder, OneOfBuilder, SchemaType, Type,
};
use utoipa::openapi::{KnownFormat, RefOr, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

/// Gives a type that is written as a text the schema of its texts.
macro_rules! text_schema {
    ($($type:ident: $pattern:literal, $example:literal, $description:literal;)+) => {
        $(
            impl PartialSchema for $type {
                fn schema() -> RefOr<Schema> {
                    text()
                        .pattern(Some($pattern))
                        .examples([$example])
                        .description(Some($description))
                        .into()
                }
            }

            impl ToSchema for $type {}
        )+
    };
}

text_schema! {
    PublicKey: "^[A-Za-z0-9_-]{43}$", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "An Ed25519 public key: 32 bytes in base64url without padding. It is the agent's address.";
    MessageId: "^msg_[A-Za-z0-9_-]{1,124}$", "msg_1772611200_a1b2c3d4e5f6", "A message's name on its relay.";
    BlobId: "^blob_[0-9a-f]{12,64}$", "blob_e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "A blob's name on its relay: the SHA-256 of its bytes.";
}

impl PartialSchema for Timestamp {
    fn schema() -> RefOr<Schema> {
        text()
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .examples(["2026-03-05T12:00:00.123Z"])
            .description(Some("A point in time: RFC 3339, UTC, milliseconds."))
            .into()
    }
}

impl ToSchema for Timestamp {}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        text()
            .enum_values(Some(Self::ALL.iter().map(|code| code.as_str())))
            .description(Some("Why a request was refused; each code has one status."))
            .into()
    }
}

impl ToSchema for Code {
    fn name() -> std::borrow::Cow<'static, str> {
        "ErrorCode".into()
    }
}

/// Text pairs within their limits.
pub(crate) fn metadata() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .max_properties(Some(MAX_METADATA_ENTRIES))
        .property_names(Some(
            text()
                .min_length(Some(1))
                .max_length(Some(MAX_METADATA_KEY)),
        ))
        .additional_properties(Some(Schema::from(
            text().max_length(Some(MAX_METADATA_VALUE)).build(),
        )))
        .build()
}

/// As [`metadata`], or `null` for none.
pub(crate) fn optional_metadata() -> Schema {
    OneOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(Type::Null))
        .item(metadata())
        .into()
}

/// A capability's name or tag.
pub(crate) fn name() -> Object {
    let (least, most) = NAME_LENGTH;
    text()
        .min_length(Some(least))
        .max_length(Some(most))
        // Which characters beyond ASCII are letters, dialects of regular expressions do not agree on.
        .pattern(Some(r"^[^\x00-,/;-@\[-^`{-\x7f]+$"))
        .description(Some("Letters and digits of any script, _ : . and -"))
        .build()
}

/// A capability's tags.
pub(crate) fn tags() -> Schema {
    ArrayBuilder::new()
        .items(name())
        .max_items(Some(crate::agent::MAX_TAGS))
        .into()
}

/// The JSON Schema of a capability's parameters: any JSON, passed through.
pub(crate) fn input_schema() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .description(Some(format!(
            "JSON Schema of the parameters, passed through; at most {} KiB of JSON",
            MAX_INPUT_SCHEMA >> 10
        )))
        .build()
}

/// What a message says.
pub(crate) fn body() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .description(Some(
            "Any JSON; its bytes pass through unchanged. Required where there are no attachments.",
        ))
        .build()
}

/// A list of capabilities in either form (protocol A3.3), or `null` for none.
pub(crate) fn capability_list() -> Schema {
    let list = ArrayBuilder::new()
        .items(capability_or_name())
        .max_items(Some(crate::agent::MAX_CAPABILITIES))
        .description(Some(
            "Replaces the whole list. A plain name, as older clients send it, means a capability of that name and tag.",
        ));
    OneOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(Type::Null))
        .item(list)
        .into()
}

/// An agent's capabilities, in the form of the request (protocol A3.3).
pub(crate) fn shown_capabilities() -> Schema {
    ArrayBuilder::new()
        .items(capability_or_name())
        .description(Some(
            "What the agent can do: objects, except to a request that itself had plain names.",
        ))
        .into()
}

fn capability_or_name() -> OneOfBuilder {
    OneOfBuilder::new()
        .item(utoipa::openapi::Ref::from_schema_name("Capability"))
        .item(name())
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}
