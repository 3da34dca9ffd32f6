//! The relay's description of itself: that it is there, that it is whole, and that it is kept.

use crate::harness::{Reply, TestRelay, agent, relay};
use axum::body::Body;
use http::Request;
use mrp_proto::code::Code;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

const METHODS: [&str; 6] = ["get", "head", "post", "put", "patch", "delete"];

async fn fetch(relay: &TestRelay, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::builder().uri("/v1/openapi.json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    relay.answer(request.body(Body::empty()).unwrap()).await
}

async fn document(assignments: &[&str]) -> Value {
    fetch(&relay(assignments), &[]).await.expect(200).json()
}

fn paths(document: &Value) -> &Map<String, Value> {
    document["paths"].as_object().unwrap()
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = paths(document).iter();
    let all = paths.flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    all.collect()
}

/// A response, wherever it is written.
fn resolve<'a>(document: &'a Value, response: &'a Value) -> &'a Value {
    match response["$ref"].as_str() {
        Some(place) => document.pointer(place.trim_start_matches('#')).unwrap(),
        None => response,
    }
}

#[tokio::test]
async fn the_methods_of_each_path_are_those_that_the_router_has() {
    let relay = relay(&[]);
    let document = document(&[]).await;
    for (path, item) in paths(&document) {
        let described: BTreeSet<&str> = item
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let target = path.replace("{key}", &agent(1).key().to_string());
        let target = target.replace(['{', '}'], "");
        for method in METHODS.into_iter().chain(["trace", "options"]) {
            let request = Request::builder()
                .method(method.to_uppercase().as_str())
                .uri(&target)
                .body(Body::empty())
                .unwrap();
            let status = relay.answer(request).await.status.as_u16();
            // The router answers HEAD as it answers GET.
            let is_served =
                described.contains(method) || (method == "head" && described.contains("get"));
            assert_eq!(status != 405, is_served, "{method} {path}: {status}");
            assert_ne!(status, 404, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn every_operation_says_who_may_call_it_and_how_it_is_refused() {
    let document = document(&[]).await;
    let tags: BTreeSet<&str> = document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["name"].as_str().unwrap())
        .collect();
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        assert!(
            ids.insert(operation["operationId"].as_str().unwrap()),
            "{name}"
        );
        assert!(operation["summary"].is_string(), "{name}");
        let tag = operation["tags"][0].as_str().unwrap();
        assert!(tags.contains(tag), "{name}: {tag}");
        let is_open = matches!(tag, "Health" | "WebSocket");
        assert_eq!(operation["security"] == json!([]), is_open, "{name}");
        let responses = operation["responses"].as_object().unwrap();
        let mut expected = vec!["400", "408", "414", "429", "431", "500", "503"];
        if !is_open {
            expected.extend(["401", "403", "409", "413"]);
        }
        for status in expected {
            assert!(responses.contains_key(status), "{name}: no {status}");
        }
        for (status, response) in responses {
            let response = resolve(&document, response);
            assert!(
                response["headers"]["X-Request-Id"].is_object(),
                "{name} {status}"
            );
            for code in response["x-error-codes"].as_array().into_iter().flatten() {
                let code = Code::parse(code.as_str().unwrap()).unwrap();
                let fits = code.status().to_string() == *status || status == "426";
                assert!(fits, "{name} {status}: {code}");
            }
        }
    }
}

#[tokio::test]
async fn the_codes_are_those_of_the_protocol() {
    let document = document(&[]).await;
    let listed = document["components"]["schemas"]["ErrorCode"]["enum"].clone();
    let all: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(listed, json!(all));
}

#[tokio::test]
async fn a_configuration_shows_in_its_document() {
    let set = [
        "public_url=https://relay.example.net/",
        "limits.ttl_max=10d",
    ];
    let document = document(&set).await;
    assert_eq!(
        document["openapi"].as_str().unwrap().split('.').next(),
        Some("3")
    );
    assert_eq!(
        document["servers"],
        json!([{ "url": "https://relay.example.net" }])
    );
    let lifetime = &document["components"]["schemas"]["SendRequest"]["properties"]["expires_in"];
    assert_eq!(lifetime["maximum"], 864_000);
    assert_eq!(lifetime["default"], 604_800);
    assert!(crate::openapi::document(&[]).await.get("servers").is_none());
}

#[tokio::test]
async fn who_has_the_document_is_not_sent_it_again() {
    let relay = relay(&[]);
    let first = fetch(&relay, &[("origin", "https://page.example")])
        .await
        .expect(200);
    assert_eq!(first.header("access-control-allow-origin"), Some("*"));
    assert_eq!(first.header("content-type"), Some("application/json"));
    let etag = first.header("etag").unwrap();
    let second = fetch(&relay, &[("if-none-match", etag)]).await.expect(304);
    assert_eq!(
        (second.text.as_str(), second.header("etag")),
        ("", Some(etag))
    );
    fetch(&relay, &[("if-none-match", "\"other\"")])
        .await
        .expect(200);
}
