//! A relay in memory, and agents that sign.

use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use mrp_proto::key::{PublicKey, SecretKey};
use mrp_proto::sign::{BodyHash, request_bytes};
use mrp_proto::time::Timestamp;
use relayd::{Config, Relay};
use serde_json::Value;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A relay without limits per minute, unless `assignments` say otherwise.
pub(crate) fn relay(assignments: &[&str]) -> TestRelay {
    let mut config = Config::default();
    for assignment in assignments {
        config.set(assignment).unwrap();
    }
    from_config(config)
}

pub(crate) fn from_config(config: Config) -> TestRelay {
    TestRelay {
        relay: Relay::in_memory(config).unwrap(),
        from: [192, 0, 2, 1].into(),
    }
}

/// A relay and the address that its clients have.
pub(crate) struct TestRelay {
    pub(crate) relay: Relay,
    pub(crate) from: IpAddr,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Asserts a success.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    /// Asserts a refusal in the form of every refusal; returns its details.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        let error = &self.json()["error"];
        assert_eq!(error["code"], code, "{self:?}");
        assert!(!error["message"].as_str().unwrap().is_empty(), "{self:?}");
        assert_eq!(
            error["request_id"].as_str(),
            self.header("x-request-id"),
            "{self:?}"
        );
        assert_eq!(
            self.header("content-type"),
            Some("application/json"),
            "{self:?}"
        );
        error["details"].clone()
    }

    /// Asserts that a field broke a rule.
    #[track_caller]
    pub(crate) fn violates(&self, field: &str) {
        let details = self.refused(422, "validation_failed");
        assert_eq!(details["field"], field, "{self:?}");
        assert!(
            details.get("limit").is_some() && details.get("actual").is_some(),
            "{self:?}"
        );
    }
}

impl TestRelay {
    pub(crate) async fn answer(&self, request: Request<Body>) -> Reply {
        let response = self.relay.answer(self.from, request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(parts.headers.contains_key("x-request-id"), "{parts:?}");
        Reply {
            status: parts.status,
            headers: parts.headers,
            text,
        }
    }

    pub(crate) async fn get(&self, agent: &Agent, target: &str) -> Reply {
        self.answer(agent.request("GET", target, "")).await
    }

    pub(crate) async fn post(&self, agent: &Agent, target: &str, body: &str) -> Reply {
        self.answer(agent.request("POST", target, body)).await
    }

    pub(crate) async fn patch(&self, agent: &Agent, body: &str) -> Reply {
        self.answer(agent.request("PATCH", &agent.path(), body))
            .await
    }

    pub(crate) async fn delete(&self, agent: &Agent, target: &str) -> Reply {
        self.answer(agent.request("DELETE", target, "")).await
    }

    /// Sends `body` (JSON) and returns the message's id.
    pub(crate) async fn send(&self, from: &Agent, to: &Agent, body: &str) -> String {
        let body = format!(r#"{{"recipient_key":"{}","body":{body}}}"#, to.key());
        let accepted = self
            .post(from, "/v1/messages", &body)
            .await
            .expect(202)
            .json();
        accepted["message_id"].as_str().unwrap().to_owned()
    }

    /// The bodies of a page.
    pub(crate) async fn bodies(&self, agent: &Agent, target: &str) -> Vec<Value> {
        let page = self.get(agent, target).await.expect(200).json();
        let messages = page["messages"].as_array().unwrap().clone();
        messages
            .into_iter()
            .map(|message| message["body"].clone())
            .collect()
    }
}

/// An agent.
pub(crate) struct Agent(pub(crate) SecretKey);

pub(crate) fn agent(seed: u8) -> Agent {
    Agent(SecretKey::from_seed(&[seed; 32]))
}

impl Agent {
    pub(crate) fn key(&self) -> PublicKey {
        self.0.public()
    }

    pub(crate) fn path(&self) -> String {
        format!("/v1/agents/{}", self.key())
    }

    /// A request, signed over its whole target.
    pub(crate) fn request(
        &self,
        method: &str,
        target: &str,
        body: impl AsRef<[u8]>,
    ) -> Request<Body> {
        self.signed(method, target, target, body, fresh_time())
    }

    /// A request to `target` whose signature covers `signed_target`.
    pub(crate) fn signed(
        &self,
        method: &str,
        target: &str,
        signed_target: &str,
        body: impl AsRef<[u8]>,
        time: Timestamp,
    ) -> Request<Body> {
        let (time, body) = (time.to_string(), body.as_ref());
        let bytes = request_bytes(method, signed_target, &time, BodyHash::of(body));
        Request::builder()
            .method(method)
            .uri(target)
            .header("X-M2M-Public-Key", self.key().to_string())
            .header("X-M2M-Timestamp", time)
            .header("X-M2M-Signature", self.0.sign(&bytes).to_string())
            .body(Body::from(body.to_vec()))
            .unwrap()
    }
}

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_unix_millis(i64::try_from(since.as_millis()).unwrap())
}

/// Now, or a millisecond later than the last time: two equal requests of one millisecond would have one signature.
pub(crate) fn fresh_time() -> Timestamp {
    static LAST: AtomicI64 = AtomicI64::new(0);
    let now = now().unix_millis();
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
        Some(now.max(last + 1))
    });
    Timestamp::from_unix_millis(now.max(last.unwrap() + 1))
}

/// How long anything may take before a test says that it never comes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A signed request as it goes over the wire.
pub(crate) fn on_the_wire(agent: &Agent, method: &str, target: &str, body: &str) -> String {
    let time = fresh_time().to_string();
    let signature = agent.0.sign(&request_bytes(
        method,
        target,
        &time,
        BodyHash::of(body.as_bytes()),
    ));
    let length = body.len();
    format!(
        "{method} {target} HTTP/1.1\r\nhost: x\r\nx-m2m-public-key: {}\r\nx-m2m-timestamp: {time}\r\n\
         x-m2m-signature: {signature}\r\ncontent-length: {length}\r\n\r\n{body}",
        agent.key()
    )
}
