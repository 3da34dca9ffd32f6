//! The sections of the configuration, each read into its type.

use super::{Agent, Api, Config, KeySource, Problem, Relay, Severity, Transport};
use crate::config::reader::{Account, Overrides, Reader};
use crate::config::tree::{Node, Origin, Table, Value};
use mrp_client::RelayUrl;
use mrp_proto::acl::InboxPolicy;
use mrp_proto::agent::{MAX_DISPLAY_NAME, Visibility};
use mrp_proto::message::check_metadata;
use mrpd_api::body::Encrypt;
use mrpd_api::paths::Paths;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tracing_subscriber::EnvFilter;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long a send is tried again where nothing else is said.
const RETRY_FOR: Duration = Duration::from_secs(7 * 24 * 3600);
/// The longest such time. With the days that a message may wait at the relay it stays within what recipients take, 45 days.
const LONGEST_RETRY: Duration = Duration::from_secs(30 * 24 * 3600);

/// Environment variables and the keys they stand for.
const VARIABLES: &[(&str, &str)] = &[
    ("MRPD_SOCKET", "api.socket"),
    ("MRPD_API_SOCKET", "api.socket"),
    ("MRPD_API_MODE", "api.mode"),
    ("MRPD_LOG", "log"),
    ("MRPD_DEFAULT_AGENT", "default_agent"),
    ("MRPD_INBOX_DEDUP_WINDOW", "inbox.dedup_window"),
    ("MRPD_OUTBOX_RETRY_FOR", "outbox.retry_for"),
    ("MRPD_CONTACTS_FILE", "contacts.file"),
];

/// Sections that belong to the configuration, but not to this version.
const LATER_SECTIONS: &[&str] = &[
    "attachments",
    "capability",
    "expect",
    "groups",
    "hook",
    "hook_defaults",
    "ingress",
    "metrics",
    "schedule",
    "spool",
    "topic",
];

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
    let relays = read_named(tree, "relay", overrides, account, read_relay);
    check_relay_urls(&relays, tree, account);
    let names: Vec<String> = relays.iter().map(|relay| relay.name.clone()).collect();
    let agents = read_named(tree, "agent", overrides, account, |reader, name| {
        read_agent(reader, name, &names, paths)
    });
    let mut top = Reader::new(
        account,
        overrides,
        tree,
        "",
        Origin::Default,
        Severity::Ignored,
    );
    let log = read_log(&mut top);
    let default_agent = top.text("default_agent");
    let api = read_api(&mut top, paths);
    let dedup_window = read_inbox(&mut top);
    let retry_for = read_outbox(&mut top);
    let contacts_file = read_contacts(&mut top, paths);
    top.unsupported(LATER_SECTIONS);
    top.mark_read(&["relay", "agent"]);
    top.finish();
    check_default_agent(default_agent.as_deref(), &agents, tree, account);
    Config {
        default_agent,
        log,
        api,
        relays,
        agents,
        dedup_window,
        retry_for,
        contacts_file,
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

fn read_inbox(top: &mut Reader<'_>) -> Duration {
    let mut reader = top.child("inbox");
    let dedup_window = reader.duration("dedup_window", 30 * DAY);
    reader.unsupported(&["keep", "max_bytes", "hold_unknown_senders"]);
    reader.finish();
    dedup_window
}

fn read_outbox(top: &mut Reader<'_>) -> Duration {
    let mut reader = top.child("outbox");
    let mut retry_for = reader.duration("retry_for", RETRY_FOR);
    if retry_for > LONGEST_RETRY {
        let what = "must be at most 30d: recipients refuse what is older than they remember copies";
        reader.wrong("retry_for", what);
        retry_for = RETRY_FOR;
    }
    reader.unsupported(&["per_minute"]);
    reader.finish();
    retry_for
}

fn read_contacts(top: &mut Reader<'_>, paths: &Paths) -> PathBuf {
    let mut reader = top.child("contacts");
    let default = paths.contacts_file();
    let file = reader.text_or("file", &default.to_string_lossy());
    reader.finish();
    paths.expand(Path::new(&file))
}

/// Reads a list of tables that have names of their own; those that cannot be used are left out.
fn read_named<T>(
    tree: &Table,
    section: &'static str,
    overrides: &Overrides,
    account: &mut Account,
    read: impl Fn(Reader<'_>, &str) -> Option<T>,
) -> Vec<T> {
    let Some(node) = tree.get(section) else {
        return Vec::new();
    };
    let mut fatal = |origin: &Origin, what: String| {
        account.problems.push(Problem {
            severity: Severity::Fatal,
            origin: origin.clone(),
            field: section.to_owned(),
            what,
        });
    };
    let Value::List(list) = &node.value else {
        let what = format!("write it as [[{section}]], with double brackets");
        fatal(&node.origin, what);
        return Vec::new();
    };
    let mut named: Vec<(String, &Table, &Origin)> = Vec::new();
    for item in list {
        match name_of(item) {
            Ok((name, _)) if named.iter().any(|(other, _, _)| *other == name) => {
                fatal(
                    &item.origin,
                    format!("there are two with the name {name:?}"),
                );
            }
            Ok((name, table)) => named.push((name, table, &item.origin)),
            Err(what) => fatal(&item.origin, what),
        }
    }
    named
        .into_iter()
        .filter_map(|(name, table, origin)| {
            let path = format!("{section}.{name}");
            let mut reader = Reader::new(
                account,
                overrides,
                table,
                path,
                origin.clone(),
                Severity::Fatal,
            );
            reader.mark_read(&["name"]);
            read(reader, &name)
        })
        .collect()
}

/// Under two names one relay would hold two sessions of an agent, which take the messages from each other.
fn check_relay_urls(relays: &[Relay], tree: &Table, account: &mut Account) {
    for (index, relay) in relays.iter().enumerate() {
        let twin = relays[..index].iter().find(|other| other.url == relay.url);
        let Some(twin) = twin else { continue };
        let origin = match tree.get("relay").map(|node| &node.value) {
            Some(Value::List(list)) => list
                .iter()
                .find(|item| item.value.named() == Some(&relay.name))
                .map(|item| item.origin.clone()),
            _ => None,
        };
        account.problems.push(Problem {
            severity: Severity::Fatal,
            origin: origin.unwrap_or(Origin::Default),
            field: format!("relay.{}.url", relay.name),
            what: format!(
                "the same as that of the relay {:?}; leave one of them out",
                twin.name
            ),
        });
    }
}

/// Names are file names, environment values and words on command lines: short and plain.
fn name_of(item: &Node) -> Result<(String, &Table), String> {
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
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if name.is_empty() || name.chars().count() > 64 || !name.chars().all(plain) {
        return Err(format!(
            "name {name:?} is not allowed; expected 1 to 64 letters, digits, - _ or ."
        ));
    }
    Ok((name.clone(), table))
}

fn read_relay(mut reader: Reader<'_>, name: &str) -> Option<Relay> {
    const TRANSPORTS: &[(&str, Transport)] = &[
        ("ws", Transport::Ws),
        ("poll", Transport::Poll),
        ("auto", Transport::Auto),
    ];
    let url = reader.text("url");
    let transport = reader.choice("transport", TRANSPORTS, Transport::Ws);
    match transport {
        Transport::Ws => {}
        Transport::Poll => reader.wrong(
            "transport",
            "\"poll\" is not supported by this version; write \"ws\"",
        ),
        Transport::Auto => reader.unsupported_value(
            "transport",
            "this version does not fall back to polling; it is \"ws\"",
        ),
    }
    let ping = reader.duration("ping", Duration::from_secs(20));
    let idle_timeout = reader.duration("idle_timeout", Duration::from_secs(75));
    if ping.is_zero() || idle_timeout <= ping {
        reader.wrong(
            "idle_timeout",
            "must be longer than ping, and ping longer than nothing",
        );
    }
    let backoff = read_backoff(&mut reader);
    let url = match url.as_deref().map(RelayUrl::parse) {
        Some(Ok(url)) => Some(url),
        Some(Err(error)) => {
            reader.wrong("url", error.to_string());
            None
        }
        None => {
            reader.wrong("url", "missing; write url = \"https://...\"");
            None
        }
    };
    reader.finish();
    Some(Relay {
        name: name.to_owned(),
        url: url?,
        transport,
        ping,
        idle_timeout,
        backoff,
    })
}

fn read_backoff(relay: &mut Reader<'_>) -> (Duration, Duration) {
    let mut reader = relay.child("backoff");
    let min = reader.duration("min", Duration::from_secs(1));
    let max = reader.duration("max", Duration::from_secs(60));
    if min.is_zero() || max < min {
        reader.wrong("min", "must be longer than nothing and at most max");
    }
    if !reader.switch("jitter", true) {
        reader.wrong(
            "jitter",
            "false is not supported: clients in step would hammer a relay that comes back",
        );
    }
    reader.finish();
    (min, max)
}

fn read_agent(
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
    let agent = Agent {
        name: name.to_owned(),
        key: read_key_source(&mut reader, name, paths),
        origin: reader.origin(),
        relays: read_agent_relays(&mut reader, relays),
        display_name: reader.text("display_name"),
        visibility: reader.optional_choice("visibility", VISIBILITIES),
        inbox_policy: reader.optional_choice("inbox_policy", POLICIES),
        metadata: reader.pairs("metadata"),
        encrypt: reader.choice("encrypt", ENCRYPT, Encrypt::Always),
        require_encryption: reader.switch("require_encryption", false),
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
    reader.unsupported(&["bound_auth"]);
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

fn read_agent_relays(reader: &mut Reader<'_>, relays: &[String]) -> Vec<String> {
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

fn check_default_agent(named: Option<&str>, agents: &[Agent], tree: &Table, account: &mut Account) {
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
