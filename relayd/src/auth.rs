//! From a request to its caller: decoding, clock, signature, replay (protocol A1), in the published scheme, bound to this relay
//! (protocol A11), or both.
//!
//! In this order (cheap before dear, and nothing learnt about an agent before its signature is good): shape of the headers, clock,
//! failures of the address, signature, rate of the key, replay, standing of the agent.

mod authority;
mod guard;
mod keys;

pub(crate) use authority::Entrance;

use crate::app::App;
use crate::client_address::ClientAddress;
use crate::config::Config;
use crate::http::error::ApiError;
use crate::http::exchange::Exchange;
use crate::limits::{RateLimited, Standing};
use crate::store::{Activity, NewAgents, Proof, ReplayClaim, Scheme};
use authority::Authorities;
use axum::extract::Request;
use guard::{Guard, Refusal};
use http::request::Parts;
use http::{HeaderMap, Method, header};
use keys::KnownKeys;
use mrp_proto::agent::AgentStatus;
use mrp_proto::bound::{
    self, BoundError, CONTENT_DIGEST_HEADER, Nonce, SIGNATURE_HEADER, SIGNATURE_INPUT_HEADER,
};
use mrp_proto::frame;
use mrp_proto::key::{KeyError, PublicKey};
use mrp_proto::relay_api::{self, IDEMPOTENCY_KEY_HEADER, PUBLIC_KEY_HEADER, TIMESTAMP_HEADER};
use mrp_proto::sign::{self, AuthError, BodyHash, Unverified};
use mrp_proto::time::Timestamp;
use std::time::Duration;

/// Different targets that one unsigned-query signature may serve (protocol A1.4).
const TARGETS_PER_SIGNATURE: u8 = 8;

/// Characters of an audience that an error repeats.
const MAX_AUDIENCE: usize = 256;
/// What carries the published scheme, and what it is called when it is missing.
const PUBLISHED_HEADERS: [(&str, &str); 3] = [
    (PUBLIC_KEY_HEADER, "the header X-M2M-Public-Key"),
    (TIMESTAMP_HEADER, "the header X-M2M-Timestamp"),
    (relay_api::SIGNATURE_HEADER, "the header X-M2M-Signature"),
];

/// What verifying needs to remember.
#[derive(Debug)]
pub(crate) struct Auth {
    tolerance: Duration,
    authorities: Authorities,
    keys: KnownKeys,
    guard: Guard,
}

/// Which limit a request counts against (protocol A9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Send,
    Receive,
    Other,
}

/// A request that nobody has doubted yet: its headers are well-formed and its clock is right.
#[derive(Debug)]
pub(crate) struct Claimed {
    signed: Signed,
    entrance: Entrance,
}

/// In which schemes a request is signed.
#[derive(Debug)]
enum Signed {
    Published(Unverified),
    Bound(bound::Unverified),
    Both(Unverified, bound::Unverified),
}

/// A request whose signatures are good.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) key: PublicKey,
    scheme: Scheme,
    claim: ReplayClaim,
}

/// Who sent a request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) key: PublicKey,
    /// How the request was signed; bound, if it was in both schemes.
    pub(crate) scheme: Scheme,
    /// To be stored with the effect of the request, if it has one.
    pub(crate) claim: ReplayClaim,
}

impl Auth {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            tolerance: config.auth.timestamp_tolerance,
            authorities: Authorities::new(config),
            keys: KnownKeys::default(),
            guard: Guard::new(TARGETS_PER_SIGNATURE),
        }
    }

    /// Reads a key, quickly where it was seen before.
    pub(crate) fn key(&self, text: &str) -> Result<PublicKey, KeyError> {
        self.keys.parse(text).map(|verifier| verifier.public())
    }

    fn decode(&self, headers: &HeaderMap, now: Timestamp) -> Result<Signed, AuthError> {
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

    fn verify(
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
    fn verify_frame(
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

impl App {
    /// The first half, before a body is read: the headers are well-formed, the clock is right, and the address has not failed too
    /// often.
    pub(crate) fn decode_request(
        &self,
        headers: &HeaderMap,
        client: &ClientAddress,
    ) -> Result<Claimed, ApiError> {
        let now = self.now();
        let signed = self
            .auth
            .decode(headers, now)
            .map_err(|error| ApiError::from_auth(&error, now))?;
        self.limits.check_failures(client)?;
        Ok(Claimed {
            signed,
            entrance: client.entrance(),
        })
    }

    /// The second half, when the body is known: judges the signature, or both of them.
    pub(crate) fn verify_request(
        &self,
        claimed: Claimed,
        parts: &Parts,
        body: BodyHash,
    ) -> Result<Verified, ApiError> {
        let verified = self.auth.verify(claimed, parts, body);
        verified.map_err(|error| ApiError::from_auth(&error, self.now()))
    }

    /// Counts a verified request.
    pub(crate) fn count(
        &self,
        key: &PublicKey,
        class: Class,
    ) -> Result<Option<Standing>, RateLimited> {
        match class {
            Class::Send => self.limits.send(key),
            Class::Receive => self.limits.receive(key),
            Class::Other => self.limits.request(key),
        }
    }

    /// Lets a verified request in: it is no repetition, and the relay serves its sender.
    pub(crate) async fn let_in(
        &self,
        verified: &Verified,
        parts: &Parts,
        client: &ClientAddress,
    ) -> Result<Caller, ApiError> {
        let now = self.now();
        if is_safe(&parts.method) {
            self.auth
                .guard
                .enter(&verified.claim, target(parts).as_bytes(), now)?;
        }
        self.admit(verified, client, now).await?;
        Ok(Caller {
            key: verified.key,
            scheme: verified.scheme,
            claim: verified.claim.clone(),
        })
    }

    /// Whether a client that asks as this request does could make signatures that are bound to this relay.
    pub(crate) fn can_be_signed_for(&self, request: &Request) -> bool {
        let exchange = Exchange::of(request.extensions());
        let host = host(request.headers());
        let entrance = exchange.client().entrance();
        self.auth.authorities.are_known(entrance, host.as_deref())
    }

    /// Judges the first frame of a WebSocket (protocol A1.5). A failure counts against the address.
    pub(crate) async fn verify_websocket(
        &self,
        frame: &frame::Auth,
        client: &ClientAddress,
    ) -> Result<PublicKey, ApiError> {
        let now = self.now();
        self.limits.check_failures(client)?;
        let verified = match self.auth.verify_frame(frame, client.entrance(), now) {
            Ok(verified) => verified,
            Err(error) => {
                self.limits.failure(client)?;
                return Err(ApiError::from_auth(&error, now));
            }
        };
        self.limits.request(&verified.key)?;
        self.auth.guard.enter(&verified.claim, b"", now)?;
        self.admit(&verified, client, now).await?;
        Ok(verified.key)
    }

    /// Notes that a verified agent was here; makes its record at the first time.
    async fn admit(
        &self,
        verified: &Verified,
        client: &ClientAddress,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let room = self.limits.check_new_agents(client);
        let new_agents = if room.is_ok() {
            NewAgents::Allowed
        } else {
            NewAgents::Refused
        };
        let Verified { key, scheme, .. } = *verified;
        let recording = self.store.record_activity(key, now, new_agents, scheme);
        let activity = match recording.await {
            Err(crate::store::ActivityError::NewAgentRefused) => {
                return Err(refused_newcomer(room));
            }
            other => other?,
        };
        let Activity { status, created } = activity;
        if created {
            // Counted even where others were quicker to take the last place: this one exists now.
            let _ = self.limits.new_agent(client);
            tracing::info!(agent = key.short(), "new agent");
        }
        client.mark_authenticated();
        match status {
            AgentStatus::Active => Ok(()),
            AgentStatus::Suspended => {
                Err(ApiError::suspended("this agent is suspended on this relay"))
            }
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Repeated => Self::replay(),
            Refusal::Full => {
                Self::unavailable("the relay has too many requests to remember; try again later")
                    .with_retry_after(60)
            }
        }
    }
}

fn refused_newcomer(room: Result<(), RateLimited>) -> ApiError {
    room.map_or_else(Into::into, |()| {
        ApiError::from(crate::store::ActivityError::NewAgentRefused)
    })
}

/// The name by which a request asks, in lower case.
fn host(headers: &HeaderMap) -> Option<String> {
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

/// The raw target, as on the request line.
fn target(parts: &Parts) -> &str {
    parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str())
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// The published client signs no query; what changes state must not be changed by one that nobody signed (protocol A1.1).
fn may_leave_query_unsigned(parts: &Parts) -> bool {
    match parts.uri.query() {
        None => false,
        Some(query) => query.is_empty() || is_safe(&parts.method),
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
