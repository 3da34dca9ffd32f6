//! Messages that are to be sent, made of what the flags say.

use crate::cli::sending::{Envelope, Hold, Threading};
use crate::context::Context;
use crate::exit::{Failure, Reason};
use mrpd_api::body::{Sealing, Send};
use std::time::Duration;

/// A message to be sent, and the key under which it is sent once.
#[derive(Debug, Clone)]
pub(in crate::cmd) struct Draft {
    pub(in crate::cmd) send: Send,
    pub(in crate::cmd) id: String,
}

impl Draft {
    /// Every message has a key, so that a broken connection to the daemon can be tried again.
    pub(in crate::cmd) fn new(send: Send, id: Option<String>) -> Result<Self, Failure> {
        let id = id.map_or_else(random_id, Ok)?;
        Ok(Self { send, id })
    }
}

/// What all messages of a command line have in common.
pub(super) fn template(context: &Context, envelope: &Envelope) -> Send {
    Send {
        agent: context.global.agent.clone(),
        metadata: envelope.meta.iter().cloned().collect(),
        expires_in: envelope.expires.map(seconds),
        sealing: sealing(envelope),
        relay: envelope.relay.clone(),
        ..Send::default()
    }
}

/// The same, for what it belongs to.
pub(super) fn threaded(send: Send, threading: &Threading) -> Send {
    Send {
        thread: threading.thread.clone(),
        reply_to: threading.reply_to.clone(),
        ..send
    }
}

/// The same, to be held.
pub(super) fn held(send: Send, hold: &Hold) -> Send {
    Send {
        at: hold.at,
        delay_ms: hold.delay.map(milliseconds),
        ..send
    }
}

fn sealing(envelope: &Envelope) -> Sealing {
    match (envelope.encrypt, envelope.plain) {
        (true, _) => Sealing::Always,
        (false, true) => Sealing::Plain,
        (false, false) => Sealing::Default,
    }
}

pub(in crate::cmd) fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn random_id() -> Result<String, Failure> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(Reason::Internal, format!("no random numbers: {error}")))?;
    Ok(mrp_proto::base64url::encode(&bytes))
}
