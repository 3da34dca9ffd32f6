//! The contract of mrpd's local interface: HTTP/1.1 on a Unix socket, spoken by mrpctl, hooks and scripts.
//!
//! - [`route`]: paths and header names.
//! - [`message`]: the message object, one JSON line of `mrpctl tail` and of a hook's standard input.
//! - [`body`]: what the other routes take and give.
//! - [`error`]: error codes, with the HTTP status and the exit status that each stands for.
//! - [`hook`]: what a program that is run for a message finds, and what its exit status says.
//! - [`card`]: an address as one line of text, `mrp:…`.
//! - [`filename`]: names of files from what others wrote.
//! - [`paths`]: where the socket, the configuration, the keys and the store are.
//! - [`percent`]: percent-encoding of names in paths.
//! - [`client`]: a typed client.
//!
//! It must never know: how the daemon stores anything, or how a relay is spoken to.

#![deny(missing_docs)]

pub mod body;
pub mod card;
pub mod client;
pub mod error;
pub mod event;
pub mod filename;
pub mod hook;
pub mod message;
#[cfg(feature = "openapi")]
mod openapi;
pub mod paths;
pub mod percent;
pub mod route;
