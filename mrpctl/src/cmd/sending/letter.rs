//! Messages that are to be sent, made of what the flags say.

use crate::cli::sending::{Envelope, Hold, Threading};
use crate::context::Context;
use crate::exit::{Failure, Reason};
use mrpd_api::body::{Sealing, Send};
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// Letters of an idempotency key, at most.
const LONGEST_KEY: usize = 128;

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

/// The key under which one of several recipients gets once what has the key `id` for all. Where both together are more than a
/// daemon takes, or a name has letters that it does not, a digest stands for them.
pub(in crate::cmd) fn key_for(id: &str, recipient: &str) -> String {
    let whole = format!("{id}:{recipient}");
    let is_plain = recipient.bytes().all(|byte| byte.is_ascii_graphic());
    if is_plain && whole.len() <= LONGEST_KEY {
        whole
    } else {
        digest([id.as_bytes(), recipient.as_bytes()])
    }
}

/// A short text that stands for others.
pub(in crate::cmd) fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    mrp_proto::base64url::encode(&hash.finalize()[..16])
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_for_one_of_several_is_one_that_daemons_take() {
        assert_eq!(key_for("standup", "Xk3m9"), "standup:Xk3m9");
        for (id, recipient) in [
            ("standup", "José"),
            ("standup", "two words"),
            (&"x".repeat(100)[..], &"k".repeat(43)[..]),
        ] {
            let key = key_for(id, recipient);
            let is_taken =
                key.len() <= LONGEST_KEY && key.bytes().all(|one| one.is_ascii_graphic());
            assert!(is_taken, "{key}");
            assert_ne!(key, key_for(&format!("{id}x"), recipient));
            assert_ne!(key, key_for(id, &format!("{recipient}x")));
        }
    }

    #[test]
    fn parts_are_told_apart() {
        assert_ne!(digest([&b"ab"[..], b"c"]), digest([&b"a"[..], b"bc"]));
    }
}
