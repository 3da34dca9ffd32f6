//! A typed client of the local interface, over a pooled HTTP client for Unix sockets.
//!
//! Every answer is bounded in size and in time, and is believed only if it carries the version of this interface.

mod call;
mod error;
mod files;
mod find;
mod hooks;
mod inbox;
mod outbox;
mod plain;
mod relays;
mod sending;
mod services;
mod stream;

pub use error::ClientError;
pub use files::{Bytes, Download};
pub use find::{Attempt, AttemptFailure};
pub use plain::Answer;
pub use stream::{MessageLine, MessageStream, Objects, RawLine, RawStream};

use crate::body::doctor::Doctor;
use crate::body::signing::{DataSignature, SignData};
use crate::body::{
    Agent, Contact, ContactChange, Cursor, EventQuery, MessageQuery, OutboxEntry, Relay, Rename,
    Send, Sent, Status,
};
use crate::event::Event;
use crate::paths::SocketCandidate;
use crate::percent;
use crate::route;
use call::{Call, RequestBody};
use find::Connector;
use http::Method;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long an answer may take, beside what the daemon was asked to wait for.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a send waits for its stage where nothing was said.
const SEND_WAIT: Duration = Duration::from_secs(10);

/// A client of one daemon. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: HttpClient<Connector, RequestBody>,
    socket: PathBuf,
}

impl Client {
    /// Connects to the first of `candidates` that somebody of this user (or root) listens on.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] with all that was tried.
    pub async fn find(candidates: &[SocketCandidate]) -> Result<Self, ClientError> {
        let connector = find::first_answering(candidates).await?;
        let socket = connector.path().to_owned();
        Ok(Self {
            http: HttpClient::builder(TokioExecutor::new()).build(connector),
            socket,
        })
    }

    /// The socket this client speaks to.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// `GET /v1/status`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.call(Method::GET, route::STATUS).json().await
    }

    /// `GET /v1/doctor`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn doctor(&self) -> Result<Doctor, ClientError> {
        self.call(Method::GET, route::DOCTOR).json().await
    }

    /// `POST /v1/send`: answers when the message is durable in the outbox, and has come as far as `send.wait` says or the time
    /// for that is over. The same `idempotency_key` is sent once in 24 hours.
    ///
    /// # Errors
    /// Any [`ClientError`]. After [`ClientError::Connection`] or [`ClientError::TimedOut`] only the same key tells whether it
    /// was sent.
    pub async fn send(&self, send: &Send, idempotency_key: &str) -> Result<Sent, ClientError> {
        let wait = send.wait_ms.map_or(SEND_WAIT, Duration::from_millis);
        self.call(Method::POST, route::SEND)
            .header(route::IDEMPOTENCY_KEY_HEADER, idempotency_key)
            .body(send)?
            .timeout(ANSWER_TIMEOUT.saturating_add(wait))
            .json()
            .await
    }

    /// `GET /v1/messages`: a stream, which ends by itself unless the query follows.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn messages(&self, query: &MessageQuery) -> Result<MessageStream, ClientError> {
        let call = self.call(Method::GET, route::MESSAGES).query(query)?;
        Ok(MessageStream::new(call.ndjson().await?))
    }

    /// `GET /v1/events`: what happens from now on; empty lines in between are left out.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn events(&self, query: &EventQuery) -> Result<Objects<Event>, ClientError> {
        let call = self.call(Method::GET, route::EVENTS).query(query)?;
        Ok(Objects::new(call.ndjson().await?))
    }

    /// `GET /v1/messages/{id}`, by the relay's id.
    ///
    /// # Errors
    /// Any [`ClientError`]; refused as `message_not_found` where there is none.
    pub async fn message(&self, id: &str) -> Result<MessageLine, ClientError> {
        let bytes = self
            .call(Method::GET, route::MESSAGES)
            .below(id)
            .bytes()
            .await?;
        MessageLine::parse(&bytes)
    }

    /// `GET /v1/outbox`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn outbox(&self) -> Result<Vec<OutboxEntry>, ClientError> {
        self.call(Method::GET, route::OUTBOX).json().await
    }

    /// `GET /v1/contacts`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn contacts(&self) -> Result<Vec<Contact>, ClientError> {
        self.call(Method::GET, route::CONTACTS).json().await
    }

    /// `PUT /v1/contacts/{name}`: makes a contact, or changes what is given in one that exists.
    ///
    /// # Errors
    /// Any [`ClientError`]; refused as `contact_exists` where the key belongs to another contact.
    pub async fn put_contact(
        &self,
        name: &str,
        change: &ContactChange,
    ) -> Result<Contact, ClientError> {
        self.call(Method::PUT, route::CONTACTS)
            .below(name)
            .body(change)?
            .json()
            .await
    }

    /// `DELETE /v1/contacts/{name}`.
    ///
    /// # Errors
    /// Any [`ClientError`]; refused as `unknown_contact` where there is none.
    pub async fn remove_contact(&self, name: &str) -> Result<(), ClientError> {
        self.call(Method::DELETE, route::CONTACTS)
            .below(name)
            .done()
            .await
    }

    /// `POST /v1/contacts/{name}/rename`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn rename_contact(&self, name: &str, new_name: &str) -> Result<(), ClientError> {
        let rename = Rename {
            name: new_name.to_owned(),
        };
        self.call(Method::POST, route::CONTACTS)
            .below(name)
            .below("rename")
            .body(&rename)?
            .done()
            .await
    }

    /// `GET /v1/agents`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn agents(&self) -> Result<Vec<Agent>, ClientError> {
        self.call(Method::GET, route::AGENTS).json().await
    }

    /// `POST /v1/sign`: a detached signature of data, of which the daemon is only given the hash.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn sign_data(&self, data: &SignData) -> Result<DataSignature, ClientError> {
        self.post(route::SIGN, data).await
    }

    /// `GET /v1/relays`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn relays(&self) -> Result<Vec<Relay>, ClientError> {
        self.call(Method::GET, route::RELAYS).json().await
    }

    /// `GET /v1/cursors/{name}`; one that was never put stands at 0.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn cursor(&self, name: &str) -> Result<Cursor, ClientError> {
        self.call(Method::GET, route::CURSORS)
            .below(name)
            .json()
            .await
    }

    /// `PUT /v1/cursors/{name}`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn put_cursor(&self, name: &str, cursor: Cursor) -> Result<(), ClientError> {
        self.call(Method::PUT, route::CURSORS)
            .below(name)
            .body(&cursor)?
            .done()
            .await
    }

    /// `POST /v1/reload`: read configuration and contacts again.
    ///
    /// # Errors
    /// Any [`ClientError`]; refused as `invalid_config` where the new configuration is wrong, and the old one stays in force.
    pub async fn reload(&self) -> Result<(), ClientError> {
        self.call(Method::POST, route::RELOAD).done().await
    }

    /// `POST /v1/shutdown`: end the daemon. It has promised to end when this returns, and may still be at it.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn shutdown(&self) -> Result<(), ClientError> {
        self.call(Method::POST, route::SHUTDOWN).done().await
    }

    /// What has a body and gives one.
    async fn post<T: DeserializeOwned>(
        &self,
        route: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.call(Method::POST, route).body(body)?.json().await
    }

    fn call(&self, method: Method, route: &str) -> Call<'_> {
        Call::new(&self.http, &self.socket, method, route)
    }
}

/// A query as the daemon reads it: `field=value` pairs, percent-encoded.
fn query_text(query: &impl Serialize) -> Result<String, ClientError> {
    let fields = serde_json::to_value(query).map_err(ClientError::unwritable)?;
    let pairs = fields
        .as_object()
        .into_iter()
        .flatten()
        .map(|(field, value)| {
            let text = match value {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            format!("{field}={}", percent::encode(&text))
        });
    Ok(pairs.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests;
