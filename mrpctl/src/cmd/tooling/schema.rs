//! `mrpctl schema`: the daemon's own definitions as JSON Schema.

use super::mrpd;
use crate::cli::tooling::{Schema as Flags, SchemaOf};
use crate::context::Context;
use crate::exit::{Failure, Reason};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// Where an OpenAPI document has its definitions, and where a schema has them.
const COMPONENTS: &str = "#/components/schemas/";
const DEFINITIONS: &str = "#/$defs/";

pub(crate) async fn run(context: &Context, flags: &Flags) -> Result<(), Failure> {
    let schema = match flags.of {
        SchemaOf::Config => document(context, &["config", "--schema"]).await?,
        SchemaOf::Message => component(context, "Message").await?,
        SchemaOf::Hook => component(context, "Hook").await?,
        SchemaOf::Status => component(context, "Status").await?,
    };
    if context.output.has_form() {
        return context.output.object(&schema, String::new, None);
    }
    context.output.bytes(format!("{schema:#}\n"))
}

async fn document(context: &Context, arguments: &[&str]) -> Result<Value, Failure> {
    let done = mrpd::run(context, arguments).await?;
    if !done.status.success() {
        return Err(Failure::new(
            Reason::Unavailable,
            format!("mrpd {} failed ({})", arguments.join(" "), done.status),
        )
        .note("found", mrpd::complaints(&done))
        .fix("install mrpctl and mrpd of one version"));
    }
    serde_json::from_slice(&done.stdout).map_err(|error| {
        let what = format!("mrpd {} cannot be read: {error}", arguments.join(" "));
        Failure::new(Reason::Internal, what)
    })
}

async fn component(context: &Context, name: &str) -> Result<Value, Failure> {
    let openapi = document(context, &["openapi"]).await?;
    let components = openapi
        .pointer("/components/schemas")
        .and_then(Value::as_object);
    components
        .and_then(|components| schema_of(components, name))
        .ok_or_else(|| {
            let what = format!("mrpd's interface has no definition of {name}");
            Failure::new(Reason::Unavailable, what).fix("install mrpctl and mrpd of one version")
        })
}

/// One definition, with those that it names.
fn schema_of(components: &Map<String, Value>, name: &str) -> Option<Value> {
    let mut schema = components.get(name)?.clone();
    let mut needed = BTreeSet::new();
    let mut open = references(&mut schema);
    let mut definitions = Map::new();
    while let Some(other) = open.pop_first() {
        if !needed.insert(other.clone()) {
            continue;
        }
        let mut definition = components.get(&other)?.clone();
        open.append(&mut references(&mut definition));
        definitions.insert(other, definition);
    }
    let members = schema.as_object_mut()?;
    members.insert("$schema".to_owned(), json!(DIALECT));
    members.insert("title".to_owned(), json!(name));
    if !definitions.is_empty() {
        members.insert("$defs".to_owned(), Value::Object(definitions));
    }
    Some(schema)
}

/// Turns what points into an OpenAPI document into what points into a schema; gives the names of what is pointed at.
fn references(value: &mut Value) -> BTreeSet<String> {
    match value {
        Value::Object(members) => members
            .iter_mut()
            .flat_map(|(key, member)| match member {
                Value::String(target) if key == "$ref" => {
                    let name = target.strip_prefix(COMPONENTS).map(str::to_owned);
                    if let Some(name) = &name {
                        *target = format!("{DEFINITIONS}{name}");
                    }
                    name.into_iter().collect()
                }
                member => references(member),
            })
            .collect(),
        Value::Array(items) => items.iter_mut().flat_map(references).collect(),
        _ => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_stands_alone_with_all_that_it_names() {
        let components = json!({
            "A": {"type": "object", "properties": {"b": {"$ref": "#/components/schemas/B"}}},
            "B": {"oneOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/C"}]},
            "C": {"type": "string"},
            "D": {"type": "null"},
        });
        let schema = schema_of(components.as_object().unwrap(), "A").unwrap();
        assert_eq!(
            schema,
            json!({
                "$schema": DIALECT, "title": "A", "type": "object", "properties": {"b": {"$ref": "#/$defs/B"}},
                "$defs": {
                    "A": {"type": "object", "properties": {"b": {"$ref": "#/$defs/B"}}},
                    "B": {"oneOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/C"}]},
                    "C": {"type": "string"},
                },
            })
        );
        assert_eq!(schema_of(components.as_object().unwrap(), "X"), None);
    }
}
