//! `mrpd.toml` edited in place: comments, order and whatever else is in it stay.

mod lock;

pub(crate) use lock::Lock;

use crate::exit::{Failure, Reason, plain};
use mrpd_api::paths::create_private_dir;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value};

const HEAD: &str = "\
# Configuration of mrpd: see mrpd.toml(5), or: mrpctl config show --origin
# After a change by hand: mrpctl config check && mrpctl daemon reload
";

/// The file as it is, and as it will be.
#[derive(Debug)]
pub(crate) struct Document {
    path: PathBuf,
    toml: DocumentMut,
    original: Option<String>,
    /// Held from reading to writing by whoever changes the file.
    lock: Option<Lock>,
}

impl Document {
    /// Reads the file; one that does not exist is an empty one.
    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        let original = match std::fs::read_to_string(path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(Failure::io(
                    Reason::Config,
                    &format!("read {}", path.display()),
                    &error,
                ));
            }
        };
        let toml = original
            .as_deref()
            .unwrap_or_default()
            .parse()
            .map_err(|error| syntax_failure(path, &error))?;
        Ok(Self {
            path: path.to_path_buf(),
            toml,
            original,
            lock: None,
        })
    }

    /// Reads the file to change it: until it is saved, or this is dropped, no other mrpctl does.
    pub(crate) async fn edit(path: &Path) -> Result<Self, Failure> {
        let lock = Lock::take(path).await?;
        Ok(Self {
            lock: Some(lock),
            ..Self::load(path)?
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is something to be written.
    pub(crate) fn is_changed(&self) -> bool {
        self.original.as_deref() != Some(self.text().as_str())
    }

    /// The file as it will be. A new one says at its top what it is.
    pub(crate) fn text(&self) -> String {
        let head = if self.original.is_none() { HEAD } else { "" };
        format!("{head}{}", self.toml)
    }

    /// A text at the top level, or `section.key`.
    pub(crate) fn string(&self, path: &[&str]) -> Option<&str> {
        let mut item = self.toml.as_item();
        for key in path {
            item = item.get(key)?;
        }
        item.as_str()
    }

    pub(crate) fn set_top(&mut self, key: &str, value: &str) {
        self.toml.insert(key, toml_edit::value(value));
    }

    /// The tables of a list such as `[[agent]]`, however they are written.
    pub(crate) fn entries(&self, section: &str) -> Vec<&dyn TableLike> {
        match self.toml.get(section) {
            Some(Item::ArrayOfTables(tables)) => {
                tables.iter().map(|table| table as &dyn TableLike).collect()
            }
            Some(Item::Value(Value::Array(array))) => array
                .iter()
                .filter_map(Value::as_inline_table)
                .map(|table| table as &dyn TableLike)
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The keys of a section.
    pub(crate) fn keys(&self, section: &str) -> Vec<&str> {
        let table = self.toml.get(section).and_then(Item::as_table_like);
        let keys = table.into_iter().flat_map(TableLike::iter);
        keys.map(|(key, _)| key).collect()
    }

    /// The entry of a list with this name.
    pub(crate) fn entry(&self, section: &str, name: &str) -> Option<&dyn TableLike> {
        self.entries(section)
            .into_iter()
            .find(|entry| text_of(*entry, "name") == Some(name))
    }

    /// Adds an entry to a list.
    pub(crate) fn push(&mut self, section: &str, fields: &[(&str, Value)]) {
        if let Some(Item::Value(Value::Array(array))) = self.toml.get_mut(section) {
            let mut table = InlineTable::new();
            table.extend(fields.iter().map(|(key, value)| (*key, value.clone())));
            array.push(table);
            return;
        }
        let mut table = Table::new();
        table.decor_mut().set_prefix("\n");
        for (key, value) in fields {
            table.insert(key, Item::Value(value.clone()));
        }
        let item = self
            .toml
            .entry(section)
            .or_insert_with(|| Item::ArrayOfTables(toml_edit::ArrayOfTables::new()));
        if let Item::ArrayOfTables(tables) = item {
            tables.push(table);
        }
    }

    /// An entry of this name, unless there is one: of several files' entries of one name the daemon makes one.
    pub(crate) fn adopt(&mut self, section: &str, name: &str) {
        if self.entry(section, name).is_none() {
            self.push(section, &[("name", name.into())]);
        }
    }

    /// Adds a text to a list of texts inside a named entry, unless it is there.
    pub(crate) fn append(&mut self, section: &str, name: &str, key: &str, text: &str) {
        let Some(entry) = self.entry_mut(section, name) else {
            return;
        };
        let item = entry
            .entry(key)
            .or_insert_with(|| Item::Value(Value::Array(Array::new())));
        if let Item::Value(Value::Array(array)) = item
            && !array.iter().any(|value| value.as_str() == Some(text))
        {
            array.push(text);
        }
    }

    /// Puts an entry's list of texts in the place of the one that it has.
    pub(crate) fn set_list(&mut self, section: &str, name: &str, key: &str, texts: &[String]) {
        let list: Array = texts.iter().map(String::as_str).collect();
        if let Some(entry) = self.entry_mut(section, name) {
            entry.insert(key, Item::Value(Value::Array(list)));
        }
    }

    /// Takes a text out of a list of texts, in every entry of a section.
    pub(crate) fn take_out(&mut self, section: &str, key: &str, text: &str) {
        let Some(item) = self.toml.get_mut(section) else {
            return;
        };
        for entry in entries_mut(item) {
            if let Some(Item::Value(Value::Array(array))) = entry.get_mut(key) {
                array.retain(|value| value.as_str() != Some(text));
            }
        }
    }

    /// Removes an entry of a list; tells whether there was one.
    pub(crate) fn remove_entry(&mut self, section: &str, name: &str) -> bool {
        let is_it = |entry: &dyn TableLike| text_of(entry, "name") == Some(name);
        match self.toml.get_mut(section) {
            Some(Item::ArrayOfTables(tables)) => {
                let found = tables.iter().position(|table| is_it(table));
                if let Some(place) = found {
                    tables.remove(place);
                }
                found.is_some()
            }
            Some(Item::Value(Value::Array(array))) => {
                let found = array.iter().position(|value| {
                    let table = value.as_inline_table();
                    table.is_some_and(|table| is_it(table))
                });
                if let Some(place) = found {
                    array.remove(place);
                }
                found.is_some()
            }
            _ => false,
        }
    }

    /// Sets a dotted path; sections that are missing are made.
    pub(crate) fn set(&mut self, path: &str, value: Value) -> Result<(), Failure> {
        let (table, key) = self.place(path, Missing::Made)?;
        match table.get_mut(key) {
            Some(Item::Value(existing)) => {
                let decor = existing.decor().clone();
                *existing = value;
                *existing.decor_mut() = decor;
            }
            Some(Item::None) | None => {
                table.insert(key, Item::Value(value));
            }
            Some(_) => {
                return Err(Failure::new(
                    Reason::Usage,
                    format!("{path} is a whole section, not one value"),
                )
                .fix("mrpctl config edit"));
            }
        }
        Ok(())
    }

    /// Removes what is at a dotted path; tells whether there was something.
    pub(crate) fn unset(&mut self, path: &str) -> Result<bool, Failure> {
        match self.place(path, Missing::Told) {
            Ok((table, key)) => Ok(table.remove(key).is_some()),
            Err(failure) if failure.exit() == Reason::NothingFound.exit() => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// The table that the last key of a dotted path is in. In lists of tables the key is the entry's name, which may hold dots.
    fn place<'a>(
        &mut self,
        path: &'a str,
        missing: Missing,
    ) -> Result<(&mut dyn TableLike, &'a str), Failure> {
        let mut table: &mut dyn TableLike = self.toml.as_table_mut();
        let mut rest = path;
        loop {
            let Some((key, below)) = rest.split_once('.') else {
                return if rest.is_empty() {
                    Err(not_a_key(path))
                } else {
                    Ok((table, rest))
                };
            };
            if key.is_empty() || below.is_empty() {
                return Err(not_a_key(path));
            }
            if table.get(key).is_none() {
                match missing {
                    Missing::Made if is_list(key) => return Err(no_entry(key, below)),
                    Missing::Made => drop(table.insert(key, toml_edit::table())),
                    Missing::Told => return Err(nothing_at(path)),
                }
            }
            let item = table.get_mut(key).ok_or_else(|| nothing_at(path))?;
            (table, rest) = if is_entries(item) {
                into_entry(item, key, below)?
            } else {
                let is_inner = item
                    .as_table_like_mut()
                    .ok_or_else(|| not_a_section(path, key))?;
                (is_inner, below)
            };
        }
    }

    /// The entry of a list with this name, to be changed.
    pub(crate) fn entry_mut(&mut self, section: &str, name: &str) -> Option<&mut dyn TableLike> {
        let item = self.toml.get_mut(section)?;
        entries_mut(item)
            .into_iter()
            .find(|entry| text_of(*entry, "name") == Some(name))
    }

    /// Lets others change the file, where it is not to be saved.
    pub(crate) fn release(&mut self) {
        self.lock = None;
    }

    /// Puts the file in its place as one step: whoever reads it sees the old or the new one. A link is followed, and the mode
    /// of a file that exists stays.
    pub(crate) fn save(&mut self) -> Result<(), Failure> {
        let saved = replace(&self.path, self.text().as_bytes());
        self.lock = None;
        saved.map_err(|error| {
            Failure::io(
                Reason::CannotCreate,
                &format!("write {}", self.path.display()),
                &error,
            )
        })
    }
}

/// What to do about a section that is not there.
#[derive(Debug, Clone, Copy)]
enum Missing {
    Made,
    Told,
}

/// A text in a table.
pub(crate) fn text_of<'a>(table: &'a dyn TableLike, key: &str) -> Option<&'a str> {
    table.get(key)?.as_str()
}

/// Writes a file anew beside its place and moves it there.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let target = target_of(path);
    let folder = target.parent().unwrap_or(Path::new("/"));
    create_private_dir(folder)?;
    let mode = target
        .metadata()
        .map_or(0o600, |metadata| metadata.permissions().mode() & 0o7777);
    let mut name = target.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.new", std::process::id()));
    let fresh = folder.join(name);
    let written = write_new(&fresh, content, mode).and_then(|()| std::fs::rename(&fresh, &target));
    if let Err(error) = written {
        // What was half written is of no use, and the first error is the one to tell.
        let _ = std::fs::remove_file(&fresh);
        return Err(error);
    }
    File::open(folder)?.sync_all()
}

/// The file itself, where a link leads to it.
fn target_of(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

fn write_new(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content)?;
    file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    file.sync_all()
}

/// Whether entries of a section are told apart by their names.
pub(crate) fn is_list(section: &str) -> bool {
    ["relay", "agent"].contains(&section)
}

fn is_entries(item: &Item) -> bool {
    match item {
        Item::ArrayOfTables(_) => true,
        Item::Value(Value::Array(array)) => {
            !array.is_empty() && array.iter().all(Value::is_inline_table)
        }
        _ => false,
    }
}

fn entries_mut(item: &mut Item) -> Vec<&mut dyn TableLike> {
    match item {
        Item::ArrayOfTables(tables) => tables
            .iter_mut()
            .map(|table| table as &mut dyn TableLike)
            .collect(),
        Item::Value(Value::Array(array)) => array
            .iter_mut()
            .filter_map(Value::as_inline_table_mut)
            .map(|table| table as &mut dyn TableLike)
            .collect(),
        _ => Vec::new(),
    }
}

fn into_entry<'t, 'p>(
    item: &'t mut Item,
    section: &str,
    below: &'p str,
) -> Result<(&'t mut dyn TableLike, &'p str), Failure> {
    entries_mut(item)
        .into_iter()
        .find_map(|entry| {
            let name = text_of(entry, "name")?;
            let rest = below.strip_prefix(name)?.strip_prefix('.')?;
            Some((entry, rest))
        })
        .ok_or_else(|| no_entry(section, below))
}

fn not_a_key(path: &str) -> Failure {
    Failure::new(Reason::Usage, format!("{path:?} is no key"))
        .fix("write it as section.key, such as outbox.retry_for")
}

fn not_a_section(path: &str, key: &str) -> Failure {
    Failure::new(
        Reason::Usage,
        format!("{path}: {key} is a value, not a section"),
    )
}

fn nothing_at(path: &str) -> Failure {
    Failure::new(Reason::NothingFound, format!("{path} is not set"))
}

fn no_entry(section: &str, below: &str) -> Failure {
    let name = below.split('.').next().unwrap_or(below);
    Failure::new(
        Reason::Config,
        format!("there is no {section} of the name {name}"),
    )
    .fix(format!(
        "mrpctl init adds one; or mrpctl config edit, and write [[{section}]]"
    ))
}

fn syntax_failure(path: &Path, error: &toml_edit::TomlError) -> Failure {
    let text = error.to_string();
    let mut lines = text.lines();
    let first = lines.next().unwrap_or("it is not TOML").to_owned();
    let rest: Vec<String> = lines.map(str::to_owned).collect();
    Failure::new(Reason::Config, format!("{}: {first}", path.display()))
        .note("at", rest)
        .fix("mend it by hand: mrpctl config edit")
}

/// Reads a file that a person edited.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        Failure::new(
            Reason::Io,
            format!("cannot read {}: {}", path.display(), plain(&error)),
        )
    })
}

#[cfg(test)]
mod tests;
