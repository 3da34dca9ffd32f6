//! Parameters that several operations share, as shapes: nobody makes a value of one.

#![expect(dead_code, reason = "these are read by a macro")]

use mrp_proto::acl::EntryType;
use mrp_proto::id::MessageId;
use mrp_proto::key::PublicKey;
use mrp_proto::message::Status;
use utoipa::IntoParams;

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
