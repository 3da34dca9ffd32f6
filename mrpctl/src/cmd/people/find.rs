//! `mrpctl find`: public agents at a relay, page after page.

use super::{Named, name_of};
use crate::cli::people::Find as Flags;
use crate::cli::value;
use crate::context::Context;
use crate::exit::Failure;
use crate::output::escape;
use crate::output::message::MessageText;
use mrp_proto::relay_api::{DiscoveredAgent, MAX_PAGE};
use mrpd_api::body::relays::DiscoverQuery;
use mrpd_api::client::Client;

const HEADS: [&str; 5] = ["contact", "says it is", "key", "active", "can"];

pub(super) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let limit = usize::try_from(flags.limit).unwrap_or(usize::MAX);
    let query = query(context, flags);
    let contacts = client.contacts().await?;
    let found: Vec<Named<DiscoveredAgent>> = pages(&client, query, limit)
        .await?
        .into_iter()
        .map(|said| Named {
            contact: name_of(&contacts, &said.public_key),
            said,
        })
        .collect();
    let times = MessageText::for_lists();
    context
        .output
        .list(&found, &HEADS, |found| row(found, &times))
}

fn query(context: &Context, flags: Flags) -> DiscoverQuery {
    let tags = Some(flags.tags.join(",")).filter(|tags| !tags.is_empty());
    DiscoverQuery {
        agent: context.global.agent.clone(),
        relay: flags.at.relay,
        tag: tags,
        q: flags.query,
        name: flags.name,
        active_since: flags.active.map(|within| value::now().before(within)),
        limit: None,
        cursor: None,
    }
}

/// A page may be shorter than was asked for, although there is more.
async fn pages(
    client: &Client,
    mut query: DiscoverQuery,
    limit: usize,
) -> Result<Vec<DiscoveredAgent>, Failure> {
    let mut found = Vec::new();
    loop {
        query.limit = Some((limit - found.len()).min(MAX_PAGE));
        let page = client.discover(&query).await?;
        found.extend(page.agents);
        found.truncate(limit);
        if !page.has_more || page.next_cursor.is_none() || found.len() == limit {
            return Ok(found);
        }
        query.cursor = page.next_cursor;
    }
}

fn row(found: &Named<DiscoveredAgent>, times: &MessageText) -> Vec<String> {
    let agent = &found.said;
    let names = agent.capabilities.items.iter().map(|item| &*item.name);
    vec![
        found.contact.clone().unwrap_or_default(),
        agent
            .display_name
            .as_deref()
            .map_or_else(String::new, escape::quoted),
        agent.public_key.to_string(),
        times.time(agent.last_active_at),
        names.collect::<Vec<_>>().join(" "),
    ]
}
