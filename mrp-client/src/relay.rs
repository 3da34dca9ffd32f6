//! A relay's HTTP interface as one agent uses it: each method is one signed request.

mod blobs;
mod peers;
mod poll;
mod rate;
mod request;

pub use blobs::{BlobHead, Download, Upload};
pub use poll::{Handover, Poll};
pub use rate::SendRate;

use crate::binding::Binding;
use crate::clock::SigningClock;
use crate::error::Error;
use crate::url::RelayUrl;
use http::Method;
use mrp_proto::agent::{AgentInfo, ProfilePatch};
use mrp_proto::id::MessageId;
use mrp_proto::key::{PublicKey, SecretKey};
use mrp_proto::message::{Message, SendRequest};
use mrp_proto::relay_api::{
    Accepted, Health, IDEMPOTENCY_KEY_HEADER, MAX_IDEMPOTENCY_KEY, MessagePage, MessageStatus, path,
};
use request::Request;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// One agent at one relay, over HTTP. Cheap to clone; clones share connections.
///
/// Every call is one attempt: it is signed when it is made, with a timestamp that no other call of this agent has, so repeating
/// a call that failed is always a new request to the relay's replay guard. Whether repeating makes sense,
/// [`Error::is_retryable`] tells.
///
/// Requests follow no redirects and use no proxy, whatever the environment says: a signed request goes to the relay it was made
/// for. Connecting may take 10 s, a whole request 60 s (and a waiting poll as long as it waits on top of that), an answer may
/// have 16 MiB, and a refusal 64 KiB.
#[derive(Clone)]
pub struct Relay {
    inner: Arc<Inner>,
}

struct Inner {
    url: RelayUrl,
    key: Arc<SecretKey>,
    public_key: PublicKey,
    clock: SigningClock,
    binding: Binding,
    http: reqwest::Client,
    send_rate: Mutex<Option<SendRate>>,
}

impl Relay {
    /// Prepares requests by `key` to the relay at `url`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Setup`] if this machine cannot do TLS (for an `https` URL), such as for want of CA certificates.
    pub fn new(url: RelayUrl, key: Arc<SecretKey>) -> Result<Self, Error> {
        Self::with_binding(url, key, Binding::default())
    }

    /// The same, with what is known about the relay's taking bound signatures. [`Relay::new`] knows nothing: it asks the relay's
    /// health before the first signed request.
    ///
    /// # Errors
    /// As [`Relay::new`].
    pub fn with_binding(
        url: RelayUrl,
        key: Arc<SecretKey>,
        binding: Binding,
    ) -> Result<Self, Error> {
        let http = request::http_client(&url)?;
        let public_key = key.public();
        let clock = SigningClock::default();
        Ok(Self {
            inner: Arc::new(Inner {
                url,
                key,
                public_key,
                clock,
                binding,
                http,
                send_rate: Mutex::new(None),
            }),
        })
    }

    /// Where the relay is.
    pub fn url(&self) -> &RelayUrl {
        &self.inner.url
    }

    /// Who the requests are signed by.
    pub fn public_key(&self) -> &PublicKey {
        &self.inner.public_key
    }

    /// What is known about the relay's taking bound signatures, to be kept or shared with a [session](crate::session).
    pub fn binding(&self) -> &Binding {
        &self.inner.binding
    }

    /// How the relay counts this agent's sends, as far as its last answer to one said; `None` where it said nothing.
    pub fn send_rate(&self) -> Option<SendRate> {
        let rate = self.inner.send_rate.lock();
        *rate.unwrap_or_else(PoisonError::into_inner)
    }

    /// How the relay is, and what it can do beyond the published interface. The only call that is not signed.
    ///
    /// # Errors
    /// An [`Error`] of any kind.
    pub async fn health(&self) -> Result<Health, Error> {
        let health = self.inner.health().await?;
        self.inner.binding.note(&health);
        Ok(health)
    }

    /// An agent's profile.
    ///
    /// # Errors
    /// An [`Error`]; a refusal with `agent_not_found` if the relay has never seen the agent.
    pub async fn agent(&self, key: &PublicKey) -> Result<AgentInfo, Error> {
        let request = Request::new(Method::GET, path::agent(key));
        let info: AgentInfo = self.inner.read(request).await?;
        if info.public_key == *key {
            return Ok(info);
        }
        Err(another("agent", &info.public_key.to_string()))
    }

    /// Changes this agent's profile, and answers with the whole of it. An empty patch registers the agent.
    ///
    /// # Errors
    /// An [`Error`]; a refusal with `validation_failed` names the field and its limit.
    pub async fn update_profile(&self, patch: &ProfilePatch) -> Result<AgentInfo, Error> {
        let target = path::agent(&self.inner.public_key);
        self.inner
            .read(Request::new(Method::PATCH, target).json(patch)?)
            .await
    }

    /// Deletes this agent at the relay: profile, inbox, entries about peers. The next signed request makes a new one.
    ///
    /// # Errors
    /// An [`Error`] of any kind.
    pub async fn delete_agent(&self) -> Result<(), Error> {
        let target = path::agent(&self.inner.public_key);
        self.inner
            .perform(Request::new(Method::DELETE, target))
            .await
    }

    /// Sends a message. When this returns `Ok`, the relay has it on disk.
    ///
    /// An answer can be lost on its way; a send that failed without a refusal may have been accepted. Under the same
    /// `idempotency_key` (1 to 64 visible ASCII characters) a relay with the feature
    /// [`idempotency`](mrp_proto::relay_api::feature::IDEMPOTENCY) accepts the same message once, however often it is sent.
    ///
    /// # Errors
    /// An [`Error`]; among the refusals `acl_denied`, `agent_not_found`, `payload_too_large`, `insufficient_storage`.
    pub async fn send(
        &self,
        message: &SendRequest,
        idempotency_key: Option<&str>,
    ) -> Result<Accepted, Error> {
        let mut request = Request::new(Method::POST, path::MESSAGES).json(message)?;
        if let Some(key) = idempotency_key {
            request = request.header(IDEMPOTENCY_KEY_HEADER, check_idempotency_key(key)?);
        }
        self.inner.read(request).await
    }

    /// Reads a page of this agent's inbox, oldest first. Unless `poll` says [`Handover::Manual`], the relay counts what it hands
    /// out as delivered and does not hand it out again: store it.
    ///
    /// # Errors
    /// An [`Error`] of any kind.
    pub async fn poll(&self, poll: &Poll) -> Result<MessagePage, Error> {
        let request = Request::new(Method::GET, poll.target()).patience(poll.longest_wait());
        self.inner.read(request).await
    }

    /// A message that this agent sent or received, without marking it delivered.
    ///
    /// # Errors
    /// An [`Error`]; a refusal with `message_not_found` also for other agents' messages.
    pub async fn message(&self, id: &MessageId) -> Result<Message, Error> {
        let request = Request::new(Method::GET, path::message(id));
        let message: Message = self.inner.read(request).await?;
        if message.message_id == *id {
            return Ok(message);
        }
        Err(another("message", message.message_id.as_str()))
    }

    /// Where a message stands that this agent sent or received.
    ///
    /// # Errors
    /// An [`Error`]; a refusal with `message_not_found` also for other agents' messages.
    pub async fn message_status(&self, id: &MessageId) -> Result<MessageStatus, Error> {
        self.inner
            .read(Request::new(Method::GET, path::message_status(id)))
            .await
    }

    /// Tells the relay that a message is in this agent's own store. Doing so twice does no harm.
    ///
    /// # Errors
    /// An [`Error`]; a refusal with `message_not_found` if this agent is not the message's recipient.
    pub async fn ack(&self, id: &MessageId) -> Result<(), Error> {
        self.inner
            .perform(Request::new(Method::POST, path::message_ack(id)))
            .await
    }

    /// Reads a page of a thread: the messages that this agent sent or received in it, oldest first.
    ///
    /// # Errors
    /// An [`Error`]; [`Error::Setup`] for the thread ids `.` and `..`, which no URL can carry.
    pub async fn thread(
        &self,
        thread_id: &str,
        limit: Option<usize>,
        cursor: Option<&str>,
    ) -> Result<MessagePage, Error> {
        let target = poll::thread_target(thread_id, limit, cursor);
        self.inner.read(Request::new(Method::GET, target)).await
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Relay")
            .field("url", &self.inner.url)
            .field("public_key", &self.inner.public_key)
            .finish_non_exhaustive()
    }
}

fn another(kind: &str, name: &str) -> Error {
    Error::Nonsense {
        what: format!("it is about another {kind} than was asked for, {name}"),
    }
}

fn check_idempotency_key(key: &str) -> Result<&str, Error> {
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if visible && (1..=MAX_IDEMPOTENCY_KEY).contains(&key.len()) {
        return Ok(key);
    }
    Err(Error::Setup {
        what: format!(
            "an idempotency key has 1 to {MAX_IDEMPOTENCY_KEY} visible ASCII characters, {key:?} has not"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idempotency_keys_are_checked_before_they_are_sent() {
        for good in ["a", "01J8ZQ6H3V", &"~".repeat(64)] {
            assert_eq!(check_idempotency_key(good), Ok(good));
        }
        for bad in ["", "a b", "ü", "a\n", &"~".repeat(65)] {
            let error = check_idempotency_key(bad).unwrap_err();
            assert!(matches!(&error, Error::Setup { .. }), "{bad}");
            assert!(!error.is_retryable());
        }
    }
}
