//! The configuration of the local identity that is meant, in the user's own file. What the daemon tells relays stands there, so a
//! change that is to last is made there: what that file says goes before what drop-ins say.

use super::tooling::config::put_in_force;
use crate::config::document::{Document, text_of};
use crate::context::Context;
use crate::exit::{Failure, Reason};
use toml_edit::{TableLike, Value};

/// The file, to be changed, and whose entry is meant.
#[derive(Debug)]
pub(crate) struct OwnConfig {
    pub(crate) document: Document,
    pub(crate) agent: String,
}

impl OwnConfig {
    /// Of the identity that `--agent` names, else of the default one.
    pub(crate) async fn load(context: &Context) -> Result<Self, Failure> {
        let document = Document::edit(&context.config_file()).await?;
        let named = context.global.agent.as_deref();
        let agent = named
            .or_else(|| document.string(&["default_agent"]))
            .or_else(|| text_of(*document.entries("agent").first()?, "name"))
            .map(str::to_owned)
            .ok_or_else(|| {
                let message = format!("{} has no [[agent]]", document.path().display());
                Failure::new(Reason::Config, message).fix("mrpctl init --name NAME")
            })?;
        Ok(Self { document, agent })
    }

    /// Of an identity that the daemon has. Where another file configures it, this one gets an entry that says more about it.
    pub(crate) async fn of(context: &Context, agent: String) -> Result<Self, Failure> {
        let mut document = Document::edit(&context.config_file()).await?;
        document.adopt("agent", &agent);
        Ok(Self { document, agent })
    }

    /// The entry `[[agent]]`.
    pub(crate) fn entry(&mut self) -> Result<&mut dyn TableLike, Failure> {
        let Self { document, agent } = self;
        let path = document.path().display().to_string();
        document.entry_mut("agent", agent).ok_or_else(|| {
            Failure::new(
                Reason::Config,
                format!("{path} has no [[agent]] of the name {agent}"),
            )
            .fix("mrpctl config show --origin says where it is configured")
        })
    }

    /// Sets a value of the entry; what stands beside it in the file stays.
    pub(crate) fn set(&mut self, key: &str, value: impl Into<Value>) -> Result<(), Failure> {
        let mut value = value.into();
        let entry = self.entry()?;
        if let Some(before) = entry.get(key).and_then(toml_edit::Item::as_value) {
            *value.decor_mut() = before.decor().clone();
        }
        entry.insert(key, toml_edit::Item::Value(value));
        Ok(())
    }

    /// Writes the file if nothing is wrong with it, and has the daemon read it.
    pub(crate) async fn put_in_force(&mut self, context: &Context) -> Result<(), Failure> {
        put_in_force(context, &mut self.document).await
    }
}
