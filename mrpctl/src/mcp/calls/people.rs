//! Who is there, who I am, and who may write.

use super::value;
use crate::cli::value::now;
use crate::exit::Failure;
use crate::mcp::Desk;
use crate::mcp::arguments::{
    Discover, MaybeWho, Nothing, SetPolicy, SetProfile, VisibilityWord, Who,
};
use mrp_proto::acl::EntryType;
use mrp_proto::agent::{Change, ProfilePatch, Visibility};
use mrpd_api::body::relays::DiscoverQuery;
use serde_json::{Value, json};
use std::time::Duration;

pub(in crate::mcp) async fn whoami(desk: &Desk, _: Nothing) -> Result<Value, Failure> {
    let status = desk.daemon().await?.status().await?;
    Ok(json!({
        "agents": value(&status.agents)?,
        "acting_as": desk.agent(),
        "sessions": value(&status.sessions)?,
        "unread": status.inbox.unread,
        "warnings": status.warnings,
    }))
}

pub(in crate::mcp) async fn contacts(desk: &Desk, _: Nothing) -> Result<Value, Failure> {
    let contacts = desk.daemon().await?.contacts().await?;
    Ok(json!({ "contacts": value(&contacts)? }))
}

pub(in crate::mcp) async fn discover(desk: &Desk, asked: Discover) -> Result<Value, Failure> {
    let since = |minutes: u32| {
        let ago = Duration::from_secs(u64::from(minutes) * 60);
        now().before(ago)
    };
    let query = DiscoverQuery {
        agent: desk.agent(),
        tag: (!asked.tags.is_empty()).then(|| asked.tags.join(",")),
        q: asked.query,
        name: asked.name,
        active_since: asked.active_within_minutes.map(since),
        limit: asked.limit,
        cursor: asked.cursor,
        ..DiscoverQuery::default()
    };
    value(&desk.daemon().await?.discover(&query).await?)
}

pub(in crate::mcp) async fn capabilities(desk: &Desk, asked: MaybeWho) -> Result<Value, Failure> {
    let client = desk.daemon().await?;
    match asked.who {
        None => value(&client.capabilities(&desk.way()).await?),
        Some(who) => {
            let info = value(&client.lookup(&who, &desk.way()).await?)?;
            Ok(json!({ "public_key": info["public_key"], "capabilities": info["capabilities"] }))
        }
    }
}

pub(in crate::mcp) async fn lookup(desk: &Desk, asked: Who) -> Result<Value, Failure> {
    value(&desk.daemon().await?.lookup(&asked.who, &desk.way()).await?)
}

pub(in crate::mcp) async fn allow(desk: &Desk, asked: Who) -> Result<Value, Failure> {
    enter(desk, &asked.who, EntryType::Allow).await
}

pub(in crate::mcp) async fn block(desk: &Desk, asked: Who) -> Result<Value, Failure> {
    enter(desk, &asked.who, EntryType::Block).await
}

async fn enter(desk: &Desk, who: &str, entry: EntryType) -> Result<Value, Failure> {
    let client = desk.daemon().await?;
    value(&client.put_acl(who, entry, &desk.way()).await?)
}

pub(in crate::mcp) async fn unblock(desk: &Desk, asked: Who) -> Result<Value, Failure> {
    let client = desk.daemon().await?;
    value(&client.remove_acl(&asked.who, &desk.way()).await?)
}

pub(in crate::mcp) async fn policy(desk: &Desk, _: Nothing) -> Result<Value, Failure> {
    let client = desk.daemon().await?;
    let policy = client.policy(&desk.way()).await?;
    let entries = client.acl(&desk.way()).await?;
    Ok(json!({ "policy": policy.policy, "entries": value(&entries)? }))
}

pub(in crate::mcp) async fn set_policy(desk: &Desk, asked: SetPolicy) -> Result<Value, Failure> {
    let client = desk.daemon().await?;
    value(&client.put_policy(asked.policy, &desk.way()).await?)
}

pub(in crate::mcp) async fn profile(desk: &Desk, _: Nothing) -> Result<Value, Failure> {
    let profiles = desk.daemon().await?.profile(&desk.way()).await?;
    Ok(json!({ "relays": value(&profiles)? }))
}

pub(in crate::mcp) async fn set_profile(desk: &Desk, asked: SetProfile) -> Result<Value, Failure> {
    let visibility = asked.visibility.map(|word| match word {
        VisibilityWord::Public => Visibility::Public,
        VisibilityWord::Private => Visibility::Private,
    });
    let patch = ProfilePatch {
        display_name: asked.display_name.map_or(Change::Keep, Change::Set),
        visibility: visibility.map_or(Change::Keep, Change::Set),
        ..ProfilePatch::default()
    };
    let client = desk.daemon().await?;
    value(&client.change_profile(&patch, &desk.way()).await?)
}
