//! What every operation of a class has: refusals, headers, and ways to sign.

use super::ERROR_CODES;
use crate::config::Config;
use mrp_proto::code::Code;
use mrp_proto::openapi::{forbid_null, tidy};
use mrp_proto::relay_api::{PUBLIC_KEY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::openapi::OpenApi;

const ABOUT: &str = "\
A relay for the Machine Relay Protocol: agents, each of which is an Ed25519 key, exchange messages through it. There is nothing \
to register; the relay makes an agent's record at its first signed request.

Requests are signed either by the three `X-M2M-*` headers, or, bound to this relay, by an HTTP Message Signature (RFC 9421). \
Operations, parameters and fields with `x-mrp-extension` go beyond the published interface of the protocol. Each refusal lists \
its error codes in `x-error-codes`. `HEAD` works wherever `GET` does, and marks nothing as delivered.";

/// The groups that operations are in.
const TAGS: [(&str, &str); 8] = [
    ("Health", "How the relay is; nobody needs a key for these"),
    ("Agents", "Profiles"),
    ("Messages", "Sending, polling, threads"),
    ("Discovery", "Finding public agents by what they can do"),
    ("Blobs", "Files that messages attach"),
    (
        "Webhooks",
        "Having messages delivered to a server of one's own",
    ),
    ("ACL", "Who may write to whom"),
    ("WebSocket", "Messages as they come"),
];

/// Ways of a request to be refused that have nothing to do with what it asks for.
const ANY: &[Code] = &[
    Code::BadRequest,
    Code::RequestTimeout,
    Code::UriTooLong,
    Code::RateLimitExceeded,
    Code::HeadersTooLarge,
    Code::Internal,
    Code::Unavailable,
];
const SIGNED: &[Code] = &[
    Code::MissingAuth,
    Code::InvalidPublicKey,
    Code::InvalidSignature,
    Code::TimestampOutOfRange,
    Code::BoundAuthRequired,
    Code::AgentSuspended,
    Code::RegistrationClosed,
    Code::ReplayDetected,
    Code::PayloadTooLarge,
];
const QUERY: &[Code] = &[Code::ValidationFailed];
const JSON_BODY: &[Code] = &[
    Code::InvalidJson,
    Code::UnsupportedMediaType,
    Code::ValidationFailed,
];
const CHANGING: &[Code] = &[Code::InsufficientStorage];

/// Completes what the routes say of themselves.
pub(super) fn complete(routes: OpenApi, config: &Config) -> Value {
    let mut document = serde_json::to_value(routes).expect("an OpenAPI document is JSON");
    document["info"] = json!({
        "title": "Machine Relay Protocol: relay",
        "description": ABOUT,
        "version": env!("CARGO_PKG_VERSION"),
        "license": { "name": "MIT or Apache-2.0", "identifier": env!("CARGO_PKG_LICENSE") },
    });
    if let Some(url) = &config.public_url {
        document["servers"] = json!([{ "url": url.trim_end_matches('/') }]);
    }
    let tags = TAGS.map(|(name, description)| json!({ "name": name, "description": description }));
    document["tags"] = json!(tags);
    document["security"] = json!([
        { "public_key": [], "timestamp": [], "signature": [] },
        { "http_message_signature": [], "http_message_signature_input": [] },
    ]);
    let components = &mut document["components"];
    components["securitySchemes"] = security_schemes();
    components["headers"] = headers();
    refine(&mut components["schemas"], config);
    tidy(&mut components["schemas"]);
    let mut refusals = Map::new();
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (_, item) in paths {
        let operations = item.as_object_mut().into_iter().flatten();
        for (method, operation) in operations.filter(|(name, _)| is_method(name)) {
            complete_operation(method, operation, &mut refusals);
        }
    }
    document["components"]["responses"] = refusals.into();
    document
}

fn is_method(name: &str) -> bool {
    ["get", "head", "post", "put", "patch", "delete"].contains(&name)
}

/// What no field's type says: limits that a configuration sets, and that a message without a body has attachments.
fn refine(schemas: &mut Value, config: &Config) {
    let send = &mut schemas["SendRequest"];
    let lifetime = &mut send["properties"]["expires_in"];
    lifetime["maximum"] = config.limits.ttl_max.as_secs().into();
    lifetime["default"] = config.limits.ttl_default.as_secs().into();
    send["anyOf"] = json!([
        { "required": ["body"] },
        { "required": ["attachments"], "properties": { "attachments": { "type": "array", "minItems": 1 } } },
    ]);
}

/// The codes are the operation's own; those of its classes come to them, and each status becomes a response.
fn complete_operation(method: &str, operation: &mut Value, refusals: &mut Map<String, Value>) {
    // What is open names no scheme.
    let is_signed = operation.get("security").is_none();
    if !is_signed {
        operation["security"] = json!([]);
    }
    let parameters = operation["parameters"].as_array_mut();
    for parameter in parameters.into_iter().flatten() {
        forbid_null(&mut parameter["schema"]);
    }
    if method == "head" {
        strip_bodies(operation);
    }
    // Only of JSON there is no empty body.
    if takes(operation, "application/octet-stream") {
        operation["requestBody"]["required"] = Value::Bool(false);
    }
    let codes = codes(method, operation, is_signed);
    if let Some(operation) = operation.as_object_mut() {
        operation.remove(ERROR_CODES);
        if operation["parameters"].is_null() {
            operation.remove("parameters");
        }
    }
    let responses = &mut operation["responses"];
    for (_, response) in responses.as_object_mut().into_iter().flatten() {
        add_headers(response, is_signed);
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

/// HEAD is described together with GET, whose answers have bodies; and a name is one operation's.
fn strip_bodies(operation: &mut Value) {
    if let Some(id) = operation["operationId"].as_str() {
        operation["operationId"] = format!("{id}_head").into();
    }
    let responses = operation["responses"].as_object_mut().into_iter().flatten();
    for (_, response) in responses {
        if let Some(response) = response.as_object_mut() {
            response.remove("content");
        }
    }
}

/// All error codes of an operation, by status.
fn codes(
    method: &str,
    operation: &Value,
    is_signed: bool,
) -> BTreeMap<u16, BTreeSet<&'static str>> {
    let own = operation[ERROR_CODES].as_array().into_iter().flatten();
    let own = own.filter_map(|code| Code::parse(code.as_str()?));
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let has_query = parameters
        .into_iter()
        .any(|parameter| parameter["in"] == "query");
    let changes = !matches!(method, "get" | "head");
    let classes = [
        (true, ANY),
        (is_signed, SIGNED),
        (is_signed && has_query, QUERY),
        (takes(operation, "application/json"), JSON_BODY),
        (is_signed && changes, CHANGING),
    ];
    let applying = classes.into_iter().filter(|(applies, _)| *applies);
    let shared = applying.flat_map(|(_, codes)| codes.iter().copied());
    let mut by_status = BTreeMap::new();
    for code in own.chain(shared) {
        let codes: &mut BTreeSet<_> = by_status.entry(code.status()).or_default();
        codes.insert(code.as_str());
    }
    by_status
}

fn takes(operation: &Value, media_type: &str) -> bool {
    operation["requestBody"]["content"]
        .get(media_type)
        .is_some()
}

/// The response for one status: what the refusal may mean, and its form.
fn refusal(status: u16, codes: &BTreeSet<&str>) -> Value {
    let names: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
    let reason = http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Refused");
    let mut refusal = json!({
        "description": format!("{reason}: {}", names.join(", ")),
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/ErrorBody" } } },
        ERROR_CODES: codes,
    });
    add_headers(&mut refusal, true);
    if matches!(status, 429 | 503) {
        refusal["headers"]["Retry-After"] = json!({ "$ref": "#/components/headers/Retry-After" });
    }
    refusal
}

fn add_headers(response: &mut Value, is_signed: bool) {
    let mut add = |name: &str| {
        response["headers"][name] = json!({ "$ref": format!("#/components/headers/{name}") });
    };
    add("X-Request-Id");
    if is_signed {
        add("X-RateLimit-Limit");
        add("X-RateLimit-Remaining");
        add("X-RateLimit-Reset");
    }
}

fn headers() -> Value {
    let number = json!({ "type": "integer", "minimum": 0 });
    json!({
        "X-Request-Id": {
            "description": "The id that the relay's log has for this request",
            "required": true,
            "schema": { "type": "string", "pattern": "^req_[0-9a-f]{16}$" },
        },
        "X-RateLimit-Limit": { "description": "Requests of this kind that the caller has in a window, where there is a limit", "schema": number },
        "X-RateLimit-Remaining": { "description": "How many of them are left", "schema": number },
        "X-RateLimit-Reset": { "description": "When the window ends, in Unix seconds", "schema": number },
        "Retry-After": { "description": "Whole seconds after which the same request may succeed", "schema": number },
    })
}

fn security_schemes() -> Value {
    let scheme = |name: &str, about: &str| json!({ "type": "apiKey", "in": "header", "name": name, "description": about });
    let mut schemes = json!({
        "public_key": scheme(PUBLIC_KEY_HEADER, "Who signs: an Ed25519 public key, 43 characters of base64url without padding"),
        "timestamp": scheme(TIMESTAMP_HEADER, "When it was signed: RFC 3339, within 300 s of the relay's clock"),
        "signature": scheme(
            SIGNATURE_HEADER,
            "An Ed25519 signature, 86 characters of base64url without padding, of four lines joined by line feeds: the method, the raw \
             path with its query, the timestamp, and the base64url SHA-256 of the body",
        ),
        "http_message_signature": scheme(
            "signature",
            "RFC 9421, algorithm `ed25519`, over `@method`, `@authority`, `@path`, `@query`, and `content-digest` (RFC 9530, sha-256) where \
             there is a body; also `content-type`, `idempotency-key` and `range` where they are given",
        ),
        "http_message_signature_input": scheme(
            "signature-input",
            "RFC 9421, with `keyid` (the public key), `created`, `expires` (at most 300 s later), `nonce` (16 to 64 characters) and `tag=\"mrp\"`",
        ),
    });
    for name in ["http_message_signature", "http_message_signature_input"] {
        schemes[name]["x-mrp-extension"] = Value::Bool(true);
    }
    schemes
}
