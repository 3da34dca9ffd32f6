//! Messages that no honest program makes, and keys that are seldom made.

use crate::agent::Agent;
use crate::relay::Relay;
use crate::user::User;
use getrandom::rand_core::UnwrapErr;
use mrp_proto::envelope::{Outgoing, SEALED_CONTENT_TYPE, seal_message};
use mrp_proto::id::EnvelopeId;
use mrp_proto::key::SecretKey;
use mrp_proto::time::Timestamp;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// Sends a sealed message of the agent of that number, with a file of which it says whatever it likes; gives the message's id.
///
/// # Panics
/// If the relay does not take it.
pub fn sealed_with_file(
    relay: &Relay,
    number: u8,
    to: &User,
    content: &[u8],
    said: &Value,
) -> String {
    let sender = Agent::new(number);
    let secret = SecretKey::from_seed(&[number; 32]);
    let blob = sender.upload(relay.address(), content);
    let blob = blob.trim_start_matches("/v1/blobs/");
    let mut attachment = json!({ "blob_id": blob });
    attachment
        .as_object_mut()
        .expect("an attachment is an object")
        .extend(
            said.as_object()
                .expect("an attachment is an object")
                .clone(),
        );
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("the clock is right");
    let now = i64::try_from(now.as_millis()).expect("the clock is right");
    let now = Timestamp::from_unix_millis(now);
    let mut random = [0; 10];
    getrandom::fill(&mut random).expect("the system gives random numbers");
    let outgoing = Outgoing {
        id: &EnvelopeId::from_parts(now, random),
        body: None,
        content_type: "application/json",
        attachments: &[serde_json::from_value(attachment).expect("an attachment of the protocol")],
        thread_id: None,
        in_reply_to: None,
        sent_at: now,
    };
    let recipient = to.key().parse().expect("a key");
    let sealed = seal_message(
        &secret,
        &recipient,
        &outgoing,
        &mut UnwrapErr(getrandom::SysRng),
    );
    let message = json!({ "recipient_key": to.key(), "content_type": SEALED_CONTENT_TYPE, "body": sealed, "attachments": [{ "blob_id": blob }] });
    let message = message.to_string();
    let accepted = sender.request(relay.address(), "POST", "/v1/messages", message.as_bytes());
    accepted.json(202)["message_id"]
        .as_str()
        .expect("an id")
        .to_owned()
}

/// A key that begins so, and the seed that it is of: 64 times as many seeds are tried for each character more.
///
/// # Panics
/// If none of 65,536 seeds gives one, as for most beginnings of three characters.
pub fn key_beginning_with(beginning: &str) -> ([u8; 32], String) {
    (0..=u16::MAX)
        .map(|number| {
            let mut seed = [7; 32];
            seed[..2].copy_from_slice(&number.to_be_bytes());
            (seed, SecretKey::from_seed(&seed).public().to_string())
        })
        .find(|(_, key)| key.starts_with(beginning))
        .expect("one of so many seeds gives such a key")
}
