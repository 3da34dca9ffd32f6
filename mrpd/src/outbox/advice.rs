//! What is known about whether a recipient can open what is sealed. It never holds up a send for long, and never makes one fail.

use crate::store::Store;
use mrp_client::Relay;
use mrp_proto::key::PublicKey;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The profile's entry that says that its owner opens sealed messages.
pub(crate) const E2E: &str = "e2e";
/// Its value.
pub(crate) const E2E_VERSION: &str = "2";
/// How long a relay may take to show a profile.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a profile is believed.
const FRESH: Duration = Duration::from_secs(3600);
/// Profiles that are kept, and keys.
const KEPT: usize = 1024;

/// What a profile says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Knowledge {
    opens: bool,
    lists_capabilities: bool,
}

/// Profiles that were asked for.
#[derive(Debug, Default)]
pub(super) struct Advice {
    known: Mutex<HashMap<PublicKey, (Instant, Knowledge)>>,
    /// Some of those of whom the store says that they seal, which it never takes back: each send would ask it.
    sealers: Mutex<HashSet<PublicKey>>,
}

impl Advice {
    /// One line for the sender of a sealed message, if its recipient looks like a program that cannot open it.
    pub(super) async fn warning(
        &self,
        store: &Store,
        relay: &Relay,
        recipient: PublicKey,
    ) -> Option<String> {
        if self.is_sealer(store, recipient).await {
            return None;
        }
        let known = self.ask(relay, recipient).await?;
        if known.opens {
            // Kept for ever; that it was not kept is found out next time.
            let _ = store.remember_sealer(recipient.to_string()).await;
        }
        (known.lists_capabilities && !known.opens).then(|| {
            format!(
                "{} lists capabilities but does not say that it can open encrypted messages; if it does not answer, send with --plain",
                recipient.short()
            )
        })
    }

    /// Whether to seal for somebody where that depends on them. Who was ever seen sealing, or saying so, stays one who does; and
    /// where nobody can be asked, sealing is the safe side.
    pub(super) async fn opens(&self, store: &Store, relay: &Relay, recipient: PublicKey) -> bool {
        if self.is_sealer(store, recipient).await {
            return true;
        }
        match self.ask(relay, recipient).await {
            Some(Knowledge { opens: true, .. }) => {
                let _ = store.remember_sealer(recipient.to_string()).await;
                true
            }
            Some(Knowledge { opens: false, .. }) => false,
            None => true,
        }
    }

    async fn is_sealer(&self, store: &Store, key: PublicKey) -> bool {
        let sealers = || self.sealers.lock().unwrap_or_else(PoisonError::into_inner);
        if sealers().contains(&key) {
            return true;
        }
        let Ok(true) = store.is_sealer(key.to_string()).await else {
            return false;
        };
        let mut sealers = sealers();
        if sealers.len() >= KEPT {
            sealers.clear();
        }
        sealers.insert(key);
        true
    }

    async fn ask(&self, relay: &Relay, key: PublicKey) -> Option<Knowledge> {
        let kept = self
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .copied();
        if let Some((since, knowledge)) = kept
            && since.elapsed() < FRESH
        {
            return Some(knowledge);
        }
        let answer = tokio::time::timeout(PATIENCE, relay.agent(&key)).await;
        let knowledge = match answer {
            Ok(Ok(profile)) => Knowledge {
                opens: profile.metadata.contains_key(E2E),
                lists_capabilities: !profile.capabilities.is_empty(),
            },
            // A key that the relay has never seen says nothing about itself.
            Ok(Err(error)) if error.code() == Some(mrp_proto::code::Code::AgentNotFound) => {
                Knowledge {
                    opens: false,
                    lists_capabilities: false,
                }
            }
            _ => return None,
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(key, (Instant::now(), knowledge));
        Some(knowledge)
    }
}
