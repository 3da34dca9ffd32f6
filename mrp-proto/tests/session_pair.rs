//! The two session machines against each other, in one process and under invented time.
//!
//! The shells around them are models: an inbox, a store, an outbox, and a link that can be cut at any point. A WebSocket is a
//! stream, so frames are lost only together with the connection; a second property lets the link lose, double and reorder single
//! frames all the same, since what must never happen must not happen there either.

#![expect(
    clippy::unwrap_used,
    reason = "a test that fails here fails as it should"
)]

use mrp_proto::frame::{Auth, Send, SendOutcome, ServerFrame, SuccessWord};
use mrp_proto::id::MessageId;
use mrp_proto::key::SecretKey;
use mrp_proto::message::{Message, SendRequest};
use mrp_proto::session::relay::{Admitted, Fetched};
use mrp_proto::session::{Incoming, Moment, agent, relay};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// Small enough that a handful of messages fills it, and smaller than the largest frame.
const UNSENT_LIMIT: usize = 2000;
const FRAME_LIMIT: usize = 3000;
const MAX_UNSTORED: usize = 3;
const MAX_SENDS_IN_FLIGHT: usize = 2;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    Connect,
    Cut,
    /// The relay's shell has verified the claim.
    Authenticate,
    /// The relay takes a message for the agent from elsewhere; the hint may be lost.
    Receive {
        sender: usize,
        size: usize,
        hint: Hint,
    },
    /// The relay's shell answers a fetch.
    Fetch,
    /// The relay's socket takes bytes.
    Write(usize),
    AgentReads,
    RelayReads,
    /// One of the stores that were asked for is done, or has failed.
    Store(usize),
    FailToStore(usize),
    /// A message enters the agent's outbox.
    Compose,
    /// The agent's shell sends what waits in the outbox.
    Send,
    /// The relay has taken a send durably.
    Accept,
    Probe,
    ShutDownRelay,
    Wait(u64),
    Meddle(Direction, Meddling),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hint {
    Given,
    Lost,
}

#[derive(Debug, Clone, Copy)]
enum Direction {
    ToAgent,
    ToRelay,
}

/// What no stream does.
#[derive(Debug, Clone, Copy)]
enum Meddling {
    Drop(usize),
    Double(usize),
    Swap(usize, usize),
}

/// What a property demands beside what always holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Kept,
    Any,
}

#[derive(Debug, Clone)]
enum Wire {
    Text(String),
    Ping,
    Pong,
    Closed,
}

struct Stored {
    message: Message,
    sender: usize,
    delivered: bool,
}

/// A connection: both machines, what their shells still owe them, and what is under way.
struct Link {
    number: usize,
    relay: Option<relay::Session>,
    agent: Option<agent::Session>,
    to_agent: VecDeque<Wire>,
    to_relay: VecDeque<Wire>,
    unwritten: VecDeque<String>,
    /// Bytes of the first of `unwritten` that the socket has taken.
    taken: usize,
    verifying: bool,
    fetching: Option<usize>,
    position: usize,
    accepting: VecDeque<Send>,
    in_flight: BTreeSet<String>,
    ready: bool,
    /// A store has failed: what it was about comes with the next connection only.
    incomplete: bool,
}

struct World {
    now: Moment,
    order: Order,
    links: usize,
    link: Option<Link>,
    inbox: Vec<Stored>,
    /// Asked for and not done, with the connection that asked.
    storing: Vec<(usize, MessageId)>,
    stored: BTreeSet<MessageId>,
    handed_out: BTreeSet<MessageId>,
    last_handed_out: BTreeMap<usize, usize>,
    composed: usize,
    sent: BTreeSet<String>,
    accepted: BTreeSet<String>,
}

impl World {
    fn new(order: Order) -> Self {
        Self {
            now: Moment::from_secs(1000),
            order,
            links: 0,
            link: None,
            inbox: Vec::new(),
            storing: Vec::new(),
            stored: BTreeSet::new(),
            handed_out: BTreeSet::new(),
            last_handed_out: BTreeMap::new(),
            composed: 0,
            sent: BTreeSet::new(),
            accepted: BTreeSet::new(),
        }
    }

    fn run(&mut self, steps: &[Step]) {
        for step in steps {
            self.step(step);
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Connect => self.connect(),
            Step::Cut => self.link = None,
            Step::Authenticate => self.authenticate(),
            Step::Receive { sender, size, hint } => self.receive(*sender, *size, *hint),
            Step::Fetch => self.fetch(),
            Step::Write(bytes) => self.write(*bytes),
            Step::AgentReads => self.agent_reads(),
            Step::RelayReads => self.relay_reads(),
            Step::Store(pick) => self.store(*pick),
            Step::FailToStore(pick) => self.fail_to_store(*pick),
            Step::Compose => self.composed += 1,
            Step::Send => self.send(),
            Step::Accept => self.accept(),
            Step::Probe => {
                self.tell_relay(|relay, now| relay.handle_probe(now, Duration::from_secs(5)));
            }
            Step::ShutDownRelay => {
                self.tell_relay(|relay, _| relay.handle_shutdown(Duration::from_secs(3)));
            }
            Step::Wait(millis) => self.wait(Duration::from_millis(*millis)),
            Step::Meddle(direction, meddling) => self.meddle(*direction, *meddling),
        }
    }

    fn connect(&mut self) {
        if self.link.as_ref().is_some_and(|link| link.agent.is_some()) {
            return;
        }
        self.links += 1;
        let auth = Auth {
            public_key: SecretKey::from_seed(&[1; 32]).public().to_string(),
            timestamp: String::new(),
            signature: String::new(),
            max_frame: Some(FRAME_LIMIT as u64),
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
        self.link = Some(Link {
            number: self.links,
            relay: Some(relay::Session::new(self.now, of_relay)),
            agent: Some(agent::Session::new(self.now, auth, of_agent)),
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
        });
        self.tell_agent(|_, _| ());
    }

    fn authenticate(&mut self) {
        if let Some(link) = &mut self.link
            && std::mem::take(&mut link.verifying)
        {
            let public_key = SecretKey::from_seed(&[1; 32]).public();
            self.tell_relay(|relay, now| relay.handle_verdict(Ok(Admitted { public_key }), now));
        }
    }

    fn receive(&mut self, sender: usize, size: usize, hint: Hint) {
        let number = self.inbox.len();
        let time = "2026-03-04T08:00:00.000Z";
        let message = json!({
            "message_id": format!("msg_{number}"), "body": "x".repeat(size), "status": "sent",
            "sender_key": SecretKey::from_seed(&[2; 32]).public(),
            "recipient_key": SecretKey::from_seed(&[1; 32]).public(),
            "created_at": time, "expires_at": time,
        });
        self.inbox.push(Stored {
            message: serde_json::from_value(message).unwrap(),
            sender,
            delivered: false,
        });
        if hint == Hint::Given {
            self.tell_relay(|relay, _| relay.handle_mail());
        }
    }

    fn fetch(&mut self) {
        let Some(link) = &mut self.link else { return };
        let Some(room) = link.fetching.take() else {
            return;
        };
        let mut fetched = Fetched::default();
        let mut used = 0;
        while let Some(stored) = self.inbox.get(link.position) {
            if !stored.delivered {
                let message = stored.message.clone();
                used += ServerFrame::Message(Box::new(message.clone()))
                    .encode()
                    .len();
                let alone = room == UNSENT_LIMIT && fetched.messages.is_empty();
                if used > room && !alone {
                    fetched.more = true;
                    break;
                }
                fetched.messages.push(message);
            }
            link.position += 1;
        }
        self.tell_relay(|relay, _| relay.handle_fetched(fetched));
    }

    fn write(&mut self, bytes: usize) {
        let Some(link) = &mut self.link else { return };
        let waiting: usize = link.unwritten.iter().map(String::len).sum();
        let bytes = bytes.min(waiting - link.taken);
        link.taken += bytes;
        while link
            .unwritten
            .front()
            .is_some_and(|text| text.len() <= link.taken)
        {
            let text = link.unwritten.pop_front().unwrap();
            link.taken -= text.len();
            link.to_agent.push_back(Wire::Text(text));
        }
        self.tell_relay(|relay, now| relay.handle_written(bytes, now));
    }

    fn agent_reads(&mut self) {
        let Some(link) = &mut self.link else { return };
        if !link.agent.as_ref().is_some_and(agent::Session::wants_input) {
            return;
        }
        match link.to_agent.pop_front() {
            None => {}
            Some(Wire::Text(text)) => {
                self.tell_agent(|agent, now| agent.handle_frame(Incoming::Text(&text), now));
            }
            Some(Wire::Ping) => {
                link.to_relay.push_back(Wire::Pong);
                self.tell_agent(|agent, now| agent.handle_frame(Incoming::Ping, now));
            }
            Some(Wire::Pong) => {
                self.tell_agent(|agent, now| agent.handle_frame(Incoming::Pong, now));
            }
            Some(Wire::Closed) => link.agent = None,
        }
    }

    fn relay_reads(&mut self) {
        let Some(link) = &mut self.link else { return };
        if !link.relay.as_ref().is_some_and(relay::Session::wants_input) {
            return;
        }
        match link.to_relay.pop_front() {
            None => {}
            Some(Wire::Text(text)) => {
                self.tell_relay(|relay, now| relay.handle_frame(Incoming::Text(&text), now));
            }
            Some(Wire::Ping) => {
                link.to_agent.push_back(Wire::Pong);
                self.tell_relay(|relay, now| relay.handle_frame(Incoming::Ping, now));
            }
            Some(Wire::Pong) => {
                self.tell_relay(|relay, now| relay.handle_frame(Incoming::Pong, now));
            }
            Some(Wire::Closed) => link.relay = None,
        }
    }

    fn store(&mut self, pick: usize) {
        if self.storing.is_empty() {
            return;
        }
        let (number, message_id) = self.storing.remove(pick % self.storing.len());
        self.stored.insert(message_id.clone());
        if self.link.as_ref().is_some_and(|link| link.number == number) {
            self.tell_agent(|agent, _| agent.handle_stored(message_id));
        }
    }

    fn fail_to_store(&mut self, pick: usize) {
        if self.storing.is_empty() {
            return;
        }
        let (number, message_id) = self.storing.remove(pick % self.storing.len());
        if let Some(link) = self.link.as_mut().filter(|link| link.number == number) {
            link.incomplete = true;
            self.tell_agent(|agent, _| agent.handle_not_stored(&message_id));
        }
    }

    fn send(&mut self) {
        let keys: Vec<String> = (0..self.composed)
            .map(|number| number.to_string())
            .collect();
        for key in keys {
            let Some(link) = &mut self.link else { return };
            if !link.ready || self.sent.contains(&key) || !link.in_flight.insert(key.clone()) {
                continue;
            }
            let request = json!({"recipient_key": "k", "body": key});
            let request: SendRequest = serde_json::from_value(request).unwrap();
            let send = Send {
                request_id: key.clone(),
                idempotency_key: Some(key),
                request,
            };
            self.tell_agent(|agent, _| agent.handle_send(send).unwrap());
        }
    }

    fn accept(&mut self) {
        let Some(link) = &mut self.link else { return };
        let Some(send) = link.accepting.pop_front() else {
            return;
        };
        self.accepted.insert(send.idempotency_key.unwrap());
        let outcome = SendOutcome::Accepted {
            word: SuccessWord::Sent,
            message_id: "msg_out".parse().unwrap(),
            created_at: None,
            expires_at: None,
        };
        self.tell_relay(|relay, _| relay.handle_send_outcome(send.request_id, outcome));
    }

    /// Lets time pass, from deadline to deadline.
    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        for _ in 0..10_000 {
            let link = self.link.as_ref();
            let of_relay = link
                .and_then(|link| link.relay.as_ref())
                .and_then(relay::Session::poll_timeout)
                .filter(|due| *due <= until);
            let of_agent = link
                .and_then(|link| link.agent.as_ref())
                .and_then(agent::Session::poll_timeout)
                .filter(|due| *due <= until);
            let Some(due) = of_relay.into_iter().chain(of_agent).min() else {
                self.now = until;
                return;
            };
            self.now = self.now.max(due);
            if of_relay.is_some_and(|due| due <= self.now) {
                self.tell_relay(|relay, now| {
                    relay.handle_timeout(now);
                    assert!(relay.poll_timeout().is_none_or(|due| due > now));
                });
            }
            if of_agent.is_some_and(|due| due <= self.now) {
                self.tell_agent(|agent, now| {
                    agent.handle_timeout(now);
                    assert!(agent.poll_timeout().is_none_or(|due| due > now));
                });
            }
        }
        panic!("the machines ask for a timeout again and again");
    }

    fn meddle(&mut self, direction: Direction, meddling: Meddling) {
        let Some(link) = &mut self.link else { return };
        let frames = match direction {
            Direction::ToAgent => &mut link.to_agent,
            Direction::ToRelay => &mut link.to_relay,
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

    /// Gives the relay's machine an input and does what it then wants.
    fn tell_relay(&mut self, input: impl FnOnce(&mut relay::Session, Moment)) {
        let taken = self.link.as_mut().and_then(|link| link.relay.take());
        let Some(mut session) = taken else { return };
        input(&mut session, self.now);
        while let Some(output) = session.poll_output() {
            let link = self.link.as_mut().unwrap();
            match output {
                relay::Output::Authenticate(_) => link.verifying = true,
                relay::Output::Accept(send) => link.accepting.push_back(*send),
                relay::Output::Delivered { message_id } => {
                    let message_id: MessageId = message_id.parse().unwrap();
                    assert!(self.stored.contains(&message_id), "{message_id} was lost");
                    let number: usize = message_id.as_str()[4..].parse().unwrap();
                    self.inbox[number].delivered = true;
                }
                relay::Output::Fetch { room } => {
                    assert_eq!(link.fetching.replace(room), None);
                    assert!((1..=UNSENT_LIMIT).contains(&room));
                }
                relay::Output::Transmit(text) => link.unwritten.push_back(text),
                relay::Output::Ping => link.to_agent.push_back(Wire::Ping),
                relay::Output::Close { .. } => {
                    link.to_agent
                        .extend(link.unwritten.drain(..).map(Wire::Text));
                    link.to_agent.push_back(Wire::Closed);
                    link.taken = 0;
                    return demand_silence_of_relay(session, self.now);
                }
            }
        }
        let link = self.link.as_mut().unwrap();
        assert!(link.accepting.len() <= MAX_SENDS_IN_FLIGHT);
        let is_pushed = |text: &&String| text.starts_with(r#"{"type":"message""#);
        let pushed: Vec<usize> = link
            .unwritten
            .iter()
            .filter(is_pushed)
            .map(String::len)
            .collect();
        assert!(pushed.len() <= 1 || pushed.iter().sum::<usize>() - link.taken <= UNSENT_LIMIT);
        link.relay = Some(session);
    }

    /// Gives the agent's machine an input and does what it then wants.
    fn tell_agent(&mut self, input: impl FnOnce(&mut agent::Session, Moment)) {
        let taken = self.link.as_mut().and_then(|link| link.agent.take());
        let Some(mut session) = taken else { return };
        input(&mut session, self.now);
        while let Some(output) = session.poll_output() {
            let link = self.link.as_mut().unwrap();
            match output {
                agent::Output::Transmit(text) => link.to_relay.push_back(Wire::Text(text)),
                agent::Output::Ping => link.to_relay.push_back(Wire::Ping),
                agent::Output::Ready => link.ready = true,
                agent::Output::Store(message) => self.ask_to_store(&message),
                agent::Output::Pending { message_id, size } => {
                    assert!(size > FRAME_LIMIT as u64);
                    self.fetch_by_id(message_id);
                }
                agent::Output::SendResult {
                    request_id,
                    outcome,
                } => {
                    link.in_flight.remove(&request_id);
                    if matches!(outcome, SendOutcome::Accepted { .. }) {
                        assert!(self.accepted.contains(&request_id));
                        self.sent.insert(request_id);
                    }
                }
                agent::Output::Unreadable(error) => panic!("{error}"),
                agent::Output::End(_) => {
                    link.ready = false;
                    link.to_relay.push_back(Wire::Closed);
                    return demand_silence_of_agent(session, self.now);
                }
            }
        }
        let link = self.link.as_mut().unwrap();
        link.agent = Some(session);
    }

    fn ask_to_store(&mut self, message: &Message) {
        let task = (self.links, message.message_id.clone());
        assert!(!self.storing.contains(&task), "handed out twice");
        self.note_hand_out(&message.message_id);
        self.storing.push(task);
        let number: usize = message.message_id.as_str()[4..].parse().unwrap();
        let original = self.inbox[number].message.body.as_ref().unwrap().get();
        assert_eq!(message.body.as_ref().unwrap().get(), original);
    }

    /// What is too large to be pushed the shell reads over HTTP, and stores then.
    fn fetch_by_id(&mut self, message_id: MessageId) {
        self.note_hand_out(&message_id);
        let task = (self.links, message_id);
        if !self.storing.contains(&task) {
            self.storing.push(task);
        }
    }

    fn note_hand_out(&mut self, message_id: &MessageId) {
        let number: usize = message_id.as_str()[4..].parse().unwrap();
        if !self.handed_out.insert(message_id.clone()) || self.order == Order::Any {
            return;
        }
        let sender = self.inbox[number].sender;
        let before = self.last_handed_out.insert(sender, number);
        assert!(before.is_none_or(|before| before < number));
    }

    /// Whether everything is where it belongs.
    fn is_settled(&self) -> bool {
        self.inbox.iter().all(|stored| stored.delivered) && self.sent.len() == self.composed
    }

    /// From now on everything works. Nothing more than that may be needed.
    fn recover(&mut self) {
        let incomplete = |link: &Link| link.incomplete || self.order == Order::Any;
        if self.link.as_ref().is_some_and(incomplete) {
            self.link = None;
        }
        for _ in 0..600 {
            if self.is_settled() {
                return self.demand_everything();
            }
            self.connect();
            self.authenticate();
            self.fetch();
            self.write(1000);
            self.send();
            for _ in 0..20 {
                self.agent_reads();
                self.relay_reads();
                self.store(0);
            }
            self.accept();
            self.wait(Duration::from_millis(200));
        }
        panic!("not everything arrived");
    }

    fn demand_everything(&self) {
        assert_eq!(self.stored.len(), self.inbox.len());
        assert_eq!(self.handed_out.len(), self.inbox.len());
        assert_eq!(self.accepted, self.sent);
    }
}

fn demand_silence_of_relay(mut session: relay::Session, now: Moment) {
    session.handle_mail();
    session.handle_frame(Incoming::Text(r#"{"type":"ping"}"#), now);
    session.handle_frame(Incoming::Binary, now);
    session.handle_fetched(Fetched::default());
    session.handle_revoked();
    session.handle_timeout(now + Duration::from_secs(3600));
    assert!(session.poll_output().is_none());
    assert_eq!(session.poll_timeout(), None);
    assert!(!session.wants_input());
}

fn demand_silence_of_agent(mut session: agent::Session, now: Moment) {
    session.handle_stored("msg_0".parse().unwrap());
    session.handle_frame(Incoming::Text(r#"{"type":"ping"}"#), now);
    session.handle_frame(Incoming::Binary, now);
    session.handle_shutdown();
    session.handle_timeout(now + Duration::from_secs(3600));
    assert!(session.poll_output().is_none());
    assert_eq!(session.poll_timeout(), None);
    assert!(!session.wants_input());
}

/// What happens on a link that is a stream.
fn honest() -> impl Strategy<Value = Step> {
    let hint = prop_oneof![4 => Just(Hint::Given), 1 => Just(Hint::Lost)];
    let receive = (
        0..3_usize,
        prop_oneof![4 => 0..700_usize, 1 => 700..4000_usize],
        hint,
    )
        .prop_map(|(sender, size, hint)| Step::Receive { sender, size, hint });
    prop_oneof![
        2 => Just(Step::Connect),
        1 => Just(Step::Cut),
        3 => Just(Step::Authenticate),
        8 => receive,
        8 => Just(Step::Fetch),
        10 => (1..3000_usize).prop_map(Step::Write),
        14 => Just(Step::AgentReads),
        14 => Just(Step::RelayReads),
        10 => (0..8_usize).prop_map(Step::Store),
        1 => (0..8_usize).prop_map(Step::FailToStore),
        3 => Just(Step::Compose),
        4 => Just(Step::Send),
        5 => Just(Step::Accept),
        1 => Just(Step::Probe),
        1 => Just(Step::ShutDownRelay),
        3 => prop_oneof![3 => 0..500_u64, 1 => 500..90_000_u64].prop_map(Step::Wait),
    ]
}

fn hostile() -> impl Strategy<Value = Step> {
    let direction = prop_oneof![Just(Direction::ToAgent), Just(Direction::ToRelay)];
    let meddling = prop_oneof![
        (0..8_usize).prop_map(Meddling::Drop),
        (0..8_usize).prop_map(Meddling::Double),
        (0..8_usize, 0..8_usize).prop_map(|(one, other)| Meddling::Swap(one, other)),
    ];
    let meddle =
        (direction, meddling).prop_map(|(direction, meddling)| Step::Meddle(direction, meddling));
    prop_oneof![4 => honest(), 1 => meddle]
}

/// The same steps in every run.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 300,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn everything_arrives_in_order_over_a_link_that_breaks(steps in vec(honest(), 0..400)) {
        let mut world = World::new(Order::Kept);
        world.step(&Step::Connect);
        world.run(&steps);
        world.recover();
    }

    #[test]
    fn nothing_is_lost_over_a_link_that_no_stream_is(steps in vec(hostile(), 0..400)) {
        let mut world = World::new(Order::Any);
        world.step(&Step::Connect);
        world.run(&steps);
        world.recover();
    }
}

/// A session with all that belongs to one, small enough to be cut everywhere.
fn ordinary_session() -> Vec<Step> {
    let receive = |sender, size| Step::Receive {
        sender,
        size,
        hint: Hint::Given,
    };
    let mut steps = vec![receive(0, 100), receive(1, 1500), receive(0, 3500)];
    steps.extend([Step::Connect, Step::RelayReads, Step::Authenticate]);
    for round in 0..12 {
        steps.extend([Step::Fetch, Step::Write(900), Step::AgentReads]);
        if round % 3 == 0 {
            steps.extend([receive(round % 2, 200), Step::Compose, Step::Send]);
        }
        steps.extend([
            Step::Store(0),
            Step::RelayReads,
            Step::Accept,
            Step::Wait(3000),
        ]);
    }
    steps
}

#[test]
fn a_connection_may_be_lost_between_any_two_steps() {
    let steps = ordinary_session();
    for cut in 0..=steps.len() {
        let mut world = World::new(Order::Kept);
        world.run(&steps[..cut]);
        world.step(&Step::Cut);
        world.run(&steps[cut..]);
        world.recover();
    }
}

#[test]
fn an_undisturbed_session_needs_only_one_connection() {
    let mut world = World::new(Order::Kept);
    world.run(&ordinary_session());
    world.recover();
    assert_eq!(world.links, 1);
}
