use super::*;
use crate::config::Config;
use crate::roster::Roster;
use crate::store::{Copies, Incoming, MessageRecord, Store, StoreError};
use crate::testing::{self, key, record};
use axum::http::StatusCode;
use http_body_util::BodyExt as _;
use mrpd_api::message::{Direction, Kind};
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt as _;

mod inbox;

struct Fixture {
    dir: tempfile::TempDir,
    api: Api,
    _roster: watch::Sender<Arc<Roster>>,
    config: watch::Sender<Arc<Config>>,
}

impl Fixture {
    async fn new(agents: Vec<crate::roster::LocalAgent>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let parts = testing::parts(dir.path(), agents).await;
        let (control, _) = mpsc::channel(1);
        let api = Api {
            context: parts.context,
            control,
            about: Arc::new(About {
                started_at: Timestamp::EPOCH,
                socket: PathBuf::from("/s"),
                config: PathBuf::from("/c"),
                state_dir: PathBuf::from("/"),
            }),
        };
        Self {
            dir,
            api,
            _roster: parts.roster,
            config: parts.config,
        }
    }

    fn give_up_at_once(&self) {
        self.config
            .send_modify(|config| Arc::make_mut(config).outbox.retry_for = Duration::ZERO);
    }

    async fn one() -> Self {
        Self::new(vec![testing::agent("me", 9)]).await
    }

    async fn answer(&self, request: Request<Body>) -> Response {
        router(self.api.clone()).oneshot(request).await.unwrap()
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> (StatusCode, Value) {
        let body = match body {
            Value::Null => Body::empty(),
            body => Body::from(body.to_string()),
        };
        let request = Request::builder().method(method).uri(path);
        let response = self.answer(request.body(body).unwrap()).await;
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        (status, value)
    }

    async fn lines(&self, query: &str) -> Vec<u64> {
        let uri = format!("/v1/messages?{query}");
        let request = Request::builder().uri(uri).body(Body::empty()).unwrap();
        let response = self.answer(request).await;
        assert_eq!(response.status(), StatusCode::OK, "{query}");
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        std::str::from_utf8(&bytes)
            .unwrap()
            .lines()
            .map(|line| {
                serde_json::from_str::<Value>(line).unwrap()["seq"]
                    .as_u64()
                    .unwrap()
            })
            .collect()
    }

    async fn receive(&self, id: &str, change: impl FnOnce(&mut MessageRecord)) {
        let mut message = record(id);
        change(&mut message);
        let mut copies = Copies::default();
        copies.add(&[id], None);
        let incoming = Incoming { message, copies };
        self.api
            .context
            .store
            .accept(incoming)
            .await
            .wait()
            .await
            .unwrap();
    }
}

fn code(answer: &(StatusCode, Value)) -> &str {
    answer.1["error"]["code"].as_str().unwrap_or("none")
}

#[tokio::test]
async fn every_answer_says_who_gives_it() {
    let fixture = Fixture::one().await;
    for path in ["/healthz", "/v1/status", "/nowhere"] {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = fixture.answer(request).await;
        assert_eq!(response.headers()["mrpd-api"], "1", "{path}");
        assert_eq!(
            response.headers()["mrpd-version"],
            env!("CARGO_PKG_VERSION")
        );
    }
}

#[tokio::test]
async fn mistakes_get_typed_refusals() {
    let fixture = Fixture::one().await;
    for (method, path, body, want) in [
        ("GET", "/nowhere", Value::Null, "not_found"),
        ("DELETE", "/v1/status", Value::Null, "method_not_allowed"),
        ("POST", "/v1/send", json!([1]), "invalid_json"),
        (
            "POST",
            "/v1/send",
            json!({"to": "nobody", "body": 1}),
            "unknown_recipient",
        ),
        ("POST", "/v1/send", json!({"to": "me"}), "invalid_request"),
        (
            "POST",
            "/v1/send",
            json!({"to": "me", "body": 1, "agent": "x"}),
            "unknown_agent",
        ),
        (
            "POST",
            "/v1/send",
            json!({"to": "me", "body": 1, "relay": "x"}),
            "unknown_relay",
        ),
        (
            "POST",
            "/v1/send",
            json!({"to": "me", "body": 1, "expires_in": 0}),
            "invalid_request",
        ),
        (
            "GET",
            "/v1/messages?colour=red",
            Value::Null,
            "invalid_request",
        ),
        (
            "GET",
            "/v1/messages?follow=2",
            Value::Null,
            "invalid_request",
        ),
        (
            "GET",
            "/v1/messages?kind=odd",
            Value::Null,
            "invalid_request",
        ),
        ("GET", "/v1/messages?agent=x", Value::Null, "unknown_agent"),
        (
            "GET",
            "/v1/messages?from=x",
            Value::Null,
            "unknown_recipient",
        ),
        (
            "GET",
            "/v1/messages/msg_1_a",
            Value::Null,
            "message_not_found",
        ),
        ("GET", "/v1/messages/%ff", Value::Null, "invalid_request"),
        ("DELETE", "/v1/contacts/x", Value::Null, "unknown_contact"),
        ("GET", "/v1/contacts/%ff", Value::Null, "invalid_request"),
        (
            "PUT",
            "/v1/contacts/me",
            json!({"key": key(1)}),
            "invalid_request",
        ),
        (
            "PUT",
            "/v1/contacts/x",
            json!({"key": "x"}),
            "invalid_request",
        ),
        ("PUT", "/v1/cursors/x", json!({"seq": -1}), "invalid_json"),
    ] {
        let answer = fixture.call(method, path, body).await;
        assert_eq!(code(&answer), want, "{method} {path}: {answer:?}");
        let status = mrpd_api::error::Code::parse(want).unwrap().status();
        assert_eq!(answer.0.as_u16(), status);
    }
    let large = json!({"to": "me", "body": "x".repeat(5 << 20)});
    let answer = fixture.call("POST", "/v1/send", large).await;
    assert_eq!(code(&answer), "too_large");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let fixture = Fixture::one().await;
    let silent = Body::from_stream(futures_util::stream::pending::<Result<Bytes, StoreError>>());
    let request = Request::builder().method("POST").uri("/v1/send");
    let asked = fixture.answer(request.body(silent).unwrap());
    let answer = tokio::time::timeout(2 * BODY_PATIENCE, asked).await;
    assert_eq!(answer.unwrap().status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn without_an_agent_the_daemon_says_so() {
    let fixture = Fixture::new(Vec::new()).await;
    let answer = fixture
        .call("POST", "/v1/send", json!({"to": key(1), "body": 1}))
        .await;
    assert_eq!(code(&answer), "no_agent");
    let (status, answer) = fixture.call("GET", "/v1/status", Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        answer["warnings"][0]
            .as_str()
            .unwrap()
            .contains("mrpctl init")
    );
}

#[tokio::test]
async fn a_send_is_durable_before_it_is_answered_and_once_under_one_key() {
    let fixture = Fixture::one().await;
    let send = |text: &str, idempotency: &str| {
        Request::builder()
            .method("POST")
            .uri("/v1/send")
            .header("idempotency-key", idempotency)
            .body(Body::from(
                json!({"to": key(1), "body": {"text": text}}).to_string(),
            ))
            .unwrap()
    };
    let answer = |response: Response| async {
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice::<Value>(&bytes).unwrap()
    };
    let first = answer(fixture.answer(send("a", "k")).await).await;
    assert_eq!(
        (first["stage"].as_str(), first["encrypted"].as_bool()),
        (Some("queued"), Some(true))
    );
    let again = answer(fixture.answer(send("a", "k")).await).await;
    assert_eq!(first["id"], again["id"]);
    let other = fixture.answer(send("b", "k")).await;
    assert_eq!(other.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let (_, outbox) = fixture.call("GET", "/v1/outbox", Value::Null).await;
    assert_eq!(outbox.as_array().unwrap().len(), 1);
    assert_eq!(outbox[0]["id"], first["id"]);
    assert_eq!(outbox[0]["to"], key(1));
    fixture.api.context.store.close().await;
    let store = Store::open(&fixture.dir.path().join("mrpd.redb")).unwrap();
    assert_eq!(store.pending().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_send_whose_client_goes_away_is_tried_all_the_same() {
    let fixture = Fixture::one().await;
    // Given up at the first attempt, so that an attempt can be seen.
    fixture.give_up_at_once();
    let store = &fixture.api.context.store;
    let in_the_store = || async {
        let counts = store.counts().await.unwrap();
        counts.queued + counts.failed
    };
    for number in 1..=20 {
        let send = json!({"to": key(1), "body": number});
        let mut call = Box::pin(fixture.call("POST", "/v1/send", send));
        // Dropped as soon as the draft is in the store, as it is when the client's connection ends.
        while in_the_store().await < number && futures_util::poll!(&mut call).is_pending() {}
    }
    let mut changes = store.outbox_changes();
    let all_tried = async {
        while store.counts().await.unwrap().failed < 20 {
            changes.changed().await.unwrap();
        }
    };
    let deadline = Duration::from_secs(20);
    tokio::time::timeout(deadline, all_tried).await.unwrap();
}

#[tokio::test]
async fn a_wait_that_is_not_met_says_how_far_it_came() {
    let fixture = Fixture::one().await;
    let send = json!({"to": key(1), "body": 1, "wait": "accepted", "wait_ms": 50});
    let (status, answer) = fixture.call("POST", "/v1/send", send).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["stage"], "queued");
    assert_eq!(answer["message_id"], Value::Null);
}

#[tokio::test]
async fn a_send_that_was_tried_long_enough_is_given_up_and_says_why() {
    let fixture = Fixture::one().await;
    fixture.give_up_at_once();
    let send = json!({"to": key(1), "body": 1, "wait": "accepted"});
    let (status, answer) = fixture.call("POST", "/v1/send", send).await;
    assert_eq!(
        (status, answer["stage"].as_str()),
        (StatusCode::OK, Some("failed"))
    );
    assert_eq!(answer["error"]["code"], "relay_unreachable");
    let why = answer["error"]["message"].as_str().unwrap();
    assert!(why.starts_with("given up after"), "{why}");
    let (_, status) = fixture.call("GET", "/v1/status", Value::Null).await;
    assert_eq!(status["outbox"], json!({"queued": 0, "failed": 1}));
}

#[tokio::test]
async fn an_answer_is_noticed_by_whoever_waits_for_it() {
    let fixture = Fixture::one().await;
    let send = json!({"to": key(1), "body": 1, "wait": "reply", "wait_ms": 20_000});
    let wrong = fixture.call("POST", "/v1/send", send).await;
    assert_eq!(code(&wrong), "invalid_json");
    let send = json!({"to": key(1), "body": 1, "wait": "replied", "wait_ms": 20_000});
    let waiting = fixture.call("POST", "/v1/send", send);
    let store = fixture.api.context.store.clone();
    let answered = async {
        let mut changes = store.outbox_changes();
        let pending = loop {
            if let Some(pending) = store.pending().await.unwrap().pop() {
                break pending;
            }
            changes.changed().await.unwrap();
        };
        let time = Timestamp::EPOCH;
        let accepted = crate::store::Accepted {
            message_id: "msg_1_sent".to_owned(),
            created_at: time,
            expires_at: time,
        };
        store
            .record_accepted(pending.position, accepted, time)
            .await
            .unwrap();
        let by_another = |message: &mut MessageRecord| {
            message.from = key(2);
            message.reply_to = Some("msg_1_sent".to_owned());
        };
        fixture.receive("msg_2", by_another).await;
        let reply = |message: &mut MessageRecord| message.reply_to = Some("msg_1_sent".to_owned());
        fixture.receive("msg_3", reply).await;
    };
    let (answer, ()) = tokio::join!(waiting, answered);
    assert_eq!(answer.1["stage"], "replied", "{answer:?}");
    assert_eq!(answer.1["message_id"], "msg_1_sent");
}

#[tokio::test]
async fn messages_are_filtered_and_counted() {
    let fixture = Fixture::one().await;
    let everything = |_: &mut MessageRecord| {};
    fixture.receive("msg_1", everything).await;
    fixture
        .receive("msg_2", |message| message.kind = Kind::Event)
        .await;
    fixture
        .receive("msg_3", |message| message.thread = Some("t".to_owned()))
        .await;
    fixture
        .receive("msg_4", |message| message.from = key(2))
        .await;
    fixture
        .receive("msg_5", |message| message.dir = Direction::Out)
        .await;
    fixture
        .receive("msg_6", |message| {
            message.reply_to = Some("msg_5".to_owned())
        })
        .await;
    let body = json!({"key": key(2)});
    fixture.call("PUT", "/v1/contacts/two", body).await;
    for (query, want) in [
        ("", &[1, 2, 3, 4, 6][..]),
        ("all=1", &[1, 2, 3, 4, 5, 6]),
        ("dir=out", &[5]),
        ("after=3", &[4, 6]),
        ("last=2", &[4, 6]),
        ("last=2&limit=1", &[4]),
        ("last=0", &[]),
        ("limit=2", &[1, 2]),
        ("kind=event", &[2]),
        ("thread=t", &[3]),
        ("from=two", &[4]),
        ("reply_to=msg_5", &[6]),
        ("type=text%2Fplain", &[]),
        ("agent=me&last=1", &[6]),
        ("since=2100-01-01T00:00:00Z", &[]),
        ("since=2000-01-01T00:00:00Z&limit=1", &[1]),
    ] {
        assert_eq!(fixture.lines(query).await, want, "{query}");
    }
}

#[tokio::test]
async fn a_message_is_one_line_however_its_body_was_written() {
    let fixture = Fixture::one().await;
    fixture.receive("msg_1", |_| {}).await;
    assert_eq!(fixture.lines("").await, [1]);
    fixture
        .call("PUT", "/v1/contacts/Alice", json!({"key": key(1)}))
        .await;
    let (_, message) = fixture.call("GET", "/v1/messages/msg_1", Value::Null).await;
    assert_eq!(message["text"], "a\nb");
    assert_eq!(message["from"]["name"], "Alice");
    assert_eq!(message["from"]["trust"], "known");
    assert_eq!(message["state"], "new");
}

#[tokio::test]
async fn a_follower_gets_what_was_there_and_what_comes_once_each() {
    let fixture = Fixture::one().await;
    for number in 1..=300 {
        fixture.receive(&format!("msg_{number}"), |_| {}).await;
    }
    let request = Request::builder()
        .uri("/v1/messages?follow=1&after=100")
        .header("accept", "text/event-stream")
        .header("last-event-id", "250")
        .body(Body::empty())
        .unwrap();
    let mut body = fixture.answer(request).await.into_body();
    let mut seen = String::new();
    let mut received = 300;
    while seen.matches("id: ").count() < 60 {
        let next = tokio::time::timeout(Duration::from_secs(10), body.frame());
        let frame = next.await.unwrap().unwrap().unwrap();
        seen.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        if received < 310 {
            received += 1;
            fixture.receive(&format!("msg_{received}"), |_| {}).await;
        }
    }
    let ids: Vec<u64> = seen
        .lines()
        .filter_map(|line| line.strip_prefix("id: ")?.parse().ok())
        .collect();
    assert_eq!(ids, (251..=310).collect::<Vec<_>>());
    fixture.api.context.stop.cancel();
    let rest = tokio::time::timeout(Duration::from_secs(10), body.collect());
    assert!(rest.await.unwrap().unwrap().to_bytes().is_empty());
}

#[tokio::test]
async fn a_follower_with_a_limit_ends_by_itself() {
    let fixture = Fixture::one().await;
    fixture.receive("msg_1", |_| {}).await;
    let request = Request::builder()
        .uri("/v1/messages?follow=1&limit=2&last=1")
        .body(Body::empty())
        .unwrap();
    // Where it begins is settled with the answer.
    let body = fixture.answer(request).await.into_body();
    fixture.receive("msg_2", |_| {}).await;
    let all = tokio::time::timeout(Duration::from_secs(10), body.collect()).await;
    let bytes = all.unwrap().unwrap().to_bytes();
    let lines = std::str::from_utf8(&bytes).unwrap().lines();
    let seqs = lines.map(|line| serde_json::from_str::<Value>(line).unwrap()["seq"].clone());
    assert_eq!(seqs.collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn contacts_and_cursors_are_kept() {
    let fixture = Fixture::one().await;
    let (status, contact) = fixture
        .call("PUT", "/v1/contacts/a%20b", json!({"key": key(1)}))
        .await;
    assert_eq!(
        (status, contact["name"].as_str()),
        (StatusCode::OK, Some("a b"))
    );
    let renamed = fixture
        .call("POST", "/v1/contacts/a%20b/rename", json!({"name": "c"}))
        .await;
    assert_eq!(renamed.0, StatusCode::NO_CONTENT);
    let (_, contacts) = fixture.call("GET", "/v1/contacts", Value::Null).await;
    assert_eq!(contacts[0]["name"], "c");
    assert_eq!(
        fixture
            .call("DELETE", "/v1/contacts/c", Value::Null)
            .await
            .0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        fixture.call("GET", "/v1/cursors/r", Value::Null).await.1["seq"],
        0
    );
    let put = fixture
        .call("PUT", "/v1/cursors/r", json!({"seq": 5}))
        .await;
    assert_eq!(put.0, StatusCode::NO_CONTENT);
    assert_eq!(
        fixture.call("GET", "/v1/cursors/r", Value::Null).await.1["seq"],
        5
    );
}
