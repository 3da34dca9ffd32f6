//! Letting a signed request in: sizes first, then headers and clock, then the body, then the signature.

use super::body;
use super::error::ApiError;
use super::exchange::Exchange;
use crate::app::App;
use crate::auth::{Caller, Claimed, Class};
use crate::client_address::ClientAddress;
use crate::overload::HeldBytes;
use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, header};
use mrp_proto::code::Code;
use mrp_proto::message::Violation;
use mrp_proto::sign::BodyHash;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use std::sync::Arc;

/// A request whose signature is good.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) caller: Caller,
    pub(super) parts: Parts,
    pub(super) body: Bytes,
    /// The body's part of what all bodies may take.
    _held: HeldBytes,
}

/// What a body may have where none is read, in bytes: it is signed, and must be hashed.
const UNREAD_BODY: usize = 64 << 10;

/// Verifies a request; its body may be as large as a whole send, where the method has one.
pub(super) async fn admit(app: &App, request: Request, class: Class) -> Result<Signed, ApiError> {
    let exchange = Exchange::of(request.extensions());
    let limit = match *request.method() {
        Method::GET | Method::HEAD | Method::DELETE => UNREAD_BODY,
        _ => app.config.limits.message,
    };
    let (parts, body) = request.into_parts();
    body::check_announced(&parts.headers, limit as u64)?;
    let claimed = app.decode_request(&parts.headers, exchange.client())?;
    let mut held = app.overload.hold();
    let body = body::read(body, limit, &app.config.timeouts, &mut held).await?;
    let hash = BodyHash::of(&body);
    let verified = app.verify_request(claimed, &parts, hash)?;
    exchange.note_caller(verified.key);
    exchange.note_standing(app.count(&verified.key, class)?);
    let caller = app.let_in(&verified, &parts, exchange.client()).await?;
    Ok(Signed {
        caller,
        parts,
        body,
        _held: held,
    })
}

/// A request whose body goes elsewhere while it is hashed; nobody has doubted its headers yet.
#[derive(Debug)]
pub(super) struct Arriving {
    exchange: Arc<Exchange>,
    parts: Parts,
    claimed: Claimed,
}

impl Arriving {
    /// The first half of [`admit`], before the body is read.
    pub(super) fn of(app: &App, request: Request, limit: u64) -> Result<(Self, Body), ApiError> {
        let exchange = Exchange::of(request.extensions());
        exchange.note_route(request.extensions());
        let (parts, body) = request.into_parts();
        body::check_announced(&parts.headers, limit)?;
        let claimed = app.decode_request(&parts.headers, exchange.client())?;
        let arriving = Self {
            exchange,
            parts,
            claimed,
        };
        Ok((arriving, body))
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    pub(super) fn client(&self) -> &ClientAddress {
        self.exchange.client()
    }

    /// The second half, when the body is known.
    pub(super) async fn admit(
        self,
        app: &App,
        hash: BodyHash,
        class: Class,
    ) -> Result<Caller, ApiError> {
        let mut verified = app.verify_request(self.claimed, &self.parts, hash)?;
        // The body may have come for longer than other claims are kept; its own would count as forgotten.
        verified.claim = verified.claim.kept_for(app.config.timeouts.upload);
        self.exchange.note_caller(verified.key);
        self.exchange
            .note_standing(app.count(&verified.key, class)?);
        app.let_in(&verified, &self.parts, self.exchange.client())
            .await
    }
}

impl Signed {
    /// Reads the body as JSON of a shape.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        check_content_type(&self.parts.headers)?;
        // The reader of JSON would blame the field before it, or pass over it.
        if let Err(error) = std::str::from_utf8(&self.body) {
            return Err(ApiError::new(
                Code::InvalidJson,
                format!("the body is not the JSON that this path takes: {error}"),
            ));
        }
        // A reader of objects would take a list of the fields' values, too.
        if self
            .body
            .trim_ascii_start()
            .first()
            .is_some_and(|byte| *byte != b'{')
        {
            return Err(ApiError::new(
                Code::InvalidJson,
                "the body is not the JSON that this path takes: not an object",
            ));
        }
        let mut deserializer = serde_json::Deserializer::from_slice(&self.body);
        let value = serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| refuse_json(&self.body, &error.path().to_string(), error.inner()))?;
        deserializer
            .end()
            .map_err(|error| refuse_json(&self.body, ".", &error))?;
        Ok(value)
    }
}

/// Absent, or JSON: clients that name no type mean JSON, those that name another mean another.
fn check_content_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(given) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let given = given.to_str().unwrap_or("");
    let media_type = given
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    if media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
    {
        return Ok(());
    }
    Err(ApiError::new(
        Code::UnsupportedMediaType,
        "this path takes application/json; leave Content-Type away or say so",
    ))
}

/// What is no JSON at all is `invalid_json`; a field that is absent, or of the wrong kind, is named.
fn refuse_json(body: &[u8], path: &str, error: &serde_json::Error) -> ApiError {
    let reason = mrp_proto::json::describe(error);
    // Some readers call a value of the wrong kind a mistake in the syntax.
    let is_json = serde_json::from_slice::<IgnoredAny>(body).is_ok();
    if is_json && let Some(name) = missing_field(&reason) {
        let field = if path == "." {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        };
        return Violation::new(field, "must be given", "a value", Value::Null).into();
    }
    if is_json && path != "." {
        let reason = reason.split(" at line ").next().unwrap_or(&reason);
        return Violation::new(
            path,
            reason,
            "another kind of value",
            "a value of the wrong kind",
        )
        .into();
    }
    ApiError::new(
        Code::InvalidJson,
        format!("the body is not the JSON that this path takes: {reason}"),
    )
}

/// The reader of JSON says which field is absent in its text alone.
fn missing_field(reason: &str) -> Option<&str> {
    reason.strip_prefix("missing field `")?.split('`').next()
}
