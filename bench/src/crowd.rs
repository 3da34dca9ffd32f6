//! Who sends to whom: many keys on either side, as a relay has them.

use crate::wire::Signer;
use mrp_proto::key::SecretKey;
use std::collections::VecDeque;
use std::rc::Rc;

/// Senders and recipients. The same numbers always make the same ones.
#[derive(Debug)]
pub(crate) struct Crowd {
    senders: Vec<SecretKey>,
    recipients: Rc<[String]>,
}

/// How far apart two recipients are that come after one another: a prime, so that all have their turn.
const STRIDE: usize = 7_919;

impl Crowd {
    pub(crate) fn new(senders: usize, recipients: usize) -> Self {
        let names = (0..recipients).map(|number| key(2, number).public().to_string());
        Self {
            senders: (0..senders).map(|number| key(1, number)).collect(),
            recipients: names.collect(),
        }
    }

    /// Of so many parts that send at once, the senders of one.
    pub(crate) fn part(&self, number: usize, of: usize) -> Part {
        let signers = self.senders.iter().cycle().skip(number).step_by(of);
        let count = (self.senders.len() / of).max(1);
        Part {
            signers: signers.take(count).cloned().map(Signer::new).collect(),
            recipients: Rc::clone(&self.recipients),
            next: number * STRIDE,
            sent: 0,
            stock: VecDeque::new(),
        }
    }
}

/// The same seed always makes the same key.
pub(crate) fn key(kind: u8, number: usize) -> SecretKey {
    let mut seed = [kind; 32];
    seed[..8].copy_from_slice(&number.to_be_bytes());
    SecretKey::from_seed(&seed)
}

/// Senders that share a connection, in turn, and those to whom they write.
#[derive(Debug)]
pub(crate) struct Part {
    signers: Vec<Signer>,
    recipients: Rc<[String]>,
    next: usize,
    sent: usize,
    /// Requests that are signed already.
    stock: VecDeque<Vec<u8>>,
}

impl Part {
    /// One sender to one recipient.
    pub(crate) fn of_one(sender: SecretKey, recipient: &str) -> Self {
        Self {
            signers: vec![Signer::new(sender)],
            recipients: Rc::from([recipient.to_owned()]),
            next: 0,
            sent: 0,
            stock: VecDeque::new(),
        }
    }

    /// Who gets the next message.
    pub(crate) fn recipient(&mut self) -> &str {
        self.next = (self.next + STRIDE) % self.recipients.len();
        &self.recipients[self.next]
    }

    /// Signs a send for later.
    pub(crate) fn prepare(&mut self, text: &str) {
        let request = self.sign(text);
        self.stock.push_back(request);
    }

    /// The next send that is ready, or else one that is signed now; and whether it was ready.
    pub(crate) fn send(&mut self, text: &str) -> (Vec<u8>, bool) {
        match self.stock.pop_front() {
            Some(ready) => (ready, true),
            None => (self.sign(text), false),
        }
    }

    fn sign(&mut self, text: &str) -> Vec<u8> {
        let body = {
            let recipient = self.recipient();
            format!(r#"{{"recipient_key":"{recipient}","body":{{"text":"{text}"}}}}"#)
        };
        self.sent += 1;
        let count = self.signers.len();
        self.signers[self.sent % count].request("POST", "/v1/messages", &body)
    }
}
