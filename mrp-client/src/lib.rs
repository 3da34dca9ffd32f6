//! An agent's side of the Machine Relay Protocol: signed HTTP, and a session that reconnects.
//!
//! This is a whole SDK: an agent is a key and a relay's URL, and everything it says on the wire is said here. What messages,
//! keys and profiles are, [`mrp_proto`] knows, which is re-exported for that.
//!
//! - [`Relay`] makes requests: send, poll, ack, read and change profiles. One call is one attempt, freshly signed, and its
//!   [`Error`] says whether another makes sense.
//! - [`session`] keeps a connection, on which messages arrive as soon as they are sent. It survives restarts of the relay,
//!   lost networks and sleeping laptops, and polls where no WebSocket comes through.
//!
//! Delivery is at least once, and what makes it so is the order of things: **store, then ack.** A message that was handed over
//! and not acked comes again, so a program drops what it has stored before, by
//! [`message_id`](mrp_proto::message::Message::message_id). The other way round, a send whose answer was lost is repeated under
//! its idempotency key, and accepted once.
//!
//! Signatures are bound to the relay where it takes such (protocol A11, [`Binding`]), and otherwise those of the published scheme,
//! over path and query (protocol A1). Messages go out and come in as they are:
//! sealing and opening them is [`mrp_proto::envelope`]'s part.
//!
//! # Example
//!
//! Two agents on a relay of their own:
//!
//! ```
//! use mrp_client::mrp_proto::key::SecretKey;
//! use mrp_client::mrp_proto::message::SendRequest;
//! use mrp_client::session::{self, Event, Settings};
//! use mrp_client::{Relay, RelayUrl};
//! use std::sync::Arc;
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // A relay on a free port of this machine. Elsewhere, `relayd serve` or someone else's.
//!     let folder = tempfile::tempdir()?;
//!     let config = relayd::Config {
//!         listen: vec!["127.0.0.1:0".parse()?],
//!         data_dir: folder.path().to_owned(),
//!         ..relayd::Config::default()
//!     };
//!     let server = relayd::Server::bind(config).await?;
//!     let url: RelayUrl = server.url().parse()?;
//!     let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
//!     let serving = tokio::spawn(server.run(async { drop(stopped.await) }));
//!
//!     // Keys come from a secure source of randomness and are kept in a file; an agent's address is its public key.
//!     let mut seeds = [[0; 32]; 2];
//!     for seed in &mut seeds {
//!         getrandom::fill(seed)?;
//!     }
//!     let [laptop, server] = seeds.map(|seed| Arc::new(SecretKey::from_seed(&seed)));
//!     let address = server.public();
//!
//!     // The one listens.
//!     let (handle, mut events) = session::spawn(url.clone(), server, Settings::default());
//!
//!     // The other sends; when this returns, the relay has the message on disk.
//!     let relay = Relay::new(url, laptop)?;
//!     let hello = SendRequest::new(&address, serde_json::from_str(r#"{"text": "hello from Rust"}"#)?);
//!     let accepted = relay.send(&hello, Some("hello-1")).await?;
//!
//!     while let Some(event) = events.recv().await {
//!         match event {
//!             Event::Message(message) => {
//!                 assert_eq!(message.message_id, accepted.message_id);
//!                 assert_eq!(message.sender_key, *relay.public_key());
//!                 assert_eq!(message.body.as_deref().map(|body| body.get()), Some(r#"{"text": "hello from Rust"}"#));
//!                 // Here a program stores it. Then, and only then:
//!                 handle.stored(message.message_id);
//!                 break;
//!             }
//!             Event::Down { reason, retry_in } => eprintln!("{reason}; trying again in {retry_in:?}"),
//!             Event::Up { .. } | Event::SendResult { .. } | Event::Pending { .. } => {}
//!         }
//!     }
//!
//!     handle.shutdown().await;
//!     drop(stop);
//!     serving.await??;
//!     Ok(())
//! }
//! ```
//!
//! # Rooms
//! `relay` (requests, with `request` for one of them, `poll` for what a poll asks and `blobs` for files), [`session`] (its `task`, with
//! `polling` for where there is no WebSocket, the `desk` where it meets the program, the `wire`, `connect` and `jump`), `binding`
//! (how to sign for a relay), `url`, `clock` (timestamps to sign), `tls`, `error`.
//!
//! It must never know: where keys and messages are stored, how a daemon or a command line uses it, or how a relay works inside.

#![deny(missing_docs)]

mod binding;
mod clock;
mod error;
mod relay;
pub mod session;
mod tls;
mod url;

pub use binding::{Bindable, Binding};
pub use error::{Error, Refusal};
pub use mrp_proto;
pub use relay::{BlobHead, Download, Handover, Poll, Relay, SendRate, Upload};
pub use url::{RelayUrl, UrlError};

/// How this client calls itself in `User-Agent`.
const USER_AGENT: &str = concat!("mrp-client/", env!("CARGO_PKG_VERSION"));
