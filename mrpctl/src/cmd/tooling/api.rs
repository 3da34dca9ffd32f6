//! `mrpctl api`: the daemon's interface as it is.

use crate::cli::tooling::Api as Flags;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::input;
use crate::output::MOST_LINE;
use http::Method;
use mrpd_api::client::{ANSWER_TIMEOUT, Answer, Bytes, ClientError};
use mrpd_api::error::ErrorBody;
use mrpd_api::route;
use serde_json::value::RawValue;

/// Largest answer that is taken apart for `--jq` and the like, and of a refusal.
const MOST: usize = 32 * 1024 * 1024;

pub(crate) async fn run(context: &Context, flags: &Flags) -> Result<(), Failure> {
    let body = body(flags).await?;
    let client = context.daemon().await?;
    let method = Method::from_bytes(flags.method.as_bytes())
        .map_err(|error| Failure::new(Reason::Usage, error.to_string()))?;
    let headers = headers(flags, body.as_ref());
    let answer = client
        .request(method, &flags.target, &headers, body, ANSWER_TIMEOUT)
        .await?;
    if answer.status >= 400 {
        return Err(refusal(answer).await);
    }
    let written = write(context, answer);
    if flags.stream || context.global.timeout.is_some() {
        return written.await;
    }
    tokio::time::timeout(ANSWER_TIMEOUT, written)
        .await
        .unwrap_or_else(|_| {
            let what = format!(
                "the answer has not ended after {} s",
                ANSWER_TIMEOUT.as_secs()
            );
            Err(Failure::new(Reason::TimedOut, what)
                .fix("--stream, for what goes on for as long as it may"))
        })
}

async fn body(flags: &Flags) -> Result<Option<Bytes>, Failure> {
    let Some(data) = &flags.data else {
        return Ok(None);
    };
    let text = input::argument(data).await?;
    let is_json = serde_json::from_str::<&RawValue>(&text).map(drop);
    is_json.map_err(|error| {
        Failure::new(Reason::BadData, format!("the body is not JSON: {error}"))
            .fix("-d '{\"seq\": 42}', -d @file or -d -")
    })?;
    Ok(Some(Bytes::from(text)))
}

fn headers(flags: &Flags, body: Option<&Bytes>) -> Vec<(String, String)> {
    let mut headers = flags.headers.clone();
    let mut usually = |name: &str, value: &str| {
        if !headers
            .iter()
            .any(|(given, _)| given.eq_ignore_ascii_case(name))
        {
            headers.push((name.to_owned(), value.to_owned()));
        }
    };
    if body.is_some() {
        usually("content-type", "application/json");
    }
    if flags.stream {
        usually("accept", route::NDJSON);
    }
    headers
}

/// The daemon's own error, with its exit status.
async fn refusal(mut answer: Answer) -> Failure {
    let status = answer.status;
    let said = whole(&mut answer).await.unwrap_or_default();
    match serde_json::from_slice::<ErrorBody>(&said) {
        Ok(ErrorBody { error }) => error.into(),
        Err(_) => ClientError::Nonsense {
            what: format!("status {status} without an error object"),
        }
        .into(),
    }
}

/// As it comes, unless its JSON is wanted in another form.
async fn write(context: &Context, mut answer: Answer) -> Result<(), Failure> {
    let output = &context.output;
    let media_type = answer.content_type.clone().unwrap_or_default();
    if output.has_form() && media_type.starts_with("application/json") {
        let said = whole(&mut answer).await?;
        return output.json_document(&said);
    }
    if output.has_form() && media_type.starts_with(route::NDJSON) {
        return write_lines(context, answer).await;
    }
    let mut ends_line = true;
    while let Some(piece) = answer.body.next().await? {
        ends_line = piece.ends_with(b"\n");
        output.stream(piece.to_vec()).await?;
    }
    if ends_line {
        Ok(())
    } else {
        output.bytes("\n")
    }
}

async fn write_lines(context: &Context, mut answer: Answer) -> Result<(), Failure> {
    let mut rest: Vec<u8> = Vec::new();
    while let Some(piece) = answer.body.next().await? {
        rest.extend_from_slice(&piece);
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            write_line(context, &line).await?;
        }
        if rest.len() > MOST_LINE {
            return Err(too_large(MOST_LINE));
        }
    }
    write_line(context, &rest).await
}

async fn write_line(context: &Context, line: &[u8]) -> Result<(), Failure> {
    let text = String::from_utf8_lossy(line).trim().to_owned();
    if text.is_empty() {
        return Ok(());
    }
    let lines = context.output.line(&text)?;
    context.output.stream(lines.into_bytes()).await
}

async fn whole(answer: &mut Answer) -> Result<Vec<u8>, Failure> {
    let mut whole = Vec::new();
    while let Some(piece) = answer.body.next().await? {
        whole.extend_from_slice(&piece);
        if whole.len() > MOST {
            return Err(too_large(MOST));
        }
    }
    Ok(whole)
}

fn too_large(most: usize) -> Failure {
    let what = format!("the answer has more than {most} bytes, too many to take apart");
    Failure::new(Reason::BadData, what).fix("leave out --jq, --format and --fields")
}
