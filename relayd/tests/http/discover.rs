//! Discovery (protocol A3.3 to A3.5).

use crate::harness::{Agent, TestRelay, agent, fresh_time, relay};
use http::Request;
use serde_json::{Value, json};

/// Makes an agent public under a name, with capabilities of these tags.
async fn publish(relay: &TestRelay, who: &Agent, name: &str, tags: &[&str]) {
    let capability = json!({"name": format!("do:{name}"), "description": format!("What {name} does"), "tags": tags});
    let body = json!({"display_name": name, "visibility": "public", "capabilities": [capability]});
    relay.patch(who, &body.to_string()).await.expect(200);
}

/// The display names of a page.
async fn names(relay: &TestRelay, query: &str) -> Vec<String> {
    let page = page(relay, query).await;
    let agents = page["agents"].as_array().unwrap();
    let names = agents.iter().map(|agent| agent["display_name"].as_str());
    names.map(|name| name.unwrap().to_owned()).collect()
}

async fn page(relay: &TestRelay, query: &str) -> Value {
    let target = format!("/v1/discover{query}");
    relay.get(&agent(99), &target).await.expect(200).json()
}

async fn four(relay: &TestRelay) {
    let agents = [
        ("Ada", ["text:translate", "fast:one"]),
        ("Berta", ["text:translate", "slow:one"]),
        ("Änne", ["text:sum", "fast:one"]),
        ("Dora", ["image:make", "fast:one"]),
    ];
    for (seed, (name, tags)) in (1..).zip(agents) {
        publish(relay, &agent(seed), name, &tags).await;
    }
}

#[tokio::test]
async fn an_item_has_its_four_fields_and_whole_capabilities() {
    let relay = relay(&[]);
    let schema = json!({"type": "object"});
    let capability = json!({"name": "text:x", "description": "d", "tags": ["tag"], "version": "2", "input_schema": schema});
    let body =
        json!({"visibility": "public", "metadata": {"a": "b"}, "capabilities": [capability]});
    let profile = relay
        .patch(&agent(1), &body.to_string())
        .await
        .expect(200)
        .json();
    let expected = json!({
        "public_key": agent(1).key().to_string(),
        "display_name": null,
        "last_active_at": profile["last_active_at"],
        "capabilities": [capability],
    });
    let expected = json!({"agents": [expected], "has_more": false, "next_cursor": null});
    assert_eq!(page(&relay, "").await, expected);
}

#[tokio::test]
async fn each_filter_finds_its_own_and_together_they_find_less() {
    let relay = relay(&[]);
    four(&relay).await;
    for (query, expected) in [
        ("", "Ada Berta Dora Änne"),
        ("?tag=text:translate", "Ada Berta"),
        ("?tag=text%3Atranslate&tag=fast:one", "Ada"),
        ("?tag=text", ""),
        ("?tag=Text:translate", ""),
        ("?capability=do:Ada", "Ada"),
        ("?capability=text:sum&capability=do:%C3%84nne", "Änne"),
        ("?capability_prefix=text", "Ada Berta Änne"),
        ("?capability_prefix=do", "Ada Berta Dora Änne"),
        ("?capability_prefix=text:t&tag=slow:one", "Berta"),
        ("?q=TEXT", "Ada Berta Änne"),
        ("?q=what+does+ada", "Ada"),
        ("?q=trans", ""),
        ("?q=%C3%84NNE", "Änne"),
        ("?q=text&tag=fast:one", "Ada Änne"),
        ("?name=a", "Ada Berta Dora"),
        ("?name=ERT", "Berta"),
        ("?name=%C3%A4n", "Änne"),
        ("?name=or&q=image", "Dora"),
        ("?name=&q=&unknown=x", "Ada Berta Dora Änne"),
        ("?active_since=2020-01-01T00:00:00Z&tag=image:make", "Dora"),
        (
            "?active_since=2020-01-01T00:00:00+02:00&tag=image:make",
            "Dora",
        ),
        ("?active_since=2100-01-01T00:00:00Z", ""),
    ] {
        let mut found = names(&relay, query).await;
        found.sort();
        assert_eq!(found.join(" "), expected, "{query}");
    }
}

#[tokio::test]
async fn the_older_form_is_answered_in_names() {
    let relay = relay(&[]);
    publish(&relay, &agent(1), "Ada", &["text:translate"]).await;
    for query in [
        "?capability=text:translate",
        "?capability_prefix=text&tag=text:translate",
    ] {
        let page = page(&relay, query).await;
        assert_eq!(
            page["agents"][0]["capabilities"],
            json!(["do:Ada"]),
            "{query}"
        );
    }
    let page = page(&relay, "?tag=text:translate").await;
    assert_eq!(page["agents"][0]["capabilities"][0]["name"], "do:Ada");
}

#[tokio::test]
async fn private_and_deleted_agents_are_not_found() {
    let relay = relay(&[]);
    four(&relay).await;
    relay
        .patch(&agent(1), r#"{"visibility":"private"}"#)
        .await
        .expect(200);
    relay.delete(&agent(2), &agent(2).path()).await.expect(204);
    assert_eq!(names(&relay, "?tag=text:translate").await, [""; 0]);
    assert_eq!(names(&relay, "").await.len(), 2);
    relay
        .patch(&agent(1), r#"{"visibility":"public"}"#)
        .await
        .expect(200);
    assert_eq!(names(&relay, "?tag=text:translate").await, ["Ada"]);
}

#[tokio::test]
async fn pages_follow_each_other_while_agents_come_and_go() {
    let relay = relay(&[]);
    for seed in 1..=25 {
        publish(&relay, &agent(seed), &format!("n{seed}"), &["abc"]).await;
    }
    let first = page(&relay, "").await;
    assert_eq!(first["agents"].as_array().unwrap().len(), 20, "the default");
    assert_eq!(first["has_more"], true);
    let cursor = first["next_cursor"].as_str().unwrap();
    let first_names: Vec<_> = names(&relay, "").await;
    assert_eq!(first_names[0], "n25", "the last to be active");
    // One of the first page goes, and one comes: neither moves what is behind the cursor.
    relay
        .delete(&agent(25), &agent(25).path())
        .await
        .expect(204);
    publish(&relay, &agent(50), "late", &["abc"]).await;
    let rest = page(&relay, &format!("?tag=abc&limit=100&cursor={cursor}")).await;
    assert_eq!(
        (&rest["has_more"], &rest["next_cursor"]),
        (&json!(false), &Value::Null)
    );
    let rest = names(&relay, &format!("?limit=100&cursor={cursor}")).await;
    assert_eq!(rest, ["n5", "n4", "n3", "n2", "n1"]);
}

#[tokio::test]
async fn capabilities_are_counted_by_tag_most_used_first() {
    let relay = relay(&[]);
    four(&relay).await;
    let counts = async || {
        let answer = relay.get(&agent(99), "/v1/capabilities").await.expect(200);
        let counts = answer.json()["capabilities"].as_array().unwrap().clone();
        let pairs = counts.iter().map(|count| {
            assert_eq!(count.as_object().unwrap().len(), 2);
            (
                count["tag"].as_str().unwrap().to_owned(),
                count["agent_count"].as_u64().unwrap(),
            )
        });
        pairs.collect::<Vec<_>>()
    };
    let expected = |pairs: &[(&str, u64)]| -> Vec<_> {
        let pairs = pairs.iter().map(|(tag, count)| ((*tag).to_owned(), *count));
        pairs.collect()
    };
    let all = [
        ("fast:one", 3),
        ("text:translate", 2),
        ("image:make", 1),
        ("slow:one", 1),
        ("text:sum", 1),
    ];
    assert_eq!(counts().await, expected(&all));
    relay
        .patch(&agent(1), r#"{"capabilities":["text:sum","text:sum"]}"#)
        .await
        .expect(200);
    let changed = [
        ("fast:one", 2),
        ("text:sum", 2),
        ("image:make", 1),
        ("slow:one", 1),
        ("text:translate", 1),
    ];
    assert_eq!(counts().await, expected(&changed));
}

#[tokio::test]
async fn filters_have_bounds() {
    let relay = relay(&[]);
    let get = async |query: String| relay.get(&agent(1), &format!("/v1/discover?{query}")).await;
    let long = "x".repeat(65);
    for (field, query) in [
        ("tag", "tag=abc&".repeat(11)),
        ("tag", "tag=".to_owned()),
        ("tag", format!("tag={long}")),
        ("capability", "capability=abc&".repeat(11)),
        ("capability_prefix", format!("capability_prefix={long}")),
        (
            "capability_prefix",
            "capability_prefix=a&capability_prefix=b".to_owned(),
        ),
        ("q", format!("q={}", "x".repeat(257))),
        ("q", format!("q={}", "x+".repeat(17))),
        ("q", "q=%21%21".to_owned()),
        ("name", format!("name={}", "x".repeat(257))),
        ("active_since", "active_since=yesterday".to_owned()),
        ("limit", "limit=0".to_owned()),
        ("limit", "limit=101".to_owned()),
        ("cursor", "cursor=AAAA".to_owned()),
        ("cursor", "cursor=AQEAAAAAAAAATQ".to_owned()),
    ] {
        get(query).await.violates(field);
    }
    get("tag=abc&".repeat(10)).await.expect(200);
    get(format!("q={}", "x+".repeat(16))).await.expect(200);
    get("limit=100&cursor=".to_owned()).await.expect(200);
}

#[tokio::test]
async fn the_query_may_be_left_unsigned_and_a_signature_is_needed() {
    let relay = relay(&[]);
    four(&relay).await;
    let target = "/v1/discover?tag=text:sum";
    let request = agent(9).signed("GET", target, "/v1/discover", "", fresh_time());
    let page = relay.answer(request).await.expect(200).json();
    assert_eq!(page["agents"].as_array().unwrap().len(), 1);
    for target in ["/v1/discover", "/v1/capabilities"] {
        let request = Request::get(target)
            .body(axum::body::Body::empty())
            .unwrap();
        relay.answer(request).await.refused(401, "missing_auth");
        let post = relay.post(&agent(9), target, "{}").await;
        post.refused(405, "method_not_allowed");
    }
}
