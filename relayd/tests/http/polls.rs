//! Polling (protocol A4.6 to A4.8).

use crate::harness::{PATIENCE, TestRelay, agent, relay};
use serde_json::json;
use std::time::Duration;

async fn three_messages() -> TestRelay {
    let relay = relay(&[]);
    for number in 0..3 {
        relay.send(&agent(1), &agent(2), &number.to_string()).await;
    }
    relay
}

#[tokio::test]
async fn a_poll_hands_out_oldest_first_and_marks() {
    let (relay, bob) = (three_messages().await, agent(2));
    let page = relay
        .get(&bob, "/v1/messages?limit=2")
        .await
        .expect(200)
        .json();
    assert_eq!(page["messages"][0]["body"], 0);
    assert_eq!(page["messages"][0]["status"], "sent");
    assert_eq!(page["messages"].as_array().unwrap().len(), 2);
    assert_eq!(page["has_more"], true);
    assert!(page["next_cursor"].is_string());
    assert_eq!(relay.bodies(&bob, "/v1/messages").await, [2]);
    let page = relay.get(&bob, "/v1/messages").await.expect(200).json();
    assert_eq!(
        page,
        json!({"messages": [], "has_more": false, "next_cursor": null})
    );
    let delivered = relay
        .get(&bob, "/v1/messages?status=delivered")
        .await
        .expect(200)
        .json();
    assert_eq!(delivered["messages"].as_array().unwrap().len(), 3);
    assert_eq!(delivered["messages"][0]["status"], "delivered");
    assert!(delivered["messages"][0]["delivered_at"].is_string());
    assert_eq!(
        relay.bodies(&bob, "/v1/messages?status=expired").await,
        [0; 0]
    );
}

#[tokio::test]
async fn a_manual_poll_and_a_head_mark_nothing() {
    let (relay, bob) = (three_messages().await, agent(2));
    for _ in 0..2 {
        assert_eq!(
            relay.bodies(&bob, "/v1/messages?ack=manual").await,
            [0, 1, 2]
        );
    }
    let head = relay
        .answer(bob.request("HEAD", "/v1/messages", ""))
        .await
        .expect(200);
    assert_eq!(head.text, "");
    assert_eq!(relay.bodies(&bob, "/v1/messages?ack=auto").await, [0, 1, 2]);
    assert_eq!(relay.bodies(&bob, "/v1/messages").await, [0; 0]);
}

#[tokio::test]
async fn a_cursor_goes_on_behind_what_was_seen() {
    let (relay, alice, bob) = (three_messages().await, agent(1), agent(2));
    let first = relay
        .get(&bob, "/v1/messages?ack=manual&limit=1")
        .await
        .expect(200)
        .json();
    assert_eq!(first["messages"][0]["body"], 0);
    // What is delivered or comes meanwhile neither moves nor hides what is behind the cursor.
    let id = first["messages"][0]["message_id"].as_str().unwrap();
    relay
        .post(&bob, &format!("/v1/messages/{id}/ack"), "")
        .await
        .expect(204);
    relay.send(&alice, &bob, "3").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = relay
        .bodies(&bob, &format!("/v1/messages?ack=manual&cursor={cursor}"))
        .await;
    assert_eq!(rest, [1, 2, 3]);
    assert_eq!(
        relay.bodies(&bob, "/v1/messages?ack=manual&cursor=").await,
        [1, 2, 3]
    );
}

#[tokio::test]
async fn filters_choose() {
    let (relay, alice, bob, carol) = (relay(&[]), agent(1), agent(2), agent(3));
    let to_bob = |fields: &str| format!(r#"{{"recipient_key":"{}",{fields}}}"#, bob.key());
    relay
        .post(
            &alice,
            "/v1/messages",
            &to_bob(r#""body":1,"thread_id":"t 1""#),
        )
        .await
        .expect(202);
    relay
        .post(
            &alice,
            "/v1/messages",
            &to_bob(r#""body":2,"in_reply_to":"msg_x""#),
        )
        .await
        .expect(202);
    relay
        .post(
            &carol,
            "/v1/messages",
            &to_bob(r#""body":3,"thread_id":"t 1""#),
        )
        .await
        .expect(202);
    for (filter, expected) in [
        (format!("sender_key={}", alice.key()), &[1, 2][..]),
        (format!("sender_key={}&thread_id=t+1", carol.key()), &[3]),
        ("thread_id=t%201".to_owned(), &[1, 3]),
        ("in_reply_to=msg_x".to_owned(), &[2]),
        ("in_reply_to=other".to_owned(), &[]),
        ("unknown=x&limit=100".to_owned(), &[1, 2, 3]),
    ] {
        assert_eq!(
            relay
                .bodies(&bob, &format!("/v1/messages?ack=manual&{filter}"))
                .await,
            expected,
            "{filter}"
        );
    }
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let (relay, bob) = (relay(&[]), agent(2));
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("limit=1&limit=2", "limit"),
        ("wait=31", "wait"),
        ("wait=-1", "wait"),
        ("status=read", "status"),
        ("ack=yes", "ack"),
        ("cursor=x", "cursor"),
        ("sender_key=x", "sender_key"),
        ("thread_id=", "thread_id"),
        ("a=%zz", "query"),
    ] {
        relay
            .get(&bob, &format!("/v1/messages?{query}"))
            .await
            .violates(field);
    }
    let long = "t".repeat(129);
    relay
        .get(&bob, &format!("/v1/messages?in_reply_to={long}"))
        .await
        .violates("in_reply_to");
}

#[tokio::test]
async fn a_poll_that_waits_is_answered_by_what_arrives() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    // The time to wait is far longer than the test may take: the answer can only come from the message.
    let target = format!("/v1/messages?wait=30&sender_key={}", alice.key());
    let waiting = async {
        let page = tokio::time::timeout(PATIENCE, relay.get(&bob, &target))
            .await
            .unwrap();
        page.expect(200).json()["messages"][0]["body"].clone()
    };
    let sending = async {
        tokio::task::yield_now().await;
        // One that the filter leaves out wakes the poll, and is not its answer.
        relay.send(&agent(3), &bob, "1").await;
        relay.send(&alice, &bob, "2").await;
    };
    let (body, ()) = tokio::join!(waiting, sending);
    assert_eq!(body, 2);
    assert_eq!(relay.bodies(&bob, "/v1/messages").await, [1]);
}

#[tokio::test]
async fn a_poll_that_waits_in_vain_is_answered_with_nothing() {
    let (relay, bob) = (relay(&[]), agent(2));
    let started = std::time::Instant::now();
    assert_eq!(relay.bodies(&bob, "/v1/messages?wait=1").await, [0; 0]);
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(relay.bodies(&bob, "/v1/messages?wait=0").await, [0; 0]);
}
