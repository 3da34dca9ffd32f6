//! Bringing mail to agents' own servers (protocol A7).
//!
//! Rooms:
//! - `target`: what a webhook's URL may be. `address`: where deliveries may go, whatever a name server says.
//! - `gate`: how many at a time and how often, so that the relay is nobody's weapon and no receiver delays another's mail.
//! - `signature`, `sender`: one delivery, made and posted.
//! - `driver`: takes from the store what is due, and writes down what came of it.

mod address;
mod driver;
mod gate;
mod sender;
mod target;

use crate::config::WebhooksConfig;
use address::{Guard, LookupError, Resolver};
use gate::Gate;
use mrp_proto::message::Violation;
use sender::Sender;
use std::sync::Arc;
use target::{Target, UrlError};
use tokio::sync::Semaphore;

pub(crate) use driver::{LONGEST_END, run};

/// Lookups at a time for webhooks that are being registered. Each may hold a thread for as long as a name server likes.
const LOOKUPS: usize = 16;

/// What deliveries share.
#[derive(Debug)]
pub(crate) struct Webhooks {
    resolver: Resolver,
    gate: Gate,
    sender: Sender,
    lookups: Arc<Semaphore>,
}

/// Why a webhook cannot be registered.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TargetError {
    /// It breaks a rule.
    #[error(transparent)]
    Refused(#[from] Violation),
    /// Too many are being looked up.
    #[error("too many host names are being looked up now; try again in a second")]
    Busy,
}

impl Webhooks {
    pub(crate) fn new(config: &WebhooksConfig) -> Self {
        Self::with_resolver(config, Resolver::system())
    }

    fn with_resolver(config: &WebhooksConfig, resolver: Resolver) -> Self {
        Self {
            resolver,
            gate: Gate::new(config.limits.clone()),
            sender: Sender::new(config.limits.connect),
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
        }
    }

    /// Checks where a URL leads, now. What cannot be found out is refused; every attempt checks again.
    pub(crate) async fn check(
        &self,
        url: &str,
        config: &WebhooksConfig,
    ) -> Result<(), TargetError> {
        let target = target(url, config).map_err(|error| {
            let expected = if config.allow_http {
                "an http or https URL"
            } else {
                "an https URL"
            };
            Violation::new("url", error.to_string(), expected, error.given(url))
        })?;
        let Ok(permit) = Arc::clone(&self.lookups).try_acquire_owned() else {
            return Err(TargetError::Busy);
        };
        let guard = self.guard(config);
        let looking = guard.resolve(&target, permit);
        let found = tokio::time::timeout(config.limits.connect, looking).await;
        match found.unwrap_or(Err(LookupError::Unresolved)) {
            Ok(_) => Ok(()),
            Err(error) => Err(Violation::new(
                "url",
                error.to_string(),
                "a host whose addresses are all public",
                error.class(),
            )
            .into()),
        }
    }

    /// Judges by the configuration as it is now.
    fn guard(&self, config: &WebhooksConfig) -> Guard {
        Guard::new(config.allow_networks.clone(), self.resolver.clone())
    }
}

fn target(url: &str, config: &WebhooksConfig) -> Result<Target, UrlError> {
    let target = Target::parse(url)?;
    if target.is_encrypted() || config.allow_http {
        Ok(target)
    } else {
        Err(UrlError::NotEncrypted)
    }
}
