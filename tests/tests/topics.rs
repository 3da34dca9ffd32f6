//! Topics: others subscribe by a request, and what is published comes to each of them once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Value, json};
use tests::process::eventually;
use tests::relay::Relay;
use tests::user::User;

fn subscribe(user: &User, who: &str, topic: Option<&str>) {
    let wish = json!({ "who": who, "topic": topic });
    let (status, answer) = user.api("POST", "/v1/subscriptions", Some(&wish));
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["state"], "requested", "{answer}");
}

/// How the user's only subscription stands, once the publisher has answered.
fn answered(user: &User) -> Value {
    eventually("an answer to the subscription", || {
        let (_, all) = user.api("GET", "/v1/subscriptions", None);
        let only = all.as_array()?.first()?.clone();
        (only["state"] != "requested").then_some(only)
    })
}

fn publish(user: &User, topic: &str, body: Value) -> Value {
    let (status, answer) = user.api("POST", &format!("/v1/publish/{topic}"), Some(&body));
    assert_eq!(status, 200, "{answer}");
    answer
}

fn subscribers(user: &User, topic: &str) -> Vec<Value> {
    let (status, all) = user.api("GET", &format!("/v1/topics/{topic}/subscribers"), None);
    assert_eq!(status, 200, "{all}");
    all.as_array().unwrap().clone()
}

/// The data of the events that came under the topic's name.
fn events(user: &User, topic: &str) -> Vec<Value> {
    let inbox = user.inbox();
    let events = inbox
        .iter()
        .filter(|message| message["body"]["event"] == topic);
    events
        .map(|message| message["body"]["data"].clone())
        .collect()
}

fn publisher(relay: &Relay, configuration: &str) -> User {
    let user = User::at("publisher", relay);
    user.configure(configuration);
    user.reload();
    user
}

#[test]
fn what_is_published_comes_to_all_who_subscribed_over_restarts() {
    let relay = Relay::start();
    let mut source = publisher(
        &relay,
        "[[topic]]\nname = \"market:prices\"\nallow = [\"*\"]",
    );
    let key = source.key();
    let readers = [User::at("alice", &relay), User::at("bob", &relay)];
    for reader in &readers {
        subscribe(reader, &key, Some("market:prices"));
        assert_eq!(answered(reader)["state"], "active");
    }
    source.terminate_daemon().succeeded();
    source.start_daemon();
    assert_eq!(subscribers(&source, "market:prices").len(), 2);
    let answer = publish(&source, "market:prices", json!({ "body": { "eur": 1.25 } }));
    assert_eq!(answer["subscribers"], 2);
    publish(&source, "market:prices", json!({ "text": "closed" }));
    for reader in &readers {
        let data = eventually("both events", || {
            Some(events(reader, "market:prices")).filter(|data| data.len() == 2)
        });
        assert_eq!(data, [json!({ "eur": 1.25 }), json!({ "text": "closed" })]);
        let sealed = reader
            .inbox()
            .iter()
            .all(|message| message["encrypted"] == true);
        assert!(sealed, "publications are sealed like all else");
    }
    let path = format!("/v1/subscriptions/{key}/market:prices");
    let (status, answer) = readers[0].api("DELETE", &path, None);
    assert_eq!(status, 204, "{answer}");
    let left = eventually("one subscriber less", || {
        Some(subscribers(&source, "market:prices")).filter(|left| left.len() == 1)
    });
    assert_eq!(left[0]["key"], readers[1].key().as_str());
    let path = format!("/v1/topics/market:prices/subscribers/{}", readers[1].key());
    assert_eq!(source.api("DELETE", &path, None).0, 204);
    assert_eq!(source.api("DELETE", &path, None).0, 404);
    let answer = publish(&source, "market:prices", json!({ "text": "nobody" }));
    assert_eq!(answer["subscribers"], 0);
}

#[test]
fn who_is_not_allowed_is_refused_and_strangers_are_not_answered() {
    let relay = Relay::start();
    let source = publisher(
        &relay,
        "[groups]\nfriends = [\"alice\"]\n[[topic]]\nname = \"news\"\nallow = [\"@friends\"]\nmax_subscribers = 1",
    );
    let key = source.key();
    let (alice, bob, eve) = (
        User::at("alice", &relay),
        User::at("bob", &relay),
        User::at("eve", &relay),
    );
    for known in [&alice, &bob] {
        source
            .mrpctl(&["contact", "add", known.name(), &known.key()])
            .succeeded();
    }
    subscribe(&eve, &key, None);
    subscribe(&bob, &key, Some("news"));
    let refused = answered(&bob);
    assert_eq!(refused["state"], "refused", "{refused}");
    assert!(
        refused["refusal"]
            .as_str()
            .unwrap()
            .starts_with("forbidden")
    );
    // The only topic is meant where none is named.
    subscribe(&alice, &key, None);
    assert_eq!(answered(&alice)["state"], "active");
    let names: Vec<Value> = subscribers(&source, "news")
        .iter()
        .map(|one| one["name"].clone())
        .collect();
    assert_eq!(names, ["alice"]);
    // Eve asked first, and what was asked after her is answered: no answer to her is under way.
    assert_eq!(eve.inbox(), Vec::<Value>::new());
    // Another action is answered to a contact, once.
    let request = json!({ "to": key, "body": { "action": "dance", "params": {} } });
    assert_eq!(bob.api("POST", "/v1/send", Some(&request)).0, 200);
    let response = eventually("an answer", || {
        let inbox = bob.inbox();
        inbox
            .into_iter()
            .find(|message| message["body"]["error"]["code"] != "forbidden")
    });
    assert_eq!(
        response["body"]["error"]["code"], "unsupported_action",
        "{response}"
    );
    // Who is taken out of the list gets nothing any more.
    source.mrpctl(&["contact", "rm", "alice"]).succeeded();
    assert_eq!(
        publish(&source, "news", json!({ "text": "x" }))["subscribers"],
        0
    );
}

#[test]
fn a_topic_that_is_written_wrongly_leaves_the_old_one_in_force() {
    let relay = Relay::start();
    let source = publisher(&relay, "[[topic]]\nname = \"news\"\nallow = [\"*\"]");
    let path = source.home().join(".config/mrp/mrpd.toml");
    let right = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, right.replace("[\"*\"]", "[\"@nobody\"]")).unwrap();
    source.reload();
    assert_eq!(
        publish(&source, "news", json!({ "text": "x" }))["subscribers"],
        0
    );
    let (_, status) = source.api("GET", "/v1/status", None);
    let warnings = status["warnings"].to_string();
    assert!(warnings.contains("topic.news.allow"), "{warnings}");
    assert!(warnings.contains("no group"), "{warnings}");
    let (status, answer) = source.api("POST", "/v1/publish/other", Some(&json!({ "text": "x" })));
    assert_eq!(
        (status, &answer["error"]["code"]),
        (404, &json!("not_found"))
    );
    let (status, answer) = source.api("POST", "/v1/publish/news", Some(&json!({})));
    assert_eq!(
        (status, &answer["error"]["code"]),
        (400, &json!("invalid_request"))
    );
}

#[test]
fn a_publisher_killed_in_the_middle_sends_to_each_once() {
    let mut relay = Relay::start();
    let mut source = publisher(&relay, "[[topic]]\nname = \"news\"\nallow = [\"*\"]");
    let key = source.key();
    let readers: Vec<User> = ["a", "b", "c"].map(|name| User::at(name, &relay)).into();
    for reader in &readers {
        subscribe(reader, &key, None);
        assert_eq!(answered(reader)["state"], "active");
    }
    relay.kill();
    for number in 0..20 {
        let body = json!({ "body": { "n": number } });
        let answer = publish(&source, "news", body);
        assert_eq!(answer["subscribers"], 3);
        if number % 5 == 0 {
            source.kill_daemon();
            source.start_daemon();
        }
    }
    source.kill_daemon();
    source.start_daemon();
    relay.resume();
    for reader in &readers {
        let data = eventually("all publications", || {
            Some(events(reader, "news")).filter(|data| data.len() >= 20)
        });
        let expected: Vec<Value> = (0..20).map(|number| json!({ "n": number })).collect();
        assert_eq!(data, expected, "each once, and in order");
    }
}
