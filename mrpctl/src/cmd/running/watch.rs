//! `mrpctl watch`: a command again and again, and a message when it prints something else.
//!
//! What was printed is remembered only once the message is durable, and the message has a key: whatever dies in between, a change
//! is told once.

use super::report::{Memory, Reporter, body, environment};
use crate::cli::running::Watch as Flags;
use crate::cmd::sending::letter::digest;
use crate::context::Context;
use crate::exit::Failure;
use crate::program::{self, Ended, Output};
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval};

/// What was printed the last time.
#[derive(Debug, Serialize, Deserialize)]
struct Seen {
    output: String,
    status: u8,
    /// How many changes were told.
    changes: u64,
}

/// What programs are told of a change.
#[derive(Debug, Serialize)]
struct Facts<'a> {
    title: &'a str,
    status: u8,
    output: &'a str,
    before: &'a str,
}

pub(super) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    let memory = Memory::of(context, "watch", &flags.to, &flags.command);
    let title = flags
        .title
        .clone()
        .unwrap_or_else(|| program::shown(&flags.command));
    let mut watch = Watch {
        context,
        flags: &flags,
        memory,
        title,
        is_held_up: false,
    };
    if flags.once {
        return watch.look().await;
    }
    let mut times = interval(flags.interval.max(std::time::Duration::from_millis(100)));
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        times.tick().await;
        watch.look().await?;
    }
}

struct Watch<'a> {
    context: &'a Context,
    flags: &'a Flags,
    memory: Memory,
    title: String,
    /// Whether it was told that a change cannot be sent for now.
    is_held_up: bool,
}

impl Watch<'_> {
    async fn look(&mut self) -> Result<(), Failure> {
        let command = program::command(&self.flags.command, environment());
        let limit = self.flags.run_timeout;
        let Ended { end, stdout, .. } = program::run(command, Vec::new(), Output::Kept, limit)
            .await
            .map_err(|error| program::not_started(&program::shown(&self.flags.command), &error))?;
        let output = String::from_utf8_lossy(&stdout).trim_end().to_owned();
        let before: Option<Seen> = self.memory.load()?;
        let mut seen = Seen {
            output,
            status: end.exit(),
            changes: 0,
        };
        match &before {
            None => self
                .context
                .output
                .note("this is the first time: nothing to compare with"),
            Some(before) if before.output == seen.output && before.status == seen.status => {
                return Ok(());
            }
            Some(before) => {
                seen.changes = before.changes + 1;
                match self.tell(before, &seen).await {
                    Err(failure) if self.may_go_on(&failure) => return Ok(()),
                    told => told?,
                }
                self.is_held_up = false;
            }
        }
        self.memory.save(&seen)
    }

    /// Whether a change that cannot be sent now is left for the next time, which finds it as long as it is not remembered. That is
    /// said once, until one was sent again.
    fn may_go_on(&mut self, failure: &Failure) -> bool {
        let Some(told) = failure.told().filter(|told| told.detail.retryable) else {
            return false;
        };
        if self.flags.once {
            return false;
        }
        if !self.is_held_up {
            self.is_held_up = true;
            let why = &told.detail.message;
            let text = format!("the change cannot be sent yet, and is tried again: {why}");
            self.context.output.warning(&text);
        }
        true
    }

    async fn tell(&self, before: &Seen, seen: &Seen) -> Result<(), Failure> {
        let facts = Facts {
            title: &self.title,
            status: seen.status,
            output: &seen.output,
            before: &before.output,
        };
        let status = match seen.status {
            0 => String::new(),
            status => format!(" (exit status {status})"),
        };
        let text = format!("{} changed{status}:\n{}", self.title, seen.output);
        let content = digest([seen.output.as_bytes(), before.output.as_bytes()]);
        let reporter = Reporter {
            context: self.context,
            to: &self.flags.to,
            key: format!("watch-{}-{}", self.memory.name, seen.changes),
        };
        reporter
            .send(&content, body(&text, "watch", &facts)?, Vec::new())
            .await
    }
}
