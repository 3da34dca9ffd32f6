//! Reads typed values out of a tree, and keeps the account: what was used, from where, and what was wrong.

mod measure;

use crate::config::duration;
use crate::config::tree::{Node, Origin, Table, Value};
use crate::config::{Problem, Severity};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A value in force and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    /// Dotted path, such as `agent.laptop.key_file`.
    pub path: String,
    /// The value.
    pub value: Json,
    /// Where it comes from.
    pub origin: Origin,
}

/// What a key takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    /// A text with a form of its own, which this describes.
    Written(String),
    /// One of these.
    Words(Vec<String>),
    Switch,
    /// A whole number from the one to the other.
    Count(u64, u64),
    Size,
    Texts,
    Numbers,
    Pairs,
}

/// What reading a configuration found.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// Keys that were looked for, whether or not somebody wrote them, and what they take.
    pub(crate) keys: Vec<(String, Form)>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) effective: Vec<Effective>,
}

/// Texts of the environment and of options, by dotted path: they stand above all files.
pub(crate) type Overrides = BTreeMap<String, (String, Origin)>;

/// One table being read.
pub(crate) struct Reader<'a> {
    account: &'a mut Account,
    overrides: &'a Overrides,
    table: &'a Table,
    path: String,
    origin: Origin,
    severity: Severity,
    used: BTreeSet<&'a str>,
}

impl<'a> Reader<'a> {
    /// Reads `table`, found at `origin`; `path` is its place in the tree and `severity` how much a mistake in it weighs.
    pub(crate) fn new(
        account: &'a mut Account,
        overrides: &'a Overrides,
        table: &'a Table,
        path: impl Into<String>,
        origin: Origin,
        severity: Severity,
    ) -> Self {
        Self {
            account,
            overrides,
            table,
            path: path.into(),
            origin,
            severity,
            used: BTreeSet::new(),
        }
    }

    /// The same, with another weight of mistakes.
    pub(crate) fn weighing(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Counts keys as read that are read elsewhere.
    pub(crate) fn mark_read(&mut self, keys: &[&'a str]) {
        self.used.extend(keys);
    }

    /// Where the table begins.
    pub(crate) fn origin(&self) -> Origin {
        self.origin.clone()
    }

    /// Reports a mistake in a key.
    pub(crate) fn wrong(&mut self, key: &str, what: impl Into<String>) {
        let origin = self
            .table
            .get(key)
            .map_or_else(|| self.origin.clone(), |node| node.origin.clone());
        let severity = self.severity;
        self.report(severity, origin, key, what.into());
    }

    /// Reads a text; `None` if it is absent.
    pub(crate) fn text(&mut self, key: &'a str) -> Option<String> {
        self.takes(key, Form::Text);
        let (text, origin) = self.raw_text(key)?;
        self.record(key, json!(text), origin);
        Some(text)
    }

    /// Reads a text, or takes the default.
    pub(crate) fn text_or(&mut self, key: &'a str, default: &str) -> String {
        self.text(key).unwrap_or_else(|| {
            self.record(key, json!(default), Origin::Default);
            default.to_owned()
        })
    }

    /// Reads a text that `parse` understands; the default where it is absent or wrong. `allowed` completes "expected ...".
    pub(crate) fn parsed<T>(
        &mut self,
        key: &'a str,
        allowed: &str,
        default: T,
        parse: impl Fn(&str) -> Option<T>,
        show: impl Fn(&T) -> String,
    ) -> T {
        self.takes(key, Form::Written(allowed.to_owned()));
        let Some((text, origin)) = self.raw_text(key) else {
            self.record(key, json!(show(&default)), Origin::Default);
            return default;
        };
        if let Some(value) = parse(&text) {
            self.record(key, json!(text), origin);
            return value;
        }
        let severity = self.severity;
        let what = format!("{text:?} is not allowed; expected {allowed}");
        self.report(severity, origin, key, what);
        self.record(key, json!(show(&default)), Origin::Default);
        default
    }

    /// Reads a span of time.
    pub(crate) fn duration(&mut self, key: &'a str, default: Duration) -> Duration {
        self.parsed(key, duration::FORM, default, duration::parse, |&span| {
            duration::show(span)
        })
    }

    /// Reads one of several words.
    pub(crate) fn choice<T: Copy + PartialEq>(
        &mut self,
        key: &'a str,
        words: &[(&str, T)],
        default: T,
    ) -> T {
        self.takes(key, Form::words(words));
        let allowed = one_of(words);
        self.parsed(
            key,
            &allowed,
            default,
            |text| find(words, text),
            |value| spell(words, *value),
        )
    }

    /// Reads one of several words, if it is there.
    pub(crate) fn optional_choice<T: Copy + PartialEq>(
        &mut self,
        key: &'a str,
        words: &[(&str, T)],
    ) -> Option<T> {
        self.takes(key, Form::words(words));
        let (text, origin) = self.raw_text(key)?;
        let value = find(words, &text);
        if value.is_some() {
            self.record(key, json!(text), origin);
        } else {
            let severity = self.severity;
            let what = format!("{text:?} is not allowed; expected {}", one_of(words));
            self.report(severity, origin, key, what);
        }
        value
    }

    /// Reads `true` or `false`.
    pub(crate) fn switch(&mut self, key: &'a str, default: bool) -> bool {
        const WORDS: &[(&str, bool)] = &[("true", true), ("false", false)];
        self.takes(key, Form::Switch);
        self.used.insert(key);
        match self.table.get(key) {
            Some(Node {
                value: Value::Boolean(value),
                origin,
            }) if !self.is_overridden(key) => {
                self.record(key, json!(value), origin.clone());
                *value
            }
            Some(node) if !self.is_overridden(key) => {
                let what = format!(
                    "{} is not allowed; expected true or false",
                    node.value.noun()
                );
                self.wrong(key, what);
                default
            }
            None if !self.is_overridden(key) => {
                self.record_default(key, json!(default));
                default
            }
            _ => self.choice(key, WORDS, default),
        }
    }

    /// Says which value is in force for a key that nobody wrote.
    pub(crate) fn record_default(&mut self, key: &str, value: Json) {
        self.record(key, value, Origin::Default);
    }

    /// Reads a list of texts; `None` if it is absent.
    pub(crate) fn texts(&mut self, key: &'a str) -> Option<Vec<String>> {
        self.takes(key, Form::Texts);
        let node = self.node(key)?;
        let Value::List(list) = &node.value else {
            let what = format!("expected a list of texts, not {}", node.value.noun());
            self.wrong(key, what);
            return None;
        };
        let mut texts = Vec::with_capacity(list.len());
        for item in list {
            let Value::Text(text) = &item.value else {
                let what = format!(
                    "expected a list of texts, found {} in it",
                    item.value.noun()
                );
                self.wrong(key, what);
                return None;
            };
            texts.push(text.clone());
        }
        self.record(key, json!(texts), node.origin.clone());
        Some(texts)
    }

    /// Reads a list of whole numbers that fit; empty if it is absent.
    pub(crate) fn numbers(&mut self, key: &'a str) -> Vec<u32> {
        self.takes(key, Form::Numbers);
        let Some(node) = self.node(key) else {
            self.record(key, json!([]), Origin::Default);
            return Vec::new();
        };
        let read = |item: &Node| match item.value {
            Value::Integer(number) => u32::try_from(number).ok(),
            _ => None,
        };
        let numbers: Option<Vec<u32>> = match &node.value {
            Value::List(list) => list.iter().map(read).collect(),
            _ => None,
        };
        let Some(numbers) = numbers else {
            self.wrong(key, "expected a list of whole numbers, such as [1000]");
            return Vec::new();
        };
        self.record(key, json!(numbers), node.origin.clone());
        numbers
    }

    /// Reads a table of texts; `None` if it is absent.
    pub(crate) fn pairs(&mut self, key: &'a str) -> Option<BTreeMap<String, String>> {
        self.takes(key, Form::Pairs);
        let node = self.node(key)?;
        let Value::Table(table) = &node.value else {
            let what = format!("expected a table of texts, not {}", node.value.noun());
            self.wrong(key, what);
            return None;
        };
        let mut pairs = BTreeMap::new();
        for (name, item) in table {
            let Value::Text(text) = &item.value else {
                let what = format!("{name:?} is {}; expected a text", item.value.noun());
                self.wrong(key, what);
                return None;
            };
            pairs.insert(name.clone(), text.clone());
        }
        self.record(key, json!(pairs), node.origin.clone());
        Some(pairs)
    }

    /// A table below this one, to be read by the same rules; an empty one where it is absent.
    pub(crate) fn child(&mut self, key: &'a str) -> Reader<'_> {
        static NOTHING: Table = Table::new();
        let (table, origin) = match self.node(key) {
            Some(Node {
                value: Value::Table(table),
                origin,
            }) => (table, origin.clone()),
            Some(node) => {
                let what = format!("expected a table, not {}", node.value.noun());
                self.wrong(key, what);
                (&NOTHING, Origin::Default)
            }
            None => (&NOTHING, Origin::Default),
        };
        let path = self.path_of(key);
        Reader::new(
            self.account,
            self.overrides,
            table,
            path,
            origin,
            self.severity,
        )
    }

    /// The keys that are written here, where they are names of the user's own choice.
    pub(crate) fn keys(&self) -> Vec<&'a str> {
        self.table.keys().map(String::as_str).collect()
    }

    /// Reports whatever was not read.
    pub(crate) fn finish(mut self) {
        let table = self.table;
        let known = self.used.iter().copied().collect::<Vec<_>>().join(", ");
        for (key, node) in table {
            if !self.used.contains(key.as_str()) {
                let what = format!("no such key; known here: {known}");
                let severity = self.severity;
                self.report(severity, node.origin.clone(), key, what);
            }
        }
    }

    fn node(&mut self, key: &'a str) -> Option<&'a Node> {
        self.used.insert(key);
        self.table.get(key)
    }

    /// Notes that a key is looked for. What is noted first of it is the most that is known.
    fn takes(&mut self, key: &str, form: Form) {
        let path = self.path_of(key);
        self.account.keys.push((path, form));
    }

    fn is_overridden(&self, key: &str) -> bool {
        self.overrides.contains_key(&self.path_of(key))
    }

    fn raw_text(&mut self, key: &'a str) -> Option<(String, Origin)> {
        if let Some((text, origin)) = self.overrides.get(&self.path_of(key)) {
            self.used.insert(key);
            return Some((text.clone(), origin.clone()));
        }
        let node = self.node(key)?;
        if let Value::Text(text) = &node.value {
            return Some((text.clone(), node.origin.clone()));
        }
        let what = format!("expected a text, not {}", node.value.noun());
        self.wrong(key, what);
        None
    }

    fn record(&mut self, key: &str, value: Json, origin: Origin) {
        let path = self.path_of(key);
        self.account.effective.push(Effective {
            path,
            value,
            origin,
        });
    }

    fn report(&mut self, severity: Severity, origin: Origin, key: &str, what: String) {
        let field = self.path_of(key);
        self.account.problems.push(Problem {
            severity,
            origin,
            field,
            what,
        });
    }

    fn path_of(&self, key: &str) -> String {
        match (self.path.as_str(), key) {
            ("", key) => key.to_owned(),
            (path, "") => path.to_owned(),
            (path, key) => format!("{path}.{key}"),
        }
    }
}

impl Form {
    fn words<T>(words: &[(&str, T)]) -> Self {
        Self::Words(words.iter().map(|(word, _)| (*word).to_owned()).collect())
    }
}

fn find<T: Copy>(words: &[(&str, T)], text: &str) -> Option<T> {
    words
        .iter()
        .find(|(word, _)| *word == text)
        .map(|(_, value)| *value)
}

fn spell<T: Copy + PartialEq>(words: &[(&str, T)], value: T) -> String {
    words
        .iter()
        .find(|(_, other)| *other == value)
        .map_or_else(String::new, |(word, _)| (*word).to_owned())
}

fn one_of<T>(words: &[(&str, T)]) -> String {
    let words: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
    match words.as_slice() {
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
        [] => String::new(),
    }
}
