//! One run of a hook, from the count of its attempt to the record of its end.

use super::answer::{self, Answer, Tries};
use super::hook::{Hook, ReplyForm};
use super::invocation::{Invocation, Outcome, Report, attachments_of};
use super::program::Action;
use super::queue::{Batch, End};
use super::reply::{self, Replied};
use crate::api::view;
use crate::clock;
use crate::context::Context;
use crate::crash::crash_point;
use crate::store::{HookJob, HookLogEntry, JobEnd, MessageRecord, RunEnd, StoreError};
use mrp_proto::content::Response;
use mrpd_api::body::Send;
use mrpd_api::event::Event;
use mrpd_api::message::Message;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long to wait when the store cannot be written.
const STORE_PAUSE: Duration = Duration::from_secs(2);
/// How long to wait when the outbox has no room for a reply.
const REPLY_PAUSE: Duration = Duration::from_secs(5);
/// How long a run waits for the attachments of a message, and how long it is put off if they are not here then.
const SETTLE: Duration = Duration::from_secs(60);
const SETTLE_AGAIN: Duration = Duration::from_secs(15);
/// Characters of each output that the log keeps.
const LOGGED: usize = 4096;

/// A run to be done.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) context: Context,
    pub(super) hook: Arc<Hook>,
    pub(super) batch: Batch,
    /// Hooks that come after this one.
    pub(super) later: Vec<String>,
}

/// A run that is done.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) hook: String,
    pub(super) batch: Batch,
    pub(super) end: End,
    /// What fell away: hook and message.
    pub(super) fallen: Vec<(String, u64)>,
    /// Messages it has done with.
    pub(super) handled: u64,
    /// Whether it failed: 0 or 1.
    pub(super) failed: u64,
}

/// How a run ended.
#[derive(Debug)]
struct Ended {
    end: End,
    fallen: Vec<(String, u64)>,
    handled: u64,
    failed: u64,
}

impl From<End> for Ended {
    fn from(end: End) -> Self {
        Self {
            end,
            fallen: Vec::new(),
            handled: 0,
            failed: 0,
        }
    }
}

/// What came of a run, after its reply.
struct Verdict {
    outcome: Outcome,
    notes: Vec<String>,
}

impl Verdict {
    fn note(&mut self, replied: Replied) {
        self.notes.push(match replied {
            Replied::Sent(id) => format!("replied with {id}"),
            Replied::Nothing(why) | Replied::Wrong(why) => why,
            // It was tried for as long as there was a daemon.
            Replied::Later(why) => {
                self.outcome = Outcome::Interrupted;
                why
            }
        });
    }
}

impl Work {
    /// Does it. Only what is recorded has happened: a daemon that dies before runs the hook again.
    pub(super) async fn run(self) -> Done {
        let ended = match self.attempt().await {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(hook = self.hook.name, %error, "the hook waits for the store");
                End::PutOff(Instant::now() + STORE_PAUSE).into()
            }
        };
        Done {
            hook: self.hook.name.clone(),
            batch: self.batch,
            end: ended.end,
            fallen: ended.fallen,
            handled: ended.handled,
            failed: ended.failed,
        }
    }

    async fn attempt(&self) -> Result<Ended, StoreError> {
        if !self.has_attachments().await? {
            return Ok(End::PutOff(Instant::now() + SETTLE_AGAIN).into());
        }
        let store = &self.context.store;
        let name = self.hook.name.clone();
        let begun = store.begin_run(name, self.batch.seqs.clone()).await?;
        crash_point!("hook.begun");
        let jobs: Vec<(u64, HookJob)> = begun
            .iter()
            .map(|(seq, job, _)| (*seq, job.clone()))
            .collect();
        let messages = self.messages(begun);
        let (Some(attempt), Some(last)) = (
            jobs.iter().map(|(_, job)| job.attempts).max(),
            messages.last(),
        ) else {
            // The messages were deleted in the meantime. What had given way to them has its turn now.
            let name = &self.hook.name;
            let gone = self.batch.seqs.iter().map(|seq| (name.clone(), *seq));
            return Ok(Ended {
                fallen: gone.collect(),
                ..End::PutOff(Instant::now()).into()
            });
        };
        let began = Instant::now();
        let report = self.call(messages.clone(), attempt).await;
        if report.outcome == Outcome::Interrupted {
            return Ok(End::PutOff(Instant::now()).into());
        }
        crash_point!("hook.exited");
        let failures = jobs.iter().map(|(_, job)| job.failures).max().unwrap_or(0) + 1;
        let verdict = match self.hook.reply {
            ReplyForm::Response => self.respond(&report, last, failures).await,
            _ => self.reply(&report, last).await,
        };
        if verdict.outcome == Outcome::Interrupted {
            return Ok(End::PutOff(Instant::now()).into());
        }
        crash_point!("hook.replied");
        let took = began.elapsed();
        self.record(&jobs, &messages, &report, verdict, took).await
    }

    /// Whether nothing is being fetched any more that came with the messages. A note on the desktop does not wait for that.
    async fn has_attachments(&self) -> Result<bool, StoreError> {
        if matches!(self.hook.program.action, Action::Notify { .. }) {
            return Ok(true);
        }
        let settle = async {
            for seq in &self.batch.seqs {
                if !self.context.downloads.settle(*seq).await? {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        tokio::select! {
            settled = tokio::time::timeout(SETTLE, settle) => settled.unwrap_or(Ok(false)),
            () = self.context.stop.cancelled() => Ok(false),
        }
    }

    fn messages(&self, begun: Vec<(u64, HookJob, MessageRecord)>) -> Vec<Message> {
        let names = self.context.contacts.names(&self.context.roster());
        begun
            .into_iter()
            .filter_map(|(seq, job, record)| {
                let mut message = view::message(seq, record, &names)?;
                message.attempt = job.attempts;
                Some(message)
            })
            .collect()
    }

    async fn call(&self, messages: Vec<Message>, attempt: u32) -> Report {
        let invocation = Invocation {
            name: self.hook.name.clone(),
            program: self.hook.program.clone(),
            attachments: attachments_of(&messages),
            messages,
            attempt,
            socket: self.context.runner.socket().to_path_buf(),
        };
        self.context
            .runner
            .run(invocation, &self.context.stop)
            .await
    }

    async fn reply(&self, report: &Report, message: &Message) -> Verdict {
        let mut verdict = Verdict {
            outcome: report.outcome,
            notes: Vec::new(),
        };
        let handled = matches!(report.outcome, Outcome::Handled | Outcome::HandledAlone);
        if !handled || self.hook.reply == ReplyForm::None {
            return verdict;
        }
        let replied = match reply::body(self.hook.reply, report) {
            Ok(None) => Replied::Nothing("no reply: it wrote nothing".to_owned()),
            Ok(Some(body)) => {
                let reply = reply::to(message, body, &self.context.roster());
                self.send(message, reply).await
            }
            Err(what) => {
                verdict.outcome = Outcome::Failed;
                Replied::Nothing(what)
            }
        };
        verdict.note(replied);
        verdict
    }

    /// Answers the request, also where the handler failed: whoever asks is not kept waiting.
    async fn respond(&self, report: &Report, message: &Message, failures: u32) -> Verdict {
        let tries = if failures >= self.hook.retry.max_attempts {
            Tries::Over
        } else {
            Tries::Left
        };
        let (response, outcome) = match answer::answer(report, tries) {
            Answer::Now(response, outcome) => (response, outcome),
            Answer::NotYet => {
                return Verdict {
                    outcome: report.outcome,
                    notes: Vec::new(),
                };
            }
        };
        let mut verdict = Verdict {
            outcome,
            notes: Vec::new(),
        };
        let reply = Send {
            content_type: Some(Response::CONTENT_TYPE.to_owned()),
            ..reply::to(message, response.to_body(), &self.context.roster())
        };
        let replied = self.send(message, reply).await;
        verdict.note(replied);
        verdict
    }

    /// Sends a reply, when there is room for it: the program has done its work, and is not run again for that.
    async fn send(&self, message: &Message, reply: Send) -> Replied {
        loop {
            let outbox = &self.context.outbox;
            let replied = reply::send(outbox, &self.hook.name, message, reply.clone()).await;
            let Replied::Later(why) = &replied else {
                return replied;
            };
            tracing::warn!(hook = self.hook.name, why, "a reply waits");
            tokio::select! {
                () = tokio::time::sleep(REPLY_PAUSE) => {}
                () = self.context.stop.cancelled() => return replied,
            }
        }
    }

    async fn record(
        &self,
        jobs: &[(u64, HookJob)],
        messages: &[Message],
        report: &Report,
        verdict: Verdict,
        took: Duration,
    ) -> Result<Ended, StoreError> {
        let now = clock::now();
        let mut verdict = verdict;
        let superseded = self.batch.superseded.len();
        if superseded > 0 {
            let note = format!("{superseded} earlier messages gave way to this one (debounce)");
            verdict.notes.push(note);
        }
        let why = std::iter::once(report.why.clone())
            .chain(verdict.notes)
            .filter(|note| !note.is_empty())
            .collect::<Vec<_>>()
            .join("; ");
        let failures = jobs.iter().map(|(_, job)| job.failures).max().unwrap_or(0) + 1;
        let (end, job_end, outcome) = self.judge(verdict.outcome, failures, &why);
        let first = messages.first();
        let log = HookLogEntry {
            at: now,
            hook: self.hook.name.clone(),
            seqs: jobs.iter().map(|(seq, _)| *seq).collect(),
            message_id: first.map_or_else(String::new, |message| message.id.clone()),
            attempt: first.map_or(0, |message| message.attempt),
            outcome: outcome.to_owned(),
            why,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            stdout: excerpt(&report.stdout),
            stderr: excerpt(&report.stderr),
        };
        let mut ends: Vec<(u64, JobEnd)> = jobs
            .iter()
            .map(|(seq, _)| (*seq, job_end.clone()))
            .collect();
        if end == End::Done {
            let superseded = self.batch.superseded.iter();
            ends.extend(superseded.map(|seq| (*seq, JobEnd::Handled)));
        }
        let is_handled = |(_, end): &&(u64, JobEnd)| *end == JobEnd::Handled;
        let handled = ends.iter().filter(is_handled).count();
        let failed = u64::from(handled < ends.len());
        let alone = verdict.outcome == Outcome::HandledAlone;
        let run_end = RunEnd {
            hook: self.hook.name.clone(),
            jobs: ends,
            skipped: if alone {
                self.later.clone()
            } else {
                Vec::new()
            },
            log: log.clone(),
        };
        let fallen = self.write_down(run_end).await?;
        crash_point!("hook.recorded");
        self.tell(log);
        Ok(Ended {
            end,
            fallen,
            handled: u64::try_from(handled).unwrap_or(u64::MAX),
            failed,
        })
    }

    /// What happened must be written down, or it happens again: so this waits for the store, as long as there is a daemon.
    async fn write_down(&self, end: RunEnd) -> Result<Vec<(String, u64)>, StoreError> {
        loop {
            match self.context.store.end_run(end.clone()).await {
                Err(error @ StoreError::Disk(_)) => {
                    tracing::error!(hook = end.hook, %error, "what a hook did cannot be recorded yet");
                    tokio::select! {
                        () = tokio::time::sleep(STORE_PAUSE) => {}
                        () = self.context.stop.cancelled() => return Err(error),
                    }
                }
                ended => return ended,
            }
        }
    }

    fn judge(&self, outcome: Outcome, failures: u32, why: &str) -> (End, JobEnd, &'static str) {
        match outcome {
            Outcome::Handled => (End::Done, JobEnd::Handled, "handled"),
            Outcome::HandledAlone => (End::Done, JobEnd::Handled, "handled_alone"),
            Outcome::Dead => (End::Done, JobEnd::Dead(why.to_owned()), "dead"),
            Outcome::Later | Outcome::Failed | Outcome::Interrupted => {
                let retry = self.hook.retry;
                if failures >= retry.max_attempts {
                    return (End::Done, JobEnd::Dead(why.to_owned()), "dead");
                }
                let pause = retry.pause(failures, clock::random_number());
                let at = clock::now().after(pause);
                let due = Instant::now() + pause;
                (End::Failed(due), JobEnd::Retry(at), "retry")
            }
        }
    }

    fn tell(&self, log: HookLogEntry) {
        let seq = log.seqs.first().copied().unwrap_or_default();
        match log.outcome.as_str() {
            "dead" => tracing::warn!(
                hook = log.hook,
                message = log.message_id,
                why = log.why,
                "given up"
            ),
            _ => tracing::debug!(
                hook = log.hook,
                message = log.message_id,
                outcome = log.outcome,
                why = log.why,
                "ran"
            ),
        }
        self.context.events.tell(Event::Hook {
            hook: log.hook,
            seq,
            message_id: log.message_id,
            attempt: log.attempt,
            outcome: log.outcome,
        });
    }
}

/// The beginning of an output.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .take(LOGGED)
        .collect()
}
