//! Whom a message would go to, and many messages at once.

use super::{Client, ClientError};
use crate::body::sending::{RecipientQuery, Recipients, SendMany, SendOutcome};
use crate::route;
use http::Method;

impl Client {
    /// `GET /v1/recipients/{to}`: who is meant by a contact's name, a key, a card or a `@group`. Nothing is sent.
    ///
    /// # Errors
    /// Any [`ClientError`]; refused as `unknown_recipient` where nobody is.
    pub async fn recipients(
        &self,
        to: &str,
        query: &RecipientQuery,
    ) -> Result<Recipients, ClientError> {
        self.call(Method::GET, route::RECIPIENTS)
            .below(to)
            .query(query)?
            .json()
            .await
    }

    /// `POST /v1/send/many`: answers when all that can be are durable in the outbox, in their order.
    ///
    /// # Errors
    /// Any [`ClientError`]. After [`ClientError::Connection`] or [`ClientError::TimedOut`] only the same keys tell what was sent.
    pub async fn send_many(&self, many: &SendMany) -> Result<Vec<SendOutcome>, ClientError> {
        self.post(route::SEND_MANY, many).await
    }
}
