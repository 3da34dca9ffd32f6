//! One attempt to post a message, and what its failure means.

use super::budget::{Limit, Told};
use super::lanes::{Heard, Outcome};
use crate::attachments::{self, BringError, Uploads};
use crate::clock;
use crate::crash::crash_point;
use crate::roster::{Link, LocalAgent, Roster};
use crate::store::{Accepted, Failure, OutboxRecord, OutboxStage, Pending, Store, StoreError};
use mrp_client::{Error, Refusal};
use mrp_proto::code::Code as RelayCode;
use mrp_proto::time::Timestamp;
use mrpd_api::error::{Code, ErrorDetail};
use std::sync::Arc;
use std::time::Duration;

/// Pauses between attempts to record that a relay has a message.
const RECORD_PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));

/// Posts the message, and records in the store if the relay accepted it or never will. `Err` has what to record once it is known
/// when the next attempt is.
pub(super) async fn attempt(
    store: Store,
    uploads: Uploads,
    roster: Arc<Roster>,
    pending: Pending,
    age: Age,
    guess: Limit,
) -> Attempted {
    let record = match store.outbox_at(pending.position).await {
        Ok(Some(record)) if record.stage == OutboxStage::Queued => record,
        Ok(_) => return Attempted::done(pending),
        Err(error) => return Attempted::stuck(pending, &error),
    };
    let place = (pending.position, &record);
    let Posted { result, heard } = post(&store, &uploads, &roster, place, guess).await;
    let attempted = match result {
        Ok(accepted) => {
            match record_accepted(&store, pending.position, accepted).await {
                Ok(()) => Attempted::done(pending),
                // The relay has it; under the same idempotency key it says so again.
                Err(error) => Attempted {
                    perhaps_sent: true,
                    ..Attempted::stuck(pending, &error)
                },
            }
        }
        Err(problem) => fail(&store, pending, &record, problem, age).await,
    };
    Attempted { heard, ..attempted }
}

/// Repeats the record alone where the disk fails: the relay has the message, and to post it anew could make two of it. Ends when it is
/// recorded or the store is closed; the end of the daemon breaks it off, and the next start takes the message for perhaps sent.
async fn record_accepted(
    store: &Store,
    position: u64,
    accepted: Accepted,
) -> Result<(), StoreError> {
    let now = clock::now();
    let mut pause = RECORD_PAUSE.0;
    loop {
        let recorded = store.record_accepted(position, accepted.clone(), now).await;
        match recorded {
            Err(error @ StoreError::Disk(_)) => {
                tracing::warn!(%error, ?pause, "that a relay has a message was not recorded");
            }
            recorded => return recorded,
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RECORD_PAUSE.1);
    }
}

/// How long a message may be tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Age {
    /// Since when it is tried, by the steady clock; absent as long as it is not given up for its age.
    pub(super) since: Option<Timestamp>,
    /// For how long.
    pub(super) limit: Duration,
}

/// An attempt that has ended.
#[derive(Debug)]
pub(super) struct Attempted {
    /// Which message it was.
    pub(super) pending: Pending,
    /// What came of it.
    pub(super) outcome: Outcome,
    /// What is to be recorded of it.
    pub(super) error: Option<ErrorDetail>,
    /// Whether the relay may have the message, although it did not say so.
    pub(super) perhaps_sent: bool,
    /// What the relay said of how many sends it takes.
    pub(super) heard: Heard,
}

impl Attempted {
    fn done(pending: Pending) -> Self {
        Self {
            pending,
            outcome: Outcome::Done,
            error: None,
            perhaps_sent: false,
            heard: Heard::Nothing,
        }
    }

    fn stuck(pending: Pending, error: &StoreError) -> Self {
        tracing::warn!(%error, "an attempt to send could not be carried out");
        Self {
            pending,
            outcome: Outcome::RetryMessage { after: None },
            error: None,
            perhaps_sent: false,
            heard: Heard::Nothing,
        }
    }
}

/// Why a message was not accepted, and who has to wait for that.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Problem {
    pub(super) error: ErrorDetail,
    pub(super) verdict: Verdict,
    /// Whether the relay may have it all the same.
    pub(super) undecided: bool,
}

/// What came of posting a message.
struct Posted {
    result: Result<Accepted, Problem>,
    heard: Heard,
}

/// What to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It never will be.
    GiveUp,
    /// Try this one again.
    RetryMessage(Option<Duration>),
    /// Try the relay again.
    RetryRelay(Option<Duration>),
}

async fn post(
    store: &Store,
    uploads: &Uploads,
    roster: &Roster,
    (position, record): (u64, &OutboxRecord),
    guess: Limit,
) -> Posted {
    let unheard = |problem| Posted {
        result: Err(problem),
        heard: Heard::Nothing,
    };
    let (agent, link) = match find_way(roster, record) {
        Ok(way) => way,
        Err(problem) => return unheard(*problem),
    };
    let request = attachments::upload(store, uploads, (agent, link), position, record).await;
    let request = match request {
        Ok(request) => request,
        Err(error) => return unheard(judge_bringing(&error)),
    };
    crash_point!("send.before-post");
    let accepted = link.client.send(&request, Some(&record.id)).await;
    crash_point!("send.posted");
    let heard = hear(link, accepted.as_ref().err(), guess);
    if let Err(error) = &accepted
        && error.code() == Some(RelayCode::BlobNotFound)
        && record.files.iter().any(|file| file.uploaded_at.is_some())
    {
        // Where that is not recorded, the next attempt finds the same.
        if let Err(error) = attachments::clear(store, position, record).await {
            tracing::warn!(%error, "that a relay has lost a blob was not recorded");
        }
        let problem = Problem {
            error: detail(error),
            verdict: Verdict::RetryMessage(None),
            undecided: false,
        };
        return Posted {
            result: Err(problem),
            heard,
        };
    }
    let result = accepted
        .map(|accepted| Accepted {
            message_id: accepted.message_id.to_string(),
            created_at: accepted.created_at,
            expires_at: accepted.expires_at,
        })
        .map_err(|error| judge(&error));
    Posted { result, heard }
}

fn find_way<'a>(
    roster: &'a Roster,
    record: &OutboxRecord,
) -> Result<(&'a LocalAgent, &'a Link), Box<Problem>> {
    let absent = |what: String| {
        Box::new(Problem {
            error: ErrorDetail::new(Code::TryAgain, what, None),
            verdict: Verdict::RetryRelay(Some(Duration::from_secs(60))),
            undecided: false,
        })
    };
    let agent = roster.agent_by_key(&record.message.from).ok_or_else(|| {
        absent(format!(
            "agent {:?} is not configured any more",
            record.message.agent
        ))
    })?;
    let link = agent.link(&record.message.relay).ok_or_else(|| {
        absent(format!(
            "agent {:?} does not use relay {:?} any more",
            record.message.agent, record.message.relay
        ))
    })?;
    Ok((agent, link))
}

/// What an answer says of how many sends the relay takes. One that speaks of its limits elsewhere, as those do that take bound
/// signatures, has none where it says nothing; of another one nothing is known, and the guess holds.
fn hear(link: &Link, error: Option<&Error>, guess: Limit) -> Heard {
    if let Some(Error::Refused(refusal)) = error
        && RelayCode::parse(&refusal.code) == Some(RelayCode::RateLimitExceeded)
    {
        return Heard::TooMany(refusal.retry_after.unwrap_or(Duration::from_secs(60)));
    }
    if error.is_some_and(|error| !matches!(error, Error::Refused(_))) {
        return Heard::Nothing;
    }
    match link.client.send_rate() {
        Some(rate) => Heard::Told(Told {
            limit: rate.limit,
            remaining: rate.remaining,
            reset_in: rate.reset_in,
        }),
        None if link.client.binding().level().requests => Heard::Silence(Limit::Unlimited),
        None => Heard::Silence(guess),
    }
}

/// What it means that a file of the message is not with the relay.
fn judge_bringing(error: &BringError) -> Problem {
    let (code, verdict) = match error {
        BringError::Relay(error) => return judge(error),
        BringError::Gone { .. } | BringError::Compose(_) => (Code::Refused, Verdict::GiveUp),
        BringError::Store(_) => (Code::StorageFailed, Verdict::RetryMessage(None)),
    };
    Problem {
        error: ErrorDetail::new(code, error.to_string(), None),
        verdict,
        undecided: false,
    }
}

/// What a failure means. The code decides, never the text.
pub(super) fn judge(error: &Error) -> Problem {
    let after = error.retry_after();
    let verdict = match error {
        Error::Unreachable { .. } | Error::TimedOut | Error::Nonsense { .. } => {
            Verdict::RetryRelay(None)
        }
        Error::Setup { .. } => Verdict::GiveUp,
        Error::Refused(refusal) => judge_refusal(refusal, after),
    };
    Problem {
        error: detail(error),
        verdict,
        undecided: error.is_undecided(),
    }
}

fn judge_refusal(refusal: &Refusal, after: Option<Duration>) -> Verdict {
    match RelayCode::parse(&refusal.code) {
        // What is wrong is this machine's clock or the relay's view of this agent: nothing gets through, and waiting may help.
        _ if refusal.status == 401 => Verdict::RetryRelay(after),
        Some(RelayCode::RateLimitExceeded | RelayCode::Unavailable) => Verdict::RetryRelay(after),
        // The recipient's inbox, or something about this message.
        Some(_) if refusal.is_retryable() => Verdict::RetryMessage(after),
        None if refusal.is_retryable() || is_elsewhere(refusal) => Verdict::RetryRelay(after),
        _ => Verdict::GiveUp,
    }
}

/// Whether a login page or a proxy without its relay answered. That says nothing of the message, unless it was too large for it.
fn is_elsewhere(refusal: &Refusal) -> bool {
    const TOO_LARGE: u16 = 413;
    !refusal.names_a_code() && refusal.status != TOO_LARGE
}

/// The failure as it is told and kept.
pub(crate) fn detail(error: &Error) -> ErrorDetail {
    let code = match error {
        Error::Unreachable { .. } | Error::TimedOut | Error::Nonsense { .. } => {
            Code::RelayUnreachable
        }
        Error::Setup { .. } => Code::Internal,
        Error::Refused(refusal) => match RelayCode::parse(&refusal.code) {
            Some(RelayCode::AclDenied | RelayCode::AgentSuspended | RelayCode::Forbidden) => {
                Code::NotPermitted
            }
            Some(RelayCode::PayloadTooLarge) => Code::TooLarge,
            Some(RelayCode::RateLimitExceeded) => Code::RateLimited,
            _ if refusal.status == 401 || refusal.is_retryable() => Code::TryAgain,
            None if is_elsewhere(refusal) => Code::RelayUnreachable,
            _ => Code::Refused,
        },
    };
    let mut detail = ErrorDetail::new(code, error.to_string(), None);
    if let Error::Refused(refusal) = error {
        if let Some(there) = refusal.server_time() {
            let (here, seconds) = (clock::now(), clock::now().distance(there).as_secs());
            let side = if here > there { "ahead of" } else { "behind" };
            detail.hint = Some(format!(
                "this machine's clock is {seconds} s {side} the relay's; set it"
            ));
        }
        detail.request_id = refusal.request_id.as_deref().map(str::to_owned);
    }
    detail
}

async fn fail(
    store: &Store,
    pending: Pending,
    record: &OutboxRecord,
    problem: Problem,
    age: Age,
) -> Attempted {
    let Problem {
        mut error,
        verdict,
        undecided,
    } = problem;
    let outcome = match verdict {
        Verdict::RetryMessage(after) => Outcome::RetryMessage { after },
        Verdict::RetryRelay(after) => Outcome::RetryRelay { after },
        Verdict::GiveUp => Outcome::Done,
    };
    let tried_for = age.since.map(|since| clock::steady().since(since));
    let too_old = tried_for.filter(|tried_for| *tried_for >= age.limit);
    if outcome != Outcome::Done && too_old.is_none() {
        return Attempted {
            pending,
            outcome,
            error: Some(error),
            perhaps_sent: undecided,
            heard: Heard::Nothing,
        };
    }
    if outcome != Outcome::Done
        && let Some(tried_for) = too_old
    {
        error.message = format!("given up after {tried_for:.0?}: {}", error.message);
        error.retryable = false;
    }
    tracing::warn!(id = %record.id, error = %error.message, "giving up a message");
    let failure = Failure {
        error,
        retry_at: None,
        at: clock::now(),
        perhaps_sent: undecided,
        tried: true,
    };
    match store.record_failure(pending.position, failure).await {
        Ok(()) => Attempted::done(pending),
        Err(error) => Attempted::stuck(pending, &error),
    }
}

#[cfg(test)]
mod tests;
