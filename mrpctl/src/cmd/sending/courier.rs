//! Telling what has become of each message: its id, or a line, or an element of an array.

use super::deliver::{Wanted, deliver, shown_id, still_queued, verdict};
use super::files::Files;
use super::letter::Draft;
use super::preview;
use crate::context::Context;
use crate::exit::Failure;
use crate::output::Shape;
use mrpd_api::body::{Send, Sent};
use mrpd_api::client::Client;
use mrpd_api::error::ErrorDetail;
use serde::Serialize;

/// One line of `--lines` or `--jsonl`, as programs read it.
#[derive(Serialize)]
struct LineResult<'a, T> {
    line: usize,
    #[serde(flatten)]
    sent: Option<&'a T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a ErrorDetail>,
}

/// What is written in a line's place where nothing was sent.
const NOT_SENT: &str = "-";

pub(in crate::cmd) struct Courier<'a> {
    context: &'a Context,
    pub(super) client: Client,
    pub(super) wanted: Wanted,
    /// What travels along with each message, for those who only want to see it.
    files: Files,
    /// Elements of the array that `-o json` writes where there may be several.
    elements: usize,
    first_exit: Option<u8>,
    /// Whether results are written: not where nobody reads them any more.
    is_read: bool,
}

impl<'a> Courier<'a> {
    pub(in crate::cmd) async fn new(context: &'a Context, wanted: Wanted) -> Result<Self, Failure> {
        Ok(Self {
            context,
            client: context.daemon().await?,
            wanted,
            files: Files::default(),
            elements: 0,
            first_exit: None,
            is_read: true,
        })
    }

    /// Uploads what travels along, unless nothing is to be sent.
    pub(super) async fn take_along(
        &mut self,
        files: Files,
        send: &mut Send,
    ) -> Result<(), Failure> {
        if self.context.global.dry_run {
            self.files = files;
            return Ok(());
        }
        send.attachments = files
            .upload(&self.context.output, &self.client, send.agent.as_deref())
            .await?;
        Ok(())
    }

    /// Sends a message of the command line. One that a relay refused, or that has not come as far as was asked, is told and
    /// counted; what keeps it out of the outbox ends the command.
    pub(in crate::cmd) async fn send(&mut self, draft: Draft) -> Result<(), Failure> {
        if self.context.global.dry_run {
            let preview = preview::of(&self.client, &draft.send, &self.files).await?;
            return self
                .context
                .output
                .object(&preview, || preview.text(), None);
        }
        let sent = deliver(self.context, self.client.clone(), self.wanted, &draft).await?;
        self.write(|courier| courier.show(&sent))?;
        self.tell(&sent);
        Ok(())
    }

    /// As [`Courier::send`], but what keeps it out of the outbox does not keep the others out.
    pub(super) async fn send_one_of_many(&mut self, draft: Draft) -> Result<(), Failure> {
        let sent = if self.context.global.dry_run {
            self.preview_element(&draft).await
        } else {
            deliver(self.context, self.client.clone(), self.wanted, &draft)
                .await
                .and_then(|sent| {
                    self.write(|courier| courier.show_element(&sent, shown_id(&sent)))?;
                    self.tell(&sent);
                    Ok(())
                })
        };
        match sent {
            Err(failure) if failure.told().is_some() => {
                self.context.output.failure(&failure);
                self.first_exit.get_or_insert(failure.exit());
                Ok(())
            }
            ended => ended,
        }
    }

    async fn preview_element(&mut self, draft: &Draft) -> Result<(), Failure> {
        let preview = preview::of(&self.client, &draft.send, &self.files).await?;
        self.show_element(&preview, &preview.line())
    }

    /// Tells what has become of the message of a line, or why there is none; either way one line is written.
    pub(super) fn tell_line(
        &mut self,
        number: usize,
        outcome: Result<Sent, Failure>,
    ) -> Result<(), Failure> {
        match outcome {
            Ok(sent) => {
                let result = LineResult {
                    line: number,
                    sent: Some(&sent),
                    error: None,
                };
                self.write(|courier| courier.show_element(&result, shown_id(&sent)))?;
                self.tell(&sent);
                Ok(())
            }
            Err(failure) => self.line_failed(number, &failure),
        }
    }

    /// Tells what would become of the message of a line.
    pub(super) async fn preview_line(
        &mut self,
        number: usize,
        draft: &Draft,
    ) -> Result<(), Failure> {
        match preview::of(&self.client, &draft.send, &self.files).await {
            Ok(preview) => {
                let result = LineResult {
                    line: number,
                    sent: Some(&preview),
                    error: None,
                };
                self.show_element(&result, &preview.line())
            }
            Err(failure) => self.line_failed(number, &failure),
        }
    }

    /// Ends as the first message that failed.
    pub(in crate::cmd) fn finish(self) -> Result<(), Failure> {
        self.first_exit
            .map_or(Ok(()), |exit| Err(Failure::Status(exit)))
    }

    /// Opens or closes the array of `-o json`.
    pub(super) fn bracket(&mut self, bracket: &str) -> Result<(), Failure> {
        match self.context.output.shape() {
            Shape::Json => {
                self.write(|courier| courier.context.output.bytes(format!("{bracket}\n")))
            }
            _ => Ok(()),
        }
    }

    /// Writes what has become of a message. Whoever leaves off reading that did not say that the others are not to be sent.
    fn write(
        &mut self,
        result: impl FnOnce(&mut Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if !self.is_read {
            return Ok(());
        }
        match result(self) {
            Err(Failure::OutputClosed) => {
                self.is_read = false;
                Ok(())
            }
            written => written,
        }
    }

    fn line_failed(&mut self, number: usize, failure: &Failure) -> Result<(), Failure> {
        let Some(told) = failure.told() else {
            return Err(Failure::Status(failure.exit()));
        };
        let at_line = Failure::from(told.detail.clone()).at_line(number);
        self.context.output.failure(&at_line);
        self.first_exit.get_or_insert(failure.exit());
        let result: LineResult<'_, Sent> = LineResult {
            line: number,
            sent: None,
            error: Some(&told.detail),
        };
        self.write(|courier| courier.show_element(&result, NOT_SENT))
    }

    fn show(&self, sent: &Sent) -> Result<(), Failure> {
        let output = &self.context.output;
        let id = shown_id(sent);
        if output.is_bare() {
            return output.bytes(format!("{id}\n"));
        }
        output.object(sent, || format!("{id}\n"), Some(id))
    }

    /// One of several results: the bare id, a JSON line, or an element of the array.
    fn show_element<T: Serialize>(&mut self, element: &T, id: &str) -> Result<(), Failure> {
        let output = &self.context.output;
        if output.is_bare() {
            return output.bytes(format!("{id}\n"));
        }
        if !matches!(output.shape(), Shape::Json | Shape::Jsonl) {
            return output.object(element, || format!("{id}\n"), Some(id));
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
        if let Some(due) = sent.due_at {
            output.note(&format!("{} is held until {due}", shown_id(sent)));
        }
        let Some(failure) = verdict(sent, self.wanted, self.context.global.timeout) else {
            if !self.wanted.is_reached(sent.stage) {
                output.note(&still_queued(sent));
            }
            return;
        };
        output.failure(&failure);
        self.first_exit.get_or_insert(failure.exit());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mrp_proto::key::SecretKey;
    use mrpd_api::body::Stage;
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
        let bad: LineResult<'_, Sent> = LineResult {
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
