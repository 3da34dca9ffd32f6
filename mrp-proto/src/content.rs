//! What bodies mean by convention (protocol A12): requests, responses, events, status reports, and text. Relays interpret
//! none of it.
//!
//! The types here read what other clients write as those read it themselves, and keep the parts that are free JSON byte for byte.
//! [`classify`] and [`one_line_text`] say how a body is shown.

mod summary;

pub use summary::{Kind, UnknownKind, classify, one_line_text};

use crate::json;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// A body asks for something to be done: `{"action","params","response_format"?}`.
#[derive(Debug, Clone, Serialize)]
pub struct Request {
    action: String,
    params: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<String>,
}

/// Params of a request were given that are not a JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the params of a request must be a JSON object")]
pub struct ParamsNotAnObject;

impl Request {
    /// Its content type.
    pub const CONTENT_TYPE: &'static str = "application/x-mrp-request+json";

    /// Asks for `action` with `params`, which must be an object.
    ///
    /// # Errors
    /// [`ParamsNotAnObject`].
    pub fn new(
        action: impl Into<String>,
        params: Box<RawValue>,
    ) -> Result<Self, ParamsNotAnObject> {
        if !is_object(&params) {
            return Err(ParamsNotAnObject);
        }
        Ok(Self {
            action: action.into(),
            params,
            response_format: None,
        })
    }

    /// The same, naming the format that the answer should have.
    #[must_use]
    pub fn with_response_format(mut self, format: impl Into<String>) -> Self {
        self.response_format = Some(format.into());
        self
    }

    /// Reads a body. `None` if it is none: absent `params` are empty ones, others than an object make it none.
    pub fn parse(body: &RawValue) -> Option<Self> {
        let members = Members::of(body)?;
        let params = match members.params {
            Some(params) => params.to_owned(),
            None => empty_object(),
        };
        let mut request = Self::new(string(members.action)?, params).ok()?;
        request.response_format = string(members.response_format);
        Some(request)
    }

    /// What is asked for.
    pub fn action(&self) -> &str {
        &self.action
    }

    /// With what: a JSON object.
    pub fn params(&self) -> &RawValue {
        &self.params
    }

    /// The format that the answer should have.
    pub fn response_format(&self) -> Option<&str> {
        self.response_format.as_deref()
    }

    /// The body to send.
    pub fn to_body(&self) -> Box<RawValue> {
        write(self)
    }
}

/// A body answers a request: `{"status":"ok","result"}` or `{"status":"error","error":{"code","message"}}`.
#[derive(Debug, Clone)]
pub enum Response {
    /// It was done.
    Ok {
        /// What came of it; the published SDK expects an object.
        result: Option<Box<RawValue>>,
    },
    /// It was not.
    Error {
        /// Why, for programs; empty where the peer gave none.
        code: String,
        /// Why, for people; empty where the peer gave none.
        message: String,
    },
}

impl Response {
    /// Its content type.
    pub const CONTENT_TYPE: &'static str = "application/x-mrp-response+json";

    /// The `code` of the answer to a request that nothing handles.
    pub const UNSUPPORTED_ACTION: &'static str = "unsupported_action";

    /// Reads a body. `None` if its `status` is neither `ok` nor `error`.
    pub fn parse(body: &RawValue) -> Option<Self> {
        let members = Members::of(body)?;
        match string(members.status)?.as_str() {
            "ok" => Some(Self::Ok {
                result: members.result.map(RawValue::to_owned),
            }),
            "error" => {
                let error = members.error.and_then(Members::of);
                let part = |choose: fn(&Members<'_>) -> Option<String>| {
                    error.as_ref().and_then(choose).unwrap_or_default()
                };
                Some(Self::Error {
                    code: part(|error| string(error.code)),
                    message: part(|error| string(error.message)),
                })
            }
            _ => None,
        }
    }

    /// The body to send.
    pub fn to_body(&self) -> Box<RawValue> {
        #[derive(Serialize)]
        struct ErrorPart<'a> {
            code: &'a str,
            message: &'a str,
        }
        #[derive(Serialize)]
        struct Written<'a> {
            status: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            result: Option<&'a RawValue>,
            #[serde(skip_serializing_if = "Option::is_none")]
            error: Option<ErrorPart<'a>>,
        }
        write(&match self {
            Self::Ok { result } => Written {
                status: "ok",
                result: result.as_deref(),
                error: None,
            },
            Self::Error { code, message } => Written {
                status: "error",
                result: None,
                error: Some(ErrorPart { code, message }),
            },
        })
    }
}

/// A body tells that something happened: `{"event","data"?}`.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    /// Name of what happened.
    pub event: String,
    /// Details.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<RawValue>>,
}

impl Event {
    /// Its content type.
    pub const CONTENT_TYPE: &'static str = "application/x-mrp-event+json";

    /// Reads a body. `None` if it has no text `event`.
    pub fn parse(body: &RawValue) -> Option<Self> {
        let members = Members::of(body)?;
        Some(Self {
            event: string(members.event)?,
            data: members.data.map(RawValue::to_owned),
        })
    }

    /// The body to send.
    pub fn to_body(&self) -> Box<RawValue> {
        write(self)
    }
}

/// How far something is, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Progress(f64);

impl Progress {
    /// From 0 to 1; beyond is bounded, not a number is 0.
    pub fn from_fraction(fraction: f64) -> Self {
        Self(if fraction > 0.0 {
            fraction.min(1.0)
        } else {
            0.0
        })
    }

    /// From 0 to 100; beyond is bounded, not a number is 0.
    pub fn from_percent(percent: f64) -> Self {
        Self::from_fraction(percent / 100.0)
    }

    /// As it is read from the wire: a fraction up to 1, a percentage above (clients differ).
    fn from_wire(number: f64) -> Self {
        if number > 1.0 {
            Self::from_percent(number)
        } else {
            Self::from_fraction(number)
        }
    }

    /// 0 to 1.
    pub fn fraction(self) -> f64 {
        self.0
    }

    /// 0 to 100.
    pub fn percent(self) -> f64 {
        self.0 * 100.0
    }
}

impl Serialize for Progress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

/// A body tells how something goes: `{"progress"?,"stage"?,"detail"?}`.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Status {
    /// How far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Which part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// More, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Status {
    /// Its content type.
    pub const CONTENT_TYPE: &'static str = "application/x-mrp-status+json";

    /// Reads a body: any object. Members of another type than expected count as absent.
    pub fn parse(body: &RawValue) -> Option<Self> {
        let members = Members::of(body)?;
        let number = |raw: &RawValue| serde_json::from_str::<f64>(raw.get()).ok();
        Some(Self {
            progress: members.progress.and_then(number).map(Progress::from_wire),
            stage: string(members.stage),
            detail: string(members.detail),
        })
    }

    /// The body to send.
    pub fn to_body(&self) -> Box<RawValue> {
        write(self)
    }
}

/// A chat line: `{"text"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Text {
    /// The line, or lines.
    pub text: String,
}

impl Text {
    /// Its content type: that of any JSON.
    pub const CONTENT_TYPE: &'static str = "application/json";

    /// Reads a body: an object with a text `text`, or a JSON string.
    pub fn parse(body: &RawValue) -> Option<Self> {
        let text = match Members::of(body) {
            Some(members) => string(members.text)?,
            None => string(Some(body))?,
        };
        Some(Self { text })
    }

    /// The body to send.
    pub fn to_body(&self) -> Box<RawValue> {
        write(self)
    }
}

/// Every member that any of the conventions knows, unread: one pass over a body, whatever it turns out to be.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    action: Option<&'a RawValue>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default)]
    response_format: Option<&'a RawValue>,
    #[serde(borrow, default)]
    status: Option<&'a RawValue>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    code: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    event: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    progress: Option<&'a RawValue>,
    #[serde(borrow, default)]
    stage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    detail: Option<&'a RawValue>,
}

impl<'a> Members<'a> {
    /// `None` if the body is not an object, or names one of the members twice.
    fn of(body: &'a RawValue) -> Option<Self> {
        json::from_object(body.get()).ok()
    }
}

fn is_object(raw: &RawValue) -> bool {
    raw.get().starts_with('{')
}

fn string(raw: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(raw?.get()).ok()
}

fn empty_object() -> Box<RawValue> {
    write(&serde_json::Map::new())
}

fn write<T: Serialize>(body: &T) -> Box<RawValue> {
    serde_json::value::to_raw_value(body).expect("bodies have text keys and no fallible parts")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn bodies_are_written_as_the_published_client_writes_them() {
        let request = Request::new("df", raw(r#"{"n":1.0}"#)).unwrap();
        assert_eq!(
            request.to_body().get(),
            r#"{"action":"df","params":{"n":1.0}}"#
        );
        assert_eq!(
            request.with_response_format("json").to_body().get(),
            r#"{"action":"df","params":{"n":1.0},"response_format":"json"}"#
        );
        let done = Response::Ok {
            result: Some(raw(r#"{"free":9007199254740993}"#)),
        };
        assert_eq!(
            done.to_body().get(),
            r#"{"status":"ok","result":{"free":9007199254740993}}"#
        );
        let failed = Response::Error {
            code: Response::UNSUPPORTED_ACTION.to_owned(),
            message: "no".to_owned(),
        };
        assert_eq!(
            failed.to_body().get(),
            r#"{"status":"error","error":{"code":"unsupported_action","message":"no"}}"#
        );
        let event = Event {
            event: "up".to_owned(),
            data: None,
        };
        assert_eq!(event.to_body().get(), r#"{"event":"up"}"#);
        let status = Status {
            progress: Some(Progress::from_percent(50.0)),
            ..Status::default()
        };
        assert_eq!(status.to_body().get(), r#"{"progress":0.5}"#);
    }

    #[test]
    fn params_are_an_object_and_keep_their_bytes() {
        assert_eq!(
            Request::new("df", raw("[]")).unwrap_err(),
            ParamsNotAnObject
        );
        let read = Request::parse(&raw(
            r#"{"action":"df","params":{"b" : 1.10},"response_format":5}"#,
        ))
        .unwrap();
        assert_eq!(read.params().get(), r#"{"b" : 1.10}"#);
        assert_eq!(read.response_format(), None);
        let bare = Request::parse(&raw(r#"{"action":"df","params":null}"#)).unwrap();
        assert_eq!(bare.params().get(), "{}");
        assert!(Request::parse(&raw(r#"["df",{}]"#)).is_none());
    }

    #[test]
    fn progress_above_one_is_percent_and_everything_is_bounded() {
        for (given, fraction) in [
            ("0", 0.0),
            ("0.25", 0.25),
            ("1", 1.0),
            ("25", 0.25),
            ("100", 1.0),
            ("250", 1.0),
            ("-3", 0.0),
        ] {
            let status = Status::parse(&raw(&format!(r#"{{"progress":{given}}}"#))).unwrap();
            assert_eq!(status.progress.unwrap().fraction(), fraction, "{given}");
        }
        let odd = Status::parse(&raw(r#"{"progress":"half","stage":3}"#)).unwrap();
        assert_eq!(odd, Status::default());
        assert_eq!(Progress::from_fraction(f64::NAN).percent(), 0.0);
    }

    #[test]
    fn errors_of_peers_may_lack_their_parts() {
        let error = Response::parse(&raw(
            r#"{"status":"error","error":{"code":7,"message":"m"}}"#,
        ));
        assert!(
            matches!(error, Some(Response::Error { code, message }) if code.is_empty() && message == "m")
        );
    }
}
