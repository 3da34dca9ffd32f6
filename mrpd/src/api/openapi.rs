//! The interface's description of itself: OpenAPI 3.1, made from the routes that are served and the types that they take and give.
//!
//! A handler says what is its own: parameters, bodies, and the error codes that only it has, in `x-error-codes`. What every
//! operation of a class has besides is added here.

use super::routes;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use mrp_proto::openapi::{forbid_null, tidy};
use mrpd_api::error::{Code, ErrorBody};
use mrpd_api::event::Event;
use mrpd_api::route::{API_HEADER, API_VERSION, VERSION_HEADER};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::OpenApi;

/// The name of the extension that lists error codes: of an operation's own, before it is completed, and of each response, after.
const ERROR_CODES: &str = "x-error-codes";

const ABOUT: &str = "\
The local interface of mrpd, the per-user daemon of the Machine Relay Protocol: HTTP/1.1 on a Unix socket that only its user can \
reach, so nothing is signed and nobody logs in. `curl --unix-socket $XDG_RUNTIME_DIR/mrp/mrpd.sock http://mrpd/v1/status` asks it \
how things stand.

Within version 1 fields, routes and error codes are only ever added. Each refusal lists its error codes in `x-error-codes`.";

/// The groups that operations are in.
const TAGS: &[(&str, &str)] = &[
    ("Daemon", "How it stands, and what it is to do with itself"),
    ("Messages", "What came in and what went out"),
    (
        "Work",
        "Messages as work that is taken, done and given back",
    ),
    ("Sending", "What is to go out"),
    ("Archive", "What is kept, out into files and in again"),
    ("Relays", "Who is there, and how the agents show themselves"),
    ("Contacts", "Names of others"),
    ("Files", "What travels with messages, and blobs at relays"),
    (
        "Hooks",
        "What is done when something comes, or does not, or at a time",
    ),
    ("Topics", "What is published to whoever subscribes"),
];

/// Ways of a request to be refused that have nothing to do with what it asks for.
const ANY: &[Code] = &[
    Code::InvalidRequest,
    Code::TooLarge,
    Code::Internal,
    Code::TryAgain,
    Code::ShuttingDown,
    Code::StorageFailed,
];
const JSON_BODY: &[Code] = &[Code::InvalidJson];

/// What the document begins as: what no route brings along.
#[derive(OpenApi)]
#[openapi(components(schemas(ErrorBody, Event, mrp_proto::agent::Capability)))]
pub(super) struct Base;

/// The document, for people and programs to read.
pub fn document() -> String {
    let mut text =
        serde_json::to_string_pretty(&description()).expect("a JSON value can be written");
    text.push('\n');
    text
}

/// The document, for this program to read.
pub(crate) fn description() -> Value {
    complete(routes::described())
}

#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    operation_id = "show_openapi",
    tag = "Daemon",
    summary = "This document",
    responses((status = 200, description = "The document", body = Object)),
)]
pub(super) async fn show() -> impl IntoResponse {
    let made = tokio::task::spawn_blocking(document).await;
    match made {
        Ok(document) => ([(header::CONTENT_TYPE, "application/json")], document).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Codes as the annotations of handlers list them.
pub(super) fn codes(codes: &[Code]) -> Vec<&'static str> {
    codes.iter().map(|code| code.as_str()).collect()
}

/// Completes what the routes say of themselves.
fn complete(routes: utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(routes).expect("an OpenAPI document is JSON");
    document["info"] = json!({
        "title": "Machine Relay Protocol: local interface of mrpd",
        "description": ABOUT,
        "version": env!("CARGO_PKG_VERSION"),
        "license": { "name": "MIT or Apache-2.0", "identifier": env!("CARGO_PKG_LICENSE") },
    });
    document["servers"] =
        json!([{ "url": "http://mrpd", "description": "Any host; the socket decides" }]);
    let tags = TAGS
        .iter()
        .map(|(name, description)| json!({ "name": name, "description": description }));
    document["tags"] = tags.collect();
    document["components"]["headers"] = headers();
    tidy(&mut document["components"]["schemas"]);
    let mut refusals = Map::new();
    let items = document["paths"].as_object_mut().into_iter().flatten();
    for (_, item) in items {
        for (_, operation) in item.as_object_mut().into_iter().flatten() {
            complete_operation(operation, &mut refusals);
        }
    }
    document["components"]["responses"] = refusals.into();
    document
}

/// The codes are the operation's own; those of its classes come to them, and each status becomes a response.
fn complete_operation(operation: &mut Value, refusals: &mut Map<String, Value>) {
    for parameter in operation["parameters"].as_array_mut().into_iter().flatten() {
        tidy(parameter);
        forbid_null(&mut parameter["schema"]);
    }
    let codes = codes_of(operation);
    if let Some(operation) = operation.as_object_mut() {
        operation.remove(ERROR_CODES);
        operation.retain(|_, value| !value.is_null());
    }
    let responses = &mut operation["responses"];
    for (_, response) in responses.as_object_mut().into_iter().flatten() {
        add_headers(response);
    }
    for (status, codes) in codes {
        let response = &mut responses[status.to_string()];
        if response.is_null() {
            let list: Vec<&str> = codes.iter().copied().collect();
            let name = format!("{status}.{}", list.join("."));
            *response = json!({ "$ref": format!("#/components/responses/{name}") });
            refusals
                .entry(name)
                .or_insert_with(|| refusal(status, &codes));
        }
    }
}

/// All error codes of an operation, by status.
fn codes_of(operation: &Value) -> BTreeMap<u16, BTreeSet<&'static str>> {
    let own = operation[ERROR_CODES].as_array().into_iter().flatten();
    let own = own.filter_map(|code| Code::parse(code.as_str()?));
    let json = &operation["requestBody"]["content"]["application/json"];
    let body: &[Code] = if json.is_null() { &[] } else { JSON_BODY };
    let mut by_status: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for code in own.chain(ANY.iter().chain(body).copied()) {
        let codes = by_status.entry(code.status()).or_default();
        codes.insert(code.as_str());
    }
    by_status
}

/// The response for one status: what the refusal may mean, and its form.
fn refusal(status: u16, codes: &BTreeSet<&str>) -> Value {
    let names: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
    let reason = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Refused");
    let mut refusal = json!({
        "description": format!("{reason}: {}", names.join(", ")),
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/ErrorBody" } } },
        ERROR_CODES: codes,
    });
    add_headers(&mut refusal);
    refusal
}

fn add_headers(response: &mut Value) {
    for name in [API_HEADER, VERSION_HEADER] {
        response["headers"][name] = json!({ "$ref": format!("#/components/headers/{name}") });
    }
}

fn headers() -> Value {
    json!({
        API_HEADER: { "description": "Version of this interface", "required": true, "schema": { "type": "string", "const": API_VERSION } },
        VERSION_HEADER: { "description": "Version of the daemon", "required": true, "schema": { "type": "string" } },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operations(document: &Value) -> Vec<(String, &Value)> {
        let paths = document["paths"].as_object().unwrap().iter();
        let all = paths.flat_map(|(path, item)| {
            let operations = item.as_object().unwrap().iter();
            operations.map(move |(method, operation)| (format!("{method} {path}"), operation))
        });
        all.collect()
    }

    #[test]
    fn every_operation_says_what_it_is_and_how_it_is_refused() {
        let document: Value = serde_json::from_str(&super::document()).unwrap();
        let tags: BTreeSet<&str> = TAGS.iter().map(|(name, _)| *name).collect();
        let mut ids = BTreeSet::new();
        for (name, operation) in operations(&document) {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id), "{name}: {id} is there twice");
            assert!(operation["summary"].is_string(), "{name}");
            let tag = operation["tags"][0].as_str().unwrap();
            assert!(tags.contains(tag), "{name}: there is no tag {tag}");
            let responses = operation["responses"].as_object().unwrap();
            for status in ["400", "413", "500", "503", "507"] {
                assert!(responses.contains_key(status), "{name}: no {status}");
            }
            assert!(
                responses.keys().any(|status| status.starts_with('2')),
                "{name}"
            );
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn check(document: &Value, value: &Value) {
            match value {
                Value::Object(members) => {
                    if let Some(Value::String(place)) = members.get("$ref") {
                        let found = document.pointer(place.trim_start_matches('#'));
                        assert!(found.is_some(), "{place} leads nowhere");
                    }
                    members.values().for_each(|value| check(document, value));
                }
                Value::Array(items) => items.iter().for_each(|value| check(document, value)),
                _ => {}
            }
        }
        let document: Value = serde_json::from_str(&super::document()).unwrap();
        check(&document, &document);
    }
}
