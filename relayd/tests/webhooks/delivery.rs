//! One receiver: what it gets, and what follows from its answers.

use crate::receiver::{Answer, Received, Receiver};
use crate::rig::{Agent, Relay, SECRET, agent, ask, eventually, fresh_time, soon};
use futures_util::{SinkExt as _, StreamExt as _};
use mrp_proto::base64url;
use mrp_proto::sign::websocket_bytes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// HMAC-SHA256 (RFC 2104), written out.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let padded = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key).for_each(|(pad, key)| *pad ^= key);
        block
    };
    let inner = Sha256::new()
        .chain_update(padded(0x36))
        .chain_update(text)
        .finalize();
    let outer = Sha256::new().chain_update(padded(0x5c)).chain_update(inner);
    outer.finalize().to_vec()
}

fn check_signatures(delivery: &Received) {
    use base64::Engine as _;
    let key = base64url::decode(SECRET).unwrap();
    let hex: String = hmac(&key, delivery.body.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(delivery.header("x-m2m-webhook-signature"), hex);
    let (id, time) = (
        delivery.header("webhook-id"),
        delivery.header("webhook-timestamp"),
    );
    assert_eq!(delivery.header("x-m2m-delivery-id"), id);
    let signed = format!("{id}.{time}.{}", delivery.body);
    let code = base64::engine::general_purpose::STANDARD.encode(hmac(&key, signed.as_bytes()));
    assert_eq!(delivery.header("webhook-signature"), format!("v1,{code}"));
    let posted: mrp_proto::time::Timestamp =
        delivery.header("x-m2m-webhook-timestamp").parse().unwrap();
    assert_eq!(posted.unix_seconds().to_string(), time);
    assert!(posted.distance(fresh_time()) < Duration::from_secs(60));
}

#[tokio::test]
async fn mail_comes_signed_in_order_with_its_bytes_and_is_delivered() {
    let relay = Relay::start().await;
    let (alice, bob) = (agent(1), agent(2));
    let receiver = Receiver::good().await;
    // What waits already is brought, too.
    let early = relay
        .send(&alice, &bob, r#"{"b": 1.10, "a":"\u00e9"}"#)
        .await;
    let info = relay.register(&bob, &receiver.url()).await;
    assert_eq!(info["url"], receiver.url());
    assert_eq!(info["enabled"], true);
    assert_eq!(info["consecutive_failures"], 0);
    assert!(!info.to_string().contains(SECRET));
    for number in 0..10 {
        relay.send(&alice, &bob, &number.to_string()).await;
    }
    let deliveries = receiver.wait_for(11).await;
    let first = &deliveries[0];
    assert!(first.head.starts_with("POST /hook?token=t HTTP/1.1\r\n"));
    assert_eq!(first.header("host"), receiver.address.to_string());
    assert_eq!(first.header("content-type"), "application/json");
    let start = format!(r#"{{"delivery_id":"{}","message":{{"#, first.id());
    assert!(first.body.starts_with(&start), "{}", first.body);
    assert!(
        first.body.contains(r#""body":{"b": 1.10, "a":"\u00e9"},"#),
        "{}",
        first.body
    );
    let message = &first.json()["message"];
    assert_eq!(message["message_id"], early.as_str());
    assert_eq!(message["sender_key"], alice.key().to_string());
    assert_eq!(message["recipient_key"], bob.key().to_string());
    for delivery in &deliveries {
        check_signatures(delivery);
        assert_eq!(delivery.header("webhook-id"), delivery.id());
    }
    let bodies: Vec<_> = deliveries[1..].iter().map(Received::message).collect();
    assert_eq!(bodies, (0..10).map(Value::from).collect::<Vec<_>>());
    let ids: std::collections::HashSet<_> = deliveries.iter().map(Received::id).collect();
    assert_eq!(ids.len(), 11);
    eventually("the message is delivered", async || {
        (relay.status(&alice, &early).await == "delivered").then_some(())
    })
    .await;
    assert_eq!(receiver.most_at_a_time(), 1, "one of an agent at a time");
    relay.end().await;
}

#[tokio::test]
async fn what_fails_comes_again_under_the_same_id_before_anything_else() {
    let answers = [
        Answer::Status(500),
        Answer::Status(404),
        Answer::Raw("nonsense".to_owned()),
        Answer::Raw(String::new()),
        Answer::Silence,
        Answer::Trickle,
    ];
    let count = answers.len();
    let receiver = Receiver::start(move |number, _| {
        answers
            .get(number)
            .cloned()
            .unwrap_or(Answer::Raw("HTTP/1.1 204 Fine\r\n\r\n".to_owned()))
    })
    .await;
    let relay = Relay::with(|config| config.webhooks.timeout = Duration::from_millis(300)).await;
    let (alice, bob) = (agent(1), agent(2));
    relay.register(&bob, &receiver.url()).await;
    relay.send(&alice, &bob, "1").await;
    relay.send(&alice, &bob, "2").await;
    let deliveries = receiver.wait_for(count + 2).await;
    let (tries, rest) = deliveries.split_at(count + 1);
    assert!(tries.iter().all(|delivery| delivery.message() == 1));
    assert!(
        tries
            .iter()
            .all(|delivery| delivery.id() == tries[0].id() && delivery.body == tries[0].body)
    );
    assert_eq!(rest[0].message(), 2);
    eventually("no failures any more", async || {
        let info = relay.webhook(&bob).await;
        (info["consecutive_failures"] == 0 && info.get("last_error").is_none()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_owner_sees_class_and_status_and_nothing_else() {
    let receiver = Receiver::start(|_, _| {
        Answer::Raw("HTTP/1.1 503 X\r\ncontent-length: 6\r\n\r\nsecret".to_owned())
    })
    .await;
    let relay = Relay::start().await;
    let bob = agent(2);
    relay.register(&bob, &receiver.url()).await;
    relay.send(&agent(1), &bob, "1").await;
    let info = eventually("a failure", async || {
        let info = relay.webhook(&bob).await;
        (info["consecutive_failures"] != 0).then_some(info)
    })
    .await;
    assert_eq!(info["last_error"], "status 503");
    assert_eq!(info["enabled"], true);
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_leads_nowhere() {
    let trap = Receiver::good().await;
    let location = format!("http://127.0.0.2:{}/", trap.address.port());
    let also = trap.url();
    let receiver = Receiver::start(move |number, _| {
        let location = if number % 2 == 0 { &location } else { &also };
        let status = [301, 302, 303, 307, 308][number % 5];
        Answer::Raw(format!(
            "HTTP/1.1 {status} X\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
        ))
    })
    .await;
    let relay = Relay::start().await;
    relay.register(&agent(2), &receiver.url()).await;
    relay.send(&agent(1), &agent(2), "1").await;
    receiver.wait_for(6).await;
    assert_eq!(trap.connections(), 0);
}

#[tokio::test]
async fn a_message_that_is_never_taken_does_not_keep_the_others_out() {
    let receiver = Receiver::start(|_, delivery| {
        Answer::Status(if delivery.message() == "poison" {
            400
        } else {
            200
        })
    })
    .await;
    let relay = Relay::start().await;
    let (alice, bob) = (agent(1), agent(2));
    relay.register(&bob, &receiver.url()).await;
    let poison = relay.send(&alice, &bob, r#""poison""#).await;
    relay.send(&alice, &bob, r#""food""#).await;
    let deliveries = receiver.wait_for(10).await;
    let place = deliveries
        .iter()
        .position(|delivery| delivery.message() == "food");
    assert_eq!(place, Some(7), "after seven attempts");
    assert!(
        deliveries[8..]
            .iter()
            .all(|delivery| delivery.id() == deliveries[0].id()),
        "it is offered again"
    );
    // And it stays pollable.
    assert_eq!(relay.status(&alice, &poison).await, "sent");
    let page = ask(relay.address, &bob, "GET", "/v1/messages", "").await;
    assert_eq!(page.expect(200)["messages"][0]["body"], "poison");
    let before = receiver.count();
    relay.send(&alice, &bob, r#""more""#).await;
    let deliveries = receiver.wait_for(before + 1).await;
    assert_eq!(deliveries.last().unwrap().message(), "more");
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_disabled_until_it_is_registered_again() {
    let receiver = Receiver::start(|number, _| Answer::Status([410, 200][number.min(1)])).await;
    let relay = Relay::start().await;
    let (alice, bob) = (agent(1), agent(2));
    relay.register(&bob, &receiver.url()).await;
    relay.send(&alice, &bob, "1").await;
    let info = eventually("the webhook is disabled", async || {
        let info = relay.webhook(&bob).await;
        (info["enabled"] == false).then_some(info)
    })
    .await;
    assert_eq!(info["consecutive_failures"], 1);
    relay.send(&alice, &bob, "2").await;
    assert_eq!(receiver.count(), 1);
    let info = relay.register(&bob, &receiver.url()).await;
    assert_eq!(info["enabled"], true);
    assert_eq!(info["consecutive_failures"], 0);
    let deliveries = receiver.wait_for(3).await;
    assert_eq!(deliveries[1].id(), deliveries[0].id());
    assert_eq!(deliveries[2].message(), 2);
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_gets_it() {
    let asking = Receiver::start(|_, _| {
        Answer::Raw("HTTP/1.1 429 X\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n".to_owned())
    })
    .await;
    let other = Receiver::start(|number, _| Answer::Status([500, 200][number / 6])).await;
    let relay = Relay::start().await;
    let (alice, bob, carol) = (agent(1), agent(2), agent(3));
    relay.register(&bob, &asking.url()).await;
    relay.register(&carol, &other.url()).await;
    relay.send(&alice, &bob, "1").await;
    asking.wait_for(1).await;
    // By the schedule alone it would have been tried as often as this one.
    relay.send(&alice, &bob, "2").await;
    relay.send(&alice, &carol, "1").await;
    other.wait_for(7).await;
    assert_eq!(asking.count(), 1);
}

#[tokio::test]
async fn what_a_poll_has_taken_does_not_come() {
    let receiver = Receiver::start(|_, delivery| {
        Answer::Status(if delivery.message() == 3 { 200 } else { 500 })
    })
    .await;
    let relay = Relay::with(|config| {
        config.webhooks.schedule.retries = [Duration::from_millis(500); 6];
    })
    .await;
    let (alice, bob) = (agent(1), agent(2));
    relay.register(&bob, &receiver.url()).await;
    relay.send(&alice, &bob, "1").await;
    relay.send(&alice, &bob, "2").await;
    receiver.wait_for(1).await;
    let page = ask(relay.address, &bob, "GET", "/v1/messages", "").await;
    assert_eq!(page.expect(200)["messages"].as_array().unwrap().len(), 2);
    let before = receiver.count();
    relay.send(&alice, &bob, "3").await;
    let deliveries = receiver.wait_for(before + 1).await;
    assert_eq!(deliveries[before].message(), 3);
}

/// A socket with a session on it, which acknowledges nothing.
async fn connect(relay: &Relay, agent: &Agent) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(relay.address).await.unwrap();
    let url = format!("ws://{}/v1/ws", relay.address);
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    let time = fresh_time().to_string();
    let signature = agent.0.sign(&websocket_bytes(&time)).to_string();
    let auth = json!({ "type": "auth", "public_key": agent.key(), "timestamp": time, "signature": signature });
    socket.send(Message::text(auth.to_string())).await.unwrap();
    assert_eq!(frame(&mut socket, "auth_result").await["status"], "ok");
    socket
}

/// The next frame of a kind.
async fn frame(socket: &mut WebSocketStream<TcpStream>, kind: &str) -> Value {
    loop {
        let message = soon("a frame", socket.next()).await.unwrap().unwrap();
        if let Message::Text(text) = message {
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["type"] == kind {
                return frame;
            }
        }
    }
}

#[tokio::test]
async fn a_socket_comes_first() {
    let (receiver, other) = (Receiver::good().await, Receiver::good().await);
    let relay = Relay::with(|config| {
        config.webhooks.limits.socket_first = Duration::from_secs(3_600);
    })
    .await;
    let (alice, bob, carol) = (agent(1), agent(2), agent(3));
    relay.register(&bob, &receiver.url()).await;
    relay.register(&carol, &other.url()).await;
    let mut socket = connect(&relay, &bob).await;
    relay.send(&alice, &bob, "1").await;
    frame(&mut socket, "message").await;
    relay.send(&alice, &carol, "1").await;
    other.wait_for(1).await;
    assert_eq!(receiver.count(), 0, "the socket has it");
    relay.end().await;
}

#[tokio::test]
async fn the_webhook_takes_what_a_socket_does_not_acknowledge() {
    let receiver = Receiver::good().await;
    let relay = Relay::with(|config| {
        config.webhooks.limits.socket_first = Duration::from_millis(200);
    })
    .await;
    let (alice, bob) = (agent(1), agent(2));
    relay.register(&bob, &receiver.url()).await;
    let mut socket = connect(&relay, &bob).await;
    relay.send(&alice, &bob, "1").await;
    frame(&mut socket, "message").await;
    assert_eq!(receiver.wait_for(1).await[0].message(), 1);
    relay.end().await;
}

#[tokio::test]
async fn a_relay_ends_while_a_receiver_is_silent() {
    let receiver = Receiver::start(|_, _| Answer::Silence).await;
    let relay = Relay::start().await;
    relay.register(&agent(2), &receiver.url()).await;
    let id = relay.send(&agent(1), &agent(2), "1").await;
    receiver.wait_for(1).await;
    assert_eq!(relay.status(&agent(1), &id).await, "sent");
    let begun = std::time::Instant::now();
    relay.end().await;
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "not the delivery's own time"
    );
}
