//! Error codes of the relay's HTTP and WebSocket interfaces, and the body that carries them (protocol A2).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Makes an enum `Code` of a table of names, texts and HTTP statuses, so that no row can lack a column: `ALL`, `as_str`, `status`,
/// `parse`, and `Display` as the text. The relay's interface has such a table, and the daemon's local one.
#[macro_export]
macro_rules! code_table {
    ($(#[$about:meta])* pub enum Code { $($(#[$doc:meta])* $name:ident = $text:literal, $status:literal;)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)+
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The code as the wire writes it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The HTTP status it travels with.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// Reads a code; `None` for those this version does not know.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.as_str() == text)
            }
        }

        impl ::std::fmt::Display for Code {
            fn fmt(&self, formatter: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}

code_table! {
    /// What a relay answers when it refuses. The text is the contract; the message beside it is for people.
    pub enum Code {
        /// The request cannot be understood.
        BadRequest = "bad_request", 400;
        /// The body is not JSON, or not JSON of the right shape.
        InvalidJson = "invalid_json", 400;
        /// The request carries no signature.
        MissingAuth = "missing_auth", 401;
        /// The key is not a valid one.
        InvalidPublicKey = "invalid_public_key", 401;
        /// The signature does not match.
        InvalidSignature = "invalid_signature", 401;
        /// The timestamp is unreadable or too far from the relay's clock; details: `server_time`.
        TimestampOutOfRange = "timestamp_out_of_range", 401;
        /// The agent asked that only signatures bound to a relay be accepted for it.
        BoundAuthRequired = "bound_auth_required", 401;
        /// The caller may not act on that resource.
        Forbidden = "forbidden", 403;
        /// The recipient's policy refuses the sender.
        AclDenied = "acl_denied", 403;
        /// The agent is suspended.
        AgentSuspended = "agent_suspended", 403;
        /// The relay takes no new agents.
        RegistrationClosed = "registration_closed", 403;
        /// No such agent.
        AgentNotFound = "agent_not_found", 404;
        /// No such message, or none that the caller may see.
        MessageNotFound = "message_not_found", 404;
        /// No such blob, or none that the caller may see.
        BlobNotFound = "blob_not_found", 404;
        /// The agent has no webhook.
        WebhookNotFound = "webhook_not_found", 404;
        /// No such entry.
        AclEntryNotFound = "acl_entry_not_found", 404;
        /// No such thread, or none that the caller takes part in.
        ThreadNotFound = "thread_not_found", 404;
        /// No such path.
        NotFound = "not_found", 404;
        /// The path exists, the method does not; `Allow` lists those that do.
        MethodNotAllowed = "method_not_allowed", 405;
        /// The request did not arrive in time.
        RequestTimeout = "request_timeout", 408;
        /// This signature was used before.
        ReplayDetected = "replay_detected", 409;
        /// A live message still attaches the blob.
        BlobReferenced = "blob_referenced", 409;
        /// A condition of the request does not hold.
        PreconditionFailed = "precondition_failed", 412;
        /// The body is too large; details: `limit`.
        PayloadTooLarge = "payload_too_large", 413;
        /// The request line is too long.
        UriTooLong = "uri_too_long", 414;
        /// The body's type is not one this path takes.
        UnsupportedMediaType = "unsupported_media_type", 415;
        /// The range is outside the blob.
        RangeNotSatisfiable = "range_not_satisfiable", 416;
        /// A field breaks a rule; details: `field`, `limit`, `actual`.
        ValidationFailed = "validation_failed", 422;
        /// The idempotency key was used with another request.
        IdempotencyMismatch = "idempotency_mismatch", 422;
        /// Too many requests; `Retry-After` says when to come again.
        RateLimitExceeded = "rate_limit_exceeded", 429;
        /// The request head is too large.
        HeadersTooLarge = "headers_too_large", 431;
        /// The relay failed; nothing of the cause is said.
        Internal = "internal", 500;
        /// The relay cannot now; `Retry-After` says when to come again.
        Unavailable = "unavailable", 503;
        /// A quota is used up.
        InsufficientStorage = "insufficient_storage", 507;
    }
}

impl Code {
    /// Whether the same request can succeed later without being changed.
    pub fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::RequestTimeout
                | Self::RateLimitExceeded
                | Self::Internal
                | Self::Unavailable
                | Self::InsufficientStorage
        )
    }
}

/// `{"error": {...}}`: the body of every refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// The refusal.
    pub error: ErrorDetail,
}

/// What was wrong, for programs (`code`, `details`) and for people (`message`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorDetail {
    /// A [`Code`]'s text; kept as text, since another relay may have others.
    #[cfg_attr(feature = "openapi", schema(value_type = Code))]
    pub code: String,
    /// A sentence: what was wrong and what would be right.
    pub message: String,
    /// Values to the message, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
    /// The id that the relay's log has for this request.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = true, pattern = "^req_[0-9a-f]{16}$"))]
    pub request_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_read_back() {
        for &code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(code));
            assert!((400..=599).contains(&code.status()));
        }
        assert_eq!(Code::parse("unauthorized"), None);
    }
}
