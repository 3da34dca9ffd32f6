//! Whether what an agent signs is bound to its relay (protocol A11): the relay is asked, the answer is remembered, and nobody can
//! talk the agent out of it afterwards.

use crate::error::Error;
use mrp_proto::relay_api::{Health, feature};
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a relay may take to say what it can do, before the agent goes on with what it knows.
const ASKING: Duration = Duration::from_secs(5);
/// When a relay that did not answer is asked again.
const AFTER_SILENCE: Duration = Duration::from_secs(60);
/// When a relay that cannot do everything is asked again: it may have learnt it.
const AFTER_ANSWER: Duration = Duration::from_secs(3600);

/// Why a relay is not spoken to where [`Binding::required`] holds.
pub(crate) const NOT_BOUND: &str =
    "the relay does not take signatures that are bound to it, and no others are allowed here";

/// Which bound signatures a relay is known to take. What a program should keep, by the relay's URL, to give it to
/// [`Binding::remembered`] when it runs again: otherwise whoever is between the two can have the first request of each run signed
/// in the published scheme, which names no relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Bindable {
    /// Requests: [`rfc9421`](feature::RFC9421).
    pub requests: bool,
    /// Sessions: [`ws-auth-2`](feature::WS_AUTH_2).
    pub sessions: bool,
}

/// What is known about one relay. Clones know the same, so a [`Relay`](crate::Relay) and a [session](crate::session) that share
/// one ask once.
#[derive(Debug, Clone, Default)]
pub struct Binding {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    policy: Policy,
    known: Mutex<Known>,
    /// Held by the one who asks; the others wait for the answer.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Policy {
    /// What the relay takes is bound.
    #[default]
    Prefer,
    /// Everything is, or nothing is said.
    Require,
    /// Nothing is.
    Never,
}

#[derive(Debug, Default, Clone, Copy)]
struct Known {
    level: Bindable,
    /// `None` before the relay was asked.
    ask_again: Option<Instant>,
}

impl Bindable {
    /// What is known from either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            requests: self.requests || other.requests,
            sessions: self.sessions || other.sessions,
        }
    }

    fn is_everything(self) -> bool {
        self.requests && self.sessions
    }
}

impl Binding {
    /// Of a relay of which so much is known from before. It is asked about the rest.
    pub fn remembered(level: Bindable) -> Self {
        let binding = Self::default();
        binding.remember(level);
        binding
    }

    /// Of a relay that is neither asked nor signed for: everything is in the published scheme.
    pub fn never() -> Self {
        let shared = Shared {
            policy: Policy::Never,
            ..Shared::default()
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Of a relay for which nothing is signed in the published scheme: one that takes no bound signatures is not spoken to.
    pub fn required() -> Self {
        let shared = Shared {
            policy: Policy::Require,
            ..Shared::default()
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Whether nothing but bound signatures is used.
    pub fn is_required(&self) -> bool {
        self.shared.policy == Policy::Require
    }

    /// What is known by now. It only ever grows.
    pub fn level(&self) -> Bindable {
        self.known().level
    }

    /// Adds what is known from elsewhere.
    pub fn remember(&self, level: Bindable) {
        if self.shared.policy != Policy::Never {
            let mut known = self.known();
            known.level = known.level.or(level);
        }
    }

    /// Takes note of what a relay says about itself.
    pub(crate) fn note(&self, health: &Health) {
        let lists = |name: &str| health.features.iter().any(|feature| feature == name);
        self.remember(Bindable {
            requests: lists(feature::RFC9421),
            sessions: lists(feature::WS_AUTH_2),
        });
        self.known().ask_again = Some(Instant::now() + AFTER_ANSWER);
    }

    /// The relay wants what it is not known to take: it is asked again before the next signature.
    pub(crate) fn doubt(&self) {
        self.known().ask_again = None;
    }

    /// What the relay takes; asks it, by `ask`, if that is not known. Without an answer it is what is remembered.
    pub(crate) async fn resolve<F>(&self, ask: impl FnOnce() -> F) -> Bindable
    where
        F: Future<Output = Result<Health, Error>>,
    {
        if let Some(level) = self.settled() {
            return level;
        }
        let _one_at_a_time = self.shared.asking.lock().await;
        if let Some(level) = self.settled() {
            return level;
        }
        if let Ok(Ok(health)) = tokio::time::timeout(ASKING, ask()).await {
            self.note(&health);
        } else {
            self.known().ask_again = Some(Instant::now() + AFTER_SILENCE);
        }
        self.level()
    }

    /// What there is to know, unless the relay should be asked.
    fn settled(&self) -> Option<Bindable> {
        let known = *self.known();
        let is_answered = known.ask_again.is_some_and(|due| Instant::now() < due);
        let is_settled =
            self.shared.policy == Policy::Never || known.level.is_everything() || is_answered;
        is_settled.then_some(known.level)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        let known = self.shared.known.lock();
        known.unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mrp_proto::relay_api::HealthStatus;
    use mrp_proto::time::Timestamp;
    use std::cell::Cell;

    const BOTH: Bindable = Bindable {
        requests: true,
        sessions: true,
    };

    fn health(features: &[&str]) -> Health {
        Health {
            status: HealthStatus::Ok,
            version: String::new(),
            timestamp: Timestamp::EPOCH,
            features: features.iter().map(ToString::to_string).collect(),
        }
    }

    async fn silence() -> Result<Health, Error> {
        Err(Error::TimedOut)
    }

    async fn never_asked() -> Result<Health, Error> {
        panic!("there was nothing to ask")
    }

    #[tokio::test(start_paused = true)]
    async fn a_relay_is_asked_once_and_believed_for_good() {
        let binding = Binding::default();
        assert_eq!(binding.level(), Bindable::default());
        let answered = async || Ok(health(&["wait", "rfc9421", "ws-auth-2"]));
        assert_eq!(binding.resolve(answered).await, BOTH);
        tokio::time::advance(10 * AFTER_ANSWER).await;
        assert_eq!(binding.clone().resolve(never_asked).await, BOTH);
        binding.note(&health(&[]));
        assert_eq!(binding.level(), BOTH, "it is not talked down");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_is_not_asked() {
        assert_eq!(Binding::remembered(BOTH).resolve(never_asked).await, BOTH);
        let sessions = Bindable {
            sessions: true,
            ..Bindable::default()
        };
        let binding = Binding::remembered(sessions);
        assert_eq!(binding.resolve(silence).await, sessions);
        tokio::time::advance(AFTER_SILENCE).await;
        let answered = async || Ok(health(&["rfc9421"]));
        assert_eq!(binding.resolve(answered).await, BOTH);
    }

    #[tokio::test(start_paused = true)]
    async fn a_relay_that_cannot_is_asked_again_after_a_while() {
        let binding = Binding::default();
        let asked = Cell::new(0);
        let answer = async || {
            asked.set(asked.get() + 1);
            Ok(health(&["wait"]))
        };
        for _ in 0..3 {
            assert_eq!(binding.resolve(answer).await, Bindable::default());
        }
        assert_eq!(asked.get(), 1);
        tokio::time::advance(AFTER_ANSWER).await;
        binding.resolve(answer).await;
        assert_eq!(asked.get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_relay_that_says_nothing_holds_nobody_up_for_long() {
        let binding = Binding::default();
        let started = Instant::now();
        let asked = binding.resolve(std::future::pending);
        let waiting = binding.resolve(never_asked);
        let levels = tokio::join!(asked, waiting);
        assert_eq!(levels, (Bindable::default(), Bindable::default()));
        assert_eq!(started.elapsed(), ASKING);
    }

    #[tokio::test(start_paused = true)]
    async fn a_relay_that_wants_more_than_it_was_known_for_is_asked_at_once() {
        let binding = Binding::default();
        binding.resolve(async || Ok(health(&["wait"]))).await;
        assert_eq!(binding.resolve(never_asked).await, Bindable::default());
        binding.doubt();
        let answered = async || Ok(health(&["rfc9421", "ws-auth-2"]));
        assert_eq!(binding.resolve(answered).await, BOTH);
    }

    #[tokio::test]
    async fn never_means_never() {
        let binding = Binding::never();
        binding.remember(BOTH);
        let level = binding.resolve(never_asked).await;
        assert_eq!(level, Bindable::default());
    }
}
