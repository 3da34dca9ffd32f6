//! Handing messages to the daemon, and waiting for how far they come.

use super::letter::Draft;
use crate::cli::sending::{Hold, Waiting};
use crate::context::Context;
use crate::exit::{Failure, Reason};
use mrpd_api::body::sending::{KeyedSend, SendMany, SendOutcome};
use mrpd_api::body::{Sent, Stage};
use mrpd_api::client::{Client, ClientError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a stage is waited for where no time limit was given.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a broken connection to the daemon is tried again.
const TRIES: usize = 3;
/// The daemon may answer before the time is over; it is asked again, but not at once.
const PAUSE: Duration = Duration::from_millis(250);

/// How far a message is to come before it counts as sent.
#[derive(Debug, Clone, Copy)]
pub(in crate::cmd) struct Wanted {
    pub(super) stage: Stage,
    /// Whether it was asked for, so that time alone limits it.
    pub(super) is_explicit: bool,
}

impl Wanted {
    /// What nobody asked for: that a relay takes it soon.
    pub(in crate::cmd) const USUAL: Self = Self {
        stage: Stage::Accepted,
        is_explicit: false,
    };

    pub(super) fn of(waiting: &Waiting, hold: &Hold) -> Self {
        let is_held = hold.at.is_some() || hold.delay.is_some();
        match (waiting.no_wait, waiting.wait) {
            (true, _) => Self::explicitly(Stage::Queued),
            (false, Some(word)) => Self::explicitly(word.into()),
            (false, None) if is_held => Self::explicitly(Stage::Queued),
            (false, None) => Self::USUAL,
        }
    }

    pub(in crate::cmd) fn explicitly(stage: Stage) -> Self {
        Self {
            stage,
            is_explicit: true,
        }
    }

    /// Whether a message has come far enough.
    pub(super) fn is_reached(self, stage: Stage) -> bool {
        stage != Stage::Failed && stage >= self.stage
    }

    pub(super) fn patience(self, context: &Context) -> Duration {
        match (context.remaining(), self.is_explicit) {
            (Some(remaining), true) => remaining,
            (Some(remaining), false) => remaining.min(PATIENCE),
            (None, _) => PATIENCE,
        }
    }
}

/// The daemon answers when the message is durable; what is waited for beyond that is asked again until the time is over.
pub(in crate::cmd) async fn deliver(
    context: &Context,
    client: Client,
    wanted: Wanted,
    draft: &Draft,
) -> Result<Sent, Failure> {
    deliver_within(context, client, wanted, draft, wanted.patience(context)).await
}

/// The same, for as long as is said.
pub(super) async fn deliver_within(
    context: &Context,
    mut client: Client,
    wanted: Wanted,
    draft: &Draft,
    patience: Duration,
) -> Result<Sent, Failure> {
    let deadline = Instant::now() + patience;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let sent = hand_over(context, &mut client, wanted.stage, draft, left).await?;
        let is_over = sent.stage == Stage::Failed || wanted.is_reached(sent.stage);
        if is_over || deadline.saturating_duration_since(Instant::now()) <= PAUSE {
            return Ok(sent);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn hand_over(
    context: &Context,
    client: &mut Client,
    stage: Stage,
    draft: &Draft,
    wait: Duration,
) -> Result<Sent, Failure> {
    let mut send = draft.send.clone();
    send.wait = Some(stage);
    send.wait_ms = Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    let mut tried = 1;
    loop {
        match client.send(&send, &draft.id).await {
            Ok(sent) => return Ok(sent),
            Err(ClientError::Connection { .. }) if tried < TRIES => tried += 1,
            Err(error) => return Err(error.into()),
        }
        *client = context.daemon().await?;
    }
}

/// Puts messages into the outbox in their order. Under its key each can be handed over again where the connection broke.
pub(super) async fn enqueue(
    context: &Context,
    client: &mut Client,
    drafts: &[&Draft],
) -> Result<Vec<Result<Sent, Failure>>, Failure> {
    let sends = drafts.iter().map(|draft| KeyedSend {
        key: Some(draft.id.clone()),
        send: draft.send.clone(),
    });
    let many = SendMany {
        sends: sends.collect(),
    };
    let mut tried = 1;
    let outcomes = loop {
        match client.send_many(&many).await {
            Ok(outcomes) => break outcomes,
            Err(ClientError::Connection { .. }) if tried < TRIES => tried += 1,
            Err(error) => return Err(error.into()),
        }
        *client = context.daemon().await?;
    };
    if outcomes.len() != drafts.len() {
        let message = "mrpd did not answer for each message";
        return Err(Failure::new(Reason::Internal, message));
    }
    Ok(outcomes.into_iter().map(outcome).collect())
}

fn outcome(outcome: SendOutcome) -> Result<Sent, Failure> {
    match (outcome.sent, outcome.error) {
        (Some(sent), _) => Ok(sent),
        (None, Some(error)) => Err(error.into()),
        (None, None) => Err(Failure::new(
            Reason::Internal,
            "mrpd did not say what became of it",
        )),
    }
}

/// The relay's name for it, once it has one.
pub(super) fn shown_id(sent: &Sent) -> &str {
    sent.message_id.as_deref().unwrap_or(&sent.id)
}

/// Whether it counts as a failure. In the outbox is not: the daemon goes on with it.
pub(super) fn verdict(sent: &Sent, wanted: Wanted, timeout: Option<Duration>) -> Option<Failure> {
    if sent.stage == Stage::Failed {
        let failure = sent.error.clone().map(Failure::from);
        return Some(failure.unwrap_or_else(|| {
            Failure::new(Reason::BadData, format!("{} was given up", sent.id))
        }));
    }
    if wanted.is_reached(sent.stage) || wanted.stage <= Stage::Accepted {
        return None;
    }
    let what = if wanted.stage == Stage::Delivered {
        "delivered"
    } else {
        "answered"
    };
    let reason = if timeout.is_some() {
        Reason::TimedOut
    } else {
        Reason::TryAgain
    };
    let message = format!("{} is not {what} yet; it stays on its way", shown_id(sent));
    Some(Failure::new(reason, message).fix("do not send it again; wait longer with --timeout"))
}

pub(super) fn still_queued(sent: &Sent) -> String {
    let why = sent.error.as_ref().map_or_else(String::new, |error| {
        format!(" ({})", crate::output::escape::line(&error.message))
    });
    format!(
        "{} is in the outbox, no relay has accepted it yet{why}; mrpd keeps trying",
        sent.id
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use mrp_proto::key::SecretKey;
    use mrpd_api::error::{Code, ErrorDetail};

    fn sent(stage: Stage) -> Sent {
        Sent {
            id: "out_1".into(),
            message_id: None,
            stage,
            to: SecretKey::from_seed(&[1; 32]).public(),
            encrypted: true,
            warnings: Vec::new(),
            error: None,
            due_at: None,
        }
    }

    fn exit(stage: Stage, wanted: Stage, timeout: Option<Duration>) -> u8 {
        let wanted = Wanted {
            stage: wanted,
            is_explicit: true,
        };
        verdict(&sent(stage), wanted, timeout).map_or(0, |failure| failure.exit())
    }

    #[test]
    fn what_is_in_the_outbox_is_sent() {
        let second = Some(Duration::from_secs(1));
        assert_eq!(exit(Stage::Queued, Stage::Queued, None), 0);
        assert_eq!(exit(Stage::Queued, Stage::Accepted, None), 0);
        assert_eq!(exit(Stage::Queued, Stage::Accepted, second), 0);
        assert_eq!(exit(Stage::Replied, Stage::Delivered, None), 0);
    }

    #[test]
    fn later_stages_decide_how_it_ends_if_they_were_asked_for() {
        let second = Some(Duration::from_secs(1));
        assert_eq!(exit(Stage::Accepted, Stage::Delivered, None), 75);
        assert_eq!(exit(Stage::Queued, Stage::Delivered, second), 124);
        assert_eq!(exit(Stage::Delivered, Stage::Replied, None), 75);
    }

    #[test]
    fn what_was_given_up_fails_with_the_reason() {
        let mut sent = sent(Stage::Failed);
        sent.error = Some(ErrorDetail::new(Code::NotPermitted, "blocked", None));
        let wanted = Wanted {
            stage: Stage::Queued,
            is_explicit: true,
        };
        assert_eq!(
            verdict(&sent, wanted, None).map(|failure| failure.exit()),
            Some(77)
        );
    }

    #[test]
    fn the_relays_id_is_shown_once_there_is_one() {
        let mut sent = sent(Stage::Accepted);
        assert_eq!(shown_id(&sent), "out_1");
        sent.message_id = Some("msg_1".into());
        assert_eq!(shown_id(&sent), "msg_1");
    }
}
