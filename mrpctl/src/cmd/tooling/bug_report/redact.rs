//! What is left of a text when nobody may learn a secret, an address or a whole key from it.

use serde_json::{Map, Value};
use std::path::Path;

const REMOVED: &str = "(removed)";
/// Letters of a key that stay, as they do where names are missing.
const SHORT: usize = 8;
/// Letters of 32 bytes in base64url.
const KEY: usize = 43;
/// Last parts of configuration keys whose values are the user's own business: commands hold tokens, texts hold news.
const PRIVATE: &[&str] = &[
    "exec",
    "shell",
    "env",
    "pass_env",
    "match",
    "template",
    "text",
    "data",
    "key_command",
    "metadata",
    "notify",
    "note",
    "body",
    "title",
];
/// What a secret stands right behind, in a header.
const BEARER: &str = "bearer";
/// Parts of names that say that a value is a secret.
const SECRET: &[&str] = &[
    "secret",
    "token",
    "password",
    "passphrase",
    "passwd",
    "authorization",
    BEARER,
    "credential",
    "api_key",
    "api-key",
    "apikey",
];

pub(super) struct Redactor {
    home: String,
}

impl Redactor {
    pub(super) fn new(home: &Path) -> Self {
        Self {
            home: home.display().to_string(),
        }
    }

    /// Values in force, by dotted path.
    pub(super) fn config(&self, values: Map<String, Value>) -> Map<String, Value> {
        values
            .into_iter()
            .map(|(path, value)| {
                let is_private =
                    path.split('.').any(|part| PRIVATE.contains(&part)) || is_secret(&path);
                let value = if is_private {
                    Value::from(REMOVED)
                } else {
                    self.value(value)
                };
                (self.text(&path), value)
            })
            .collect()
    }

    /// JSON, all the way down.
    pub(super) fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(members) => members
                .into_iter()
                .map(|(name, value)| {
                    let value = if is_secret(&name) && value.is_string() {
                        Value::from(REMOVED)
                    } else {
                        self.value(value)
                    };
                    (name, value)
                })
                .collect(),
            other => other,
        }
    }

    pub(super) fn text(&self, text: &str) -> String {
        let text = match self.home.as_str() {
            "" | "/" => text.to_owned(),
            home => text.replace(home, "~"),
        };
        hosts_only(&without_secrets(&without_quoted(&shorten(&text))))
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    // The file that holds a secret is not the secret.
    !name.ends_with("_file") && SECRET.iter().any(|word| name.contains(word))
}

/// Runs of base64url letters as long as a key, or longer, keep their beginning; and so do runs of hex.
fn shorten(text: &str) -> String {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    let mut shortened = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_letter) {
        let (before, run) = rest.split_at(start);
        let end = run.find(|letter| !is_letter(letter)).unwrap_or(run.len());
        let (run, after) = run.split_at(end);
        shortened.push_str(before);
        if run.len() >= KEY {
            shortened.push_str(&run[..SHORT]);
            shortened.push('…');
        } else {
            shortened.push_str(run);
        }
        rest = after;
    }
    shortened + rest
}

/// What is said of a configuration, as in `mrpd.toml:3: relay.x.url: ... \"/p/abc\"`, loses what it repeats of it. Log lines go on
/// behind that, so all that is quoted in the line goes.
fn without_quoted(text: &str) -> String {
    let lines = text.split('\n').map(|line| {
        if is_of_config(line) {
            without_quotations(line)
        } else {
            line.to_owned()
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn is_of_config(line: &str) -> bool {
    let mut behind = line.split(".toml:").skip(1);
    behind.any(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit()))
}

fn without_quotations(line: &str) -> String {
    let mut left = String::with_capacity(line.len());
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        left.push(letter);
        if !matches!(letter, '"' | '`') {
            continue;
        }
        left.push_str(REMOVED);
        while let Some(inside) = letters.next() {
            match inside {
                '\\' => drop(letters.next()),
                end if end == letter => {
                    left.push(end);
                    break;
                }
                _ => {}
            }
        }
    }
    left
}

/// `token=abc`, `"secret": "abc"`, `Authorization: Bearer abc`: the value goes, to the end of the word, or of the line for a header.
fn without_secrets(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(without_secrets_of_line).collect();
    lines.join("\n")
}

fn without_secrets_of_line(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let found = SECRET.iter().filter_map(|word| {
        let at = lower.find(word)?;
        let behind = at + word.len();
        if *word == BEARER && lower[behind..].starts_with(' ') {
            return Some(behind);
        }
        let separator = lower[behind..].find(['=', ':'])?;
        // The name goes on at most as one word does.
        let is_name = lower[behind..behind + separator].chars().all(|letter| {
            letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '"' | '\'' | ' ')
        });
        let name_end = behind + separator + 1;
        let is_file = lower[behind..name_end].starts_with("_file");
        (is_name && !is_file).then_some(name_end)
    });
    match found.min() {
        Some(end) => format!("{} {REMOVED}", &line[..end]),
        None => line.to_owned(),
    }
}

/// `https://user:pass@host/path?query` loses all but its host: any of the rest may be a secret.
fn hosts_only(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        let end = after
            .find(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | ')' | '>'))
            .unwrap_or(after.len());
        let (url, behind) = after.split_at(end);
        let authority_end = url.find(['/', '?', '#']).unwrap_or(url.len());
        let authority = &url[..authority_end];
        let start = authority.rfind('@').map_or(0, |at| at + 1);
        clean.push_str(&authority[start..]);
        if authority_end < url.len() {
            clean.push_str("/…");
        }
        rest = behind;
    }
    clean + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KEY_TEXT: &str = "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w";

    fn text(given: &str) -> String {
        Redactor::new(Path::new("/home/ann")).text(given)
    }

    #[test]
    fn keys_secrets_and_places_do_not_get_out() {
        for (given, left) in [
            (
                format!("from {KEY_TEXT}, twice {KEY_TEXT}"),
                "from iojj3XQJ…, twice iojj3XQJ…",
            ),
            (
                "a -SHORT_one msg_1772611200_a1b2c3d4e5f6".into(),
                "a -SHORT_one msg_1772611200_a1b2c3d4e5f6",
            ),
            ("/home/ann/.mrp/keys/x.key".into(), "~/.mrp/keys/x.key"),
            ("token=abc rest".into(), "token= (removed)"),
            (
                "INFO Authorization: Bearer abc".into(),
                "INFO Authorization: (removed)",
            ),
            (
                "\"client_secret\": \"x\"".into(),
                "\"client_secret\": (removed)",
            ),
            ("secret_file = \"/x\"".into(), "secret_file = \"/x\""),
            (
                "at https://u:p@h.example/x?k=v, next".into(),
                "at https://h.example/… next",
            ),
            (
                "relay https://h.example:8080/p/abc is up".into(),
                "relay https://h.example:8080/… is up",
            ),
            (
                "relay https://h.example:8080 is up".into(),
                "relay https://h.example:8080 is up",
            ),
            (
                "curl -H 'x: Bearer abc' -u me".into(),
                "curl -H 'x: Bearer (removed)",
            ),
            ("X-Api-Key: abc".into(), "X-Api-Key: (removed)"),
            ("passwd=abc".into(), "passwd= (removed)"),
            (
                r#"WARN x: /etc/mrp/mrpd.toml:3: relay.x.url: leave out "/p/a\"bc" and `d`"#.into(),
                r#"WARN x: /etc/mrp/mrpd.toml:3: relay.x.url: leave out "(removed)" and `(removed)`"#,
            ),
            (
                "WARN x: hook \"deploy\" of mrpd.toml".into(),
                "WARN x: hook \"deploy\" of mrpd.toml",
            ),
            (
                "two\npassword: x\nlines".into(),
                "two\npassword: (removed)\nlines",
            ),
        ] {
            assert_eq!(text(&given), left, "{given}");
        }
    }

    #[test]
    fn of_the_configuration_commands_and_secrets_go_and_settings_stay() {
        let values = json!({
            "log": "info",
            "hook.deploy.exec": ["/bin/x", "--token", "abc"],
            "hook.deploy.env": {"TOKEN": "abc"},
            "ingress.g.hmac.secret_file": "/home/ann/g.secret",
            "ingress.g.token": "abc",
            "groups.ops": [KEY_TEXT, "alice"],
        });
        let Value::Object(values) = values else {
            panic!()
        };
        let left = Redactor::new(Path::new("/home/ann")).config(values);
        assert_eq!(
            Value::Object(left),
            json!({
                "log": "info",
                "hook.deploy.exec": "(removed)",
                "hook.deploy.env": "(removed)",
                "ingress.g.hmac.secret_file": "~/g.secret",
                "ingress.g.token": "(removed)",
                "groups.ops": ["iojj3XQJ…", "alice"],
            })
        );
    }
}
