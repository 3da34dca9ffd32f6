//! From a request to its caller: decoding, clock, signature, replay (protocol A1), in the published scheme, bound to this relay
//! (protocol A11), or both.
//!
//! In this order (cheap before dear, and nothing learnt about an agent before its signature is good): shape of the headers, clock,
//! failures of the address, signature, whether the relay is for this key, rate of the key, replay, standing of the agent.

mod authority;
mod guard;
mod keys;
mod verify;

pub(crate) use authority::Entrance;
pub(crate) use verify::{Claimed, Verified};

use crate::app::App;
use crate::client_address::ClientAddress;
use crate::config::Config;
use crate::http::error::{ApiError, SUSPENDED};
use crate::http::exchange::Exchange;
use crate::limits::{RateLimited, Standing};
use crate::log::Throttle;
use crate::metrics::Limit;
use crate::store::{Activity, NewAgents, ReplayClaim, Scheme};
use authority::Authorities;
use axum::extract::Request;
use guard::{Guard, Refusal};
use http::request::Parts;
use http::{HeaderMap, Method};
use keys::KnownKeys;
use mrp_proto::agent::AgentStatus;
use mrp_proto::frame;
use mrp_proto::key::{KeyError, PublicKey};
use mrp_proto::sign::BodyHash;
use mrp_proto::time::Timestamp;
use std::time::Duration;

/// Different targets that one unsigned-query signature may serve (protocol A1.4).
const TARGETS_PER_SIGNATURE: u8 = 8;

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

    /// How many signatures of reads are remembered.
    pub(crate) fn remembered(&self) -> usize {
        self.guard.entries()
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

    /// The second half, when the body is known: judges the signature, or both, and whether the relay is for this key at all.
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
        let changes = if is_safe(&parts.method) {
            self.auth
                .guard
                .enter(&verified.claim, target(parts).as_bytes(), now)?;
            None
        } else {
            Some(&verified.claim)
        };
        self.admit(verified, changes, client, now).await?;
        Ok(Caller {
            key: verified.key,
            scheme: verified.scheme,
            claim: verified.claim.clone(),
        })
    }

    /// Whether a client that asks as this request does could make signatures that are bound to this relay.
    pub(crate) fn can_be_signed_for(&self, request: &Request) -> bool {
        let exchange = Exchange::of(request.extensions());
        let host = verify::host(request.headers());
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
        if let Err(refusal) = self.access.check(&verified.key) {
            self.limits.failure(client)?;
            return Err(refusal);
        }
        self.limits.request(&verified.key)?;
        self.auth.guard.enter(&verified.claim, b"", now)?;
        self.admit(&verified, None, client, now).await?;
        Ok(verified.key)
    }

    /// Asks again about an agent that was let in, once it has its place in the hub: if it was suspended or taken off the list
    /// meanwhile, those who revoke found no session to end. A poll that waits asks whenever it looks into the store.
    pub(crate) async fn confirm(&self, key: &PublicKey) -> Result<(), ApiError> {
        self.access.check(key)?;
        match self.store.agent_status(key).await? {
            Some(AgentStatus::Suspended) => Err(ApiError::suspended(SUSPENDED)),
            Some(AgentStatus::Active) | None => Ok(()),
        }
    }

    /// Notes that a verified agent was here; makes its record at the first time. `changes` is the claim of a request that changes
    /// state.
    async fn admit(
        &self,
        verified: &Verified,
        changes: Option<&ReplayClaim>,
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
        let recording = self
            .store
            .record_activity(key, now, new_agents, scheme, changes);
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
            static NEW_AGENTS: Throttle = Throttle::new();
            if let Some(left_out) = NEW_AGENTS.admit() {
                tracing::info!(agent = key.short(), left_out, "new agent");
            }
        }
        client.mark_authenticated();
        match status {
            AgentStatus::Active => Ok(()),
            AgentStatus::Suspended => Err(ApiError::suspended(SUSPENDED)),
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
                    .with_limit(Limit::ReplayGuard)
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
