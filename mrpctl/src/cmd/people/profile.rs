//! `mrpctl lookup` and `mrpctl caps`: what an agent says of itself, and what agents can do.

use super::{Named, name_of, refusal, way};
use crate::cli::people::{Caps, Lookup};
use crate::context::Context;
use crate::exit::Failure;
use crate::output::{escape, pairs};
use mrp_proto::acl::InboxPolicy;
use mrp_proto::agent::{AgentInfo, AgentStatus, Capability, Visibility};

const CAPABILITY_HEADS: [&str; 4] = ["name", "description", "tags", "version"];

pub(super) async fn lookup(context: &Context, flags: Lookup) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let said = match client.lookup(&flags.who, &way(context, flags.at)).await {
        Ok(said) => said,
        Err(error) => return Err(refusal(&client, &flags.who, error).await),
    };
    let contact = name_of(&client.contacts().await?, &said.public_key);
    let found = Named { contact, said };
    let key = found.said.public_key.to_string();
    context.output.object(
        &found,
        || text(found.contact.as_deref(), &found.said),
        Some(&key),
    )
}

pub(super) async fn capabilities(context: &Context, flags: Caps) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let way = way(context, flags.at);
    let Some(who) = flags.who else {
        let counts = client.capabilities(&way).await?.capabilities;
        return context.output.list(&counts, &["tag", "agents"], |count| {
            vec![count.tag.clone(), count.agent_count.to_string()]
        });
    };
    match client.lookup(&who, &way).await {
        Ok(said) => context
            .output
            .list(&said.capabilities, &CAPABILITY_HEADS, capability_row),
        Err(error) => Err(refusal(&client, &who, error).await),
    }
}

fn capability_row(capability: &Capability) -> Vec<String> {
    vec![
        capability.name.clone(),
        capability.description.clone(),
        capability.tags.join(" "),
        capability.version.clone().unwrap_or_default(),
    ]
}

/// A profile for people. What its owner chose is in quotation marks.
pub(crate) fn text(contact: Option<&str>, agent: &AgentInfo) -> String {
    let says = agent.display_name.as_deref();
    let metadata: Vec<String> = agent
        .metadata
        .iter()
        .map(|(key, value)| escape::line(&format!("{key}={value}")))
        .collect();
    let can: Vec<String> = agent
        .capabilities
        .iter()
        .map(|one| escape::line(format!("{}  {}", one.name, one.description).trim_end()))
        .collect();
    pairs(&[
        ("contact", contact.unwrap_or_default().to_owned()),
        ("says it is", says.map_or_else(String::new, escape::quoted)),
        ("key", agent.public_key.to_string()),
        ("fingerprint", agent.public_key.fingerprint()),
        ("status", status(agent.status).to_owned()),
        ("visibility", visibility(agent.visibility).to_owned()),
        ("policy", policy(agent.inbox_policy).to_owned()),
        ("metadata", metadata.join("\n")),
        ("can", can.join("\n")),
        ("since", agent.created_at.to_string()),
        ("active", agent.last_active_at.to_string()),
    ])
}

fn status(status: AgentStatus) -> &'static str {
    match status {
        AgentStatus::Active => "active",
        AgentStatus::Suspended => "suspended",
    }
}

fn visibility(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Public => "public",
        Visibility::Private => "private",
    }
}

pub(crate) fn policy(policy: InboxPolicy) -> &'static str {
    match policy {
        InboxPolicy::Allowlist => "allowlist",
        InboxPolicy::Blocklist => "blocklist",
        InboxPolicy::Open => "open",
        InboxPolicy::Closed => "closed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_says_of_itself_is_quoted_and_harmless() {
        let agent: AgentInfo = serde_json::from_str(
            r#"{"public_key":"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w","display_name":"alice\u001b[2J","status":"active",
            "visibility":"public","inbox_policy":"open","metadata":{"e2e":"2"},
            "capabilities":[{"name":"text:translate","description":"into\nother words"}],
            "created_at":"2026-11-21T09:00:00Z","last_active_at":"2026-11-21T10:00:00Z"}"#,
        )
        .unwrap();
        insta::assert_snapshot!(text(Some("bob"), &agent), @r#"
        contact      bob
        says it is   "alice\e[2J"
        key          iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w
        fingerprint  3475 0f98 bd59 fcfc 946d a45a aabe 933b
        status       active
        visibility   public
        policy       open
        metadata     e2e=2
        can          text:translate  into\nother words
        since        2026-11-21T09:00:00.000Z
        active       2026-11-21T10:00:00.000Z
        "#);
    }
}
