//! The rules of [`super`], held against a model of the store and of up to three sessions under arbitrary schedules.

use super::*;
use futures_util::task::noop_waker_ref;
use proptest::prelude::*;
use std::task::{Context, Poll};

const SENDERS: u64 = 5;

/// A message in the model's store.
#[derive(Debug)]
struct Queued {
    sender: Tag,
    /// Marked delivered; the second says that the hub was told.
    gone: Option<bool>,
    handed_out: bool,
}

/// A session as its shell would run it.
#[derive(Debug)]
struct Session {
    name: Name,
    signal: Arc<Signal>,
    wants_mail: bool,
    reading: Option<(Scan, Vec<(Sequence, Tag)>)>,
    pushed: Vec<Sequence>,
}

#[derive(Debug, Default)]
struct Model {
    members: Members,
    /// Sequence 1 is the first.
    store: Vec<Queued>,
    hinted: usize,
    sessions: Vec<Session>,
    names: u64,
}

#[derive(Debug, Clone)]
enum Step {
    Join,
    Leave(usize),
    Send(u64),
    Hint,
    Read(usize, usize),
    Claim(usize),
    Ack(usize),
    Poll(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let index = 0_usize..8;
    prop_oneof![
        2 => Just(Step::Join),
        1 => index.clone().prop_map(Step::Leave),
        6 => (0..SENDERS).prop_map(Step::Send),
        4 => Just(Step::Hint),
        8 => (index.clone(), 1_usize..4).prop_map(|(session, most)| Step::Read(session, most)),
        8 => index.clone().prop_map(Step::Claim),
        4 => (0_usize..32).prop_map(Step::Ack),
        1 => (0_usize..32).prop_map(Step::Poll),
    ]
}

impl Model {
    fn message(&mut self, sequence: Sequence) -> &mut Queued {
        &mut self.store[usize::try_from(sequence.0).unwrap() - 1]
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Join if self.sessions.len() < 3 => self.join(),
            Step::Leave(index) if index < self.sessions.len() => {
                let session = self.sessions.remove(index);
                self.members.leave(session.name);
            }
            Step::Send(sender) => self.store.push(Queued {
                sender: Tag(sender),
                gone: None,
                handed_out: false,
            }),
            Step::Hint => self.hint(),
            Step::Read(index, most) if index < self.sessions.len() => self.read(index, most),
            Step::Claim(index) if index < self.sessions.len() => self.claim(index),
            Step::Ack(index) if index < self.store.len() && self.store[index].handed_out => {
                self.store[index].gone = Some(true);
                self.members.settle(Sequence(index as u64 + 1));
            }
            Step::Poll(index) if index < self.store.len() => {
                self.store[index].gone.get_or_insert(false);
            }
            _ => {}
        }
        self.hear();
    }

    fn join(&mut self) {
        self.names += 1;
        let (name, signal) = (Name(self.names), Arc::new(Signal::default()));
        self.members.join(name, signal.clone());
        self.sessions.push(Session {
            name,
            signal,
            wants_mail: true,
            reading: None,
            pushed: Vec::new(),
        });
    }

    fn hint(&mut self) {
        if self.hinted < self.store.len() {
            self.hinted += 1;
            self.members.wake(Sequence(self.hinted as u64));
        }
    }

    fn hear(&mut self) {
        let context = Context::from_waker(noop_waker_ref());
        for session in &mut self.sessions {
            while let Poll::Ready(call) = session.signal.poll(&context) {
                session.wants_mail |= call == Call::Mail;
            }
        }
    }

    fn read(&mut self, index: usize, most: usize) {
        let session = &mut self.sessions[index];
        if session.reading.is_some() || !std::mem::take(&mut session.wants_mail) {
            return;
        }
        let scan = self.members.scan(session.name);
        let behind = (1_u64..)
            .zip(&self.store)
            .skip(usize::try_from(scan.after.0).unwrap());
        let found = behind
            .filter(|(_, queued)| queued.gone.is_none())
            .map(|(sequence, queued)| (Sequence(sequence), queued.sender))
            .take(most)
            .collect();
        session.reading = Some((scan, found));
    }

    fn claim(&mut self, index: usize) {
        let Some((scan, found)) = self.sessions[index].reading.take() else {
            return;
        };
        let name = self.sessions[index].name;
        match self.members.claim(name, scan, found.iter().copied()) {
            Claim::Stale => self.sessions[index].wants_mail = true,
            Claim::Decided(mine) => {
                assert_eq!(mine.len(), found.len());
                self.sessions[index].wants_mail |= !found.is_empty();
                for ((sequence, _), _) in found.iter().zip(mine).filter(|(_, mine)| *mine) {
                    self.push(index, *sequence);
                }
            }
        }
    }

    fn push(&mut self, index: usize, sequence: Sequence) {
        let holder = |session: &Session| session.pushed.contains(&sequence);
        assert!(
            !self.sessions.iter().any(holder),
            "{sequence:?} is pushed twice among live sessions"
        );
        self.sessions[index].pushed.push(sequence);
        let message = self.message(sequence);
        assert_ne!(message.gone, Some(true), "{sequence:?} was acked before");
        let (sender, first) = (message.sender, !message.handed_out);
        message.handed_out = true;
        let before = usize::try_from(sequence.0).unwrap() - 1;
        let mut earlier = self.store[..before].iter();
        assert!(
            !first
                || earlier.all(|other| other.sender != sender
                    || other.handed_out
                    || other.gone.is_some()),
            "{sequence:?} overtakes an earlier message of its sender"
        );
        self.assert_one_socket(sender);
    }

    /// What is in flight of one sender is in flight at one session.
    fn assert_one_socket(&self, sender: Tag) {
        let holds = |session: &&Session| {
            session.pushed.iter().any(|sequence| {
                let message = &self.store[usize::try_from(sequence.0).unwrap() - 1];
                message.sender == sender && message.gone.is_none()
            })
        };
        assert!(self.sessions.iter().filter(holds).count() <= 1);
    }

    /// Lets everything that is under way come to its end.
    fn settle(&mut self) {
        while self.hinted < self.store.len() {
            self.hint();
        }
        self.hear();
        while self
            .sessions
            .iter()
            .any(|session| session.wants_mail || session.reading.is_some())
        {
            for index in 0..self.sessions.len() {
                self.read(index, 2);
                self.claim(index);
                self.hear();
            }
        }
    }

    fn assert_nothing_skipped(&self) {
        for (sequence, message) in (1..).map(Sequence).zip(&self.store) {
            let holders = self
                .sessions
                .iter()
                .filter(|session| session.pushed.contains(&sequence));
            if message.gone.is_none() && !self.sessions.is_empty() {
                assert_eq!(holders.count(), 1, "{sequence:?} was pushed by nobody");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_skipped_doubled_or_overtaken(steps in prop::collection::vec(step(), 1..120)) {
        let mut model = Model::default();
        for step in steps {
            model.take(step);
        }
        model.settle();
        model.assert_nothing_skipped();
    }
}

fn connected(count: usize) -> Model {
    let mut model = Model::default();
    for _ in 0..count {
        model.join();
    }
    model
}

#[test]
fn what_a_session_leaves_behind_is_pushed_by_the_other_and_in_order() {
    let mut model = connected(2);
    for sender in [0, 1, 0, 1, 2] {
        model.take(Step::Send(sender));
    }
    model.settle();
    let leaving: Vec<_> = model.sessions[0].pushed.clone();
    assert_eq!(leaving, [Sequence(1), Sequence(3), Sequence(5)]);
    let kept = model.sessions[1].pushed.len();
    model.take(Step::Leave(0));
    model.settle();
    assert_eq!(model.sessions[0].pushed[kept..], leaving);
}

#[test]
fn a_sender_in_flight_stays_with_the_first_when_a_second_joins() {
    let mut model = connected(1);
    model.take(Step::Send(1));
    model.settle();
    model.take(Step::Join);
    model.take(Step::Ack(0));
    model.take(Step::Send(1));
    model.take(Step::Send(3));
    model.settle();
    // Both senders would be the younger session's by their tags.
    assert_eq!(model.sessions[0].pushed, [Sequence(1), Sequence(2)]);
    assert_eq!(model.sessions[1].pushed, [Sequence(3)]);
}

#[test]
fn a_hint_about_what_was_looked_at_wakes_nobody() {
    let mut model = connected(1);
    model.take(Step::Send(0));
    model.settle();
    model.members.wake(Sequence(1));
    model.hear();
    assert!(!model.sessions[0].wants_mail);
    model.members.wake(Sequence(2));
    model.hear();
    assert!(model.sessions[0].wants_mail);
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut model = connected(1);
    let most = MOST_IN_FLIGHT as u64 + 10;
    let found = (1..=most).map(|sequence| (Sequence(sequence), Tag(sequence)));
    let name = model.sessions[0].name;
    let scan = model.members.scan(name);
    model.members.claim(name, scan, found);
    assert_eq!(model.members.in_flight.len(), MOST_IN_FLIGHT);
    assert_eq!(
        model.members.in_flight.keys().next(),
        Some(&Sequence(11)),
        "the oldest is forgotten first"
    );
}
