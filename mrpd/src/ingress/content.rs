//! From a request to a message's body.

use crate::expression::{ExpressionError, Template};
use axum::http::{HeaderMap, header};
use mrp_proto::content::Text;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// What a template may name.
pub const FIELDS: &[&str] = &["body", "query", "headers", "ingress"];

/// Headers that a template does not see: they may hold secrets.
const HIDDEN: &[&str] = &["authorization", "cookie", "proxy-authorization"];

/// Why a request makes no message.
#[derive(Debug, thiserror::Error)]
pub(super) enum ContentError {
    /// It is of a kind that is not taken.
    #[error("{0:?} is not taken; expected JSON, a form or text")]
    Type(String),
    /// It is not what it says it is.
    #[error("the body is not what its Content-Type says: {0}")]
    Malformed(String),
    /// There is nothing in it.
    #[error("the body is empty")]
    Empty,
    /// The template cannot make a message of it.
    #[error("the template makes no message of this: {0}")]
    Template(#[from] ExpressionError),
    /// The template makes something else than JSON.
    #[error("the template makes no JSON of this: {0}")]
    NotJson(serde_json::Error),
}

#[derive(Serialize)]
struct Fields<'a> {
    body: Value,
    query: Value,
    headers: Map<String, Value>,
    ingress: &'a str,
}

/// What came.
#[derive(Debug)]
pub(super) struct Posted<'a> {
    pub(super) ingress: &'a str,
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

/// The message's body. Without a template JSON stays as it is, and text becomes `{"text": ...}`.
pub(super) fn message_body(
    posted: &Posted<'_>,
    template: Option<&Template>,
) -> Result<Box<RawValue>, ContentError> {
    let content = Content::read(posted)?;
    let Some(template) = template else {
        return content.unchanged(posted.body);
    };
    let headers = posted
        .headers
        .iter()
        .filter(|(name, _)| !HIDDEN.contains(&name.as_str()))
        .filter_map(|(name, value)| {
            let value = Value::String(value.to_str().ok()?.to_owned());
            Some((name.as_str().to_owned(), value))
        });
    let fields = Fields {
        body: content.value(),
        query: Value::Object(form(posted.query.as_bytes())),
        headers: headers.collect(),
        ingress: posted.ingress,
    };
    let written = template.render(&fields)?;
    RawValue::from_string(written.trim().to_owned()).map_err(ContentError::NotJson)
}

enum Content {
    Json(Value),
    Form(Map<String, Value>),
    Text(String),
}

impl Content {
    fn read(posted: &Posted<'_>) -> Result<Self, ContentError> {
        let malformed = |what: String| ContentError::Malformed(what);
        if posted.body.is_empty() {
            return Err(ContentError::Empty);
        }
        let written = posted.headers.get(header::CONTENT_TYPE);
        let written = written.map_or(Ok(""), |value| value.to_str());
        let written = written.map_err(|_| ContentError::Type("?".to_owned()))?;
        let essence = written
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match essence.as_str() {
            json if json == "application/json" || json.ends_with("+json") => {
                let value = serde_json::from_slice(posted.body);
                Ok(Self::Json(
                    value.map_err(|error| malformed(error.to_string()))?,
                ))
            }
            "application/x-www-form-urlencoded" => Ok(Self::Form(form(posted.body))),
            text if text.is_empty() || text.starts_with("text/") => {
                let text = std::str::from_utf8(posted.body);
                let text = text.map_err(|_| malformed("it is not UTF-8".to_owned()))?;
                Ok(Self::Text(text.to_owned()))
            }
            other => Err(ContentError::Type(other.to_owned())),
        }
    }

    fn value(self) -> Value {
        match self {
            Self::Json(value) => value,
            Self::Form(fields) => Value::Object(fields),
            Self::Text(text) => Value::String(text),
        }
    }

    fn unchanged(self, bytes: &[u8]) -> Result<Box<RawValue>, ContentError> {
        match self {
            // Byte for byte: numbers and the order of members stay.
            Self::Json(_) => serde_json::from_slice(bytes).map_err(ContentError::NotJson),
            Self::Form(fields) => {
                serde_json::value::to_raw_value(&fields).map_err(ContentError::NotJson)
            }
            Self::Text(text) => {
                let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
                Ok(Text { text }.to_body())
            }
        }
    }
}

/// Pairs of a form; a name that is there several times has a list.
fn form(bytes: &[u8]) -> Map<String, Value> {
    let mut fields = Map::new();
    let pairs = bytes
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty());
    for pair in pairs {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let mut half = || unescape(halves.next().unwrap_or_default());
        let (name, value) = (half(), Value::String(half()));
        match fields.get_mut(&name) {
            None => {
                fields.insert(name, value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    fields
}

fn unescape(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = tail
            .get(..2)
            .filter(|digits| first == b'%' && digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        (bytes, rest) = match escaped {
            Some(byte) => (pushed(bytes, byte), &tail[2..]),
            None if first == b'+' => (pushed(bytes, b' '), tail),
            None => (pushed(bytes, first), tail),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn pushed(mut bytes: Vec<u8>, byte: u8) -> Vec<u8> {
    bytes.push(byte);
    bytes
}
