//! `mrpctl next`: work from the inbox, each message for one caller alone.

use super::millis;
use super::sink::Sink;
use crate::cli::reading::Next as Flags;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::follow::{is_worth_waiting, returned};
use crate::output::closed;
use mrpd_api::body::inbox::{Claim, Nack};
use mrpd_api::client::{Client, RawLine};
use mrpd_api::message::Message;
use std::time::Duration;
use tokio::time::Instant;

/// How long the daemon is asked to wait at once: it has a limit of its own above that.
const TURN: Duration = Duration::from_secs(10 * 60);

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<(), Failure> {
    let mut client = context.daemon().await?;
    let claimed = tokio::select! {
        claimed = claim(context, flags, &mut client) => claimed?,
        () = closed() => return Err(Failure::OutputClosed),
    };
    let written = write(context, &claimed).await;
    if written.is_err() {
        // Nobody has got them: they need not wait for the end of the lease.
        let leases = claimed.iter().filter_map(|message| message.lease.as_ref());
        let back = Nack {
            leases: leases.map(|lease| lease.token.clone()).collect(),
            ..Nack::default()
        };
        client.nack(&back).await?;
    }
    written
}

/// Waits for work, and takes it. A daemon may be restarted meanwhile.
async fn claim(
    context: &Context,
    flags: &Flags,
    client: &mut Client,
) -> Result<Vec<Message>, Failure> {
    let patience = match (flags.no_wait, flags.wait.flatten()) {
        (true, _) => Some(Duration::ZERO),
        (false, patience) => patience,
    };
    let until = patience.map(|patience| Instant::now() + patience);
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let turn = left.unwrap_or(TURN).min(TURN);
        let claim = Claim {
            n: Some(flags.count),
            lease_ms: flags.lease.map(millis),
            wait_ms: Some(millis(turn)),
            filter: flags.filters.query(context.global.agent.as_deref()),
        };
        let claimed = match client.claim(&claim).await {
            Err(error) if is_worth_waiting(&error) && !turn.is_zero() => {
                *client = returned(context, Some(error)).await?;
                continue;
            }
            claimed => claimed?,
        };
        if !claimed.is_empty() {
            return Ok(claimed);
        }
        if until.is_some_and(|until| Instant::now() >= until) {
            return Err(Failure::Status(Reason::NothingFound.exit()));
        }
    }
}

async fn write(context: &Context, claimed: &[Message]) -> Result<(), Failure> {
    let mut sink = Sink::new(context);
    for message in claimed {
        let raw = serde_json::to_string(message)
            .map_err(|error| Failure::new(Reason::Internal, error.to_string()))?;
        // A body stands there as its sender wrote it, and JSON may have line ends between its tokens.
        let raw = raw.replace(['\n', '\r'], " ");
        let seq = message.seq;
        sink.take(&RawLine { raw, seq })?;
    }
    sink.finish().await
}
