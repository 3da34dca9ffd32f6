//! Profiles (protocol A3).

use crate::harness::{Reply, agent, relay};
use serde_json::{Value, json};

#[tokio::test]
async fn a_new_agent_has_the_documented_defaults() {
    let (relay, alice) = (relay(&[]), agent(1));
    let profile = relay.patch(&alice, "{}").await.expect(200).json();
    assert_eq!(profile["public_key"], alice.key().to_string());
    assert_eq!(profile["status"], "active");
    assert_eq!(profile["visibility"], "private");
    assert_eq!(profile["inbox_policy"], "blocklist");
    assert_eq!(profile["display_name"], Value::Null);
    assert_eq!(profile["metadata"], json!({}));
    assert_eq!(profile["capabilities"], json!([]));
    assert!(profile["created_at"].is_string() && profile["last_active_at"].is_string());
    assert_eq!(
        relay.get(&alice, &alice.path()).await.expect(200).json(),
        profile
    );
}

#[tokio::test]
async fn absent_fields_stay_null_clears_and_values_replace() {
    let (relay, alice) = (relay(&[]), agent(1));
    let body = json!({
        "display_name": "Alice", "visibility": "public", "inbox_policy": "open",
        "metadata": {"a": "1", "b": "2"},
        "capabilities": [{"name": "text:translate", "description": "d", "tags": ["text:translate"], "version": "1",
                          "input_schema": {"type": "object"}}],
        "unknown": [1, 2],
    });
    let first = relay
        .patch(&alice, &body.to_string())
        .await
        .expect(200)
        .json();
    assert_eq!(first["capabilities"], body["capabilities"]);
    let second = relay
        .patch(&alice, r#"{"metadata":{"c":"3"},"display_name":null}"#)
        .await
        .expect(200)
        .json();
    assert_eq!(second["metadata"], json!({"c": "3"}));
    assert_eq!(second["display_name"], Value::Null);
    assert_eq!(second["visibility"], "public");
    assert_eq!(second["capabilities"], first["capabilities"]);
    let cleared = r#"{"visibility":null,"inbox_policy":null,"metadata":null,"capabilities":null}"#;
    let third = relay.patch(&alice, cleared).await.expect(200).json();
    assert_eq!(third["visibility"], "private");
    assert_eq!(third["inbox_policy"], "blocklist");
    assert_eq!(
        (&third["metadata"], &third["capabilities"]),
        (&json!({}), &json!([]))
    );
}

#[tokio::test]
async fn plain_capabilities_are_answered_plainly_and_stored_whole() {
    let (relay, alice) = (relay(&[]), agent(1));
    let answer = relay
        .patch(&alice, r#"{"capabilities":["translate","text:sum"]}"#)
        .await
        .expect(200)
        .json();
    assert_eq!(answer["capabilities"], json!(["translate", "text:sum"]));
    let whole = json!([
        {"name": "translate", "description": "", "tags": ["translate"]},
        {"name": "text:sum", "description": "", "tags": ["text:sum"]},
    ]);
    assert_eq!(
        relay.get(&alice, &alice.path()).await.expect(200).json()["capabilities"],
        whole
    );
    let listed = relay
        .get(&alice, &format!("{}/capabilities", alice.path()))
        .await
        .expect(200)
        .json();
    assert_eq!(listed, json!({ "capabilities": whole }));
}

#[tokio::test]
async fn input_schemas_keep_their_bytes() {
    let (relay, alice) = (relay(&[]), agent(1));
    let schema = r#"{"z": 1.0,  "a":1e2, "type":"object"}"#;
    let body = format!(
        r#"{{"capabilities":[{{"name":"abc","description":"","input_schema":{schema}}}]}}"#
    );
    for reply in [
        relay.patch(&alice, &body).await.expect(200),
        relay.get(&alice, &alice.path()).await.expect(200),
        relay
            .get(&alice, &format!("{}/capabilities", alice.path()))
            .await
            .expect(200),
    ] {
        assert!(reply.text.contains(schema), "{}", reply.text);
    }
}

#[tokio::test]
async fn an_agent_changes_only_itself() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    relay
        .patch(&alice, r#"{"display_name":"Alice"}"#)
        .await
        .expect(200);
    let target = alice.path();
    relay
        .answer(bob.request("PATCH", &target, "{}"))
        .await
        .refused(403, "forbidden");
    relay.delete(&bob, &target).await.refused(403, "forbidden");
    assert_eq!(
        relay.get(&alice, &target).await.expect(200).json()["display_name"],
        "Alice"
    );
}

#[tokio::test]
async fn of_a_private_agents_metadata_others_see_only_e2e() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    let all = json!({"e2e": "v2", "secret": "x"});
    relay
        .patch(
            &alice,
            &json!({ "metadata": all, "display_name": "A" }).to_string(),
        )
        .await
        .expect(200);
    let seen = relay.get(&bob, &alice.path()).await.expect(200).json();
    assert_eq!(seen["metadata"], json!({"e2e": "v2"}));
    assert_eq!(seen["display_name"], "A");
    assert_eq!(
        relay.get(&alice, &alice.path()).await.expect(200).json()["metadata"],
        all
    );
    relay
        .patch(&alice, r#"{"visibility":"public"}"#)
        .await
        .expect(200);
    assert_eq!(
        relay.get(&bob, &alice.path()).await.expect(200).json()["metadata"],
        all
    );
}

#[tokio::test]
async fn what_is_no_known_agent_is_not_found() {
    let (relay, alice) = (relay(&[]), agent(1));
    for key in [
        agent(9).key().to_string(),
        "nonexistent".to_owned(),
        "%ff".to_owned(),
        "A".repeat(43),
    ] {
        relay
            .get(&alice, &format!("/v1/agents/{key}"))
            .await
            .refused(404, "agent_not_found");
        relay
            .get(&alice, &format!("/v1/agents/{key}/capabilities"))
            .await
            .refused(404, "agent_not_found");
    }
    relay
        .answer(alice.request("PATCH", "/v1/agents/nonexistent", "{}"))
        .await
        .refused(404, "agent_not_found");
}

#[tokio::test]
async fn a_deleted_agent_begins_anew() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    relay
        .patch(&alice, r#"{"display_name":"Alice"}"#)
        .await
        .expect(200);
    let waiting = relay.send(&bob, &alice, "1").await;
    let sent = relay.send(&alice, &bob, "2").await;
    let reply = relay.delete(&alice, &alice.path()).await.expect(204);
    assert_eq!(reply.text, "");
    relay
        .get(&bob, &alice.path())
        .await
        .refused(404, "agent_not_found");
    relay
        .get(&bob, &format!("/v1/messages/{waiting}"))
        .await
        .refused(404, "message_not_found");
    relay
        .get(&bob, &format!("/v1/messages/{sent}"))
        .await
        .expect(200);
    assert_eq!(relay.bodies(&alice, "/v1/messages").await, [0; 0]);
    assert_eq!(
        relay.get(&alice, &alice.path()).await.expect(200).json()["display_name"],
        Value::Null
    );
}

async fn patched(body: Value) -> Reply {
    relay(&[]).patch(&agent(1), &body.to_string()).await
}

fn capability(change: impl FnOnce(&mut Value)) -> Value {
    let mut capability = json!({"name": "abc", "description": "d", "tags": ["abc"]});
    change(&mut capability);
    json!({ "capabilities": [capability] })
}

#[tokio::test]
async fn each_limit_holds_at_the_limit() {
    let map = |entries: usize| -> Value {
        (0..entries)
            .map(|n| (format!("k{n}"), json!("v")))
            .collect()
    };
    for body in [
        json!({ "display_name": "ü".repeat(256) }),
        json!({ "metadata": map(16) }),
        json!({ "metadata": {"k".repeat(64): "ü".repeat(256)} }),
        json!({ "capabilities": vec!["abc"; 20] }),
        capability(|c| c["name"] = "n".repeat(64).into()),
        capability(|c| c["tags"] = vec!["abc"; 20].into()),
        capability(|c| c["tags"] = json!(["t".repeat(64), "a_b:c.d-e"])),
        capability(|c| c["description"] = "d".repeat(1024).into()),
        capability(|c| c["input_schema"] = "s".repeat((16 << 10) - 2).into()),
    ] {
        patched(body).await.expect(200);
    }
}

#[tokio::test]
async fn each_limit_refuses_one_past_it() {
    let map = |entries: usize| -> Value {
        (0..entries)
            .map(|n| (format!("k{n}"), json!("v")))
            .collect()
    };
    for (body, field) in [
        (json!({ "display_name": "n".repeat(257) }), "display_name"),
        (json!({ "metadata": map(17) }), "metadata"),
        (
            json!({ "metadata": {"k".repeat(65): "v"} }),
            "metadata (a key)",
        ),
        (json!({ "metadata": {"k": "v".repeat(257)} }), "metadata.k"),
        (json!({ "capabilities": vec!["abc"; 21] }), "capabilities"),
        (
            capability(|c| c["name"] = "ab".into()),
            "capabilities[0].name",
        ),
        (
            capability(|c| c["name"] = "n".repeat(65).into()),
            "capabilities[0].name",
        ),
        (
            capability(|c| c["name"] = "a b".into()),
            "capabilities[0].name",
        ),
        (
            capability(|c| c["tags"] = vec!["abc"; 21].into()),
            "capabilities[0].tags",
        ),
        (
            capability(|c| c["tags"] = json!(["ok:tag", "a/b"])),
            "capabilities[0].tags[1]",
        ),
        (
            capability(|c| c["description"] = "d".repeat(1025).into()),
            "capabilities[0].description",
        ),
        (
            capability(|c| c["input_schema"] = "s".repeat((16 << 10) - 1).into()),
            "capabilities[0].input_schema",
        ),
        (
            capability(|c| c["input_schema"] = (0..65).fold(json!(1), |inner, _| json!([inner]))),
            "capabilities[0].input_schema",
        ),
    ] {
        patched(body).await.violates(field);
    }
}

#[tokio::test]
async fn values_of_the_wrong_kind_are_named() {
    for (body, field) in [
        (json!({ "visibility": "hidden" }), "visibility"),
        (json!({ "inbox_policy": 1 }), "inbox_policy"),
        (json!({ "metadata": {"a": 1} }), "metadata.a"),
        (json!({ "display_name": ["x"] }), "display_name"),
    ] {
        patched(body).await.violates(field);
    }
    patched(json!([])).await.refused(400, "invalid_json");
}

#[tokio::test]
async fn a_list_in_both_forms_may_hold_the_deepest_schema() {
    let schema = format!("{}{}", "[".repeat(64), "]".repeat(64));
    let body = format!(
        r#"{{"capabilities":["translate",{{"name":"text:x","description":"","input_schema":{schema}}}]}}"#
    );
    let reply = relay(&[]).patch(&agent(1), &body).await.expect(200);
    assert_eq!(reply.json()["capabilities"], json!(["translate", "text:x"]));
}
