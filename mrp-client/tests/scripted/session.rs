//! The session's life: up, down and up again, and what is owed to the program and to the relay meanwhile.

use crate::session_relay::{ScriptedRelay, key, message_frame, next, quick};
use crate::soon;
use mrp_client::session::{DownReason, Event, SendError, Settings};
use mrp_proto::frame::{self, SendOutcome};
use mrp_proto::message::SendRequest;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message as Frame;

fn send(request_id: &str, body: &str) -> frame::Send {
    let body = serde_json::value::to_raw_value(body).unwrap();
    frame::Send {
        request_id: request_id.to_owned(),
        idempotency_key: Some(request_id.to_owned()),
        request: SendRequest::new(&key().public(), body),
    }
}

fn reason_of(event: Event) -> (DownReason, Duration) {
    match event {
        Event::Down { reason, retry_in } => (reason, retry_in),
        other => panic!("expected the session to be down: {other:?}"),
    }
}

#[tokio::test]
async fn a_message_is_acked_when_it_is_stored_and_not_before() {
    let relay = ScriptedRelay::start().await;
    let (handle, mut events, mut peer) = relay.open(quick()).await;
    peer.say(message_frame(1)).await;
    peer.say(message_frame(2)).await;
    peer.say(r#"{"type":"ping"}"#).await;
    // The answer to the ping comes first, although it was asked last: nothing was stored yet.
    assert_eq!(peer.hear().await["type"], "pong");
    for number in [1, 2] {
        let Event::Message(message) = next(&mut events).await else {
            panic!("expected message {number}")
        };
        assert_eq!(message.body.unwrap().get(), number.to_string());
        if number == 2 {
            handle.stored(message.message_id);
        }
    }
    let ack = peer.hear().await;
    assert_eq!(ack["type"], "ack");
    assert_eq!(ack["message_id"], "msg_2_x");
}

#[tokio::test]
async fn sends_are_answered_by_name_and_refused_while_there_is_no_session() {
    let relay = ScriptedRelay::start().await;
    let (handle, mut events) = relay.session(quick());
    assert_eq!(handle.send(send("early", "x")), Err(SendError::NotUp));
    let mut peer = relay.admit().await;
    assert!(matches!(next(&mut events).await, Event::Up { .. }));
    let too_large = handle.send(send("large", &"x".repeat(2 << 20)));
    assert!(matches!(too_large, Err(SendError::TooLarge { .. })));
    handle.send(send("a", "x")).unwrap();
    let heard = peer.hear().await;
    assert_eq!(
        (&heard["type"], &heard["request_id"]),
        (&"send".into(), &"a".into())
    );
    assert_eq!(heard["idempotency_key"], "a");
    peer.say(r#"{"type":"send_result","request_id":"a","status":"sent","message_id":"msg_9_x"}"#)
        .await;
    let Event::SendResult {
        request_id,
        outcome: SendOutcome::Accepted { message_id, .. },
    } = next(&mut events).await
    else {
        panic!("expected the result")
    };
    assert_eq!((&*request_id, message_id.as_str()), ("a", "msg_9_x"));
    peer.vanish();
    reason_of(next(&mut events).await);
    assert_eq!(handle.send(send("late", "x")), Err(SendError::NotUp));
}

#[tokio::test]
async fn what_is_too_large_to_be_pushed_is_announced() {
    let relay = ScriptedRelay::start().await;
    let (_handle, mut events, mut peer) = relay.open(quick()).await;
    peer.say(r#"{"type":"pending","message_id":"msg_1_x","size":1500000}"#)
        .await;
    let Event::Pending { message_id, size } = next(&mut events).await else {
        panic!("expected the announcement")
    };
    assert_eq!((message_id.as_str(), size), ("msg_1_x", 1_500_000));
}

#[tokio::test]
async fn a_lost_connection_is_made_again_with_a_new_signature() {
    let relay = ScriptedRelay::start().await;
    let (_handle, mut events) = relay.session(quick());
    let mut first = relay.accept().await;
    let first_signature = first.hear_auth().await;
    first.vanish();
    let (reason, retry_in) = reason_of(next(&mut events).await);
    assert!(matches!(reason, DownReason::Unreachable { .. }), "{reason}");
    assert!(retry_in <= Duration::from_millis(10), "{retry_in:?}");
    let mut second = relay.accept().await;
    assert_ne!(second.hear_auth().await, first_signature);
    second.say(r#"{"type":"auth_result","status":"ok"}"#).await;
    assert!(matches!(next(&mut events).await, Event::Up { .. }));
}

#[tokio::test]
async fn a_relay_that_goes_away_says_when_to_come_back() {
    let relay = ScriptedRelay::start().await;
    let (handle, mut events, mut peer) = relay.open(quick()).await;
    peer.say(r#"{"type":"going_away","reconnect_after":17}"#)
        .await;
    let (reason, retry_in) = reason_of(next(&mut events).await);
    let reconnect_after = Duration::from_secs(17);
    assert_eq!(reason, DownReason::GoingAway { reconnect_after });
    assert_eq!(retry_in, reconnect_after);
    // A pause does not hold the end up.
    soon(handle.shutdown()).await;
    assert!(soon(events.recv()).await.is_none());
}

#[tokio::test]
async fn a_relay_that_goes_away_for_ever_is_not_believed() {
    let relay = ScriptedRelay::start().await;
    let (_handle, mut events, mut peer) = relay.open(quick()).await;
    peer.say(r#"{"type":"going_away","reconnect_after":18446744073709551615}"#)
        .await;
    let (reason, retry_in) = reason_of(next(&mut events).await);
    let reconnect_after = Duration::from_secs(24 * 3600);
    assert_eq!(reason, DownReason::GoingAway { reconnect_after });
    assert_eq!(retry_in, Duration::from_secs(60));
}

#[tokio::test]
async fn a_program_that_is_slow_to_read_does_not_make_the_relay_silent() {
    let relay = ScriptedRelay::start().await;
    let settings = Settings {
        ping: Duration::from_millis(50),
        idle_timeout: Duration::from_millis(300),
        ..quick()
    };
    let (_handle, mut events, mut peer) = relay.open(settings).await;
    // Announcements are not counted by the machine: it is the program's backlog alone that stops the reading.
    for number in 0..200 {
        peer.say(format!(
            r#"{{"type":"pending","message_id":"msg_{number}_x","size":1500000}}"#
        ))
        .await;
    }
    // The client's pings tell the time: more of it passes than a silence may last.
    let mut pings = 0;
    while pings < 20 {
        match peer.hear_anything().await {
            Some(Frame::Ping(_)) => pings += 1,
            Some(_) => {}
            None => panic!("the client has left"),
        }
    }
    for number in 0..200 {
        let event = next(&mut events).await;
        assert!(
            matches!(event, Event::Pending { .. }),
            "{number}: {event:?}"
        );
    }
}

#[tokio::test]
async fn a_refused_agent_tries_again_slowly_and_says_why() {
    let relay = ScriptedRelay::start().await;
    let (_handle, mut events) = relay.session(quick());
    let mut peer = relay.accept().await;
    peer.hear_auth().await;
    peer.say(
        r#"{"type":"auth_result","status":"error","error":"suspended","code":"agent_suspended"}"#,
    )
    .await;
    let (reason, retry_in) = reason_of(next(&mut events).await);
    assert_eq!(
        reason,
        DownReason::AuthRefused {
            error: "suspended".to_owned(),
            code: Some("agent_suspended".to_owned()),
        }
    );
    assert!(retry_in >= Duration::from_secs(30), "{retry_in:?}");
}

#[tokio::test]
async fn a_refused_upgrade_is_told_with_its_status() {
    let relay = ScriptedRelay::start().await;
    let (_handle, mut events) = relay.session(quick());
    let mut stream = relay.accept_tcp().await;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert_ne!(soon(stream.read_buf(&mut head)).await.unwrap(), 0);
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("GET /v1/ws HTTP/1.1\r\n"), "{head}");
    assert!(head.to_lowercase().contains("user-agent: mrp-client/"));
    let answer =
        b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 21\r\nContent-Length: 0\r\n\r\n";
    soon(stream.write_all(answer)).await.unwrap();
    let (reason, retry_in) = reason_of(next(&mut events).await);
    let retry_after = Some(Duration::from_secs(21));
    let status = 503;
    assert_eq!(
        reason,
        DownReason::UpgradeRefused {
            status,
            retry_after
        }
    );
    assert_eq!(Some(retry_in), retry_after);
}

#[tokio::test]
async fn a_peer_that_is_no_relay_is_left() {
    let relay = ScriptedRelay::start().await;
    let (_handle, mut events, mut peer) = relay.open(quick()).await;
    peer.say("not a frame").await;
    let (reason, _) = reason_of(next(&mut events).await);
    assert!(matches!(reason, DownReason::Nonsense { .. }), "{reason}");
    let mut stream = relay.accept_tcp().await;
    soon(stream.write_all(b"SSH-2.0-OpenSSH\r\n\r\n"))
        .await
        .unwrap();
    let (reason, _) = reason_of(next(&mut events).await);
    assert!(matches!(reason, DownReason::Nonsense { .. }), "{reason}");
}

#[tokio::test]
async fn a_frame_over_the_limit_ends_the_connection() {
    let relay = ScriptedRelay::start().await;
    let (_handle, mut events, mut peer) = relay.open(quick()).await;
    // Its first bytes are enough: what follows is not waited for, let alone kept.
    peer.announce_text((2 << 20) + 1).await;
    let (reason, _) = reason_of(next(&mut events).await);
    assert!(
        matches!(&reason, DownReason::Nonsense { what } if what.contains("2097152")),
        "{reason}"
    );
}

#[tokio::test]
async fn a_relay_that_has_fallen_silent_is_found_out() {
    let relay = ScriptedRelay::start().await;
    let settings = Settings {
        ping: Duration::from_millis(50),
        idle_timeout: Duration::from_millis(300),
        ..quick()
    };
    // The connection stays open and is not read: nothing tells the client but the silence.
    let (_handle, mut events, _peer) = relay.open(settings).await;
    let (reason, _) = reason_of(next(&mut events).await);
    assert_eq!(reason, DownReason::Silent);
}

#[tokio::test]
async fn pings_keep_a_quiet_session_alive() {
    let relay = ScriptedRelay::start().await;
    let settings = Settings {
        ping: Duration::from_millis(50),
        idle_timeout: Duration::from_secs(2),
        ..quick()
    };
    let (_handle, mut events, mut peer) = relay.open(settings).await;
    let mut pings = 0;
    while pings < 60 {
        // Reading lets the library answer: 60 pings take longer than the silence that would end the session.
        if let Some(Frame::Ping(_)) = peer.hear_anything().await {
            pings += 1;
        }
    }
    assert!(events.try_recv().is_err(), "the session ended");
}

#[tokio::test]
async fn a_slow_program_loses_nothing_and_can_still_speak() {
    let relay = ScriptedRelay::start().await;
    let (handle, mut events, mut peer) = relay.open(quick()).await;
    let count = 500;
    let mut sent = 0;
    // Nothing is read or stored meanwhile.
    while sent < count {
        peer.say(message_frame(sent)).await;
        sent += 1;
    }
    handle.send(send("meanwhile", "x")).unwrap();
    assert_eq!(peer.hear().await["request_id"], "meanwhile");
    let mut acks = tokio::spawn(async move {
        let mut acked = Vec::new();
        while acked.len() < count {
            acked.push(peer.hear().await["message_id"].clone());
        }
        (acked, peer)
    });
    for number in 0..count {
        let Event::Message(message) = next(&mut events).await else {
            panic!("expected message {number}")
        };
        assert_eq!(message.body.unwrap().get(), number.to_string());
        handle.stored(message.message_id);
    }
    let (acked, _peer) = soon(&mut acks).await.unwrap();
    let expected: Vec<_> = (0..count).map(|number| format!("msg_{number}_x")).collect();
    assert_eq!(acked, expected);
}

#[tokio::test]
async fn what_could_not_be_stored_makes_room_and_is_not_acked() {
    let relay = ScriptedRelay::start().await;
    let (handle, mut events, mut peer) = relay.open(quick()).await;
    // More than the session hands out without hearing of any.
    for number in 0..200 {
        peer.say(message_frame(number)).await;
    }
    for number in 0..200 {
        let Event::Message(message) = next(&mut events).await else {
            panic!("expected message {number}")
        };
        if number == 150 {
            handle.stored(message.message_id);
        } else {
            handle.not_stored(message.message_id);
        }
    }
    assert_eq!(peer.hear().await["message_id"], "msg_150_x");
}

#[tokio::test]
async fn shutting_down_acks_what_is_stored_and_says_goodbye() {
    let relay = ScriptedRelay::start().await;
    let (handle, mut events, mut peer) = relay.open(quick()).await;
    peer.say(message_frame(1)).await;
    let Event::Message(message) = next(&mut events).await else {
        panic!("expected the message")
    };
    handle.stored(message.message_id);
    let heard = async {
        assert_eq!(peer.hear().await["message_id"], "msg_1_x");
        let Some(Frame::Close(Some(farewell))) = peer.hear_anything().await else {
            panic!("expected a farewell")
        };
        assert_eq!(u16::from(farewell.code), 1000);
        assert!(peer.hear_anything().await.is_none());
    };
    tokio::join!(heard, soon(handle.shutdown()));
    assert!(soon(events.recv()).await.is_none());
    assert_eq!(handle.send(send("late", "x")), Err(SendError::NotUp));
    soon(handle.shutdown()).await;
}

#[tokio::test]
async fn a_session_that_nobody_holds_ends() {
    let relay = ScriptedRelay::start().await;
    let (handle, events, mut peer) = relay.open(quick()).await;
    drop(events);
    while peer.hear_anything().await.is_some() {}
    drop(handle);
    let (handle, mut events, mut peer) = relay.open(quick()).await;
    let clone = handle.clone();
    drop(handle);
    peer.say(r#"{"type":"ping"}"#).await;
    assert_eq!(peer.hear().await["type"], "pong");
    drop(clone);
    while peer.hear_anything().await.is_some() {}
    assert!(soon(events.recv()).await.is_none());
}
