//! The WebSocket of a relay that listens (protocol A8), with a client that knows nothing but RFC 6455.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod auth;
mod bound;
mod delivery;
mod life;
mod revocation;
mod rig;
mod sends;
