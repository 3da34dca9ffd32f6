//! `--lines` and `--jsonl`: one message a line of standard input, in their order, one result line each.
//!
//! What has been read is put into the outbox in one go, and then waited for side by side: a stream goes as fast as the daemon takes
//! it, and not at the pace of one message after the other.

mod advice;
mod reader;

use super::super::courier::Courier;
use super::super::deliver::{Wanted, deliver_within, enqueue};
use super::super::letter::Draft;
use super::super::recipient::Address;
use crate::cli::sending::Send as Flags;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::input::{self, Line};
use advice::Advice;
use futures_util::StreamExt as _;
use futures_util::future::{FutureExt as _, LocalBoxFuture};
use futures_util::stream::FuturesOrdered;
use mrpd_api::body::{Send, Sent, Stage};
use mrpd_api::error::{Code, ErrorDetail};
use reader::Reader;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep};

/// Messages that are put into the outbox in one go, at most; and their bytes, but for the last one's.
const BATCH: usize = 256;
const BATCH_BYTES: usize = input::MAX_BODY;
/// Messages that are in the outbox and whose results are not written yet, but for those of the last batch.
const IN_FLIGHT: usize = 256;
/// Messages that are waited for at the same time. Behind the first of them the daemon goes on with all: when its turn comes, most
/// have come far enough. More would only have the daemon look for each of them whenever one moves.
const WAITS: usize = 2;

/// How long an outbox that is full is left alone, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

pub(super) async fn run(
    context: &Context,
    flags: &Flags,
    address: Address,
    template: Send,
    wanted: Wanted,
) -> Result<(), Failure> {
    let reader = Reader::new(flags, address, template)?;
    let mut lines = input::lines();
    let mut courier = Courier::new(context, wanted).await?;
    courier.bracket("[")?;
    let permits = Semaphore::new(WAITS);
    let mut stream = Stream {
        context,
        permits: &permits,
        courier,
        number: 0,
        in_flight: FuturesOrdered::new(),
        is_stalled: false,
        advice: Advice::default(),
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

/// A line's number, and its message.
type Numbered = (usize, Result<Draft, Failure>);

/// What has become of a line, once that is known.
type Outcome<'a> = LocalBoxFuture<'a, (usize, Result<Sent, Failure>)>;

struct Stream<'a> {
    context: &'a Context,
    permits: &'a Semaphore,
    courier: Courier<'a>,
    /// Lines that were read.
    number: usize,
    in_flight: FuturesOrdered<Outcome<'a>>,
    /// Whether the outbox was full, which is told once.
    is_stalled: bool,
    advice: Advice,
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
        let mut drafts: Vec<Numbered> = Vec::new();
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

    /// Puts messages into the outbox. While that is full, what comes behind them waits too: the order stays.
    async fn send(&mut self, drafts: Vec<Numbered>) -> Result<(), Failure> {
        let mut drafts = VecDeque::from(drafts);
        let mut pause = PAUSE.0;
        loop {
            let before = drafts.len();
            let Some(full) = self.put(&mut drafts).await else {
                return Ok(());
            };
            if drafts.len() < before {
                pause = PAUSE.0;
            }
            let left = self.context.remaining().unwrap_or(Duration::MAX);
            if left.is_zero() {
                let none = drafts.into_iter().map(|(number, _)| number);
                none.for_each(|number| self.push(number, Err(full.told())));
                return Ok(());
            }
            if !self.is_stalled {
                self.is_stalled = true;
                let note = "the outbox is full: the lines wait until there is room";
                self.context.output.note(note);
            }
            self.rest(pause.min(left)).await?;
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// Waits, while what is in flight goes on.
    async fn rest(&mut self, pause: Duration) -> Result<(), Failure> {
        let mut over = std::pin::pin!(sleep(pause));
        loop {
            tokio::select! {
                biased;
                () = &mut over => return Ok(()),
                Some((number, outcome)) = self.in_flight.next() => self.tell(number, outcome)?,
            }
        }
    }

    /// Puts messages into the outbox, up to the first one that there is no room for: that one and those behind it are left.
    async fn put(&mut self, drafts: &mut VecDeque<Numbered>) -> Option<Full> {
        let good: Vec<&Draft> = drafts
            .iter()
            .filter_map(|(_, draft)| draft.as_ref().ok())
            .collect();
        let enqueued = enqueue(self.context, &mut self.courier.client, &good).await;
        let (mut enqueued, lost) = match enqueued {
            Ok(enqueued) => (enqueued.into_iter(), None),
            Err(failure) => (
                Vec::new().into_iter(),
                failure.told().map(|told| told.detail.clone()),
            ),
        };
        while let Some((number, draft)) = drafts.pop_front() {
            let outcome = match (draft, &lost) {
                (Err(failure), _) => Err(failure),
                (Ok(_), Some(detail)) => Err(Failure::from(detail.clone())),
                (Ok(draft), None) => match enqueued.next().unwrap_or(Err(Failure::OutputClosed)) {
                    Ok(sent) => Ok((draft, sent)),
                    Err(failure) => {
                        if let Some(full) = Full::of(&failure, self.context) {
                            drafts.push_front((number, Ok(draft)));
                            return Some(full);
                        }
                        Err(failure)
                    }
                },
            };
            self.push(number, outcome);
        }
        None
    }

    /// Has the result of a line come in its turn: when it has gone as far as was asked, or did not go at all.
    fn push(&mut self, number: usize, enqueued: Result<(Draft, Sent), Failure>) {
        let outcome = match enqueued {
            Ok((draft, sent)) if !is_settled(self.courier.wanted, &sent) => {
                let waited = self.wait(draft, sent);
                waited.map(move |outcome| (number, outcome)).boxed_local()
            }
            settled => {
                let outcome = settled.map(|(_, sent)| sent);
                std::future::ready((number, outcome)).boxed_local()
            }
        };
        self.in_flight.push_back(outcome);
    }

    /// Waits for how far a message comes that is in the outbox, and meanwhile asks what is to be said of its recipient.
    fn wait(
        &mut self,
        draft: Draft,
        sent: Sent,
    ) -> impl Future<Output = Result<Sent, Failure>> + use<'a> {
        let (context, permits, wanted) = (self.context, self.permits, self.courier.wanted);
        let client = self.courier.client.clone();
        let enqueued_at = Instant::now();
        let question = self.advice.question(&draft, &sent);
        async move {
            let _permit = permits.acquire().await;
            let left = patience(context, wanted, enqueued_at);
            let (waited, advice) = tokio::join!(
                deliver_within(context, client.clone(), wanted, &draft, left),
                advice::ask(question, &client)
            );
            let mut waited = waited?;
            // What is to be said of it was said when it was put into the outbox.
            waited.warnings.splice(0..0, sent.warnings);
            let is_new = |warning: &String| !waited.warnings.contains(warning);
            let advice: Vec<String> = advice.into_iter().filter(is_new).collect();
            waited.warnings.extend(advice);
            Ok(waited)
        }
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

/// That there is no room in the outbox: the only thing that the daemon has a single message of several wait for.
struct Full {
    detail: ErrorDetail,
    limit: Option<Duration>,
}

impl Full {
    fn of(failure: &Failure, context: &Context) -> Option<Self> {
        let detail = &failure.told()?.detail;
        (detail.code == Code::TryAgain.as_str()).then(|| Self {
            detail: detail.clone(),
            limit: context.global.timeout,
        })
    }

    /// What is told of a line that found no room in time.
    fn told(&self) -> Failure {
        let limit = self.limit.unwrap_or_default();
        let failure = Failure::new(
            Reason::TimedOut,
            format!("{}, for {limit:?} (--timeout)", self.detail.message),
        );
        match &self.detail.hint {
            Some(hint) => failure.fix(hint),
            None => failure,
        }
    }
}

fn is_settled(wanted: Wanted, sent: &Sent) -> bool {
    sent.stage == Stage::Failed || wanted.is_reached(sent.stage)
}
