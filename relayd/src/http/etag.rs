//! Answers that clients may keep, and ask about by their tag (RFC 9110 section 13).

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest as _, Sha256};

/// The tag of some bytes.
pub(super) fn of(bytes: &[u8]) -> HeaderValue {
    let hash = URL_SAFE_NO_PAD.encode(&Sha256::digest(bytes)[..16]);
    HeaderValue::try_from(format!("\"{hash}\"")).expect("base64url is fit for a header")
}

/// The JSON, or that the client has it.
pub(super) fn answer(request: &HeaderMap, etag: &HeaderValue, json: Bytes) -> Response {
    let known = request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .any(|tags| names(tags, etag));
    let mut response = Response::new(Body::empty());
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        *response.body_mut() = Body::from(json);
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
    }
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag.clone());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// Whether a list of tags has this one; weak ones count (RFC 9110 section 13.1.2).
fn names(tags: &HeaderValue, etag: &HeaderValue) -> bool {
    let mut tags = tags.as_bytes().split(|byte| *byte == b',');
    tags.any(|tag| {
        let tag = tag.trim_ascii();
        tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag.as_bytes()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_has_is_not_sent_again() {
        let json = Bytes::from_static(b"{}");
        let etag = of(&json);
        let status = |tags: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(tags) = tags {
                headers.insert(header::IF_NONE_MATCH, tags.parse().unwrap());
            }
            answer(&headers, &etag, json.clone()).status().as_u16()
        };
        let tag = etag.to_str().unwrap();
        assert_eq!(status(None), 200);
        assert_eq!(status(Some("\"another\"")), 200);
        assert_eq!(status(Some(tag.trim_matches('"'))), 200);
        for held in [tag, "*", &format!("W/{tag}"), &format!("\"a\" , {tag}")] {
            assert_eq!(status(Some(held)), 304, "{held}");
        }
        assert_ne!(of(b"[]"), etag);
    }
}
