//! What a message from a relay is worth: opened, checked, and marked so that copies of it are known (protocol A10).
//!
//! Nothing here touches the store or the relay: [`judge()`] is a plain function of the message, the agent's key and the time.

use crate::roster::LocalAgent;
use crate::store::{Copies, Incoming, MessageRecord};
use mrp_client::RelayUrl;
use mrp_proto::judge::{self, Content};
use mrp_proto::message::Message;
use mrp_proto::plain;
use mrp_proto::time::Timestamp;
use mrpd_api::message::Direction;
use std::time::Duration;

pub use mrp_proto::judge::Refusal;

/// How long beyond its end a message's id is remembered: clocks differ.
const CLOCK_MARGIN: Duration = Duration::from_secs(24 * 3600);

/// Where and when a message came in.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Local name of the relay.
    pub relay: &'a str,
    /// Where the relay is.
    pub url: &'a RelayUrl,
    /// The time.
    pub now: Timestamp,
    /// How long the relay's ids are remembered at least.
    pub dedup_window: Duration,
}

/// Opens and checks a message.
///
/// One that is sealed and cannot be opened is kept as [`judge::unopened`] shows it: its sender may have meant something by it.
///
/// # Errors
/// A [`Refusal`] if somebody tampered with it.
pub fn judge(
    agent: &LocalAgent,
    arrival: Arrival<'_>,
    message: Message,
) -> Result<Incoming, Refusal> {
    if message.recipient_key != agent.public {
        return Err(Refusal::NotOurs {
            recipient: message.recipient_key,
        });
    }
    let content = if judge::is_sealed(&message) {
        judge::open(&agent.secret, &message, arrival.now)?.unwrap_or_else(|error| {
            tracing::warn!(message_id = %message.message_id, from = %message.sender_key.short(), %error, "cannot be opened");
            judge::unopened(&message)
        })
    } else {
        judge::verify(&message, arrival.now)?
    };
    Ok(incoming(agent, arrival, message, content))
}

fn incoming(
    agent: &LocalAgent,
    arrival: Arrival<'_>,
    message: Message,
    content: Content,
) -> Incoming {
    let own = agent.public.to_string();
    let from = message.sender_key.to_string();
    let mut copies = Copies::default();
    let window = arrival.now.after(arrival.dedup_window);
    let relay_until = window.max(message.expires_at.after(CLOCK_MARGIN));
    let relay_mark = ["r", arrival.url.origin(), &own, message.message_id.as_str()];
    copies.add(&relay_mark, Some(relay_until));
    if let Some(copy) = &content.copy {
        copies.add(&["e", &own, &from, &copy.id], copy.until);
    }
    Incoming {
        message: MessageRecord {
            id: message.message_id.to_string(),
            out_id: None,
            dir: Direction::In,
            agent: agent.config.name.clone(),
            relay: arrival.relay.to_owned(),
            from,
            to: own,
            kind: content.kind,
            content_type: content.content_type,
            body: content.body,
            thread: message.thread_id,
            reply_to: message.in_reply_to,
            attachments: content.attachments,
            downloads: Vec::new(),
            metadata: plain::without_signature(message.metadata),
            encrypted: content.encrypted,
            verified: content.verified,
            created_at: message.created_at,
            received_at: arrival.now,
            expires_at: message.expires_at,
            behind: 0,
            imported: false,
            standing: Default::default(),
        },
        copies,
    }
}

#[cfg(test)]
mod tests;
