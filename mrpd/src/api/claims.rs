//! `POST /v1/claim`, `/v1/ack`, `/v1/nack`, `/v1/touch`, `/v1/messages/mark`.

use super::error::parse;
use super::messages::names;
use super::openapi::codes;
use super::query::{Filter, plan_of};
use super::{Api, ApiError, view};
use crate::clock::{self, Clocks};
use crate::store::{MessageRecord, Selection, Settled, Settlement, Target};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use mrp_proto::time::Timestamp;
use mrpd_api::body::inbox::{Ack, Changed, Claim, Mark, Nack, Touch};
use mrpd_api::error::Code;
use mrpd_api::message::{Direction, Message};
use std::time::Duration;
use tokio::time::Instant;

/// Messages of one claim, at most.
const CLAIMED: u64 = 100;
/// Messages that one request settles, at most.
const TARGETS: usize = 1000;
/// Messages that are looked at beyond those that are wanted: others may take the first ones meanwhile.
const SPARE: u64 = 20;
/// How long a lease is, where nothing else is said.
const LEASE: u64 = 5 * 60 * 1000;
/// The shortest and the longest lease.
const LEASES: (u64, u64) = (1000, 7 * 24 * 3600 * 1000);
/// The longest wait for work.
const WAIT: u64 = 3600 * 1000;
/// The longest delay.
const DELAY: u64 = 30 * 24 * 3600 * 1000;

#[utoipa::path(
    post,
    path = "/v1/claim",
    operation_id = "claim_messages",
    tag = "Work",
    summary = "Takes work from the inbox, oldest first",
    description = "Of several callers each message goes to one. A lease that runs out gives the message back. Without a body one message is taken.",
    request_body = Option<Claim>,
    responses((status = 200, description = "The messages, each with its lease; none if nothing came in time", body = Vec<Message>)),
    extensions(("x-error-codes" = json!(codes(&[Code::UnknownRecipient, Code::AmbiguousRecipient, Code::UnknownAgent, Code::NoAgent])))),
)]
pub(super) async fn claim(
    State(api): State<Api>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Vec<Message>>, ApiError> {
    let claim: Claim = parse_or_default(&body?)?;
    let count = within("n", claim.n.unwrap_or(1), (1, CLAIMED))?;
    let wait = within("wait_ms", claim.wait_ms.unwrap_or(0), (0, WAIT))?;
    let lease = lease(claim.lease_ms)?;
    let mut filter = claim.filter;
    if filter.dir == Some(Direction::Out) || filter.all.is_some_and(|all| all != 0) {
        let message = "filter: only what came in can be claimed; leave dir and all away";
        return Err(ApiError::new(Code::InvalidRequest, message));
    }
    if filter.state.is_some() {
        let message = "filter.state: only new messages can be claimed; leave it away";
        return Err(ApiError::new(Code::InvalidRequest, message));
    }
    filter.dir = Some(Direction::In);
    let plan = plan_of(&api, filter)?;
    let mut selection = plan.selection;
    selection.demand_ready();
    selection.limit = usize::try_from(count + SPARE).unwrap_or(usize::MAX);
    let mut claimer = Claimer {
        count: usize::try_from(count).unwrap_or(1),
        first: selection.after,
        selection,
        filter: plan.filter,
        lease,
        until: Instant::now() + Duration::from_millis(wait),
    };
    let claimed = claimer.claim(&api).await?;
    let names = names(&api);
    let shown = claimed
        .into_iter()
        .filter_map(|(seq, record)| view::message(seq, record, &names));
    Ok(Json(shown.collect()))
}

#[utoipa::path(
    post,
    path = "/v1/ack",
    operation_id = "ack_messages",
    tag = "Work",
    summary = "The work is done",
    description = "For all that are named, or for none. It can be repeated.",
    request_body = Ack,
    responses((status = 200, description = "Done", body = Changed)),
    extensions(("x-error-codes" = json!(codes(&[Code::MessageNotFound, Code::LeaseLost])))),
)]
pub(super) async fn ack(
    State(api): State<Api>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Changed>, ApiError> {
    let ack: Ack = parse(&body?)?;
    let targets = targets(ack.ids, ack.leases)?;
    settle(&api, targets, Settlement::Done).await
}

#[utoipa::path(
    post,
    path = "/v1/nack",
    operation_id = "nack_messages",
    tag = "Work",
    summary = "The work is not done: it can be claimed again, or is dead",
    description = "For all that are named, or for none.",
    request_body = Nack,
    responses((status = 200, description = "Given back, or dead", body = Changed)),
    extensions(("x-error-codes" = json!(codes(&[Code::MessageNotFound, Code::LeaseLost, Code::NotClaimed])))),
)]
pub(super) async fn nack(
    State(api): State<Api>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Changed>, ApiError> {
    let nack: Nack = parse(&body?)?;
    let targets = targets(nack.ids, nack.leases)?;
    let settlement = match (nack.dead, nack.delay_ms) {
        (true, Some(_)) => {
            let message = "dead: what is dead has no delay_ms; give one of the two";
            return Err(ApiError::new(Code::InvalidRequest, message));
        }
        (true, None) => Settlement::Dead,
        (false, None | Some(0)) => Settlement::Again(None),
        (false, Some(delay)) => {
            let delay = within("delay_ms", delay, (0, DELAY))?;
            Settlement::Again(Some(in_millis(delay)))
        }
    };
    settle(&api, targets, settlement).await
}

#[utoipa::path(
    post,
    path = "/v1/touch",
    operation_id = "touch_messages",
    tag = "Work",
    summary = "The work goes on: the leases are longer",
    description = "For all that are named, or for none.",
    request_body = Touch,
    responses((status = 200, description = "The leases end at `until`", body = Changed)),
    extensions(("x-error-codes" = json!(codes(&[Code::MessageNotFound, Code::LeaseLost, Code::NotClaimed])))),
)]
pub(super) async fn touch(
    State(api): State<Api>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Changed>, ApiError> {
    let touch: Touch = parse(&body?)?;
    let targets = targets(touch.ids, touch.leases)?;
    let until = in_millis(lease(touch.lease_ms)?);
    let Json(mut changed) = settle(&api, targets, Settlement::Keep(until)).await?;
    changed.until = Some(Clocks::read().to_wall(until));
    Ok(Json(changed))
}

#[utoipa::path(
    post,
    path = "/v1/messages/mark",
    operation_id = "mark_messages",
    tag = "Messages",
    summary = "Marks messages as read, unread or archived",
    description = "All that are named, or none.",
    request_body = Mark,
    responses((status = 200, description = "Marked", body = Changed)),
    extensions(("x-error-codes" = json!(codes(&[Code::MessageNotFound, Code::LeaseLost])))),
)]
pub(super) async fn mark(
    State(api): State<Api>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Changed>, ApiError> {
    let mark: Mark = parse(&body?)?;
    let targets = targets(mark.ids, Vec::new())?;
    settle(&api, targets, Settlement::Mark(mark.state.state())).await
}

/// Somebody who wants work, and how long they wait for it.
#[derive(Debug)]
struct Claimer {
    selection: Selection,
    filter: Filter,
    /// Where to begin again when messages come back.
    first: u64,
    count: usize,
    lease: u64,
    until: Instant,
}

impl Claimer {
    async fn claim(&mut self, api: &Api) -> Result<Vec<(u64, MessageRecord)>, ApiError> {
        let store = &api.context.store;
        let mut newest = store.newest();
        let mut ready = store.ready_changes();
        loop {
            newest.borrow_and_update();
            if ready.has_changed().unwrap_or(false) {
                ready.borrow_and_update();
                self.selection.after = self.first;
            }
            let matches = self.filter.clone().over(names(api));
            let page = store.select(self.selection.clone(), matches).await?;
            if !page.messages.is_empty() {
                let wanted = page.messages.iter().map(|(seq, _)| *seq).collect();
                let until = in_millis(self.lease);
                let now = clock::steady();
                let claimed = store.claim(wanted, self.count, now, until).await?;
                if !claimed.is_empty() {
                    return Ok(claimed);
                }
                // Others were faster with all of these. What they give back is announced.
            }
            self.selection.go_on(page.reached);
            if !page.end {
                continue;
            }
            tokio::select! {
                changed = newest.changed() => if changed.is_err() { return Ok(Vec::new()) },
                changed = ready.changed() => {
                    if changed.is_err() {
                        return Ok(Vec::new());
                    }
                    self.selection.after = self.first;
                }
                () = tokio::time::sleep_until(self.until) => return Ok(Vec::new()),
                () = api.context.stop.cancelled() => return Ok(Vec::new()),
            }
        }
    }
}

async fn settle(
    api: &Api,
    targets: Vec<Target>,
    settlement: Settlement,
) -> Result<Json<Changed>, ApiError> {
    let listed = |targets: Vec<Target>| {
        let names: Vec<String> = targets.iter().map(name).collect();
        names.join(", ")
    };
    match api.context.store.settle(targets, settlement).await? {
        Settled::Changed(seqs) => Ok(Json(Changed { seqs, until: None })),
        Settled::Missing(targets) => Err(ApiError::new(
            Code::MessageNotFound,
            format!("nothing was changed: no message that came in is named {}", listed(targets)),
        )),
        Settled::Lost(targets) => Err(ApiError::new(
            Code::LeaseLost,
            format!(
                "nothing was changed: {} was taken by somebody else meanwhile, or is settled",
                listed(targets)
            ),
        )
        .with_hint("the lease has run out: claim with a longer one, or touch it in time; what was done may be done twice")),
        Settled::Unclaimed(targets) => Err(ApiError::new(
            Code::NotClaimed,
            format!("nothing was changed: nobody has claimed {}", listed(targets)),
        )
        .with_hint("the lease has run out, or it is settled")),
    }
}

fn name(target: &Target) -> String {
    match target {
        Target::Id(id) => id.clone(),
        Target::Lease { seq, attempt } => view::token(*seq, *attempt),
    }
}

fn targets(ids: Vec<String>, leases: Vec<String>) -> Result<Vec<Target>, ApiError> {
    let count = ids.len() + leases.len();
    if count == 0 || count > TARGETS {
        let message = format!("ids, leases: 1 to {TARGETS} are allowed (given: {count})");
        return Err(ApiError::new(Code::InvalidRequest, message));
    }
    let leases = leases.into_iter().map(|token| {
        view::lease_named(&token).ok_or_else(|| {
            let message = format!("leases: {token:?} is no token of a lease");
            ApiError::new(Code::InvalidRequest, message)
                .with_hint("it is lease.token of the message that was claimed")
        })
    });
    let leases = leases.collect::<Result<Vec<_>, _>>()?;
    Ok(ids.into_iter().map(Target::Id).chain(leases).collect())
}

fn lease(given: Option<u64>) -> Result<u64, ApiError> {
    within("lease_ms", given.unwrap_or(LEASE), LEASES)
}

fn within(field: &str, value: u64, (least, most): (u64, u64)) -> Result<u64, ApiError> {
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    let message = format!("{field}: must be {least} to {most} (given: {value})");
    Err(ApiError::new(Code::InvalidRequest, message))
}

/// By the steady clock.
fn in_millis(millis: u64) -> Timestamp {
    clock::steady().after(Duration::from_millis(millis))
}

/// Nothing at all asks for what is usual.
fn parse_or_default<T: serde::de::DeserializeOwned + Default>(bytes: &[u8]) -> Result<T, ApiError> {
    if bytes.is_empty() {
        return Ok(T::default());
    }
    parse(bytes)
}
