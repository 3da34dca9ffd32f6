//! Browsers: preflights, what pages may read, and pages that an operator did not list.

use crate::harness::{Reply, TestRelay, agent, relay};
use axum::body::Body;
use http::{HeaderValue, Request};

const PAGE: &str = "https://page.example";
const OTHER: &str = "https://other.example";

async fn preflight(relay: &TestRelay, target: &str, origin: &str) -> Reply {
    let request = Request::builder()
        .method("OPTIONS")
        .uri(target)
        .header("origin", origin)
        .header("access-control-request-method", "PATCH")
        .header(
            "access-control-request-headers",
            "x-m2m-signature,content-type",
        )
        .body(Body::empty())
        .unwrap();
    relay.answer(request).await
}

fn from(origin: &str, mut request: Request<Body>) -> Request<Body> {
    let origin = HeaderValue::try_from(origin).unwrap();
    request.headers_mut().insert("origin", origin);
    request
}

fn upgrade(origin: Option<&str>) -> Request<Body> {
    let mut request = Request::builder()
        .uri("/v1/ws")
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-version", "13");
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    request.body(Body::empty()).unwrap()
}

fn allowed(reply: &Reply) -> Option<&str> {
    reply.header("access-control-allow-origin")
}

#[tokio::test]
async fn a_preflight_lists_what_signed_requests_need() {
    let relay = relay(&[]);
    for target in ["/v1/messages", "/v1/agents/x", "/v1/health", "/nowhere"] {
        let reply = preflight(&relay, target, PAGE).await.expect(200);
        assert_eq!(allowed(&reply), Some("*"));
        assert_eq!(reply.text, "");
        let headers = reply.header("access-control-allow-headers").unwrap();
        for name in [
            "x-m2m-public-key",
            "x-m2m-timestamp",
            "x-m2m-signature",
            "signature",
            "signature-input",
            "content-digest",
            "content-type",
            "idempotency-key",
            "range",
        ] {
            assert!(
                headers.split(',').any(|listed| listed == name),
                "{name}: {headers}"
            );
        }
        let methods = reply.header("access-control-allow-methods").unwrap();
        assert_eq!(methods, "GET,HEAD,POST,PUT,PATCH,DELETE");
        assert!(reply.header("access-control-max-age").is_some());
        assert_eq!(reply.header("access-control-allow-credentials"), None);
    }
}

#[tokio::test]
async fn a_page_reads_answers_and_refusals_alike() {
    let (relay, alice) = (relay(&["limits.request_per_minute=1"]), agent(1));
    let shown = relay
        .answer(from(PAGE, alice.request("GET", &alice.path(), "")))
        .await
        .expect(200);
    let limited = relay
        .answer(from(PAGE, alice.request("GET", &alice.path(), "")))
        .await;
    limited.refused(429, "rate_limit_exceeded");
    let long = format!("/v1/messages?{}", "x".repeat(9000));
    let too_long = relay
        .answer(from(PAGE, alice.request("GET", &long, "")))
        .await;
    too_long.refused(414, "uri_too_long");
    let nowhere = relay
        .answer(from(PAGE, alice.request("GET", "/nowhere", "")))
        .await;
    nowhere.refused(404, "not_found");
    for reply in [shown, limited, too_long, nowhere] {
        assert_eq!(allowed(&reply), Some("*"), "{reply:?}");
        let exposed = reply.header("access-control-expose-headers").unwrap();
        for name in [
            "x-request-id",
            "retry-after",
            "x-ratelimit-remaining",
            "idempotency-replayed",
        ] {
            assert!(exposed.contains(name), "{name}: {exposed}");
        }
    }
}

#[tokio::test]
async fn one_failure_too_many_is_told_to_a_page_too() {
    let relay = relay(&["limits.failures_per_minute_per_ip=1"]);
    let unsigned = || {
        from(
            PAGE,
            Request::builder()
                .uri("/v1/messages")
                .body(Body::empty())
                .unwrap(),
        )
    };
    relay.answer(unsigned()).await.refused(401, "missing_auth");
    let reply = relay.answer(unsigned()).await;
    reply.refused(429, "rate_limit_exceeded");
    assert_eq!(allowed(&reply), Some("*"));
    // Preflights are not signed, and count against nobody.
    for _ in 0..5 {
        preflight(&relay, "/v1/messages", PAGE).await.expect(200);
    }
}

#[tokio::test]
async fn programs_that_are_no_pages_are_told_nothing() {
    let (relay, alice) = (relay(&[]), agent(1));
    let reply = relay.get(&alice, &alice.path()).await.expect(200);
    assert_eq!(allowed(&reply), None);
    assert_eq!(reply.header("access-control-expose-headers"), None);
}

#[tokio::test]
async fn listed_pages_are_let_in_and_others_not() {
    let relay = relay(&[&format!("access.cors_origins=[\"{PAGE}\"]")]);
    let alice = agent(1);
    assert_eq!(
        allowed(&preflight(&relay, "/v1/messages", PAGE).await),
        Some(PAGE)
    );
    assert_eq!(
        allowed(&preflight(&relay, "/v1/messages", OTHER).await),
        None
    );
    let get = || alice.request("GET", &alice.path(), "");
    assert_eq!(allowed(&relay.answer(from(PAGE, get())).await), Some(PAGE));
    assert_eq!(allowed(&relay.answer(from(OTHER, get())).await), None);
    // What a cache keeps of a program's request it must not give to a page.
    let vary = relay.answer(get()).await;
    assert!(vary.header("vary").unwrap().contains("origin"), "{vary:?}");
}

#[tokio::test]
async fn none_listed_switches_pages_off() {
    let relay = relay(&["access.cors_origins=[]"]);
    let reply = preflight(&relay, "/v1/messages", PAGE).await;
    reply.refused(405, "method_not_allowed");
    assert_eq!(allowed(&reply), None);
    relay
        .answer(upgrade(Some(PAGE)))
        .await
        .refused(403, "forbidden");
}

#[tokio::test]
async fn a_websocket_of_a_page_that_is_not_listed_is_refused() {
    let any = relay(&[]);
    any.answer(upgrade(Some(OTHER))).await.expect(101);
    let listed = relay(&[&format!("access.cors_origins=[\"{PAGE}\"]")]);
    listed.answer(upgrade(Some(PAGE))).await.expect(101);
    listed.answer(upgrade(None)).await.expect(101);
    listed
        .answer(upgrade(Some(OTHER)))
        .await
        .refused(403, "forbidden");
    listed
        .answer(upgrade(Some("null")))
        .await
        .refused(403, "forbidden");
}
