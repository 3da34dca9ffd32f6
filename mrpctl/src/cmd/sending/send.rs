//! `mrpctl send`: done when the message is durable in the outbox.
//!
//! From then on it is the daemon's, and the exit status says so: a script that tried again would send it twice.

mod body;
mod deliver;
mod lines;
mod recipient;

use crate::cli::sending::Send as Flags;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use body::Body;
use deliver::{Courier, Wanted};
use mrpd_api::body::{Sealing, Send, Stage};

/// A message to be sent, and the key under which it is sent once.
#[derive(Debug)]
struct Draft {
    send: Send,
    id: String,
}

pub(crate) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    let address = recipient::address(&flags)?;
    if flags.lines || flags.jsonl {
        return lines::run(context, &flags, address).await;
    }
    if address.recipients.is_empty() {
        return Err(
            Failure::new(Reason::Usage, "the recipient is missing").fix("mrpctl send TO [TEXT]...")
        );
    }
    let body = body::of(context, &flags, &address.words).await?;
    let mut courier = Courier::new(context, Wanted::of(&flags));
    if let [to] = address.recipients.as_slice() {
        courier
            .send(draft(context, &flags, to, &body, flags.id.clone())?)
            .await?;
        return courier.finish();
    }
    courier.bracket("[")?;
    for to in &address.recipients {
        let id = flags.id.as_ref().map(|id| format!("{id}:{to}"));
        courier
            .send_one_of_many(draft(context, &flags, to, &body, id)?)
            .await?;
    }
    courier.bracket("]")?;
    courier.finish()
}

fn draft(
    context: &Context,
    flags: &Flags,
    to: &str,
    body: &Body,
    id: Option<String>,
) -> Result<Draft, Failure> {
    let send = Send {
        agent: context.global.agent.clone(),
        to: to.to_owned(),
        body: Some(body.json.clone()),
        content_type: flags.content_type.clone(),
        thread: flags.thread.clone(),
        reply_to: flags.reply_to.clone(),
        metadata: flags.meta.iter().cloned().collect(),
        expires_in: flags.expires.map(seconds),
        attachments: Vec::new(),
        sealing: sealing(flags),
        relay: flags.relay.clone(),
        ..Send::default()
    };
    Ok(Draft {
        send,
        id: id.map_or_else(random_id, Ok)?,
    })
}

fn sealing(flags: &Flags) -> Sealing {
    match (flags.encrypt, flags.plain) {
        (true, _) => Sealing::Always,
        (false, true) => Sealing::Plain,
        (false, false) => Sealing::Default,
    }
}

fn seconds(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// Every message has a key, so that a broken connection to the daemon can be tried again.
pub(crate) fn random_id() -> Result<String, Failure> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new(Reason::Internal, format!("no random numbers: {error}")))?;
    Ok(mrp_proto::base64url::encode(&bytes))
}

/// The stage behind which a message has come far enough.
fn is_reached(stage: Stage, wanted: Stage) -> bool {
    stage != Stage::Failed && stage >= wanted
}
