//! `mrpctl.toml`: what options say where neither the command line nor the environment does, and commands of the user's own.

use crate::exit::{Failure, Reason, plain};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use toml_edit::{Document, Item};

/// Bytes that the file may have.
const MOST: u64 = 1 << 20;

/// What the file says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    path: PathBuf,
    text: String,
    /// Of options, by their names as keys: `no_input`.
    pub(crate) defaults: BTreeMap<String, Setting>,
    /// Words that a word of the user's own stands for.
    pub(crate) aliases: BTreeMap<String, Alias>,
}

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) value: String,
    offset: usize,
}

/// What a word stands for, and where that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alias {
    pub(crate) words: Vec<String>,
    offset: usize,
}

impl Settings {
    /// Reads the file; one that does not exist says nothing.
    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        let unreadable = |what: &str| {
            Failure::new(
                Reason::Config,
                format!("cannot read {}: {what}", path.display()),
            )
        };
        let text = match std::fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(unreadable(&plain(&error))),
            Ok(metadata) if metadata.len() > MOST => {
                return Err(unreadable(&format!("it has more than {MOST} bytes")));
            }
            Ok(_) => std::fs::read_to_string(path).map_err(|error| unreadable(&plain(&error)))?,
        };
        Self::parse(path, text)
    }

    fn parse(path: &Path, text: String) -> Result<Self, Failure> {
        let mut settings = Self {
            path: path.to_owned(),
            text,
            ..Self::default()
        };
        let document = Document::parse(settings.text.clone()).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            settings.mistake(offset, &format!("not TOML: {}", error.message().trim()))
        })?;
        for (key, item) in document.iter() {
            let offset = item.span().map_or(0, |span| span.start);
            if key == "alias" {
                settings.read_aliases(item, offset)?;
                continue;
            }
            let Some(value) = scalar(item) else {
                let what = format!("{key}: expected a text, a number, true or false");
                return Err(settings.mistake(offset, &what));
            };
            let setting = Setting { value, offset };
            settings.defaults.insert(key.to_owned(), setting);
        }
        Ok(settings)
    }

    fn read_aliases(&mut self, item: &Item, offset: usize) -> Result<(), Failure> {
        let Some(table) = item.as_table_like() else {
            return Err(self.mistake(offset, "alias: expected a table, such as [alias]"));
        };
        for (name, item) in table.iter() {
            let offset = item.span().map_or(offset, |span| span.start);
            let words = words(item).ok_or_else(|| {
                let what = format!(
                    "alias.{name}: expected words, such as \"tail --from ci\", or a list of them where one holds spaces or quotes"
                );
                self.mistake(offset, &what)
            })?;
            self.aliases
                .insert(name.to_owned(), Alias { words, offset });
        }
        Ok(())
    }

    /// Something is wrong with the value of a key.
    pub(crate) fn wrong(&self, key: &str, what: &str) -> Failure {
        let setting = self.defaults.get(key).map(|setting| setting.offset);
        let alias = self.aliases.get(key).map(|alias| alias.offset);
        let (path, offset) = match (setting, alias) {
            (Some(offset), _) => (key.to_owned(), offset),
            (None, Some(offset)) => (format!("alias.{key}"), offset),
            (None, None) => (key.to_owned(), 0),
        };
        self.mistake(offset, &format!("{path}: {what}"))
    }

    fn mistake(&self, offset: usize, what: &str) -> Failure {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let path = self.path.display();
        Failure::new(Reason::Config, format!("{path}:{line}: {what}"))
            .fix(format!("mend it, or move {path} out of the way"))
    }
}

fn scalar(item: &Item) -> Option<String> {
    let value = item.as_value()?;
    value
        .as_str()
        .map(str::to_owned)
        .or_else(|| Some(value.as_integer()?.to_string()))
        .or_else(|| Some(value.as_bool()?.to_string()))
}

/// The words of a list, or of a text in which nothing needs quoting.
fn words(item: &Item) -> Option<Vec<String>> {
    let words: Vec<String> = match item.as_str() {
        Some(text) if text.contains(['"', '\'', '\\']) => return None,
        Some(text) => text.split_whitespace().map(str::to_owned).collect(),
        None => item
            .as_array()?
            .iter()
            .map(|word| Some(word.as_str()?.to_owned()))
            .collect::<Option<_>>()?,
    };
    (!words.is_empty()).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, String> {
        Settings::parse(Path::new("m.toml"), text.to_owned())
            .map_err(|failure| failure.told().unwrap().detail.message.clone())
    }

    #[test]
    fn options_and_aliases_are_read_as_they_were_written() {
        let read = parse(
            "output = \"table\" # mine\nverbose = 2\nquiet = true\n\n[alias]\nunread = \"inbox  --unread\"\nci = [\"tail\", \"-F\", \"{{ a }} b\"]\n",
        )
        .unwrap();
        let value = |key: &str| read.defaults[key].value.as_str();
        assert_eq!(
            (value("output"), value("verbose"), value("quiet")),
            ("table", "2", "true")
        );
        assert_eq!(read.aliases["unread"].words, ["inbox", "--unread"]);
        assert_eq!(read.aliases["ci"].words, ["tail", "-F", "{{ a }} b"]);
    }

    #[test]
    fn mistakes_name_file_and_line() {
        for (text, mistake) in [
            ("a = 1\nb = [", "m.toml:2: not TOML"),
            ("\ncolor = [1]", "m.toml:2: color: expected a text"),
            ("alias = 3", "m.toml:1: alias: expected a table"),
            (
                "[alias]\nx = \"a 'b'\"",
                "m.toml:2: alias.x: expected words",
            ),
            ("[alias]\nx = \" \"", "m.toml:2: alias.x: expected words"),
        ] {
            let told = parse(text).unwrap_err();
            assert!(told.starts_with(mistake), "{told}");
        }
    }
}
