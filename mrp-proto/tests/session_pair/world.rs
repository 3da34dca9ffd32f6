//! Two machines, the stores around them, and what happens to them step by step.

use crate::link::{Link, UNSENT_LIMIT, Wire};
use crate::steps::{Hint, Step};
use mrp_proto::frame::{Send, SendOutcome, ServerFrame, SuccessWord};
use mrp_proto::id::MessageId;
use mrp_proto::key::SecretKey;
use mrp_proto::message::{Message, SendRequest};
use mrp_proto::session::relay::{Admitted, Fetched};
use mrp_proto::session::{Incoming, Moment, agent, relay};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What a property demands beside what always holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Kept,
    Any,
}

pub(crate) struct Stored {
    pub(crate) message: Message,
    pub(crate) sender: usize,
    pub(crate) delivered: bool,
}

pub(crate) struct World {
    pub(crate) now: Moment,
    pub(crate) order: Order,
    pub(crate) links: usize,
    pub(crate) link: Option<Link>,
    pub(crate) inbox: Vec<Stored>,
    /// Asked for and not done, with the connection that asked.
    pub(crate) storing: Vec<(usize, MessageId)>,
    pub(crate) stored: BTreeSet<MessageId>,
    pub(crate) handed_out: BTreeSet<MessageId>,
    pub(crate) last_handed_out: BTreeMap<usize, usize>,
    pub(crate) composed: usize,
    pub(crate) sent: BTreeSet<String>,
    pub(crate) accepted: BTreeSet<String>,
}

impl World {
    pub(crate) fn new(order: Order) -> Self {
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

    pub(crate) fn run(&mut self, steps: &[Step]) {
        for step in steps {
            self.step(step);
        }
    }

    pub(crate) fn step(&mut self, step: &Step) {
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
            Step::Meddle(direction, meddling) => {
                if let Some(link) = &mut self.link {
                    link.meddle(*direction, *meddling);
                }
            }
        }
    }

    fn connect(&mut self) {
        if self.link.as_ref().is_some_and(|link| link.agent.is_some()) {
            return;
        }
        self.links += 1;
        self.link = Some(Link::new(self.links, self.now));
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
        let bytes = link.take(bytes);
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

    /// Whether everything is where it belongs.
    fn is_settled(&self) -> bool {
        self.inbox.iter().all(|stored| stored.delivered) && self.sent.len() == self.composed
    }

    /// From now on everything works. Nothing more than that may be needed.
    pub(crate) fn recover(&mut self) {
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
