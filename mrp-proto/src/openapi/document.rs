//! What utoipa writes into a document that no reader of it needs, or that is not quite so.

use serde_json::Value;

/// Takes out what is there for readers of the code: links in descriptions, and defaults of what is absent. Numbers that are never
/// negative have 64 bits for that, not 63.
pub fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("default").is_some_and(Value::is_null) {
                members.remove("default");
            }
            if let Some(Value::String(description)) = members.get_mut("description") {
                *description = description.replace("[`", "`").replace("`]", "`");
            }
            let is_unsigned = members.get("minimum").is_some_and(|least| *least == 0);
            if is_unsigned
                && members
                    .get("format")
                    .is_some_and(|format| format == "int64")
            {
                members.insert("format".to_owned(), "uint64".into());
            }
            members.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// A parameter is given or not, but never null.
pub fn forbid_null(schema: &mut Value) {
    if let Some(types) = schema["type"].as_array_mut() {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            schema["type"] = only.clone();
        }
    } else if schema["type"].is_null()
        && let Some(schema) = schema.as_object_mut()
    {
        schema.remove("type");
    }
    for word in ["oneOf", "anyOf"] {
        let Some(choices) = schema.get_mut(word).and_then(Value::as_array_mut) else {
            continue;
        };
        choices.retain(|choice| choice["type"] != "null");
        if let [only] = choices.as_slice() {
            *schema = only.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn links_and_absent_defaults_go_at_any_depth() {
        let mut schema = json!({ "items": [{ "description": "a [`Key`]", "default": null }] });
        tidy(&mut schema);
        assert_eq!(schema, json!({ "items": [{ "description": "a `Key`" }] }));
    }

    #[test]
    fn what_is_never_negative_has_all_its_bits() {
        let mut schema = json!([
            { "type": "integer", "format": "int64", "minimum": 0 },
            { "type": "integer", "format": "int64" },
        ]);
        tidy(&mut schema);
        assert_eq!(schema[0]["format"], "uint64");
        assert_eq!(schema[1]["format"], "int64");
    }

    #[test]
    fn a_parameter_is_never_null_however_that_is_written() {
        for (mut schema, expected) in [
            (
                json!({ "type": ["string", "null"] }),
                json!({ "type": "string" }),
            ),
            (
                json!({ "oneOf": [{ "type": "null" }, { "$ref": "#/x" }] }),
                json!({ "$ref": "#/x" }),
            ),
            (json!({ "type": "integer" }), json!({ "type": "integer" })),
        ] {
            forbid_null(&mut schema);
            assert_eq!(schema, expected);
        }
    }
}
