//! What the operator asks of a running relay (the admin socket's paths), and suspended agents (protocol A1.7).

use crate::harness::{Agent, PATIENCE, TestRelay, agent, relay};
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::collections::BTreeSet;

impl TestRelay {
    async fn administer(&self, method: &str, target: &str) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(target)
            .body(axum::body::Body::empty())
            .unwrap();
        let (parts, body) = self.relay.administer(request).await.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (
            parts.status.as_u16(),
            serde_json::from_slice(&bytes).unwrap(),
        )
    }

    async fn operator(&self, method: &str, target: &str) -> Value {
        let (status, body) = self.administer(method, target).await;
        assert!(status == 200 || status == 202, "{status} {body}");
        body
    }

    async fn set(&self, agent: &Agent, verb: &str) -> Value {
        let target = format!("/v1/agents/{}/{verb}", agent.key());
        self.operator("POST", &target).await
    }

    /// What the store holds; replay claims of the requests that were let in among it.
    pub(crate) async fn store_figures(&self) -> Vec<Value> {
        let stats = self.operator("GET", "/v1/stats").await;
        let names = ["agents", "messages", "replay_claims"];
        let commits = stats["store"]["commits"].clone();
        let held = names.map(|name| stats[name].clone());
        held.into_iter().chain([commits]).collect()
    }
}

#[tokio::test]
async fn a_poll_that_waits_is_refused_once_its_agent_is_suspended() {
    let (relay, alice) = (relay(&[]), agent(1));
    let target = format!("/v1/agents/{}/suspend", alice.key());
    // There is an agent to suspend as soon as the poll was let in.
    let suspending = async {
        while relay.administer("POST", &target).await.0 == 404 {
            tokio::task::yield_now().await;
        }
    };
    let polling = relay.get(&alice, "/v1/messages?wait=30");
    let both = async { tokio::join!(polling, suspending).0 };
    let reply = tokio::time::timeout(PATIENCE, both).await.unwrap();
    reply.refused(403, "agent_suspended");
}

#[tokio::test]
async fn a_suspended_agent_is_refused_everywhere_until_it_is_resumed() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    relay.send(&bob, &alice, "1").await;
    relay
        .patch(&alice, r#"{"display_name":"A"}"#)
        .await
        .expect(200);
    let answer = relay.set(&alice, "suspend").await;
    assert_eq!(answer["status"], "suspended");
    assert_eq!(answer["queued_messages"], 1);
    let before = relay.store_figures().await;
    let entry = format!("{}/acl/{}", alice.path(), bob.key());
    for (method, target, body) in [
        ("GET", alice.path(), ""),
        ("PATCH", alice.path(), r#"{"display_name":"B"}"#),
        ("DELETE", alice.path(), ""),
        ("GET", "/v1/messages".to_owned(), ""),
        ("POST", "/v1/messages".to_owned(), "{}"),
        ("GET", "/v1/messages/threads/t".to_owned(), ""),
        ("PUT", entry, r#"{"entry_type":"block"}"#),
    ] {
        let reply = relay.answer(alice.request(method, &target, body)).await;
        reply.refused(403, "agent_suspended");
    }
    let body = json!({ "recipient_key": alice.key(), "body": 2 }).to_string();
    let reply = relay.post(&bob, "/v1/messages", &body).await;
    reply.refused(403, "agent_suspended");
    assert_eq!(relay.store_figures().await, before);
    // Others see that it is, and so may stop writing to it.
    let profile = relay.get(&bob, &alice.path()).await.expect(200).json();
    assert_eq!(profile["status"], "suspended");
    assert_eq!(relay.set(&alice, "resume").await["status"], "active");
    relay.send(&bob, &alice, "3").await;
    assert_eq!(relay.bodies(&alice, "/v1/messages").await, [1, 3]);
    let profile = relay.get(&alice, &alice.path()).await.expect(200).json();
    assert_eq!(profile["display_name"], "A");
}

#[tokio::test]
async fn agents_are_listed_in_pages() {
    let relay = relay(&[]);
    let mut keys = BTreeSet::new();
    for seed in 1..=5 {
        let agent = agent(seed);
        relay.patch(&agent, "{}").await.expect(200);
        keys.insert(agent.key().to_string());
    }
    relay.set(&agent(3), "suspend").await;
    let (mut found, mut after) = (BTreeSet::new(), String::new());
    for page_size in [2, 2, 1] {
        let page = relay
            .operator("GET", &format!("/v1/agents?limit=2{after}"))
            .await;
        let agents = page["agents"].as_array().unwrap();
        assert_eq!(agents.len(), page_size);
        found.extend(
            agents
                .iter()
                .map(|agent| agent["public_key"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => assert_eq!(page_size, 1),
        }
    }
    assert_eq!(found, keys);
    let suspended = relay.operator("GET", "/v1/agents?status=suspended").await;
    assert_eq!(suspended["agents"].as_array().unwrap().len(), 1);
    assert_eq!(
        suspended["agents"][0]["public_key"],
        agent(3).key().to_string()
    );
    let active = relay.operator("GET", "/v1/agents?status=active").await;
    assert_eq!(active["agents"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn figures_are_those_of_the_relay() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    relay.send(&alice, &bob, "1").await;
    relay.patch(&bob, "{}").await.expect(200);
    relay.set(&bob, "suspend").await;
    let stats = relay.operator("GET", "/v1/stats").await;
    for (name, value) in [
        ("agents", 2),
        ("suspended_agents", 1),
        ("messages", 1),
        ("queued_messages", 1),
        ("delivered_messages", 0),
        ("sockets", 0),
    ] {
        assert_eq!(stats[name], value, "{name} in {stats}");
    }
    assert!(stats["uptime_seconds"].is_u64() && stats["version"].is_string());
    assert!(stats["store"]["commits"].as_u64().unwrap() >= 3);
    let target = format!("/v1/agents/{}", bob.key());
    let shown = relay.operator("GET", &target).await;
    assert_eq!(shown["queued_messages"], 1);
    assert_eq!(shown["acl_entries"], 0);
    assert_eq!(shown["sockets"], 0);
    assert_eq!(shown["permitted"], true);
}

#[tokio::test]
async fn freeing_says_that_there_was_nothing() {
    let relay = relay(&[]);
    let freed = relay.operator("POST", "/v1/gc").await;
    assert_eq!(freed["expired_messages"], 0);
    assert_eq!(freed["more"], false);
}

#[tokio::test]
async fn mistakes_are_named() {
    let relay = relay(&[]);
    let unknown = format!("/v1/agents/{}", agent(9).key());
    for (method, target, status, code) in [
        ("GET", unknown.clone(), 404, "agent_not_found"),
        ("POST", format!("{unknown}/suspend"), 404, "agent_not_found"),
        ("POST", format!("{unknown}/resume"), 404, "agent_not_found"),
        ("GET", "/v1/agents/x".to_owned(), 422, "validation_failed"),
        (
            "POST",
            "/v1/agents/x/suspend".to_owned(),
            422,
            "validation_failed",
        ),
        (
            "GET",
            "/v1/agents?status=gone".to_owned(),
            422,
            "validation_failed",
        ),
        (
            "GET",
            "/v1/agents?limit=0".to_owned(),
            422,
            "validation_failed",
        ),
        (
            "GET",
            "/v1/agents?limit=1001".to_owned(),
            422,
            "validation_failed",
        ),
        (
            "GET",
            "/v1/agents?after=x".to_owned(),
            422,
            "validation_failed",
        ),
    ] {
        let (actual, body) = relay.administer(method, &target).await;
        assert_eq!(actual, status, "{target}: {body}");
        assert_eq!(body["error"]["code"], code, "{target}: {body}");
        assert!(!body["error"]["message"].as_str().unwrap().is_empty());
    }
}
