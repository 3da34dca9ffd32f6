//! `mrpctl on`: a command for each message, one after the other.
//!
//! With a cursor a message counts as handled only when its command said so: what mrpctl is killed under comes again.

use super::handler::{Handler, meaning};
use crate::cli::running::On as Flags;
use crate::cmd::sending::group;
use crate::context::Context;
use crate::exit::Failure;
use crate::follow::Follower;
use crate::output::escape;
use crate::program::{End, Ended};
use mrp_proto::key::PublicKey;
use mrpd_api::body::{Cursor, Send};
use mrpd_api::client::{Client, MessageLine};
use mrpd_api::hook::Meaning;
use mrpd_api::message::{Message, Trust};
use std::time::Duration;
use tokio::time::sleep;

/// How often a message is tried where nothing was said.
const ATTEMPTS: u32 = 3;
/// How long to wait before it is tried again, at first and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// What stands for everybody.
pub(super) const EVERYBODY: &str = "*";

pub(super) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let senders = Senders::of(context, &client, &flags).await?;
    let mut query = flags.filters.query(context.global.agent.as_deref());
    if senders.is_everybody || senders.members.is_some() {
        query.from = None;
    }
    let after = match &flags.cursor {
        Some(name) => client.cursor(name).await?.seq,
        None => client.status().await?.inbox.newest,
    };
    let handler = Handler {
        context,
        name: "on",
        words: &flags.command,
        limit: flags.run_timeout,
        socket: Some(client.socket().to_path_buf()),
    };
    let is_single = flags.count == Some(1);
    let attempts = flags
        .attempts
        .unwrap_or(if is_single { 1 } else { ATTEMPTS });
    let mut follower = Follower::behind(context, client, after, query);
    context.output.verbose(|| "waiting for messages".to_owned());
    let mut handled = 0;
    loop {
        let line = follower.next().await?;
        let last = if senders.count(context, &line.message) {
            handled += 1;
            Some(handle(&handler, &line, attempts).await?)
        } else {
            None
        };
        if let Some(name) = &flags.cursor {
            let seq = line.message.seq;
            follower.client.put_cursor(name, Cursor { seq }).await?;
        }
        match last {
            Some(end) if is_single => return passed_through(end),
            _ if flags.count.is_some_and(|count| handled >= count) => return Ok(()),
            _ => {}
        }
    }
}

/// Runs the command until the message is handled or given up.
async fn handle(handler: &Handler<'_>, line: &MessageLine, attempts: u32) -> Result<End, Failure> {
    let mut pause = BACKOFF.0;
    for attempt in 1.. {
        let Ended { end, .. } = handler.handle(&line.message, &line.raw, attempt).await?;
        let meaning = meaning(end);
        let is_over = match meaning {
            Meaning::Handled | Meaning::HandledAlone => return Ok(end),
            Meaning::Dead => true,
            Meaning::Later | Meaning::Failed => attempt >= attempts,
        };
        let id = &line.message.id;
        if is_over {
            let why = end.text();
            handler
                .context
                .output
                .warning(&format!("{id} is given up: {why}"));
            return Ok(end);
        }
        let output = &handler.context.output;
        output.note(&format!("{id}: {}; again in {pause:?}", end.text()));
        sleep(pause).await;
        pause = (pause * 2).min(BACKOFF.1);
    }
    unreachable!("attempts are counted up to their number")
}

fn passed_through(end: End) -> Result<(), Failure> {
    match end.exit() {
        0 => Ok(()),
        status => Err(Failure::Status(status)),
    }
}

/// Whose messages count.
struct Senders {
    is_everybody: bool,
    accepts_unverified: bool,
    /// Those of a group, if one was named.
    members: Option<Vec<PublicKey>>,
}

impl Senders {
    async fn of(context: &Context, client: &Client, flags: &Flags) -> Result<Self, Failure> {
        let from = flags.filters.from.as_deref().unwrap_or_default();
        let members = if from.starts_with('@') {
            let meant = group::members(context, client, &Send::default(), from).await?;
            Some(meant.iter().map(|one| one.key).collect())
        } else {
            None
        };
        Ok(Self {
            is_everybody: from == EVERYBODY,
            accepts_unverified: flags.senders.unverified,
            members,
        })
    }

    /// Whether a message counts; if it does not, why is told unless it is simply somebody else's.
    fn count(&self, context: &Context, message: &Message) -> bool {
        if let Some(members) = &self.members
            && !members.contains(&message.from.key)
        {
            return false;
        }
        if self.is_everybody {
            return true;
        }
        let who = match &message.from.name {
            Some(name) => escape::line(name),
            None => message.from.short.clone(),
        };
        let passed_over = if message.from.trust == Trust::Unknown && self.members.is_none() {
            "is no contact (--from '*' takes everybody's)"
        } else if !message.verified && !self.accepts_unverified {
            "is named by the relay alone (--unverified takes that)"
        } else {
            return true;
        };
        let id = &message.id;
        context
            .output
            .note(&format!("{id} is passed over: {who} {passed_over}"));
        false
    }
}
