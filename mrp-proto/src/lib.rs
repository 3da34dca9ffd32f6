//! What MRP is: types, canonical bytes, signatures, envelopes, frames and the two session state machines.
//!
//! Both ends of the wire use this crate, so it is pure: no IO, no clock, no source of randomness, no runtime. Time and
//! randomness come in as arguments, bytes and decisions go out.
//!
//! Rooms, from the bottom up:
//! - [`base64url`], [`hexadecimal`], [`json`]: the encodings everything rests on, all strict.
//! - [`key`], [`id`], [`time`]: who, which, when.
//! - [`sign`]: canonical bytes of requests and WebSocket authentication, and how an unverified claim becomes a verified one.
//! - [`bound`]: the same, bound to one relay.
//! - [`message`], [`agent`], [`acl`], [`content`]: what is sent, by whom, to whom, under which limits.
//! - [`envelope`], [`plain`], [`blob`]: end-to-end sealing, and signatures of messages that travel in clear. [`judge`]: what one that
//!   came is worth by them.
//! - [`frame`], [`relay_api`], [`code`]: the wire: WebSocket frames, HTTP bodies, error codes.
//! - [`session`], [`backoff`]: the two state machines of a WebSocket session, and when to try again.
//!
//! It must never know: sockets, files, databases, command lines, or which of its users is calling.

#![deny(missing_docs)]

pub mod acl;
pub mod agent;
pub mod backoff;
pub mod base64url;
pub mod blob;
pub mod bound;
pub mod code;
pub mod content;
pub mod envelope;
pub mod frame;
pub mod hexadecimal;
pub mod id;
pub mod json;
pub mod judge;
pub mod key;
pub mod message;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod plain;
pub mod relay_api;
pub mod session;
pub mod sign;
pub mod time;
