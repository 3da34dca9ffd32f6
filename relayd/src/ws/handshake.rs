//! The opening handshake of RFC 6455, section 4.2.

use crate::http::error::ApiError;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Version, header};
use mrp_proto::code::Code;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The version of the protocol, and the only one.
const VERSION: &str = "13";

/// An upgrade request that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error(
        "this path is a WebSocket: connect with GET over HTTP/1.1, Connection: Upgrade and Upgrade: websocket"
    )]
    NotAnUpgrade,
    #[error("Sec-WebSocket-Version must be {VERSION}")]
    Version,
    #[error("Sec-WebSocket-Key must be one header with 16 bytes in base64")]
    Key,
}

/// The value of `Sec-WebSocket-Accept`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Accept(String);

/// Checks an upgrade request. Extensions and subprotocols that it offers are not taken up.
pub(super) fn check<B>(request: &Request<B>) -> Result<Accept, HandshakeError> {
    let headers = request.headers();
    let is_upgrade = request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && lists(headers, &header::CONNECTION, "upgrade")
        && lists(headers, &header::UPGRADE, "websocket");
    if !is_upgrade {
        return Err(HandshakeError::NotAnUpgrade);
    }
    if only(headers, &header::SEC_WEBSOCKET_VERSION) != Some(VERSION.as_bytes()) {
        return Err(HandshakeError::Version);
    }
    let key = only(headers, &header::SEC_WEBSOCKET_KEY).ok_or(HandshakeError::Key)?;
    if !is_nonce(key) {
        return Err(HandshakeError::Key);
    }
    Ok(Accept(derive_accept_key(key)))
}

/// The 101.
pub(super) fn switch_protocols(accept: Accept) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::try_from(accept.0) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

impl IntoResponse for HandshakeError {
    fn into_response(self) -> Response {
        let mut response = ApiError::new(Code::BadRequest, self.to_string()).into_response();
        if self != Self::Key {
            *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
            let headers = response.headers_mut();
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(
                header::SEC_WEBSOCKET_VERSION,
                HeaderValue::from_static(VERSION),
            );
        }
        response
    }
}

/// Whether a header's comma-separated values have this word among them.
fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter();
    let mut words = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    words.any(|listed| listed.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.as_bytes())
}

/// Whether this is base64 of 16 bytes: 22 digits, of which the last leaves four bits unused, and two signs of padding.
fn is_nonce(key: &[u8]) -> bool {
    let Some(digits) = key.strip_suffix(b"==") else {
        return false;
    };
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    digits.len() == 22
        && digits.iter().all(is_digit)
        && matches!(digits[21], b'A' | b'Q' | b'g' | b'w')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The request of RFC 6455, section 1.3.
    fn request() -> Request<()> {
        Request::builder()
            .uri("/v1/ws")
            .header("Host", "relay.example")
            .header("Connection", "keep-alive, Upgrade")
            .header("Upgrade", "WebSocket")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Extensions", "permessage-deflate")
            .header("Origin", "https://anywhere.example")
            .body(())
            .unwrap()
    }

    fn with(change: impl FnOnce(&mut Request<()>)) -> Result<Accept, HandshakeError> {
        let mut request = request();
        change(&mut request);
        check(&request)
    }

    #[test]
    fn the_example_of_the_standard_is_accepted_without_extensions() {
        let accept = check(&request()).unwrap();
        assert_eq!(accept.0, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let response = switch_protocols(accept);
        assert_eq!(response.status(), 101);
        assert!(!response.headers().contains_key("sec-websocket-extensions"));
        assert_eq!(
            response.headers()["sec-websocket-accept"],
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn what_is_no_upgrade_is_told_to_be_one() {
        let refused = Err(HandshakeError::NotAnUpgrade);
        assert_eq!(
            with(|request| *request.method_mut() = Method::POST),
            refused
        );
        assert_eq!(
            with(|request| *request.version_mut() = Version::HTTP_10),
            refused
        );
        for header in ["Connection", "Upgrade"] {
            assert_eq!(
                with(|request| drop(request.headers_mut().remove(header))),
                refused
            );
        }
        let response = HandshakeError::NotAnUpgrade.into_response();
        assert_eq!(response.status(), StatusCode::UPGRADE_REQUIRED);
        assert_eq!(response.headers()["upgrade"], "websocket");
    }

    #[test]
    fn another_version_is_told_ours() {
        let set = |version: &'static str| {
            with(|request| {
                let headers = request.headers_mut();
                headers.insert("sec-websocket-version", HeaderValue::from_static(version));
            })
        };
        assert_eq!(set("8"), Err(HandshakeError::Version));
        assert_eq!(
            with(|request| drop(request.headers_mut().remove("sec-websocket-version"))),
            set("8")
        );
        let response = HandshakeError::Version.into_response();
        assert_eq!(response.status(), StatusCode::UPGRADE_REQUIRED);
        assert_eq!(response.headers()["sec-websocket-version"], "13");
    }

    #[test]
    fn a_key_is_sixteen_bytes_in_base64_and_there_is_one() {
        for key in [
            "",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBsZSBub25jZR==",
            "dGhlIHNhbXBsZSBub25j!Q==",
            "AAAA",
        ] {
            let outcome = with(|request| {
                let headers = request.headers_mut();
                headers.insert("sec-websocket-key", HeaderValue::from_static(key));
            });
            assert_eq!(outcome, Err(HandshakeError::Key), "{key:?}");
        }
        let twice = with(|request| {
            let headers = request.headers_mut();
            headers.append(
                "sec-websocket-key",
                HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="),
            );
        });
        assert_eq!(twice, Err(HandshakeError::Key));
        assert_eq!(
            HandshakeError::Key.into_response().status(),
            StatusCode::BAD_REQUEST
        );
    }
}
