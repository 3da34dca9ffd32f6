//! What is on its way, and what was given up.

use super::{Client, ClientError};
use crate::body::OutboxEntry;
use crate::body::dead::{DeadIds, DeadLetter};
use crate::body::outbox::Receipt;
use crate::route;
use http::Method;

impl Client {
    /// `GET /v1/outbox/{id}`.
    ///
    /// # Errors
    /// Any [`ClientError`]; refused as `message_not_found` where there is none.
    pub async fn outbox_entry(&self, id: &str) -> Result<OutboxEntry, ClientError> {
        self.call(Method::GET, route::OUTBOX).below(id).json().await
    }

    /// `POST /v1/outbox/{id}/cancel`.
    ///
    /// # Errors
    /// Any [`ClientError`]; refused as `too_late` where a relay has it, or may have it.
    pub async fn cancel(&self, id: &str) -> Result<(), ClientError> {
        self.call(Method::POST, route::OUTBOX)
            .below(id)
            .below("cancel")
            .done()
            .await
    }

    /// `POST /v1/outbox/{id}/retry`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn retry(&self, id: &str) -> Result<(), ClientError> {
        self.call(Method::POST, route::OUTBOX)
            .below(id)
            .below("retry")
            .done()
            .await
    }

    /// `POST /v1/outbox/flush`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn flush(&self) -> Result<(), ClientError> {
        self.call(Method::POST, route::OUTBOX_FLUSH).done().await
    }

    /// `GET /v1/receipts/{id}`: the relay is asked where that is needed.
    ///
    /// # Errors
    /// Any [`ClientError`]; refused as `message_not_found` where nothing of that name was sent.
    pub async fn receipt(&self, id: &str) -> Result<Receipt, ClientError> {
        self.call(Method::GET, route::RECEIPTS)
            .below(id)
            .json()
            .await
    }

    /// `GET /v1/dead`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn dead(&self) -> Result<Vec<DeadLetter>, ClientError> {
        self.call(Method::GET, route::DEAD).json().await
    }

    /// `POST /v1/dead/retry`.
    ///
    /// # Errors
    /// Any [`ClientError`]; refused as `message_not_found` where some are not there: the others are tried.
    pub async fn retry_dead(&self, ids: Vec<String>) -> Result<(), ClientError> {
        self.settle_dead("retry", ids).await
    }

    /// `POST /v1/dead/drop`.
    ///
    /// # Errors
    /// As [`Client::retry_dead`].
    pub async fn drop_dead(&self, ids: Vec<String>) -> Result<(), ClientError> {
        self.settle_dead("drop", ids).await
    }

    async fn settle_dead(&self, how: &str, ids: Vec<String>) -> Result<(), ClientError> {
        self.call(Method::POST, route::DEAD)
            .below(how)
            .body(&DeadIds { ids })?
            .done()
            .await
    }
}
