//! What the two shells do with what the machines say, and what must then hold.

use crate::link::{FRAME_LIMIT, MAX_SENDS_IN_FLIGHT, UNSENT_LIMIT, Wire};
use crate::world::{Order, World};
use mrp_proto::frame::SendOutcome;
use mrp_proto::id::MessageId;
use mrp_proto::message::Message;
use mrp_proto::session::relay::Fetched;
use mrp_proto::session::{Incoming, Moment, agent, relay};
use std::time::Duration;

impl World {
    /// Gives the relay's machine an input and does what it then wants.
    pub(crate) fn tell_relay(&mut self, input: impl FnOnce(&mut relay::Session, Moment)) {
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
    pub(crate) fn tell_agent(&mut self, input: impl FnOnce(&mut agent::Session, Moment)) {
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
