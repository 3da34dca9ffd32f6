//! Parameters that several operations share, as shapes: nobody makes a value of one.

#![expect(dead_code, reason = "these are read by a macro")]

use mrp_proto::acl::EntryType;
use mrp_proto::agent::NAME_LENGTH;
use mrp_proto::id::{BlobId, MessageId};
use mrp_proto::key::PublicKey;
use mrp_proto::message::Status;
use mrp_proto::relay_api::MAX_FILTER_VALUES;
use mrp_proto::time::Timestamp;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AnyOfBuilder, ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type,
};
use utoipa::{IntoParams, PartialSchema, ToSchema};

/// `/v1/agents/{key}`
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::http) struct AgentPath {
    /// The agent's public key
    key: PublicKey,
}

/// `/v1/messages/{id}`
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::http) struct MessagePath {
    /// The message's name on this relay
    id: MessageId,
}

/// `/v1/messages/threads/{id}`
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::http) struct ThreadPath {
    /// The thread, percent-encoded
    #[param(min_length = 1, max_length = 128)]
    id: String,
}

/// Paging.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct PageQuery {
    /// Items of the page, at most
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before
    cursor: Option<String>,
}

/// What a poll may ask for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct PollQuery {
    /// Only messages that stand so; `sent` where it is not given
    status: Option<Status>,
    /// Only messages of this sender
    sender_key: Option<PublicKey>,
    /// Only answers to this
    #[param(min_length = 1, max_length = 128)]
    in_reply_to: Option<String>,
}

/// `/v1/agents/{key}/acl/{peer}`
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::http) struct AclPath {
    /// One's own key
    key: PublicKey,
    /// The other agent's key
    peer: PublicKey,
}

/// What a listing of entries may ask for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct AclQuery {
    /// Only entries of this type
    r#type: Option<EntryType>,
}

/// What discovery may ask for; all filters hold at once.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct DiscoverQuery {
    /// A tag of a capability; may be repeated
    #[param(schema_with = filters, required = false)]
    tag: Option<Vec<String>>,
    /// Words that all occur in names, descriptions and tags of capabilities or in the display name
    #[param(max_length = 256)]
    q: Option<String>,
    /// A part of the display name
    #[param(max_length = 256)]
    name: Option<String>,
    /// Active at this time or later
    #[param(schema_with = time_or_empty, required = false)]
    active_since: Option<Timestamp>,
    /// Agents of the page, at most
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before
    cursor: Option<String>,
    /// A name or tag; may be repeated; of older clients, which are answered with plain names
    #[param(schema_with = filters, required = false)]
    capability: Option<Vec<String>>,
    /// What a name or tag begins with; of older clients
    #[param(max_length = 64)]
    capability_prefix: Option<String>,
}

/// Bytes that are no JSON and no text, for which OpenAPI 3.1 has no schema.
pub(in crate::http) struct Bytes;

impl PartialSchema for Bytes {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::AnyValue)
            .into()
    }
}

impl ToSchema for Bytes {}

/// The values of a filter that may be repeated.
fn filters() -> Schema {
    let value = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(NAME_LENGTH.1));
    ArrayBuilder::new()
        .items(value)
        .max_items(Some(MAX_FILTER_VALUES))
        .into()
}

/// A form's field that was not filled in is as good as none.
fn time_or_empty() -> Schema {
    let empty = ObjectBuilder::new()
        .schema_type(Type::String)
        .max_length(Some(0));
    AnyOfBuilder::new()
        .item(Timestamp::schema())
        .item(empty)
        .into()
}

/// `/v1/blobs/{id}`
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::http) struct BlobPath {
    /// The blob's name on this relay
    id: BlobId,
}
