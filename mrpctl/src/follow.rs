//! Messages as they come. A stream that breaks is taken up again behind the last message that it gave, so that a daemon can be
//! restarted under whoever follows.

use crate::context::Context;
use crate::exit::{Failure, is_refused_as};
use futures_util::StreamExt as _;
use mrpd_api::body::MessageQuery;
use mrpd_api::client::{Client, ClientError, MessageLine, MessageStream};
use mrpd_api::error::Code;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a daemon that went away is waited for.
const AWAY_PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// A follower of the inbox.
pub(crate) struct Follower<'a> {
    context: &'a Context,
    pub(crate) client: Client,
    query: MessageQuery,
    stream: Option<MessageStream>,
}

impl<'a> Follower<'a> {
    /// Follows what comes behind `after`.
    pub(crate) fn behind(
        context: &'a Context,
        client: Client,
        after: u64,
        query: MessageQuery,
    ) -> Self {
        Self {
            context,
            client,
            query: MessageQuery {
                after: Some(after),
                follow: Some(1),
                ..query
            },
            stream: None,
        }
    }

    /// The next message; it never ends by itself.
    pub(crate) async fn next(&mut self) -> Result<MessageLine, Failure> {
        loop {
            let broken = match self.attempt().await {
                Ok(Some(line)) => {
                    self.query.after = Some(line.message.seq);
                    return Ok(line);
                }
                Ok(None) => None,
                Err(error) if is_worth_waiting(&error) => Some(error),
                Err(error) => return Err(error.into()),
            };
            self.stream = None;
            self.client = returned(self.context, broken).await?;
        }
    }

    async fn attempt(&mut self) -> Result<Option<MessageLine>, ClientError> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let opened = self.client.messages(&self.query).await?;
                self.stream.insert(opened)
            }
        };
        stream.next().await.transpose()
    }
}

/// Waits for a daemon that went away, such as one that is restarted.
pub(crate) async fn returned(
    context: &Context,
    error: Option<ClientError>,
) -> Result<Client, Failure> {
    context
        .output
        .note("mrpd went away; waiting for it to come back");
    let deadline = Instant::now() + AWAY_PATIENCE;
    loop {
        sleep(LOOK_AGAIN).await;
        match context.running_daemon().await {
            Ok(client) => return Ok(client),
            Err(failure) if Instant::now() >= deadline => {
                return Err(error.map_or(failure, Failure::from));
            }
            Err(_) => {}
        }
    }
}

/// Whether it failed because the daemon went away.
pub(crate) fn is_worth_waiting(error: &ClientError) -> bool {
    match error {
        ClientError::Connection { .. } | ClientError::Unreachable { .. } => true,
        ClientError::Refused { .. } => is_refused_as(error, Code::ShuttingDown),
        _ => false,
    }
}
