//! The configuration in force, for people and for programs.

use crate::config::reader::Effective;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// Whether it is said where each value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origins {
    /// It is not.
    Hidden,
    /// It is.
    Shown,
}

/// One line a value: `path = value`, with its origin behind it if wanted.
pub fn as_text(effective: &[Effective], origins: Origins) -> String {
    let mut text = String::new();
    for Effective {
        path,
        value,
        origin,
    } in effective
    {
        let written = match origins {
            Origins::Hidden => writeln!(text, "{path} = {}", toml(value)),
            Origins::Shown => writeln!(text, "{path} = {}  # {origin}", toml(value)),
        };
        written.expect("writing to a String does not fail");
    }
    text
}

/// One JSON object, by dotted path: the value, or `{"value","origin"}` if origins are wanted.
pub fn as_json(effective: &[Effective], origins: Origins) -> Value {
    let entries = effective.iter().map(|entry| {
        let value = match origins {
            Origins::Hidden => entry.value.clone(),
            Origins::Shown => json!({ "value": entry.value, "origin": entry.origin.to_string() }),
        };
        (entry.path.clone(), value)
    });
    Value::Object(Map::from_iter(entries))
}

/// A value as TOML writes it; the two differ in tables alone.
fn toml(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let pairs: Vec<String> = members
                .iter()
                .map(|(key, value)| format!("{} = {}", toml_key(key), toml(value)))
                .collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(toml).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

fn toml_key(key: &str) -> String {
    let bare = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if !key.is_empty() && key.chars().all(bare) {
        return key.to_owned();
    }
    Value::from(key).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origin;

    #[test]
    fn values_are_shown_as_toml_and_with_their_origin_if_wanted() {
        let entry = |path: &str, value: Value| Effective {
            path: path.to_owned(),
            value,
            origin: Origin::Environment("MRPD_LOG".to_owned()),
        };
        let effective = [
            entry("log", json!("a \"b\"")),
            entry("agent.x.metadata", json!({"role": "y", "a b": "z"})),
            entry("api.allow_uids", json!([1, 2])),
        ];
        assert_eq!(
            as_text(&effective, Origins::Hidden),
            "log = \"a \\\"b\\\"\"\nagent.x.metadata = { \"a b\" = \"z\", role = \"y\" }\napi.allow_uids = [1, 2]\n"
        );
        assert!(
            as_text(&effective, Origins::Shown).starts_with("log = \"a \\\"b\\\"\"  # $MRPD_LOG\n")
        );
        let object = as_json(&effective[..1], Origins::Shown);
        assert_eq!(object["log"]["origin"], "$MRPD_LOG");
        assert_eq!(
            as_json(&effective, Origins::Hidden)["api.allow_uids"],
            json!([1, 2])
        );
    }
}
