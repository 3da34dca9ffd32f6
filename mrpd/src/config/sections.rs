//! The sections of the configuration, each read into its type.

mod agent;
mod attachments;
mod capability;
mod expect;
mod groups;
mod hook;
mod inbox;
mod ingress;
mod metrics;
mod outbox;
mod program;
mod relay;
mod schedule;
mod spool;
mod topic;

pub use capability::Capability;
pub use ingress::{Algorithm, Hmac, Ingress, Listen, Proof, Replay, To};
pub use spool::Spool;

use super::{Api, Config, Named, Problem, Severity};
use crate::config::reader::{Account, Overrides, Reader};
use crate::config::tree::{Node, Origin, Table, Value};
use mrpd_api::paths::Paths;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tracing_subscriber::EnvFilter;

/// Environment variables and the keys they stand for.
const VARIABLES: &[(&str, &str)] = &[
    ("MRPD_SOCKET", "api.socket"),
    ("MRPD_API_SOCKET", "api.socket"),
    ("MRPD_API_MODE", "api.mode"),
    ("MRPD_LOG", "log"),
    ("MRPD_DEFAULT_AGENT", "default_agent"),
    ("MRPD_INBOX_DEDUP_WINDOW", "inbox.dedup_window"),
    ("MRPD_INBOX_KEEP", "inbox.keep"),
    ("MRPD_INBOX_MAX_BYTES", "inbox.max_bytes"),
    ("MRPD_INBOX_DROP_UNREAD", "inbox.drop_unread"),
    (
        "MRPD_INBOX_HOLD_UNKNOWN_SENDERS",
        "inbox.hold_unknown_senders",
    ),
    ("MRPD_OUTBOX_RETRY_FOR", "outbox.retry_for"),
    ("MRPD_CONTACTS_FILE", "contacts.file"),
];

/// Sections whose names peers know.
const TAG_SECTIONS: &[&str] = &["topic", "capability"];

/// The key that an environment variable stands for.
pub(super) fn key_of_variable(name: &str) -> Option<&'static str> {
    VARIABLES
        .iter()
        .find(|(variable, _)| *variable == name)
        .map(|(_, key)| *key)
}

/// Reads everything. Mistakes go to the account, defaults into their places.
pub(super) fn read(
    tree: &Table,
    overrides: &Overrides,
    paths: &Paths,
    account: &mut Account,
) -> Config {
    let relays = read_named(
        tree,
        "relay",
        Severity::Fatal,
        overrides,
        account,
        relay::read,
    )
    .items;
    relay::check_urls(&relays, tree, account);
    let names: Vec<String> = relays.iter().map(|relay| relay.name.clone()).collect();
    let agents = read_named(
        tree,
        "agent",
        Severity::Fatal,
        overrides,
        account,
        |reader, name| agent::read(reader, name, &names, paths),
    )
    .items;
    let mut top = Reader::new(
        account,
        overrides,
        tree,
        "",
        Origin::Default,
        Severity::Ignored,
    );
    let groups = groups::read(&mut top);
    let hook_defaults = hook::read_defaults(&mut top);
    let log = read_log(&mut top);
    let default_agent = top.text("default_agent");
    let api = read_api(&mut top, paths);
    let inbox = inbox::read(&mut top);
    let attachments = attachments::read(&mut top, paths);
    let outbox = outbox::read(&mut top);
    let metrics = metrics::read(&mut top, paths);
    let contacts_file = read_contacts(&mut top, paths);
    let known: Vec<String> = agents.iter().map(|agent| agent.name.clone()).collect();
    let spool = spool::read(&mut top, &known, paths);
    top.mark_read(&["hook"]);
    top.mark_read(&["ingress"]);
    top.mark_read(&["expect", "schedule"]);
    top.mark_read(&["relay", "agent", "topic", "capability"]);
    top.finish();
    let capabilities = read_named(
        tree,
        "capability",
        Severity::Ignored,
        overrides,
        account,
        |reader, name| capability::read(reader, name, &groups, &known, &hook_defaults, paths),
    );
    let mut hooks = read_named(
        tree,
        "hook",
        Severity::Ignored,
        overrides,
        account,
        |reader, name| hook::read(reader, name, &groups, &known, &hook_defaults, paths),
    );
    let expects = read_named(
        tree,
        "expect",
        Severity::Ignored,
        overrides,
        account,
        |reader, name| expect::read(reader, name, &groups, &known, &hook_defaults, paths),
    );
    let schedules = read_named(
        tree,
        "schedule",
        Severity::Ignored,
        overrides,
        account,
        |reader, name| schedule::read(reader, name, &groups, &known),
    );
    capability::add_handlers(&capabilities, &mut hooks);
    let topics = read_named(
        tree,
        "topic",
        Severity::Ignored,
        overrides,
        account,
        |reader, name| topic::read(reader, name, &groups, &known),
    );
    let ingresses = read_named(
        tree,
        "ingress",
        Severity::Ignored,
        overrides,
        account,
        |reader, name| ingress::read(reader, name, &groups, &known, paths),
    );
    agent::check_default(default_agent.as_deref(), &agents, tree, account);
    Config {
        default_agent,
        log,
        api,
        relays,
        agents,
        inbox,
        attachments,
        outbox,
        metrics,
        contacts_file,
        topics,
        groups,
        hooks,
        expects,
        schedules,
        ingresses,
        spool,
        capabilities,
    }
}

fn read_log(top: &mut Reader<'_>) -> String {
    const DEFAULT: &str = "info";
    let log = top.text_or("log", DEFAULT);
    match EnvFilter::try_new(&log) {
        Ok(_) => log,
        Err(error) => {
            let what = format!(
                "{log:?} is not allowed ({error}); expected a filter such as info or mrpd=debug"
            );
            top.wrong("log", what);
            DEFAULT.to_owned()
        }
    }
}

fn read_api(top: &mut Reader<'_>, paths: &Paths) -> Api {
    const MODES: &[(&str, u32)] = &[("0600", 0o600), ("0660", 0o660), ("0666", 0o666)];
    let mut reader = top.child("api").weighing(Severity::Fatal);
    let socket = reader
        .text("socket")
        .filter(|text| !text.is_empty())
        .map(|text| paths.expand(Path::new(&text)));
    if let Some(Err(error)) = socket.as_deref().map(mrpd_api::paths::check_socket_path) {
        reader.wrong("socket", format!("{error}; choose a shorter one"));
    }
    let api = Api {
        socket,
        mode: reader.choice("mode", MODES, 0o600),
        allow_uids: reader.numbers("allow_uids"),
    };
    reader.finish();
    api
}

fn read_contacts(top: &mut Reader<'_>, paths: &Paths) -> PathBuf {
    let mut reader = top.child("contacts");
    let default = paths.contacts_file();
    let file = reader.text_or("file", &default.to_string_lossy());
    reader.finish();
    paths.expand(Path::new(&file))
}

/// Reads a list of tables that have names of their own; those that cannot be used are left out. A mistake weighs `severity`.
fn read_named<T>(
    tree: &Table,
    section: &'static str,
    severity: Severity,
    overrides: &Overrides,
    account: &mut Account,
    read: impl Fn(Reader<'_>, &str) -> Option<T>,
) -> Named<T> {
    let mut found = Named::default();
    let Some(node) = tree.get(section) else {
        return found;
    };
    let problem = |origin: &Origin, what: String| Problem {
        severity,
        origin: origin.clone(),
        field: section.to_owned(),
        what,
    };
    let Value::List(list) = &node.value else {
        let what = format!("write it as [[{section}]], with double brackets");
        account.problems.push(problem(&node.origin, what));
        found.unreadable = true;
        return found;
    };
    let mut names = BTreeSet::new();
    for item in list {
        let (name, table) = match name_of(section, item) {
            Ok(named) => named,
            Err(what) => {
                account.problems.push(problem(&item.origin, what));
                continue;
            }
        };
        if !names.insert(name.clone()) {
            let what = format!("there are two with the name {name:?}");
            account.problems.push(problem(&item.origin, what));
            continue;
        }
        let known = account.problems.len();
        let path = format!("{section}.{name}");
        let origin = item.origin.clone();
        let mut reader = Reader::new(account, overrides, table, path, origin, severity);
        reader.mark_read(&["name"]);
        let value = read(reader, &name);
        let wrong = account.problems[known..]
            .iter()
            .any(|problem| problem.severity == severity);
        match value {
            Some(value) if !wrong || severity == Severity::Fatal => found.items.push(value),
            _ => found.refused.push(name),
        }
    }
    found
}

/// Names are file names, environment values and words on command lines: short and plain. Those that peers know as topics have
/// the form of tags, `market:prices`.
fn name_of<'a>(section: &str, item: &'a Node) -> Result<(String, &'a Table), String> {
    let Value::Table(table) = &item.value else {
        return Err(format!("expected a table, not {}", item.value.noun()));
    };
    let Some(Node {
        value: Value::Text(name),
        ..
    }) = table.get("name")
    else {
        return Err("name is missing; write name = \"...\"".to_owned());
    };
    let tag = TAG_SECTIONS.contains(&section);
    let plain = |letter: char| {
        letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.') || (tag && letter == ':')
    };
    if name.is_empty() || name.chars().count() > 64 || !name.chars().all(plain) {
        let marks = if tag { "- _ . or :" } else { "- _ or ." };
        return Err(format!(
            "name {name:?} is not allowed; expected 1 to 64 letters, digits, {marks}"
        ));
    }
    Ok((name.clone(), table))
}
