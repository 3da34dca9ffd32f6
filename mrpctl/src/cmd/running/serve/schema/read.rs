//! Reading a schema. Whatever it says that would not be checked is a mistake of its own.

use super::{Bound, Measure, Schema, Type};
use serde_json::{Map, Value};
use std::fmt;

/// What says something about a schema or its values, but nothing that a value could break.
const REMARKS: &[&str] = &[
    "$schema",
    "$id",
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    // Of the standard's own accord no more than a remark.
    "format",
];

/// Schemas in schemas, at most.
const DEEPEST: usize = 32;

/// What is wrong with a schema, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    place: String,
    what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            formatter.write_str(&self.what)
        } else {
            write!(formatter, "{}: {}", self.place, self.what)
        }
    }
}

/// Reads the schema of a request's parameters, which are an object.
pub(super) fn of_parameters(text: &Value) -> Result<Schema, Mistake> {
    let place = Place::default();
    let schema = schema(text, &place)?;
    let is_of_objects = |types: &Vec<Type>| types.contains(&Type::Object);
    if schema.never || !schema.types.as_ref().is_none_or(is_of_objects) {
        return Err(place.mistake("parameters are an object, and this describes none"));
    }
    Ok(schema)
}

/// Where one is in a schema.
#[derive(Debug, Clone, Default)]
struct Place(Vec<String>);

impl Place {
    fn below(&self, name: &str) -> Self {
        Self(self.0.iter().cloned().chain([name.to_owned()]).collect())
    }

    fn mistake(&self, what: impl Into<String>) -> Mistake {
        Mistake {
            place: self.0.join("."),
            what: what.into(),
        }
    }
}

fn schema(text: &Value, place: &Place) -> Result<Schema, Mistake> {
    if place.0.len() > DEEPEST {
        return Err(place.mistake("this is too deep"));
    }
    let keywords = match text {
        Value::Object(keywords) => keywords,
        Value::Bool(is_right) => {
            return Ok(Schema {
                never: !is_right,
                ..Schema::default()
            });
        }
        _ => return Err(place.mistake("a schema is an object, true or false")),
    };
    let mut schema = Schema::default();
    for (keyword, value) in keywords {
        read(&mut schema, keyword, value, place)?;
    }
    Ok(schema)
}

fn read(into: &mut Schema, keyword: &str, value: &Value, place: &Place) -> Result<(), Mistake> {
    let here = place.below(keyword);
    match keyword {
        "type" => into.types = Some(types(value, &here)?),
        "enum" => into.among = Some(list(value, &here)?.clone()),
        "const" => into.only = Some(value.clone()),
        "required" => into.required = names(value, &here)?,
        "properties" => {
            for (name, value) in members(value, &here)? {
                let property = schema(value, &here.below(name))?;
                into.properties.insert(name.clone(), property);
            }
        }
        "additionalProperties" => into.additional = Some(Box::new(schema(value, &here)?)),
        "items" => into.items = Some(Box::new(schema(value, &here)?)),
        _ => match measure(keyword) {
            Some(of) => into.bounds.push(Bound {
                of,
                limit: value
                    .as_f64()
                    .ok_or_else(|| here.mistake("expected a number"))?,
            }),
            None if REMARKS.contains(&keyword) || keyword.starts_with("x-") => {}
            None => {
                let what = format!("{keyword} would not be checked");
                return Err(place.mistake(what));
            }
        },
    }
    Ok(())
}

fn measure(keyword: &str) -> Option<Measure> {
    Some(match keyword {
        "minimum" => Measure::Minimum,
        "maximum" => Measure::Maximum,
        "exclusiveMinimum" => Measure::Above,
        "exclusiveMaximum" => Measure::Below,
        "minLength" => Measure::MinLength,
        "maxLength" => Measure::MaxLength,
        "minItems" => Measure::MinItems,
        "maxItems" => Measure::MaxItems,
        _ => return None,
    })
}

fn types(value: &Value, here: &Place) -> Result<Vec<Type>, Mistake> {
    let words = match value {
        Value::String(word) => vec![word.clone()],
        _ => names(value, here)?,
    };
    let types = words.iter().map(|word| {
        Type::parse(word).ok_or_else(|| here.mistake(format!("{word:?} is no type of JSON")))
    });
    types.collect()
}

fn names(value: &Value, here: &Place) -> Result<Vec<String>, Mistake> {
    let name = |value: &Value| value.as_str().map(str::to_owned);
    let names: Option<Vec<String>> = list(value, here)?.iter().map(name).collect();
    names.ok_or_else(|| here.mistake("expected texts"))
}

fn list<'a>(value: &'a Value, here: &Place) -> Result<&'a Vec<Value>, Mistake> {
    value
        .as_array()
        .ok_or_else(|| here.mistake("expected a list"))
}

fn members<'a>(value: &'a Value, here: &Place) -> Result<&'a Map<String, Value>, Mistake> {
    value
        .as_object()
        .ok_or_else(|| here.mistake("expected an object"))
}

impl Type {
    const ALL: [Self; 7] = [
        Self::Null,
        Self::Boolean,
        Self::Object,
        Self::Array,
        Self::String,
        Self::Number,
        Self::Integer,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Number => "number",
            Self::Integer => "integer",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_would_not_be_checked_is_refused_by_its_name() {
        for (text, told) in [
            (json!({"pattern": "^a"}), "pattern would not be checked"),
            (json!({"anyOf": []}), "anyOf would not be checked"),
            (
                json!({"properties": {"a": {"items": {"$ref": "#"}}}}),
                "properties.a.items: $ref would not be checked",
            ),
            (json!({"requierd": []}), "requierd would not be checked"),
            (
                json!({"type": "string"}),
                "parameters are an object, and this describes none",
            ),
            (
                json!(false),
                "parameters are an object, and this describes none",
            ),
            (json!({"type": "text"}), "type: \"text\" is no type of JSON"),
            (json!({"required": "a"}), "required: expected a list"),
            (json!({"required": [1]}), "required: expected texts"),
            (json!({"minimum": "1"}), "minimum: expected a number"),
            (json!({"properties": []}), "properties: expected an object"),
            (json!([]), "a schema is an object, true or false"),
        ] {
            let mistake = of_parameters(&text).unwrap_err();
            assert_eq!(mistake.to_string(), told, "{text}");
        }
    }

    #[test]
    fn remarks_say_nothing_that_could_be_broken() {
        let text = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "T",
            "properties": {"at": {"type": "string", "format": "date-time", "x-unit": "s"}},
        });
        assert!(of_parameters(&text).is_ok());
        assert!(of_parameters(&json!(true)).is_ok());
    }

    #[test]
    fn a_schema_has_a_bottom() {
        let mut text = json!({});
        for _ in 0..100 {
            text = json!({"items": text});
        }
        let mistake = of_parameters(&text).unwrap_err();
        assert_eq!(mistake.what, "this is too deep");
    }
}
