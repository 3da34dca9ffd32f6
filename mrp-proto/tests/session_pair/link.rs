//! The connection between the two machines: what is under way on it, and what its two shells still owe.

use crate::steps::{Direction, Meddling};
use mrp_proto::frame::{Auth, Send};
use mrp_proto::key::SecretKey;
use mrp_proto::session::{Moment, agent, relay};
use std::collections::{BTreeSet, VecDeque};

/// Small enough that a handful of messages fills it, and smaller than the largest frame.
pub(crate) const UNSENT_LIMIT: usize = 2000;
pub(crate) const FRAME_LIMIT: usize = 3000;
const MAX_UNSTORED: usize = 3;
pub(crate) const MAX_SENDS_IN_FLIGHT: usize = 2;

#[derive(Debug, Clone)]
pub(crate) enum Wire {
    Text(String),
    Ping,
    Pong,
    Closed,
}

/// A connection: both machines, what their shells still owe them, and what is under way.
pub(crate) struct Link {
    pub(crate) number: usize,
    pub(crate) relay: Option<relay::Session>,
    pub(crate) agent: Option<agent::Session>,
    pub(crate) to_agent: VecDeque<Wire>,
    pub(crate) to_relay: VecDeque<Wire>,
    pub(crate) unwritten: VecDeque<String>,
    /// Bytes of the first of `unwritten` that the socket has taken.
    pub(crate) taken: usize,
    pub(crate) verifying: bool,
    pub(crate) fetching: Option<usize>,
    pub(crate) position: usize,
    pub(crate) accepting: VecDeque<Send>,
    pub(crate) in_flight: BTreeSet<String>,
    pub(crate) ready: bool,
    /// A store has failed: what it was about comes with the next connection only.
    pub(crate) incomplete: bool,
}

impl Link {
    /// A connection that was just made.
    pub(crate) fn new(number: usize, now: Moment) -> Self {
        let auth = Auth {
            public_key: SecretKey::from_seed(&[1; 32]).public().to_string(),
            max_frame: Some(FRAME_LIMIT as u64),
            ..Auth::default()
        };
        let of_agent = agent::Settings {
            max_unstored: MAX_UNSTORED,
            ..agent::Settings::default()
        };
        let of_relay = relay::Settings {
            unsent_limit: UNSENT_LIMIT,
            max_sends_in_flight: MAX_SENDS_IN_FLIGHT,
            ..relay::Settings::default()
        };
        Self {
            number,
            relay: Some(relay::Session::new(now, of_relay)),
            agent: Some(agent::Session::new(now, auth, of_agent)),
            to_agent: VecDeque::new(),
            to_relay: VecDeque::new(),
            unwritten: VecDeque::new(),
            taken: 0,
            verifying: false,
            fetching: None,
            position: 0,
            accepting: VecDeque::new(),
            in_flight: BTreeSet::new(),
            ready: false,
            incomplete: false,
        }
    }

    /// The relay's socket takes so many bytes, or as many as wait. The answer is how many.
    pub(crate) fn take(&mut self, bytes: usize) -> usize {
        let waiting: usize = self.unwritten.iter().map(String::len).sum();
        let bytes = bytes.min(waiting - self.taken);
        self.taken += bytes;
        while let Some(text) = self.unwritten.front()
            && text.len() <= self.taken
            && let Some(text) = self.unwritten.pop_front()
        {
            self.taken -= text.len();
            self.to_agent.push_back(Wire::Text(text));
        }
        bytes
    }

    /// Does to the frames under way what no stream does.
    pub(crate) fn meddle(&mut self, direction: Direction, meddling: Meddling) {
        let frames = match direction {
            Direction::ToAgent => &mut self.to_agent,
            Direction::ToRelay => &mut self.to_relay,
        };
        if frames.is_empty() {
            return;
        }
        let count = frames.len();
        match meddling {
            Meddling::Drop(pick) => {
                frames.remove(pick % count);
            }
            Meddling::Double(pick) => frames.push_back(frames[pick % count].clone()),
            Meddling::Swap(one, other) => frames.swap(one % count, other % count),
        }
    }
}
