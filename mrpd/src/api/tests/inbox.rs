//! Leases, marks, search, threads, held messages, over the routes.

use super::*;

impl Fixture {
    async fn ids(&self, path: &str) -> Vec<String> {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = self.answer(request).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let lines = std::str::from_utf8(&bytes).unwrap().lines();
        let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].clone();
        lines
            .map(|line| id(line).as_str().unwrap().to_owned())
            .collect()
    }

    async fn claim(&self, body: Value) -> Vec<Value> {
        let (status, answer) = self.call("POST", "/v1/claim", body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer.as_array().unwrap().clone()
    }

    async fn texts(&self, texts: &[&str]) {
        for (number, text) in texts.iter().enumerate() {
            self.receive(&format!("msg_{}", number + 1), |message| {
                let body = json!({ "text": text, "data": { "list": [number, "Zebra"] } });
                message.body = Some(serde_json::value::to_raw_value(&body).unwrap());
            })
            .await;
        }
    }
}

#[tokio::test]
async fn messages_are_selected_by_state_relay_words_and_expression_in_both_orders() {
    let fixture = Fixture::one().await;
    fixture
        .texts(&["The build PASSED", "Größe: ÄÖÜ", "build failed"])
        .await;
    fixture
        .receive("msg_4", |message| message.relay = "other".to_owned())
        .await;
    let read = json!({"ids": ["msg_2"], "as": "read"});
    fixture.call("POST", "/v1/messages/mark", read).await;
    let archived = json!({"ids": ["msg_3"], "as": "archived"});
    fixture.call("POST", "/v1/messages/mark", archived).await;
    for (query, want) in [
        ("unread=1", &[1, 4][..]),
        ("state=read", &[2]),
        ("state=archived", &[3]),
        ("state=done", &[]),
        ("relay=other", &[4]),
        ("text=BUILD", &[1, 3]),
        ("text=build+passed", &[1]),
        ("text=gr%C3%B6sse", &[]),
        ("text=gr%C3%B6%C3%9Fe+%C3%A4%C3%B6", &[2]),
        ("text=zebra&unread=1", &[1]),
        ("order=desc", &[4, 3, 2, 1]),
        ("order=desc&limit=2", &[4, 3]),
        ("order=desc&limit=2&before=3", &[2, 1]),
        ("before=3", &[1, 2]),
        ("match=body.data.list[0]%20%3D%3D%202", &[3]),
        (
            "match=seq%20%3E%202%20and%20state%20%3D%3D%20%22new%22",
            &[4],
        ),
        ("last=1&unread=1", &[4]),
    ] {
        assert_eq!(fixture.lines(query).await, want, "{query}");
    }
    for query in [
        "order=desc&follow=1",
        "state=held",
        "unread=1&state=read",
        "match=body.(",
        "match=nothing_of_the_kind",
        "text=+",
        "unread=2",
    ] {
        let answer = fixture
            .call("GET", &format!("/v1/messages?{query}"), Value::Null)
            .await;
        assert_eq!(code(&answer), "invalid_request", "{query}");
    }
}

#[tokio::test]
async fn work_is_claimed_settled_and_given_back() {
    let fixture = Fixture::one().await;
    assert!(fixture.claim(Value::Null).await.is_empty());
    fixture.texts(&["a", "b", "c"]).await;
    let first = fixture.claim(json!({"lease_ms": 60_000})).await;
    assert_eq!(first[0]["id"], "msg_1");
    assert_eq!(first[0]["state"], "claimed");
    assert_eq!(first[0]["attempt"], 1);
    let rest = fixture.claim(json!({"n": 5})).await;
    assert_eq!(rest.len(), 2);
    let nack = json!({"ids": ["msg_1"]});
    fixture.call("POST", "/v1/nack", nack).await;
    let again = fixture
        .claim(json!({"filter": {"match": "text == 'a'"}}))
        .await;
    assert_eq!(again[0]["attempt"], 2);
    let late = json!({"leases": [first[0]["lease"]["token"]]});
    let late = fixture.call("POST", "/v1/ack", late).await;
    assert_eq!((late.0, code(&late)), (StatusCode::CONFLICT, "lease_lost"));
    let ack = json!({"leases": [again[0]["lease"]["token"]], "ids": ["msg_2"]});
    let (status, changed) = fixture.call("POST", "/v1/ack", ack).await;
    assert_eq!((status, &changed["seqs"]), (StatusCode::OK, &json!([2, 1])));
    let touch = json!({"ids": ["msg_3"], "lease_ms": 600_000});
    let (_, touched) = fixture.call("POST", "/v1/touch", touch).await;
    assert!(touched["until"].is_string(), "{touched}");
    let dead = json!({"ids": ["msg_3"], "dead": true});
    assert_eq!(
        fixture.call("POST", "/v1/nack", dead).await.0,
        StatusCode::OK
    );
    assert_eq!(fixture.lines("state=dead").await, [3]);
    for (path, body, want) in [
        ("/v1/nack", json!({"ids": ["msg_1"]}), "not_claimed"),
        ("/v1/touch", json!({"ids": ["msg_1"]}), "not_claimed"),
        ("/v1/ack", json!({"ids": ["msg_9"]}), "message_not_found"),
        ("/v1/ack", json!({"ids": []}), "invalid_request"),
        ("/v1/ack", json!({"leases": ["x"]}), "invalid_request"),
        ("/v1/ack", json!({"id": "msg_1"}), "invalid_json"),
        ("/v1/claim", json!({"n": 0}), "invalid_request"),
        ("/v1/claim", json!({"n": 101}), "invalid_request"),
        ("/v1/claim", json!({"lease_ms": 1}), "invalid_request"),
        (
            "/v1/claim",
            json!({"wait_ms": 3_600_001}),
            "invalid_request",
        ),
        (
            "/v1/claim",
            json!({"filter": {"sender": "a"}}),
            "invalid_json",
        ),
        (
            "/v1/claim",
            json!({"filter": {"dir": "out"}}),
            "invalid_request",
        ),
    ] {
        let answer = fixture.call("POST", path, body.clone()).await;
        assert_eq!(code(&answer), want, "{path} {body}");
    }
}

#[tokio::test]
async fn a_claimer_waits_for_what_comes_and_for_what_comes_back() {
    let fixture = Fixture::one().await;
    let wait = json!({"wait_ms": 20_000, "filter": {"kind": "event"}});
    let comes = async {
        tokio::task::yield_now().await;
        fixture.receive("msg_1", |_| {}).await;
        fixture
            .receive("msg_2", |message| message.kind = Kind::Event)
            .await;
    };
    let (claimed, ()) = tokio::join!(fixture.claim(wait.clone()), comes);
    assert_eq!(claimed[0]["id"], "msg_2");
    let comes_back = async {
        tokio::task::yield_now().await;
        let nack = json!({"ids": ["msg_2"]});
        fixture.call("POST", "/v1/nack", nack).await
    };
    let (claimed, _) = tokio::join!(fixture.claim(wait), comes_back);
    assert_eq!(claimed[0]["attempt"], 2);
}

#[tokio::test]
async fn of_many_claimers_each_message_goes_to_one() {
    let fixture = Fixture::one().await;
    for number in 1..=40 {
        fixture.receive(&format!("msg_{number}"), |_| {}).await;
    }
    let claimers = (0..8).map(|_| async {
        let mut taken = Vec::new();
        loop {
            let claimed = fixture.claim(json!({"n": 3})).await;
            if claimed.is_empty() {
                return taken;
            }
            taken.extend(
                claimed
                    .iter()
                    .map(|message| message["seq"].as_u64().unwrap()),
            );
        }
    });
    let mut taken: Vec<u64> = futures_util::future::join_all(claimers).await.concat();
    taken.sort_unstable();
    assert_eq!(taken, (1..=40).collect::<Vec<_>>());
}

#[tokio::test]
async fn search_finds_in_both_directions_newest_first_and_goes_on() {
    let fixture = Fixture::one().await;
    fixture.texts(&["one needle", "two", "Needle three"]).await;
    fixture
        .receive("msg_4", |message| message.dir = Direction::Out)
        .await;
    assert_eq!(
        fixture.ids("/v1/search?text=needle").await,
        ["msg_3", "msg_1"]
    );
    assert_eq!(
        fixture.ids("/v1/search?text=needle&before=3").await,
        ["msg_1"]
    );
    assert_eq!(
        fixture.ids("/v1/search?text=A").await,
        ["msg_4", "msg_3", "msg_2", "msg_1"]
    );
    let without = fixture.call("GET", "/v1/search", Value::Null).await;
    assert_eq!(code(&without), "invalid_request");
}

#[tokio::test]
async fn threads_are_listed_and_shown_both_ways() {
    let fixture = Fixture::one().await;
    for (number, thread) in [(1, "a/b"), (2, "c"), (3, "a/b")] {
        fixture
            .receive(&format!("msg_{number}"), |message| {
                message.thread = Some(thread.to_owned());
                if number == 3 {
                    message.dir = Direction::Out;
                }
            })
            .await;
    }
    let (_, threads) = fixture.call("GET", "/v1/threads", Value::Null).await;
    assert_eq!(threads[0]["thread"], "a/b");
    assert_eq!(threads[0]["count"], 2);
    assert_eq!(threads[0]["last"]["id"], "msg_3");
    assert_eq!(threads[1]["thread"], "c");
    let (_, rest) = fixture
        .call("GET", "/v1/threads?before=3&limit=1", Value::Null)
        .await;
    assert_eq!(rest[0]["thread"], "c");
    assert_eq!(fixture.ids("/v1/threads/a%2Fb").await, ["msg_1", "msg_3"]);
    let removed = fixture
        .call("DELETE", "/v1/messages/msg_3", Value::Null)
        .await;
    assert_eq!(removed.1["removed"], 1);
    assert_eq!(fixture.ids("/v1/threads/a%2Fb").await, ["msg_1"]);
    let gone = fixture
        .call("DELETE", "/v1/messages/msg_3", Value::Null)
        .await;
    assert_eq!(code(&gone), "message_not_found");
}

#[tokio::test]
async fn strangers_are_decided_upon() {
    let fixture = Fixture::one().await;
    for (id, seed) in [("msg_1", 1), ("msg_2", 2), ("msg_3", 1), ("msg_4", 3)] {
        let mut message = record(id);
        message.from = key(seed);
        let mut copies = Copies::default();
        copies.add(&[id], None);
        let store = &fixture.api.context.store;
        let incoming = Incoming { message, copies };
        let stored = store.accept_from_stranger(incoming).await.wait().await;
        assert_eq!(stored.unwrap(), crate::store::Stored::Held);
    }
    assert_eq!(
        fixture.ids("/v1/pending").await,
        ["msg_1", "msg_2", "msg_3", "msg_4"]
    );
    assert!(fixture.lines("").await.is_empty());
    assert!(fixture.claim(Value::Null).await.is_empty());
    let accept = json!({"ids": ["msg_3"], "name": "alice"});
    let (_, accepted) = fixture.call("POST", "/v1/pending/accept", accept).await;
    assert_eq!(accepted["messages"], 2);
    assert_eq!(fixture.lines("from=alice").await, [1, 2]);
    let reject = json!({"from": [key(2)]});
    let (_, rejected) = fixture.call("POST", "/v1/pending/reject", reject).await;
    assert_eq!(rejected["messages"], 1);
    assert_eq!(fixture.ids("/v1/pending").await, ["msg_4"]);
    for (body, want) in [
        (json!({}), "invalid_request"),
        (json!({"from": ["bob"]}), "invalid_request"),
        (json!({"ids": ["msg_1"]}), "message_not_found"),
    ] {
        for path in ["/v1/pending/accept", "/v1/pending/reject"] {
            let answer = fixture.call("POST", path, body.clone()).await;
            assert_eq!(code(&answer), want, "{path} {body}");
        }
    }
    let (_, status) = fixture.call("GET", "/v1/status", Value::Null).await;
    assert_eq!(status["inbox"]["held"], 1);
    assert_eq!(status["inbox"]["unread"], 2);
}

#[tokio::test]
async fn what_is_old_is_pruned_as_far_as_one_says() {
    let fixture = Fixture::one().await;
    for (id, age) in [("msg_1", 60), ("msg_2", 60), ("msg_3", 60), ("msg_4", 0)] {
        fixture
            .receive(id, |message| {
                message.received_at = crate::clock::now().before(Duration::from_secs(age));
            })
            .await;
    }
    fixture.claim(Value::Null).await;
    let read = json!({"ids": ["msg_2"], "as": "read"});
    fixture.call("POST", "/v1/messages/mark", read).await;
    let prune = json!({"older_ms": 30_000, "keep_unread": true});
    let (_, removed) = fixture.call("POST", "/v1/prune", prune).await;
    assert_eq!(removed["removed"], 1);
    let prune = json!({"older_ms": 30_000});
    let (_, removed) = fixture.call("POST", "/v1/prune", prune).await;
    assert_eq!(removed["removed"], 1);
    assert_eq!(fixture.lines("").await, [1, 4]);
}

#[tokio::test]
async fn cursors_are_listed_and_forgotten() {
    let fixture = Fixture::one().await;
    for name in ["b", "a"] {
        let path = format!("/v1/cursors/{name}");
        fixture.call("PUT", &path, json!({"seq": 3})).await;
    }
    let (_, cursors) = fixture.call("GET", "/v1/cursors", Value::Null).await;
    assert_eq!(
        cursors,
        json!([{"name": "a", "seq": 3}, {"name": "b", "seq": 3}])
    );
    let removed = fixture.call("DELETE", "/v1/cursors/a", Value::Null).await;
    assert_eq!(removed.0, StatusCode::NO_CONTENT);
    let again = fixture.call("DELETE", "/v1/cursors/a", Value::Null).await;
    assert_eq!(code(&again), "unknown_cursor");
}
