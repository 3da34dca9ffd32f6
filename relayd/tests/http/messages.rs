//! Sending, and single messages (protocol A4).

use crate::harness::{Agent, Reply, TestRelay, agent, fresh_time, relay};
use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

async fn send(relay: &TestRelay, from: &Agent, to: &Agent, fields: Value) -> Reply {
    let mut body = fields;
    body["recipient_key"] = to.key().to_string().into();
    relay.post(from, "/v1/messages", &body.to_string()).await
}

#[tokio::test]
async fn a_send_is_answered_with_id_and_times() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    let accepted = send(&relay, &alice, &bob, json!({"body": {"text": "hi"}}))
        .await
        .expect(202)
        .json();
    let id = accepted["message_id"].as_str().unwrap();
    let (seconds, hex) = id.strip_prefix("msg_").unwrap().split_once('_').unwrap();
    assert!(seconds.parse::<u64>().is_ok() && hex.len() == 12, "{id}");
    assert_eq!(accepted["status"], "sent");
    let time = |name: &str| -> mrp_proto::time::Timestamp {
        accepted[name].as_str().unwrap().parse().unwrap()
    };
    assert_eq!(
        time("expires_at").since(time("created_at")).as_secs(),
        604_800
    );
    let message = relay
        .get(&bob, &format!("/v1/messages/{id}"))
        .await
        .expect(200)
        .json();
    assert_eq!(message["sender_key"], alice.key().to_string());
    assert_eq!(message["recipient_key"], bob.key().to_string());
    assert_eq!(message["content_type"], "application/json");
    assert_eq!(message["body"], json!({"text": "hi"}));
    assert_eq!(message["attachments"], json!([]));
    assert_eq!(message["status"], "sent");
}

#[tokio::test]
async fn a_body_keeps_its_bytes() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    let raw = r#"{"z": 1.0,  "a":1e2, "big":123456789012345678901234567890, "u":"\u00fc ü \ud83d\ude00", "n":-0.0, "z":2}"#;
    let id = relay.send(&alice, &bob, raw).await;
    let by_id = relay
        .get(&bob, &format!("/v1/messages/{id}"))
        .await
        .expect(200);
    assert!(by_id.text.contains(raw), "{}", by_id.text);
    let page = relay.get(&bob, "/v1/messages").await.expect(200);
    assert!(page.text.contains(raw), "{}", page.text);
    for raw in ["null", "0", "\"\"", "[]", "false"] {
        let id = relay.send(&alice, &bob, raw).await;
        let message = relay
            .get(&bob, &format!("/v1/messages/{id}"))
            .await
            .expect(200);
        assert!(
            message.text.contains(&format!("\"body\":{raw}")),
            "{}",
            message.text
        );
    }
}

#[tokio::test]
async fn a_recipient_that_is_no_key_is_not_found_and_an_unknown_one_is_fine() {
    let (relay, alice) = (relay(&[]), agent(1));
    for recipient in [
        "nonexistent",
        "",
        &"A".repeat(43),
        &format!("{}=", alice.key()),
    ] {
        let body = json!({"recipient_key": recipient, "body": 1}).to_string();
        relay
            .post(&alice, "/v1/messages", &body)
            .await
            .refused(404, "agent_not_found");
    }
    relay.send(&alice, &agent(77), "1").await;
    assert_eq!(relay.bodies(&agent(77), "/v1/messages").await, [1]);
}

#[tokio::test]
async fn each_field_holds_at_its_limit() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    let metadata: Value = (0..16)
        .map(|n| (format!("k{n}"), json!("v".repeat(256))))
        .collect();
    for fields in [
        json!({"body": 1, "expires_in": 1}),
        json!({"body": 1, "expires_in": 2_592_000}),
        json!({"body": 1, "thread_id": "ü".repeat(128), "in_reply_to": "r".repeat(128)}),
        json!({"body": 1, "content_type": "t".repeat(128)}),
        json!({"body": 1, "metadata": metadata}),
        json!({"body": "x".repeat((1 << 20) - 2)}),
        json!({"body": 1, "thread_id": null, "in_reply_to": null, "metadata": null, "attachments": []}),
    ] {
        send(&relay, &alice, &bob, fields).await.expect(202);
    }
}

#[tokio::test]
async fn each_field_refuses_one_past_its_limit() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    let metadata: Value = (0..17).map(|n| (format!("k{n}"), json!("v"))).collect();
    let attachment = json!({"blob_id": "blob_0123456789ab"});
    for (fields, field) in [
        (json!({}), "body"),
        (json!({"body": 1, "expires_in": 0}), "expires_in"),
        (json!({"body": 1, "expires_in": -1}), "expires_in"),
        (json!({"body": 1, "expires_in": 2_592_001}), "expires_in"),
        (json!({"body": 1, "expires_in": "1"}), "expires_in"),
        (
            json!({"body": 1, "thread_id": "t".repeat(129)}),
            "thread_id",
        ),
        (json!({"body": 1, "thread_id": ""}), "thread_id"),
        (
            json!({"body": 1, "in_reply_to": "t".repeat(129)}),
            "in_reply_to",
        ),
        (
            json!({"body": 1, "content_type": "t".repeat(129)}),
            "content_type",
        ),
        (json!({"body": 1, "content_type": ""}), "content_type"),
        (json!({"body": 1, "metadata": metadata}), "metadata"),
        (json!({"body": 1, "metadata": {"a": 1}}), "metadata.a"),
        (
            json!({"body": 1, "metadata": {"a": "v".repeat(257)}}),
            "metadata.a",
        ),
        (json!({"attachments": vec![attachment; 11]}), "attachments"),
        (
            json!({"attachments": [{"blob_id": "b", "filename": "../x"}]}),
            "attachments[0].filename",
        ),
    ] {
        send(&relay, &alice, &bob, fields).await.violates(field);
    }
    let details = send(
        &relay,
        &alice,
        &bob,
        json!({"body": "x".repeat((1 << 20) - 1)}),
    )
    .await;
    let details = details.refused(413, "payload_too_large");
    assert_eq!(
        (&details["limit"], &details["actual"]),
        (&json!(1 << 20), &json!((1 << 20) + 1))
    );
    assert_eq!(relay.bodies(&bob, "/v1/messages").await, [0; 0]);
}

#[tokio::test]
async fn a_whole_request_has_two_mebibytes_at_most() {
    let (relay, alice) = (relay(&[]), agent(1));
    let most = 2 << 20;
    let body = |length: usize| {
        let start = format!(
            r#"{{"recipient_key":"{}","body":1,"ignored":""#,
            alice.key()
        );
        format!("{start}{}\"}}", "x".repeat(length - start.len() - 2))
    };
    relay
        .post(&alice, "/v1/messages", &body(most))
        .await
        .expect(202);
    let details = relay
        .post(&alice, "/v1/messages", &body(most + 1))
        .await
        .refused(413, "payload_too_large");
    assert_eq!(details["limit"], most);
    // Announced as too large, it is refused before its signature is looked at, and before it is there.
    let announced = Request::post("/v1/messages")
        .header("content-length", most + 1)
        .body(Body::empty())
        .unwrap();
    relay
        .answer(announced)
        .await
        .refused(413, "payload_too_large");
}

#[tokio::test]
async fn what_is_not_json_is_refused() {
    let (relay, alice) = (relay(&[]), agent(1));
    for body in [
        "",
        "{",
        "[]",
        "1",
        "{}x",
        "\u{0}",
        r#"{"recipient_key":"x","body":01}"#,
    ] {
        relay
            .post(&alice, "/v1/messages", body)
            .await
            .refused(400, "invalid_json");
    }
    let mut bytes = alice.request("POST", "/v1/messages", "{}");
    *bytes.body_mut() = Body::from(&b"{\"body\":\"\xff\"}"[..]);
    relay.answer(bytes).await.refused(401, "invalid_signature");
    let mut bytes = format!(r#"{{"recipient_key":"{}","body":"?"}}"#, alice.key()).into_bytes();
    let mark = bytes.len() - 3;
    bytes[mark] = 0xff;
    let bytes = alice.request("POST", "/v1/messages", bytes);
    relay.answer(bytes).await.refused(400, "invalid_json");
    let deep = format!(
        r#"{{"recipient_key":"{}","body":{}1{}}}"#,
        alice.key(),
        "[".repeat(65),
        "]".repeat(65)
    );
    relay
        .post(&alice, "/v1/messages", &deep)
        .await
        .refused(400, "bad_request");
}

#[tokio::test]
async fn a_field_that_is_absent_is_named() {
    let (relay, alice) = (relay(&[]), agent(1));
    let key = alice.key();
    for (body, field) in [
        (r#"{"body":1}"#.to_owned(), "recipient_key"),
        (
            format!(r#"{{"recipient_key":"{key}","body":1,"attachments":[{{"filename":"x"}}]}}"#),
            "attachments[0].blob_id",
        ),
    ] {
        let reply = relay.post(&alice, "/v1/messages", &body).await;
        reply.violates(field);
    }
}

#[tokio::test]
async fn the_content_type_is_json_or_nothing() {
    let (relay, alice) = (relay(&[]), agent(1));
    let body = format!(r#"{{"recipient_key":"{}","body":1}}"#, alice.key());
    let with = |value: &str| {
        let mut request = alice.request("POST", "/v1/messages", &body);
        request
            .headers_mut()
            .insert("content-type", value.parse().unwrap());
        request
    };
    for good in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/problem+json",
    ] {
        relay.answer(with(good)).await.expect(202);
    }
    for bad in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "",
    ] {
        relay
            .answer(with(bad))
            .await
            .refused(415, "unsupported_media_type");
    }
}

#[tokio::test]
async fn an_attachment_that_is_not_there_is_not_found() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    let reply = send(
        &relay,
        &alice,
        &bob,
        json!({"attachments": [{"blob_id": "blob_0123456789ab"}]}),
    )
    .await;
    assert_eq!(
        reply.refused(404, "blob_not_found")["blob_id"],
        "blob_0123456789ab"
    );
}

#[tokio::test]
async fn a_closed_inbox_takes_nothing() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    relay
        .patch(&bob, r#"{"inbox_policy":"closed"}"#)
        .await
        .expect(200);
    let reply = send(&relay, &alice, &bob, json!({"body": 1})).await;
    assert_eq!(reply.refused(403, "acl_denied")["inbox_policy"], "closed");
    relay
        .patch(&bob, r#"{"inbox_policy":"allowlist"}"#)
        .await
        .expect(200);
    send(&relay, &alice, &bob, json!({"body": 1}))
        .await
        .refused(403, "acl_denied");
    send(&relay, &bob, &bob, json!({"body": 1}))
        .await
        .expect(202);
    relay
        .patch(&bob, r#"{"inbox_policy":"open"}"#)
        .await
        .expect(200);
    send(&relay, &alice, &bob, json!({"body": 1}))
        .await
        .expect(202);
}

#[tokio::test]
async fn full_inboxes_and_full_quotas_say_so() {
    let (alice, bob) = (agent(1), agent(2));
    let full = relay(&["limits.inbox_messages=8"]);
    for _ in 0..2 {
        full.send(&alice, &bob, "1").await;
    }
    let reply = send(&full, &alice, &bob, json!({"body": 1})).await;
    let details = reply.refused(507, "insufficient_storage");
    assert_eq!(
        (&details["limit"], &details["actual"]),
        (&json!(2), &json!(3))
    );
    let poor = relay(&["limits.sender_bytes=2KiB"]);
    poor.send(&alice, &bob, "1").await;
    let reply = send(&poor, &alice, &bob, json!({"body": "x".repeat(2048)})).await;
    assert_eq!(reply.refused(507, "insufficient_storage")["limit"], 2048);
}

fn keyed(from: &Agent, key: &str, body: &str) -> Request<Body> {
    let mut request = from.signed("POST", "/v1/messages", "/v1/messages", body, fresh_time());
    request
        .headers_mut()
        .insert("idempotency-key", key.parse().unwrap());
    request
}

#[tokio::test]
async fn the_same_idempotency_key_is_accepted_once() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    let body = format!(r#"{{"recipient_key":"{}","body":{{"a":1}}}}"#, bob.key());
    let first = relay
        .answer(keyed(&alice, "key-1", &body))
        .await
        .expect(202);
    assert_eq!(first.header("idempotency-replayed"), None);
    let second = relay
        .answer(keyed(&alice, "key-1", &body))
        .await
        .expect(202);
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!(second.json(), first.json());
    let other = body.replace(r#""a":1"#, r#""a":2"#);
    relay
        .answer(keyed(&alice, "key-1", &other))
        .await
        .refused(422, "idempotency_mismatch");
    let third = relay
        .answer(keyed(&alice, "key-2", &body))
        .await
        .expect(202);
    assert_ne!(third.json()["message_id"], first.json()["message_id"]);
    relay.answer(keyed(&bob, "key-1", &body)).await.expect(202);
    assert_eq!(relay.bodies(&bob, "/v1/messages").await.len(), 3);
}

#[tokio::test]
async fn an_idempotency_key_has_a_shape() {
    let (relay, alice) = (relay(&[]), agent(1));
    let body = format!(r#"{{"recipient_key":"{}","body":1}}"#, alice.key());
    relay
        .answer(keyed(&alice, &"k".repeat(64), &body))
        .await
        .expect(202);
    for wrong in ["", "two words", &"k".repeat(65)] {
        relay
            .answer(keyed(&alice, wrong, &body))
            .await
            .violates("idempotency_key");
    }
    let mut twice = keyed(&alice, "a", &body);
    twice
        .headers_mut()
        .append("idempotency-key", "b".parse().unwrap());
    relay.answer(twice).await.violates("idempotency_key");
    let mut binary = keyed(&alice, "a", &body);
    binary.headers_mut().insert(
        "idempotency-key",
        http::HeaderValue::from_bytes(b"\xff").unwrap(),
    );
    relay.answer(binary).await.violates("idempotency_key");
}

#[tokio::test]
async fn a_message_is_seen_by_its_two_ends_only() {
    let (relay, alice, bob, eve) = (relay(&[]), agent(1), agent(2), agent(3));
    let id = relay.send(&alice, &bob, "1").await;
    for suffix in ["", "/status"] {
        let target = format!("/v1/messages/{id}{suffix}");
        relay.get(&alice, &target).await.expect(200);
        relay.get(&bob, &target).await.expect(200);
        relay
            .get(&eve, &target)
            .await
            .refused(404, "message_not_found");
    }
    relay
        .get(&alice, "/v1/messages/threads")
        .await
        .refused(404, "message_not_found");
    for unknown in ["msg_1_000000000000", "nonsense", "%ff"] {
        relay
            .get(&alice, &format!("/v1/messages/{unknown}"))
            .await
            .refused(404, "message_not_found");
        relay
            .get(&alice, &format!("/v1/messages/{unknown}/status"))
            .await
            .refused(404, "message_not_found");
        relay
            .post(&alice, &format!("/v1/messages/{unknown}/ack"), "")
            .await
            .refused(404, "message_not_found");
    }
}

#[tokio::test]
async fn an_acknowledgement_is_the_recipients_and_repeats_harmlessly() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    let id = relay.send(&alice, &bob, "1").await;
    let status = format!("/v1/messages/{id}/status");
    let before = relay.get(&alice, &status).await.expect(200).json();
    assert_eq!(
        (&before["status"], &before["delivered_at"]),
        (&json!("sent"), &Value::Null)
    );
    let target = format!("/v1/messages/{id}/ack");
    relay
        .post(&alice, &target, "")
        .await
        .refused(404, "message_not_found");
    relay.post(&bob, &target, "").await.expect(204);
    relay.post(&bob, &target, "").await.expect(204);
    let after = relay.get(&alice, &status).await.expect(200).json();
    assert_eq!(after["status"], "delivered");
    assert!(after["delivered_at"].is_string());
    assert_eq!(after["expires_at"], before["expires_at"]);
    assert_eq!(relay.bodies(&bob, "/v1/messages").await, [0; 0]);
    assert_eq!(
        relay.bodies(&bob, "/v1/messages?status=delivered").await,
        [1]
    );
}
