//! Hooks, and what they have done.

use super::{Client, ClientError, Objects};
use crate::body::hooks::{Hook, HookLogLine, HookLogQuery, HookReplay, HookTest, HookTried};
use crate::route;
use http::Method;
use mrp_proto::time::Timestamp;
use std::time::Duration;

/// A trial takes as long as its program, which the hook's own time-out bounds.
const TRIAL_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

impl Client {
    /// `GET /v1/hooks`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn hooks(&self) -> Result<Vec<Hook>, ClientError> {
        self.call(Method::GET, route::HOOKS).json().await
    }

    /// `GET /v1/hooks/{name}`.
    ///
    /// # Errors
    /// Any [`ClientError`]; refused as `unknown_hook` where there is none.
    pub async fn hook(&self, name: &str) -> Result<Hook, ClientError> {
        self.call(Method::GET, route::HOOKS)
            .below(name)
            .json()
            .await
    }

    /// `POST /v1/hooks/{name}/enable`.
    ///
    /// # Errors
    /// As [`Client::hook`].
    pub async fn enable_hook(&self, name: &str) -> Result<Hook, ClientError> {
        self.switch_hook(name, "enable").await
    }

    /// `POST /v1/hooks/{name}/disable`.
    ///
    /// # Errors
    /// As [`Client::hook`].
    pub async fn disable_hook(&self, name: &str) -> Result<Hook, ClientError> {
        self.switch_hook(name, "disable").await
    }

    async fn switch_hook(&self, name: &str, how: &str) -> Result<Hook, ClientError> {
        self.call(Method::POST, route::HOOKS)
            .below(name)
            .below(how)
            .json()
            .await
    }

    /// `POST /v1/hooks/{name}/test`: runs it on one message; nothing is acknowledged or replied.
    ///
    /// # Errors
    /// As [`Client::hook`]; refused as `message_not_found` where the message is not there.
    pub async fn test_hook(&self, name: &str, test: &HookTest) -> Result<HookTried, ClientError> {
        self.call(Method::POST, route::HOOKS)
            .below(name)
            .below("test")
            .body(test)?
            .timeout(TRIAL_TIMEOUT)
            .json()
            .await
    }

    /// `POST /v1/hooks/{name}/replay`: it looks again at what was stored since then.
    ///
    /// # Errors
    /// As [`Client::hook`].
    pub async fn replay_hook(&self, name: &str, since: Timestamp) -> Result<Hook, ClientError> {
        self.call(Method::POST, route::HOOKS)
            .below(name)
            .below("replay")
            .query(&HookReplay { since })?
            .json()
            .await
    }

    /// `GET /v1/hooks/log`: what hooks have done; it ends by itself unless the query follows.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn hook_log(
        &self,
        query: &HookLogQuery,
    ) -> Result<Objects<HookLogLine>, ClientError> {
        let call = self.call(Method::GET, route::HOOK_LOG).query(query)?;
        Ok(Objects::new(call.ndjson().await?))
    }
}
