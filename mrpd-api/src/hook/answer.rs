//! What a program that answers a request has said: its result on standard output, or an error on descriptor 3.

use mrp_proto::content::Response;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Code of the answer where the handler failed. Nothing of its standard error goes along.
pub const FAILED: &str = "handler_failed";
/// Characters of a code that the handler names, at most.
const CODE: usize = 64;
/// Characters of a message that the handler writes for the sender, at most.
const MESSAGE: usize = 1000;

/// The error that a handler writes to descriptor 3.
#[derive(Deserialize)]
struct Told {
    code: String,
    #[serde(default)]
    message: String,
}

/// The answer where the handler failed, for people.
pub fn failed(message: &str) -> Response {
    Response::Error {
        code: FAILED.to_owned(),
        message: message.to_owned(),
    }
}

/// The error that was written to descriptor 3, if one was.
pub fn told(written: &[u8]) -> Option<Response> {
    let Told { code, message } = serde_json::from_slice(written).ok()?;
    let fits = !code.is_empty() && code.chars().count() <= CODE;
    fits.then(|| Response::Error {
        code,
        message: message.chars().take(MESSAGE).collect(),
    })
}

/// The result that was written to standard output, if it is JSON. Whoever has nothing to say writes nothing: that is an empty
/// object.
pub fn result(stdout: &[u8]) -> Option<Box<RawValue>> {
    let text = std::str::from_utf8(stdout).ok()?.trim();
    let text = if text.is_empty() { "{}" } else { text };
    RawValue::from_string(text.to_owned()).ok()
}
