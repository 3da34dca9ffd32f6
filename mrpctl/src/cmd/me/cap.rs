//! `mrpctl cap`: what the local identity says that it can do, as `[[capability]]` in mrpd.toml.

use super::shown;
use crate::cli::me::{Cap as Flags, CapAdd};
use crate::cmd::tooling::config::{Origins, in_force, put_in_force};
use crate::config::document::Document;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::similar;
use serde::Serialize;
use serde_json::{Map, Value as Json};
use toml_edit::{Array, Item, Value};

/// The section of the configuration.
const SECTION: &str = "capability";
const HEADS: [&str; 5] = ["name", "description", "tags", "version", "answered by"];

/// A capability that is configured.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Configured {
    name: String,
    description: String,
    tags: Vec<String>,
    version: Option<String>,
    schema: Option<String>,
    /// The local identity that has it; all of them where absent.
    agent: Option<String>,
    /// Whether the daemon runs a program for requests; somebody else answers them otherwise.
    answered: bool,
}

pub(super) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    match flags {
        Flags::Ls => list(context).await,
        Flags::Add(flags) => add(context, flags).await,
        Flags::Rm { names } => remove(context, &names).await,
    }
}

async fn list(context: &Context) -> Result<(), Failure> {
    let values = in_force(context, Origins::Hidden).await?;
    let agent = context.global.agent.as_deref();
    let mut all = configured(&values);
    all.retain(|one| agent.is_none() || one.agent.is_none() || one.agent.as_deref() == agent);
    context.output.list(&all, &HEADS, |one| {
        let answers = if one.answered { "mrpd" } else { "" };
        vec![
            one.name.clone(),
            one.description.clone(),
            one.tags.join(" "),
            one.version.clone().unwrap_or_default(),
            answers.to_owned(),
        ]
    })
}

/// Names may have dots: it is the field at the end that tells where one ends, and every capability has a description.
fn configured(values: &Map<String, Json>) -> Vec<Configured> {
    let names = values.keys().filter_map(|path| {
        path.strip_prefix(&format!("{SECTION}."))?
            .strip_suffix(".description")
    });
    names
        .map(|name| {
            let field = |field: &str| values.get(&format!("{SECTION}.{name}.{field}"));
            let text = |name: &str| field(name).and_then(Json::as_str).map(str::to_owned);
            let tags = field("tags").and_then(Json::as_array);
            let tags = tags.into_iter().flatten().filter_map(Json::as_str);
            Configured {
                name: name.to_owned(),
                description: text("description").unwrap_or_default(),
                tags: tags.map(str::to_owned).collect(),
                version: text("version"),
                schema: text("schema"),
                agent: text("agent"),
                answered: ["exec", "shell"].iter().any(|key| field(key).is_some()),
            }
        })
        .collect()
}

async fn add(context: &Context, flags: CapAdd) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let mut document = Document::edit(&context.config_file()).await?;
    if document.entry(SECTION, &flags.name).is_none() {
        let Some(description) = &flags.desc else {
            return Err(Failure::new(
                Reason::Usage,
                format!("there is no capability {} yet: what is it?", flags.name),
            )
            .fix(format!(
                "mrpctl cap add {} --desc TEXT --tag TAG",
                flags.name
            )));
        };
        let fields = [
            ("name", flags.name.as_str().into()),
            ("description", description.as_str().into()),
        ];
        document.push(SECTION, &fields);
    }
    for (key, value) in changes(context, &flags)? {
        if let Some(entry) = document.entry_mut(SECTION, &flags.name) {
            entry.insert(key, Item::Value(value));
        }
    }
    put_in_force(context, &mut document).await?;
    shown::wait(context, &client, |info| {
        let found = info.capabilities.iter().find(|one| one.name == flags.name);
        found.is_some_and(|one| {
            flags
                .desc
                .as_ref()
                .is_none_or(|text| *text == one.description)
                && (flags.tags.is_empty() || flags.tags == one.tags)
        })
    })
    .await;
    Ok(())
}

fn changes(context: &Context, flags: &CapAdd) -> Result<Vec<(&'static str, Value)>, Failure> {
    let mut changes: Vec<(&str, Value)> = Vec::new();
    let mut text = |key, value: Option<&str>| {
        changes.extend(value.map(|value| (key, Value::from(value))));
    };
    text("description", flags.desc.as_deref());
    text("version", flags.cap_version.as_deref());
    text("agent", context.global.agent.as_deref());
    if let Some(schema) = &flags.schema {
        let path = std::path::absolute(schema)
            .map_err(|error| Failure::io(Reason::NoInput, "find the schema", &error))?;
        text(
            "schema",
            Some(&context.paths.contract(&path).display().to_string()),
        );
    }
    if !flags.tags.is_empty() {
        let tags: Array = flags.tags.iter().map(String::as_str).collect();
        changes.push(("tags", Value::Array(tags)));
    }
    Ok(changes)
}

/// All of them or none.
async fn remove(context: &Context, names: &[String]) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let mut document = Document::edit(&context.config_file()).await?;
    for name in names {
        if !document.remove_entry(SECTION, name) {
            return Err(unknown(&document, name));
        }
    }
    put_in_force(context, &mut document).await?;
    shown::wait(context, &client, |info| {
        !info
            .capabilities
            .iter()
            .any(|one| names.contains(&one.name))
    })
    .await;
    Ok(())
}

fn unknown(document: &Document, name: &str) -> Failure {
    let path = document.path().display();
    let failure = Failure::new(
        Reason::NothingFound,
        format!("there is no capability {name} in {path}"),
    );
    let names = document.entries(SECTION);
    let names = names
        .iter()
        .filter_map(|entry| crate::config::document::text_of(*entry, "name"));
    match similar::closest(name, names) {
        Some(close) => failure.fix(format!("did you mean {close}?")),
        None => failure.fix("mrpctl cap ls, or mrpctl config show --origin"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_dots_are_read() {
        let values = serde_json::json!({
            "capability.a.b:c.description": "Does it",
            "capability.a.b:c.tags": ["x", "y"],
            "capability.run.description": "",
            "capability.run.exec": ["/bin/true"],
            "hook.description.description": "no capability",
        });
        let all = configured(values.as_object().unwrap());
        let told: Vec<_> = all
            .iter()
            .map(|one| (one.name.as_str(), one.tags.len(), one.answered))
            .collect();
        assert_eq!(told, [("a.b:c", 2, false), ("run", 0, true)]);
    }
}
