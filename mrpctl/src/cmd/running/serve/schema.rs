//! The part of JSON Schema that parameters are checked by: `required`, and the types of `properties`. Whatever else a schema says is
//! the command's to check.

use crate::exit::{Failure, Reason};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::path::Path;

/// Bytes of a schema, at most.
const LARGEST: usize = 1 << 20;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Schema {
    required: Vec<String>,
    properties: BTreeMap<String, Property>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Property {
    #[serde(rename = "type")]
    types: Option<Types>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Types {
    One(String),
    Several(Vec<String>),
}

impl Schema {
    pub(super) async fn load(path: &Path) -> Result<Self, Failure> {
        let name = path.display();
        let bytes = tokio::fs::read(path)
            .await
            .map_err(|error| Failure::io(Reason::NoInput, &format!("read {name}"), &error))?;
        let wrong = |what: String| Failure::new(Reason::BadData, format!("{name} {what}"));
        if bytes.len() > LARGEST {
            return Err(wrong(format!(
                "is too large: a schema has at most {LARGEST} bytes"
            )));
        }
        serde_json::from_slice(&bytes)
            .map_err(|error| wrong(format!("is no JSON Schema of an object: {error}")))
    }

    /// Checks parameters; says what is wrong with them.
    pub(super) fn check(&self, params: &RawValue) -> Result<(), String> {
        let params: BTreeMap<String, Value> =
            serde_json::from_str(params.get()).map_err(|error| error.to_string())?;
        if let Some(missing) = self
            .required
            .iter()
            .find(|name| !params.contains_key(*name))
        {
            return Err(format!("{missing} is missing"));
        }
        for (name, property) in &self.properties {
            let (Some(value), Some(types)) = (params.get(name), &property.types) else {
                continue;
            };
            let types = match types {
                Types::One(one) => std::slice::from_ref(one),
                Types::Several(several) => several,
            };
            if !types.iter().any(|of| is_of(value, of)) {
                return Err(format!("{name} must be of type {}", types.join(" or ")));
            }
        }
        Ok(())
    }
}

fn is_of(value: &Value, of: &str) -> bool {
    match of {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        // What is not known here is no reason to refuse.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_checked_by_name_and_type() {
        let schema: Schema = serde_json::from_str(
            r#"{"type":"object","required":["width"],"properties":{"width":{"type":"integer"},"name":{"type":["string","null"]}}}"#,
        )
        .unwrap();
        let check = |text: &str| {
            let params = RawValue::from_string(text.to_owned()).unwrap();
            schema.check(&params)
        };
        for text in [r#"{"width":1}"#, r#"{"width":2.0,"name":null,"more":1}"#] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for (text, what) in [
            ("{}", "width is missing"),
            (r#"{"width":"1"}"#, "width must be of type integer"),
            (r#"{"width":1.5}"#, "width must be of type integer"),
            (
                r#"{"width":1,"name":1}"#,
                "name must be of type string or null",
            ),
        ] {
            assert_eq!(check(text), Err(what.to_owned()), "{text}");
        }
    }
}
