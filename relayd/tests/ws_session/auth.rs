//! How a session begins, and how it does not.

use crate::rig::{Relay, agent, auth_frame, close_code, soon, text_frame};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn a_signed_first_frame_begins_a_session() {
    let relay = Relay::start().await;
    let mut peer = relay.session(&agent(1)).await;
    peer.assert_quiet().await;
}

#[tokio::test]
async fn a_bad_signature_is_told_and_closed_with_4001() {
    let relay = Relay::start().await;
    let mut peer = relay.connect().await;
    let mut frame = auth_frame(&agent(1));
    frame["public_key"] = json!(agent(2).public());
    peer.say(&frame).await;
    let result = peer.hear().await;
    assert_eq!(result["type"], "auth_result");
    assert_eq!(result["status"], "error");
    assert_eq!(result["code"], "invalid_signature");
    assert!(
        result["error"]
            .as_str()
            .is_some_and(|error| !error.is_empty())
    );
    assert_eq!(peer.closed().await, 4001);
}

#[tokio::test]
async fn an_auth_frame_is_good_once() {
    let relay = Relay::start().await;
    let frame = auth_frame(&agent(1));
    let mut first = relay.connect().await;
    first.say(&frame).await;
    assert_eq!(first.hear().await["status"], "ok");
    let mut second = relay.connect().await;
    second.say(&frame).await;
    assert_eq!(second.hear().await["code"], "replay_detected");
    assert_eq!(second.closed().await, 4001);
    first.assert_quiet().await;
}

#[tokio::test]
async fn silence_is_closed_with_4003() {
    let relay =
        Relay::with(|config| config.timeouts.websocket_auth = Duration::from_millis(100)).await;
    assert_eq!(relay.connect().await.closed().await, 4003);
}

#[tokio::test]
async fn what_comes_first_must_be_auth() {
    let relay = Relay::start().await;
    let frames = [
        Message::text("{"),
        Message::text("[]"),
        Message::text(r#"{"type":"nonsense"}"#),
        Message::text(r#"{"type":"auth"}"#),
        Message::text(r#"{"type":"ping"}"#),
        Message::text(r#"{"type":"ack","message_id":"msg_1_2"}"#),
        Message::binary("{}"),
    ];
    for frame in frames {
        let mut peer = relay.connect().await;
        peer.send(frame.clone()).await;
        assert_eq!(peer.closed().await, 4000, "{frame:?}");
    }
}

#[tokio::test]
async fn what_comes_later_must_make_sense() {
    let relay = Relay::start().await;
    let frames = [
        Message::text("no JSON"),
        Message::text(r#"{"type":"nonsense"}"#),
        Message::text(r#"{"type":"ack"}"#),
        Message::text(auth_frame(&agent(1)).to_string()),
        Message::binary("{}"),
    ];
    for frame in frames {
        let mut peer = relay.session(&agent(1)).await;
        peer.send(frame.clone()).await;
        assert_eq!(peer.closed().await, 4000, "{frame:?}");
    }
}

#[tokio::test]
async fn a_third_connection_is_refused_while_two_are_alive() {
    let relay = Relay::with(|config| {
        // Longer than this test may take: it is the answers that decide.
        config.timeouts.websocket_probe = Duration::from_secs(60);
        config.timeouts.websocket_auth = Duration::from_secs(120);
    })
    .await;
    let alive = [
        relay.session(&agent(1)).await,
        relay.session(&agent(1)).await,
    ];
    let staying = alive.map(|peer| tokio::spawn(peer.stay()));
    let mut third = relay.connect().await;
    third.say(&auth_frame(&agent(1))).await;
    let result = third.hear().await;
    assert_eq!(result["status"], "error", "{result}");
    assert_eq!(third.closed().await, 4002);
    assert!(staying.iter().all(|staying| !staying.is_finished()));
    let mut other = relay.session(&agent(2)).await;
    other.assert_quiet().await;
}

#[tokio::test]
async fn a_third_connection_takes_the_place_of_one_that_does_not_answer() {
    let relay =
        Relay::with(|config| config.timeouts.websocket_probe = Duration::from_millis(200)).await;
    // Pings are answered while a peer is read, and this one is not.
    let mut silent = relay.session(&agent(1)).await;
    let alive = relay.session(&agent(1)).await;
    let staying = tokio::spawn(alive.stay());
    let mut third = relay.session(&agent(1)).await;
    third.assert_quiet().await;
    assert_eq!(silent.closed().await, 4004);
    assert!(!staying.is_finished());
}

#[tokio::test]
async fn a_place_is_free_again_when_its_connection_has_ended() {
    let relay = Relay::start().await;
    for _ in 0..5 {
        let first = relay.session(&agent(1)).await;
        let second = relay.session(&agent(1)).await;
        drop((first, second));
    }
}

#[tokio::test]
async fn deleting_the_agent_closes_its_sockets_with_4005() {
    let relay = Relay::start().await;
    let mut first = relay.session(&agent(1)).await;
    let mut second = relay.session(&agent(1)).await;
    let mut other = relay.session(&agent(2)).await;
    let target = format!("/v1/agents/{}", agent(1).public());
    let answer = relay.request(&agent(1), "DELETE", &target, "").await;
    assert!((200..300).contains(&answer.status), "{}", answer.body);
    assert_eq!(first.closed().await, 4005);
    assert_eq!(second.closed().await, 4005);
    other.assert_quiet().await;
}

#[tokio::test]
async fn what_is_no_upgrade_is_answered_with_what_would_be_one() {
    let relay = Relay::start().await;
    let answer = relay.raw_request("GET /v1/ws HTTP/1.1", "", "").await;
    assert_eq!(answer.status, 426);
    assert_eq!(answer.body["error"]["code"], "bad_request");
    assert!(
        answer.head.contains("upgrade: websocket"),
        "{}",
        answer.head
    );
    let head = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    let answer = relay.raw_request("GET /v1/ws HTTP/1.1", head, "").await;
    assert_eq!(answer.status, 400);
    assert!(answer.body["error"]["request_id"].is_string());
}

#[tokio::test]
async fn frames_must_be_masked() {
    let relay = Relay::start().await;
    let mut stream = relay.upgraded().await;
    stream.write_all(&[0x81, 2, b'{', b'}']).await.unwrap();
    let mut received = Vec::new();
    soon("a close frame", stream.read_to_end(&mut received))
        .await
        .unwrap();
    assert_eq!(close_code(&received), Some(4000));
}

#[tokio::test]
async fn a_message_in_too_many_fragments_is_closed_with_4000() {
    let relay = Relay::start().await;
    for (fragments, reason) in [(1024, "unknown frame type"), (1025, "1024 fragments")] {
        let mut stream = relay.upgraded().await;
        let mut bytes = text_frame(r#"{"type":"x""#);
        bytes[0] = 0x01;
        for _ in 2..fragments {
            bytes.extend([0, 0x80, 0, 0, 0, 0]);
        }
        bytes.extend([0x80, 0x81, 0, 0, 0, 0, b'}']);
        stream.write_all(&bytes).await.unwrap();
        let mut received = Vec::new();
        soon("a close frame", stream.read_to_end(&mut received))
            .await
            .unwrap();
        assert_eq!(close_code(&received), Some(4000));
        let text = String::from_utf8_lossy(&received);
        assert!(text.contains(reason), "{fragments}: {text}");
    }
}
