//! Authentication that is bound to the relay (protocol A11), on listeners of this machine.

use crate::rig::{Answer, Relay, agent, auth_frame, fresh_timestamp, soon};
use mrp_proto::bound::{Nonce, Request, content_digest, sign};
use mrp_proto::frame::Auth;
use mrp_proto::key::SecretKey;
use mrp_proto::sign::BodyHash;
use relayd::ListenAddress;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

fn fresh_nonce() -> Nonce {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    Nonce::from_random([NEXT.fetch_add(1, Ordering::Relaxed); 16])
}

fn bound_frame(key: &SecretKey, audience: &str) -> Value {
    let auth = Auth::bound(key, fresh_timestamp(), audience, &fresh_nonce());
    let mut frame = serde_json::to_value(auth).unwrap();
    frame["type"] = json!("auth");
    frame
}

/// What the relay says to a first frame, and the code with which it closes if it refuses.
async fn told(relay: &Relay, frame: &Value) -> (Value, Option<u16>) {
    let mut peer = relay.connect().await;
    peer.say(frame).await;
    let result = peer.hear().await;
    assert_eq!(result["type"], "auth_result");
    let closed = match result["status"].as_str() {
        Some("ok") => None,
        _ => Some(peer.closed().await),
    };
    (result["code"].clone(), closed)
}

/// The head of a request that is bound to `authority`.
fn bound_head(key: &SecretKey, authority: &str, method: &str, target: &str, body: &str) -> String {
    let digest = content_digest(BodyHash::of(body.as_bytes()));
    let request = Request {
        content_digest: Some(digest.as_bytes()),
        ..Request::new(method, target)
    };
    let lifetime = Duration::from_secs(60);
    let signed = sign(
        key,
        &request,
        authority,
        &fresh_nonce(),
        fresh_timestamp(),
        lifetime,
    );
    format!(
        "Content-Digest: {digest}\r\nSignature-Input: {}\r\nSignature: {}\r\nContent-Length: {}\r\n",
        signed.signature_input,
        signed.signature,
        body.len(),
    )
}

async fn patch(relay: &Relay, key: &SecretKey, body: &str) -> Answer {
    let target = format!("/v1/agents/{}", key.public());
    let head = bound_head(key, &relay.authority(), "PATCH", &target, body);
    relay
        .raw_request(&format!("PATCH {target} HTTP/1.1"), &head, body)
        .await
}

#[tokio::test]
async fn a_frame_for_this_relay_begins_a_session_once() {
    let relay = Relay::start().await;
    let authority = relay.authority();
    let port = authority.rsplit_once(':').unwrap().1;
    for audience in [
        format!("http://{authority}"),
        format!("http://localhost:{port}"),
    ] {
        let frame = bound_frame(&agent(1), &audience);
        assert_eq!(
            told(&relay, &frame).await,
            (Value::Null, None),
            "{audience}"
        );
        assert_eq!(
            told(&relay, &frame).await,
            (json!("replay_detected"), Some(4001))
        );
    }
}

#[tokio::test]
async fn a_frame_for_another_relay_is_refused() {
    let relay = Relay::with(|config| config.names = vec!["b.example".to_owned()]).await;
    let refused = (json!("invalid_signature"), Some(4001));
    for audience in [
        "https://a.example",
        "https://b.example:443",
        "http://localhost",
        "b.example",
    ] {
        let frame = bound_frame(&agent(1), audience);
        assert_eq!(told(&relay, &frame).await, refused, "{audience}");
    }
    let mut readdressed = bound_frame(&agent(1), "https://a.example");
    readdressed["audience"] = json!("https://b.example");
    assert_eq!(told(&relay, &readdressed).await, refused);
    let own = bound_frame(&agent(1), "https://b.example");
    assert_eq!(told(&relay, &own).await, (Value::Null, None));
}

#[tokio::test]
async fn each_mistake_in_a_bound_frame_is_told() {
    let relay = Relay::start().await;
    let good = bound_frame(&agent(1), &format!("http://{}", relay.authority()));
    let wrong = async |name: &str, value: Value, code: &str| {
        let mut frame = good.clone();
        frame[name] = value;
        assert_eq!(
            told(&relay, &frame).await,
            (json!(code), Some(4001)),
            "{name}"
        );
    };
    wrong("v", json!(3), "invalid_signature").await;
    wrong("v", json!(1), "invalid_signature").await;
    wrong("v", Value::Null, "invalid_signature").await;
    wrong("nonce", Value::Null, "missing_auth").await;
    wrong("audience", Value::Null, "missing_auth").await;
    wrong("nonce", json!("short"), "invalid_signature").await;
    wrong(
        "nonce",
        json!("another-nonce-of-22-ch"),
        "invalid_signature",
    )
    .await;
    wrong(
        "timestamp",
        json!("2020-01-01T00:00:00Z"),
        "timestamp_out_of_range",
    )
    .await;
    assert_eq!(told(&relay, &good).await, (Value::Null, None));
}

#[tokio::test]
async fn an_agent_that_requires_binding_gets_no_session_without() {
    let relay = Relay::start().await;
    let key = agent(1);
    let origin = format!("http://{}", relay.authority());
    assert_eq!(told(&relay, &auth_frame(&key)).await, (Value::Null, None));
    let answer = patch(&relay, &key, r#"{"require_bound_auth":true}"#).await;
    assert_eq!(
        (answer.status, &answer.body["require_bound_auth"]),
        (200, &json!(true))
    );
    let refused = (json!("bound_auth_required"), Some(4001));
    assert_eq!(told(&relay, &auth_frame(&key)).await, refused);
    assert_eq!(
        told(&relay, &bound_frame(&key, &origin)).await,
        (Value::Null, None)
    );
    let answer = patch(&relay, &key, r#"{"require_bound_auth":false}"#).await;
    assert_eq!(answer.status, 200);
    assert_eq!(told(&relay, &auth_frame(&key)).await, (Value::Null, None));
}

#[tokio::test]
async fn a_unix_socket_is_called_localhost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("relay.sock");
    let listener = ListenAddress::Unix(path.clone());
    let relay = Relay::with(|config| config.listen.push(listener)).await;
    let tcp = relay.authority();
    for (authority, status) in [
        ("localhost", "200"),
        (tcp.as_str(), "401"),
        ("a.example", "401"),
    ] {
        let head = bound_head(&agent(1), authority, "GET", "/v1/messages", "");
        let mut stream = UnixStream::connect(&path).await.unwrap();
        let request = format!(
            "GET /v1/messages HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n{head}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon("an answer", stream.read_to_string(&mut answer))
            .await
            .unwrap();
        assert_eq!(
            answer.split(' ').nth(1),
            Some(status),
            "{authority}: {answer}"
        );
    }
}
