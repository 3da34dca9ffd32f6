//! Handing messages to the daemon one after the other, and telling what has become of each.

use super::{Draft, is_reached};
use crate::cli::sending::Send as Flags;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::output::Shape;
use mrpd_api::body::{Sent, Stage};
use mrpd_api::client::{Client, ClientError};
use mrpd_api::error::ErrorDetail;
use serde::Serialize;
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
pub(super) struct Wanted {
    stage: Stage,
    /// Whether it was asked for, so that time alone limits it.
    is_explicit: bool,
}

impl Wanted {
    pub(super) fn of(flags: &Flags) -> Self {
        match (flags.no_wait, flags.wait) {
            (true, _) => Self {
                stage: Stage::Queued,
                is_explicit: true,
            },
            (false, Some(word)) => Self {
                stage: word.into(),
                is_explicit: true,
            },
            (false, None) => Self {
                stage: Stage::Accepted,
                is_explicit: false,
            },
        }
    }
}

/// One line of `--lines` or `--jsonl`, as programs read it.
#[derive(Serialize)]
struct LineResult<'a> {
    line: usize,
    #[serde(flatten)]
    sent: Option<&'a Sent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a ErrorDetail>,
}

/// What is written in a line's place where nothing was sent.
const NOT_SENT: &str = "-";

pub(super) struct Courier<'a> {
    context: &'a Context,
    client: Option<Client>,
    wanted: Wanted,
    /// Elements of the array that `-o json` writes where there may be several.
    elements: usize,
    first_exit: Option<u8>,
}

impl<'a> Courier<'a> {
    pub(super) fn new(context: &'a Context, wanted: Wanted) -> Self {
        Self {
            context,
            client: None,
            wanted,
            elements: 0,
            first_exit: None,
        }
    }

    /// Sends a message of the command line. One that a relay refused, or that has not come as far as was asked, is told and
    /// counted; what keeps it out of the outbox ends the command.
    pub(super) async fn send(&mut self, draft: Draft) -> Result<(), Failure> {
        let sent = self.deliver(&draft).await?;
        self.show(&sent)?;
        self.tell(&sent);
        Ok(())
    }

    /// As [`Courier::send`], but what keeps it out of the outbox does not keep the others out.
    pub(super) async fn send_one_of_many(&mut self, draft: Draft) -> Result<(), Failure> {
        match self.deliver(&draft).await {
            Ok(sent) => {
                self.show_element(&sent, shown_id(&sent))?;
                self.tell(&sent);
            }
            Err(failure) => {
                self.context.output.failure(&failure);
                self.first_exit.get_or_insert(failure.exit());
            }
        }
        Ok(())
    }

    /// Sends the message of a line, or tells why there is none; either way one line is written.
    pub(super) async fn send_line(
        &mut self,
        number: usize,
        draft: Result<Draft, Failure>,
    ) -> Result<(), Failure> {
        let delivered = match draft {
            Ok(draft) => self.deliver(&draft).await,
            Err(failure) => Err(failure),
        };
        match delivered {
            Ok(sent) => {
                self.show_line(number, Ok(&sent))?;
                self.tell(&sent);
                if !self.wanted.is_explicit && !is_reached(sent.stage, self.wanted.stage) {
                    // The relay is away: the lines to come need not wait for it again.
                    self.wanted.stage = Stage::Queued;
                }
                Ok(())
            }
            Err(failure) => self.line_failed(number, &failure),
        }
    }

    /// Ends as the first message that failed.
    pub(super) fn finish(self) -> Result<(), Failure> {
        self.first_exit
            .map_or(Ok(()), |exit| Err(Failure::Status(exit)))
    }

    /// Opens or closes the array of `-o json`.
    pub(super) fn bracket(&self, bracket: &str) -> Result<(), Failure> {
        match self.context.output.shape() {
            Shape::Json => self.context.output.bytes(format!("{bracket}\n")),
            _ => Ok(()),
        }
    }

    fn line_failed(&mut self, number: usize, failure: &Failure) -> Result<(), Failure> {
        let Some(told) = failure.told() else {
            return Err(Failure::Status(failure.exit()));
        };
        let at_line = Failure::from(told.detail.clone()).at_line(number);
        self.context.output.failure(&at_line);
        self.first_exit.get_or_insert(failure.exit());
        self.show_line(number, Err(&told.detail))
    }

    /// The daemon answers when the message is durable; what is waited for beyond that is asked again until the time is over.
    async fn deliver(&mut self, draft: &Draft) -> Result<Sent, Failure> {
        let patience = match (self.context.remaining(), self.wanted.is_explicit) {
            (Some(remaining), true) => remaining,
            (Some(remaining), false) => remaining.min(PATIENCE),
            (None, _) => PATIENCE,
        };
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let sent = self.hand_over(draft, left).await?;
            let is_over = sent.stage == Stage::Failed || is_reached(sent.stage, self.wanted.stage);
            if is_over || deadline.saturating_duration_since(Instant::now()) <= PAUSE {
                return Ok(sent);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Under its key a message can be handed over again where the connection broke.
    async fn hand_over(&mut self, draft: &Draft, wait: Duration) -> Result<Sent, Failure> {
        let mut send = draft.send.clone();
        send.wait = Some(self.wanted.stage);
        send.wait_ms = Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        let mut tried = 1;
        loop {
            let client = match self.client.take() {
                Some(client) => client,
                None => self.context.daemon().await?,
            };
            match client.send(&send, &draft.id).await {
                Ok(sent) => {
                    self.client = Some(client);
                    return Ok(sent);
                }
                Err(ClientError::Connection { .. }) if tried < TRIES => tried += 1,
                Err(error) => {
                    self.client = Some(client);
                    return Err(error.into());
                }
            }
        }
    }

    fn show(&self, sent: &Sent) -> Result<(), Failure> {
        let output = &self.context.output;
        let id = shown_id(sent);
        if output.is_auto() && !output.has_fields() {
            return output.bytes(format!("{id}\n"));
        }
        output.object(sent, || format!("{id}\n"), Some(id))
    }

    fn show_line(
        &mut self,
        number: usize,
        outcome: Result<&Sent, &ErrorDetail>,
    ) -> Result<(), Failure> {
        let result = LineResult {
            line: number,
            sent: outcome.ok(),
            error: outcome.err(),
        };
        self.show_element(&result, outcome.map_or(NOT_SENT, shown_id))
    }

    /// One of several results: the bare id, a JSON line, or an element of the array.
    fn show_element<T: Serialize>(&mut self, element: &T, id: &str) -> Result<(), Failure> {
        let output = &self.context.output;
        let is_bare = output.is_auto() && !output.has_fields();
        if is_bare || !matches!(output.shape(), Shape::Json | Shape::Jsonl) {
            return output.bytes(format!("{id}\n"));
        }
        let before = if output.shape() == Shape::Json && self.elements > 0 {
            ","
        } else {
            ""
        };
        self.elements += 1;
        output.bytes(format!("{before}{}", output.json_line(element)?))
    }

    /// Tells on standard error what the id does not.
    fn tell(&mut self, sent: &Sent) {
        let output = &self.context.output;
        for warning in &sent.warnings {
            output.warning(warning);
        }
        let Some(failure) = verdict(sent, self.wanted, self.context.global.timeout) else {
            if !is_reached(sent.stage, self.wanted.stage) {
                output.note(&still_queued(sent));
            }
            return;
        };
        output.failure(&failure);
        self.first_exit.get_or_insert(failure.exit());
    }
}

/// The relay's name for it, once it has one.
fn shown_id(sent: &Sent) -> &str {
    sent.message_id.as_deref().unwrap_or(&sent.id)
}

/// Whether it counts as a failure. In the outbox is not: the daemon goes on with it.
fn verdict(sent: &Sent, wanted: Wanted, timeout: Option<Duration>) -> Option<Failure> {
    if sent.stage == Stage::Failed {
        let failure = sent.error.clone().map(Failure::from);
        return Some(failure.unwrap_or_else(|| {
            Failure::new(Reason::BadData, format!("{} was given up", sent.id))
        }));
    }
    if is_reached(sent.stage, wanted.stage) || wanted.stage <= Stage::Accepted {
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

fn still_queued(sent: &Sent) -> String {
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
    use mrpd_api::error::Code;

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

    #[test]
    fn a_lines_result_is_one_object_with_its_number() {
        let sent = sent(Stage::Queued);
        let good = LineResult {
            line: 1,
            sent: Some(&sent),
            error: None,
        };
        let text = serde_json::to_value(&good).unwrap();
        assert_eq!(
            (text["line"].as_u64(), text["id"].as_str()),
            (Some(1), Some("out_1"))
        );
        let detail = ErrorDetail::new(Code::InvalidJson, "no JSON", None);
        let bad = LineResult {
            line: 2,
            sent: None,
            error: Some(&detail),
        };
        let text = serde_json::to_value(&bad).unwrap();
        assert_eq!(
            (text["line"].as_u64(), text["error"]["exit"].as_u64()),
            (Some(2), Some(65))
        );
    }
}
