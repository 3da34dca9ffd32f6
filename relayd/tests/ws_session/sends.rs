//! Sending over the WebSocket (protocol A8.3, A1.8).

use crate::rig::{Peer, Relay, agent};
use mrp_proto::key::SecretKey;
use relayd::SendResultStatus;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn send_frame(request_id: &str, to: &SecretKey, body: Value) -> Value {
    json!({ "type": "send", "request_id": request_id, "recipient_key": to.public(), "body": body })
}

async fn result(peer: &mut Peer, frame: &Value) -> Value {
    peer.say(frame).await;
    let result = peer.expect("send_result").await;
    assert_eq!(result["request_id"], frame["request_id"]);
    result
}

#[tokio::test]
async fn a_send_is_answered_and_arrives() {
    let relay = Relay::start().await;
    let mut alice = relay.session(&agent(1)).await;
    let mut bob = relay.session(&agent(2)).await;
    let mut frame = send_frame("r-1", &agent(2), json!({ "text": "hello" }));
    frame["thread_id"] = json!("a thread");
    frame["metadata"] = json!({ "key": "value" });
    let sent = result(&mut alice, &frame).await;
    assert_eq!(sent["status"], "sent");
    assert!(
        sent["created_at"].is_string() && sent["expires_at"].is_string(),
        "{sent}"
    );
    let message = bob.expect("message").await["message"].clone();
    assert_eq!(message["message_id"], sent["message_id"]);
    assert_eq!(message["sender_key"], json!(agent(1).public()));
    assert_eq!(message["body"], json!({ "text": "hello" }));
    assert_eq!(message["thread_id"], "a thread");
    assert_eq!(message["metadata"], json!({ "key": "value" }));
    assert_eq!(message["created_at"], sent["created_at"]);
    assert_eq!(message["status"], "sent");
}

#[tokio::test]
async fn the_published_client_is_told_ok() {
    let relay = Relay::start().await;
    let mut peer = relay
        .session_as("Python/3.11 websockets/15.0", &agent(1))
        .await;
    assert_eq!(
        result(&mut peer, &send_frame("r", &agent(2), json!(1))).await["status"],
        "ok"
    );
}

#[tokio::test]
async fn either_word_can_be_forced() {
    for (forced, word) in [
        (SendResultStatus::Ok, "ok"),
        (SendResultStatus::Sent, "sent"),
    ] {
        let relay = Relay::with(|config| config.websocket.send_result_status = forced).await;
        for user_agent in ["websockets/15.0", "another/1.0"] {
            let mut peer = relay.session_as(user_agent, &agent(1)).await;
            assert_eq!(
                result(&mut peer, &send_frame("r", &agent(2), json!(1))).await["status"],
                word
            );
        }
    }
}

#[tokio::test]
async fn a_refused_send_says_why_and_the_session_goes_on() {
    let relay = Relay::start().await;
    let mut peer = relay.session(&agent(1)).await;
    let without_body =
        json!({ "type": "send", "request_id": "r", "recipient_key": agent(2).public() });
    let mut nobody = send_frame("r", &agent(2), json!(1));
    nobody["recipient_key"] = json!("nonexistent");
    let mut unknown_blob = send_frame("r", &agent(2), json!(1));
    unknown_blob["attachments"] = json!([{ "blob_id": "blob_0123456789ab" }]);
    let too_large = send_frame("r", &agent(2), json!("x".repeat(1 << 20)));
    for (frame, code) in [
        (without_body, "validation_failed"),
        (nobody, "agent_not_found"),
        (unknown_blob, "blob_not_found"),
        (too_large, "payload_too_large"),
    ] {
        let refused = result(&mut peer, &frame).await;
        assert_eq!(
            (&refused["status"], &refused["code"]),
            (&json!("error"), &json!(code)),
            "{refused}"
        );
        assert!(
            refused["error"]
                .as_str()
                .is_some_and(|error| !error.is_empty()),
            "{refused}"
        );
    }
    assert_eq!(
        result(&mut peer, &send_frame("r", &agent(2), json!(1))).await["status"],
        "sent"
    );
}

#[tokio::test]
async fn too_many_sends_are_told_when_to_come_again() {
    let relay = Relay::with(|config| config.limits.send_per_minute = Some(2)).await;
    let mut peer = relay.session(&agent(1)).await;
    for _ in 0..2 {
        assert_eq!(
            result(&mut peer, &send_frame("r", &agent(2), json!(1))).await["status"],
            "sent"
        );
    }
    let refused = result(&mut peer, &send_frame("r", &agent(2), json!(1))).await;
    assert_eq!(refused["code"], "rate_limit_exceeded");
    assert!(
        refused["retry_after"]
            .as_u64()
            .is_some_and(|seconds| (1..=60).contains(&seconds)),
        "{refused}"
    );
    let request = json!({ "recipient_key": agent(2).public(), "body": 1 }).to_string();
    let answer = relay
        .request(&agent(1), "POST", "/v1/messages", &request)
        .await;
    assert_eq!(answer.status, 429, "HTTP and WebSocket count together");
}

#[tokio::test]
async fn the_same_idempotency_key_is_the_same_message() {
    let relay = Relay::start().await;
    let mut peer = relay.session(&agent(1)).await;
    let mut frame = send_frame("r-1", &agent(2), json!("once"));
    frame["idempotency_key"] = json!("key-1");
    let first = result(&mut peer, &frame).await;
    frame["request_id"] = json!("r-2");
    let second = result(&mut peer, &frame).await;
    assert_eq!(first["message_id"], second["message_id"]);
    frame["body"] = json!("something else");
    assert_eq!(
        result(&mut peer, &frame).await["code"],
        "idempotency_mismatch"
    );
    frame["idempotency_key"] = json!("not visible\n");
    assert_eq!(result(&mut peer, &frame).await["code"], "validation_failed");
    let mut recipient = relay.session(&agent(2)).await;
    assert_eq!(recipient.message().await.1, json!("once"));
    recipient.assert_quiet().await;
}

#[tokio::test]
async fn sends_in_a_row_are_accepted_in_their_order() {
    const COUNT: usize = 300;
    let relay = Relay::start().await;
    let mut alice = relay.session(&agent(1)).await;
    let mut bob = relay.session(&agent(2)).await;
    for number in 0..COUNT {
        alice
            .say(&send_frame(&number.to_string(), &agent(2), json!(number)))
            .await;
    }
    let mut answered = BTreeSet::new();
    for _ in 0..COUNT {
        let sent = alice.expect("send_result").await;
        assert_eq!(sent["status"], "sent");
        answered.insert(sent["request_id"].as_str().unwrap().to_owned());
    }
    assert_eq!(
        answered.len(),
        COUNT,
        "each is answered once, in whatever order"
    );
    let expected: Vec<Value> = (0..COUNT).map(Value::from).collect();
    assert_eq!(bob.bodies(COUNT).await, expected);
}

#[tokio::test]
async fn a_message_sent_before_the_connection_breaks_still_arrives_at_once() {
    let relay = Relay::start().await;
    let mut bob = relay.session(&agent(2)).await;
    for number in 0..20 {
        let mut alice = relay.session(&agent(1)).await;
        alice.say(&send_frame("r", &agent(2), json!(number))).await;
        drop(alice);
        assert_eq!(bob.message().await.1, json!(number));
    }
}

#[tokio::test]
async fn an_attachment_must_be_the_senders_to_give() {
    let relay = Relay::start().await;
    let mut alice = relay.session(&agent(1)).await;
    let mut frame = send_frame("r", &agent(2), Value::Null);
    let blob_id = format!("blob_{}", "0".repeat(64));
    frame["attachments"] = json!([{ "blob_id": blob_id }]);
    let refused = result(&mut alice, &frame).await;
    assert_eq!(
        (&refused["status"], &refused["code"]),
        (&json!("error"), &json!("blob_not_found"))
    );
    assert!(
        refused["error"].as_str().unwrap().contains(&blob_id),
        "{refused}"
    );
}
