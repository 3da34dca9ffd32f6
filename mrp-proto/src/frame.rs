//! WebSocket frames, by direction (protocol A8). Each is one JSON text with a `type`.
//!
//! A frame is read in two steps, the type first, because bodies must keep their bytes and serde's tagged enums do not let them.

use crate::bound::{self, Nonce};
use crate::code::Code;
use crate::id::MessageId;
use crate::key::{PublicKey, SecretKey};
use crate::message::{Message, SendRequest};
use crate::sign;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

mod close;
mod result;

pub use close::CloseCode;

use result::{AuthResultFields, SendResultFields};

/// Bytes of a frame, at most, in either direction; more is closed with [`CloseCode::TooBig`].
pub const MAX_FRAME: usize = 2 << 20;
/// Bytes of a client's first frame, at most: it holds a key, a signature and little else, and nobody knows yet who sent it.
pub const MAX_AUTH_FRAME: usize = 16 << 10;
/// Bytes of a frame that any client takes: what is larger is announced with `pending` (protocol A8.6).
pub const SAFE_FRAME: usize = 1 << 20;

/// Bytes of a send's `request_id`, at most: it is held until the send is stored, and repeated in the answer.
pub const MAX_REQUEST_ID: usize = 256;

/// Characters that are read of a relay's reason for a refusal, and of its code.
pub const MAX_REASON: usize = 500;

/// Why a frame was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than allowed.
    #[error("the frame has {actual} bytes, at most {limit} are allowed")]
    TooLarge {
        /// Bytes allowed.
        limit: usize,
        /// Bytes given.
        actual: usize,
    },
    /// Not a JSON object with a `type` text.
    #[error("the frame is not a JSON object with a type")]
    NotAFrame,
    /// A type that does not exist in this direction.
    #[error("unknown frame type {kind:?}")]
    UnknownType {
        /// The type, shortened.
        kind: String,
    },
    /// A known type whose fields are wrong.
    #[error("malformed {kind} frame: {reason}")]
    Malformed {
        /// The type.
        kind: &'static str,
        /// What is wrong, without the content; at most 200 characters.
        reason: String,
    },
}

/// `auth`, the first frame of a client.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Auth {
    /// Who connects, 43 characters.
    pub public_key: String,
    /// When it was signed, RFC 3339.
    pub timestamp: String,
    /// Signature over [`crate::sign::websocket_bytes`], or over [`crate::bound::websocket_bytes`] in version 2.
    pub signature: String,
    /// 2 for the bound form (protocol A11), which has a nonce and an audience.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v: Option<u64>,
    /// A [`Nonce`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The origin of the relay that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Bytes of a frame that this client takes, where that is more than [`SAFE_FRAME`] (protocol A8.6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_frame: Option<u64>,
}

impl Auth {
    /// In the published scheme.
    pub fn published(key: &SecretKey, timestamp: Timestamp) -> Self {
        let timestamp = timestamp.to_string();
        Self {
            public_key: key.public().to_string(),
            signature: key.sign(&sign::websocket_bytes(&timestamp)).to_string(),
            timestamp,
            ..Self::default()
        }
    }

    /// For the relay at one origin alone (protocol A11).
    pub fn bound(key: &SecretKey, timestamp: Timestamp, audience: &str, nonce: &Nonce) -> Self {
        let timestamp = timestamp.to_string();
        let bytes = bound::websocket_bytes(audience, &timestamp, nonce);
        Self {
            public_key: key.public().to_string(),
            signature: key.sign(&bytes).to_string(),
            timestamp,
            v: Some(2),
            nonce: Some(nonce.to_string()),
            audience: Some(audience.to_owned()),
            max_frame: None,
        }
    }
}

/// Without the signature: it would open a session at any relay that has not seen it.
impl fmt::Debug for Auth {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Auth")
            .field("public_key", &self.public_key)
            .field("timestamp", &self.timestamp)
            .field("v", &self.v)
            .field("audience", &self.audience)
            .field("max_frame", &self.max_frame)
            .finish_non_exhaustive()
    }
}

/// `send`: a message from a client.
#[derive(Debug, Clone, Serialize)]
pub struct Send {
    /// The client's own name for this send, of at most [`MAX_REQUEST_ID`] bytes; `send_result` repeats it.
    pub request_id: String,
    /// Accepted once per key (protocol A1.8).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// The message.
    #[serde(flatten)]
    pub request: SendRequest,
}

/// What a client says.
#[derive(Debug, Clone)]
pub enum ClientFrame {
    /// Who it is.
    Auth(Box<Auth>),
    /// It has stored a message.
    Ack {
        /// Which, as text: one that cannot exist is ignored, not an error.
        message_id: String,
    },
    /// It sends a message.
    Send(Box<Send>),
    /// It asks whether the relay is there.
    Ping,
    /// It is there.
    Pong,
}

/// `auth_result`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthResult {
    /// The session has begun.
    Ok {
        /// The key that was authenticated; absent from some relays.
        public_key: Option<PublicKey>,
    },
    /// It has not.
    Error {
        /// Why, for people; read up to [`MAX_REASON`] characters.
        error: String,
        /// Why, for programs; absent from some relays.
        code: Option<String>,
    },
}

/// How a relay writes success in `send_result`: its documentation and its published client disagree (protocol A8.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SuccessWord {
    /// `"ok"`, the only one that the published SDK takes.
    Ok,
    /// `"sent"`, as documented.
    #[default]
    Sent,
}

/// The answer to a `send`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The message is stored.
    Accepted {
        /// How to write it; read as either.
        word: SuccessWord,
        /// The message's name.
        message_id: MessageId,
        /// When it was accepted; absent from some relays.
        created_at: Option<Timestamp>,
        /// When it expires; absent from some relays.
        expires_at: Option<Timestamp>,
    },
    /// The message was refused.
    Refused {
        /// Why, for people; read up to [`MAX_REASON`] characters.
        error: String,
        /// Why, for programs: a [`Code`]'s text.
        code: Option<String>,
        /// Seconds after which it may be tried again.
        retry_after: Option<u64>,
    },
}

impl SendOutcome {
    /// Of a refusal with one of our codes.
    pub fn refused(code: Code, error: impl Into<String>, retry_after: Option<u64>) -> Self {
        Self::Refused {
            error: error.into(),
            code: Some(code.as_str().to_owned()),
            retry_after,
        }
    }
}

/// What a relay says.
#[derive(Debug, Clone)]
pub enum ServerFrame {
    /// Whether the session has begun.
    AuthResult(AuthResult),
    /// A message.
    Message(Box<Message>),
    /// What became of a send.
    SendResult {
        /// The client's name for it.
        request_id: String,
        /// What became of it.
        outcome: SendOutcome,
    },
    /// A message waits that is larger than this client takes.
    Pending {
        /// Which.
        message_id: MessageId,
        /// Bytes of its frame.
        size: u64,
    },
    /// The relay is about to close.
    GoingAway {
        /// Seconds to wait before connecting again.
        reconnect_after: u64,
    },
    /// It asks whether the client is there.
    Ping,
    /// It is there.
    Pong,
    /// A type that this version does not know; to be ignored.
    Other,
}

#[derive(Deserialize)]
struct Tag<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

/// The fields beside the message itself.
#[derive(Deserialize)]
struct SendHead {
    request_id: String,
    #[serde(default)]
    idempotency_key: Option<String>,
}

fn kind_of(text: &str) -> Result<Cow<'_, str>, FrameError> {
    if text.len() > MAX_FRAME {
        return Err(FrameError::TooLarge {
            limit: MAX_FRAME,
            actual: text.len(),
        });
    }
    let tag: Tag<'_> = crate::json::from_object(text).map_err(|_| FrameError::NotAFrame)?;
    Ok(tag.kind)
}

fn fields<'a, T: Deserialize<'a>>(kind: &'static str, text: &'a str) -> Result<T, FrameError> {
    serde_json::from_str(text).map_err(|error| FrameError::Malformed {
        kind,
        reason: crate::json::describe(&error),
    })
}

fn unknown(kind: &str) -> FrameError {
    FrameError::UnknownType {
        kind: kind.chars().take(32).collect(),
    }
}

impl ClientFrame {
    /// Reads a frame from a client.
    ///
    /// # Errors
    /// A [`FrameError`]: too large, not a frame, of an unknown type, or with wrong fields.
    pub fn decode(text: &str) -> Result<Self, FrameError> {
        #[derive(Deserialize)]
        struct Ack {
            message_id: String,
        }
        match &*kind_of(text)? {
            "auth" => fields("auth", text).map(Self::Auth),
            "ack" => fields::<Ack>("ack", text).map(|ack| Self::Ack {
                message_id: ack.message_id,
            }),
            "send" => {
                let head: SendHead = fields("send", text)?;
                let length = head.request_id.len();
                if length > MAX_REQUEST_ID {
                    let reason = format!(
                        "request_id may have {MAX_REQUEST_ID} bytes, this one has {length}"
                    );
                    return Err(FrameError::Malformed {
                        kind: "send",
                        reason,
                    });
                }
                let request = fields("send", text)?;
                let send = Send {
                    request_id: head.request_id,
                    idempotency_key: head.idempotency_key,
                    request,
                };
                Ok(Self::Send(Box::new(send)))
            }
            "ping" => Ok(Self::Ping),
            "pong" => Ok(Self::Pong),
            other => Err(unknown(other)),
        }
    }

    /// Writes a frame to a relay.
    pub fn encode(&self) -> String {
        match self {
            Self::Auth(auth) => write("auth", auth),
            Self::Ack { message_id } => write(
                "ack",
                MessageReference {
                    message_id,
                    size: None,
                },
            ),
            Self::Send(send) => write("send", send),
            Self::Ping => write("ping", Nothing {}),
            Self::Pong => write("pong", Nothing {}),
        }
    }
}

impl ServerFrame {
    /// Reads a frame from a relay. Unknown types are [`ServerFrame::Other`]: relays may say more than this client knows.
    ///
    /// # Errors
    /// A [`FrameError`]: too large, not a frame, or of a known type with wrong fields.
    pub fn decode(text: &str) -> Result<Self, FrameError> {
        #[derive(Deserialize)]
        struct Pushed {
            message: Box<Message>,
        }
        #[derive(Deserialize)]
        struct Pending {
            message_id: MessageId,
            #[serde(default)]
            size: u64,
        }
        #[derive(Deserialize)]
        struct GoingAway {
            #[serde(default)]
            reconnect_after: u64,
        }
        match &*kind_of(text)? {
            "auth_result" => fields::<AuthResultFields>("auth_result", text)
                .map(|read| Self::AuthResult(read.into())),
            "message" => {
                fields::<Pushed>("message", text).map(|pushed| Self::Message(pushed.message))
            }
            "send_result" => fields::<SendResultFields>("send_result", text)?.into_frame(),
            "pending" => fields::<Pending>("pending", text).map(|pending| Self::Pending {
                message_id: pending.message_id,
                size: pending.size,
            }),
            "going_away" => fields::<GoingAway>("going_away", text).map(|going| Self::GoingAway {
                reconnect_after: going.reconnect_after,
            }),
            "ping" => Ok(Self::Ping),
            "pong" => Ok(Self::Pong),
            _ => Ok(Self::Other),
        }
    }

    /// Writes a frame to a client.
    pub fn encode(&self) -> String {
        #[derive(Serialize)]
        struct Pushed<'a> {
            message: &'a Message,
        }
        #[derive(Serialize)]
        struct GoingAway {
            reconnect_after: u64,
        }
        match self {
            Self::AuthResult(result) => {
                write("auth_result", AuthResultFields::from(result.clone()))
            }
            Self::Message(message) => write("message", Pushed { message }),
            Self::SendResult {
                request_id,
                outcome,
            } => write(
                "send_result",
                SendResultFields::new(request_id, outcome.clone()),
            ),
            Self::Pending { message_id, size } => write(
                "pending",
                MessageReference {
                    message_id: message_id.as_str(),
                    size: Some(*size),
                },
            ),
            Self::GoingAway { reconnect_after } => write(
                "going_away",
                GoingAway {
                    reconnect_after: *reconnect_after,
                },
            ),
            Self::Ping => write("ping", Nothing {}),
            Self::Pong | Self::Other => write("pong", Nothing {}),
        }
    }
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct MessageReference<'a> {
    message_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
}

fn write<T: Serialize>(kind: &'static str, fields: T) -> String {
    #[derive(Serialize)]
    struct Tagged<T> {
        #[serde(rename = "type")]
        kind: &'static str,
        #[serde(flatten)]
        fields: T,
    }
    serde_json::to_string(&Tagged { kind, fields })
        .expect("frames have text keys and no fallible parts")
}
