//! `[[capability]]`: what an agent says that it can do.

use super::{groups, hook, program};
use crate::audience::{Audience, Groups};
use crate::config::reader::Reader;
use crate::config::{HasName, Named};
use crate::expression::{Condition, MESSAGE_FIELDS};
use crate::hooks::program::Input;
use crate::hooks::{Filter, Hook, ReplyForm, Retry};
use mrp_proto::agent::{self, CapabilityList, Change, MAX_INPUT_SCHEMA, ProfilePatch};
use mrpd_api::message::Kind;
use mrpd_api::paths::Paths;
use serde_json::value::RawValue;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Requests of different senders that are answered at the same time where nothing is written.
const CONCURRENCY: u64 = 4;
/// What becomes of a request that can be answered later where nothing is written: somebody waits for the answer.
const RETRY: Retry = Retry {
    max_attempts: 3,
    min: Duration::from_secs(1),
    max: Duration::from_secs(10),
};

/// `[[capability]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// Its name, and the action of requests for it.
    pub name: String,
    /// The agent that has it; all of them where absent.
    pub agent: Option<String>,
    /// For people.
    pub description: String,
    /// What discovery finds it by.
    pub tags: Vec<String>,
    /// The provider's own version text.
    pub version: Option<String>,
    /// JSON Schema of the parameters, as text.
    pub schema: Option<Arc<str>>,
    /// What answers requests for it; somebody else does, where absent.
    pub handler: Option<Hook>,
}

impl Capability {
    /// As it is written in a profile.
    pub fn advertised(&self) -> agent::Capability {
        let schema = self.schema.as_deref().map(str::to_owned);
        agent::Capability {
            name: self.name.clone(),
            description: self.description.clone(),
            tags: self.tags.clone(),
            input_schema: schema.and_then(|text| RawValue::from_string(text).ok()),
            version: self.version.clone(),
        }
    }
}

impl HasName for Capability {
    fn name(&self) -> &str {
        &self.name
    }
}

/// Reads a capability.
pub(super) fn read(
    mut reader: Reader<'_>,
    name: &str,
    groups: &Groups,
    agents: &[String],
    defaults: &hook::Defaults,
    paths: &Paths,
) -> Option<Capability> {
    let agent = super::agent::named(&mut reader, agents);
    let handler = read_handler(&mut reader, name, agent.clone(), groups, defaults, paths);
    let capability = Capability {
        name: name.to_owned(),
        agent,
        handler,
        description: reader.text_or("description", ""),
        tags: reader.texts("tags").unwrap_or_default(),
        version: reader.text("version"),
        schema: read_schema(&mut reader, paths),
    };
    let items = vec![capability.advertised()];
    let patch = ProfilePatch {
        capabilities: Change::Set(CapabilityList {
            items,
            ..CapabilityList::default()
        }),
        ..ProfilePatch::default()
    };
    if let Err(violation) = patch.check() {
        reader.wrong("name", violation.to_string());
    }
    reader.finish();
    Some(capability)
}

/// Reads what answers requests: a hook that is for this action alone. Without `exec` and `shell` the capability is only told of.
fn read_handler(
    reader: &mut Reader<'_>,
    name: &str,
    agent: Option<String>,
    groups: &Groups,
    defaults: &hook::Defaults,
    paths: &Paths,
) -> Option<Hook> {
    let mut from = groups::audience(reader, "allow", groups).unwrap_or_else(Audience::known);
    if reader.switch("unverified", false) {
        from = from.accepting_unverified();
    }
    if reader.has("notify") {
        reader.wrong("notify", "answers nothing; write exec or shell");
        return None;
    }
    if !["exec", "shell"].iter().any(|key| reader.has(key)) {
        return None;
    }
    let program = program::read(reader, &defaults.program, Input::Body, paths);
    let concurrency = reader.count("concurrency", CONCURRENCY, 1..=64);
    let retry = hook::read_retry(reader, RETRY);
    // A name has no character that would end the text.
    let condition = Condition::parse(&format!("body.action == \"{name}\""), MESSAGE_FIELDS);
    Some(Hook {
        name: handler_name(name),
        filter: Filter {
            agent,
            from,
            kinds: Some(vec![Kind::Request]),
            types: None,
            threads: None,
            condition: condition.ok(),
        },
        program: program?,
        reply: ReplyForm::Response,
        concurrency: usize::try_from(concurrency).unwrap_or(1),
        rate: None,
        debounce: None,
        batch: 1,
        retry,
    })
}

/// Handlers are run as hooks are, before all others: somebody waits for the answer. No hook's own name has a colon.
pub(super) fn add_handlers(capabilities: &Named<Capability>, hooks: &mut Named<Hook>) {
    let handlers = capabilities.items.iter();
    let handlers: Vec<Hook> = handlers
        .filter_map(|capability| capability.handler.clone())
        .collect();
    hooks.items.splice(0..0, handlers);
    let refused = capabilities.refused.iter();
    hooks.refused.extend(refused.map(|name| handler_name(name)));
}

fn handler_name(name: &str) -> String {
    format!("capability:{name}")
}

/// The content of the file that `schema` names.
fn read_schema(reader: &mut Reader<'_>, paths: &Paths) -> Option<Arc<str>> {
    let path = paths.expand(Path::new(&reader.text("schema")?));
    let limit = u64::try_from(MAX_INPUT_SCHEMA)
        .unwrap_or(u64::MAX)
        .saturating_mul(4);
    let mut text = String::new();
    let read = std::fs::File::open(&path)
        .and_then(|file| file.take(limit).read_to_string(&mut text).map(drop));
    if let Err(error) = read {
        reader.wrong(
            "schema",
            format!("{} cannot be read: {error}", path.display()),
        );
        return None;
    }
    let compact = serde_json::from_str::<serde_json::Value>(&text)
        .ok()
        .filter(serde_json::Value::is_object)
        .and_then(|schema| serde_json::to_string(&schema).ok());
    if compact.is_none() {
        let what = format!("{} is no JSON object", path.display());
        reader.wrong("schema", what);
    }
    compact.map(Arc::from)
}
