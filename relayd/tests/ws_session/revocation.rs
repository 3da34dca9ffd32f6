//! Sessions of agents that the operator suspends (protocol A1.7, A8.4), and of keys that the relay is not for.

use crate::rig::{Relay, agent, auth_frame};
use serde_json::json;

#[tokio::test]
async fn suspending_closes_every_socket_and_lets_none_in() {
    let relay = Relay::start().await;
    let (alice, bob) = (agent(1), agent(2));
    let mut first = relay.session(&alice).await;
    let mut second = relay.session(&alice).await;
    let mut other = relay.session(&bob).await;
    let suspended = relay.administer(&alice, "suspend").await;
    assert_eq!(suspended.body["status"], "suspended");
    assert_eq!(first.closed().await, 4005);
    assert_eq!(second.closed().await, 4005);
    other.assert_quiet().await;
    let mut third = relay.connect().await;
    third.say(&auth_frame(&alice)).await;
    let result = third.hear().await;
    assert_eq!(result["status"], "error");
    assert_eq!(result["code"], "agent_suspended");
    assert_eq!(third.closed().await, 4005);
    // Mail to it is refused over a socket, too.
    other
        .say(&json!({ "type": "send", "request_id": "r", "recipient_key": alice.public(), "body": 1 }))
        .await;
    let result = other.expect("send_result").await;
    assert_eq!(result["code"], "agent_suspended");
    let resumed = relay.administer(&alice, "resume").await;
    assert_eq!(resumed.body["status"], "active");
    let mut back = relay.session(&alice).await;
    relay.send(&bob, &alice, json!(2)).await;
    assert_eq!(back.message().await.1, json!(2));
}

#[tokio::test]
async fn a_key_that_is_not_listed_gets_no_session() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{}\n", agent(1).public())).unwrap();
    let relay = Relay::with(|config| {
        config.access.registration = relayd::Registration::Allowlist;
        config.access.allowlist_file = Some(file.path().to_owned());
    })
    .await;
    let mut listed = relay.session(&agent(1)).await;
    let mut stranger = relay.connect().await;
    stranger.say(&auth_frame(&agent(2))).await;
    let result = stranger.hear().await;
    assert_eq!(result["status"], "error");
    assert_eq!(result["code"], "registration_closed");
    assert_eq!(stranger.closed().await, 4001);
    listed
        .say(&json!({ "type": "send", "request_id": "r", "recipient_key": agent(2).public(), "body": 1 }))
        .await;
    let result = listed.expect("send_result").await;
    assert_eq!(result["code"], "agent_not_found");
}
