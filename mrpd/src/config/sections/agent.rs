//! `[[agent]]`, and which of them is meant where none is named.

use crate::config::reader::{Account, Reader};
use crate::config::tree::{Origin, Table};
use crate::config::{Agent, BoundAuth, KeySource, Problem, Severity};
use mrp_proto::acl::InboxPolicy;
use mrp_proto::agent::{MAX_DISPLAY_NAME, Visibility};
use mrp_proto::message::check_metadata;
use mrpd_api::body::Encrypt;
use mrpd_api::paths::Paths;
use serde_json::json;
use std::path::Path;

/// Reads an agent.
pub(super) fn read(
    mut reader: Reader<'_>,
    name: &str,
    relays: &[String],
    paths: &Paths,
) -> Option<Agent> {
    const VISIBILITIES: &[(&str, Visibility)] = &[
        ("public", Visibility::Public),
        ("private", Visibility::Private),
    ];
    const POLICIES: &[(&str, InboxPolicy)] = &[
        ("blocklist", InboxPolicy::Blocklist),
        ("allowlist", InboxPolicy::Allowlist),
        ("open", InboxPolicy::Open),
        ("closed", InboxPolicy::Closed),
    ];
    const ENCRYPT: &[(&str, Encrypt)] = &[
        ("always", Encrypt::Always),
        ("auto", Encrypt::Auto),
        ("never", Encrypt::Never),
    ];
    const BOUND_AUTH: &[(&str, BoundAuth)] = &[
        ("prefer", BoundAuth::Prefer),
        ("require", BoundAuth::Require),
    ];
    let agent = Agent {
        name: name.to_owned(),
        key: read_key_source(&mut reader, name, paths),
        origin: reader.origin(),
        relays: read_relays(&mut reader, relays),
        display_name: reader.text("display_name"),
        visibility: reader.optional_choice("visibility", VISIBILITIES),
        inbox_policy: reader.optional_choice("inbox_policy", POLICIES),
        metadata: reader.pairs("metadata"),
        encrypt: reader.choice("encrypt", ENCRYPT, Encrypt::Always),
        require_encryption: reader.switch("require_encryption", false),
        bound_auth: reader.choice("bound_auth", BOUND_AUTH, BoundAuth::Prefer),
    };
    if let Some(Err(violation)) = agent.metadata.as_ref().map(check_metadata) {
        reader.wrong("metadata", violation.to_string());
    }
    if agent
        .display_name
        .as_ref()
        .is_some_and(|name| name.chars().count() > MAX_DISPLAY_NAME)
    {
        let what = format!("must have at most {MAX_DISPLAY_NAME} characters");
        reader.wrong("display_name", what);
    }
    if agent.require_encryption && agent.encrypt == Encrypt::Never {
        reader.wrong("encrypt", "\"never\" contradicts require_encryption = true");
    }
    reader.finish();
    Some(agent)
}

fn read_key_source(reader: &mut Reader<'_>, name: &str, paths: &Paths) -> KeySource {
    let file = reader.text("key_file");
    let command = reader.texts("key_command");
    let credential = reader.text("key_credential");
    let given = [file.is_some(), command.is_some(), credential.is_some()];
    if given.into_iter().filter(|given| *given).count() > 1 {
        reader.wrong(
            "key_file",
            "write only one of key_file, key_command and key_credential",
        );
    }
    match (file, command, credential) {
        (Some(file), _, _) => KeySource::File(paths.expand(Path::new(&file))),
        (None, Some(command), _) => {
            if command.first().is_none_or(String::is_empty) {
                reader.wrong("key_command", "expected a program and its arguments");
            }
            KeySource::Command(command)
        }
        (None, None, Some(name)) => {
            if name.is_empty() || name.contains('/') || name.starts_with('.') {
                reader.wrong(
                    "key_credential",
                    "expected the name of a credential, no path",
                );
            }
            KeySource::Credential(name)
        }
        (None, None, None) => {
            let file = paths.key_file(name);
            reader.record_default("key_file", json!(file.to_string_lossy()));
            KeySource::File(file)
        }
    }
}

fn read_relays(reader: &mut Reader<'_>, relays: &[String]) -> Vec<String> {
    let named = reader.texts("relays").unwrap_or_else(|| {
        reader.record_default("relays", json!(relays));
        relays.to_vec()
    });
    if named.is_empty() {
        reader.wrong(
            "relays",
            "there is no relay; add a [[relay]] with name and url",
        );
    }
    for (index, name) in named.iter().enumerate() {
        if !relays.contains(name) {
            let known = relays.join(", ");
            reader.wrong(
                "relays",
                format!("there is no relay {name:?}; known: {known}"),
            );
        } else if named[..index].contains(name) {
            reader.wrong("relays", format!("{name:?} is named twice"));
        }
    }
    named
}

/// Whether the agent that is meant where none is named exists.
pub(super) fn check_default(
    named: Option<&str>,
    agents: &[Agent],
    tree: &Table,
    account: &mut Account,
) {
    let Some(named) = named else { return };
    if agents.iter().any(|agent| agent.name == named) {
        return;
    }
    let known: Vec<&str> = agents.iter().map(|agent| agent.name.as_str()).collect();
    account.problems.push(Problem {
        severity: Severity::Fatal,
        origin: tree
            .get("default_agent")
            .map_or(Origin::Default, |node| node.origin.clone()),
        field: "default_agent".to_owned(),
        what: format!("there is no agent {named:?}; known: {}", known.join(", ")),
    });
}

/// Reads the name of a local agent that something belongs to.
pub(super) fn named(reader: &mut Reader<'_>, agents: &[String]) -> Option<String> {
    let agent = reader.text("agent")?;
    if !agents.contains(&agent) {
        let known = agents.join(", ");
        reader.wrong(
            "agent",
            format!("there is no agent {agent:?}; known: {known}"),
        );
    }
    Some(agent)
}
