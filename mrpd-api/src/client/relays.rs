//! What is asked of relays. These need one that answers.

use super::{Client, ClientError};
use crate::body::relays::{
    AclChange, AclPeer, Applied, DiscoverQuery, Limits, Policy, ProfileAt, Way, WebhookChange,
};
use crate::route;
use http::Method;
use mrp_proto::acl::{EntryType, InboxPolicy};
use mrp_proto::agent::{AgentInfo, ProfilePatch};
use mrp_proto::relay_api::{CapabilityCounts, DiscoverPage, WebhookInfo};

impl Client {
    /// `GET /v1/discover`: a page of public agents.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn discover(&self, query: &DiscoverQuery) -> Result<DiscoverPage, ClientError> {
        self.call(Method::GET, route::DISCOVER)
            .query(query)?
            .json()
            .await
    }

    /// `GET /v1/capabilities`: the most used tags first.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn capabilities(&self, way: &Way) -> Result<CapabilityCounts, ClientError> {
        self.call(Method::GET, route::CAPABILITIES)
            .query(way)?
            .json()
            .await
    }

    /// `GET /v1/lookup/{who}`: a profile as the relay has it. What it says proves nothing.
    ///
    /// # Errors
    /// Any [`ClientError`]; refused as `unknown_to_relay` where the relay has none.
    pub async fn lookup(&self, who: &str, way: &Way) -> Result<AgentInfo, ClientError> {
        self.call(Method::GET, route::LOOKUP)
            .below(who)
            .query(way)?
            .json()
            .await
    }

    /// `GET /v1/limits`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn limits(&self, way: &Way) -> Result<Limits, ClientError> {
        self.call(Method::GET, route::LIMITS)
            .query(way)?
            .json()
            .await
    }

    /// `GET /v1/acl`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn acl(&self, way: &Way) -> Result<Vec<AclPeer>, ClientError> {
        self.call(Method::GET, route::ACL).query(way)?.json().await
    }

    /// `PUT /v1/acl/{who}`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn put_acl(
        &self,
        who: &str,
        entry_type: EntryType,
        way: &Way,
    ) -> Result<Applied, ClientError> {
        self.call(Method::PUT, route::ACL)
            .below(who)
            .query(way)?
            .body(&AclChange { entry_type })?
            .json()
            .await
    }

    /// `DELETE /v1/acl/{who}`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn remove_acl(&self, who: &str, way: &Way) -> Result<Applied, ClientError> {
        self.call(Method::DELETE, route::ACL)
            .below(who)
            .query(way)?
            .json()
            .await
    }

    /// `GET /v1/policy`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn policy(&self, way: &Way) -> Result<Policy, ClientError> {
        self.call(Method::GET, route::POLICY)
            .query(way)?
            .json()
            .await
    }

    /// `PUT /v1/policy`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn put_policy(&self, policy: InboxPolicy, way: &Way) -> Result<Applied, ClientError> {
        self.call(Method::PUT, route::POLICY)
            .query(way)?
            .body(&Policy { policy })?
            .json()
            .await
    }

    /// `GET /v1/profile`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn profile(&self, way: &Way) -> Result<Vec<ProfileAt>, ClientError> {
        self.call(Method::GET, route::PROFILE)
            .query(way)?
            .json()
            .await
    }

    /// `PATCH /v1/profile`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn change_profile(
        &self,
        patch: &ProfilePatch,
        way: &Way,
    ) -> Result<Applied, ClientError> {
        self.call(Method::PATCH, route::PROFILE)
            .query(way)?
            .body(patch)?
            .json()
            .await
    }

    /// `GET /v1/webhook`.
    ///
    /// # Errors
    /// Any [`ClientError`]; refused as `unknown_to_relay` where there is none.
    pub async fn webhook(&self, way: &Way) -> Result<WebhookInfo, ClientError> {
        self.call(Method::GET, route::WEBHOOK)
            .query(way)?
            .json()
            .await
    }

    /// `PUT /v1/webhook`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn put_webhook(
        &self,
        change: &WebhookChange,
        way: &Way,
    ) -> Result<WebhookInfo, ClientError> {
        self.call(Method::PUT, route::WEBHOOK)
            .query(way)?
            .body(change)?
            .json()
            .await
    }

    /// `DELETE /v1/webhook`.
    ///
    /// # Errors
    /// As [`Client::webhook`].
    pub async fn remove_webhook(&self, way: &Way) -> Result<(), ClientError> {
        self.call(Method::DELETE, route::WEBHOOK)
            .query(way)?
            .done()
            .await
    }
}
