//! What `run` and `watch` have in common: who is told, what their commands find in the environment, and what is remembered between
//! two calls.

use crate::cmd::sending::deliver::{Wanted, deliver};
use crate::cmd::sending::group;
use crate::cmd::sending::letter::{Draft, digest};
use crate::config::inherited_environment;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use mrpd_api::body::blobs::Attach;
use mrpd_api::body::{Send, Stage};
use mrpd_api::client::Client;
use mrpd_api::paths::create_private_dir;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

/// Who is told, and under which keys.
pub(super) struct Reporter<'a> {
    pub(super) context: &'a Context,
    pub(super) to: &'a [String],
    /// What the keys of its messages begin with: each is sent once.
    pub(super) key: String,
}

impl Reporter<'_> {
    /// Puts a message for each into the outbox.
    pub(super) async fn send(
        &self,
        what: &str,
        body: Box<RawValue>,
        attachments: Vec<Attach>,
    ) -> Result<(), Failure> {
        let client = self.context.daemon().await?;
        let template = Send {
            agent: self.context.global.agent.clone(),
            body: Some(body),
            attachments,
            ..Send::default()
        };
        for one in group::expand(self.context, &client, &template, self.to).await? {
            let key = one.key_of(&format!("{}-{what}", self.key));
            let send = Send {
                to: one.to,
                ..template.clone()
            };
            self.put(&client, Draft::new(send, Some(key))?).await?;
        }
        Ok(())
    }

    async fn put(&self, client: &Client, draft: Draft) -> Result<(), Failure> {
        let wanted = Wanted::explicitly(Stage::Queued);
        let sent = deliver(self.context, client.clone(), wanted, &draft).await?;
        for warning in &sent.warnings {
            self.context.output.warning(warning);
        }
        Ok(())
    }
}

/// A body for people, with the same for programs beside it.
pub(super) fn body(
    text: &str,
    about: &str,
    facts: &impl Serialize,
) -> Result<Box<RawValue>, Failure> {
    let failed = |error: serde_json::Error| Failure::new(Reason::Internal, error.to_string());
    let mut body = serde_json::Map::new();
    body.insert("text".to_owned(), text.into());
    let facts = serde_json::to_value(facts).map_err(failed)?;
    body.insert(about.to_owned(), facts);
    to_raw_value(&body).map_err(failed)
}

/// The environment that a command is run in: ours, without what is meant for mrpctl or is a key.
pub(super) fn environment() -> Vec<(OsString, OsString)> {
    inherited_environment()
        .filter(|(name, _)| !name.to_str().is_some_and(is_withheld))
        .collect()
}

fn is_withheld(name: &str) -> bool {
    name.starts_with("MRPCTL_") || (name.starts_with("MRP_") && name.contains("KEY"))
}

/// `1.2 s`, `3 min 5 s`, `2 h 3 min`.
pub(super) fn took(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// The name of this machine.
pub(super) fn host() -> String {
    let name = nix::unistd::gethostname().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// What is remembered of a command from one call to the next, in a file of its own.
pub(super) struct Memory {
    file: PathBuf,
    /// What stands for the command and who is told of it.
    pub(super) name: String,
}

impl Memory {
    pub(super) fn of(context: &Context, kind: &str, to: &[String], command: &[OsString]) -> Self {
        let to = to.iter().map(String::as_bytes);
        let words = command.iter().map(|word| word.as_bytes());
        let name = digest(to.chain([&b"--"[..]]).chain(words));
        let folder = context.paths.state_dir().join(kind);
        let file = folder.join(format!("{name}.json"));
        Self { file, name }
    }

    /// What was remembered; nothing the first time, and nothing where it cannot be read.
    pub(super) fn load<T: DeserializeOwned>(&self) -> Result<Option<T>, Failure> {
        match std::fs::read(&self.file) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failure("read", &error)),
        }
    }

    /// Remembers something, all of it or nothing.
    pub(super) fn save(&self, what: &impl Serialize) -> Result<(), Failure> {
        let bytes = serde_json::to_vec(what)
            .map_err(|error| Failure::new(Reason::Internal, error.to_string()))?;
        let write = || {
            let folder = self.file.parent().unwrap_or(&self.file);
            create_private_dir(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(&bytes)?;
            file.as_file().sync_all()?;
            file.persist(&self.file)?;
            Ok(())
        };
        write().map_err(|error: io::Error| self.failure("write", &error))
    }

    fn failure(&self, doing: &str, error: &io::Error) -> Failure {
        let doing = format!("{doing} {}", self.file.display());
        Failure::io(Reason::CannotCreate, &doing, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_is_withheld_and_what_the_command_needs_is_not() {
        for (name, withheld) in [
            ("MRPCTL_OUTPUT", true),
            ("MRP_KEY_FILE", true),
            ("MRP_PRIVATE_KEY", true),
            ("MRP_AGENT", false),
            ("RESTIC_PASSWORD", false),
            ("PATH", false),
        ] {
            assert_eq!(is_withheld(name), withheld, "{name}");
        }
    }

    #[test]
    fn durations_are_told_as_people_say_them() {
        for (seconds, text) in [(1.25, "1.2 s"), (65.0, "1 min 5 s"), (7380.0, "2 h 3 min")] {
            assert_eq!(took(Duration::from_secs_f64(seconds)), text);
        }
    }
}
