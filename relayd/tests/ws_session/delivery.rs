//! What is pushed, in which order, and what an acknowledgement does (protocol A4.5, A4.6, A8.1, A8.2, A8.6).

use crate::rig::{Peer, Relay, agent, auth_frame};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio_tungstenite::tungstenite::Message;

fn numbers(range: std::ops::Range<usize>) -> Vec<Value> {
    range.map(Value::from).collect()
}

#[tokio::test]
async fn the_backlog_comes_first_and_live_mail_after_it_all_in_order() {
    let relay = Relay::start().await;
    let (alice, bob) = (agent(1), agent(2));
    for number in 0..20 {
        relay.send(&alice, &bob, json!(number)).await;
    }
    let mut peer = relay.session(&bob).await;
    for number in 20..40 {
        relay.send(&alice, &bob, json!(number)).await;
    }
    assert_eq!(peer.bodies(40).await, numbers(0..40));
    for number in 40..45 {
        relay.send(&alice, &bob, json!(number)).await;
        assert_eq!(
            peer.message().await.1,
            json!(number),
            "live mail waits for nothing"
        );
    }
}

#[tokio::test]
async fn a_body_comes_as_it_was_sent() {
    let relay = Relay::start().await;
    let body = r#"{"z":1.0,"a":[1e3, 0.10,"\u00e9é"],"z2":123456789012345678901234567890}"#;
    let request = format!(
        r#"{{"recipient_key":"{}","body":{body}}}"#,
        agent(2).public()
    );
    assert_eq!(
        relay
            .request(&agent(1), "POST", "/v1/messages", &request)
            .await
            .status,
        202
    );
    let mut peer = relay.session(&agent(2)).await;
    let Message::Text(text) = peer.next().await.unwrap().unwrap() else {
        panic!("no text frame");
    };
    assert!(text.contains(&format!(r#""body":{body}"#)), "{text}");
}

#[tokio::test]
async fn an_acked_message_is_delivered_and_does_not_come_again() {
    let relay = Relay::start().await;
    let (alice, bob) = (agent(1), agent(2));
    relay.send(&alice, &bob, json!("first")).await;
    relay.send(&alice, &bob, json!("second")).await;
    let mut peer = relay.session(&bob).await;
    let (first, _) = peer.message().await;
    let (second, _) = peer.message().await;
    peer.ack(&first).await;
    relay.until_status(&alice, &first, "delivered").await;
    drop(peer);
    let mut again = relay.session(&bob).await;
    let (repeated, body) = again.message().await;
    assert_eq!(
        (repeated.as_str(), body),
        (second.as_str(), json!("second"))
    );
    again.ack(&second).await;
    relay.until_status(&alice, &second, "delivered").await;
    relay.session(&bob).await.assert_quiet().await;
}

#[tokio::test]
async fn acks_of_what_is_not_there_are_ignored() {
    let relay = Relay::start().await;
    let id = relay.send(&agent(1), &agent(2), json!("for another")).await;
    let mut peer = relay.session(&agent(3)).await;
    for id in ["nonsense", "msg_1_000000000000", &id] {
        peer.ack(id).await;
    }
    peer.assert_quiet().await;
    let mut recipient = relay.session(&agent(2)).await;
    assert_eq!(
        recipient.message().await.0,
        id,
        "nobody else can take a message over"
    );
}

#[tokio::test]
async fn what_a_poll_handed_out_is_not_pushed() {
    let relay = Relay::start().await;
    relay.send(&agent(1), &agent(2), json!("polled")).await;
    let page = relay.request(&agent(2), "GET", "/v1/messages", "").await;
    assert_eq!(page.body["messages"][0]["body"], "polled");
    let mut peer = relay.session(&agent(2)).await;
    relay.send(&agent(1), &agent(2), json!("pushed")).await;
    assert_eq!(peer.message().await.1, json!("pushed"));
}

#[tokio::test]
async fn what_a_socket_leaves_unacked_goes_to_the_other() {
    let relay = Relay::start().await;
    let (alice, bob) = (agent(1), agent(2));
    let mut first = relay.session(&bob).await;
    for number in 0..5 {
        relay.send(&alice, &bob, json!(number)).await;
    }
    assert_eq!(first.bodies(5).await, numbers(0..5));
    let mut second = relay.session(&bob).await;
    second.assert_quiet().await;
    drop(first);
    assert_eq!(second.bodies(5).await, numbers(0..5));
    relay.send(&alice, &bob, json!(5)).await;
    assert_eq!(second.message().await.1, json!(5));
}

#[tokio::test]
async fn an_ack_counts_on_either_socket() {
    let relay = Relay::start().await;
    let (alice, bob) = (agent(1), agent(2));
    let mut first = relay.session(&bob).await;
    let id = relay.send(&alice, &bob, json!("hello")).await;
    assert_eq!(first.message().await.0, id);
    let mut second = relay.session(&bob).await;
    second.ack(&id).await;
    relay.until_status(&alice, &id, "delivered").await;
    drop(first);
    second.assert_quiet().await;
}

#[tokio::test]
async fn a_second_socket_takes_its_share_of_senders_with_nothing_in_flight() {
    const SENDERS: u8 = 16;
    let relay = Relay::start().await;
    let bob = agent(200);
    let mut first = relay.session(&bob).await;
    for sender in 0..SENDERS {
        let id = relay.send(&agent(sender + 1), &bob, json!("before")).await;
        assert_eq!(first.message().await.0, id);
        first.ack(&id).await;
        relay
            .until_status(&agent(sender + 1), &id, "delivered")
            .await;
    }
    let mut second = relay.session(&bob).await;
    for sender in 0..SENDERS {
        relay.send(&agent(sender + 1), &bob, json!("after")).await;
    }
    let mut shares = [0, 0];
    for _ in 0..SENDERS {
        tokio::select! {
            _ = first.message() => shares[0] += 1,
            _ = second.message() => shares[1] += 1,
        }
    }
    // All sixteen land on one side once in 32,768 times.
    assert!(shares[0] > 0 && shares[1] > 0, "{shares:?}");
}

/// The next message: its sender and its number.
async fn numbered(peer: &mut Peer) -> (String, u64) {
    let frame = peer.expect("message").await;
    let sender = frame["message"]["sender_key"].as_str().unwrap().to_owned();
    (sender, frame["message"]["body"].as_u64().unwrap())
}

#[tokio::test]
async fn two_sockets_share_the_mail_and_each_sender_keeps_its_order() {
    const SENDERS: u8 = 8;
    const EACH: u64 = 10;
    let relay = Relay::start().await;
    let bob = agent(200);
    let mut first = relay.session(&bob).await;
    let mut second = relay.session(&bob).await;
    for number in 0..EACH {
        for sender in 0..SENDERS {
            relay.send(&agent(sender + 1), &bob, json!(number)).await;
        }
    }
    let mut seen: BTreeMap<String, (usize, Vec<u64>)> = BTreeMap::new();
    for _ in 0..u64::from(SENDERS) * EACH {
        let (socket, (sender, number)) = tokio::select! {
            message = numbered(&mut first) => (0, message),
            message = numbered(&mut second) => (1, message),
        };
        let (pinned, numbers) = seen.entry(sender).or_insert((socket, Vec::new()));
        assert_eq!(*pinned, socket, "a sender is pinned to one socket");
        numbers.push(number);
    }
    assert_eq!(seen.len(), usize::from(SENDERS));
    for (_, numbers) in seen.values() {
        assert_eq!(*numbers, (0..EACH).collect::<Vec<_>>());
    }
    first.assert_quiet().await;
    second.assert_quiet().await;
}

#[tokio::test]
async fn a_message_too_large_for_a_client_is_announced_and_stays() {
    let relay = Relay::start().await;
    let (alice, bob) = (agent(1), agent(2));
    // The body is at its own limit, so the frame is beyond what any client takes.
    let body = "x".repeat((1 << 20) - 2);
    let id = relay.send(&alice, &bob, json!(body)).await;
    relay.send(&alice, &bob, json!("small")).await;
    let mut peer = relay.session(&bob).await;
    let pending = peer.expect("pending").await;
    assert_eq!(pending["message_id"], json!(id));
    assert!(
        pending["size"].as_u64().is_some_and(|size| size > 1 << 20),
        "{pending}"
    );
    assert_eq!(peer.message().await.1, json!("small"));
    drop(peer);
    let mut able = relay.connect().await;
    let mut auth = auth_frame(&bob);
    auth["max_frame"] = json!(2 << 20);
    able.say(&auth).await;
    assert_eq!(able.hear().await["status"], "ok");
    assert_eq!(able.message().await, (id, json!(body)));
}

#[tokio::test]
async fn a_backlog_larger_than_the_buffer_comes_whole_and_in_order() {
    let relay = Relay::start().await;
    let (alice, bob) = (agent(1), agent(2));
    let body = |number: usize| json!(format!("{number} {}", "x".repeat(number % 5 * 60_000)));
    for number in 0..40 {
        relay.send(&alice, &bob, body(number)).await;
    }
    let mut peer = relay.session(&bob).await;
    for number in 0..40 {
        assert_eq!(peer.message().await.1, body(number));
    }
    peer.assert_quiet().await;
}

#[tokio::test]
async fn a_frame_beyond_two_mebibytes_is_closed_with_1009() {
    let relay = Relay::start().await;
    // One of two MiB is taken in, and found to be no frame of ours.
    for (size, code) in [(2 << 20, 4000), ((2 << 20) + 1, 1009)] {
        let mut peer = relay.session(&agent(1)).await;
        peer.try_send(Message::text("x".repeat(size))).await;
        assert_eq!(peer.closed().await, code);
    }
}
