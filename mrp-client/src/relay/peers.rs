//! Whom there is to write to, who may write to this agent, and where its messages are announced.

use super::Relay;
use super::poll::with_query;
use super::request::Request;
use crate::error::Error;
use http::Method;
use mrp_proto::acl::{AclEntry, EntryRequest, EntryType};
use mrp_proto::key::PublicKey;
use mrp_proto::relay_api::{
    CapabilityCounts, DiscoverPage, DiscoverQuery, WebhookInfo, WebhookRequest, path,
};
use serde::Serialize;

/// A [`WebhookRequest`] on its way; the type itself never writes its secret.
#[derive(Serialize)]
struct Registration<'a> {
    url: &'a str,
    secret: &'a str,
}

impl Relay {
    /// Finds public agents, the most recently active ones first.
    ///
    /// # Errors
    /// An [`Error`] of any kind.
    pub async fn discover(&self, query: &DiscoverQuery) -> Result<DiscoverPage, Error> {
        self.inner
            .read(Request::new(Method::GET, query.target()))
            .await
    }

    /// What public agents can do, by tag.
    ///
    /// # Errors
    /// An [`Error`] of any kind.
    pub async fn capabilities(&self) -> Result<CapabilityCounts, Error> {
        self.inner
            .read(Request::new(Method::GET, path::CAPABILITIES))
            .await
    }

    /// This agent's list of whom it lets in and whom it keeps out, newest last; only entries of one type, where one is given.
    ///
    /// # Errors
    /// An [`Error`] of any kind.
    pub async fn acl(&self, only: Option<EntryType>) -> Result<Vec<AclEntry>, Error> {
        let only = only.map(|only| match only {
            EntryType::Allow => "allow".to_owned(),
            EntryType::Block => "block".to_owned(),
        });
        let target = with_query(&path::acl(&self.inner.public_key), [("type", only)]);
        self.inner.read_any(Request::new(Method::GET, target)).await
    }

    /// Lets a peer in, or keeps it out, from the next message on.
    ///
    /// # Errors
    /// An [`Error`] of any kind.
    pub async fn set_acl(
        &self,
        peer: &PublicKey,
        entry_type: EntryType,
    ) -> Result<AclEntry, Error> {
        let target = path::acl_entry(&self.inner.public_key, peer);
        let request = Request::new(Method::PUT, target).json(&EntryRequest { entry_type })?;
        self.inner.read(request).await
    }

    /// Takes a peer off the list.
    ///
    /// # Errors
    /// An [`Error`]; a refusal with `acl_entry_not_found` if it was not on it.
    pub async fn remove_acl(&self, peer: &PublicKey) -> Result<(), Error> {
        let target = path::acl_entry(&self.inner.public_key, peer);
        self.inner
            .perform(Request::new(Method::DELETE, target))
            .await
    }

    /// Where the relay announces this agent's messages.
    ///
    /// # Errors
    /// An [`Error`]; a refusal with `webhook_not_found` if there is no webhook.
    pub async fn webhook(&self) -> Result<WebhookInfo, Error> {
        let target = path::webhook(&self.inner.public_key);
        self.inner.read(Request::new(Method::GET, target)).await
    }

    /// Has the relay announce this agent's messages at a URL.
    ///
    /// # Errors
    /// An [`Error`]; a refusal with `validation_failed` if the relay takes no such URL or secret.
    pub async fn set_webhook(&self, webhook: &WebhookRequest) -> Result<WebhookInfo, Error> {
        let target = path::webhook(&self.inner.public_key);
        let registration = Registration {
            url: &webhook.url,
            secret: webhook.secret.expose(),
        };
        let request = Request::new(Method::PUT, target).json(&registration)?;
        self.inner.read(request).await
    }

    /// Has the relay announce nothing any more.
    ///
    /// # Errors
    /// An [`Error`]; a refusal with `webhook_not_found` if there was no webhook.
    pub async fn remove_webhook(&self) -> Result<(), Error> {
        let target = path::webhook(&self.inner.public_key);
        self.inner
            .perform(Request::new(Method::DELETE, target))
            .await
    }
}
