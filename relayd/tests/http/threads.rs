//! Threads (protocol A4.10).

use crate::harness::{agent, relay};

#[tokio::test]
async fn a_thread_shows_both_directions_to_its_members() {
    let (relay, alice, bob, eve) = (relay(&[]), agent(1), agent(2), agent(3));
    for (from, to, body) in [
        (&alice, &bob, 1),
        (&bob, &alice, 2),
        (&alice, &bob, 3),
        (&eve, &bob, 4),
    ] {
        let body = format!(
            r#"{{"recipient_key":"{}","body":{body},"thread_id":"conv/1 ü?x"}}"#,
            to.key()
        );
        relay.post(from, "/v1/messages", &body).await.expect(202);
    }
    let target = "/v1/messages/threads/conv%2F1%20%C3%BC%3Fx";
    assert_eq!(relay.bodies(&alice, target).await, [1, 2, 3]);
    assert_eq!(relay.bodies(&bob, target).await, [1, 2, 3, 4]);
    assert_eq!(relay.bodies(&eve, target).await, [4]);
    assert_eq!(
        relay.bodies(&eve, "/v1/messages/threads/status").await,
        [0; 0]
    );
    // Reading a thread takes nothing over.
    assert_eq!(relay.bodies(&bob, "/v1/messages").await, [1, 3, 4]);
}

#[tokio::test]
async fn a_thread_has_pages() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    for number in 0..5 {
        let body = format!(
            r#"{{"recipient_key":"{}","body":{number},"thread_id":"t"}}"#,
            bob.key()
        );
        relay.post(&alice, "/v1/messages", &body).await.expect(202);
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = relay
            .get(
                &bob,
                &format!("/v1/messages/threads/t?limit=2&cursor={cursor}"),
            )
            .await
            .expect(200)
            .json();
        seen.extend(
            page["messages"]
                .as_array()
                .unwrap()
                .iter()
                .map(|message| message["body"].clone()),
        );
        assert_eq!(page["has_more"], page["next_cursor"].is_string());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
        assert!(seen.len() < 10);
    }
    assert_eq!(seen, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    relay
        .get(&alice, "/v1/messages/threads/t?limit=101")
        .await
        .violates("limit");
    relay
        .get(&alice, "/v1/messages/threads/t?cursor=x")
        .await
        .violates("cursor");
    let long = relay
        .get(&alice, &format!("/v1/messages/threads/{}", "t".repeat(129)))
        .await;
    long.violates("thread_id");
    assert_eq!(long.json()["error"]["details"]["actual"], 129);
    relay
        .get(&alice, "/v1/messages/threads/%ff")
        .await
        .violates("thread_id");
    relay
        .get(&alice, &format!("/v1/messages/threads/{}", "t".repeat(128)))
        .await
        .expect(200);
    // A cursor of an inbox is none of a thread.
    for _ in 0..2 {
        relay.send(&alice, &bob, "1").await;
    }
    let page = relay
        .get(&bob, "/v1/messages?limit=1")
        .await
        .expect(200)
        .json();
    let cursor = page["next_cursor"].as_str().unwrap();
    relay
        .get(&bob, &format!("/v1/messages/threads/t?cursor={cursor}"))
        .await
        .violates("cursor");
}
