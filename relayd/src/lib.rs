//! The relay: takes signed messages over HTTP and WebSocket, keeps them until their recipients have them, and hands them out.
//!
//! Rooms:
//! - `cli`, `config`: what people type and write down. `log`, `process`, `data_dir`: what the process does to itself first.
//! - `serve`: listeners, the accept loop, connections and their limits. `shutdown`: how all of it ends.
//! - `http`: one file per noun, each a thin shell: verify, decide, one store operation, answer.
//! - `auth`: from a request to its caller, and the replay guard of what is not stored. `access`: who may come. `limits`: how
//!   often. `admin`: what the operator asks of a running relay.
//! - `ws`: the shell around the session state machine. `hub`: who is connected, and who waits for mail.
//! - `store`: one domain operation is one whole transaction. `send`: the way into it that HTTP and WebSocket share.
//! - `webhook`: mail brought to agents' own servers.
//! - `sweep`: what time frees. `disk`, `overload`: what is refused when room or time is scarce.
//! - `backup`: everything in a directory, and the way back. `metrics`: figures about the relay. `health`: asking one from outside
//!   whether it serves.
//! - `service`, `reload`: signals, the service manager, and reading the configuration again.
//!
//! It must never know: how clients and daemons keep their messages, or what a sealed body says.

mod access;
mod admin;
mod app;
mod auth;
mod backup;
mod blobs;
mod cli;
mod client_address;
mod clock;
mod config;
mod data_dir;
mod disk;
mod health;
mod http;
mod hub;
mod limits;
mod log;
mod metrics;
mod overload;
mod process;
mod reload;
mod send;
mod serve;
mod service;
mod shutdown;
pub mod store;
mod sweep;
mod unforeseen;
mod webhook;
mod ws;

pub use access::AllowlistError;
pub use app::Relay;
pub use blobs::BlobsError;
pub use cli::main;
pub use clock::ClockError;
pub use config::{
    AccessConfig, AcmeConfig, AuthConfig, BlobStoreConfig, Config, ConfigError, CorsOrigins,
    LimitsConfig, ListenAddress, LogFormat, MetricsConfig, Network, Registration, SendResultStatus,
    Timeouts, TlsConfig, WebSocketConfig, WebhookLimits, WebhooksConfig,
};
pub use data_dir::DataDirError;
pub use http::openapi::document as openapi;
pub use serve::{BindError, RunError, Server, TlsError};
pub use store::{Fatal, OpenError};
