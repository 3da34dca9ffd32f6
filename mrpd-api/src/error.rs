//! Error codes of the local interface: stable texts, with the HTTP status they travel with and the exit status of a program
//! that ends because of them.

use serde::{Deserialize, Serialize};

/// The table of codes, with one column more than the relay's: the exit status.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal, $exit:literal;)+) => {
        mrp_proto::code_table! {
            /// Why the daemon, or its client, refused.
            pub enum Code { $($(#[$doc])* $name = $text, $status;)+ }
        }

        impl Code {
            /// The exit status it ends a program with (sysexits where they fit).
            pub fn exit(self) -> u8 {
                match self { $(Self::$name => $exit,)+ }
            }
        }
    };
}

codes! {
    /// A field or parameter is missing or breaks a rule.
    InvalidRequest = "invalid_request", 400, 65;
    /// The body is not JSON of the right shape.
    InvalidJson = "invalid_json", 400, 65;
    /// Too large for a message.
    TooLarge = "too_large", 413, 65;
    /// Sending in clear is not allowed here.
    EncryptionRequired = "encryption_required", 422, 65;
    /// The idempotency key was used with another message.
    IdempotencyMismatch = "idempotency_mismatch", 422, 65;
    /// No contact, key, card or prefix of that name.
    UnknownRecipient = "unknown_recipient", 404, 67;
    /// More than one contact begins so.
    AmbiguousRecipient = "ambiguous_recipient", 409, 67;
    /// No contact of that name.
    UnknownContact = "unknown_contact", 404, 67;
    /// The name or the key belongs to another contact.
    ContactExists = "contact_exists", 409, 65;
    /// No local agent of that name.
    UnknownAgent = "unknown_agent", 404, 78;
    /// No relay of that name.
    UnknownRelay = "unknown_relay", 404, 78;
    /// No hook of that name.
    UnknownHook = "unknown_hook", 404, 1;
    /// The configuration has no agent yet.
    NoAgent = "no_agent", 409, 78;
    /// The configuration is wrong.
    InvalidConfig = "invalid_config", 422, 78;
    /// No such message here.
    MessageNotFound = "message_not_found", 404, 1;
    /// A file cannot be made there.
    CannotCreate = "cannot_create", 422, 73;
    /// Somebody else has taken the message meanwhile, or it is settled.
    LeaseLost = "lease_lost", 409, 65;
    /// Nobody has claimed the message.
    NotClaimed = "not_claimed", 409, 65;
    /// No named reader of the inbox of that name.
    UnknownCursor = "unknown_cursor", 404, 1;
    /// No such file or blob.
    BlobNotFound = "blob_not_found", 404, 66;
    /// A message needs the blob.
    BlobInUse = "blob_in_use", 409, 75;
    /// No such path.
    NotFound = "not_found", 404, 76;
    /// The path exists, the method does not.
    MethodNotAllowed = "method_not_allowed", 405, 76;
    /// The relay, or the socket, does not permit it.
    NotPermitted = "not_permitted", 403, 77;
    /// The relay refused the message for good.
    Refused = "refused", 422, 65;
    /// It expired before a relay took it.
    Expired = "expired", 410, 75;
    /// It was taken out of the outbox.
    Cancelled = "cancelled", 410, 75;
    /// A relay has the message, or may have it.
    TooLate = "too_late", 409, 75;
    /// Too many requests.
    RateLimited = "rate_limited", 429, 75;
    /// Not yet; the message stays queued.
    TryAgain = "try_again", 503, 75;
    /// The relay cannot be reached, and the command needs it.
    RelayUnreachable = "relay_unreachable", 502, 69;
    /// The store cannot be written: the disk is full or failing.
    StorageFailed = "storage_failed", 507, 74;
    /// The daemon failed.
    Internal = "internal", 500, 70;
    /// The daemon is going away.
    ShuttingDown = "shutting_down", 503, 75;
    /// No daemon answers (said by the client).
    DaemonUnreachable = "daemon_unreachable", 503, 69;
    /// The daemon speaks another version, or nonsense (said by the client).
    VersionMismatch = "version_mismatch", 502, 76;
    /// The relay has nothing of that name.
    UnknownToRelay = "unknown_to_relay", 404, 1;
    /// Time ran out (said by the client).
    TimedOut = "timed_out", 504, 124;
}

impl Code {
    /// Whether the same request can succeed later without being changed.
    pub fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::RateLimited
                | Self::TryAgain
                | Self::RelayUnreachable
                | Self::StorageFailed
                | Self::ShuttingDown
                | Self::DaemonUnreachable
                | Self::TimedOut
        )
    }
}

/// `{"error": {...}}`: the body of every refusal, and what `mrpctl -o json` writes to stderr.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// The refusal.
    pub error: ErrorDetail,
}

/// What was wrong, for programs and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorDetail {
    /// A [`Code`]'s text.
    #[cfg_attr(feature = "openapi", schema(value_type = Code))]
    pub code: String,
    /// What happened.
    pub message: String,
    /// The exit status that goes with it.
    pub exit: u8,
    /// Whether the same request can succeed later.
    pub retryable: bool,
    /// What to do about it.
    pub hint: Option<String>,
    /// The relay's id of the request that was refused, where one was.
    pub request_id: Option<String>,
}

impl ErrorDetail {
    /// Of a code, a message and a hint.
    pub fn new(code: Code, message: impl Into<String>, hint: Option<String>) -> Self {
        Self {
            code: code.as_str().to_owned(),
            message: plain_words(&message.into()),
            exit: code.exit(),
            retryable: code.is_retryable(),
            hint,
            request_id: None,
        }
    }
}

/// What an error says, without the system's number for it, `(os error 2)`, and without the name of a file that was to have another
/// one in the end, which stands behind it.
pub fn plain_words(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(" (os error ") {
        plain.push_str(before);
        let (_, behind) = behind.split_once(')').unwrap_or((behind, ""));
        let inner = behind.strip_prefix(" at path \"");
        rest = inner
            .and_then(|inner| inner.split_once('"'))
            .map_or(behind, |(_, behind)| behind);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_no_numbers_of_the_system() {
        for (text, plain) in [
            ("refused (os error 111)", "refused"),
            (
                "a (os error 2) at path \"/x/.tmpAb.partial\"; b (os error 13): c",
                "a; b: c",
            ),
            ("nothing (of that kind)", "nothing (of that kind)"),
        ] {
            let detail = ErrorDetail::new(Code::Internal, text, None);
            assert_eq!(detail.message, plain);
        }
    }

    #[test]
    fn every_code_is_read_back() {
        for &code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(code));
        }
    }
}
