//! `mrpctl ack`, `nack`, `touch`: what becomes of work that was taken.
//!
//! There is nothing to say where it went well, so nothing is written unless a format was named.

use super::{id, millis};
use crate::cli::reading::{Ack as AckFlags, Nack as NackFlags, Touch as TouchFlags};
use crate::context::Context;
use crate::exit::Failure;
use crate::output::message::MessageText;
use mrpd_api::body::inbox::{Ack, Changed, Nack, Touch};
use mrpd_api::client::Client;

/// What begins the token of a lease.
const LEASE: &str = "lease_";

pub(super) async fn ack(context: &Context, flags: &AckFlags) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let (ids, leases) = named(&client, &flags.claimed.ids).await?;
    let changed = client.ack(&Ack { ids, leases }).await?;
    told(context, &changed)
}

pub(super) async fn nack(context: &Context, flags: &NackFlags) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let (ids, leases) = named(&client, &flags.claimed.ids).await?;
    let nack = Nack {
        ids,
        leases,
        delay_ms: flags.delay.map(millis),
        dead: flags.dead,
    };
    told(context, &client.nack(&nack).await?)
}

pub(super) async fn touch(context: &Context, flags: &TouchFlags) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let (ids, leases) = named(&client, &flags.claimed.ids).await?;
    let touch = Touch {
        ids,
        leases,
        lease_ms: flags.lease.map(millis),
    };
    told(context, &client.touch(&touch).await?)
}

/// Messages and leases, told apart by how their names begin.
async fn named(client: &Client, given: &[String]) -> Result<(Vec<String>, Vec<String>), Failure> {
    let (leases, messages): (Vec<String>, Vec<String>) = given
        .iter()
        .cloned()
        .partition(|name| name.starts_with(LEASE));
    Ok((id::resolve_all(client, &messages).await?, leases))
}

/// Tells programs that named a format which messages were changed.
pub(super) fn told(context: &Context, changed: &Changed) -> Result<(), Failure> {
    if context.output.is_bare() {
        return Ok(());
    }
    let until = |changed: &Changed| match changed.until {
        Some(until) => format!("until {}", MessageText::local().time(until)),
        None => String::new(),
    };
    context.output.object(changed, || until(changed), None)
}
