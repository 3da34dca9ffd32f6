//! Topics, subscriptions, the spool folder, and what is timed.

use super::{Client, ClientError};
use crate::body::relays::Way;
use crate::body::services::{
    Publish, Published, Spool, Subscribe, Subscriber, Subscription, Topic,
};
use crate::body::timed::{Expect, Schedule};
use crate::route;
use http::Method;

impl Client {
    /// `GET /v1/topics`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn topics(&self) -> Result<Vec<Topic>, ClientError> {
        self.call(Method::GET, route::TOPICS).json().await
    }

    /// `GET /v1/topics/{topic}/subscribers`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn subscribers(&self, topic: &str) -> Result<Vec<Subscriber>, ClientError> {
        self.call(Method::GET, route::TOPICS)
            .below(topic)
            .below("subscribers")
            .json()
            .await
    }

    /// `DELETE /v1/topics/{topic}/subscribers/{who}`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn remove_subscriber(&self, topic: &str, who: &str) -> Result<(), ClientError> {
        self.call(Method::DELETE, route::TOPICS)
            .below(topic)
            .below("subscribers")
            .below(who)
            .done()
            .await
    }

    /// `POST /v1/publish/{topic}`: the same `idempotency_key` is published once in 24 hours.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn publish(
        &self,
        topic: &str,
        publish: &Publish,
        idempotency_key: &str,
    ) -> Result<Published, ClientError> {
        self.call(Method::POST, route::PUBLISH)
            .below(topic)
            .header(route::IDEMPOTENCY_KEY_HEADER, idempotency_key)
            .body(publish)?
            .json()
            .await
    }

    /// `GET /v1/subscriptions`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, ClientError> {
        self.call(Method::GET, route::SUBSCRIPTIONS).json().await
    }

    /// `POST /v1/subscriptions`: the request is durable in the outbox.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn subscribe(&self, subscribe: &Subscribe) -> Result<Subscription, ClientError> {
        self.post(route::SUBSCRIPTIONS, subscribe).await
    }

    /// `DELETE /v1/subscriptions/{who}`, or below it `/{topic}`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn unsubscribe(
        &self,
        who: &str,
        topic: Option<&str>,
        agent: Option<String>,
    ) -> Result<(), ClientError> {
        let call = self.call(Method::DELETE, route::SUBSCRIPTIONS).below(who);
        let call = match topic {
            Some(topic) => call.below(topic),
            None => call,
        };
        let way = Way { agent, relay: None };
        call.query(&way)?.done().await
    }

    /// `GET /v1/spool`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn spool(&self) -> Result<Spool, ClientError> {
        self.call(Method::GET, route::SPOOL).json().await
    }

    /// `GET /v1/expects`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn expects(&self) -> Result<Vec<Expect>, ClientError> {
        self.call(Method::GET, route::EXPECTS).json().await
    }

    /// `GET /v1/schedules`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn schedules(&self) -> Result<Vec<Schedule>, ClientError> {
        self.call(Method::GET, route::SCHEDULES).json().await
    }
}
