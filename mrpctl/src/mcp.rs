//! `mrpctl mcp`: a server of the Model Context Protocol on standard input and output, over the daemon's inbox.
//!
//! - `wire`: lines of standard input; those that are no message are answered here.
//! - `server`: what the protocol asks, answered with the tables below.
//! - `tools`: every tool with what it takes and what it does to the world; `calls` does it.
//! - `arguments`: what tools take, from which their JSON Schemas are made.
//! - `brief`: messages as a model reads them, bounded.
//! - `resources`: what can be read and watched; `watch` tells when it has changed.
//! - `limits`: what the one who starts the server does not let a model do.
//!
//! A message that a tool hands out is under a lease until it is acknowledged: if the model stops, it comes again.
//! Texts of messages are data from other parties. They are marked as such, and nothing here acts on them.

mod arguments;
mod brief;
mod calls;
mod limits;
mod resources;
mod server;
mod tools;
mod watch;
mod wire;

use crate::cli::tooling::Mcp as Flags;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use limits::Limits;
use rmcp::ServiceExt as _;
use server::Server;
use std::sync::Arc;
use wire::Wire;

/// What every call has at hand.
#[derive(Debug)]
struct Desk {
    context: Context,
    limits: Limits,
}

/// Serves until standard input ends.
pub(crate) async fn run(context: Context, flags: &Flags) -> Result<(), Failure> {
    let limits = Limits::of(&context, flags).await?;
    let server = Server::new(Arc::new(Desk { context, limits }));
    let nonsense = |error: &dyn std::fmt::Display| {
        Failure::new(
            Reason::BadData,
            format!("what came on standard input is not the Model Context Protocol: {error}"),
        )
        .fix("mrpctl mcp is started by an MCP client, which speaks to it; see mrpctl mcp --help")
    };
    let wire = Wire::open()
        .map_err(|error| Failure::io(Reason::Internal, "read standard input", &error))?;
    let running = match server.serve(wire).await {
        Ok(running) => running,
        // A client that leaves before it has said anything has done nothing wrong.
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(nonsense(&error)),
    };
    let ended = running.waiting().await;
    ended
        .map(drop)
        .map_err(|error| Failure::new(Reason::Internal, error.to_string()))
}
