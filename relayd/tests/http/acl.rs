//! Access lists and inbox policies (protocol A4.11, A6).

use crate::harness::{Agent, Reply, TestRelay, agent, fresh_time, relay};
use mrp_proto::acl::{AclEntry, EntryType};
use mrp_proto::relay_api::path;
use serde_json::{Value, json};

async fn put(relay: &TestRelay, owner: &Agent, peer: &Agent, entry_type: &str) -> Reply {
    let body = json!({ "entry_type": entry_type }).to_string();
    let target = path::acl_entry(&owner.key(), &peer.key());
    relay.answer(owner.request("PUT", &target, body)).await
}

async fn list(relay: &TestRelay, owner: &Agent, query: &str) -> Vec<AclEntry> {
    let target = path::acl(&owner.key()) + query;
    let reply = relay.get(owner, &target).await.expect(200);
    serde_json::from_str(&reply.text).unwrap()
}

async fn try_send(relay: &TestRelay, from: &Agent, to: &Agent) -> Reply {
    let body = json!({ "recipient_key": to.key(), "body": 1 }).to_string();
    relay.post(from, "/v1/messages", &body).await
}

#[tokio::test]
async fn an_entry_is_made_shown_changed_and_deleted() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    let target = path::acl_entry(&alice.key(), &bob.key());
    relay
        .get(&alice, &target)
        .await
        .refused(404, "acl_entry_not_found");
    let made = put(&relay, &alice, &bob, "allow").await.expect(200).json();
    assert_eq!(made["owner_key"], alice.key().to_string());
    assert_eq!(made["peer_key"], bob.key().to_string());
    assert_eq!(made["entry_type"], "allow");
    assert!(made["id"].is_i64() && made["created_at"].is_string());
    assert_eq!(made.as_object().unwrap().len(), 5);
    let shown = relay.get(&alice, &target).await.expect(200).json();
    assert_eq!(shown, made);
    let again = put(&relay, &alice, &bob, "allow").await.expect(200).json();
    assert_eq!(again, made);
    let changed = put(&relay, &alice, &bob, "block").await.expect(200).json();
    assert_eq!(changed["entry_type"], "block");
    assert_eq!(changed["id"], made["id"]);
    let gone = relay.delete(&alice, &target).await.expect(204);
    assert_eq!(gone.text, "");
    for method in ["GET", "DELETE"] {
        let request = alice.request(method, &target, "");
        let reply = relay.answer(request).await;
        reply.refused(404, "acl_entry_not_found");
    }
    assert!(list(&relay, &alice, "").await.is_empty());
}

#[tokio::test]
async fn a_list_is_a_bare_array_newest_last_and_narrowed_by_type() {
    let (relay, alice) = (relay(&[]), agent(1));
    let empty = relay
        .get(&alice, &path::acl(&alice.key()))
        .await
        .expect(200);
    assert_eq!(empty.json(), json!([]));
    let (bob, carol, dave) = (agent(2), agent(3), agent(4));
    put(&relay, &alice, &bob, "allow").await.expect(200);
    put(&relay, &alice, &carol, "block").await.expect(200);
    put(&relay, &alice, &dave, "allow").await.expect(200);
    put(&relay, &alice, &bob, "block").await.expect(200);
    let peers = |entries: Vec<AclEntry>| -> Vec<_> {
        entries.into_iter().map(|entry| entry.peer_key).collect()
    };
    let all = list(&relay, &alice, "").await;
    assert!(all.iter().all(|entry| entry.owner_key == alice.key()));
    assert_eq!(all[2].entry_type, EntryType::Block);
    assert_eq!(peers(all), [carol.key(), dave.key(), bob.key()]);
    let allowed = list(&relay, &alice, "?type=allow").await;
    assert_eq!(peers(allowed), [dave.key()]);
    let blocked = list(&relay, &alice, "?type=block").await;
    assert_eq!(peers(blocked), [carol.key(), bob.key()]);
    for query in ["?type=deny", "?type=", "?type=allow&type=block"] {
        let target = path::acl(&alice.key()) + query;
        relay.get(&alice, &target).await.violates("type");
    }
    // The published client leaves the query unsigned.
    let (target, signed) = (
        path::acl(&alice.key()) + "?type=allow",
        path::acl(&alice.key()),
    );
    let request = alice.signed("GET", &target, &signed, "", fresh_time());
    relay.answer(request).await.expect(200);
}

#[tokio::test]
async fn a_list_is_its_owners_alone() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    put(&relay, &alice, &bob, "allow").await.expect(200);
    let (list_path, entry_path) = (
        path::acl(&alice.key()),
        path::acl_entry(&alice.key(), &bob.key()),
    );
    let body = r#"{"entry_type":"block"}"#;
    for (method, target, body) in [
        ("GET", &list_path, ""),
        ("GET", &entry_path, ""),
        ("PUT", &entry_path, body),
        ("DELETE", &entry_path, ""),
    ] {
        let reply = relay.answer(bob.request(method, target, body)).await;
        reply.refused(403, "forbidden");
    }
    assert_eq!(
        list(&relay, &alice, "").await[0].entry_type,
        EntryType::Allow
    );
}

#[tokio::test]
async fn what_is_no_peer_and_no_entry_is_named() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    put(&relay, &alice, &alice, "allow")
        .await
        .violates("peer_key");
    let good = r#"{"entry_type":"allow"}"#;
    for peer in ["bob", &"A".repeat(43), &format!("{}=", bob.key()), "%ff"] {
        let target = format!("{}/{peer}", path::acl(&alice.key()));
        for (method, body) in [("PUT", good), ("GET", ""), ("DELETE", "")] {
            let reply = relay.answer(alice.request(method, &target, body)).await;
            reply.violates("peer_key");
        }
    }
    let target = path::acl_entry(&alice.key(), &bob.key());
    for body in [
        r#"{"entry_type":"deny"}"#,
        r#"{"entry_type":1}"#,
        r#"{"entry_type":null}"#,
        "{}",
    ] {
        let reply = relay.answer(alice.request("PUT", &target, body)).await;
        reply.violates("entry_type");
    }
    for body in ["", "allow", "[]"] {
        let reply = relay.answer(alice.request("PUT", &target, body)).await;
        reply.refused(400, "invalid_json");
    }
    let nobody = format!("/v1/agents/nobody/acl/{}", bob.key());
    relay
        .get(&alice, &nobody)
        .await
        .refused(404, "agent_not_found");
    let reply = relay.answer(alice.request("PATCH", &target, good)).await;
    reply.refused(405, "method_not_allowed");
    assert_eq!(reply.header("allow"), Some("GET,HEAD,PUT,DELETE"));
    assert!(list(&relay, &alice, "").await.is_empty());
}

#[tokio::test]
async fn a_full_list_says_so() {
    let relay = relay(&["limits.acl_entries=2"]);
    let alice = agent(1);
    for peer in [2, 3] {
        put(&relay, &alice, &agent(peer), "allow").await.expect(200);
    }
    let details = put(&relay, &alice, &agent(4), "allow")
        .await
        .refused(507, "insufficient_storage");
    assert_eq!(details, json!({ "limit": 2, "actual": 3 }));
    put(&relay, &alice, &agent(3), "block").await.expect(200);
    let target = path::acl_entry(&alice.key(), &agent(2).key());
    relay.delete(&alice, &target).await.expect(204);
    put(&relay, &alice, &agent(4), "allow").await.expect(200);
}

#[tokio::test]
async fn a_signature_changes_a_list_once() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    let (target, time) = (path::acl_entry(&alice.key(), &bob.key()), fresh_time());
    let body = r#"{"entry_type":"allow"}"#;
    let request = || alice.signed("PUT", &target, &target, body, time);
    relay.answer(request()).await.expect(200);
    relay.delete(&alice, &target).await.expect(204);
    relay
        .answer(request())
        .await
        .refused(409, "replay_detected");
    assert!(list(&relay, &alice, "").await.is_empty());
}

/// Every policy against everyone: oneself, a stranger, who is allowed, who is blocked. The same under each, whether the record of
/// the recipient was there before or not.
#[tokio::test]
async fn every_policy_takes_whom_it_should() {
    let relay = relay(&[]);
    let (owner, stranger, allowed, blocked) = (agent(1), agent(2), agent(3), agent(4));
    put(&relay, &owner, &allowed, "allow").await.expect(200);
    put(&relay, &owner, &blocked, "block").await.expect(200);
    for (policy, expected) in [
        ("blocklist", [true, true, true, false]),
        ("allowlist", [true, false, true, false]),
        ("open", [true, true, true, true]),
        ("closed", [false, false, false, false]),
    ] {
        let patch = json!({ "inbox_policy": policy }).to_string();
        relay.patch(&owner, &patch).await.expect(200);
        for (sender, accepted) in [&owner, &stranger, &allowed, &blocked]
            .into_iter()
            .zip(expected)
        {
            let reply = try_send(&relay, sender, &owner).await;
            if accepted {
                reply.expect(202);
            } else {
                let details = reply.refused(403, "acl_denied");
                assert_eq!(details["inbox_policy"], policy);
            }
        }
    }
}

#[tokio::test]
async fn an_unknown_recipient_takes_everyone_until_it_says_otherwise() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    try_send(&relay, &alice, &bob).await.expect(202);
    put(&relay, &bob, &alice, "block").await.expect(200);
    try_send(&relay, &alice, &bob)
        .await
        .refused(403, "acl_denied");
    // What waits stays.
    let waiting = relay.bodies(&bob, "/v1/messages").await;
    assert_eq!(waiting, [Value::from(1)]);
    // A deleted agent is as new: its list is gone with it.
    relay.delete(&bob, &bob.path()).await.expect(204);
    try_send(&relay, &alice, &bob).await.expect(202);
    assert!(list(&relay, &bob, "").await.is_empty());
}
