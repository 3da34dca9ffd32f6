//! Blobs over HTTP (protocol A5), on a relay in memory.

use crate::harness::{Agent, Reply, TestRelay, agent, from_config, relay};
use axum::body::Body;
use futures_util::stream::{self, StreamExt as _};
use http::Request;
use relayd::{Config, Timeouts};
use serde_json::{Value, json};
use std::time::Duration;

async fn upload_as(relay: &TestRelay, owner: &Agent, content_type: &str, bytes: &str) -> Reply {
    let mut request = owner.request("POST", "/v1/blobs", bytes);
    let content_type = content_type.parse().unwrap();
    request.headers_mut().insert("content-type", content_type);
    relay.answer(request).await
}

/// Uploads, and returns the path of the blob.
async fn upload(relay: &TestRelay, owner: &Agent, bytes: &str) -> String {
    let reply = upload_as(relay, owner, "text/plain", bytes).await;
    let info = reply.expect(201).json();
    format!("/v1/blobs/{}", info["blob_id"].as_str().unwrap())
}

async fn read_with(
    relay: &TestRelay,
    reader: &Agent,
    method: &str,
    path: &str,
    headers: &[(&'static str, &str)],
) -> Reply {
    let mut request = reader.request(method, path, "");
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    relay.answer(request).await
}

async fn attach(relay: &TestRelay, from: &Agent, to: &Agent, path: &str) -> Reply {
    let blob_id = path.strip_prefix("/v1/blobs/").unwrap();
    let body = json!({
        "recipient_key": to.key().to_string(),
        "attachments": [{"blob_id": blob_id, "filename": "a.txt"}],
        "expires_in": 3600,
    });
    relay.post(from, "/v1/messages", &body.to_string()).await
}

#[tokio::test]
async fn an_upload_is_answered_with_everything_about_it() {
    let (relay, alice) = (relay(&[]), agent(1));
    let reply = upload_as(&relay, &alice, "text/html; charset=x", "hello")
        .await
        .expect(201);
    let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let info = reply.json();
    assert_eq!(info["blob_id"], format!("blob_{hash}"));
    assert_eq!(info["hash"], hash);
    assert_eq!(info["size"], 5);
    assert_eq!(info["content_type"], "text/html; charset=x");
    let time = |name: &str| -> mrp_proto::time::Timestamp {
        info[name].as_str().unwrap().parse().unwrap()
    };
    assert_eq!(
        time("expires_at").since(time("created_at")).as_secs(),
        86_400
    );
    assert_eq!(reply.header("x-m2m-storage-used"), Some("5"));
    assert_eq!(reply.header("x-m2m-storage-limit"), Some("1073741824"));
    let path = format!("/v1/blobs/blob_{hash}");
    let read = relay.get(&alice, &path).await.expect(200);
    assert_eq!(read.text, "hello");
    for (name, value) in [
        ("content-type", "text/html; charset=x"),
        ("content-length", "5"),
        ("content-disposition", "attachment"),
        ("x-content-type-options", "nosniff"),
        ("accept-ranges", "bytes"),
        ("x-m2m-blob-hash", hash),
        ("x-m2m-storage-used", "5"),
    ] {
        assert_eq!(read.header(name), Some(value), "{name}");
    }
    assert_eq!(read.header("etag"), Some(format!("\"{hash}\"").as_str()));
    let head = read_with(&relay, &alice, "HEAD", &path, &[("range", "bytes=1-2")])
        .await
        .expect(200);
    assert_eq!(head.text, "");
    for (name, value) in &read.headers {
        if name != "x-request-id" && !name.as_str().starts_with("x-ratelimit") {
            assert_eq!(head.headers.get(name), Some(value), "{name}");
        }
    }
}

#[tokio::test]
async fn an_empty_blob_is_a_blob() {
    let (relay, alice) = (relay(&[]), agent(1));
    let info = relay.post(&alice, "/v1/blobs", "").await.expect(201).json();
    assert_eq!(info["size"], 0);
    assert_eq!(info["content_type"], "application/octet-stream");
    let path = format!("/v1/blobs/{}", info["blob_id"].as_str().unwrap());
    let read = relay.get(&alice, &path).await.expect(200);
    assert_eq!(
        (read.text.as_str(), read.header("content-length")),
        ("", Some("0"))
    );
    let part = read_with(&relay, &alice, "GET", &path, &[("range", "bytes=0-")]).await;
    part.refused(416, "range_not_satisfiable");
}

#[tokio::test]
async fn a_part_is_read_and_what_the_reader_has_is_not_sent_again() {
    let (relay, alice) = (relay(&[]), agent(1));
    let path = upload(&relay, &alice, "0123456789").await;
    let get = async |headers: &[(&'static str, &str)]| {
        read_with(&relay, &alice, "GET", &path, headers).await
    };
    let part = get(&[("range", "bytes=2-4")]).await.expect(206);
    assert_eq!(part.text, "234");
    assert_eq!(part.header("content-range"), Some("bytes 2-4/10"));
    assert_eq!(part.header("content-length"), Some("3"));
    let end = get(&[("range", "bytes=-3")]).await.expect(206);
    assert_eq!(
        (end.text.as_str(), end.header("content-range")),
        ("789", Some("bytes 7-9/10"))
    );
    let several = get(&[("range", "bytes=0-1,3-4")]).await.expect(200);
    assert_eq!(several.text, "0123456789");
    let behind = get(&[("range", "bytes=10-")]).await;
    assert_eq!(behind.refused(416, "range_not_satisfiable")["size"], 10);
    assert_eq!(behind.header("content-range"), Some("bytes */10"));
    let tag = part.header("etag").unwrap();
    let same = get(&[("range", "bytes=0-0"), ("if-range", tag)])
        .await
        .expect(206);
    assert_eq!(same.text, "0");
    let other = get(&[("range", "bytes=0-0"), ("if-range", "\"x\"")])
        .await
        .expect(200);
    assert_eq!(other.text, "0123456789");
    let unchanged = get(&[("if-none-match", tag)]).await.expect(304);
    assert_eq!(
        (unchanged.text.as_str(), unchanged.header("etag")),
        ("", Some(tag))
    );
    get(&[("if-match", "\"x\"")])
        .await
        .refused(412, "precondition_failed");
    get(&[("if-match", tag)]).await.expect(200);
}

#[tokio::test]
async fn only_owners_and_those_who_were_sent_it_may_read() {
    let (relay, alice, bob, eve) = (relay(&[]), agent(1), agent(2), agent(3));
    let path = upload(&relay, &alice, "secret").await;
    for method in ["GET", "HEAD", "DELETE"] {
        let reply = read_with(&relay, &eve, method, &path, &[]).await;
        assert_eq!(reply.status, 404, "{method}");
        assert_eq!(reply.header("x-m2m-storage-used"), Some("0"));
        assert_eq!(reply.header("etag"), None);
    }
    relay.get(&eve, &path).await.refused(404, "blob_not_found");
    attach(&relay, &alice, &bob, &path).await.expect(202);
    let read = relay.get(&bob, &path).await.expect(200);
    assert_eq!(
        (read.text.as_str(), read.header("content-type")),
        ("secret", Some("text/plain"))
    );
    relay.get(&eve, &path).await.refused(404, "blob_not_found");
    relay
        .delete(&bob, &path)
        .await
        .refused(404, "blob_not_found");
    let referenced = relay.delete(&alice, &path).await;
    referenced.refused(409, "blob_referenced");
    // An owner of its own has it under its own name.
    upload_as(&relay, &bob, "image/png", "secret")
        .await
        .expect(201);
    let read = relay.get(&bob, &path).await.expect(200);
    assert_eq!(read.header("content-type"), Some("image/png"));
    let read = relay.get(&alice, &path).await.expect(200);
    assert_eq!(read.header("content-type"), Some("text/plain"));
    for nonsense in ["blob_0123456789ab", "nonsense", "blob_%zz", &path[10..20]] {
        let reply = relay.get(&alice, &format!("/v1/blobs/{nonsense}")).await;
        reply.refused(404, "blob_not_found");
    }
    let unsigned = Request::get(&path).body(Body::empty()).unwrap();
    relay.answer(unsigned).await.refused(401, "missing_auth");
}

#[tokio::test]
async fn a_blob_that_no_message_needs_is_deleted_once() {
    let (relay, alice) = (relay(&[]), agent(1));
    let path = upload(&relay, &alice, "x").await;
    let gone = relay.delete(&alice, &path).await.expect(204);
    assert_eq!(gone.header("x-m2m-storage-used"), Some("0"));
    relay
        .delete(&alice, &path)
        .await
        .refused(404, "blob_not_found");
    relay
        .get(&alice, &path)
        .await
        .refused(404, "blob_not_found");
}

#[tokio::test]
async fn an_attachment_is_described_by_the_relay() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    let path = upload(&relay, &alice, "hello").await;
    let id = attach(&relay, &alice, &bob, &path).await.expect(202).json()["message_id"].clone();
    let path = format!("/v1/messages/{}", id.as_str().unwrap());
    let message = relay.get(&bob, &path).await.expect(200).json();
    let attachment = &message["attachments"][0];
    assert_eq!(attachment["size"], 5);
    assert_eq!(attachment["content_type"], "text/plain");
    assert_eq!(attachment["filename"], "a.txt");
    assert_eq!(attachment["hash"].as_str().unwrap().len(), 64);
    assert_eq!(message["body"], Value::Null);
}

#[tokio::test]
async fn what_is_not_ones_own_cannot_be_attached() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    let path = upload(&relay, &alice, "hello").await;
    let refused = attach(&relay, &bob, &alice, &path).await;
    let details = refused.refused(404, "blob_not_found");
    assert_eq!(details["blob_id"], path[10..]);
    assert_eq!(details["blob_ids"], json!([path[10..]]));
    // What one was sent can be sent on.
    attach(&relay, &alice, &bob, &path).await.expect(202);
    attach(&relay, &bob, &agent(3), &path).await.expect(202);
    relay.get(&agent(3), &path).await.expect(200);
    let own = relay.get(&bob, &path).await.expect(200);
    assert_eq!(own.header("x-m2m-storage-used"), Some("5"));
}

#[tokio::test]
async fn quotas_hold_for_blobs_and_bytes() {
    let relay = relay(&["limits.blobs_per_agent=2", "limits.blob_bytes_per_agent=10"]);
    let (alice, bob) = (agent(1), agent(2));
    upload(&relay, &alice, "12345678").await;
    let over = upload_as(&relay, &alice, "text/plain", "123").await;
    let details = over.refused(507, "insufficient_storage");
    assert_eq!(details, json!({"limit": 10, "actual": 11}));
    assert_eq!(over.header("x-m2m-storage-used"), Some("8"));
    assert_eq!(over.header("x-m2m-storage-limit"), Some("10"));
    upload(&relay, &alice, "12").await;
    let over = upload_as(&relay, &alice, "text/plain", "").await;
    assert_eq!(over.refused(507, "insufficient_storage")["limit"], 2);
    // The same again is nothing new, and others have room of their own.
    let again = upload(&relay, &alice, "12").await;
    upload(&relay, &bob, "123").await;
    relay.delete(&alice, &again).await.expect(204);
    upload(&relay, &alice, "").await;
}

#[tokio::test]
async fn the_size_is_held_at_the_limit_and_one_past_it() {
    let relay = relay(&["limits.blob=10"]);
    let alice = agent(1);
    upload(&relay, &alice, "0123456789").await;
    let mut announced = alice.request("POST", "/v1/blobs", "0123456789x");
    announced.headers_mut().insert("content-length", 11.into());
    let details = relay
        .answer(announced)
        .await
        .refused(413, "payload_too_large");
    assert_eq!(details, json!({"limit": 10, "actual": 11}));
    let chunked = alice.request("POST", "/v1/blobs", "0123456789x");
    let details = relay
        .answer(chunked)
        .await
        .refused(413, "payload_too_large");
    assert_eq!(details["limit"], 10);
}

#[tokio::test]
async fn a_signature_that_is_not_of_these_bytes_leaves_nothing() {
    let (relay, alice) = (relay(&[]), agent(1));
    let request = alice.request("POST", "/v1/blobs", "signed");
    let (parts, _) = request.into_parts();
    let forged = Request::from_parts(parts, Body::from("forged"));
    let refused = relay.answer(forged).await;
    refused.refused(401, "invalid_signature");
    assert_eq!(refused.header("x-m2m-storage-used"), None);
    let request = || {
        let time = "2026-01-01T00:00:00Z".parse().unwrap();
        alice.signed("POST", "/v1/blobs", "/v1/blobs", "x", time)
    };
    relay
        .answer(request())
        .await
        .refused(401, "timestamp_out_of_range");
}

#[tokio::test]
async fn an_upload_takes_effect_once() {
    let (relay, alice) = (relay(&[]), agent(1));
    let time = crate::harness::fresh_time();
    let request = || alice.signed("POST", "/v1/blobs", "/v1/blobs", "x", time);
    relay.answer(request()).await.expect(201);
    relay
        .answer(request())
        .await
        .refused(409, "replay_detected");
}

#[tokio::test]
async fn a_content_type_must_fit_into_a_header_again() {
    let (relay, alice) = (relay(&[]), agent(1));
    upload_as(&relay, &alice, &"x".repeat(128), "a")
        .await
        .expect(201);
    upload_as(&relay, &alice, &"x".repeat(129), "a")
        .await
        .violates("Content-Type");
    let mut request = alice.request("POST", "/v1/blobs", "a");
    let latin = http::HeaderValue::from_bytes(b"text/\xe9").unwrap();
    request.headers_mut().insert("content-type", latin);
    relay.answer(request).await.violates("Content-Type");
}

#[tokio::test]
async fn a_blob_ends_when_its_time_is_over() {
    let mut config = Config::default();
    config.limits.blob_lifetime = Duration::ZERO;
    let (relay, alice) = (from_config(config), agent(1));
    let path = upload(&relay, &alice, "x").await;
    relay
        .get(&alice, &path)
        .await
        .refused(404, "blob_not_found");
    relay
        .delete(&alice, &path)
        .await
        .refused(404, "blob_not_found");
}

#[tokio::test]
async fn methods_that_are_not_there_are_named() {
    let (relay, alice) = (relay(&[]), agent(1));
    let reply = relay.get(&alice, "/v1/blobs").await;
    reply.refused(405, "method_not_allowed");
    assert_eq!(reply.header("allow"), Some("POST"));
}

/// An upload that sends one part and then no more.
async fn stalled_upload(config: Config) -> Reply {
    let relay = from_config(config);
    let (parts, _) = agent(1).request("POST", "/v1/blobs", "").into_parts();
    let part = stream::once(async { Ok::<_, std::io::Error>("x".repeat(100)) });
    let body = Body::from_stream(part.chain(stream::pending()));
    relay.answer(Request::from_parts(parts, body)).await
}

#[tokio::test]
async fn an_upload_that_is_idle_too_slow_or_too_long_is_ended() {
    let short = Duration::from_millis(50);
    let changes: [fn(&mut Timeouts, Duration); 3] = [
        |timeouts, short| timeouts.body_idle = short,
        |timeouts, short| timeouts.upload = short,
        |timeouts, short| (timeouts.body_grace, timeouts.body_rate) = (short, 1 << 20),
    ];
    for change in changes {
        let mut config = Config::default();
        change(&mut config.timeouts, short);
        let reply = stalled_upload(config).await;
        reply.refused(408, "request_timeout");
    }
}

#[tokio::test(start_paused = true)]
async fn what_came_quickly_covers_a_pause() {
    let mut config = Config::default();
    config.timeouts.body_grace = Duration::from_secs(1);
    // What comes first is enough for ten seconds after that.
    config.timeouts.body_rate = 10;
    let begun = tokio::time::Instant::now();
    stalled_upload(config).await.refused(408, "request_timeout");
    assert_eq!(begun.elapsed().as_secs(), 11);
}
