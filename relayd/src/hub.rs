//! Who is connected: wakes those who wait for mail, and decides which of an agent's sockets pushes which message.
//!
//! A wake-up is a hint and may be lost with the process: what is delivered is always read from the store. The hub holds no
//! message, only which ones are in flight (pushed, not yet acked) at which session.

mod members;
mod signal;

use crate::store::Sequence;
use members::{Members, Name};
use mrp_proto::key::PublicKey;
use signal::Signal;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::future::poll_fn;
use std::hash::BuildHasher as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

pub(crate) use members::{Claim, Scan};
pub(crate) use signal::Call;

/// The connected agents. Cheap to clone; all clones are one hub.
#[derive(Clone)]
pub(crate) struct Hub(Arc<Registry>);

struct Registry {
    state: Mutex<State>,
    /// Keys the hash that spreads senders over sockets, so that nobody can choose a key for where it lands.
    spread: RandomState,
}

#[derive(Default)]
struct State {
    agents: HashMap<PublicKey, Agent>,
    names: u64,
}

#[derive(Default)]
struct Agent {
    members: Members,
    listeners: Vec<Listener>,
}

/// A task that is no session of the agent but wants to know about it.
struct Listener {
    name: Name,
    interest: Interest,
    signal: Arc<Signal>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Interest {
    /// New mail: a poll that waits.
    Mail,
    /// A session that ended or answered a probe: a connection that would be one too many.
    Places,
}

/// All places are taken by sessions that are alive (protocol A8.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this agent has {limit} connections already, which is as many as it may have")]
pub(crate) struct TooManyConnections {
    /// Connections allowed.
    pub(crate) limit: usize,
}

impl Hub {
    /// A hub without connections.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Registry {
            state: Mutex::default(),
            spread: RandomState::new(),
        }))
    }

    /// Says that `recipient` may have new mail, up to `sequence`.
    pub(crate) fn wake(&self, recipient: &PublicKey, sequence: Sequence) {
        let state = self.0.lock();
        let Some(agent) = state.agents.get(recipient) else {
            return;
        };
        agent.members.wake(sequence);
        agent.tell(Interest::Mail);
    }

    /// Begins to listen for mail. Subscribe first, then look into the store, then wait: what arrives between is not missed.
    pub(crate) fn subscribe(&self, recipient: &PublicKey) -> Waiter {
        self.listen(recipient, Interest::Mail)
    }

    /// Notes that a message was marked delivered, on whatever way, so that no session has it in flight any more.
    pub(crate) fn settle(&self, recipient: &PublicKey, sequence: Sequence) {
        if let Some(agent) = self.0.lock().agents.get_mut(recipient) {
            agent.members.settle(sequence);
        }
    }

    /// Ends the sessions of an agent that was deleted or suspended, and has those who wait for its mail look again.
    pub(crate) fn revoke(&self, agent: &PublicKey) {
        if let Some(agent) = self.0.lock().agents.get(agent) {
            agent.members.call_all(Call::Revoked);
            agent.tell(Interest::Mail);
        }
    }

    /// For how long an agent has been connected without a break, if it is.
    pub(crate) fn connected_for(&self, agent: &PublicKey) -> Option<Duration> {
        let state = self.0.lock();
        state.agents.get(agent)?.members.present_for()
    }

    /// How many authenticated connections there are.
    pub(crate) fn sockets(&self) -> usize {
        let state = self.0.lock();
        state.agents.values().map(|agent| agent.members.len()).sum()
    }

    /// How many of them are an agent's.
    pub(crate) fn sockets_of(&self, agent: &PublicKey) -> usize {
        self.0.with(agent, |agent| agent.members.len())
    }

    /// Gives a session its place among its agent's `limit` (0: as many as there are). Where all are taken, the older sessions
    /// are told to probe their peers; one that hears nothing ends and leaves its place. That is waited for as long as
    /// `patience`, but not longer than until all have answered.
    pub(crate) async fn admit(
        &self,
        agent: PublicKey,
        limit: usize,
        patience: Duration,
    ) -> Result<Attachment, TooManyConnections> {
        if let Some(attachment) = self.attach(agent, limit) {
            return Ok(attachment);
        }
        // Listening begins before the next look, so that a place which becomes free in between is not missed.
        let mut places = self.listen(&agent, Interest::Places);
        let asked = self.0.with(&agent, |agent| agent.members.probe());
        let place = async {
            loop {
                if let Some(attachment) = self.attach(agent, limit) {
                    return Some(attachment);
                }
                if self.0.with(&agent, |agent| agent.members.answered(&asked)) {
                    return None;
                }
                places.wait().await;
            }
        };
        let found = tokio::time::timeout(patience, place).await;
        found.ok().flatten().ok_or(TooManyConnections { limit })
    }

    fn attach(&self, key: PublicKey, limit: usize) -> Option<Attachment> {
        let mut state = self.0.lock();
        state.names += 1;
        let name = Name(state.names);
        let agent = state.agents.entry(key).or_default();
        if limit != 0 && agent.members.len() >= limit {
            return None;
        }
        let signal = Arc::new(Signal::default());
        agent.members.join(name, signal.clone());
        drop(state);
        Some(Attachment {
            hub: self.clone(),
            key,
            name,
            signal,
        })
    }

    fn listen(&self, key: &PublicKey, interest: Interest) -> Waiter {
        let signal = Arc::new(Signal::default());
        let mut state = self.0.lock();
        state.names += 1;
        let name = Name(state.names);
        let agent = state.agents.entry(*key).or_default();
        agent.listeners.push(Listener {
            name,
            interest,
            signal: signal.clone(),
        });
        drop(state);
        Waiter {
            hub: self.clone(),
            key: *key,
            name,
            signal,
        }
    }
}

impl Registry {
    /// A panic elsewhere leaves no half-made state behind: every change here is complete before the lock is given back.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `change` on an agent's state; the default of the result where nobody of it is here.
    fn with<T: Default>(&self, key: &PublicKey, change: impl FnOnce(&mut Agent) -> T) -> T {
        self.lock()
            .agents
            .get_mut(key)
            .map_or_else(T::default, change)
    }

    /// Takes something off an agent's state, and the state away with the last that was in it.
    fn leave(&self, key: &PublicKey, change: impl FnOnce(&mut Agent)) {
        let mut state = self.lock();
        let Some(agent) = state.agents.get_mut(key) else {
            return;
        };
        change(agent);
        if agent.members.len() == 0 && agent.listeners.is_empty() {
            state.agents.remove(key);
        }
    }
}

impl Agent {
    fn tell(&self, interest: Interest) {
        for listener in &self.listeners {
            if listener.interest == interest {
                listener.signal.raise(Call::Mail);
            }
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Hub")
            .field("sockets", &self.sockets())
            .finish()
    }
}

/// Waits for mail of one agent without being a session of it. Dropping it ends the listening.
#[derive(Debug)]
pub(crate) struct Waiter {
    hub: Hub,
    key: PublicKey,
    name: Name,
    signal: Arc<Signal>,
}

impl Waiter {
    /// Returns when something happened since the last return, or since the subscription.
    pub(crate) async fn wait(&mut self) {
        poll_fn(|context| self.signal.poll(context)).await;
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.hub.0.leave(&self.key, |agent| {
            agent
                .listeners
                .retain(|listener| listener.name != self.name);
        });
    }
}

/// A session's place in the hub. Dropping it gives the place up: what was in flight here goes to the agent's other session.
#[derive(Debug)]
pub(crate) struct Attachment {
    hub: Hub,
    key: PublicKey,
    name: Name,
    signal: Arc<Signal>,
}

impl Attachment {
    /// Whose session this is.
    pub(crate) fn key(&self) -> PublicKey {
        self.key
    }

    /// The next thing that the hub has to tell this session.
    pub(crate) fn poll_call(&self, context: &Context<'_>) -> Poll<Call> {
        self.signal.poll(context)
    }

    /// Where to read on in the stored inbox.
    pub(crate) fn scan(&self) -> Scan {
        self.hub
            .0
            .with(&self.key, |agent| agent.members.scan(self.name))
    }

    /// Which of the messages that `scan` found are this session's to push.
    ///
    /// `found` are sequence and sender of all queued messages from the scan's position on, in order, without a gap.
    pub(crate) fn claim(&self, scan: Scan, found: &[(Sequence, PublicKey)]) -> Claim {
        let spread = &self.hub.0.spread;
        let tag = |sender: &PublicKey| members::Tag(spread.hash_one(sender.as_bytes()));
        let found = found
            .iter()
            .map(|(sequence, sender)| (*sequence, tag(sender)));
        self.hub.0.with(&self.key, |agent| {
            agent.members.claim(self.name, scan, found)
        })
    }

    /// Says that the peer was heard after [`Call::Probe`].
    pub(crate) fn answer_probe(&self) {
        self.hub.0.with(&self.key, |agent| {
            agent.members.answer(self.name);
            agent.tell(Interest::Places);
        });
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.hub.0.leave(&self.key, |agent| {
            agent.members.leave(self.name);
            agent.tell(Interest::Places);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mrp_proto::key::SecretKey;
    use std::future::Future;
    use std::pin::pin;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn agent(seed: u8) -> PublicKey {
        SecretKey::from_seed(&[seed; 32]).public()
    }

    async fn call(attachment: &Attachment) -> Call {
        poll_fn(|context| attachment.poll_call(context)).await
    }

    fn is_quiet(attachment: &Attachment) -> bool {
        let context = Context::from_waker(futures_util::task::noop_waker_ref());
        attachment.poll_call(&context).is_pending()
    }

    #[tokio::test]
    async fn mail_wakes_its_recipient_and_nobody_else() {
        let hub = Hub::new();
        let first = hub.admit(agent(1), 2, PATIENCE).await.unwrap();
        let other = hub.admit(agent(2), 2, PATIENCE).await.unwrap();
        let mut waiter = hub.subscribe(&agent(1));
        hub.wake(&agent(1), Sequence(1));
        assert_eq!(call(&first).await, Call::Mail);
        waiter.wait().await;
        assert!(is_quiet(&other));
        assert!(is_quiet(&first));
    }

    #[tokio::test]
    async fn a_waiter_does_not_miss_what_came_before_it_waited() {
        let hub = Hub::new();
        let mut waiter = hub.subscribe(&agent(1));
        hub.wake(&agent(1), Sequence(1));
        waiter.wait().await;
        let mut again = pin!(waiter.wait());
        let mut context = Context::from_waker(futures_util::task::noop_waker_ref());
        assert!(again.as_mut().poll(&mut context).is_pending());
    }

    #[tokio::test]
    async fn revoking_reaches_every_socket_of_the_agent() {
        let hub = Hub::new();
        let first = hub.admit(agent(1), 2, PATIENCE).await.unwrap();
        let second = hub.admit(agent(1), 2, PATIENCE).await.unwrap();
        hub.revoke(&agent(1));
        assert_eq!(call(&first).await, Call::Revoked);
        assert_eq!(call(&second).await, Call::Revoked);
    }

    #[tokio::test]
    async fn nothing_is_kept_of_those_who_left() {
        let hub = Hub::new();
        let attachment = hub.admit(agent(1), 2, PATIENCE).await.unwrap();
        let waiter = hub.subscribe(&agent(1));
        assert_eq!(hub.sockets(), 1);
        drop(attachment);
        assert_eq!(hub.sockets(), 0);
        drop(waiter);
        assert!(hub.0.lock().agents.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn one_too_many_is_refused_when_all_have_answered_the_probe() {
        let hub = Hub::new();
        let first = hub.admit(agent(1), 2, PATIENCE).await.unwrap();
        let second = hub.admit(agent(1), 2, PATIENCE).await.unwrap();
        let started = tokio::time::Instant::now();
        let answers = async {
            assert_eq!(call(&first).await, Call::Probe);
            assert_eq!(call(&second).await, Call::Probe);
            first.answer_probe();
            second.answer_probe();
        };
        let (refused, ()) = tokio::join!(hub.admit(agent(1), 2, PATIENCE), answers);
        assert_eq!(refused.unwrap_err(), TooManyConnections { limit: 2 });
        assert_eq!(started.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_becomes_free_is_taken() {
        let hub = Hub::new();
        let first = hub.admit(agent(1), 2, PATIENCE).await.unwrap();
        let silent = hub.admit(agent(1), 2, PATIENCE).await.unwrap();
        let ends = async {
            first.answer_probe();
            tokio::time::sleep(Duration::from_secs(4)).await;
            drop(silent);
        };
        let (admitted, ()) = tokio::join!(hub.admit(agent(1), 2, PATIENCE), ends);
        assert!(admitted.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends() {
        let hub = Hub::new();
        let _first = hub.admit(agent(1), 1, PATIENCE).await.unwrap();
        let started = tokio::time::Instant::now();
        let refused = hub.admit(agent(1), 1, PATIENCE).await;
        assert_eq!(refused.unwrap_err(), TooManyConnections { limit: 1 });
        assert_eq!(started.elapsed(), PATIENCE);
        assert!(
            hub.admit(agent(1), 0, PATIENCE).await.is_ok(),
            "0 is no limit"
        );
    }
}
