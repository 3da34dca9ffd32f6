//! How a session lives and ends (protocol A8.4, A8.5, A8.7).

use crate::rig::{Relay, agent, auth_frame, close_code, soon, text_frame};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn the_relay_pings_both_ways() {
    let relay = Relay::with(|config| {
        config.websocket.ping = Duration::from_millis(100);
        config.websocket.pong_timeout = Duration::from_millis(90);
    })
    .await;
    let mut peer = relay.session(&agent(1)).await;
    let (mut texts, mut pings) = (0, 0);
    while texts < 3 || pings < 3 {
        match peer.next().await.unwrap().unwrap() {
            Message::Text(text) => {
                assert_eq!(text.as_str(), r#"{"type":"ping"}"#);
                texts += 1;
            }
            Message::Ping(_) => pings += 1,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn who_does_not_answer_is_closed_with_4004() {
    let relay = Relay::with(|config| {
        config.websocket.ping = Duration::from_millis(100);
        config.websocket.pong_timeout = Duration::from_millis(50);
    })
    .await;
    let mut silent = relay.upgraded().await;
    silent
        .write_all(&text_frame(&auth_frame(&agent(1)).to_string()))
        .await
        .unwrap();
    let mut received = Vec::new();
    soon("the end", silent.read_to_end(&mut received))
        .await
        .unwrap();
    assert_eq!(close_code(&received), Some(4004));
    let text = String::from_utf8_lossy(&received);
    assert!(
        text.contains(r#""status":"ok""#) && text.contains(r#"{"type":"ping"}"#),
        "{text}"
    );
}

#[tokio::test]
async fn a_client_may_ping_too_but_not_too_often() {
    let relay = Relay::start().await;
    let mut peer = relay.session(&agent(1)).await;
    for _ in 0..5 {
        peer.assert_quiet().await;
    }
    for _ in 0..100 {
        peer.try_send(Message::text(json!({ "type": "pong" }).to_string()))
            .await;
    }
    loop {
        match peer.next().await {
            Some(Ok(Message::Close(Some(frame)))) => {
                return assert_eq!(u16::from(frame.code), 4000);
            }
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn who_takes_nothing_is_closed_and_loses_nothing() {
    let relay = Relay::with(|config| {
        config.limits.sockets_per_agent = 1;
        config.timeouts.websocket_stall = Duration::from_millis(200);
        config.timeouts.websocket_close = Duration::from_millis(100);
        // Long enough that it is not what makes the place free.
        config.timeouts.websocket_probe = Duration::from_secs(30);
        config.timeouts.websocket_auth = Duration::from_secs(60);
    })
    .await;
    let (alice, bob) = (agent(1), agent(2));
    // More than the system's buffers hold for a connection that nobody reads.
    for _ in 0..20 {
        relay.send(&alice, &bob, json!("x".repeat(900_000))).await;
    }
    let mut deaf = relay.upgraded().await;
    deaf.write_all(&text_frame(&auth_frame(&bob).to_string()))
        .await
        .unwrap();
    let mut first = [0; 2];
    soon("the first frame", deaf.read_exact(&mut first))
        .await
        .unwrap();
    let mut peer = relay.session(&bob).await;
    assert_eq!(peer.bodies(20).await.len(), 20);
}

#[tokio::test]
async fn a_relay_that_ends_says_when_to_come_again() {
    let mut relay = Relay::start().await;
    let mut first = relay.session(&agent(1)).await;
    let mut second = relay.session(&agent(2)).await;
    let mut nobody = relay.connect().await;
    relay.begin_shutdown();
    for peer in [&mut first, &mut second] {
        let going = peer.expect("going_away").await;
        let after = going["reconnect_after"].as_u64().unwrap();
        assert!((1..=30).contains(&after), "{going}");
        assert_eq!(peer.closed().await, 1001);
    }
    nobody.expect("going_away").await;
    assert_eq!(nobody.closed().await, 1001);
    drop((first, second, nobody));
    relay.ended().await;
}

#[tokio::test]
async fn a_peer_that_closes_is_answered() {
    let relay = Relay::start().await;
    let mut peer = relay.session(&agent(1)).await;
    peer.send(Message::Close(None)).await;
    loop {
        match soon("the end", peer.next()).await {
            Some(Ok(Message::Close(_))) => {}
            None => return,
            other => panic!("{other:?}"),
        }
    }
}
