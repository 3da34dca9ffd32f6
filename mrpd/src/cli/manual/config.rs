//! mrpd.toml(5): every key, from what the daemon reads.

use super::page::Page;
use crate::config::reference::{Form, Key, keys};
use mrpd_api::paths::SYSTEM_CONFIG;
use serde_json::Value;

const EXAMPLE: &str = "\
default_agent = \"laptop\"

[[relay]]
name = \"home\"
url = \"https://relay.example.net\"

[[agent]]
name = \"laptop\"

[groups]
ops = [\"alice\", \"bob\"]

[[hook]]
name = \"deploy\"
from = [\"@ops\"]
match = 'body.event == \"build.passed\"'
exec = [\"/home/me/bin/deploy\"]";

pub(super) fn page() -> String {
    let mut page = Page::new("mrpd.toml", "5", "configuration of mrpd");
    page.section("DESCRIPTION")
        .paragraph(&format!("`mrpd`(8) reads `~/.config/mrp/mrpd.toml`; below it the files `~/.config/mrp/mrpd.d/*.toml`, of which the one whose name sorts last goes first; and below these `{SYSTEM_CONFIG}`. Options and variables go before all. Tables of a list are united by their names. A file that is named, by `--config` or `MRPD_CONFIG`, stands alone."))
        .paragraph("Every key has a default. A saved file is in force at once. A mistake in who one is and where one listens (`api`, `relay`, `agent`, `default_agent`) keeps the daemon from starting; any other is reported, and what was in force before stays so.")
        .paragraph("`mrpctl config check` names file, line and key of a mistake. `mrpctl config show --origin` shows what is in force, and where it comes from. `mrpctl schema config` is the same as this page for programs.")
        .paragraph("Times are texts such as `90s`, `5m`, `24h` or `30d`. Sizes are numbers of bytes, or texts such as `256KiB` or `2GiB`. `~/` is the home directory.");
    page.section("EXAMPLE").example(EXAMPLE);
    let mut heading = String::new();
    for key in keys() {
        let section = heading_of(&key.path);
        if section != heading {
            page.section(&section);
            heading = section;
        }
        page.item(short(&key.path), &format!("{} {}", key.about, taken(&key)));
    }
    page.see_also(&["mrpd(8)", "mrpctl-config(1)", "mrp-hooks(7)", "mrp(7)"]);
    page.finish()
}

/// `[inbox]`, `[[hook]]`, or what stands at the top.
fn heading_of(path: &str) -> String {
    let parts: Vec<&str> = path.split('.').collect();
    match parts.as_slice() {
        [_] => "TOP LEVEL".to_owned(),
        [section, "NAME"] => format!("[{section}]"),
        [section, "NAME", ..] => format!("[[{section}]]"),
        [section, ..] => format!("[{section}]"),
        [] => String::new(),
    }
}

/// The path as it is written inside its section.
fn short(path: &str) -> &str {
    let parts: Vec<&str> = path.splitn(3, '.').collect();
    match parts.as_slice() {
        [_, "NAME", rest] => rest,
        [section, ..] if parts.len() > 1 => &path[section.len() + 1..],
        _ => path,
    }
}

/// What it takes, and its default.
fn taken(key: &Key) -> String {
    let form = match &key.form {
        Form::Text => "A text".to_owned(),
        Form::Written(allowed) => capital(allowed),
        Form::Words(words) => format!("One of {}", words.join(", ")),
        Form::Switch => "true or false".to_owned(),
        Form::Count(low, high) => format!("A whole number from {low} to {high}"),
        Form::Size => "A size".to_owned(),
        Form::Texts => "A list of texts".to_owned(),
        Form::Numbers => "A list of whole numbers".to_owned(),
        Form::Pairs => "A table of texts".to_owned(),
    };
    match &key.default {
        Some(Value::String(text)) => format!("{form}; by default `{text}`."),
        Some(Value::Array(items)) if items.is_empty() => format!("{form}; by default none."),
        Some(default) => format!("{form}; by default `{default}`."),
        None => format!("{form}."),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_below_their_sections() {
        for (path, heading, name) in [
            ("log", "TOP LEVEL", "log"),
            ("inbox.keep", "[inbox]", "keep"),
            ("groups.NAME", "[groups]", "NAME"),
            ("hook.NAME.retry.min", "[[hook]]", "retry.min"),
            ("hook_defaults.retry.min", "[hook_defaults]", "retry.min"),
        ] {
            assert_eq!(
                (heading_of(path).as_str(), short(path)),
                (heading, name),
                "{path}"
            );
        }
        assert!(page().contains("by default \\fB90d\\fR"));
    }
}
