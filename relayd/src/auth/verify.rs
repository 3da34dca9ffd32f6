//! Reading and judging signatures: of requests in either scheme or in both, and of the first frame of a WebSocket.

use super::authority::Entrance;
use super::{Auth, target};
use crate::store::{Proof, ReplayClaim, Scheme};
use http::request::Parts;
use http::{HeaderMap, header};
use mrp_proto::bound::{
    self, BoundError, CONTENT_DIGEST_HEADER, Nonce, SIGNATURE_HEADER, SIGNATURE_INPUT_HEADER,
};
use mrp_proto::frame;
use mrp_proto::key::PublicKey;
use mrp_proto::relay_api::{self, IDEMPOTENCY_KEY_HEADER, PUBLIC_KEY_HEADER, TIMESTAMP_HEADER};
use mrp_proto::sign::{self, AuthError, BodyHash, Unverified};
use mrp_proto::time::Timestamp;

/// Characters of an audience that an error repeats.
const MAX_AUDIENCE: usize = 256;
/// What carries the published scheme, and what it is called when it is missing.
const PUBLISHED_HEADERS: [(&str, &str); 3] = [
    (PUBLIC_KEY_HEADER, "the header X-M2M-Public-Key"),
    (TIMESTAMP_HEADER, "the header X-M2M-Timestamp"),
    (relay_api::SIGNATURE_HEADER, "the header X-M2M-Signature"),
];

/// A request that nobody has doubted yet: its headers are well-formed and its clock is right.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(super) signed: Signed,
    pub(super) entrance: Entrance,
}

/// In which schemes a request is signed.
#[derive(Debug)]
pub(super) enum Signed {
    Published(Unverified),
    Bound(bound::Unverified),
    Both(Unverified, bound::Unverified),
}

/// A request whose signatures are good.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) key: PublicKey,
    pub(super) scheme: Scheme,
    pub(crate) claim: ReplayClaim,
}

impl Auth {
    pub(super) fn decode(&self, headers: &HeaderMap, now: Timestamp) -> Result<Signed, AuthError> {
        let bound = match joined(headers, SIGNATURE_INPUT_HEADER) {
            None => None,
            Some(input) => {
                let signature = joined(headers, SIGNATURE_HEADER);
                let signature = signature.as_deref().map(String::from_utf8_lossy);
                let input = String::from_utf8_lossy(&input);
                bound::Unverified::decode(&input, signature.as_deref(), now, self.tolerance)?
            }
        };
        let has_published = PUBLISHED_HEADERS
            .iter()
            .any(|(name, _)| headers.contains_key(*name));
        Ok(match bound {
            None => Signed::Published(self.decode_published(headers, now)?),
            Some(bound) if has_published => {
                let published = self.decode_published(headers, now)?;
                if published.key != bound.key {
                    return Err(AuthError::TwoKeys);
                }
                Signed::Both(published, bound)
            }
            Some(bound) => Signed::Bound(bound),
        })
    }

    fn decode_published(
        &self,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Unverified, AuthError> {
        let mut values = [""; 3];
        for (value, (name, missing)) in values.iter_mut().zip(PUBLISHED_HEADERS) {
            *value = only(headers, name, missing)?;
        }
        let [key, timestamp, signature] = values;
        Unverified::decode(key, timestamp, signature, now, self.tolerance)
    }

    pub(super) fn verify(
        &self,
        claimed: Claimed,
        parts: &Parts,
        body: BodyHash,
    ) -> Result<Verified, AuthError> {
        let entrance = claimed.entrance;
        match claimed.signed {
            Signed::Published(published) => self.verify_published(published, parts, body),
            Signed::Bound(bound) => self.verify_bound(bound, entrance, parts, body),
            Signed::Both(published, bound) => {
                let bound = self.verify_bound(bound, entrance, parts, body)?;
                let published = self.verify_published(published, parts, body)?.claim;
                let claim = ReplayClaim {
                    second: Some((published.proof, published.keep_until)),
                    ..bound.claim
                };
                Ok(Verified { claim, ..bound })
            }
        }
    }

    /// Judges the signature over the raw target, with its query or, where that is allowed, without (protocol A1.1).
    fn verify_published(
        &self,
        unverified: Unverified,
        parts: &Parts,
        body: BodyHash,
    ) -> Result<Verified, AuthError> {
        let verifier = self.keys.decode(&unverified.key)?;
        let form = |target: &str| {
            sign::request_bytes(
                parts.method.as_str(),
                target,
                &unverified.timestamp_text,
                body,
            )
        };
        let whole = form(target(parts));
        let bare = may_leave_query_unsigned(parts).then(|| form(parts.uri.path()));
        let forms: Vec<&[u8]> = std::iter::once(whole.as_slice())
            .chain(bare.as_deref())
            .collect();
        let verified = unverified.verify(&verifier, forms)?;
        let proof = Proof::Signature(verified.signature);
        let keep_until = self.keep_until(verified.timestamp);
        Ok(Verified {
            key: verified.key,
            scheme: Scheme::Published,
            claim: ReplayClaim::new(verified.key, proof, keep_until),
        })
    }

    /// Judges a bound signature under the names that the relay has where the request came in (protocol A11).
    fn verify_bound(
        &self,
        unverified: bound::Unverified,
        entrance: Entrance,
        parts: &Parts,
        body: BodyHash,
    ) -> Result<Verified, AuthError> {
        let verifier = self.keys.decode(&unverified.key)?;
        let header = |name: &str| joined(&parts.headers, name);
        let [digest, content_type, idempotency_key, range] = [
            CONTENT_DIGEST_HEADER,
            header::CONTENT_TYPE.as_str(),
            IDEMPOTENCY_KEY_HEADER,
            header::RANGE.as_str(),
        ]
        .map(header);
        let request = bound::Request {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query(),
            content_digest: digest.as_deref(),
            content_type: content_type.as_deref(),
            idempotency_key: idempotency_key.as_deref(),
            range: range.as_deref(),
        };
        let host = host(&parts.headers);
        let authorities = self.authorities.of_request(entrance, host.as_deref());
        let verified = unverified.verify(&verifier, &request, body, authorities)?;
        let keep_until = verified.expires.after(self.tolerance);
        let proof = Proof::Nonce(verified.nonce);
        Ok(Verified {
            key: verified.key,
            scheme: Scheme::Bound,
            claim: ReplayClaim::new(verified.key, proof, keep_until),
        })
    }

    /// Judges the first frame of a WebSocket, in either version (protocol A1.5, A11).
    pub(super) fn verify_frame(
        &self,
        frame: &frame::Auth,
        entrance: Entrance,
        now: Timestamp,
    ) -> Result<Verified, AuthError> {
        let (key, timestamp) = (&frame.public_key, &frame.timestamp);
        let unverified = Unverified::decode(key, timestamp, &frame.signature, now, self.tolerance)?;
        let bound = match frame.v {
            None | Some(1) => None,
            Some(2) => Some(self.audience_and_nonce(frame, entrance)?),
            Some(version) => return Err(BoundError::Version { version }.into()),
        };
        let verifier = self.keys.decode(&unverified.key)?;
        let form = match &bound {
            None => sign::websocket_bytes(&unverified.timestamp_text),
            Some((audience, nonce)) => {
                bound::websocket_bytes(audience, &unverified.timestamp_text, nonce)
            }
        };
        let verified = unverified.verify(&verifier, [form.as_slice()]);
        let (scheme, verified) = match &bound {
            None => (Scheme::Published, verified?),
            Some(_) => (Scheme::Bound, verified.map_err(|_| BoundError::Mismatch)?),
        };
        let proof = match bound {
            None => Proof::Signature(verified.signature),
            Some((_, nonce)) => Proof::Nonce(nonce),
        };
        Ok(Verified {
            key: verified.key,
            scheme,
            claim: ReplayClaim::new(verified.key, proof, self.keep_until(verified.timestamp)),
        })
    }

    fn audience_and_nonce<'a>(
        &self,
        frame: &'a frame::Auth,
        entrance: Entrance,
    ) -> Result<(&'a str, Nonce), AuthError> {
        let nonce = frame.nonce.as_deref().ok_or(AuthError::Missing {
            missing: "the auth frame's nonce",
        })?;
        let nonce = nonce.parse().map_err(|_| BoundError::Parameter {
            name: "nonce",
            rule: "must have 16 to 64 visible ASCII characters",
        })?;
        let audience = frame.audience.as_deref().ok_or(AuthError::Missing {
            missing: "the auth frame's audience",
        })?;
        if self.authorities.include_origin(entrance, audience) {
            return Ok((audience, nonce));
        }
        let audience = audience.chars().take(MAX_AUDIENCE).collect();
        Err(BoundError::Audience { audience }.into())
    }

    /// Until when a claim of the published scheme must be remembered: a function of the signed timestamp alone.
    fn keep_until(&self, timestamp: Timestamp) -> Timestamp {
        timestamp.after(2 * self.tolerance)
    }
}

/// The name by which a request asks, in lower case.
pub(super) fn host(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(header::HOST)?;
    Some(String::from_utf8_lossy(host.as_bytes()).to_ascii_lowercase())
}

/// The value of a header, its lines joined as RFC 9421 section 2.1 has it.
fn joined(headers: &HeaderMap, name: &str) -> Option<Vec<u8>> {
    let mut values = headers.get_all(name).iter();
    let mut joined = values.next()?.as_bytes().to_vec();
    for value in values {
        joined.extend_from_slice(b", ");
        joined.extend_from_slice(value.as_bytes());
    }
    Some(joined)
}

/// The published client signs no query; what changes state must not be changed by one that nobody signed (protocol A1.1).
fn may_leave_query_unsigned(parts: &Parts) -> bool {
    match parts.uri.query() {
        None => false,
        Some(query) => query.is_empty() || super::is_safe(&parts.method),
    }
}

/// The value of a header that must be there once.
fn only<'a>(
    headers: &'a HeaderMap,
    name: &str,
    missing: &'static str,
) -> Result<&'a str, AuthError> {
    let mut values = headers.get_all(name).iter();
    match (
        values.next().and_then(|value| value.to_str().ok()),
        values.next(),
    ) {
        (Some(value), None) if !value.is_empty() => Ok(value),
        _ => Err(AuthError::Missing { missing }),
    }
}
