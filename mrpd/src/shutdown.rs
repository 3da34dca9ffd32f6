//! How the daemon ends: told by a signal or by a client, in an order in which nothing is lost, and in bounded time.
//!
//! First nothing new is taken: the listener closes, and streams end. Then the sessions store and acknowledge what they have,
//! and attempts to send that run are finished or left to the next start. Last the store closes, when nobody writes any more.

use crate::context::Context;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

/// How long clients that are being answered may take.
const CLIENTS: Duration = Duration::from_secs(3);
/// How long sessions and attempts may take.
const TASKS: Duration = Duration::from_secs(5);
/// How long the last commit may take.
const STORE: Duration = Duration::from_secs(1);

/// The signals that mean something.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

/// What a signal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// End.
    End,
    /// Read the configuration again.
    Reload,
}

impl Signals {
    /// Takes the signals over.
    ///
    /// # Errors
    /// What the system says.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.terminate.recv() => Wish::End,
            _ = self.interrupt.recv() => Wish::End,
            _ = self.hangup.recv() => Wish::Reload,
        }
    }
}

/// Ends everything; `clients` serves the socket.
pub async fn end(context: Context, clients: JoinHandle<()>) {
    let Context {
        stop, tasks, store, ..
    } = context;
    stop.cancel();
    let abort = clients.abort_handle();
    if tokio::time::timeout(CLIENTS, clients).await.is_err() {
        tracing::warn!("a client takes too long; its connection is closed");
        abort.abort();
    }
    tasks.close();
    if tokio::time::timeout(TASKS, tasks.wait()).await.is_err() {
        tracing::warn!("a session takes too long; what it has not stored stays with the relay");
    }
    if tokio::time::timeout(STORE, store.close()).await.is_err() {
        tracing::warn!("the store takes too long to close");
    }
}
