//! From a request to its caller: decoding, clock, signature, replay (protocol A1).
//!
//! In this order (cheap before dear, and nothing learnt about an agent before its signature is good): shape of the headers, clock,
//! failures of the address, signature, whether the relay is for this key, rate of the key, replay, standing of the agent.

mod guard;
mod keys;

use crate::app::App;
use crate::client_address::ClientAddress;
use crate::config::Config;
use crate::http::error::{ApiError, SUSPENDED};
use crate::limits::{RateLimited, Standing};
use crate::store::{Activity, NewAgents, ReplayClaim};
use guard::{Guard, Refusal};
use http::request::Parts;
use http::{HeaderMap, Method};
use keys::KnownKeys;
use mrp_proto::agent::AgentStatus;
use mrp_proto::frame;
use mrp_proto::key::{KeyError, PublicKey};
use mrp_proto::relay_api::{PUBLIC_KEY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use mrp_proto::sign::{self, AuthError, BodyHash, Unverified, Verified};
use mrp_proto::time::Timestamp;
use std::time::Duration;

/// Different targets that one unsigned-query signature may serve (protocol A1.4).
const TARGETS_PER_SIGNATURE: u8 = 8;

/// What verifying needs to remember.
#[derive(Debug)]
pub(crate) struct Auth {
    tolerance: Duration,
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
pub(crate) struct Claimed(Unverified);

/// Who sent a request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) key: PublicKey,
    /// To be stored with the effect of the request, if it has one.
    pub(crate) claim: ReplayClaim,
}

impl Auth {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            tolerance: config.auth.timestamp_tolerance,
            keys: KnownKeys::default(),
            guard: Guard::new(TARGETS_PER_SIGNATURE),
        }
    }

    /// Reads a key, quickly where it was seen before.
    pub(crate) fn key(&self, text: &str) -> Result<PublicKey, KeyError> {
        self.keys.parse(text).map(|verifier| verifier.public())
    }

    fn decode(&self, headers: &HeaderMap, now: Timestamp) -> Result<Claimed, AuthError> {
        let key = only(headers, PUBLIC_KEY_HEADER, "the header X-M2M-Public-Key")?;
        let timestamp = only(headers, TIMESTAMP_HEADER, "the header X-M2M-Timestamp")?;
        let signature = only(headers, SIGNATURE_HEADER, "the header X-M2M-Signature")?;
        Unverified::decode(key, timestamp, signature, now, self.tolerance).map(Claimed)
    }

    /// Judges the signature over the raw target, with its query or, where that is allowed, without (protocol A1.1).
    fn verify(
        &self,
        claimed: Claimed,
        parts: &Parts,
        body: BodyHash,
    ) -> Result<Verified, AuthError> {
        let Claimed(unverified) = claimed;
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
        unverified.verify(&verifier, forms)
    }

    /// Until when a claim must be remembered: a function of the signed timestamp alone.
    fn keep_until(&self, timestamp: Timestamp) -> Timestamp {
        timestamp.after(2 * self.tolerance)
    }

    fn claim(&self, verified: &Verified) -> ReplayClaim {
        ReplayClaim {
            key: verified.key,
            signature: verified.signature,
            keep_until: self.keep_until(verified.timestamp),
        }
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
        let claimed = self
            .auth
            .decode(headers, now)
            .map_err(|error| ApiError::from_auth(&error, now))?;
        self.limits.check_failures(client)?;
        Ok(claimed)
    }

    /// The second half, when the body is known: judges the signature, and whether the relay is for this key at all.
    pub(crate) fn verify_request(
        &self,
        claimed: Claimed,
        parts: &Parts,
        body: BodyHash,
    ) -> Result<Verified, ApiError> {
        let verified = self.auth.verify(claimed, parts, body);
        let verified = verified.map_err(|error| ApiError::from_auth(&error, self.now()))?;
        self.access.check(&verified.key)?;
        Ok(verified)
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
        let claim = self.auth.claim(verified);
        if is_safe(&parts.method) {
            self.auth
                .guard
                .enter(&claim, target(parts).as_bytes(), now)?;
        }
        self.admit(verified.key, client, now).await?;
        Ok(Caller {
            key: verified.key,
            claim,
        })
    }

    /// Judges the first frame of a WebSocket (protocol A1.5). A failure counts against the address.
    pub(crate) async fn verify_websocket(
        &self,
        frame: &frame::Auth,
        client: &ClientAddress,
    ) -> Result<PublicKey, ApiError> {
        let now = self.now();
        self.limits.check_failures(client)?;
        let verified = match self.auth.verify_frame(frame, now) {
            Ok(verified) => verified,
            Err(error) => {
                self.limits.failure(client)?;
                return Err(ApiError::from_auth(&error, now));
            }
        };
        if let Err(refusal) = self.access.check(&verified.key) {
            self.limits.failure(client)?;
            return Err(refusal);
        }
        self.limits.request(&verified.key)?;
        self.auth
            .guard
            .enter(&self.auth.claim(&verified), b"", now)?;
        self.admit(verified.key, client, now).await?;
        Ok(verified.key)
    }

    /// Asks again about an agent that was let in, once it has its place in the hub: if it was suspended or taken off the list
    /// meanwhile, those who revoke found no session to end.
    pub(crate) async fn confirm(&self, key: &PublicKey) -> Result<(), ApiError> {
        self.access.check(key)?;
        match self.store.agent_status(key).await? {
            Some(AgentStatus::Suspended) => Err(ApiError::suspended(SUSPENDED)),
            Some(AgentStatus::Active) | None => Ok(()),
        }
    }

    /// Notes that a verified agent was here; makes its record at the first time.
    async fn admit(
        &self,
        key: PublicKey,
        client: &ClientAddress,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let room = self.limits.check_new_agents(client);
        let new_agents = if room.is_ok() {
            NewAgents::Allowed
        } else {
            NewAgents::Refused
        };
        let activity = match self.store.record_activity(key, now, new_agents).await {
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
            AgentStatus::Suspended => Err(ApiError::suspended(SUSPENDED)),
        }
    }
}

impl Auth {
    fn verify_frame(&self, frame: &frame::Auth, now: Timestamp) -> Result<Verified, AuthError> {
        let (key, timestamp) = (&frame.public_key, &frame.timestamp);
        let unverified = Unverified::decode(key, timestamp, &frame.signature, now, self.tolerance)?;
        let verifier = self.keys.decode(&unverified.key)?;
        let form = sign::websocket_bytes(&unverified.timestamp_text);
        unverified.verify(&verifier, [form.as_slice()])
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
