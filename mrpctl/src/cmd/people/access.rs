//! `mrpctl allow`, `block`, `unblock` and `acl`: who may write, as the relays keep it.

use super::{refusal, way};
use crate::cli::people::{Acl, AclLs, Whom};
use crate::context::Context;
use crate::exit::Failure;
use crate::output::message::MessageText;
use mrp_proto::acl::EntryType;
use mrpd_api::body::relays::{AclPeer, Applied};

const HEADS: [&str; 5] = ["type", "name", "key", "relay", "since"];

/// What is done to the entries of some peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Put(EntryType),
    Remove,
}

pub(super) async fn run(context: &Context, flags: Acl) -> Result<(), Failure> {
    match flags {
        Acl::Ls(flags) => list(context, flags).await,
    }
}

async fn list(context: &Context, flags: AclLs) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let wanted = match (flags.allow, flags.block) {
        (true, _) => Some(EntryType::Allow),
        (_, true) => Some(EntryType::Block),
        _ => None,
    };
    let mut entries = client.acl(&way(context, flags.at)).await?;
    entries.retain(|entry| wanted.is_none_or(|wanted| wanted == entry.entry_type));
    let times = MessageText::for_lists();
    context
        .output
        .list(&entries, &HEADS, |entry| row(entry, &times))
}

fn row(entry: &AclPeer, times: &MessageText) -> Vec<String> {
    let word = match entry.entry_type {
        EntryType::Allow => "allow",
        EntryType::Block => "block",
    };
    vec![
        word.to_owned(),
        entry.name.clone().unwrap_or_default(),
        entry.key.to_string(),
        entry.relay.clone(),
        times.time(entry.created_at),
    ]
}

/// All of them are tried; the first failure decides how it ends.
pub(super) async fn change(context: &Context, whom: Whom, change: Change) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let way = way(context, whom.at);
    let mut first = None;
    for who in &whom.who.all() {
        let done = match change {
            Change::Put(entry_type) => client.put_acl(who, entry_type, &way).await,
            Change::Remove => client.remove_acl(who, &way).await,
        };
        let failed = match done {
            Ok(applied) => missed(context, &applied),
            Err(error) => {
                let failure = refusal(&client, who, error).await;
                context.output.failure(&failure);
                Some(failure.exit())
            }
        };
        first = first.or(failed);
    }
    first.map_or(Ok(()), |exit| Err(Failure::Status(exit)))
}

/// Tells of the relays at which a change was not made; gives the exit status for it.
pub(super) fn missed(context: &Context, applied: &Applied) -> Option<u8> {
    let mut first = None;
    for at in &applied.relays {
        if let Some(error) = &at.error {
            let mut error = error.clone();
            error.message = format!("not at the relay {}: {}", at.relay, error.message);
            first = first.or(Some(error.exit));
            context.output.failure(&error.into());
        }
    }
    first
}
