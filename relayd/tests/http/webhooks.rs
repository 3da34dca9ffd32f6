//! Registering a webhook (protocol A7.1). Who is posted to, and how, is in the tests of deliveries.

use crate::harness::{Agent, Reply, TestRelay, agent, relay};
use serde_json::json;

const SECRET: &str = "a secret of a receiver";

fn target(agent: &Agent) -> String {
    format!("{}/webhook", agent.path())
}

async fn put(relay: &TestRelay, agent: &Agent, url: &str, secret: &str) -> Reply {
    let body = json!({ "url": url, "secret": secret }).to_string();
    let request = agent.request("PUT", &target(agent), body);
    relay.answer(request).await
}

#[tokio::test]
async fn a_webhook_is_registered_shown_replaced_and_removed() {
    let (relay, alice) = (relay(&[]), agent(1));
    relay
        .get(&alice, &target(&alice))
        .await
        .refused(404, "webhook_not_found");
    let first = put(&relay, &alice, "https://8.8.8.8/a", SECRET).await;
    let first = first.expect(200).json();
    assert_eq!(first["url"], "https://8.8.8.8/a");
    assert_eq!(first["enabled"], true);
    assert_eq!(first["consecutive_failures"], 0);
    assert!(first["created_at"].is_string());
    assert_eq!(first.as_object().unwrap().len(), 4, "no secret");
    let shown = relay.get(&alice, &target(&alice)).await.expect(200);
    assert_eq!(shown.json(), first);
    let second = put(&relay, &alice, "https://8.8.4.4/b", SECRET).await;
    assert_eq!(second.expect(200).json()["url"], "https://8.8.4.4/b");
    relay.delete(&alice, &target(&alice)).await.expect(204);
    relay
        .delete(&alice, &target(&alice))
        .await
        .refused(404, "webhook_not_found");
    relay
        .get(&alice, &target(&alice))
        .await
        .refused(404, "webhook_not_found");
}

#[tokio::test]
async fn a_webhook_is_its_owners_business() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    put(&relay, &alice, "https://8.8.8.8/", SECRET)
        .await
        .expect(200);
    let body = json!({ "url": "https://8.8.8.8/", "secret": SECRET }).to_string();
    for (method, body) in [("GET", ""), ("DELETE", ""), ("PUT", &body)] {
        let request = bob.request(method, &target(&alice), body);
        relay.answer(request).await.refused(403, "forbidden");
    }
    let request = alice.request("POST", &target(&alice), body);
    let reply = relay.answer(request).await;
    reply.refused(405, "method_not_allowed");
    assert_eq!(reply.header("allow"), Some("GET,HEAD,PUT,DELETE"));
}

#[tokio::test]
async fn an_agents_webhook_goes_with_it() {
    let (relay, alice) = (relay(&[]), agent(1));
    put(&relay, &alice, "https://8.8.8.8/", SECRET)
        .await
        .expect(200);
    relay.delete(&alice, &alice.path()).await.expect(204);
    relay
        .get(&alice, &target(&alice))
        .await
        .refused(404, "webhook_not_found");
}

#[tokio::test]
async fn urls_and_secrets_have_limits() {
    let (relay, alice) = (relay(&[]), agent(1));
    let long = |length: usize| format!("https://8.8.8.8/{}", "x".repeat(length - 16));
    put(&relay, &alice, &long(2048), &"s".repeat(16))
        .await
        .expect(200);
    put(&relay, &alice, &long(2048), &"s".repeat(256))
        .await
        .expect(200);
    put(&relay, &alice, &long(2049), SECRET)
        .await
        .violates("url");
    for length in [0, 15, 257] {
        let secret = "s".repeat(length);
        let reply = put(&relay, &alice, &long(20), &secret).await;
        reply.violates("secret");
    }
    for wrong in [
        "",
        "8.8.8.8",
        "http://8.8.8.8/",
        "ftp://8.8.8.8/",
        "https://user:word@8.8.8.8/",
        "https://8.8.8.8/#x",
        "https://8.8.8.8:22/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://[::ffff:10.0.0.1]/",
        "https://localhost/",
    ] {
        put(&relay, &alice, wrong, SECRET).await.violates("url");
    }
    let shown = relay.get(&alice, &target(&alice)).await.expect(200);
    assert_eq!(shown.json()["url"], long(2048));
    for (body, field) in [
        (r#"{"url":"https://8.8.8.8/"}"#, "secret"),
        (r#"{"secret":"sixteen letters!"}"#, "url"),
    ] {
        let request = alice.request("PUT", &target(&alice), body);
        relay.answer(request).await.violates(field);
    }
}

#[tokio::test]
async fn a_refusal_tells_nothing_about_addresses_or_secrets() {
    let (relay, alice) = (relay(&[]), agent(1));
    let reply = put(&relay, &alice, "https://localhost/", "a secret word 12345").await;
    let details = reply.refused(422, "validation_failed");
    assert_eq!(details["actual"], "address_refused");
    assert!(!reply.text.contains("127.0.0.1") && !reply.text.contains("::1"));
    let reply = put(&relay, &alice, "https://8.8.8.8/", "too short").await;
    reply.violates("secret");
    assert!(!reply.text.contains("too short"), "{reply:?}");
}

#[tokio::test]
async fn the_configuration_allows_http_and_networks() {
    let relay = relay(&[
        "webhooks.allow_http=true",
        r#"webhooks.allow_networks=["127.0.0.0/8"]"#,
    ]);
    let alice = agent(1);
    for url in [
        "http://8.8.8.8/",
        "http://127.0.0.1:9000/",
        "https://127.1/",
    ] {
        put(&relay, &alice, url, SECRET).await.expect(200);
    }
    put(&relay, &alice, "http://10.0.0.1/", SECRET)
        .await
        .violates("url");
}
