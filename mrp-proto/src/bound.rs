//! Signatures bound to one relay (protocol A11): RFC 9421 HTTP Message Signatures, as narrow as the protocol makes them, and the
//! second version of WebSocket authentication.
//!
//! What the published scheme of [`crate::sign`] signs names no relay, so whoever receives it can hand it on to another one. These
//! signatures name the relay's authority, and carry a nonce by which a relay knows a repetition.
//!
//! Their bytes cannot be taken for any others that an agent signs: those of a request begin with a quotation mark, those of a
//! WebSocket with `WS2` and an origin, where the published scheme has a path.

mod component;
mod error;
mod input;
mod nonce;
mod structured;

pub use error::BoundError;
pub use nonce::{Nonce, NotANonce};
pub use structured::Malformed;

use crate::key::{KeyError, PublicKey, SecretKey, Verifier};
use crate::sign::{AuthError, BodyHash};
use crate::time::Timestamp;
use component::Component;
use input::{Input, Value};
use std::time::Duration;
use structured::{Bare, Member};

/// Header: what a signature covers, and under which conditions.
pub const SIGNATURE_INPUT_HEADER: &str = "signature-input";
/// Header: the signature.
pub const SIGNATURE_HEADER: &str = "signature";
/// Header: the hash of the body (RFC 9530).
pub const CONTENT_DIGEST_HEADER: &str = "content-digest";

/// The parameter `tag` of the signatures meant here.
pub const TAG: &str = "mrp";
/// The parameter `alg`, where it is given.
pub const ALGORITHM: &str = "ed25519";
/// How long a signature may be good for.
pub const MAX_LIFETIME: Duration = Duration::from_secs(300);

/// What our own signatures are called in the two headers.
const LABEL: &str = "mrp";

/// The parts of a request that a signature may cover, as they are on the wire. Header values that came in several lines are joined
/// with a comma and a space (RFC 9421 section 2.1).
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// The path, still percent-encoded.
    pub path: &'a str,
    /// What follows the question mark, if there is one.
    pub query: Option<&'a str>,
    /// The header `Content-Digest`.
    pub content_digest: Option<&'a [u8]>,
    /// The header `Content-Type`.
    pub content_type: Option<&'a [u8]>,
    /// The header `Idempotency-Key`.
    pub idempotency_key: Option<&'a [u8]>,
    /// The header `Range`.
    pub range: Option<&'a [u8]>,
}

impl<'a> Request<'a> {
    /// Of a method and a target, without headers.
    pub fn new(method: &'a str, target: &'a str) -> Self {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        Self {
            method,
            path,
            query,
            ..Self::default()
        }
    }
}

/// The value of `Content-Digest` for a body.
pub fn content_digest(body: BodyHash) -> String {
    let mut digest = String::from("sha-256=");
    structured::write_bytes(&mut digest, body.as_bytes());
    digest
}

/// The two headers of a signed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureHeaders {
    /// The value of `Signature-Input`.
    pub signature_input: String,
    /// The value of `Signature`.
    pub signature: String,
}

/// Signs a request to a relay. `authority` is the relay's host, with its port unless that is the scheme's own; a request with a
/// body has its [`content_digest`]. The signature is good from `created`, cut to whole seconds, for `lifetime`.
pub fn sign(
    key: &SecretKey,
    request: &Request<'_>,
    authority: &str,
    nonce: &Nonce,
    created: Timestamp,
    lifetime: Duration,
) -> SignatureHeaders {
    let lifetime = lifetime.min(MAX_LIFETIME).as_secs().max(1);
    let expires = created.after(Duration::from_secs(lifetime));
    let keyid = key.public().to_string();
    let covered: Vec<_> = component::of_request(request).collect();
    let parameters = input::write_parameters(
        covered.iter().map(|component| component.name()),
        &[
            ("created", Value::Integer(created.unix_seconds())),
            ("expires", Value::Integer(expires.unix_seconds())),
            ("nonce", Value::Text(nonce.as_str())),
            ("keyid", Value::Text(&keyid)),
            ("alg", Value::Text(ALGORITHM)),
            ("tag", Value::Text(TAG)),
        ],
    );
    let signature = key.sign(&base(&covered, request, authority, &parameters));
    let mut header = format!("{LABEL}=");
    structured::write_bytes(&mut header, signature.as_bytes());
    SignatureHeaders {
        signature_input: format!("{LABEL}={parameters}"),
        signature: header,
    }
}

/// A bound signature as it came: decoded, its times checked, the signature itself not yet.
#[derive(Debug, Clone)]
pub struct Unverified {
    /// The key, not yet known to be a point.
    pub key: [u8; 32],
    /// Until when it is good, by the signer's clock.
    pub expires: Timestamp,
    input: Input,
}

impl Unverified {
    /// Finds the signature with our tag in the two headers, and holds its times against the clock: it may not be created later, nor
    /// have expired earlier, than `tolerance` allows. `None` if there is none; signatures with other tags are for others.
    ///
    /// # Errors
    /// An [`AuthError`], mostly [`AuthError::Bound`].
    pub fn decode(
        signature_input: &str,
        signature: Option<&str>,
        now: Timestamp,
        tolerance: Duration,
    ) -> Result<Option<Self>, AuthError> {
        let Some(input) = input::find(signature_input, signature)? else {
            return Ok(None);
        };
        let key = crate::base64url::decode_array(&input.keyid).map_err(KeyError::from)?;
        let lifetime = input.expires - input.created;
        if !u64::try_from(lifetime)
            .is_ok_and(|seconds| (1..=MAX_LIFETIME.as_secs()).contains(&seconds))
        {
            return Err(BoundError::Lifetime { actual: lifetime }.into());
        }
        // Numbers of 15 digits: a thousand times as much is a number still.
        let [created, expires] = [input.created, input.expires]
            .map(|seconds| Timestamp::from_unix_millis(seconds.saturating_mul(1000)));
        let distance = created.since(now).max(now.since(expires));
        if distance > tolerance {
            return Err(AuthError::Clock {
                distance,
                tolerance,
            });
        }
        Ok(Some(Self {
            key,
            expires,
            input,
        }))
    }

    /// Judges the signature: it covers everything that the request has of what must be covered, the body has the digest that it
    /// says, and it fits under one of `authorities`, the verifier's own names. Of those, the likeliest is best given first.
    ///
    /// # Errors
    /// [`AuthError::Bound`].
    pub fn verify<'a>(
        self,
        verifier: &Verifier,
        request: &Request<'a>,
        body: BodyHash,
        authorities: impl IntoIterator<Item = &'a str>,
    ) -> Result<Verified, AuthError> {
        let Input {
            covered,
            parameters,
            signature,
            nonce,
            ..
        } = self.input;
        check_digest(request.content_digest, body)?;
        component::check(&covered, request)?;
        let fits = authorities.into_iter().any(|authority| {
            let base = base(&covered, request, authority, &parameters);
            verifier.verify(&base, &signature).is_ok()
        });
        if !fits || verifier.public().as_bytes() != &self.key {
            return Err(BoundError::Mismatch.into());
        }
        Ok(Verified {
            key: verifier.public(),
            nonce,
            expires: self.expires,
        })
    }
}

/// A bound signature that was checked. Key and nonce name it for the replay guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Who signed.
    pub key: PublicKey,
    /// What they will not use again.
    pub nonce: Nonce,
    /// Until when it is good, by the signer's clock.
    pub expires: Timestamp,
}

/// The canonical bytes of bound WebSocket authentication: `WS2\nAUDIENCE\nTIMESTAMP\nNONCE`. The audience is the relay's origin,
/// `https://host[:port]` without a default port.
pub fn websocket_bytes(audience: &str, timestamp: &str, nonce: &Nonce) -> Vec<u8> {
    format!("WS2\n{audience}\n{timestamp}\n{nonce}").into_bytes()
}

fn base(
    covered: &[Component],
    request: &Request<'_>,
    authority: &str,
    parameters: &str,
) -> Vec<u8> {
    let values = covered.iter().filter_map(|component| {
        let value = component.value(request, authority)?;
        Some((component.name(), value))
    });
    component::base(values, parameters)
}

/// A body has a digest that fits it; a request without one may have one all the same.
fn check_digest(header: Option<&[u8]>, body: BodyHash) -> Result<(), BoundError> {
    let wrong = |problem| Err(BoundError::Digest { problem });
    let Some(header) = header else {
        return if body == BodyHash::of(b"") {
            Ok(())
        } else {
            wrong("it is missing")
        };
    };
    let Ok(text) = std::str::from_utf8(header) else {
        return wrong("it is not text");
    };
    let members = structured::dictionary(text).map_err(|source| BoundError::Malformed {
        field: "Content-Digest",
        source,
    })?;
    match members.iter().find(|(name, _)| name == "sha-256") {
        None => wrong("it has no sha-256"),
        Some((_, Member::Item(item))) if item.value == Bare::Bytes(body.as_bytes().to_vec()) => {
            Ok(())
        }
        Some(_) => wrong("it is not that of the body"),
    }
}

#[cfg(test)]
mod tests;
