//! What every answer has, and what no path is (protocol A2).

use crate::harness::{agent, relay};
use axum::body::Body;
use http::Request;

fn plain(method: &str, target: &str) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(target)
        .body(Body::empty())
        .unwrap()
}

#[tokio::test]
async fn a_path_that_is_none_is_not_found() {
    let relay = relay(&[]);
    for target in [
        "/v2",
        "/v1",
        "/v1/messages/",
        "/v1/agents",
        "/v1/agents/a/b/c",
        "//v1/health",
    ] {
        relay
            .answer(plain("GET", target))
            .await
            .refused(404, "not_found");
    }
}

#[tokio::test]
async fn a_method_that_is_none_names_those_that_are() {
    let relay = relay(&[]);
    for (method, target, allowed) in [
        ("DELETE", "/v1/messages", &["GET", "HEAD", "POST"][..]),
        ("POST", "/v1/agents/x", &["DELETE", "GET", "HEAD", "PATCH"]),
        ("GET", "/v1/messages/x/ack", &["POST"]),
        ("POST", "/v1/health", &["GET", "HEAD"]),
        ("OPTIONS", "/v1/messages/threads/t", &["GET", "HEAD"]),
        ("POST", "/v1/ws", &["GET", "HEAD"]),
        ("PUT", "/", &["GET", "HEAD"]),
        ("DELETE", "/v1/openapi.json", &["GET", "HEAD"]),
        ("TRACE", "/v1/messages", &["GET", "HEAD", "POST"]),
        ("BREW", "/v1/health", &["GET", "HEAD"]),
    ] {
        let reply = relay.answer(plain(method, target)).await;
        reply.refused(405, "method_not_allowed");
        let mut allow: Vec<_> = reply
            .header("allow")
            .unwrap()
            .split(',')
            .map(str::trim)
            .collect();
        allow.sort_unstable();
        assert_eq!(allow, allowed, "{method} {target}");
    }
}

#[tokio::test]
async fn request_ids_are_unique() {
    let relay = relay(&[]);
    let mut ids = std::collections::HashSet::new();
    for _ in 0..100 {
        let reply = relay
            .answer(plain("GET", "/v1/health/live"))
            .await
            .expect(200);
        let id = reply.header("x-request-id").unwrap().to_owned();
        assert!(id.starts_with("req_") && id.len() == 20, "{id}");
        assert!(ids.insert(id));
    }
}

#[tokio::test]
async fn a_target_that_is_too_long_is_told_so() {
    let (relay, alice) = (relay(&[]), agent(1));
    let most = (8 << 10) - "DELETE  HTTP/1.1".len();
    let target = |length: usize| {
        let path = "/v1/messages?x=";
        format!("{path}{}", "x".repeat(length - path.len()))
    };
    relay.get(&alice, &target(most)).await.expect(200);
    relay
        .get(&alice, &target(most + 1))
        .await
        .refused(414, "uri_too_long");
}

#[tokio::test]
async fn health_needs_no_key() {
    let relay = relay(&[]);
    let health = relay
        .answer(plain("GET", "/v1/health"))
        .await
        .expect(200)
        .json();
    assert_eq!(health["status"], "ok");
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    let time: mrp_proto::time::Timestamp = health["timestamp"].as_str().unwrap().parse().unwrap();
    assert!(time.distance(crate::harness::now()).as_secs() < 60);
    assert_eq!(
        health["features"],
        serde_json::json!(["idempotency", "ack", "wait"])
    );
    for path in ["/v1/health/ready", "/v1/health/live"] {
        assert_eq!(
            relay.answer(plain("GET", path)).await.expect(200).json()["status"],
            "ok"
        );
    }
    let details = relay
        .answer(plain("GET", "/v1/health/details"))
        .await
        .expect(200)
        .json();
    assert_eq!(details["components"]["store"]["status"], "ok");
    assert_eq!(details["components"]["websocket"]["sockets"], 0);
}

#[tokio::test]
async fn the_root_is_a_page_for_people() {
    let relay = relay(&["public_url=https://relay.example.net"]);
    let reply = relay.answer(plain("GET", "/")).await.expect(200);
    assert!(
        reply
            .text
            .contains("mrpctl init --relay https://relay.example.net\n"),
        "{}",
        reply.text
    );
    assert!(
        reply
            .header("content-type")
            .unwrap()
            .starts_with("text/plain")
    );
}

#[tokio::test]
async fn the_root_is_a_page_for_browsers_and_json_for_programs() {
    let relay = relay(&["public_url=https://relay.example.net"]);
    let get = |accept: &str| {
        let mut request = plain("GET", "/");
        request
            .headers_mut()
            .insert("accept", accept.parse().unwrap());
        relay.answer(request)
    };
    let page = get("text/html,application/xhtml+xml,*/*;q=0.8")
        .await
        .expect(200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(
        page.text
            .contains("mrpctl init --relay https://relay.example.net\n")
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    for foreign in ["src=", "@import", "url(", "<script"] {
        assert!(!page.text.contains(foreign), "{foreign}");
    }
    let json = get("application/json").await.expect(200).json();
    assert_eq!(json["openapi"], "https://relay.example.net/v1/openapi.json");
    assert_eq!(json["limits"]["body"], 1 << 20);
}

#[tokio::test]
async fn a_body_where_none_belongs_is_hashed_and_then_ignored() {
    let (relay, alice) = (relay(&[]), agent(1));
    for (method, target) in [("GET", "/v1/messages"), ("DELETE", &alice.path())] {
        let reply = relay.answer(alice.request(method, target, "no JSON")).await;
        assert!(reply.status.is_success(), "{reply:?}");
        // The signature covers it: one that was added on the way is noticed.
        let mut added = alice.request(method, target, "");
        *added.body_mut() = Body::from("added");
        relay.answer(added).await.refused(401, "invalid_signature");
    }
    let health = Request::builder().uri("/v1/health").body(Body::from("x"));
    relay.answer(health.unwrap()).await.expect(200);
}

#[tokio::test]
async fn a_websocket_path_wants_an_upgrade() {
    let relay = relay(&[]);
    let reply = relay.answer(plain("GET", "/v1/ws")).await;
    assert_eq!(reply.json()["error"]["code"], "bad_request", "{reply:?}");
}
