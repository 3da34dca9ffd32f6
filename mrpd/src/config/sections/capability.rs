//! `[[capability]]`: what an agent says that it can do.

use crate::config::HasName;
use crate::config::reader::Reader;
use mrp_proto::agent::{self, CapabilityList, Change, MAX_INPUT_SCHEMA, ProfilePatch};
use mrpd_api::paths::Paths;
use serde_json::value::RawValue;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

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
pub(super) fn read(mut reader: Reader<'_>, name: &str, paths: &Paths) -> Option<Capability> {
    let capability = Capability {
        name: name.to_owned(),
        agent: reader.text("agent"),
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
    reader.unsupported(&["allow", "exec", "shell", "stdin", "timeout"]);
    reader.finish();
    Some(capability)
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
