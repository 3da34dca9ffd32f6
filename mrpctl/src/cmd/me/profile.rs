//! `mrpctl profile`: how the local identity shows itself. It is set in mrpd.toml, which the daemon tells relays.

use super::shown;
use crate::cli::me::{Profile as Flags, ProfileSet};
use crate::cmd::own::OwnConfig;
use crate::cmd::own_agent;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::output::escape;
use mrp_proto::agent::AgentInfo;
use mrp_proto::message::Metadata;
use mrpd_api::body::relays::{ProfileAt, Way};
use mrpd_api::client::Client;
use serde_json::Value as Json;
use toml_edit::{InlineTable, Item, Value};

const HEADS: [&str; 6] = ["relay", "name", "visibility", "policy", "metadata", "can"];

/// The pair that the daemon adds by itself: that sealed messages are opened.
const DAEMONS_OWN: &str = "e2e";

pub(super) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    let client = context.daemon().await?;
    match flags {
        Flags::Show => show(context, &client).await,
        Flags::Set(flags) => set(context, &client, flags).await,
    }
}

async fn show(context: &Context, client: &Client) -> Result<(), Failure> {
    let places = client.profile(&way(context)).await?;
    let failures = places.iter().filter_map(|at| Some((at, at.error.clone()?)));
    let mut first = None;
    for (at, mut error) in failures {
        error.message = format!("the relay {} does not show it: {}", at.relay, error.message);
        first.get_or_insert(error.exit);
        context.output.failure(&error.into());
    }
    let shown: Vec<ProfileAt> = places
        .into_iter()
        .filter(|at| at.profile.is_some())
        .collect();
    context.output.list(&shown, &HEADS, row)?;
    first.map_or(Ok(()), |exit| Err(Failure::Status(exit)))
}

fn way(context: &Context) -> Way {
    Way {
        agent: context.global.agent.clone(),
        relay: None,
    }
}

fn row(at: &ProfileAt) -> Vec<String> {
    let Some(profile) = &at.profile else {
        return vec![at.relay.clone()];
    };
    let word = |value: Result<Json, _>| {
        let value: Json = value.unwrap_or_default();
        value.as_str().unwrap_or_default().to_owned()
    };
    let pairs = profile.metadata.iter();
    let pairs: Vec<String> = pairs.map(|(key, value)| format!("{key}={value}")).collect();
    let names = profile.capabilities.iter().map(|one| one.name.as_str());
    let name = profile.display_name.as_deref();
    vec![
        at.relay.clone(),
        name.map_or_else(String::new, escape::quoted),
        word(serde_json::to_value(profile.visibility)),
        word(serde_json::to_value(profile.inbox_policy)),
        pairs.join(" "),
        names.collect::<Vec<_>>().join(" "),
    ]
}

async fn set(context: &Context, client: &Client, flags: ProfileSet) -> Result<(), Failure> {
    let mut own = OwnConfig::of(context, own_agent(context, client).await?.name).await?;
    if let Some(name) = &flags.name {
        own.set("display_name", name.as_str())?;
    }
    if let Some(visibility) = flags.visibility {
        own.set("visibility", visibility.as_str())?;
    }
    if !flags.meta.is_empty() || !flags.no_meta.is_empty() {
        let there = there(context, client).await;
        change_metadata(&mut own, there, &flags)?;
    }
    own.put_in_force(context).await?;
    shown::wait(context, client, |info| has(info, &flags)).await;
    Ok(())
}

/// What a relay shows now: what is configured for the first time takes the place of all of it.
async fn there(context: &Context, client: &Client) -> Metadata {
    let places = client.profile(&way(context)).await.unwrap_or_default();
    let mut metadata = places
        .into_iter()
        .find_map(|at| at.profile)
        .map(|profile| profile.metadata)
        .unwrap_or_default();
    metadata.remove(DAEMONS_OWN);
    metadata
}

fn change_metadata(
    own: &mut OwnConfig,
    there: Metadata,
    flags: &ProfileSet,
) -> Result<(), Failure> {
    let entry = own.entry()?;
    if entry.get("metadata").is_none() {
        let mut table = InlineTable::new();
        table.extend(there);
        entry.insert("metadata", Item::Value(Value::InlineTable(table)));
    }
    let table = entry
        .get_mut("metadata")
        .and_then(Item::as_table_like_mut)
        .ok_or_else(|| {
            Failure::new(Reason::Config, "metadata is no table of texts").fix("mrpctl config edit")
        })?;
    for (key, value) in &flags.meta {
        table.insert(key, toml_edit::value(value));
    }
    for key in &flags.no_meta {
        table.remove(key);
    }
    Ok(())
}

fn has(info: &AgentInfo, flags: &ProfileSet) -> bool {
    let name = flags.name.as_ref();
    let visibility = flags.visibility.map(|word| word.as_str());
    let is_visible = |word: &str| serde_json::to_value(info.visibility).is_ok_and(|is| is == word);
    let is_given = |(key, value): &(String, String)| {
        let last = flags.meta.iter().rfind(|(other, _)| other == key);
        let value = last.map_or(value, |(_, value)| value);
        flags.no_meta.contains(key) || info.metadata.get(key) == Some(value)
    };
    name.is_none_or(|name| info.display_name.as_ref() == Some(name))
        && visibility.is_none_or(is_visible)
        && flags.meta.iter().all(is_given)
        && flags
            .no_meta
            .iter()
            .all(|key| !info.metadata.contains_key(key))
}
