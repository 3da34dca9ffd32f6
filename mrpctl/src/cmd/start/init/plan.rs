//! What `init` is to do, from the flags, the published clients' variables, what is configured already, and a person's answers.

use super::RelayReport;
use crate::cli::start::Init as Flags;
use crate::config::check_name;
use crate::config::document::{Document, text_of};
use crate::config::relay_url::{HOSTED, LOCAL, RelayUrl};
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::input;
use mrpd_api::paths::{Paths, key_slug};
use std::path::{Path, PathBuf};
use toml_edit::{Array, Value};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) agent: String,
    pub(super) key_file: PathBuf,
    /// The relay to use; nothing where the agent has its own already and none was named.
    pub(super) relay: Option<Relay>,
    /// Whether the agent is configured already.
    is_known: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Relay {
    pub(super) name: String,
    pub(super) url: RelayUrl,
    /// Whether the relay is configured already.
    is_known: bool,
}

pub(super) async fn make(
    context: &Context,
    flags: &Flags,
    document: &Document,
) -> Result<Plan, Failure> {
    let agent = agent_name(context, flags, document).await?;
    let configured = configured_key(document, &agent, &context.paths)?;
    let key_file = key_file(context, flags, &agent, configured.as_deref())?;
    check_not_shared(document, &agent, &key_file, &context.paths)?;
    let is_known = document.entry("agent", &agent).is_some();
    let relay = match wanted_relay(context, flags, document, &agent).await? {
        None => None,
        Some(url) => {
            if let Some(warning) = url.warning() {
                context.output.warning(&warning);
            }
            Some(relay(document, url))
        }
    };
    Ok(Plan {
        agent,
        key_file,
        relay,
        is_known,
    })
}

impl Plan {
    /// Adds to the configuration what it lacks.
    pub(super) fn apply(&self, document: &mut Document, paths: &Paths) {
        if document.string(&["default_agent"]).is_none() && document.entries("agent").is_empty() {
            document.set_top("default_agent", &self.agent);
        }
        if let Some(relay) = &self.relay
            && !relay.is_known
        {
            let fields = [
                ("name", relay.name.as_str().into()),
                ("url", relay.url.as_str().into()),
            ];
            document.push("relay", &fields);
        }
        if !self.is_known {
            let key_file = paths.contract(&self.key_file).display().to_string();
            let relays: Array = self.relay.iter().map(|relay| relay.name.as_str()).collect();
            document.push(
                "agent",
                &[
                    ("name", self.agent.as_str().into()),
                    ("key_file", key_file.into()),
                    ("relays", Value::Array(relays)),
                ],
            );
        } else if let Some(relay) = &self.relay {
            document.append("agent", &self.agent, "relays", &relay.name);
        }
    }
}

/// The option, the variable, what is the default agent already, an answer, this machine's name.
async fn agent_name(
    context: &Context,
    flags: &Flags,
    document: &Document,
) -> Result<String, Failure> {
    let known = document.string(&["default_agent"]).or_else(|| {
        document
            .entries("agent")
            .first()
            .and_then(|entry| text_of(*entry, "name"))
    });
    let given = flags
        .name
        .clone()
        .or_else(|| context.variables.agent_name.clone())
        .or_else(|| known.map(str::to_owned));
    let name = match given {
        Some(name) => name,
        None => {
            let machine = machine_name();
            let question = format!("Name of this identity [{machine}]: ");
            input::ask(context, &question).await?.unwrap_or(machine)
        }
    };
    check_name(&name).map_err(|message| Failure::new(Reason::Usage, message))?;
    Ok(name)
}

fn machine_name() -> String {
    let name = nix::unistd::gethostname().unwrap_or_default();
    let name = name.to_string_lossy();
    key_slug(name.split('.').next().unwrap_or_default())
}

/// The option, what is configured, the variable, the usual place. A key is not changed by the way.
fn key_file(
    context: &Context,
    flags: &Flags,
    agent: &str,
    configured: Option<&Path>,
) -> Result<PathBuf, Failure> {
    let named = flags
        .key
        .as_ref()
        .map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()));
    match (named, configured) {
        (Some(named), Some(configured)) if named != configured => Err(Failure::new(
            Reason::Config,
            format!("{agent} has the key file {} already", configured.display()),
        )
        .fix(format!(
            "choose another --name; or: mrpctl config set agent.{agent}.key_file {}",
            named.display()
        ))),
        (_, Some(configured)) => Ok(configured.to_path_buf()),
        (Some(named), None) => Ok(named),
        (None, None) => {
            let variable = context.variables.key_file.clone();
            Ok(variable.unwrap_or_else(|| context.paths.key_file(agent)))
        }
    }
}

fn configured_key(
    document: &Document,
    agent: &str,
    paths: &Paths,
) -> Result<Option<PathBuf>, Failure> {
    let Some(entry) = document.entry("agent", agent) else {
        return Ok(None);
    };
    if entry.get("key_command").is_some() || entry.get("key_credential").is_some() {
        return Err(Failure::new(
            Reason::Config,
            format!("{agent} is set up already, and its key is not in a file"),
        )
        .fix("mrpctl daemon start, then mrpctl whoami"));
    }
    let path = text_of(entry, "key_file").map_or_else(
        || paths.key_file(agent),
        |file| paths.expand(Path::new(file)),
    );
    Ok(Some(path))
}

/// Different names can lead to one file name; two identities with one key would take each other's messages.
fn check_not_shared(
    document: &Document,
    agent: &str,
    key_file: &Path,
    paths: &Paths,
) -> Result<(), Failure> {
    for entry in document.entries("agent") {
        let Some(name) = text_of(entry, "name").filter(|name| *name != agent) else {
            continue;
        };
        let other = text_of(entry, "key_file").map_or_else(
            || paths.key_file(name),
            |file| paths.expand(Path::new(file)),
        );
        let has_file = entry.get("key_command").is_none() && entry.get("key_credential").is_none();
        if has_file && other == key_file {
            return Err(Failure::new(
                Reason::Config,
                format!("{} is the key of {name} already", key_file.display()),
            )
            .fix(format!("name another file for {agent}: --key FILE")));
        }
    }
    Ok(())
}

/// The option; else, for an agent that has none: the variable, what is configured, an answer, the hosted one.
async fn wanted_relay(
    context: &Context,
    flags: &Flags,
    document: &Document,
    agent: &str,
) -> Result<Option<RelayUrl>, Failure> {
    if let Some(url) = &flags.relay {
        return read_url(url).map(Some);
    }
    if document.entry("agent", agent).is_some() {
        return Ok(None);
    }
    if let Some(url) = &context.variables.relay_url {
        return read_url(url).map(Some);
    }
    if let Some(url) = document
        .entries("relay")
        .first()
        .and_then(|entry| text_of(*entry, "url"))
    {
        return read_url(url).map(Some);
    }
    ask_for_relay(context).await.map(Some)
}

async fn ask_for_relay(context: &Context) -> Result<RelayUrl, Failure> {
    let question = format!(
        "Which relay?\n  1  {HOSTED} (hosted)\n  2  {LOCAL} (relayd on this machine)\n  or a URL\nRelay [1]: "
    );
    let answer = input::ask(context, &question).await?;
    match answer.as_deref() {
        Some("1") => read_url(HOSTED),
        Some("2") => read_url(LOCAL),
        Some(url) => read_url(url),
        None => {
            context.output.note(&format!(
                "using the hosted relay {HOSTED}; another one is named with --relay URL"
            ));
            read_url(HOSTED)
        }
    }
}

fn read_url(given: &str) -> Result<RelayUrl, Failure> {
    RelayUrl::parse(given).map_err(|message| Failure::new(Reason::Usage, message))
}

/// The first relay of an agent; where it names none, the first of all.
pub(super) fn relay_in_use(document: &Document, agent: &str) -> Option<RelayReport> {
    let named = document.entry("agent", agent)?.get("relays");
    let first = named.and_then(|relays| relays.as_array()?.get(0)?.as_str());
    let entry = match first {
        Some(name) => document.entry("relay", name)?,
        None => *document.entries("relay").first()?,
    };
    Some(RelayReport {
        name: text_of(entry, "name")?.to_owned(),
        url: text_of(entry, "url")?.to_owned(),
    })
}

/// The name that the relay has, or one that no other has.
fn relay(document: &Document, url: RelayUrl) -> Relay {
    let entries = document.entries("relay");
    let same = entries.iter().find(|entry| {
        text_of(**entry, "url")
            .and_then(|known| RelayUrl::parse(known).ok())
            .is_some_and(|known| known == url)
    });
    if let Some(name) = same.and_then(|entry| text_of(*entry, "name")) {
        return Relay {
            name: name.to_owned(),
            url,
            is_known: true,
        };
    }
    let wanted = url.short_name();
    let is_free = |name: &String| document.entry("relay", name).is_none();
    let numbered = (2..).map(|number: u32| format!("{wanted}-{number}"));
    let name = std::iter::once(wanted.clone())
        .chain(numbered)
        .find(is_free)
        .unwrap_or(wanted);
    Relay {
        name,
        url,
        is_known: false,
    }
}

#[cfg(test)]
mod tests;
