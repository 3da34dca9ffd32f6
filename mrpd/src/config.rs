//! `mrpd.toml`: where it is looked for, how its layers are united, and what is wrong with it.
//!
//! Precedence: option, environment, the user's file, drop-ins (of two, the one whose name sorts later), the system's file,
//! default. A file that is named (`--config`, `MRPD_CONFIG`) stands alone: neither drop-ins nor the system's file are read.
//!
//! A file that is not TOML and a mistake in the sections that say who one is and where one listens (`api`, `relay`, `agent`,
//! `default_agent`) keep the daemon from starting; a drop-in that is not TOML is left out at the start, and keeps a daemon that runs
//! from taking up any of it. Every other mistake is reported; what was in force before stays so, and at the start the default holds,
//! but that no message is deleted by a `[inbox]` that is wrong or may be in a file that was left out.

mod duration;
mod named;
mod problem;
mod reader;
pub(crate) mod reference;
mod sections;
mod show;
mod tree;

pub use named::{HasName, Named};
pub use problem::{Problem, Severity};
pub use reader::Effective;
pub use sections::{Algorithm, Capability, Hmac, Ingress, Listen, Proof, Replay, Spool, To};
pub use show::{Origins, as_json, as_text};
pub use tree::Origin;

use crate::audience::{Audience, Groups};
use crate::expects::Expect;
use crate::hooks::Hook;
use crate::schedules::Schedule;
use mrp_client::RelayUrl;
use mrp_proto::acl::InboxPolicy;
use mrp_proto::agent::Visibility;
use mrp_proto::message::Metadata;
use mrpd_api::body::Encrypt;
use mrpd_api::paths::Paths;
use problem::is_wrong;
use reader::{Account, Overrides};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tree::Table;

/// Where the service manager puts credentials (systemd.exec(5)), if it gave any.
pub(crate) fn credentials_directory() -> Option<PathBuf> {
    std::env::var_os(CREDENTIALS_VARIABLE).map(PathBuf::from)
}

/// The environment that the daemon was started with, for what is passed on of it.
pub(crate) fn inherited_environment() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os()
}

/// The open files that the service manager hands over (sd_listen_fds(3)).
pub(crate) fn handed_descriptors() -> Range<i32> {
    const FIRST: i32 = 3;
    let count = std::env::var("LISTEN_FDS").ok();
    let count = count.filter(|_| is_handed_sockets());
    let count = count.and_then(|count| count.parse().ok()).unwrap_or(0);
    FIRST..FIRST.saturating_add(count)
}

/// The names of the sockets that the service manager has passed to this very process; `None` if it passed none.
pub(crate) fn passed_names() -> Option<Vec<String>> {
    is_handed_sockets().then(|| {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        names.split(':').map(str::to_owned).collect()
    })
}

/// Whether it is this process that sockets are meant for, and not one that it descends from.
fn is_handed_sockets() -> bool {
    let meant = std::env::var("LISTEN_PID").ok();
    meant.and_then(|id| id.parse().ok()) == Some(std::process::id())
}

/// The device and the inode of the journal, where the service manager has put it behind an output (systemd.exec(5)).
pub(crate) fn journal_stream() -> Option<(u64, u64)> {
    let stream = std::env::var("JOURNAL_STREAM").ok()?;
    let (device, inode) = stream.split_once(':')?;
    Some((device.parse().ok()?, inode.parse().ok()?))
}

/// Whether a service manager wants to be told how things stand.
pub(crate) fn has_service_manager() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// Whether a service manager has started the process (systemd.exec(5)).
pub(crate) fn is_managed() -> bool {
    std::env::var_os("INVOCATION_ID").is_some()
}

/// Where the service manager put credentials.
pub(crate) const CREDENTIALS_VARIABLE: &str = "CREDENTIALS_DIRECTORY";

/// What the service manager means for this process alone, and not for the programs that it starts.
pub(crate) const SERVICE_VARIABLES: &[&str] = &[
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    CREDENTIALS_VARIABLE,
    "JOURNAL_STREAM",
];

/// Where the configuration comes from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// Where everything is.
    pub paths: Paths,
    /// A file that was named.
    pub file: Option<PathBuf>,
    overrides: Overrides,
}

impl Sources {
    /// Reads `MRPD_*` of the process's environment. `MRPD_CONFIG` names a file; `MRPD_SOCKET`, `MRPD_LOG` and
    /// `MRPD_DEFAULT_AGENT` stand for keys, and so does `MRPD_<SECTION>_<KEY>`.
    pub fn from_environment(paths: Paths) -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(_, value)| !value.is_empty());
        Self::from_variables(paths, variables)
    }

    fn from_variables(paths: Paths, variables: impl Iterator<Item = (String, String)>) -> Self {
        let mut sources = Self {
            paths,
            file: None,
            overrides: BTreeMap::new(),
        };
        for (name, value) in variables {
            if name == "MRPD_CONFIG" {
                sources.file = Some(PathBuf::from(value));
            } else if let Some(path) = sections::key_of_variable(&name) {
                let origin = Origin::Environment(name);
                sources.overrides.insert(path.to_owned(), (value, origin));
            }
        }
        sources
    }

    /// Names the file by an option.
    pub fn set_file(&mut self, file: PathBuf) {
        self.file = Some(file);
    }

    /// Sets a key by an option.
    pub fn set(&mut self, path: &str, value: &str, option: &'static str) {
        let value = (value.to_owned(), Origin::Option(option));
        self.overrides.insert(path.to_owned(), value);
    }

    /// The file in which a user would write.
    pub fn main_file(&self) -> PathBuf {
        self.file
            .clone()
            .unwrap_or_else(|| self.paths.config_file())
    }

    /// Reads and judges all layers.
    pub fn load(&self) -> Loaded {
        let mut account = Account::default();
        let tree = self.read_layers(&mut account);
        let mut config = sections::read(&tree, &self.overrides, &self.paths, &mut account);
        let Account {
            problems,
            effective,
            ..
        } = account;
        let is_left_out = |problem: &Problem| problem.severity == Severity::LeftOut;
        if is_wrong("inbox", &problems) || problems.iter().any(is_left_out) {
            // What the user wants to keep is not known then: all of it.
            config.inbox.keep = Duration::ZERO;
            config.inbox.max_bytes = 0;
        }
        Loaded {
            config: Arc::new(config),
            problems,
            effective,
        }
    }

    /// The files that are read, whether or not they exist, but for drop-ins.
    pub(crate) fn layers(&self) -> Vec<PathBuf> {
        match &self.file {
            Some(file) => vec![file.clone()],
            None => vec![self.paths.system_config_file(), self.paths.config_file()],
        }
    }

    /// Where drop-ins are.
    pub(crate) fn drop_in_dir(&self) -> Option<PathBuf> {
        self.file.is_none().then(|| self.paths.drop_in_dir())
    }

    fn read_layers(&self, account: &mut Account) -> Table {
        let mut tree = Table::new();
        let main = |file| (file, Severity::Fatal);
        let mut files: Vec<(PathBuf, Severity)> = self.layers().into_iter().map(main).collect();
        if let Some(dir) = self.drop_in_dir() {
            let own = files.len() - 1;
            let drop_ins = drop_ins(&dir);
            files.splice(
                own..own,
                drop_ins.into_iter().map(|file| (file, Severity::LeftOut)),
            );
        }
        for (file, severity) in files {
            match read_file(&file, self.file.is_some(), account) {
                Ok(Some(table)) => tree::overlay(&mut tree, table),
                Ok(None) => {}
                Err(problem) => account.problems.push(Problem {
                    severity,
                    ..problem
                }),
            }
        }
        tree
    }
}

/// What was read. `config` may only be used if nothing is [`Severity::Fatal`], and by a daemon that runs already if nothing is
/// [`Severity::LeftOut`] either.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration, defaults filled in.
    pub config: Arc<Config>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
    /// Every value in force.
    pub effective: Vec<Effective>,
}

impl Loaded {
    /// The problems that keep it from being used.
    pub fn fatal(&self) -> Vec<&Problem> {
        self.problems
            .iter()
            .filter(|problem| problem.severity == Severity::Fatal)
            .collect()
    }
}

/// The configuration in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The agent that is meant where none is named; the first where this is absent.
    pub default_agent: Option<String>,
    /// Filter of the log.
    pub log: String,
    /// The local interface.
    pub api: Api,
    /// Relays, in order.
    pub relays: Vec<Relay>,
    /// Agents, in order.
    pub agents: Vec<Agent>,
    /// What is kept of what came in.
    pub inbox: Inbox,
    /// Files that travel with messages.
    pub attachments: Attachments,
    /// How what goes out is sent.
    pub outbox: Outbox,
    /// Where the figures go.
    pub metrics: Metrics,
    /// The contacts file.
    pub contacts_file: PathBuf,
    /// Topics that others may subscribe to.
    pub topics: Named<Topic>,
    /// Lists of people under names.
    pub groups: Groups,
    /// What is run when a message comes, in order.
    pub hooks: Named<Hook>,
    /// Dead-man switches.
    pub expects: Named<Expect>,
    /// What is sent at certain times.
    pub schedules: Named<Schedule>,
    /// Ways in from local HTTP.
    pub ingresses: Named<Ingress>,
    /// The folder from which files are sent, if there is one.
    pub spool: Option<Spool>,
    /// What the agents say that they can do.
    pub capabilities: Named<Capability>,
}

impl Config {
    /// What is written wrongly now, but was right before, stays as it was. A plain section stays as a whole: with one of its keys
    /// wrong, the default of that key is nothing that anybody asked for.
    pub fn keep_refused(&mut self, before: &Self, problems: &[Problem]) {
        let wrong = |section| is_wrong(section, problems);
        if wrong("inbox") {
            self.inbox = before.inbox.clone();
        }
        if wrong("outbox") {
            self.outbox = before.outbox.clone();
        }
        if wrong("attachments") {
            self.attachments = before.attachments.clone();
        }
        if wrong("metrics") {
            self.metrics = before.metrics.clone();
        }
        if wrong("contacts") {
            self.contacts_file = before.contacts_file.clone();
        }
        if wrong("spool") {
            self.spool = before.spool.clone();
        }
        if wrong("groups") {
            self.groups = before.groups.clone();
        }
        if wrong("hook_defaults") {
            // They are part of everything that runs a program.
            self.hooks.keep_known(&before.hooks);
            self.expects.keep_known(&before.expects);
            self.capabilities.keep_known(&before.capabilities);
        }
        if self.capabilities.unreadable {
            let handlers = before.capabilities.items.iter();
            let names = handlers.filter_map(|capability| Some(&capability.handler.as_ref()?.name));
            self.hooks.refused.extend(names.cloned());
        }
        self.topics.keep_refused(&before.topics);
        self.hooks.keep_refused(&before.hooks);
        self.expects.keep_refused(&before.expects);
        self.schedules.keep_refused(&before.schedules);
        self.ingresses.keep_refused(&before.ingresses);
        self.capabilities.keep_refused(&before.capabilities);
    }
}

/// `[[topic]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Who may subscribe: contact names, keys, `@groups`, or `*` for everybody.
    pub allow: Vec<String>,
    /// The same, read.
    pub audience: Audience,
    /// The agent whose topic it is; the default one where absent.
    pub agent: Option<String>,
    /// How many may subscribe.
    pub max_subscribers: u64,
}

impl HasName for Topic {
    fn name(&self) -> &str {
        &self.name
    }
}

/// `[api]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// Where to listen; the usual place where absent.
    pub socket: Option<PathBuf>,
    /// Mode of the socket.
    pub mode: u32,
    /// Who may connect besides the daemon's own user and root.
    pub allow_uids: Vec<u32>,
}

/// `[inbox]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbox {
    /// How long a relay's id of a message is remembered at least, so that a copy is known.
    pub dedup_window: Duration,
    /// How long messages are kept; zero for ever.
    pub keep: Duration,
    /// Bytes of messages that are kept, at most; zero for any number.
    pub max_bytes: u64,
    /// Whether unread messages go as well when they are old or too many.
    pub drop_unread: bool,
    /// Whether messages from senders who are no contacts wait for the user's word.
    pub hold_unknown_senders: bool,
}

/// Whose attachments are fetched without being asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Nobody's.
    Nobody,
    /// Contacts'.
    Known,
    /// Those of contacts that are trusted.
    Trusted,
    /// Everybody's.
    Everybody,
}

/// What is done where a file of that name is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// The new one gets another name.
    Rename,
    /// The new one is not saved.
    Skip,
    /// The old one is replaced.
    Overwrite,
}

/// `[attachments]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachments {
    /// Whose are fetched without being asked for.
    pub download: Whose,
    /// Bytes of one that is fetched without being asked for, at most.
    pub max_size: u64,
    /// Below which directory they are saved.
    pub dir: PathBuf,
    /// What is done where a file of that name is there already.
    pub conflict: Conflict,
    /// Bytes of a file that goes out, at most.
    pub max_outgoing: u64,
    /// Bytes of all files that wait to go out, at most.
    pub outgoing_bytes: u64,
}

/// `[outbox]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbox {
    /// How long a send is tried again.
    pub retry_for: Duration,
    /// How many sends a relay takes in a minute that does not say it itself; 0 for any number.
    pub per_minute: u32,
    /// Whether relays are asked if what they accepted was delivered.
    pub receipts: bool,
}

/// `[metrics]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metrics {
    /// The file they are written to, if any.
    pub textfile: Option<PathBuf>,
    /// How often.
    pub interval: Duration,
}

/// How messages come from a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A WebSocket.
    Ws,
    /// Polling.
    Poll,
    /// A WebSocket, else polling.
    Auto,
}

/// `[[relay]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Relay {
    /// Local name.
    pub name: String,
    /// Where it is.
    pub url: RelayUrl,
    /// How messages come from it.
    pub transport: Transport,
    /// How often to ask whether it lives.
    pub ping: Duration,
    /// After how much silence it counts as dead.
    pub idle_timeout: Duration,
    /// The shortest and the longest time before trying again.
    pub backoff: (Duration, Duration),
}

/// Where an agent's private key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A file of 32 bytes.
    File(PathBuf),
    /// A program that prints it.
    Command(Vec<String>),
    /// A file that the service manager provides.
    Credential(String),
}

/// `[[agent]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    /// Local name.
    pub name: String,
    /// Where its key is.
    pub key: KeySource,
    /// Where it was written, for problems with the key.
    pub origin: Origin,
    /// Names of its relays, in order; at least one.
    pub relays: Vec<String>,
    /// Name in its profile.
    pub display_name: Option<String>,
    /// Whether discovery lists it.
    pub visibility: Option<Visibility>,
    /// Whose mail it takes.
    pub inbox_policy: Option<InboxPolicy>,
    /// Pairs in its profile.
    pub metadata: Option<Metadata>,
    /// When its messages are sealed.
    pub encrypt: Encrypt,
    /// Whether sending in clear is refused.
    pub require_encryption: bool,
    /// Whether it signs nothing that is not bound to its relay.
    pub bound_auth: BoundAuth,
}

/// Whether signatures are bound to the relay they are made for (protocol A11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BoundAuth {
    /// Where the relay takes such.
    #[default]
    Prefer,
    /// Always, and relays are told to take no others from this agent.
    Require,
}

/// The drop-ins in a directory, in their order.
pub(crate) fn drop_ins(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    files.sort();
    files
}

fn read_file(path: &Path, named: bool, account: &mut Account) -> Result<Option<Table>, Problem> {
    let problem = |severity, what: String| Problem {
        severity,
        origin: Origin::File {
            file: Arc::new(path.to_path_buf()),
            line: 1,
        },
        field: String::new(),
        what,
    };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !named => return Ok(None),
        Err(error) => {
            let what = format!("the configuration cannot be read: {error}");
            return Err(problem(Severity::Fatal, what));
        }
    };
    let mode = path.metadata().map_or(0, |file| file.permissions().mode());
    if mode & 0o022 != 0 {
        let what = format!(
            "others can write this file (mode {:o}), and so run the daemon as they like; chmod go-w it",
            mode & 0o777
        );
        account.problems.push(problem(Severity::Notice, what));
    }
    tree::parse(path, &text).map(Some)
}

#[cfg(test)]
mod tests;
