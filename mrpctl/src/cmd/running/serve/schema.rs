//! The part of JSON Schema that parameters are checked by: what describes an object of plain values, and no expressions or
//! references. A schema that says anything beyond it is refused, so that nobody relies on what is not checked. A library for all of
//! it would add more than a third to the program.

mod read;

use crate::exit::{Failure, Reason};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::path::Path;

/// Bytes of a schema, at most.
const LARGEST: usize = 1 << 20;

/// What a value has to be.
#[derive(Debug, Default)]
pub(super) struct Schema {
    types: Option<Vec<Type>>,
    /// `enum`.
    among: Option<Vec<Value>>,
    /// `const`.
    only: Option<Value>,
    required: Vec<String>,
    properties: BTreeMap<String, Self>,
    /// Of members that `properties` does not name.
    additional: Option<Box<Self>>,
    items: Option<Box<Self>>,
    bounds: Vec<Bound>,
    /// `false`: nothing is right.
    never: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Null,
    Boolean,
    Object,
    Array,
    String,
    Number,
    Integer,
}

/// A limit, and where it is.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bound {
    of: Measure,
    limit: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    Minimum,
    Maximum,
    Above,
    Below,
    MinLength,
    MaxLength,
    MinItems,
    MaxItems,
}

impl Schema {
    pub(super) async fn load(path: &Path) -> Result<Self, Failure> {
        let name = path.display();
        let bytes = tokio::fs::read(path)
            .await
            .map_err(|error| Failure::io(Reason::NoInput, &format!("read {name}"), &error))?;
        let wrong = |what: String| Failure::new(Reason::BadData, format!("{name}: {what}"));
        if bytes.len() > LARGEST {
            let what = format!("it is too large: a schema has at most {LARGEST} bytes");
            return Err(wrong(what));
        }
        let text: Value = serde_json::from_slice(&bytes)
            .map_err(|error| wrong(format!("it is not JSON: {error}")))?;
        read::of_parameters(&text).map_err(|mistake| {
            let hint = "mrpctl serve --help names what is checked; the command can check the rest";
            wrong(mistake.to_string()).fix(hint)
        })
    }

    /// Checks parameters; says what is wrong with them.
    pub(super) fn check(&self, params: &RawValue) -> Result<(), String> {
        let params: Value =
            serde_json::from_str(params.get()).map_err(|error| error.to_string())?;
        self.check_value(&params, "")
    }

    fn check_value(&self, value: &Value, place: &str) -> Result<(), String> {
        let name = if place.is_empty() { "it" } else { place };
        if self.never {
            return Err(format!("{name} is not expected"));
        }
        if let Some(types) = &self.types
            && !types.iter().any(|one| one.has(value))
        {
            let words: Vec<&str> = types.iter().map(|one| one.as_str()).collect();
            return Err(format!("{name} must be of type {}", words.join(" or ")));
        }
        if let Some(among) = &self.among
            && !among.iter().any(|one| is_same(one, value))
        {
            let words: Vec<String> = among.iter().map(Value::to_string).collect();
            return Err(format!("{name} must be {}", words.join(" or ")));
        }
        if let Some(only) = &self.only
            && !is_same(only, value)
        {
            return Err(format!("{name} must be {only}"));
        }
        if let Some(broken) = self.bounds.iter().find(|bound| !bound.holds(value)) {
            return Err(format!("{name} {}", broken.text()));
        }
        match value {
            Value::Object(members) => {
                self.check_members(members, |member| below(place, member))?;
            }
            Value::Array(elements) => {
                let Some(schema) = &self.items else {
                    return Ok(());
                };
                for (number, element) in elements.iter().enumerate() {
                    schema.check_value(element, &format!("{place}[{number}]"))?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn check_members(
        &self,
        members: &serde_json::Map<String, Value>,
        place: impl Fn(&str) -> String,
    ) -> Result<(), String> {
        let is_missing = |name: &&String| !members.contains_key(name.as_str());
        if let Some(missing) = self.required.iter().find(is_missing) {
            return Err(format!("{} is missing", place(missing)));
        }
        for (name, value) in members {
            let schema = self.properties.get(name);
            if let Some(schema) = schema.or(self.additional.as_deref()) {
                schema.check_value(value, &place(name))?;
            }
        }
        Ok(())
    }
}

fn below(place: &str, member: &str) -> String {
    if place.is_empty() {
        member.to_owned()
    } else {
        format!("{place}.{member}")
    }
}

impl Type {
    fn has(self, value: &Value) -> bool {
        match self {
            Self::Null => value.is_null(),
            Self::Boolean => value.is_boolean(),
            Self::Object => value.is_object(),
            Self::Array => value.is_array(),
            Self::String => value.is_string(),
            Self::Number => value.is_number(),
            Self::Integer => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        }
    }
}

impl Bound {
    /// A limit says nothing of values of another type.
    fn holds(self, value: &Value) -> bool {
        let measured = match self.of {
            Measure::Minimum | Measure::Maximum | Measure::Above | Measure::Below => value.as_f64(),
            Measure::MinLength | Measure::MaxLength => {
                value.as_str().map(|text| text.chars().count() as f64)
            }
            Measure::MinItems | Measure::MaxItems => value.as_array().map(|all| all.len() as f64),
        };
        measured.is_none_or(|measured| match self.of {
            Measure::Minimum | Measure::MinLength | Measure::MinItems => measured >= self.limit,
            Measure::Maximum | Measure::MaxLength | Measure::MaxItems => measured <= self.limit,
            Measure::Above => measured > self.limit,
            Measure::Below => measured < self.limit,
        })
    }

    fn text(self) -> String {
        let limit = self.limit;
        match self.of {
            Measure::Minimum => format!("must be at least {limit}"),
            Measure::Maximum => format!("must be at most {limit}"),
            Measure::Above => format!("must be above {limit}"),
            Measure::Below => format!("must be below {limit}"),
            Measure::MinLength => format!("must have at least {limit} letters"),
            Measure::MaxLength => format!("must have at most {limit} letters"),
            Measure::MinItems => format!("must have at least {limit} elements"),
            Measure::MaxItems => format!("must have at most {limit} elements"),
        }
    }
}

/// Whether two values are one: 1 and 1.0 are.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(_), Value::Number(_)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let has_same =
                |(name, value)| other.get(name).is_some_and(|other| is_same(value, other));
            one.len() == other.len() && one.iter().all(has_same)
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(schema: Value, params: Value) -> Result<(), String> {
        let schema = read::of_parameters(&schema).unwrap();
        let params = RawValue::from_string(params.to_string()).unwrap();
        schema.check(&params)
    }

    #[test]
    fn parameters_are_checked_by_name_and_type() {
        let schema = json!({
            "type": "object",
            "required": ["width"],
            "properties": {"width": {"type": "integer"}, "name": {"type": ["string", "null"]}},
        });
        let right = [
            json!({"width": 1}),
            json!({"width": 2.0, "name": null, "more": 1}),
        ];
        for params in right {
            assert_eq!(check(schema.clone(), params.clone()), Ok(()), "{params}");
        }
        for (params, what) in [
            (json!({}), "width is missing"),
            (json!({"width": "1"}), "width must be of type integer"),
            (json!({"width": 1.5}), "width must be of type integer"),
            (
                json!({"width": 1, "name": 1}),
                "name must be of type string or null",
            ),
        ] {
            assert_eq!(check(schema.clone(), params), Err(what.to_owned()));
        }
    }

    #[test]
    fn values_are_checked_however_deep_they_are() {
        let schema = json!({
            "properties": {
                "size": {
                    "properties": {"width": {"minimum": 1, "exclusiveMaximum": 10}},
                    "additionalProperties": false,
                },
                "tags": {
                    "items": {"enum": ["a", "b"]},
                    "minItems": 1,
                    "maxItems": 2,
                },
                "name": {"minLength": 2, "maxLength": 3},
                "version": {"const": 1},
                "never": false,
            },
            "additionalProperties": {"type": "string"},
        });
        let right = json!({
            "size": {"width": 9.5}, "tags": ["b"], "name": "äöü", "version": 1.0, "note": "x",
        });
        assert_eq!(check(schema.clone(), right), Ok(()));
        for (params, what) in [
            (
                json!({"size": {"width": 0}}),
                "size.width must be at least 1",
            ),
            (
                json!({"size": {"width": 10}}),
                "size.width must be below 10",
            ),
            (json!({"size": {"depth": 1}}), "size.depth is not expected"),
            (json!({"tags": []}), "tags must have at least 1 elements"),
            (
                json!({"tags": ["a", "b", "a"]}),
                "tags must have at most 2 elements",
            ),
            (
                json!({"tags": ["a", "c"]}),
                "tags[1] must be \"a\" or \"b\"",
            ),
            (json!({"name": "ä"}), "name must have at least 2 letters"),
            (json!({"name": "abcd"}), "name must have at most 3 letters"),
            (json!({"version": 2}), "version must be 1"),
            (json!({"never": null}), "never is not expected"),
            (json!({"note": 1}), "note must be of type string"),
        ] {
            assert_eq!(check(schema.clone(), params), Err(what.to_owned()));
        }
    }
}
