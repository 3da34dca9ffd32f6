//! Any request, for those who know what they want: `mrpctl api`.

use super::files::{Bytes, Download};
use super::{Client, ClientError};
use http::Method;
use std::time::Duration;

/// An answer as it came, a refusal as well.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Media type.
    pub content_type: Option<String>,
    /// What it says.
    pub body: Download,
}

impl Client {
    /// One request with its path and query as they are to be sent. The head of the answer comes within `timeout`, its body as it
    /// comes.
    ///
    /// # Errors
    /// Any [`ClientError`] but a refusal.
    pub async fn request(
        &self,
        method: Method,
        target: &str,
        headers: &[(String, String)],
        body: Option<Bytes>,
        timeout: Duration,
    ) -> Result<Answer, ClientError> {
        let mut call = self.call(method, target).timeout(timeout);
        for (name, value) in headers {
            call = call.header(name, value);
        }
        if let Some(body) = body {
            call = call.bytes_as_body(body);
        }
        let answer = call.answer().await?;
        let content_type = answer.headers().get(http::header::CONTENT_TYPE);
        Ok(Answer {
            status: answer.status().as_u16(),
            content_type: content_type.and_then(|value| Some(value.to_str().ok()?.to_owned())),
            body: Download::of(answer),
        })
    }
}
