//! The contacts file: `{"contacts":[{"name","public_key","note"?}]}`, shared with the published clients (protocol A13).
//!
//! What another program wrote stays as it is: unknown fields, entries that cannot be used, an `ed25519:` before a key.

use super::ContactError;
use mrp_proto::key::PublicKey;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// What may stand before a key.
pub(super) const PREFIX: &str = "ed25519:";
/// Characters of a name, at most.
const NAME_LENGTH: usize = 64;
/// Bytes of a file that is read, at most.
const FILE_LIMIT: u64 = 16 << 20;

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

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp(Option<(u64, u64, i64, i64)>);

/// The state of a file; all that do not exist are alike.
pub(super) fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok();
    Stamp(metadata.map(|file| (file.ino(), file.size(), file.mtime(), file.mtime_nsec())))
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
        let text = match read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(cause) => {
                return Err(BookError::Io {
                    path: path.to_path_buf(),
                    verb: "read",
                    cause,
                });
            }
        };
        let file: Content = serde_json::from_str(&text).map_err(|error| BookError::Damaged {
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

    /// Writes the file in one step, for its owner alone.
    ///
    /// # Errors
    /// A [`BookError`].
    pub fn save(&self, path: &Path) -> Result<(), BookError> {
        let file = Content {
            contacts: self.lines.iter().map(|line| line.written.clone()).collect(),
            rest: self.rest.clone(),
        };
        let failed = |cause| BookError::Io {
            path: path.to_path_buf(),
            verb: "written",
            cause,
        };
        let mut text = serde_json::to_string_pretty(&file).map_err(|error| failed(error.into()))?;
        text.push('\n');
        // A link, as people who keep their settings elsewhere make it, stays one.
        let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        replace(&target, text.as_bytes()).map_err(failed)
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

fn read(path: &Path) -> io::Result<String> {
    use io::Read as _;
    // A pipe would hold up whoever opens it until somebody writes.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits())
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    file.take(FILE_LIMIT).read_to_string(&mut text)?;
    Ok(text)
}

/// Writes beside the file, syncs, renames, syncs the directory: whoever reads sees the old content or the new, never half of one.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let dir = path.parent().unwrap_or_else(|| Path::new("."));
    mrpd_api::paths::create_private_dir(dir)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = dir.join(name);
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits())
            .open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        File::open(dir)?.sync_all()
    };
    write().inspect_err(|_| {
        let _ = std::fs::remove_file(&temporary);
    })
}
