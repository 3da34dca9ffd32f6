//! How a body is shown: its kind, and one line of text.

use super::{Event, Members, Request, Response, Status, Text, string};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::fmt;
use std::str::FromStr;

/// Characters of a summary, at most. A text message's own text is never cut.
const MAX_SUMMARY: usize = 200;

/// What a message is, for those who read and filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Kind {
    /// Something to read.
    Text,
    /// A [`Request`].
    Request,
    /// A [`Response`].
    Response,
    /// An [`Event`].
    Event,
    /// A [`Status`].
    Status,
    /// Any other JSON.
    Json,
    /// No body to read: bytes, or attachments alone.
    Binary,
    /// Sealed, and not opened. [`classify`] never says this; who failed to open does.
    Undecryptable,
}

/// A text names no [`Kind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a kind: text, request, response, event, status, json, binary or undecryptable")]
pub struct UnknownKind;

impl Kind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Text,
        Self::Request,
        Self::Response,
        Self::Event,
        Self::Status,
        Self::Json,
        Self::Binary,
        Self::Undecryptable,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Request => "request",
            Self::Response => "response",
            Self::Event => "event",
            Self::Status => "status",
            Self::Json => "json",
            Self::Binary => "binary",
            Self::Undecryptable => "undecryptable",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownKind)
    }
}

/// Says what a body is.
///
/// One of the four structured types counts only if the body is what the type says. Plain JSON is a request if it has a text
/// `action` and an object `params`, and text if it is `{"text": "..."}` (other members may stand beside it). A JSON string is text
/// too, unless its type is one that nobody reads (pictures, sound, arbitrary bytes).
pub fn classify(content_type: &str, body: Option<&RawValue>) -> Kind {
    match body {
        Some(body) => Content::of(content_type, body).kind(),
        None => Kind::Binary,
    }
}

/// One line that stands for the body, where there is a sensible one.
///
/// Of a text message it is the text itself, unchanged, even if it has several lines. Of a request, response, event or status it
/// is a summary of at most 200 characters. Other JSON and bytes have none.
pub fn one_line_text(content_type: &str, body: Option<&RawValue>) -> Option<String> {
    Content::of(content_type, body?).text()
}

enum Content {
    Text(Text),
    Request(Request),
    Response(Response),
    Event(Event),
    Status(Status),
    Json,
    Binary,
}

impl Content {
    fn of(content_type: &str, body: &RawValue) -> Self {
        let media_type = media_type(content_type);
        let structured = match media_type.as_str() {
            Request::CONTENT_TYPE => Request::parse(body).map(Self::Request),
            Response::CONTENT_TYPE => Response::parse(body).map(Self::Response),
            Event::CONTENT_TYPE => Event::parse(body).map(Self::Event),
            Status::CONTENT_TYPE => Status::parse(body).map(Self::Status),
            Text::CONTENT_TYPE => untyped(body),
            _ => None,
        };
        match structured {
            Some(content) => content,
            None if !body.get().starts_with('"') => Self::Json,
            None if is_for_machines(&media_type) => Self::Binary,
            None => Text::parse(body).map_or(Self::Json, Self::Text),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Request(_) => Kind::Request,
            Self::Response(_) => Kind::Response,
            Self::Event(_) => Kind::Event,
            Self::Status(_) => Kind::Status,
            Self::Json => Kind::Json,
            Self::Binary => Kind::Binary,
        }
    }

    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.text),
            Self::Request(request) => Some(named(request.action(), Some(request.params()))),
            Self::Response(Response::Ok { result }) => Some(match result {
                Some(result) => shorten(&value_text(&result)),
                None => "ok".to_owned(),
            }),
            Self::Response(Response::Error { code, message }) => {
                joined(": ", [Some(code), Some(message)]).or_else(|| Some("error".to_owned()))
            }
            Self::Event(event) => Some(named(&event.event, event.data.as_deref())),
            Self::Status(status) => {
                let percent = status
                    .progress
                    .map(|progress| format!("{:.0}%", progress.percent()));
                joined(" ", [percent, status.stage, status.detail])
            }
            Self::Json | Self::Binary => None,
        }
    }
}

/// A body of no particular type.
fn untyped(body: &RawValue) -> Option<Content> {
    let members = Members::of(body)?;
    if members.params.is_some()
        && let Some(request) = Request::parse(body)
    {
        return Some(Content::Request(request));
    }
    let text = string(members.text)?;
    Some(Content::Text(Text { text }))
}

/// Type and subtype alone, in lower case.
fn media_type(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

fn is_for_machines(media_type: &str) -> bool {
    media_type == "application/octet-stream"
        || ["image/", "audio/", "video/", "font/"]
            .iter()
            .any(|family| media_type.starts_with(family))
}

/// A name and, unless it is empty, what belongs to it.
fn named(name: &str, value: Option<&RawValue>) -> String {
    match value.map(value_text).as_deref() {
        None | Some("" | "{}") => shorten(name),
        Some(value) => shorten(&format!("{name} {value}")),
    }
}

/// A string's or text object's text, else the JSON as it is.
fn value_text(value: &RawValue) -> String {
    match Text::parse(value) {
        Some(text) => text.text,
        None => value.get().to_owned(),
    }
}

fn joined<const N: usize>(separator: &str, parts: [Option<String>; N]) -> Option<String> {
    let present: Vec<String> = parts
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect();
    (!present.is_empty()).then(|| shorten(&present.join(separator)))
}

/// On one line, every run of white space one space, cut at [`MAX_SUMMARY`] characters.
fn shorten(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_SUMMARY) {
        None => line,
        Some(_) => {
            let kept: String = line.chars().take(MAX_SUMMARY - 1).collect();
            kept + "…"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Kind as K;

    #[test]
    fn bodies_are_told_apart_and_summed_up() {
        let request = Request::CONTENT_TYPE;
        let response = Response::CONTENT_TYPE;
        let event = Event::CONTENT_TYPE;
        let status = Status::CONTENT_TYPE;
        let json = "application/json";
        for (content_type, body, kind, text) in [
            (
                json,
                r#"{"text":"two\nlines"}"#,
                K::Text,
                Some("two\nlines"),
            ),
            (
                "Application/JSON; charset=utf-8",
                r#"{"text":"hi","lang":"en"}"#,
                K::Text,
                Some("hi"),
            ),
            (json, r#""hi""#, K::Text, Some("hi")),
            ("text/markdown", r#""hi""#, K::Text, Some("hi")),
            ("text/plain", r#"{"text":"hi"}"#, K::Json, None),
            ("image/png", r#""iVBOR""#, K::Binary, None),
            ("application/octet-stream", r#""iVBOR""#, K::Binary, None),
            (json, r#"{"text":1}"#, K::Json, None),
            (json, "null", K::Json, None),
            (json, "[1]", K::Json, None),
            (json, r#"["a","b","c"]"#, K::Json, None),
            (
                json,
                r#"{"action":"df","params":{"path":"/"}}"#,
                K::Request,
                Some(r#"df {"path":"/"}"#),
            ),
            (json, r#"{"action":"df"}"#, K::Json, None),
            (json, r#"{"action":"df","params":[]}"#, K::Json, None),
            (request, r#"{"action":"df"}"#, K::Request, Some("df")),
            (
                request,
                r#"{"action":"say","params":{"text":"a\n b"}}"#,
                K::Request,
                Some("say a b"),
            ),
            (request, r#"{"action":"df","params":7}"#, K::Json, None),
            (request, r#"{"action":7}"#, K::Json, None),
            (response, r#"{"status":"ok"}"#, K::Response, Some("ok")),
            (
                response,
                r#"{"status":"ok","result":{"text":"hola"}}"#,
                K::Response,
                Some("hola"),
            ),
            (
                response,
                r#"{"status":"ok","result":{"n": 1}}"#,
                K::Response,
                Some(r#"{"n": 1}"#),
            ),
            (
                response,
                r#"{"status":"error","error":{"code":"busy","message":"later"}}"#,
                K::Response,
                Some("busy: later"),
            ),
            (
                response,
                r#"{"status":"error"}"#,
                K::Response,
                Some("error"),
            ),
            (response, r#"{"status":"fine"}"#, K::Json, None),
            (
                event,
                r#"{"event":"build.passed","data":{"branch":"main"}}"#,
                K::Event,
                Some(r#"build.passed {"branch":"main"}"#),
            ),
            (event, r#"{"event":["x"]}"#, K::Json, None),
            (
                status,
                r#"{"progress":42.4,"stage":"copying","detail":"a.txt"}"#,
                K::Status,
                Some("42% copying a.txt"),
            ),
            (status, r#"{"progress":0.5}"#, K::Status, Some("50%")),
            (status, "{}", K::Status, None),
            (status, "7", K::Json, None),
        ] {
            let raw = RawValue::from_string(body.to_owned()).unwrap();
            assert_eq!(
                classify(content_type, Some(&raw)),
                kind,
                "{content_type} {body}"
            );
            assert_eq!(
                one_line_text(content_type, Some(&raw)).as_deref(),
                text,
                "{content_type} {body}"
            );
        }
        assert_eq!(classify(json, None), K::Binary);
        assert_eq!(one_line_text(json, None), None);
    }

    #[test]
    fn summaries_are_cut_and_texts_are_not() {
        let long = "é".repeat(300);
        let text = Text { text: long.clone() }.to_body();
        assert_eq!(
            one_line_text("application/json", Some(&text)),
            Some(long.clone())
        );
        let event = Event {
            event: long,
            data: None,
        };
        let summary = one_line_text(Event::CONTENT_TYPE, Some(&event.to_body())).unwrap();
        assert_eq!(summary.chars().count(), 200);
        assert!(summary.ends_with('…'));
    }

    #[test]
    fn names_of_kinds_are_read_as_they_are_written() {
        for kind in Kind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert_eq!("Text".parse::<Kind>(), Err(UnknownKind));
    }
}
