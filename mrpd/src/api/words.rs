//! What is searched for: words that all occur in a message, wherever they stand in it.

use super::view;
use crate::store::MessageRecord;
use mrpd_api::message::Kind;
use serde_json::Value;
use std::sync::Arc;

/// Words, in small letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words(Arc<[String]>);

impl Words {
    /// Reads words; `None` if there is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        (!words.is_empty()).then(|| Self(words.into()))
    }

    /// Whether all of them occur in the text of a message or in the texts of its body. What could not be opened has none.
    pub(super) fn are_in(&self, message: &MessageRecord) -> bool {
        if matches!(message.kind, Kind::Undecryptable | Kind::Binary) {
            return false;
        }
        let mut missing: Vec<&str> = self.0.iter().map(String::as_str).collect();
        if let Some(text) = view::text(message) {
            strike(&mut missing, &text);
        }
        if missing.is_empty() {
            return true;
        }
        let body = message
            .body
            .as_deref()
            .and_then(|body| serde_json::from_str(body.get()).ok());
        if let Some(body) = body {
            strike_all(&mut missing, &body);
        }
        missing.is_empty()
    }
}

fn strike(missing: &mut Vec<&str>, text: &str) {
    let text = text.to_lowercase();
    missing.retain(|word| !text.contains(word));
}

/// Depth is bounded by the reader of JSON.
fn strike_all(missing: &mut Vec<&str>, value: &Value) {
    match value {
        Value::String(text) => strike(missing, text),
        Value::Array(values) => values.iter().for_each(|value| strike_all(missing, value)),
        Value::Object(members) => members
            .values()
            .for_each(|value| strike_all(missing, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
