//! Messages as there might be: a few peers that write very much, many that write little, threads likewise, over three months.

use super::in_query;
use mrp_proto::content::Kind;
use mrp_proto::key::SecretKey;
use mrp_proto::time::Timestamp;
use mrpd::store::{Copies, Incoming, MessageRecord};
use mrpd_api::message::Direction;
use std::time::Duration;

const PEERS: u64 = 1000;
const THREADS: u64 = 20_000;
/// How long ago the first message came.
const AGE: Duration = Duration::from_secs(80 * 24 * 3600);

#[derive(Debug)]
pub(crate) struct Population {
    pub(crate) messages: u64,
    now: Timestamp,
    peers: Vec<String>,
}

/// A message's id.
pub(super) fn id(number: u64) -> String {
    format!("msg_{number}_{:012x}", mix(number) >> 16)
}

impl Population {
    pub(super) fn new(now: Timestamp, messages: u64) -> Self {
        let peer = |number: u64| {
            let mut seed = [3; 32];
            seed[..8].copy_from_slice(&number.to_be_bytes());
            SecretKey::from_seed(&seed).public().to_string()
        };
        Self {
            messages,
            now,
            peers: (0..=PEERS).map(peer).collect(),
        }
    }

    /// The message of a number, always the same.
    pub(super) fn incoming(&self, number: u64) -> Incoming {
        let chance = mix(number);
        let id = id(number);
        let from = &self.peers[skewed(chance, PEERS) as usize];
        let mut copies = Copies::default();
        let until = self.now.after(AGE);
        copies.add(&["r", "http://relay", &id], Some(until));
        copies.add(&["e", from, &id], Some(until));
        let text = format!("message {number} about {:x}", chance % 4096);
        let body = serde_json::json!({ "text": text, "data": { "number": number, "note": "x".repeat(200) } });
        let at = self.time(number);
        Incoming {
            message: MessageRecord {
                id,
                out_id: None,
                dir: Direction::In,
                agent: "me".to_owned(),
                relay: "home".to_owned(),
                from: from.clone(),
                to: self.peers[PEERS as usize].clone(),
                kind: Kind::ALL[skewed(mix(chance), 7) as usize],
                content_type: "application/json".to_owned(),
                body: serde_json::value::to_raw_value(&body).ok(),
                thread: chance
                    .is_multiple_of(3)
                    .then(|| thread(skewed(mix(chance + 1), THREADS))),
                reply_to: chance
                    .is_multiple_of(10)
                    .then(|| self::id(number.saturating_sub(chance % 5000))),
                attachments: Vec::new(),
                metadata: Default::default(),
                encrypted: true,
                verified: true,
                created_at: at,
                received_at: at,
                expires_at: at.after(AGE),
                behind: 0,
                standing: Default::default(),
                downloads: Vec::new(),
            },
            copies,
        }
    }

    fn time(&self, number: u64) -> Timestamp {
        let part = number as f64 / self.messages as f64;
        self.now.before(AGE.mul_f64(1.0 - part))
    }

    /// Kinds of questions, each with paths to ask in turn.
    pub(super) fn questions(&self) -> Vec<(&'static str, Vec<String>)> {
        let messages = self.messages;
        let many = |path: &dyn Fn(u64) -> String| -> Vec<String> {
            (0..50).map(|number| path(mix(number + 7))).collect()
        };
        let page = |query: String| format!("/v1/messages?limit=50&{query}");
        let one = |query: &str| vec![page(query.to_owned())];
        let rare = self.peers[PEERS as usize - 1].clone();
        let common = self.peers[0].clone();
        vec![
            ("newest first", one("order=desc")),
            ("oldest first", one("")),
            ("last", one("last=50")),
            (
                "behind a place",
                many(&|chance| page(format!("after={}", chance % messages))),
            ),
            (
                "since a time",
                many(&|chance| {
                    let time = in_query(self.time(chance % messages));
                    page(format!("since={time}"))
                }),
            ),
            (
                "of a common sender",
                one(&format!("order=desc&from={common}")),
            ),
            ("of a rare sender", one(&format!("order=desc&from={rare}"))),
            (
                "of a sender",
                many(&|chance| {
                    let peer = &self.peers[(chance % PEERS) as usize];
                    page(format!("from={peer}"))
                }),
            ),
            (
                "of a thread",
                many(&|chance| page(format!("thread={}", thread(chance % THREADS)))),
            ),
            (
                "answers to a message",
                many(&|chance| page(format!("reply_to={}", id(chance % messages)))),
            ),
            ("of a kind, newest first", one("order=desc&kind=binary")),
            ("unread", one("unread=1")),
            ("unread, newest first", one("order=desc&unread=1")),
            (
                "unread, of a sender and a kind",
                many(&|chance| {
                    let peer = &self.peers[(chance % PEERS) as usize];
                    page(format!("unread=1&kind=event&from={peer}"))
                }),
            ),
            (
                "of a common sender since a time",
                many(&|chance| {
                    let time = in_query(self.time(chance % messages));
                    page(format!("since={time}&from={common}"))
                }),
            ),
            (
                "by id",
                many(&|chance| format!("/v1/messages/{}", id(chance % messages))),
            ),
            ("threads", vec!["/v1/threads?limit=50".to_owned()]),
            (
                "search, a word that many have",
                vec!["/v1/search?text=about&limit=50".to_owned()],
            ),
            (
                "search, a word that one in 4096 has",
                vec!["/v1/search?text=about+fff&limit=1".to_owned()],
            ),
            ("status", vec!["/v1/status".to_owned()]),
        ]
    }
}

fn thread(number: u64) -> String {
    format!("thread-{number}")
}

/// SplitMix64.
fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// A rank below `bound`: each is about as likely as all those twice as far down together.
fn skewed(chance: u64, bound: u64) -> u64 {
    let part = (chance >> 11) as f64 / (1_u64 << 53) as f64;
    let rank = (bound as f64).powf(part) - 1.0;
    (rank as u64).min(bound - 1)
}
