//! Agents' profiles: what a relay shows of a key, and how its owner changes that (protocol A3).

use crate::acl::InboxPolicy;
use crate::json::{MAX_DEPTH, StructureError, check_structure};
use crate::key::PublicKey;
use crate::message::{Metadata, Violation, check_length, check_metadata, null_to_default};
use crate::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// Characters of a display name, at most.
pub const MAX_DISPLAY_NAME: usize = 256;
/// Capabilities of an agent, at most.
pub const MAX_CAPABILITIES: usize = 20;
/// Tags of a capability, at most.
pub const MAX_TAGS: usize = 20;
/// Characters of a capability's name or tag: at least, at most.
pub const NAME_LENGTH: (usize, usize) = (3, 64);
/// Characters of a capability's description, at most.
pub const MAX_DESCRIPTION: usize = 1024;
/// Bytes of a capability's input schema, at most.
pub const MAX_INPUT_SCHEMA: usize = 16 << 10;

/// Who finds an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Listed by discovery.
    Public,
    /// Known only to those who know the key. The default.
    #[default]
    Private,
}

/// Whether the relay serves an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum AgentStatus {
    /// It does.
    #[default]
    Active,
    /// The operator stopped it (protocol A1.7).
    Suspended,
}

/// Something an agent can do. `name` doubles as the action of requests to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Capability {
    /// Name and action.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::name))]
    pub name: String,
    /// For people.
    #[cfg_attr(feature = "openapi", schema(max_length = 1024))]
    pub description: String,
    /// What discovery finds it by.
    #[serde(default, deserialize_with = "null_to_default")]
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::tags))]
    pub tags: Vec<String>,
    /// JSON Schema of the parameters, passed through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::input_schema))]
    pub input_schema: Option<Box<RawValue>>,
    /// The provider's own version text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 64))]
    pub version: Option<String>,
}

impl Capability {
    /// The object form of a plain-string capability, which older clients send (protocol A3.3).
    pub fn from_plain(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            description: String::new(),
            tags: vec![name.to_owned()],
            input_schema: None,
            version: None,
        }
    }

    fn check(&self, index: usize) -> Result<(), Violation> {
        let field = |name: &str| format!("capabilities[{index}].{name}");
        check_name(&field("name"), &self.name)?;
        check_length(&field("description"), &self.description, 0, MAX_DESCRIPTION)?;
        if self.tags.len() > MAX_TAGS {
            let rule = format!("must have at most {MAX_TAGS} entries");
            return Err(Violation::new(
                field("tags"),
                rule,
                MAX_TAGS,
                self.tags.len(),
            ));
        }
        for (position, tag) in self.tags.iter().enumerate() {
            check_name(&field(&format!("tags[{position}]")), tag)?;
        }
        if let Some(schema) = &self.input_schema {
            let bytes = schema.get().len();
            if bytes > MAX_INPUT_SCHEMA {
                let rule = format!("must have at most {MAX_INPUT_SCHEMA} bytes of JSON");
                return Err(Violation::new(
                    field("input_schema"),
                    rule,
                    MAX_INPUT_SCHEMA,
                    bytes,
                ));
            }
            // Its bytes bound its keys; deeper, and readers who parse it by recursion fail on the whole profile.
            if let Err(StructureError::TooDeep { limit, actual }) =
                check_structure(schema.get(), MAX_DEPTH, usize::MAX)
            {
                let rule = format!("must nest at most {limit} levels");
                return Err(Violation::new(field("input_schema"), rule, limit, actual));
            }
        }
        if let Some(version) = &self.version {
            check_length(&field("version"), version, 1, NAME_LENGTH.1)?;
        }
        Ok(())
    }
}

fn check_name(field: &str, name: &str) -> Result<(), Violation> {
    check_length(field, name, NAME_LENGTH.0, NAME_LENGTH.1)?;
    let allowed =
        |character: char| character.is_alphanumeric() || matches!(character, '_' | ':' | '.' | '-');
    if name.chars().all(allowed) {
        return Ok(());
    }
    Err(Violation::new(
        field,
        "must have only letters, digits, _ : . and -",
        "letters, digits, _ : . -",
        name,
    ))
}

/// An agent as a relay shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgentInfo {
    /// Its address.
    pub public_key: PublicKey,
    /// A name that it gave itself; proves nothing.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true, max_length = 256))]
    pub display_name: Option<String>,
    /// Whether the relay serves it.
    pub status: AgentStatus,
    /// Whether discovery lists it.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub visibility: Visibility,
    /// Whose mail it takes.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub inbox_policy: InboxPolicy,
    /// Text pairs.
    #[serde(default, deserialize_with = "null_to_default")]
    #[cfg_attr(feature = "openapi", schema(required = true, schema_with = crate::openapi::metadata))]
    pub metadata: Metadata,
    /// What it can do.
    #[serde(default, deserialize_with = "null_to_default")]
    #[cfg_attr(feature = "openapi", schema(required = true, schema_with = crate::openapi::shown_capabilities))]
    pub capabilities: Vec<Capability>,
    /// When the relay first saw a valid signature of it.
    pub created_at: Timestamp,
    /// When it was last active, to the minute.
    pub last_active_at: Timestamp,
    /// Whether the relay refuses what is signed in the published scheme; shown to the agent itself (protocol A3.8).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(feature = "openapi", schema(extensions(("x-mrp-extension" = json!(true)))))]
    pub require_bound_auth: bool,
}

/// A field of a [`ProfilePatch`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Change<T> {
    /// The field is absent: leave it.
    #[default]
    Keep,
    /// The field is `null`: back to its default.
    Clear,
    /// The field has a value: take it.
    Set(T),
}

impl<T> Change<T> {
    /// Carries the change out.
    pub fn apply(self, value: &mut T)
    where
        T: Default,
    {
        match self {
            Self::Keep => {}
            Self::Clear => *value = T::default(),
            Self::Set(new) => *value = new,
        }
    }

    /// Whether the field is left alone.
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    fn check(&self, rule: impl FnOnce(&T) -> Result<(), Violation>) -> Result<(), Violation> {
        if let Self::Set(value) = self {
            rule(value)
        } else {
            Ok(())
        }
    }
}

impl<T: Serialize> Serialize for Change<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keep | Self::Clear => serializer.serialize_none(),
            Self::Set(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

/// What the owner of a profile asks to change; unknown fields are ignored (protocol A3.2).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ProfilePatch {
    /// New display name.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, max_length = 256))]
    pub display_name: Change<String>,
    /// New visibility.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Visibility>))]
    pub visibility: Change<Visibility>,
    /// New inbox policy.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<InboxPolicy>))]
    pub inbox_policy: Change<InboxPolicy>,
    /// Replaces the whole map.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::optional_metadata))]
    pub metadata: Change<Metadata>,
    /// Replaces the whole list.
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::capability_list))]
    pub capabilities: Change<CapabilityList>,
    /// Whether the relay is to refuse what is signed in the published scheme. Taken only from a request that is bound itself
    /// (protocol A3.8).
    #[serde(skip_serializing_if = "Change::is_keep")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<bool>, extensions(("x-mrp-extension" = json!(true)))))]
    pub require_bound_auth: Change<bool>,
}

impl ProfilePatch {
    /// Holds the patch against the limits.
    ///
    /// # Errors
    /// The first [`Violation`] found.
    pub fn check(&self) -> Result<(), Violation> {
        self.display_name
            .check(|name| check_length("display_name", name, 0, MAX_DISPLAY_NAME))?;
        self.metadata.check(check_metadata)?;
        self.capabilities.check(|list| {
            if list.items.len() > MAX_CAPABILITIES {
                let rule = format!("must have at most {MAX_CAPABILITIES} entries");
                return Err(Violation::new(
                    "capabilities",
                    rule,
                    MAX_CAPABILITIES,
                    list.items.len(),
                ));
            }
            list.items
                .iter()
                .enumerate()
                .try_for_each(|(index, item)| item.check(index))
        })
    }
}

/// A list of capabilities, and whether it came in the older form (protocol A3.3).
#[derive(Debug, Clone, Default)]
pub struct CapabilityList {
    /// The capabilities, as objects.
    pub items: Vec<Capability>,
    /// Which form to answer in.
    pub form: CapabilityForm,
}

/// How capabilities are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CapabilityForm {
    /// Objects.
    #[default]
    Structured,
    /// Names alone, as clients before 0.2.8 of the published SDK expect.
    Plain,
}

impl Serialize for CapabilityList {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.form {
            CapabilityForm::Structured => self.items.serialize(serializer),
            CapabilityForm::Plain => {
                serializer.collect_seq(self.items.iter().map(|item| &item.name))
            }
        }
    }
}

impl<'de> Deserialize<'de> for CapabilityList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Untagged enums buffer, which a raw schema does not survive: each element is kept raw and read by its first byte.
        let elements = Vec::<Box<RawValue>>::deserialize(deserializer)?;
        let mut list = Self::default();
        for element in elements {
            let text = element.get();
            if text.starts_with('"') {
                let name: String = serde_json::from_str(text).map_err(serde::de::Error::custom)?;
                list.items.push(Capability::from_plain(&name));
                list.form = CapabilityForm::Plain;
            } else {
                list.items
                    .push(crate::json::from_object(text).map_err(serde::de::Error::custom)?);
            }
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(text: &str) -> ProfilePatch {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn absent_null_and_value_are_three_things() {
        let mut name = "old".to_owned();
        patch("{}").display_name.apply(&mut name);
        assert_eq!(name, "old");
        patch(r#"{"display_name":"new","unknown":1}"#)
            .display_name
            .apply(&mut name);
        assert_eq!(name, "new");
        patch(r#"{"display_name":null}"#)
            .display_name
            .apply(&mut name);
        assert_eq!(name, "");
        assert_eq!(
            serde_json::to_string(&patch(r#"{"display_name":null}"#)).unwrap(),
            r#"{"display_name":null}"#
        );
    }

    #[test]
    fn a_capability_is_no_list_of_its_fields() {
        let listed = r#"{"capabilities":[["text:x","d"]]}"#;
        assert!(serde_json::from_str::<ProfilePatch>(listed).is_err());
    }

    #[test]
    fn both_forms_of_capabilities_are_read() {
        let Change::Set(list) = patch(r#"{"capabilities":["translate"]}"#).capabilities else {
            panic!()
        };
        assert_eq!(list.form, CapabilityForm::Plain);
        assert_eq!(list.items[0].tags, ["translate"]);
        let structured =
            r#"{"capabilities":[{"name":"text:x","description":"d","input_schema":{"a": 1.0}}]}"#;
        let Change::Set(list) = patch(structured).capabilities else {
            panic!()
        };
        assert_eq!(list.form, CapabilityForm::Structured);
        assert_eq!(
            list.items[0].input_schema.as_ref().unwrap().get(),
            r#"{"a": 1.0}"#
        );
        assert!(
            serde_json::from_str::<ProfilePatch>(r#"{"capabilities":[{"name":"no-description"}]}"#)
                .is_err()
        );
    }

    #[test]
    fn limits_name_the_field() {
        let violated = |text: &str| patch(text).check().unwrap_err().to_string();
        assert_eq!(
            violated(r#"{"capabilities":["ab"]}"#),
            "capabilities[0].name: must have 3 to 64 characters (given: 2)"
        );
        assert!(violated(r#"{"capabilities":["a b c"]}"#).contains("only letters, digits"));
        let name = "n".repeat(257);
        assert_eq!(
            violated(&format!(r#"{{"display_name":"{name}"}}"#)),
            "display_name: must have 0 to 256 characters (given: 257)"
        );
        assert!(
            patch(&format!(r#"{{"display_name":"{}"}}"#, &name[..256]))
                .check()
                .is_ok()
        );
    }
}
