//! The configuration as a JSON Schema, for editors and for those who write it by program.

use super::{Key, is_list, keys};
use crate::config::reader::Form;
use serde_json::{Map, Value, json};

/// The schema of `mrpd.toml`, as JSON.
pub(crate) fn schema() -> Value {
    let mut root = object();
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("mrpd.toml");
    root["description"] =
        json!("Configuration of mrpd, the per-user daemon of the Machine Relay Protocol.");
    for key in keys() {
        let parts: Vec<&str> = key.path.split('.').collect();
        insert(&mut root, &parts, &key);
    }
    root
}

fn insert(table: &mut Value, parts: &[&str], key: &Key) {
    match parts {
        [section, "NAME"] => {
            let members = child(table, section);
            members["additionalProperties"] = value(key);
        }
        [section, "NAME", rest @ ..] if is_list(section) => {
            insert(entries(table, section), rest, key);
        }
        [last] => table["properties"][*last] = value(key),
        [section, rest @ ..] => insert(child(table, section), rest, key),
        [] => {}
    }
}

fn object() -> Value {
    json!({ "type": "object", "properties": {}, "additionalProperties": false })
}

fn child<'a>(table: &'a mut Value, name: &str) -> &'a mut Value {
    let slot = &mut table["properties"][name];
    if slot.is_null() {
        *slot = object();
    }
    slot
}

/// The tables of a list: each has a name.
fn entries<'a>(table: &'a mut Value, section: &str) -> &'a mut Value {
    let slot = &mut table["properties"][section];
    if slot.is_null() {
        let mut entry = object();
        entry["properties"]["name"] = json!({
            "type": "string", "minLength": 1, "maxLength": 64,
            "description": "Its name, by which everything else speaks of it.",
        });
        entry["required"] = json!(["name"]);
        *slot = json!({ "type": "array", "items": entry });
    }
    &mut slot["items"]
}

fn value(key: &Key) -> Value {
    let mut members = match &key.form {
        Form::Text => json!({ "type": "string" }),
        Form::Written(allowed) => json!({ "type": "string", "$comment": format!("{allowed}") }),
        Form::Words(words) => json!({ "enum": words }),
        Form::Switch => json!({ "type": "boolean" }),
        Form::Count(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
        Form::Size => {
            json!({ "oneOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "pattern": "^[0-9]+ *(B|KiB|MiB|GiB|KB|MB|GB)?$" }] })
        }
        Form::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Form::Numbers => json!({ "type": "array", "items": { "type": "integer", "minimum": 0 } }),
        Form::Pairs => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
    };
    let mut also = Map::new();
    also.insert("description".to_owned(), json!(key.about));
    if let Some(default) = &key.default {
        also.insert("default".to_owned(), default.clone());
    }
    if let Value::Object(members) = &mut members {
        members.extend(also);
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_lists_and_names_of_ones_own_have_their_places() {
        let schema = schema();
        let at = |pointer: &str| schema.pointer(pointer).unwrap_or(&Value::Null);
        assert_eq!(at("/properties/inbox/properties/keep/default"), "90d");
        assert_eq!(at("/properties/hook/items/properties/exec/type"), "array");
        assert_eq!(at("/properties/hook/items/required"), &json!(["name"]));
        assert_eq!(at("/properties/groups/additionalProperties/type"), "array");
        assert_eq!(
            at("/properties/relay/items/properties/backoff/properties/min/type"),
            "string"
        );
        assert_eq!(at("/properties/api/additionalProperties"), &json!(false));
    }
}
