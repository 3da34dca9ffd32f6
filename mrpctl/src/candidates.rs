//! What can be meant by a value, for completion: from files, so that it is there without the daemon; of messages and threads, which
//! the daemon alone knows, what it says at once. Whatever goes wrong, less is offered.

use crate::config::Variables;
use crate::config::document::{Document, text_of};
use futures_util::StreamExt as _;
use mrpd_api::body::MessageQuery;
use mrpd_api::body::inbox::ThreadQuery;
use mrpd_api::client::{Client, ClientError};
use mrpd_api::paths::Paths;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the daemon may take to answer.
const PATIENCE: Duration = Duration::from_millis(150);
/// Messages and threads that are offered, the latest.
const LATEST: u64 = 50;
/// Bytes of a contacts file that is read.
const LARGEST_FILE: u64 = 16 << 20;
/// Letters of a message's text that are shown beside its id.
const ABOUT: usize = 60;

/// What a value is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Contacts,
    Agents,
    Relays,
    Hooks,
    Threads,
    Messages,
    Outbox,
}

/// A value, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) value: String,
    pub(crate) about: String,
}

/// All there is.
pub(crate) fn of(source: Source) -> Vec<Candidate> {
    let Ok(paths) = Paths::from_process() else {
        return Vec::new();
    };
    let document = Document::load(&Variables::from_process().config_file(&paths)).ok();
    let document = document.as_ref();
    match source {
        Source::Contacts => recipients(&paths, document),
        Source::Agents => named(document, "agent", "key_file"),
        Source::Relays => named(document, "relay", "url"),
        Source::Hooks => named(document, "hook", "description"),
        Source::Threads | Source::Messages | Source::Outbox => {
            asked(source, &paths, document).unwrap_or_default()
        }
    }
}

/// Contacts, groups and oneself.
fn recipients(paths: &Paths, document: Option<&Document>) -> Vec<Candidate> {
    let configured = document
        .and_then(|document| document.string(&["contacts", "file"]))
        .filter(|file| !file.is_empty());
    let file = match configured {
        Some(file) => paths.expand(Path::new(file)),
        None => paths.contacts_file(),
    };
    let mut recipients = contacts(&file);
    recipients.extend(document.into_iter().flat_map(groups));
    recipients.push(candidate("me", "yourself"));
    recipients
}

#[derive(Deserialize)]
struct Book {
    #[serde(default)]
    contacts: Vec<serde_json::Value>,
}

fn contacts(file: &Path) -> Vec<Candidate> {
    let is_sane = file
        .metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.len() <= LARGEST_FILE);
    let text = is_sane
        .then(|| std::fs::read_to_string(file).ok())
        .flatten();
    let book: Option<Book> = text.and_then(|text| serde_json::from_str(&text).ok());
    book.into_iter()
        .flat_map(|book| book.contacts)
        .filter_map(|contact| {
            let name = contact.get("name")?.as_str()?;
            let key = contact.get("public_key").and_then(|key| key.as_str());
            let note = contact.get("note").and_then(|note| note.as_str());
            Some(candidate(name, note.or(key).unwrap_or_default()))
        })
        .collect()
}

fn groups(document: &Document) -> Vec<Candidate> {
    document
        .keys("groups")
        .into_iter()
        .map(|name| candidate(&format!("@{name}"), "group"))
        .collect()
}

fn named(document: Option<&Document>, section: &str, about: &str) -> Vec<Candidate> {
    let entries = document.map(|document| document.entries(section));
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let about = text_of(entry, about).unwrap_or_default();
            Some(candidate(text_of(entry, "name")?, about))
        })
        .collect()
}

/// What the daemon knows, if it says so at once.
fn asked(source: Source, paths: &Paths, document: Option<&Document>) -> Option<Vec<Candidate>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    let configured = document
        .and_then(|document| document.string(&["api", "socket"]))
        .filter(|socket| !socket.is_empty())
        .map(PathBuf::from);
    let sockets = paths.client_sockets(None, configured.as_deref());
    let answer = runtime.block_on(async {
        tokio::time::timeout(PATIENCE, async {
            let client = Client::find(&sockets).await?;
            match source {
                Source::Threads => threads(&client).await,
                Source::Outbox => outbox(&client).await,
                _ => messages(&client).await,
            }
        })
        .await
    });
    runtime.shutdown_background();
    answer.ok()?.ok()
}

async fn threads(client: &Client) -> Result<Vec<Candidate>, ClientError> {
    let query = ThreadQuery {
        limit: Some(LATEST),
        ..ThreadQuery::default()
    };
    let threads = client.threads(&query).await?;
    Ok(threads
        .iter()
        .map(|thread| {
            let text = thread.last.text.as_deref().unwrap_or_default();
            candidate(&thread.thread, text)
        })
        .collect())
}

async fn messages(client: &Client) -> Result<Vec<Candidate>, ClientError> {
    let query = MessageQuery {
        last: Some(LATEST),
        all: Some(1),
        ..MessageQuery::default()
    };
    let mut stream = client.messages(&query).await?;
    let mut latest = Vec::new();
    while let Some(line) = stream.next().await {
        let message = line?.message;
        let from = message.from.name.as_deref().unwrap_or(&message.from.short);
        let text = message.text.as_deref().unwrap_or_default();
        latest.push(candidate(&message.id, &format!("{from}: {text}")));
    }
    latest.reverse();
    // What was sent to oneself is there twice.
    let mut offered = BTreeSet::new();
    latest.retain(|candidate| offered.insert(candidate.value.clone()));
    Ok(latest)
}

async fn outbox(client: &Client) -> Result<Vec<Candidate>, ClientError> {
    let entries = client.outbox().await?;
    Ok(entries
        .iter()
        .map(|entry| candidate(&entry.id, &entry.to.to_string()))
        .collect())
}

/// One line, not too long, and nothing in it that a terminal would obey.
fn candidate(value: &str, about: &str) -> Candidate {
    let about: String = about.chars().take(ABOUT).collect();
    Candidate {
        value: value.to_owned(),
        about: crate::output::escape::line(&about),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_are_read_from_the_file_that_others_write_too() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("contacts.json");
        std::fs::write(
            &file,
            r#"{"contacts":[{"name":"ann","public_key":"K","note":"work\u001b[1m"},{"name":"bob","public_key":"L"},{"x":1},3]}"#,
        )
        .unwrap();
        assert_eq!(
            contacts(&file),
            [candidate("ann", "work\u{1b}[1m"), candidate("bob", "L")]
        );
        assert_eq!(contacts(&file)[0].about, "work\\e[1m");
        std::fs::write(&file, "{").unwrap();
        assert_eq!(contacts(&file), []);
        assert_eq!(contacts(folder.path()), []);
    }

    #[test]
    fn names_of_the_configuration_are_offered() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mrpd.toml");
        std::fs::write(
            &file,
            "[[relay]]\nname = \"home\"\nurl = \"http://x\"\n[groups]\nops = [\"ann\"]\n",
        )
        .unwrap();
        let document = Document::load(&file).unwrap();
        let relays = named(Some(&document), "relay", "url");
        assert_eq!(relays, [candidate("home", "http://x")]);
        assert_eq!(groups(&document), [candidate("@ops", "group")]);
        assert_eq!(named(Some(&document), "hook", "x"), []);
    }
}
