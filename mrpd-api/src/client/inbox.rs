//! Work, marks, threads, held messages, and readers of the inbox.

use super::stream::MessageStream;
use super::{ANSWER_TIMEOUT, Client, ClientError};
use crate::body::MessageQuery;
use crate::body::inbox::{
    AcceptPending, Ack, Changed, Claim, Decided, Mark, Nack, NamedCursor, Prune, RejectPending,
    Removed, Thread, ThreadQuery, Touch,
};
use crate::message::Message;
use crate::route;
use http::Method;
use std::time::Duration;

impl Client {
    /// `POST /v1/claim`: messages with leases; none if nothing came within `claim.wait_ms`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn claim(&self, claim: &Claim) -> Result<Vec<Message>, ClientError> {
        let wait = Duration::from_millis(claim.wait_ms.unwrap_or(0));
        self.call(Method::POST, route::CLAIM)
            .body(claim)?
            .timeout(ANSWER_TIMEOUT.saturating_add(wait))
            .json()
            .await
    }

    /// `POST /v1/ack`.
    ///
    /// # Errors
    /// Any [`ClientError`]; refused as `lease_lost` or `not_claimed` where it is somebody else's or nobody's.
    pub async fn ack(&self, ack: &Ack) -> Result<Changed, ClientError> {
        self.post(route::ACK, ack).await
    }

    /// `POST /v1/nack`.
    ///
    /// # Errors
    /// As [`Client::ack`].
    pub async fn nack(&self, nack: &Nack) -> Result<Changed, ClientError> {
        self.post(route::NACK, nack).await
    }

    /// `POST /v1/touch`.
    ///
    /// # Errors
    /// As [`Client::ack`].
    pub async fn touch(&self, touch: &Touch) -> Result<Changed, ClientError> {
        self.post(route::TOUCH, touch).await
    }

    /// `POST /v1/messages/mark`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn mark(&self, mark: &Mark) -> Result<Changed, ClientError> {
        self.post(route::MARK, mark).await
    }

    /// `POST /v1/prune`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn prune(&self, prune: &Prune) -> Result<Removed, ClientError> {
        self.post(route::PRUNE, prune).await
    }

    /// `DELETE /v1/messages/{id}`.
    ///
    /// # Errors
    /// Any [`ClientError`]; refused as `message_not_found` where there is none.
    pub async fn remove_message(&self, id: &str) -> Result<Removed, ClientError> {
        self.call(Method::DELETE, route::MESSAGES)
            .below(id)
            .json()
            .await
    }

    /// `GET /v1/threads`: a page of them, the latest first.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn threads(&self, query: &ThreadQuery) -> Result<Vec<Thread>, ClientError> {
        self.call(Method::GET, route::THREADS)
            .query(query)?
            .json()
            .await
    }

    /// `GET /v1/threads/{id}`: its messages, both ways.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn thread(
        &self,
        id: &str,
        query: &MessageQuery,
    ) -> Result<MessageStream, ClientError> {
        let call = self.call(Method::GET, route::THREADS).below(id);
        Ok(MessageStream::new(call.query(query)?.ndjson().await?))
    }

    /// `GET /v1/search`: messages with the words of `query.text`, newest first.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn search(&self, query: &MessageQuery) -> Result<MessageStream, ClientError> {
        let call = self.call(Method::GET, route::SEARCH).query(query)?;
        Ok(MessageStream::new(call.ndjson().await?))
    }

    /// `GET /v1/pending`: messages that are held.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn pending(&self) -> Result<MessageStream, ClientError> {
        let call = self.call(Method::GET, route::PENDING);
        Ok(MessageStream::new(call.ndjson().await?))
    }

    /// `POST /v1/pending/accept`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn accept_pending(&self, accept: &AcceptPending) -> Result<Decided, ClientError> {
        self.call(Method::POST, route::PENDING)
            .below("accept")
            .body(accept)?
            .json()
            .await
    }

    /// `POST /v1/pending/reject`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn reject_pending(&self, reject: &RejectPending) -> Result<Decided, ClientError> {
        self.call(Method::POST, route::PENDING)
            .below("reject")
            .body(reject)?
            .json()
            .await
    }

    /// `GET /v1/cursors`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn cursors(&self) -> Result<Vec<NamedCursor>, ClientError> {
        self.call(Method::GET, route::CURSORS).json().await
    }

    /// `DELETE /v1/cursors/{name}`.
    ///
    /// # Errors
    /// Any [`ClientError`]; refused as `unknown_cursor` where there is none.
    pub async fn remove_cursor(&self, name: &str) -> Result<(), ClientError> {
        self.call(Method::DELETE, route::CURSORS)
            .below(name)
            .done()
            .await
    }
}
