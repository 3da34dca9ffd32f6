//! What a hook has written becomes the answer to the message. It is sent once, however often the hook has to be run again.

use super::automatic;
use super::hook::ReplyForm;
use super::invocation::Report;
use crate::outbox::{Outbox, SendError};
use crate::roster::Roster;
use mrp_proto::base64url;
use mrpd_api::body::Send;
use mrpd_api::message::Message;
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest as _, Sha256};

/// What became of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Replied {
    /// It is in the outbox, under this name.
    Sent(String),
    /// There is none, for this reason.
    Nothing(String),
    /// It can be sent later.
    Later(String),
    /// It cannot be sent, now or later.
    Wrong(String),
}

/// The body of the reply; `None` if nothing was written.
///
/// # Errors
/// A sentence, if what was written can be no reply.
pub(super) fn body(form: ReplyForm, report: &Report) -> Result<Option<Box<RawValue>>, String> {
    let text = String::from_utf8_lossy(&report.stdout);
    let text = text.strip_suffix('\n').unwrap_or(&text);
    if form == ReplyForm::None || text.trim().is_empty() {
        return Ok(None);
    }
    if report.cut {
        return Err("it wrote more than a reply may have".to_owned());
    }
    let body = match form {
        ReplyForm::Json | ReplyForm::Response => RawValue::from_string(text.trim().to_owned()),
        ReplyForm::Text | ReplyForm::None => to_raw_value(&serde_json::json!({ "text": text })),
    };
    let wrong = |error| format!("what it wrote is no JSON ({error})");
    body.map(Some).map_err(wrong)
}

/// The reply to a message. It goes the way the message came, as long as there is one.
pub(super) fn to(message: &Message, body: Box<RawValue>, roster: &Roster) -> Send {
    let agent = roster.agent(&message.agent);
    let link = agent.and_then(|agent| agent.link(&message.relay));
    Send {
        agent: Some(message.agent.clone()),
        to: message.from.key.to_string(),
        body: Some(body),
        thread: message.thread.clone(),
        reply_to: Some(message.id.clone()),
        metadata: automatic::marks(&message.metadata),
        relay: link.map(|link| link.relay.name.clone()),
        ..Send::default()
    }
}

/// Sends the reply, unless that was done before a crash.
pub(super) async fn send(outbox: &Outbox, hook: &str, message: &Message, reply: Send) -> Replied {
    if automatic::is_automatic(&message.metadata) {
        return Replied::Nothing("no reply: the message was sent automatically".to_owned());
    }
    let named = [hook, &message.agent, &message.id].join("\n");
    let key = format!("hook-{}", base64url::encode(&Sha256::digest(named)));
    match outbox.send(reply, Some(key)).await {
        Ok(sent) => Replied::Sent(sent.id),
        // The first run's reply is under way: what a second run wrote differs from it.
        Err(SendError::Mismatch) => {
            Replied::Nothing("the reply of an earlier run was sent".to_owned())
        }
        Err(error @ (SendError::Store(_) | SendError::Full)) => {
            Replied::Later(format!("the reply was not sent: {error}"))
        }
        Err(error) => Replied::Wrong(format!("the reply was not sent: {error}")),
    }
}
