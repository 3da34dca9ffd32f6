//! Signatures that are good for one relay alone (protocol A11), and agents that insist on them (protocol A3.8).

use crate::harness::{Agent, Reply, TestRelay, agent, fresh_time, now, relay};
use axum::body::Body;
use http::{HeaderName, HeaderValue, Request};
use mrp_proto::bound::{self, Nonce, content_digest};
use mrp_proto::sign::BodyHash;
use mrp_proto::time::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const LIFETIME: Duration = Duration::from_secs(60);

/// A relay of the name `a.example`.
fn relay_a() -> TestRelay {
    relay(&["public_url=https://a.example"])
}

fn fresh_nonce() -> Nonce {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut random = [0; 16];
    random[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    Nonce::from_random(random)
}

/// A request bound to `authority`, with the headers that `prepare` adds before it is signed.
fn bound_with(
    agent: &Agent,
    authority: &str,
    (method, target, body): (&str, &str, &str),
    (nonce, created): (&Nonce, Timestamp),
    headers: &[(&'static str, &str)],
) -> Request<Body> {
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .body(Body::from(body.to_owned()))
        .unwrap();
    for (name, value) in headers {
        set(&mut request, name, value);
    }
    if !body.is_empty() {
        let digest = content_digest(BodyHash::of(body.as_bytes()));
        set(&mut request, "content-digest", &digest);
    }
    let header = |name: &str| request.headers().get(name).map(HeaderValue::as_bytes);
    let covered = bound::Request {
        content_digest: header("content-digest"),
        content_type: header("content-type"),
        idempotency_key: header("idempotency-key"),
        range: header("range"),
        ..bound::Request::new(method, target)
    };
    let signed = bound::sign(&agent.0, &covered, authority, nonce, created, LIFETIME);
    set(&mut request, "signature-input", &signed.signature_input);
    set(&mut request, "signature", &signed.signature);
    request
}

fn bound(agent: &Agent, authority: &str, method: &str, target: &str, body: &str) -> Request<Body> {
    let once = (&fresh_nonce(), now());
    bound_with(agent, authority, (method, target, body), once, &[])
}

fn set(request: &mut Request<Body>, name: &'static str, value: &str) {
    let name = HeaderName::from_static(name);
    request
        .headers_mut()
        .insert(name, HeaderValue::from_str(value).unwrap());
}

/// The same request again, without the headers whose names begin so.
async fn copy(request: &mut Request<Body>, without: &[&str]) -> Request<Body> {
    use http_body_util::BodyExt as _;
    let body = std::mem::take(request.body_mut());
    let body = body.collect().await.unwrap().to_bytes();
    *request.body_mut() = Body::from(body.clone());
    let mut copy = Request::builder()
        .method(request.method().clone())
        .uri(request.uri().clone())
        .body(Body::from(body))
        .unwrap();
    for (name, value) in request.headers() {
        if !without.iter().any(|start| name.as_str().starts_with(start)) {
            copy.headers_mut().append(name.clone(), value.clone());
        }
    }
    copy
}

fn send_to(recipient: &Agent) -> String {
    format!(r#"{{"recipient_key":"{}","body":1}}"#, recipient.key())
}

async fn patch_bound(relay: &TestRelay, agent: &Agent, body: &str) -> Reply {
    let request = bound(agent, "a.example", "PATCH", &agent.path(), body);
    relay.answer(request).await
}

#[tokio::test]
async fn a_bound_request_is_believed_once() {
    let (relay, alice) = (relay_a(), agent(1));
    let body = send_to(&alice);
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", "k"),
    ];
    let once = (&fresh_nonce(), now());
    let mut send = bound_with(
        &alice,
        "a.example",
        ("POST", "/v1/messages?x=1", &body),
        once,
        &headers,
    );
    let again = copy(&mut send, &[]).await;
    relay.answer(send).await.expect(202);
    relay.answer(again).await.refused(409, "replay_detected");

    let mut poll = bound(&alice, "a.example", "GET", "/v1/messages?ack=manual", "");
    let again = copy(&mut poll, &[]).await;
    let page = relay.answer(poll).await.expect(200).json();
    assert_eq!(page["messages"].as_array().unwrap().len(), 1);
    relay.answer(again).await.refused(409, "replay_detected");
}

#[tokio::test]
async fn a_nonce_serves_one_request_whatever_it_asks() {
    let (relay, alice) = (relay_a(), agent(1));
    let (nonce, created) = (fresh_nonce(), now());
    let get = |target: &str| {
        bound_with(
            &alice,
            "a.example",
            ("GET", target, ""),
            (&nonce, created),
            &[],
        )
    };
    relay.answer(get("/v1/messages?limit=1")).await.expect(200);
    relay
        .answer(get("/v1/messages?limit=2"))
        .await
        .refused(409, "replay_detected");
    let send = || {
        bound_with(
            &alice,
            "a.example",
            ("POST", "/v1/messages", &send_to(&alice)),
            (&nonce, created),
            &[],
        )
    };
    relay.answer(send()).await.expect(202);
    relay.answer(send()).await.refused(409, "replay_detected");
    // Another agent may have hit upon the same.
    let other = bound_with(
        &agent(2),
        "a.example",
        ("GET", "/v1/messages", ""),
        (&nonce, created),
        &[],
    );
    relay.answer(other).await.expect(200);
}

/// Why binding is worth its while: the published scheme's signatures name no relay.
#[tokio::test]
async fn what_one_relay_gets_another_takes_only_in_the_published_scheme() {
    let (relay_a, relay_b, alice) = (relay_a(), relay(&["names=b.example"]), agent(1));
    let body = send_to(&alice);
    let mut published = alice.request("POST", "/v1/messages", &body);
    let captured = copy(&mut published, &[]).await;
    relay_a.answer(published).await.expect(202);
    relay_b.answer(captured).await.expect(202);
    let mut bound = bound(&alice, "a.example", "POST", "/v1/messages", &body);
    set(&mut bound, "host", "a.example");
    let mut captured = copy(&mut bound, &[]).await;
    let readdressed = {
        let mut readdressed = copy(&mut captured, &["host"]).await;
        set(&mut readdressed, "host", "b.example");
        readdressed
    };
    relay_a.answer(bound).await.expect(202);
    for handed_on in [captured, readdressed] {
        relay_b
            .answer(handed_on)
            .await
            .refused(401, "invalid_signature");
    }
}

#[tokio::test]
async fn host_is_believed_about_nothing() {
    let (relay, alice) = (
        relay(&["public_url=https://a.example", "names=[\"b.example:8443\"]"]),
        agent(1),
    );
    for host in [
        None,
        Some("A.EXAMPLE"),
        Some("b.example:8443"),
        Some("backend"),
        Some("evil.example"),
    ] {
        for (authority, status) in [
            ("a.example", 200),
            ("b.example:8443", 200),
            ("evil.example", 401),
            ("backend", 401),
            ("b.example", 401),
            ("a.example:443", 401),
            ("A.EXAMPLE", 401),
            ("localhost:8080", 401),
            ("127.0.0.1:8080", 401),
        ] {
            let mut request = bound(&alice, authority, "GET", "/v1/messages", "");
            if let Some(host) = host {
                set(&mut request, "host", host);
            }
            let reply = relay.answer(request).await;
            assert_eq!(
                reply.status.as_u16(),
                status,
                "{authority} by {host:?}: {reply:?}"
            );
        }
    }
}

#[tokio::test]
async fn health_lists_the_schemes_to_whoever_could_use_them() {
    let lists = async |relay: &TestRelay, host: Option<&str>| {
        let mut request = Request::get("/v1/health").body(Body::empty()).unwrap();
        if let Some(host) = host {
            set(&mut request, "host", host);
        }
        let health = relay.answer(request).await.expect(200).json();
        let features = health["features"].as_array().unwrap().clone();
        let listed = ["rfc9421", "ws-auth-2"].map(|name| features.contains(&name.into()));
        assert_eq!(listed[0], listed[1]);
        assert!(features.contains(&"idempotency".into()));
        listed[0]
    };
    let named = relay_a();
    assert!(lists(&named, None).await);
    assert!(lists(&named, Some("a.example")).await);
    assert!(lists(&named, Some("A.example")).await);
    assert!(!lists(&named, Some("192.0.2.7:8080")).await);
    assert!(
        !lists(&relay(&[]), None).await,
        "without a name or a listener"
    );
}

#[tokio::test]
async fn a_refused_signature_leaves_nothing_behind() {
    let (relay, alice, bob) = (relay_a(), agent(1), agent(2));
    let seconds = Duration::from_secs;
    let target = "/v1/messages";
    let signed = |created: Timestamp| {
        bound_with(
            &alice,
            "a.example",
            ("GET", target, ""),
            (&fresh_nonce(), created),
            &[],
        )
    };
    let early = relay.answer(signed(now().before(seconds(362)))).await;
    assert!(early.refused(401, "timestamp_out_of_range")["server_time"].is_string());
    let late = relay.answer(signed(now().after(seconds(310)))).await;
    late.refused(401, "timestamp_out_of_range");

    let changed = async |code: &str, change: &dyn Fn(&mut Request<Body>)| {
        let mut request = bound(&alice, "a.example", "POST", target, &send_to(&alice));
        change(&mut request);
        relay.answer(request).await.refused(401, code);
    };
    let replace = |request: &mut Request<Body>, from: &str, to: &str| {
        let input = request.headers()["signature-input"]
            .to_str()
            .unwrap()
            .replace(from, to);
        set(request, "signature-input", &input);
    };
    changed("missing_auth", &|request| {
        drop(request.headers_mut().remove("signature"))
    })
    .await;
    changed("missing_auth", &|request| {
        replace(request, "tag=\"mrp\"", "tag=\"other\"")
    })
    .await;
    changed("missing_auth", &|request| {
        drop(request.headers_mut().remove("signature-input"))
    })
    .await;
    changed("invalid_signature", &|request| {
        set(request, "signature-input", "mrp=(")
    })
    .await;
    changed("invalid_signature", &|request| {
        replace(request, "ed25519", "hmac-sha256")
    })
    .await;
    changed("invalid_signature", &|request| {
        replace(request, "\"content-digest\"", "")
    })
    .await;
    changed("invalid_signature", &|request| {
        set(request, "content-type", "application/json")
    })
    .await;
    changed("invalid_signature", &|request| {
        set(request, "idempotency-key", "k")
    })
    .await;
    changed("invalid_signature", &|request| {
        drop(request.headers_mut().remove("content-digest"))
    })
    .await;
    changed("invalid_signature", &|request| {
        *request.body_mut() = Body::from("{}")
    })
    .await;
    changed("invalid_signature", &|request| {
        *request.uri_mut() = "/v1/messages?x".parse().unwrap()
    })
    .await;
    changed("invalid_public_key", &|request| {
        replace(request, &alice.key().to_string(), "alice")
    })
    .await;
    changed("invalid_signature", &|request| {
        replace(request, &alice.key().to_string(), &bob.key().to_string())
    })
    .await;

    let seen = relay.get(&agent(3), &alice.path()).await;
    seen.refused(404, "agent_not_found");
}

#[tokio::test]
async fn a_signature_with_another_tag_is_not_for_the_relay() {
    let (relay, alice) = (relay_a(), agent(1));
    let mut request = alice.request("GET", "/v1/messages", "");
    set(
        &mut request,
        "signature-input",
        "proxy=(\"@status\");tag=\"proxy\"",
    );
    set(&mut request, "signature", "proxy=:AAAA:");
    relay.answer(request).await.expect(200);
    // So is a header of another standard by the same name.
    let mut request = alice.request("GET", "/v1/messages", "");
    set(&mut request, "signature", "keyId=\"a\",signature=\"b\"");
    relay.answer(request).await.expect(200);
}

/// The published headers of one request beside the bound ones of another.
fn both(published: Request<Body>, bound: &Request<Body>) -> Request<Body> {
    let mut both = published;
    for name in ["signature-input", "signature", "content-digest"] {
        if let Some(value) = bound.headers().get(name) {
            both.headers_mut().insert(name, value.clone());
        }
    }
    both
}

#[tokio::test]
async fn a_request_in_both_schemes_must_satisfy_both_with_one_key() {
    let (relay, alice, bob) = (relay_a(), agent(1), agent(2));
    let (target, body) = ("/v1/messages", send_to(&alice));
    let published = |agent: &Agent, target: &str| {
        agent.signed("POST", "/v1/messages", target, &body, fresh_time())
    };
    let bound_by =
        |agent: &Agent, authority: &str| bound(agent, authority, "POST", "/v1/messages", &body);
    let refused = [
        both(
            published(&alice, "/v1/other"),
            &bound_by(&alice, "a.example"),
        ),
        both(published(&alice, target), &bound_by(&alice, "b.example")),
        both(published(&bob, target), &bound_by(&alice, "a.example")),
    ];
    for request in refused {
        relay
            .answer(request)
            .await
            .refused(401, "invalid_signature");
    }
    let mut halved = both(published(&alice, target), &bound_by(&alice, "a.example"));
    halved.headers_mut().remove("x-m2m-timestamp");
    relay.answer(halved).await.refused(401, "missing_auth");

    let mut whole = both(published(&alice, target), &bound_by(&alice, "a.example"));
    let by_published = copy(&mut whole, &["signature", "content-digest"]).await;
    let by_bound = copy(&mut whole, &["x-m2m-"]).await;
    relay.answer(whole).await.expect(202);
    for stripped in [by_published, by_bound] {
        relay.answer(stripped).await.refused(409, "replay_detected");
    }
}

#[tokio::test]
async fn an_agent_can_have_the_published_scheme_refused() {
    let (relay, alice, bob) = (relay_a(), agent(1), agent(2));
    relay
        .patch(&alice, r#"{"display_name":"Alice"}"#)
        .await
        .expect(200);
    for body in [
        r#"{"require_bound_auth":true}"#,
        r#"{"require_bound_auth":null}"#,
        r#"{"require_bound_auth":false}"#,
    ] {
        relay
            .patch(&alice, body)
            .await
            .refused(401, "bound_auth_required");
    }
    let profile = patch_bound(&relay, &alice, r#"{"display_name":"Alice"}"#)
        .await
        .expect(200)
        .json();
    assert!(profile.get("require_bound_auth").is_none(), "{profile}");

    let profile = patch_bound(&relay, &alice, r#"{"require_bound_auth":true}"#)
        .await
        .expect(200)
        .json();
    assert_eq!(profile["require_bound_auth"], true);
    assert_eq!(profile["display_name"], "Alice");
    for reply in [
        relay.get(&alice, "/v1/messages").await,
        relay.post(&alice, "/v1/messages", &send_to(&bob)).await,
        relay.patch(&alice, "{}").await,
        relay.delete(&alice, &alice.path()).await,
    ] {
        reply.refused(401, "bound_auth_required");
        assert!(
            reply.text.contains("require_bound_auth"),
            "it says how to take it back: {reply:?}"
        );
    }
    // What is refused is not counted as a visit, nor does it reach anybody.
    assert!(relay.bodies(&bob, "/v1/messages").await.is_empty());
    let send = bound(&alice, "a.example", "POST", "/v1/messages", &send_to(&bob));
    relay.answer(send).await.expect(202);
    // Nobody else sees it, and their mail arrives as ever.
    let seen = relay.get(&bob, &alice.path()).await.expect(200).json();
    assert!(seen.get("require_bound_auth").is_none(), "{seen}");
    relay.send(&bob, &alice, "7").await;
    let own = relay
        .answer(bound(&alice, "a.example", "GET", &alice.path(), ""))
        .await;
    assert_eq!(own.expect(200).json()["require_bound_auth"], true);

    let both_ways = both(
        alice.request("GET", "/v1/messages", ""),
        &bound(&alice, "a.example", "GET", "/v1/messages", ""),
    );
    relay.answer(both_ways).await.expect(200);
    patch_bound(&relay, &alice, r#"{"require_bound_auth":null}"#)
        .await
        .expect(200);
    relay.get(&alice, "/v1/messages").await.expect(200);
}

#[tokio::test]
async fn deleting_an_agent_forgets_what_it_required() {
    let (relay, alice) = (relay_a(), agent(1));
    patch_bound(&relay, &alice, r#"{"require_bound_auth":true}"#)
        .await
        .expect(200);
    relay
        .answer(bound(&alice, "a.example", "DELETE", &alice.path(), ""))
        .await
        .expect(204);
    relay.get(&alice, "/v1/messages").await.expect(200);
}

#[tokio::test]
async fn require_bound_auth_is_a_boolean() {
    let (relay, alice) = (relay_a(), agent(1));
    let reply = patch_bound(&relay, &alice, r#"{"require_bound_auth":"yes"}"#).await;
    reply.violates("require_bound_auth");
}
