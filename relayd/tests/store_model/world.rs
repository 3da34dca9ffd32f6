//! The model, and the store beside it.

use super::{DAY, Operation, Reuse, agent, at};
use mrp_proto::id::MessageId;
use mrp_proto::key::{PublicKey, Signature};
use mrp_proto::message::{Draft, Message, Metadata, Status};
use mrp_proto::time::Timestamp;
use relayd::store::{
    AcceptError, MarkError, Marked, Marking, Options, Poll, PollError, Proof, Quotas, ReplayClaim,
    Replayed, Room, Sequence, Store, Submission,
};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::time::Duration;

/// A message as the model has it.
#[derive(Debug, Clone)]
struct Known {
    id: MessageId,
    sequence: u64,
    sender: u8,
    recipient: u8,
    body: String,
    thread: Option<u8>,
    created: u64,
    expires: u64,
    delivered: Option<u64>,
    /// Its recipient was deleted.
    purged: bool,
}

impl Known {
    fn status(&self, now: u64) -> Option<Status> {
        if self.purged || now >= self.expires + DAY {
            None
        } else if now >= self.expires {
            Some(Status::Expired)
        } else if self.delivered.is_some() {
            Some(Status::Delivered)
        } else {
            Some(Status::Sent)
        }
    }
}

/// What was answered to a send with an idempotency key.
struct Answered {
    message: usize,
    recipient: u8,
    body: u8,
    lifetime: u64,
    thread: Option<u8>,
    until: u64,
}

pub(crate) struct World {
    store: Store,
    /// The wall clock, in seconds.
    wall: u64,
    /// The latest that the store was shown.
    seen: u64,
    messages: Vec<Known>,
    answers: HashMap<(u8, u8), Answered>,
    signatures: Vec<ReplayClaim>,
    /// Of `signatures`, those that took effect.
    used: Vec<bool>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            store: Store::in_memory(Options::default()).unwrap(),
            wall: 0,
            seen: 0,
            messages: Vec::new(),
            answers: HashMap::new(),
            signatures: Vec::new(),
            used: Vec::new(),
        }
    }

    pub(crate) async fn close(self) {
        self.store.close().await;
    }

    pub(crate) async fn carry_out(&mut self, operation: Operation) {
        match operation {
            Operation::Forward { seconds } => self.wall += seconds,
            // Not behind what signatures allow for: the guard rather refuses than forgets.
            Operation::SetBack { seconds } => {
                self.wall = self
                    .wall
                    .saturating_sub(seconds)
                    .max(self.seen.saturating_sub(400));
            }
            Operation::Send { .. } => self.send(operation).await,
            Operation::Poll { .. } => self.poll(operation).await,
            Operation::NextAfter {
                recipient,
                after,
                messages,
            } => {
                let now = self.look_at_the_clock();
                let room = Room {
                    messages,
                    bytes: usize::MAX,
                };
                let found = self
                    .store
                    .next_after(agent(recipient), Sequence(after), room, at(self.wall))
                    .await
                    .unwrap();
                let expected = self.messages.iter().filter(|known| {
                    known.recipient == recipient
                        && known.sequence > after
                        && known.status(now) == Some(Status::Sent)
                });
                let expected: Vec<_> = expected.take(messages).cloned().collect();
                let found: Vec<_> = found.into_iter().map(|stored| stored.message).collect();
                assert_same(&found, &expected, now);
            }
            Operation::Acknowledge {
                recipient,
                message,
                signature,
            } => self.acknowledge(recipient, message, signature).await,
            Operation::Look { caller, message } => self.look(caller, message).await,
            Operation::Thread {
                caller,
                thread,
                after,
                limit,
            } => self.thread(caller, thread, after, limit).await,
            Operation::Delete { agent: number } => {
                let (_, claim) = self.signature(number, Reuse::New);
                self.use_up(self.used.len() - 1);
                let deleting = self.store.delete_agent(agent(number), claim, at(self.wall));
                deleting.await.unwrap();
                self.look_at_the_clock();
                for known in &mut self.messages {
                    known.purged |= known.recipient == number;
                }
            }
            Operation::Sweep { budget } => {
                self.look_at_the_clock();
                self.store.sweep(at(self.wall), budget).await.unwrap();
            }
        }
    }

    /// Shows the store the time; the answer is the store's.
    fn look_at_the_clock(&mut self) -> u64 {
        self.seen = self.seen.max(self.wall);
        self.seen
    }

    fn signature(&mut self, signer: u8, reuse: Reuse) -> (usize, ReplayClaim) {
        let index = self.signatures.len();
        if let Reuse::Earlier(earlier) = reuse
            && index > 0
        {
            let earlier = earlier % index;
            return (earlier, self.signatures[earlier].clone());
        }
        let mut bytes = [0; 64];
        bytes[..8].copy_from_slice(&(index as u64).to_be_bytes());
        let proof = Proof::Signature(Signature::from_bytes(bytes));
        let claim = ReplayClaim::new(agent(signer), proof, at(self.wall + 600));
        self.signatures.push(claim.clone());
        self.used.push(false);
        (index, claim)
    }

    fn use_up(&mut self, index: usize) {
        self.used[index] = true;
    }

    async fn send(&mut self, operation: Operation) {
        let Operation::Send {
            sender,
            recipient,
            body,
            lifetime,
            thread,
            key,
            signature,
        } = operation
        else {
            return;
        };
        let (index, claim) = self.signature(sender, signature);
        // One that lay unused so long is not fresh either: who knows what was forgotten since.
        let stale = claim.keep_until <= at(self.seen.max(self.wall));
        if stale && !self.used[index] {
            return;
        }
        let now = self.look_at_the_clock();
        let mut random = [0; 6];
        random[..4].copy_from_slice(&u32::try_from(self.messages.len()).unwrap().to_be_bytes());
        let outcome = self
            .store
            .accept_message(Submission {
                sender: agent(sender),
                draft: Draft {
                    recipient: agent(recipient),
                    body: Some(RawValue::from_string(body.to_string()).unwrap()),
                    content_type: "application/json".to_owned(),
                    attachments: Vec::new(),
                    thread_id: thread.map(|thread| thread.to_string()),
                    in_reply_to: None,
                    expires_in: Duration::from_secs(lifetime),
                    metadata: Metadata::new(),
                },
                now: at(self.wall),
                random,
                claim: Some(claim),
                idempotency_key: key.map(|key| key.to_string()),
                quotas: Quotas {
                    inbox_messages: 0,
                    inbox_bytes: 0,
                    sender_bytes: 0,
                    ..Quotas::default()
                },
            })
            .await;
        if self.used[index] {
            assert_eq!(outcome.unwrap_err(), AcceptError::Replay);
            return;
        }
        let answered = key.and_then(|key| self.answers.get(&(sender, key)));
        if let Some(answered) = answered.filter(|answered| now < answered.until) {
            let same = (recipient, body, lifetime, thread)
                == (
                    answered.recipient,
                    answered.body,
                    answered.lifetime,
                    answered.thread,
                );
            if !same {
                assert_eq!(outcome.unwrap_err(), AcceptError::IdempotencyMismatch);
                return;
            }
            let acceptance = outcome.unwrap();
            let first = &self.messages[answered.message];
            assert_eq!(acceptance.replayed, Replayed::Repeated);
            assert_eq!(acceptance.accepted.message_id, first.id);
            assert_eq!(acceptance.accepted.expires_at, at(first.expires));
            self.use_up(index);
            return;
        }
        let acceptance = outcome.unwrap();
        assert_eq!(acceptance.replayed, Replayed::Fresh);
        assert_eq!(acceptance.accepted.created_at, at(now));
        assert_eq!(acceptance.accepted.expires_at, at(now + lifetime));
        assert_eq!(acceptance.sequence.0, self.messages.len() as u64 + 1);
        self.use_up(index);
        if let Some(key) = key {
            let answered = Answered {
                message: self.messages.len(),
                recipient,
                body,
                lifetime,
                thread,
                until: now + lifetime.max(DAY),
            };
            self.answers.insert((sender, key), answered);
        }
        let id = acceptance.accepted.message_id;
        assert!(self.messages.iter().all(|known| known.id != id));
        self.messages.push(Known {
            id,
            sequence: acceptance.sequence.0,
            sender,
            recipient,
            body: body.to_string(),
            thread,
            created: now,
            expires: now + lifetime,
            delivered: None,
            purged: false,
        });
    }

    async fn poll(&mut self, operation: Operation) {
        let Operation::Poll {
            recipient,
            status,
            limit,
            sender,
            thread,
            mark,
        } = operation
        else {
            return;
        };
        let mark = mark.map(|reuse| self.signature(recipient, reuse));
        let stale = |claim: &ReplayClaim| claim.keep_until <= at(self.seen.max(self.wall));
        if let Some((index, claim)) = &mark
            && stale(claim)
            && !self.used[*index]
        {
            return;
        }
        let now = self.look_at_the_clock();
        let marking = match &mark {
            None => Marking::Manual,
            Some((_, claim)) => Marking::Deliver {
                claim: claim.clone(),
            },
        };
        let outcome = self
            .store
            .poll(Poll {
                recipient: agent(recipient),
                status,
                after: None,
                limit,
                sender: sender.map(agent),
                in_reply_to: None,
                thread_id: thread.map(|thread| thread.to_string()),
                mark: marking,
                now: at(self.wall),
            })
            .await;
        let matching = |known: &&mut Known| {
            known.recipient == recipient
                && known.status(now) == Some(status)
                && sender.is_none_or(|sender| known.sender == sender)
                && thread.is_none_or(|_| known.thread == thread)
        };
        let mut expected: Vec<&mut Known> = self.messages.iter_mut().filter(matching).collect();
        let more = expected.len() > limit;
        expected.truncate(limit);
        let shown: Vec<_> = expected.iter().map(|known| (**known).clone()).collect();
        let marks = mark.filter(|_| status == Status::Sent && !expected.is_empty());
        if let Some((index, _)) = marks {
            if self.used[index] {
                assert_eq!(outcome.unwrap_err(), PollError::Replay);
                return;
            }
            for known in expected {
                known.delivered = Some(now);
            }
            self.use_up(index);
        }
        let page = outcome.unwrap();
        assert_same(&page.messages, &shown, now);
        assert_eq!(page.next.is_some(), more);
    }

    async fn acknowledge(&mut self, recipient: u8, message: usize, signature: Option<Reuse>) {
        let Some(id) = self.messages.get(message).map(|known| known.id.clone()) else {
            return;
        };
        let signature = signature.map(|reuse| self.signature(recipient, reuse));
        if let Some((index, claim)) = &signature
            && claim.keep_until <= at(self.seen.max(self.wall))
            && !self.used[*index]
        {
            return;
        }
        let now = self.look_at_the_clock();
        let (index, claim) = signature.unzip();
        let outcome = self
            .store
            .mark_delivered(agent(recipient), &id, claim, at(self.wall))
            .await;
        if index.is_some_and(|index| self.used[index]) {
            assert_eq!(outcome.unwrap_err(), MarkError::Replay);
            return;
        }
        let known = &mut self.messages[message];
        let status = known.status(now).filter(|_| known.recipient == recipient);
        let expected = match status {
            None => Marked::NotFound,
            Some(Status::Sent) => {
                known.delivered = Some(now);
                Marked::Now(Sequence(known.sequence))
            }
            Some(Status::Delivered | Status::Expired) => Marked::Already,
        };
        assert_eq!(outcome.unwrap(), expected);
        if let Some(index) = index.filter(|_| expected != Marked::NotFound) {
            self.use_up(index);
        }
    }

    async fn look(&mut self, caller: u8, message: usize) {
        if message >= self.messages.len() {
            return;
        }
        let now = self.look_at_the_clock();
        let known = &self.messages[message];
        let allowed = caller == known.sender || caller == known.recipient;
        let expected = known.status(now).filter(|_| allowed);
        let clock = at(self.wall);
        let status = self
            .store
            .status(&known.id, agent(caller), clock)
            .await
            .unwrap();
        assert_eq!(status.as_ref().map(|status| status.status), expected);
        let message = self
            .store
            .message(&known.id, agent(caller), clock)
            .await
            .unwrap();
        match message {
            None => assert_eq!(expected, None),
            Some(message) => {
                assert_eq!(message.delivered_at, status.unwrap().delivered_at);
                assert_same(&[message], std::slice::from_ref(known), now);
            }
        }
    }

    async fn thread(&mut self, caller: u8, thread: u8, after: u64, limit: usize) {
        let now = self.look_at_the_clock();
        let text = thread.to_string();
        let page = self
            .store
            .thread(
                agent(caller),
                &text,
                Some(Sequence(after)),
                limit,
                at(self.wall),
            )
            .await
            .unwrap();
        let expected = self.messages.iter().filter(|known| {
            (known.sender == caller || known.recipient == caller)
                && known.thread == Some(thread)
                && known.sequence > after
                && known.status(now).is_some()
        });
        let expected: Vec<_> = expected.cloned().collect();
        let shown = &expected[..limit.min(expected.len())];
        assert_same(&page.messages, shown, now);
        assert_eq!(page.next.is_some(), expected.len() > limit);
    }
}

fn assert_same(found: &[Message], expected: &[Known], now: u64) {
    let found: Vec<_> = found.iter().map(show).collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|known| {
            let status = known.status(now).unwrap();
            let body = Some(known.body.clone()).filter(|_| status != Status::Expired);
            // A poll's items show the status from before the poll, and so does this copy.
            (
                known.id.clone(),
                agent(known.sender),
                agent(known.recipient),
                status,
                body,
                known.thread.map(|thread| thread.to_string()),
                [Some(known.created), Some(known.expires), known.delivered]
                    .map(|time| time.map(at)),
            )
        })
        .collect();
    assert_eq!(found, expected);
}

type Shown = (
    MessageId,
    PublicKey,
    PublicKey,
    Status,
    Option<String>,
    Option<String>,
    [Option<Timestamp>; 3],
);

fn show(message: &Message) -> Shown {
    (
        message.message_id.clone(),
        message.sender_key,
        message.recipient_key,
        message.status,
        message.body.as_ref().map(|body| body.get().to_owned()),
        message.thread_id.clone(),
        [
            Some(message.created_at),
            Some(message.expires_at),
            message.delivered_at,
        ],
    )
}
