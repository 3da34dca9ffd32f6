//! What is going on, for those who ask: how the sessions stand, and what needs a person's attention.

use crate::clock;
use crate::events::Events;
use mrp_proto::time::Timestamp;
use mrpd_api::body::{Session, SessionState, Transport};
use mrpd_api::event::Event;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The board. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Board {
    posted: Arc<Mutex<Posted>>,
    changed: watch::Sender<()>,
    events: Events,
}

#[derive(Debug, Default)]
struct Posted {
    sessions: BTreeMap<(String, String), Session>,
    warnings: BTreeMap<String, Vec<String>>,
}

/// Why a session is down, and when it is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Down {
    /// Why.
    pub reason: String,
    /// When it is tried again.
    pub retry_at: Option<Timestamp>,
}

/// How a session stands.
enum Standing {
    Connecting,
    Up(Transport),
    Down(Down),
}

impl Board {
    /// A board that tells of changes.
    pub fn new(events: Events) -> Self {
        Self {
            posted: Arc::default(),
            changed: watch::Sender::default(),
            events,
        }
    }

    /// A session is being made.
    pub fn connecting(&self, agent: &str, relay: &str) {
        self.post(agent, relay, Standing::Connecting);
    }

    /// A session is up.
    pub fn up(&self, agent: &str, relay: &str, transport: Transport) {
        self.post(agent, relay, Standing::Up(transport));
    }

    /// A session is down.
    pub fn down(&self, agent: &str, relay: &str, down: Down) {
        self.post(agent, relay, Standing::Down(down));
    }

    /// There is no such session any more.
    pub fn remove(&self, agent: &str, relay: &str) {
        let key = (agent.to_owned(), relay.to_owned());
        self.posted().sessions.remove(&key);
        self.changed.send_replace(());
    }

    /// All sessions, by agent and relay.
    pub fn sessions(&self) -> Vec<Session> {
        self.posted().sessions.values().cloned().collect()
    }

    /// Tells that something has changed.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Replaces what there is to say about a subject; nothing, where the list is empty.
    pub fn warn(&self, subject: &str, sentences: Vec<String>) {
        let mut posted = self.posted();
        if sentences.is_empty() {
            posted.warnings.remove(subject);
        } else {
            posted.warnings.insert(subject.to_owned(), sentences);
        }
        drop(posted);
        self.changed.send_replace(());
    }

    /// All that was warned of.
    pub fn warnings(&self) -> Vec<String> {
        self.posted().warnings.values().flatten().cloned().collect()
    }

    fn post(&self, agent: &str, relay: &str, standing: Standing) {
        let (state, transport, down) = match standing {
            Standing::Connecting => (SessionState::Connecting, None, None),
            Standing::Up(transport) => (SessionState::Up, Some(transport), None),
            Standing::Down(down) => (SessionState::Down, None, Some(down)),
        };
        let key = (agent.to_owned(), relay.to_owned());
        let mut posted = self.posted();
        let known = posted.sessions.get(&key);
        let since = known
            .filter(|known| known.state == state)
            .map_or_else(clock::now, |known| known.since);
        let session = Session {
            agent: key.0.clone(),
            relay: key.1.clone(),
            state,
            transport,
            since,
            reason: down.as_ref().map(|down| down.reason.clone()),
            retry_at: down.and_then(|down| down.retry_at),
        };
        let before = posted.sessions.insert(key, session.clone());
        drop(posted);
        self.changed.send_replace(());
        let shown = |session: &Session| (session.state, session.transport);
        if before.is_none_or(|before| shown(&before) != shown(&session)) {
            self.events.tell(Event::Session(session));
        }
    }

    fn posted(&self) -> MutexGuard<'_, Posted> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_keeps_the_time_of_its_state() {
        let board = Board::default();
        let down = |reason: &str| Down {
            reason: reason.to_owned(),
            retry_at: None,
        };
        board.down("a", "r", down("first"));
        let first = board.sessions()[0].clone();
        board.down("a", "r", down("second"));
        let second = board.sessions()[0].clone();
        assert_eq!(first.since, second.since);
        assert_eq!(second.reason.as_deref(), Some("second"));
        board.up("a", "r", Transport::Poll);
        let up = board.sessions()[0].clone();
        assert_eq!((up.reason, up.transport), (None, Some(Transport::Poll)));
        board.up("a", "r", Transport::Ws);
        assert_eq!(board.sessions()[0].since, up.since);
        board.remove("a", "r");
        assert!(board.sessions().is_empty());
    }

    #[test]
    fn a_subject_is_replaced_as_a_whole() {
        let board = Board::default();
        board.warn("b", vec!["two".to_owned(), "three".to_owned()]);
        board.warn("a", vec!["one".to_owned()]);
        assert_eq!(board.warnings(), ["one", "two", "three"]);
        board.warn("b", Vec::new());
        assert_eq!(board.warnings(), ["one"]);
    }
}
