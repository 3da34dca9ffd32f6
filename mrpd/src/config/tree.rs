//! TOML files as one tree in which every value knows where it was written, and how files are laid over each other.

use crate::config::{Problem, Severity};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody wrote it.
    Default,
    /// A file and a line in it, counted from 1.
    File {
        /// The file.
        file: Arc<PathBuf>,
        /// The line.
        line: usize,
    },
    /// An environment variable.
    Environment(String),
    /// A command line option.
    Option(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File { file, line } => write!(formatter, "{}:{line}", file.display()),
            Self::Environment(name) => write!(formatter, "${name}"),
            Self::Option(name) => formatter.write_str(name),
        }
    }
}

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// What TOML can hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Boolean(bool),
    /// A number that is not whole, or a date: no key takes one.
    Other(&'static str),
    List(Vec<Node>),
    Table(Table),
}

/// Keys and their values.
pub(crate) type Table = BTreeMap<String, Node>;

impl Value {
    /// What it is, for a message.
    pub(crate) fn noun(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) => "a number",
            Self::Boolean(_) => "a boolean",
            Self::Other(noun) => noun,
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }

    pub(crate) fn named(&self) -> Option<&str> {
        let Self::Table(table) = self else {
            return None;
        };
        match table.get("name")?.value {
            Self::Text(ref name) => Some(name),
            _ => None,
        }
    }
}

/// Reads a file's text.
pub(crate) fn parse(path: &Path, text: &str) -> Result<Table, Problem> {
    let file = Arc::new(path.to_path_buf());
    match DeTable::parse(text) {
        Ok(table) => Ok(Lines { file, text }.table(table.into_inner())),
        Err(error) => {
            let line = error.span().map_or(1, |span| line_at(text, span.start));
            Err(Problem {
                severity: Severity::Fatal,
                origin: Origin::File { file, line },
                field: String::new(),
                what: format!("not TOML: {}", error.message().trim()),
            })
        }
    }
}

/// Lays `upper` over `lower`: tables are united, lists of tables by their names (what has none stays
/// beside the others, to be reported), everything else is replaced.
pub(crate) fn overlay(lower: &mut Table, upper: Table) {
    for (key, node) in upper {
        match lower.get_mut(&key) {
            Some(below) => overlay_node(below, node),
            None => {
                lower.insert(key, node);
            }
        }
    }
}

fn overlay_node(below: &mut Node, above: Node) {
    match (&mut below.value, above.value) {
        (Value::Table(lower), Value::Table(upper)) => {
            overlay(lower, upper);
            below.origin = above.origin;
        }
        (Value::List(lower), Value::List(upper)) if all_tables(lower) && all_tables(&upper) => {
            let mut united = upper;
            for node in std::mem::take(lower) {
                let twin = united.iter_mut().find(|other| {
                    let name = other.value.named();
                    name.is_some() && name == node.value.named()
                });
                match twin {
                    Some(upper) => {
                        let mut merged = node;
                        overlay_node(&mut merged, upper.clone());
                        *upper = merged;
                    }
                    None => united.push(node),
                }
            }
            *lower = united;
            below.origin = above.origin;
        }
        (slot, value) => {
            *slot = value;
            below.origin = above.origin;
        }
    }
}

fn all_tables(list: &[Node]) -> bool {
    list.iter()
        .all(|node| matches!(node.value, Value::Table(_)))
}

struct Lines<'a> {
    file: Arc<PathBuf>,
    text: &'a str,
}

impl Lines<'_> {
    fn table(&self, table: DeTable<'_>) -> Table {
        table
            .into_iter()
            .map(|(key, value)| {
                let at = key.span().start;
                (key.into_inner().into_owned(), self.node(value, at))
            })
            .collect()
    }

    fn list(&self, list: DeArray<'_>) -> Vec<Node> {
        list.into_iter()
            .map(|value| {
                let at = value.span().start;
                self.node(value, at)
            })
            .collect()
    }

    fn node(&self, value: Spanned<DeValue<'_>>, at: usize) -> Node {
        let value = match value.into_inner() {
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
                .map_or(
                    Value::Other("a number that is out of range"),
                    Value::Integer,
                ),
            DeValue::Boolean(boolean) => Value::Boolean(boolean),
            DeValue::Float(_) => Value::Other("a number with a fraction"),
            DeValue::Datetime(_) => Value::Other("a date"),
            DeValue::Array(list) => Value::List(self.list(list)),
            DeValue::Table(table) => Value::Table(self.table(table)),
        };
        Node {
            value,
            origin: Origin::File {
                file: Arc::clone(&self.file),
                line: line_at(self.text, at),
            },
        }
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    let end = offset.min(text.len());
    1 + text.as_bytes()[..end]
        .iter()
        .filter(|&&byte| byte == b'\n')
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, text: &str) -> Table {
        parse(Path::new(name), text).unwrap()
    }

    #[test]
    fn every_value_knows_its_line() {
        let tree = table("a.toml", "log = \"info\"\n\n[[relay]]\nname = \"x\"\n");
        assert_eq!(tree["log"].origin.to_string(), "a.toml:1");
        let Value::List(relays) = &tree["relay"].value else {
            panic!()
        };
        assert_eq!(relays[0].origin.to_string(), "a.toml:3");
        let Value::Table(relay) = &relays[0].value else {
            panic!()
        };
        assert_eq!(relay["name"].origin.to_string(), "a.toml:4");
    }

    #[test]
    fn broken_toml_names_file_and_line() {
        let problem = parse(Path::new("b.toml"), "log = \"x\"\nrelay = [\n").unwrap_err();
        assert!(problem.to_string().starts_with("b.toml:"), "{problem}");
        assert!(problem.to_string().contains("not TOML"), "{problem}");
    }

    #[test]
    fn named_tables_are_united_and_the_upper_file_wins() {
        let mut lower = table(
            "l",
            "log = \"a\"\n[[relay]]\nname = \"x\"\nurl = \"1\"\nping = \"1s\"\n[[relay]]\nname = \"y\"\n",
        );
        let upper = table(
            "u",
            "log = \"b\"\n[[relay]]\nname = \"z\"\n[[relay]]\nname = \"x\"\nurl = \"2\"\n",
        );
        overlay(&mut lower, upper);
        assert_eq!(lower["log"].value, Value::Text("b".into()));
        let Value::List(relays) = &lower["relay"].value else {
            panic!()
        };
        let names: Vec<_> = relays
            .iter()
            .filter_map(|node| node.value.named())
            .collect();
        assert_eq!(names, ["z", "x", "y"]);
        let Value::Table(x) = &relays[1].value else {
            panic!()
        };
        assert_eq!(x["url"].origin.to_string(), "u:6");
        assert_eq!(x["ping"].origin.to_string(), "l:5");
    }

    #[test]
    fn a_table_without_a_name_takes_no_other_away() {
        let mut lower = table("l", "[[hook]]\nname = \"x\"\n[[hook]]\non = [\"a\"]\n");
        overlay(&mut lower, table("u", "[[hook]]\non = [\"b\"]\n"));
        let Value::List(hooks) = &lower["hook"].value else {
            panic!()
        };
        let origins: Vec<_> = hooks.iter().map(|hook| hook.origin.to_string()).collect();
        assert_eq!(origins, ["u:1", "l:1", "l:3"]);
    }
}
