//! `--lines` and `--jsonl`: one message a line of standard input, in their order, one result line each.
//!
//! What has been read is put into the outbox in one go, and then waited for side by side: a stream goes as fast as the daemon takes
//! it, and not at the pace of one message after the other.

use super::super::body::{self, Body};
use super::super::courier::Courier;
use super::super::deliver::{Wanted, deliver_within, enqueue};
use super::super::letter::{self, Draft};
use super::super::recipient::{Address, check_recipient, is_group};
use crate::cli::sending::Send as Flags;
use crate::cli::value;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::input::{self, Line};
use futures_util::StreamExt as _;
use futures_util::future::{FutureExt as _, LocalBoxFuture};
use futures_util::stream::FuturesOrdered;
use mrp_proto::message::Metadata;
use mrpd_api::body::{Send, Sent, Stage};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

/// Messages that are put into the outbox in one go, at most; and their bytes, but for the last one's.
const BATCH: usize = 256;
const BATCH_BYTES: usize = input::MAX_BODY;
/// Messages that are in the outbox and whose results are not written yet, but for those of the last batch.
const IN_FLIGHT: usize = 256;
/// Messages that are waited for at the same time. Behind the first of them the daemon goes on with all: when its turn comes, most
/// have come far enough. More would only have the daemon look for each of them whenever one moves.
const WAITS: usize = 2;

/// A line of `--jsonl`. What it says goes before what the options say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineObject {
    to: Option<String>,
    text: Option<String>,
    body: Option<Box<RawValue>>,
    #[serde(rename = "type")]
    content_type: Option<String>,
    thread: Option<String>,
    reply_to: Option<String>,
    #[serde(default)]
    metadata: Metadata,
    expires: Option<String>,
    relay: Option<String>,
    id: Option<String>,
}

pub(super) async fn run(
    context: &Context,
    flags: &Flags,
    address: Address,
    template: Send,
    wanted: Wanted,
) -> Result<(), Failure> {
    let reader = Reader {
        flags,
        recipient: recipient(flags, address)?,
        template,
    };
    let mut lines = input::lines();
    let courier = Courier::new(context, wanted).await?;
    courier.bracket("[")?;
    let permits = Semaphore::new(WAITS);
    let mut stream = Stream {
        context,
        permits: &permits,
        courier,
        number: 0,
        in_flight: FuturesOrdered::new(),
    };
    stream.run(&reader, &mut lines).await?;
    stream.courier.bracket("]")?;
    if stream.number == 0 && !flags.content.allow_empty {
        return Err(Failure::new(
            Reason::NoInput,
            "standard input is empty: nothing was sent",
        ));
    }
    stream.courier.finish()
}

/// The one recipient of all lines that name none.
fn recipient(flags: &Flags, address: Address) -> Result<Option<String>, Failure> {
    let usage = |message| Failure::new(Reason::Usage, message);
    if !address.words.is_empty() {
        return Err(usage(
            "the messages come from standard input: words are one too many",
        ));
    }
    match address.recipients.as_slice() {
        [] if flags.lines => Err(usage("the recipient is missing").fix("mrpctl send TO --lines")),
        [] => Ok(None),
        [one] if !is_group(one) => Ok(Some(one.clone())),
        _ => Err(usage("a stream of messages goes to one recipient")),
    }
}

/// What has become of a line, once that is known.
type Outcome<'a> = LocalBoxFuture<'a, (usize, Result<Sent, Failure>)>;

struct Stream<'a> {
    context: &'a Context,
    permits: &'a Semaphore,
    courier: Courier<'a>,
    /// Lines that were read.
    number: usize,
    in_flight: FuturesOrdered<Outcome<'a>>,
}

impl<'a> Stream<'a> {
    async fn run(
        &mut self,
        reader: &Reader<'_>,
        lines: &mut mpsc::Receiver<Line>,
    ) -> Result<(), Failure> {
        loop {
            tokio::select! {
                biased;
                Some((number, outcome)) = self.in_flight.next() => self.tell(number, outcome)?,
                line = lines.recv(), if self.in_flight.len() < IN_FLIGHT => match line {
                    Some(line) => self.take(reader, line, lines).await?,
                    None => break,
                },
            }
        }
        while let Some((number, outcome)) = self.in_flight.next().await {
            self.tell(number, outcome)?;
        }
        Ok(())
    }

    /// Takes a line and what has been read beside it, and puts it into the outbox.
    async fn take(
        &mut self,
        reader: &Reader<'_>,
        first: Line,
        lines: &mut mpsc::Receiver<Line>,
    ) -> Result<(), Failure> {
        let mut drafts = Vec::new();
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(line) = next {
            self.number += 1;
            bytes += line.as_ref().map_or(0, String::len);
            let read = line.and_then(|line| reader.read(&line, self.number));
            drafts.extend(read.transpose().map(|draft| (self.number, draft)));
            let is_full = drafts.len() >= BATCH || bytes >= BATCH_BYTES;
            next = if is_full { None } else { lines.try_recv().ok() };
        }
        if self.context.global.dry_run {
            for (number, draft) in drafts {
                match draft {
                    Ok(draft) => self.courier.preview_line(number, &draft).await?,
                    Err(failure) => self.courier.tell_line(number, Err(failure))?,
                }
            }
            return Ok(());
        }
        self.send(drafts).await
    }

    async fn send(&mut self, drafts: Vec<(usize, Result<Draft, Failure>)>) -> Result<(), Failure> {
        let (context, permits, wanted) = (self.context, self.permits, self.courier.wanted);
        let good: Vec<Draft> = drafts
            .iter()
            .filter_map(|(_, draft)| draft.as_ref().ok().cloned())
            .collect();
        let enqueued = enqueue(context, &mut self.courier.client, &good).await;
        let (mut enqueued, lost) = match enqueued {
            Ok(enqueued) => (enqueued.into_iter(), None),
            Err(failure) => (
                Vec::new().into_iter(),
                failure.told().map(|told| told.detail.clone()),
            ),
        };
        for (number, draft) in drafts {
            let outcome = match (draft, &lost) {
                (Err(failure), _) => Err(failure),
                (Ok(_), Some(detail)) => Err(Failure::from(detail.clone())),
                (Ok(draft), None) => enqueued
                    .next()
                    .unwrap_or(Err(Failure::OutputClosed))
                    .map(|sent| (draft, sent)),
            };
            let client = self.courier.client.clone();
            let enqueued_at = Instant::now();
            let waited = async move {
                let outcome = match outcome {
                    Ok((draft, sent)) if !is_settled(wanted, &sent) => {
                        let _permit = permits.acquire().await;
                        let left = patience(context, wanted, enqueued_at);
                        let waited = deliver_within(context, client, wanted, &draft, left).await;
                        waited.map(|mut waited| {
                            // What is to be said of it was said when it was put into the outbox.
                            waited.warnings.splice(0..0, sent.warnings);
                            waited
                        })
                    }
                    Ok((_, sent)) => Ok(sent),
                    Err(failure) => Err(failure),
                };
                (number, outcome)
            };
            self.in_flight.push_back(waited.boxed_local());
        }
        Ok(())
    }

    fn tell(&mut self, number: usize, outcome: Result<Sent, Failure>) -> Result<(), Failure> {
        if let Ok(sent) = &outcome
            && !self.courier.wanted.is_explicit
            && !self.courier.wanted.is_reached(sent.stage)
        {
            // The relay is away: the lines to come need not wait for it again.
            self.courier.wanted.stage = Stage::Queued;
        }
        self.courier.tell_line(number, outcome)
    }
}

/// How long a message is waited for when its turn comes. A stage that was asked for is waited for since the message was put into the
/// outbox; otherwise a relay that takes one message after the other is not away, however many there are.
fn patience(context: &Context, wanted: Wanted, enqueued_at: Instant) -> Duration {
    let patience = wanted.patience(context);
    if wanted.is_explicit {
        patience.saturating_sub(enqueued_at.elapsed())
    } else {
        patience
    }
}

fn is_settled(wanted: Wanted, sent: &Sent) -> bool {
    sent.stage == Stage::Failed || wanted.is_reached(sent.stage)
}

/// What makes messages of lines.
struct Reader<'a> {
    flags: &'a Flags,
    recipient: Option<String>,
    template: Send,
}

impl Reader<'_> {
    /// The message of a line. Of `--jsonl` an empty line is none.
    fn read(&self, line: &str, number: usize) -> Result<Option<Draft>, Failure> {
        let id = self.flags.envelope.id.as_ref();
        let id = id.map(|id| format!("{id}:{number}"));
        if self.flags.lines {
            let to = self.recipient.clone().unwrap_or_default();
            return self.draft(to, body::from_text(line)?, id).map(Some);
        }
        if line.trim().is_empty() {
            return Ok(None);
        }
        let mut object: LineObject = serde_json::from_str(line).map_err(|error| {
            Failure::new(Reason::BadData, format!("this is no message: {error}"))
        })?;
        let to = object.to.take().or_else(|| self.recipient.clone());
        let to = to.ok_or_else(|| {
            Failure::new(Reason::BadData, "the recipient is missing")
                .fix("write \"to\" into the line, or: mrpctl send TO --jsonl")
        })?;
        check_recipient("send", &to)?;
        if is_group(&to) {
            return Err(Failure::new(
                Reason::BadData,
                format!("a line goes to one recipient, and {to} is a group"),
            ));
        }
        let body = body_of(&object)?;
        let mut draft = self.draft(to, body, object.id.take().or(id))?;
        apply(object, &mut draft)?;
        Ok(Some(draft))
    }

    fn draft(&self, to: String, body: Body, id: Option<String>) -> Result<Draft, Failure> {
        let send = Send {
            to,
            body: Some(body.json),
            ..self.template.clone()
        };
        Draft::new(send, id)
    }
}

fn body_of(object: &LineObject) -> Result<Body, Failure> {
    match (&object.text, &object.body) {
        (Some(text), None) => body::from_text(text),
        (None, Some(json)) => body::checked(json.clone()),
        (None, None) => Err(Failure::new(
            Reason::BadData,
            "the line has neither text nor body",
        )),
        (Some(_), Some(_)) => Err(Failure::new(
            Reason::BadData,
            "the line has both text and body",
        )),
    }
}

fn apply(object: LineObject, draft: &mut Draft) -> Result<(), Failure> {
    let send = &mut draft.send;
    send.content_type = object.content_type.or(send.content_type.take());
    send.thread = object.thread.or(send.thread.take());
    send.reply_to = object.reply_to.or(send.reply_to.take());
    send.relay = object.relay.or(send.relay.take());
    send.metadata.extend(object.metadata);
    if let Some(expires) = object.expires {
        let lives = value::expiry(&expires)
            .map_err(|error| Failure::new(Reason::BadData, format!("expires: {error}")))?;
        send.expires_in = Some(letter::seconds(lives));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Result<LineObject, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_line_has_one_body() {
        assert_eq!(
            body_of(&object(r#"{"text":"hi"}"#).unwrap())
                .unwrap()
                .json
                .get(),
            r#"{"text":"hi"}"#
        );
        assert_eq!(
            body_of(&object(r#"{"body":[1, 2.0]}"#).unwrap())
                .unwrap()
                .json
                .get(),
            "[1, 2.0]"
        );
        for text in ["{}", r#"{"text":"hi","body":1}"#] {
            assert_eq!(
                body_of(&object(text).unwrap()).unwrap_err().exit(),
                65,
                "{text}"
            );
        }
    }

    #[test]
    fn misspelt_fields_are_refused() {
        assert!(
            object(r#"{"to":"ann","txt":"hi"}"#)
                .unwrap_err()
                .contains("txt")
        );
        assert!(object(r#"["ann"]"#).is_err());
    }

    #[test]
    fn what_a_line_says_goes_before_the_options() {
        let send = mrpd_api::body::Send {
            thread: Some("of the options".into()),
            relay: Some("of the options".into()),
            ..Default::default()
        };
        let mut draft = Draft {
            send,
            id: "k".into(),
        };
        let line = object(r#"{"thread":"t","expires":"1h","metadata":{"a":"b"}}"#).unwrap();
        apply(line, &mut draft).unwrap();
        assert_eq!(draft.send.thread.as_deref(), Some("t"));
        assert_eq!(draft.send.relay.as_deref(), Some("of the options"));
        assert_eq!(draft.send.expires_in, Some(3600));
        assert_eq!(draft.send.metadata["a"], "b");
        let wrong = object(r#"{"expires":"31d"}"#).unwrap();
        assert_eq!(apply(wrong, &mut draft).unwrap_err().exit(), 65);
    }
}
