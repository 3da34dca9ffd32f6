//! The first request's head, read before anything is spent on a connection: in time, within its sizes, and well-formed.
//!
//! The HTTP library does the same for every head, but has no time limit that tells a slow head from a pause between requests, and
//! answers malformed ones with an empty body.

use crate::http::error::ApiError;
use crate::http::exchange::next_request_id;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::Uri;
use mrp_proto::code::Code;
use mrp_proto::relay_api::REQUEST_ID_HEADER;
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::Instant;

/// Bytes of a request line, at most.
const MAX_LINE: usize = 8 << 10;
/// Bytes of a head, at most.
pub(super) const MAX_HEAD: usize = 16 << 10;
/// Headers, at most.
pub(super) const MAX_HEADERS: usize = 64;

/// Why a connection ends before its first request.
#[derive(Debug, PartialEq)]
pub(super) enum NoRequest {
    /// The peer said nothing, or went away: there is nobody to answer.
    Silent,
    /// The peer gets this answer.
    Refused(Box<ApiError>),
}

/// Reads until the head is complete; returns it with whatever came behind it. The time runs from `started`, which may be a while
/// ago.
pub(super) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    started: Instant,
    limit: Duration,
) -> Result<Bytes, NoRequest> {
    let mut head = BytesMut::new();
    match tokio::time::timeout_at(started + limit, read_into(stream, &mut head)).await {
        Ok(outcome) => outcome.map(|()| head.freeze()),
        Err(_) if head.is_empty() => Err(NoRequest::Silent),
        Err(_) => {
            let message = format!(
                "the request's head was not complete after {} s",
                limit.as_secs_f64()
            );
            Err(refused(Code::RequestTimeout, message))
        }
    }
}

async fn read_into(
    stream: &mut (impl AsyncRead + Unpin),
    head: &mut BytesMut,
) -> Result<(), NoRequest> {
    loop {
        let known = head.len();
        // One byte more than allowed is enough to know.
        let room = MAX_HEAD + 1 - known;
        match stream.read_buf(&mut (&mut *head).limit(room)).await {
            Ok(0) | Err(_) => return Err(NoRequest::Silent),
            Ok(_) => {}
        }
        if is_complete(head, known)? {
            return Ok(());
        }
        if head.len() > MAX_HEAD {
            return Err(headers_too_large(format!(
                "the head may have {MAX_HEAD} bytes, this one has more"
            )));
        }
    }
}

/// Whether the head is there; looks again only when a line has ended among the bytes that are new since `known`.
fn is_complete(head: &[u8], known: usize) -> Result<bool, NoRequest> {
    // Empty lines before a request are allowed (RFC 9112 section 2.2).
    let start = head
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    let line = head[start..]
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(head.len() - start);
    if line > MAX_LINE + 1 {
        let message = format!("the request line may have {MAX_LINE} bytes, this one has more");
        return Err(refused(Code::UriTooLong, message));
    }
    if !head[known..].contains(&b'\n') {
        return Ok(false);
    }
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Partial) => Ok(false),
        Ok(httparse::Status::Complete(length)) if length > MAX_HEAD => Err(headers_too_large(
            format!("the head may have {MAX_HEAD} bytes, this one has {length}"),
        )),
        Ok(httparse::Status::Complete(_))
            if request.path.is_none_or(|path| path.parse::<Uri>().is_err()) =>
        {
            Err(malformed("the target is not a valid one"))
        }
        Ok(httparse::Status::Complete(_)) => {
            check_framing(&request).map_err(malformed)?;
            Ok(true)
        }
        Err(httparse::Error::TooManyHeaders) => Err(headers_too_large(format!(
            "a request may have {MAX_HEADERS} headers, this one has more"
        ))),
        Err(error) => Err(malformed(error)),
    }
}

/// Whether it is plain where the body ends (RFC 9112 section 6).
fn check_framing(request: &httparse::Request<'_, '_>) -> Result<(), &'static str> {
    let values = |name: &'static str| {
        let named = move |header: &&httparse::Header<'_>| header.name.eq_ignore_ascii_case(name);
        request
            .headers
            .iter()
            .filter(named)
            .map(|header| header.value)
    };
    if let Some(last) = values("transfer-encoding").next_back() {
        let last = last.rsplit(|byte| *byte == b',').next().unwrap_or(last);
        if request.version == Some(0) || !last.trim_ascii().eq_ignore_ascii_case(b"chunked") {
            return Err("the last Transfer-Encoding must be chunked, and the version HTTP/1.1");
        }
        return Ok(());
    }
    let mut lengths = values("content-length").map(length_of);
    let Some(first) = lengths.next() else {
        return Ok(());
    };
    if first.is_none() || lengths.any(|other| other != first) {
        return Err("Content-Length must be one whole number");
    }
    Ok(())
}

fn length_of(value: &[u8]) -> Option<u64> {
    let is_digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(value)
        .ok()
        .filter(|_| is_digits)?
        .parse()
        .ok()
}

/// An answer that no HTTP library is needed for: the connection ends with it. `for_pages` are lines for browsers.
pub(super) fn raw_response(error: &ApiError, for_pages: &str) -> Vec<u8> {
    let request_id = next_request_id();
    let body = serde_json::to_string(&error.body(&request_id)).unwrap_or_default();
    let status = error.status();
    let retry = error
        .retry_after
        .map(|seconds| format!("retry-after: {seconds}\r\n"))
        .unwrap_or_default();
    format!(
        "HTTP/1.1 {} {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{REQUEST_ID_HEADER}: {request_id}\r\n\
         {retry}{for_pages}connection: close\r\n\r\n{body}",
        status.as_str(),
        status.canonical_reason().unwrap_or(""),
        body.len(),
    )
    .into_bytes()
}

fn malformed(reason: impl std::fmt::Display) -> NoRequest {
    refused(Code::BadRequest, format!("this is not HTTP/1.1: {reason}"))
}

fn headers_too_large(message: String) -> NoRequest {
    let error = ApiError::new(Code::HeadersTooLarge, message)
        .with_details(json!({ "head_limit": MAX_HEAD, "headers_limit": MAX_HEADERS }));
    NoRequest::Refused(Box::new(error))
}

fn refused(code: Code, message: String) -> NoRequest {
    NoRequest::Refused(Box::new(ApiError::new(code, message)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_secs(10);

    async fn judge(bytes: &[u8]) -> Result<usize, Option<Code>> {
        let outcome = read(&mut std::io::Cursor::new(bytes), Instant::now(), TIME).await;
        outcome.map(|head| head.len()).map_err(|none| match none {
            NoRequest::Silent => None,
            NoRequest::Refused(error) => Some(error.code),
        })
    }

    fn with_target(length: usize) -> Vec<u8> {
        format!(
            "GET /{} HTTP/1.1\r\n\r\n",
            "x".repeat(length - "GET / HTTP/1.1".len())
        )
        .into_bytes()
    }

    fn with_head(length: usize) -> Vec<u8> {
        let rest = length - "GET / HTTP/1.1\r\nx: \r\n\r\n".len();
        format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(rest)).into_bytes()
    }

    fn with_headers(number: usize) -> Vec<u8> {
        format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(number)).into_bytes()
    }

    #[tokio::test]
    async fn each_size_holds_at_the_limit_and_not_one_past() {
        assert!(judge(&with_target(MAX_LINE)).await.is_ok());
        assert_eq!(
            judge(&with_target(MAX_LINE + 1)).await,
            Err(Some(Code::UriTooLong))
        );
        assert_eq!(judge(&with_head(MAX_HEAD)).await, Ok(MAX_HEAD));
        assert_eq!(
            judge(&with_head(MAX_HEAD + 1)).await,
            Err(Some(Code::HeadersTooLarge))
        );
        assert!(judge(&with_headers(MAX_HEADERS)).await.is_ok());
        assert_eq!(
            judge(&with_headers(MAX_HEADERS + 1)).await,
            Err(Some(Code::HeadersTooLarge))
        );
        assert_eq!(
            judge(&vec![b'x'; 20_000]).await,
            Err(Some(Code::UriTooLong))
        );
    }

    #[tokio::test]
    async fn what_is_no_http_is_told_so_and_silence_is_not_answered() {
        for bad in [
            &b"\x16\x03\x01\x02\x00\n\n"[..],
            b"GET /\x7f\n HTTP/1.1\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\n",
            b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
            b"GET http://[/ HTTP/1.1\r\n\r\n",
            b"POST / HTTP/1.1\r\ncontent-length: +1\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length:\r\n\r\n",
            b"POST / HTTP/1.1\r\ncontent-length: 18446744073709551616\r\n\r\n",
            b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            b"POST / HTTP/1.1\r\ntransfer-encoding: chunked, gzip\r\n\r\n",
            b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n",
        ] {
            assert_eq!(
                judge(bad).await,
                Err(Some(Code::BadRequest)),
                "{}",
                bad.escape_ascii()
            );
        }
        assert_eq!(judge(b"").await, Err(None));
        assert_eq!(judge(b"GET / HTT").await, Err(None));
        for good in [
            &b"\r\n\r\nGET / HTTP/1.1\r\n\r\nbehind"[..],
            b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\nx",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n",
        ] {
            assert!(judge(good).await.is_ok(), "{}", good.escape_ascii());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_head_runs_out_of_time() {
        let (mut client, mut server) = tokio::io::duplex(64);
        let write = async {
            tokio::io::AsyncWriteExt::write_all(&mut client, b"GET / HTTP/1.1\r\n")
                .await
                .unwrap();
            std::future::pending::<()>().await;
        };
        let outcome = tokio::select! {
            outcome = read(&mut server, Instant::now(), TIME) => outcome,
            () = write => unreachable!(),
        };
        assert!(
            matches!(outcome, Err(NoRequest::Refused(error)) if error.code == Code::RequestTimeout)
        );
        let (_client, mut server) = tokio::io::duplex(64);
        assert_eq!(
            read(&mut server, Instant::now(), TIME).await,
            Err(NoRequest::Silent)
        );
    }

    #[test]
    fn a_raw_answer_carries_its_request_id_and_its_length() {
        let answer = raw_response(&ApiError::unavailable("later"), "for: pages\r\n");
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
            "{head}"
        );
        assert!(
            head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())),
            "{head}"
        );
        assert!(
            head.contains("\r\nretry-after: 1\r\nfor: pages\r\n"),
            "{head}"
        );
        let id = head
            .split("x-request-id: ")
            .nth(1)
            .unwrap()
            .lines()
            .next()
            .unwrap();
        assert!(body.contains(id), "{body}");
    }
}
