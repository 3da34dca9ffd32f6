//! A relay for listed keys only (`access.registration`).

use crate::harness::{Agent, TestRelay, agent, from_config};
use relayd::{Config, Registration};
use serde_json::json;
use tempfile::NamedTempFile;

fn write(file: &NamedTempFile, agents: &[&Agent]) {
    let lines = agents.iter().map(|agent| format!("{}\n", agent.key()));
    std::fs::write(file.path(), lines.collect::<String>()).unwrap();
}

fn relay_for(agents: &[&Agent], assignments: &[&str]) -> (TestRelay, NamedTempFile) {
    let file = NamedTempFile::new().unwrap();
    write(&file, agents);
    let mut config = Config::default();
    config.access.registration = Registration::Allowlist;
    config.access.allowlist_file = Some(file.path().to_owned());
    for assignment in assignments {
        config.set(assignment).unwrap();
    }
    (from_config(config), file)
}

#[tokio::test]
async fn a_stranger_is_refused_and_leaves_nothing() {
    let (alice, mallory) = (agent(1), agent(2));
    let (relay, _file) = relay_for(&[&alice], &[]);
    relay.patch(&alice, "{}").await.expect(200);
    let before = relay.store_figures().await;
    for (method, target, body) in [
        ("PATCH", mallory.path(), "{}"),
        ("GET", mallory.path(), ""),
        ("GET", "/v1/messages".to_owned(), ""),
        ("POST", "/v1/messages".to_owned(), "{"),
        ("DELETE", mallory.path(), ""),
    ] {
        let reply = relay.answer(mallory.request(method, &target, body)).await;
        reply.refused(403, "registration_closed");
    }
    relay
        .get(&alice, &mallory.path())
        .await
        .refused(404, "agent_not_found");
    assert_eq!(relay.store_figures().await, before);
}

#[tokio::test]
async fn strangers_count_against_their_address() {
    let (alice, mallory) = (agent(1), agent(2));
    let assignments = &["limits.failures_per_minute_per_ip=3"];
    let (relay, _file) = relay_for(&[&alice], assignments);
    for _ in 0..3 {
        let reply = relay.get(&mallory, &mallory.path()).await;
        reply.refused(403, "registration_closed");
    }
    let reply = relay.get(&mallory, &mallory.path()).await;
    reply.refused(429, "rate_limit_exceeded");
}

#[tokio::test]
async fn mail_to_who_could_never_fetch_it_is_refused() {
    let (alice, bob, mallory) = (agent(1), agent(2), agent(3));
    let (relay, _file) = relay_for(&[&alice, &bob], &[]);
    let body = json!({ "recipient_key": mallory.key(), "body": 1 }).to_string();
    relay
        .post(&alice, "/v1/messages", &body)
        .await
        .refused(404, "agent_not_found");
    // Who is listed and was never here gets its mail.
    relay.send(&alice, &bob, "2").await;
    assert_eq!(relay.bodies(&bob, "/v1/messages").await, [2]);
}

#[tokio::test]
async fn the_list_can_change_while_the_relay_runs() {
    let (alice, bob) = (agent(1), agent(2));
    let (relay, file) = relay_for(&[&alice], &[]);
    relay
        .get(&bob, "/v1/messages")
        .await
        .refused(403, "registration_closed");
    write(&file, &[&alice, &bob]);
    relay.relay.reload_access().unwrap();
    relay.send(&alice, &bob, "1").await;
    std::fs::write(file.path(), "not a key\n").unwrap();
    let error = relay.relay.reload_access().unwrap_err().to_string();
    assert!(error.contains("line 1"), "{error}");
    relay.get(&bob, &bob.path()).await.expect(200);
    write(&file, &[&alice]);
    relay.relay.reload_access().unwrap();
    relay
        .get(&bob, "/v1/messages")
        .await
        .refused(403, "registration_closed");
    relay.get(&alice, "/v1/messages").await.expect(200);
    // What was there before is there again.
    write(&file, &[&bob]);
    relay.relay.reload_access().unwrap();
    assert_eq!(relay.bodies(&bob, "/v1/messages").await, [1]);
}
