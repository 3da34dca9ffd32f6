//! The contacts file: `{"contacts":[{"name","public_key","note"?}]}`, shared with the published clients (protocol A13).
//!
//! What another program wrote stays as it is: unknown fields, entries that cannot be used, an `ed25519:` before a key.

use super::ContactError;
use super::file::{self, Replaced};
use mrp_proto::key::PublicKey;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What may stand before a key.
pub(super) const PREFIX: &str = "ed25519:";
/// Characters of a name, at most.
const NAME_LENGTH: usize = 64;
/// How often a change is made anew because other programs change the file as well, and the pause between.
const ATTEMPTS: usize = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// It cannot be read or written.
    #[error("the contacts file {} cannot be {verb}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        verb: &'static str,
        /// Why it failed.
        cause: io::Error,
    },
    /// It is not what it should be.
    #[error("the contacts file {} is damaged ({cause}); repair it or move it away", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
}

/// A contact that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its address.
    pub key: PublicKey,
    /// For people.
    pub note: Option<String>,
}

/// The file's content.
#[derive(Debug, Default)]
pub struct Book {
    lines: Vec<Line>,
    rest: Map<String, Value>,
    unusable: usize,
}

/// An entry as it was written, and what can be used of it.
#[derive(Debug)]
struct Line {
    written: Written,
    entry: Option<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    #[serde(default)]
    contacts: Vec<Written>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Written {
    #[serde(default)]
    name: Value,
    #[serde(default)]
    public_key: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<Value>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Holds a name against the rules.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let length = name.chars().count();
    if !(1..=NAME_LENGTH).contains(&length) {
        return Err(format!(
            "name: must have 1 to {NAME_LENGTH} characters (given: {length})"
        ));
    }
    if name.contains(':') || name.chars().any(char::is_control) || name.trim() != name {
        return Err(format!(
            "name: {name:?} must have no colon, no control character, and no space at its ends"
        ));
    }
    Ok(())
}

impl Book {
    /// Reads the file; one that does not exist is empty.
    ///
    /// # Errors
    /// A [`BookError`].
    pub fn load(path: &Path) -> Result<Self, BookError> {
        let content = file::read(path).map_err(|cause| BookError::Io {
            path: path.to_path_buf(),
            verb: "read",
            cause,
        })?;
        Self::parse(path, content.text.as_deref())
    }

    /// Changes the file as it is now, in one step, for its owner alone. What another program writes meanwhile is kept: then `change`
    /// is made again, to that. Blocks.
    pub(super) fn rewrite(
        path: &Path,
        change: impl Fn(&mut Self) -> Result<(), ContactError>,
    ) -> Result<(), ContactError> {
        // A link, as people who keep their settings elsewhere make it, stays one.
        let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let failed = |verb| {
            let path = path.to_path_buf();
            move |cause| BookError::Io { path, verb, cause }
        };
        for _ in 0..ATTEMPTS {
            let content = file::read(&target).map_err(failed("read"))?;
            let mut book = match Self::parse(path, content.text.as_deref()) {
                Ok(book) => book,
                Err(damaged) if file::is_settled(&content) => return Err(damaged.into()),
                // Another program is in the middle of writing it.
                Err(_) => {
                    std::thread::sleep(PAUSE);
                    continue;
                }
            };
            change(&mut book)?;
            let text = book.encode().map_err(failed("written"))?;
            match file::replace(&target, text.as_bytes(), &content).map_err(failed("written"))? {
                Replaced::Done => return Ok(()),
                Replaced::Overtaken => std::thread::sleep(PAUSE),
            }
        }
        let busy = io::Error::other("other programs change it all the time; try again");
        Err(failed("written")(busy).into())
    }

    fn parse(path: &Path, text: Option<&str>) -> Result<Self, BookError> {
        let Some(text) = text else {
            return Ok(Self::default());
        };
        let file: Content = serde_json::from_str(text).map_err(|error| BookError::Damaged {
            path: path.to_path_buf(),
            cause: error.to_string(),
        })?;
        let mut book = Self {
            rest: file.rest,
            ..Self::default()
        };
        for written in file.contacts {
            let entry = written.entry().filter(|entry| {
                book.by_name(&entry.name).is_none() && book.by_key(&entry.key).is_none()
            });
            book.unusable += usize::from(entry.is_none());
            book.lines.push(Line { written, entry });
        }
        Ok(book)
    }

    fn encode(&self) -> io::Result<String> {
        let file = Content {
            contacts: self.lines.iter().map(|line| line.written.clone()).collect(),
            rest: self.rest.clone(),
        };
        let mut text = serde_json::to_string_pretty(&file)?;
        text.push('\n');
        Ok(text)
    }

    /// The contacts that can be used, in the file's order.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.lines.iter().filter_map(|line| line.entry.as_ref())
    }

    /// A contact by its name, whatever the case.
    pub fn by_name(&self, name: &str) -> Option<&Entry> {
        let folded = name.to_lowercase();
        self.entries()
            .find(|entry| entry.name.to_lowercase() == folded)
    }

    /// A contact by its key.
    pub fn by_key(&self, key: &PublicKey) -> Option<&Entry> {
        self.entries().find(|entry| entry.key == *key)
    }

    /// What is wrong with the file's content.
    pub(super) fn trouble(&self) -> Option<String> {
        (self.unusable > 0).then(|| {
            format!(
                "contacts: {} of the entries in the file cannot be used (no valid name or key, or one that is there twice)",
                self.unusable
            )
        })
    }

    /// Adds a contact, or gives one that exists a note.
    pub(super) fn put(
        &mut self,
        name: &str,
        key: PublicKey,
        note: Option<String>,
    ) -> Result<(), ContactError> {
        if let Some(other) = self.by_key(&key)
            && other.name.to_lowercase() != name.to_lowercase()
        {
            let what = format!("this key belongs to the contact {:?}", other.name);
            return Err(ContactError::Exists { what });
        }
        match self.line(name) {
            Some(line) => {
                if let Some(entry) = line.entry.as_mut().filter(|_| note.is_some()) {
                    entry.note.clone_from(&note);
                    line.written.note = note.map(Value::String);
                }
            }
            None => {
                let written = Written {
                    name: Value::String(name.to_owned()),
                    public_key: Value::String(key.to_string()),
                    note: note.map(Value::String),
                    rest: Map::new(),
                };
                let entry = written.entry();
                self.lines.push(Line { written, entry });
            }
        }
        Ok(())
    }

    /// Gives a contact another name.
    pub(super) fn rename(&mut self, name: &str, new_name: &str) -> Result<(), ContactError> {
        let same = name.to_lowercase() == new_name.to_lowercase();
        if let Some(other) = self.by_name(new_name).filter(|_| !same) {
            let what = format!("there is a contact {:?} already", other.name);
            return Err(ContactError::Exists { what });
        }
        let line = self.line(name).ok_or_else(|| super::unknown(name))?;
        line.written.name = Value::String(new_name.to_owned());
        line.entry = line.written.entry();
        Ok(())
    }

    /// Removes a contact.
    pub(super) fn remove(&mut self, name: &str) -> Result<(), ContactError> {
        let folded = name.to_lowercase();
        let before = self.lines.len();
        self.lines.retain(|line| {
            line.entry
                .as_ref()
                .is_none_or(|entry| entry.name.to_lowercase() != folded)
        });
        if self.lines.len() == before {
            return Err(super::unknown(name));
        }
        Ok(())
    }

    fn line(&mut self, name: &str) -> Option<&mut Line> {
        let folded = name.to_lowercase();
        self.lines.iter_mut().find(|line| {
            line.entry
                .as_ref()
                .is_some_and(|entry| entry.name.to_lowercase() == folded)
        })
    }
}

impl Written {
    fn entry(&self) -> Option<Entry> {
        let name = self.name.as_str()?;
        check_name(name).ok()?;
        let key = self.public_key.as_str()?;
        let key = key.strip_prefix(PREFIX).unwrap_or(key).parse().ok()?;
        let note = self.note.as_ref().and_then(Value::as_str);
        Some(Entry {
            name: name.to_owned(),
            key,
            note: note.map(str::to_owned),
        })
    }
}
