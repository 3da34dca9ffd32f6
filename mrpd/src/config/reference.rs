//! Every key that the configuration can have: what it takes, its default, and what it is for. Which keys there are is told by what
//! reads them, so that nothing here can be out of date; what they are for is written down in [`about`], and a test compares the two.

mod about;
mod schema;

pub(crate) use schema::schema;

pub(crate) use super::reader::Form;

use super::reader::Account;
use super::sections;
use super::tree::{self, Origin};
use mrpd_api::paths::{Environment, Paths};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Sections that are lists of tables, each with a name of the user's own.
const LISTS: &[&str] = &[
    "relay",
    "agent",
    "hook",
    "capability",
    "topic",
    "expect",
    "ingress",
    "schedule",
];
/// What stands for a name of the user's own.
const NAME: &str = "NAME";
const EXAMPLE: &str = include_str!("reference/example.toml");

/// A key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    /// Dotted path; `hook.NAME.exec` stands for the one of each hook.
    pub(crate) path: String,
    pub(crate) form: Form,
    pub(crate) default: Option<Json>,
    /// What it is for.
    pub(crate) about: &'static str,
}

/// All keys, in the order of the sections in the file.
pub(crate) fn keys() -> Vec<Key> {
    let (forms, defaults) = read_example();
    let mut keys: Vec<Key> = about::KEYS
        .iter()
        .filter_map(|&(path, about)| {
            Some(Key {
                path: path.to_owned(),
                form: forms.get(path)?.clone(),
                default: defaults.get(path).cloned(),
                about,
            })
        })
        .collect();
    // The order of `about` is that of the document; what it lacks is found by a test.
    keys.dedup_by(|one, other| one.path == other.path);
    keys
}

/// Of each key its form, and its default where it has one.
fn read_example() -> (BTreeMap<String, Form>, BTreeMap<String, Json>) {
    let tree = tree::parse(Path::new("example.toml"), EXAMPLE).unwrap_or_default();
    let mut account = Account::default();
    sections::read(&tree, &BTreeMap::new(), &nobodys_paths(), &mut account);
    let mut forms = BTreeMap::new();
    for (path, form) in account.keys {
        forms.entry(general(&path)).or_insert(form);
    }
    let defaults = account
        .effective
        .into_iter()
        .filter(|entry| entry.origin == Origin::Default)
        .map(|entry| (general(&entry.path), entry.value))
        .filter(|(_, value)| !matches!(value, Json::String(text) if text.is_empty()))
        .collect();
    (forms, defaults)
}

/// A path with the names of the user's own left out.
fn general(path: &str) -> String {
    let parts: Vec<&str> = path
        .split('.')
        .map(|part| if part.starts_with(NAME) { NAME } else { part })
        .collect();
    parts.join(".")
}

/// The places of no user in particular.
fn nobodys_paths() -> Paths {
    let home = PathBuf::from("~");
    Paths::new(Environment {
        mrp_home: home.join(".mrp"),
        config_home: home.join(".config"),
        data_home: home.join(".local/share"),
        state_home: home.join(".local/state"),
        cache_home: home.join(".cache"),
        runtime_dir: None,
        run_user: None,
        socket: None,
        user: None,
        uid: 0,
        home,
    })
}

/// Whether the first part of a path is a list of tables.
fn is_list(section: &str) -> bool {
    LISTS.contains(&section)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_key_that_is_read_is_told_of_and_no_other() {
        let (forms, _) = read_example();
        let read: BTreeSet<&str> = forms.keys().map(String::as_str).collect();
        let told: BTreeSet<&str> = about::KEYS.iter().map(|(path, _)| *path).collect();
        let untold: Vec<_> = read.difference(&told).collect();
        let unread: Vec<_> = told.difference(&read).collect();
        assert!(
            untold.is_empty() && unread.is_empty(),
            "not told of: {untold:?}; not read: {unread:?}"
        );
        assert_eq!(about::KEYS.len(), told.len(), "a key is told of twice");
    }

    #[test]
    fn defaults_and_forms_are_those_of_the_reader() {
        let keys = keys();
        let find = |path: &str| keys.iter().find(|key| key.path == path).unwrap();
        assert_eq!(find("inbox.keep").default, Some(Json::from("90d")));
        assert_eq!(find("hook.NAME.concurrency").form, Form::Count(1, 64));
        assert_eq!(find("relay.NAME.url").default, None);
        assert_eq!(
            find("contacts.file").default,
            Some(Json::from("~/.mrp/contacts.json"))
        );
        let Form::Words(words) = &find("agent.NAME.encrypt").form else {
            panic!()
        };
        assert_eq!(words, &["always", "auto", "never"]);
    }
}
