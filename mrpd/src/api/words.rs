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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn finds(words: &str, body: &str) -> bool {
        let body = serde_json::value::RawValue::from_string(body.to_owned()).unwrap();
        let message = MessageRecord {
            kind: Kind::Json,
            body: Some(body),
            ..testing::record("msg_1")
        };
        Words::parse(words).unwrap().are_in(&message)
    }

    #[test]
    fn a_word_is_found_however_its_sender_wrote_it() {
        for (words, body) in [
            ("hello", r#"{"a":["well, HeLLo there"]}"#),
            ("hello", r#"{"a":"\u0048ello"}"#),
            ("kelvin", "{\"a\":\"\u{212a}elvin\"}"),
            ("i\u{307}zmir", "{\"a\":\"\u{130}zmir\"}"),
            ("iz", "{\"a\":\"i\u{307}z \u{130} iz\"}"),
            ("gr\u{fc}\u{df}e", "{\"a\":\"GR\u{dc}\u{df}e\"}"),
            ("a\"b", r#"{"a":"A\"B"}"#),
            ("a\\b", r#"{"a":"A\\B"}"#),
            ("usr/bin", r#"{"a":"\/USR\/bin"}"#),
            ("bar", r#"{"a":"foo\nBAR"}"#),
            ("two words", r#"{"a":"words","b":["two"]}"#),
        ] {
            assert!(finds(words, body), "{words} in {body}");
        }
        for (words, body) in [
            ("hello", r#"{"hello":"world"}"#),
            ("hello", r#"{"a":"hell o"}"#),
            ("two words", r#"{"a":"two"}"#),
            ("true", r#"{"a":true}"#),
        ] {
            assert!(!finds(words, body), "{words} in {body}");
        }
    }
}
