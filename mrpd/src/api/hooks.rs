//! `/v1/hooks`: how hooks stand, switching them, trying them, having them look again.

mod log;

pub(super) use log::{__path_log, log};

use super::error::parse;
use super::name::Name;
use super::openapi::codes;
use super::{Api, ApiError, view};
use crate::hooks::program::Action;
use crate::hooks::{HookError, HookState, Switch, Trial};
use crate::store::{DeadJob, Selection, Store};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use mrp_proto::time::Timestamp;
use mrpd_api::body::hooks::{Hook, HookReplay, HookTest, HookTried};
use mrpd_api::error::Code;
use mrpd_api::message::{Direction, Message};
use serde_json::value::RawValue;
use serde_json::{Value, json};

#[utoipa::path(
    get,
    path = "/v1/hooks",
    operation_id = "list_hooks",
    tag = "Hooks",
    summary = "All hooks, in the order in which they run",
    responses((status = 200, description = "The hooks", body = Vec<Hook>)),
)]
pub(super) async fn list(State(api): State<Api>) -> Result<Json<Vec<Hook>>, ApiError> {
    let states = api.context.hooks.list().await?;
    let dead = api.context.store.dead_jobs().await?;
    let shown = states.into_iter().map(|state| shown(state, &dead));
    Ok(Json(shown.collect()))
}

#[utoipa::path(
    get,
    path = "/v1/hooks/{name}",
    operation_id = "show_hook",
    tag = "Hooks",
    summary = "One hook",
    params(("name" = String, Path, description = "The hook's name")),
    responses((status = 200, description = "The hook", body = Hook)),
    extensions(("x-error-codes" = json!(codes(&[Code::UnknownHook])))),
)]
pub(super) async fn one(State(api): State<Api>, Name(name): Name) -> Result<Json<Hook>, ApiError> {
    let state = api.context.hooks.find(&name).await?;
    show(&api, state).await
}

#[utoipa::path(
    post,
    path = "/v1/hooks/{name}/enable",
    operation_id = "enable_hook",
    tag = "Hooks",
    summary = "Switches a hook on; it begins behind the newest message",
    params(("name" = String, Path, description = "The hook's name")),
    responses((status = 200, description = "The hook", body = Hook)),
    extensions(("x-error-codes" = json!(codes(&[Code::UnknownHook])))),
)]
pub(super) async fn enable(
    State(api): State<Api>,
    Name(name): Name,
) -> Result<Json<Hook>, ApiError> {
    let state = api.context.hooks.switch(&name, Switch::On).await?;
    show(&api, state).await
}

#[utoipa::path(
    post,
    path = "/v1/hooks/{name}/disable",
    operation_id = "disable_hook",
    tag = "Hooks",
    summary = "Switches a hook off until it is switched on; what it has before it waits",
    params(("name" = String, Path, description = "The hook's name")),
    responses((status = 200, description = "The hook", body = Hook)),
    extensions(("x-error-codes" = json!(codes(&[Code::UnknownHook])))),
)]
pub(super) async fn disable(
    State(api): State<Api>,
    Name(name): Name,
) -> Result<Json<Hook>, ApiError> {
    let state = api.context.hooks.switch(&name, Switch::Off).await?;
    show(&api, state).await
}

#[utoipa::path(
    post,
    path = "/v1/hooks/{name}/replay",
    operation_id = "replay_hook",
    tag = "Hooks",
    summary = "Has a hook look again at what came since a time",
    params(("name" = String, Path, description = "The hook's name"), HookReplay),
    responses((status = 200, description = "The hook", body = Hook)),
    extensions(("x-error-codes" = json!(codes(&[Code::UnknownHook, Code::Refused])))),
)]
pub(super) async fn replay(
    State(api): State<Api>,
    Name(name): Name,
    query: Result<Query<HookReplay>, QueryRejection>,
) -> Result<Json<Hook>, ApiError> {
    let Query(HookReplay { since }) = query?;
    api.context.hooks.find(&name).await?;
    let after = place_before(&api.context.store, since).await?;
    let state = api.context.hooks.replay(&name, after).await?;
    show(&api, state).await
}

/// The place behind which everything stands that came at a time or later.
async fn place_before(store: &Store, since: Timestamp) -> Result<u64, ApiError> {
    let mut selection = Selection::default();
    selection.since = Some(since);
    selection.limit = 1;
    loop {
        let page = store
            .select(selection.clone(), move |_, message| {
                message.received_at >= since
            })
            .await?;
        if let Some((seq, _)) = page.messages.first() {
            return Ok(seq.saturating_sub(1));
        }
        if page.end {
            return Ok(page.reached);
        }
        selection.go_on(page.reached);
    }
}

#[utoipa::path(
    post,
    path = "/v1/hooks/{name}/test",
    operation_id = "test_hook",
    tag = "Hooks",
    summary = "Runs a hook's command on a message; nothing is recorded, and no reply is sent",
    params(("name" = String, Path, description = "The hook's name")),
    request_body = HookTest,
    responses((status = 200, description = "What came of it", body = HookTried)),
    extensions(("x-error-codes" = json!(codes(&[Code::UnknownHook, Code::MessageNotFound, Code::NoAgent])))),
)]
pub(super) async fn test(
    State(api): State<Api>,
    Name(name): Name,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<HookTried>, ApiError> {
    let asked: HookTest = parse(&body?)?;
    let state = api.context.hooks.find(&name).await?;
    let message = match (asked.message_id, asked.message) {
        (Some(id), None) => stored(&api, id).await?,
        (None, Some(fields)) => sample(&api, &fields)?,
        (None, None) => sample(&api, RawValue::NULL)?,
        (Some(_), Some(_)) => {
            let message = "give either message_id or message, not both";
            return Err(ApiError::new(Code::InvalidRequest, message));
        }
    };
    let trial = Trial::run(&api.context, &state.hook, message).await?;
    Ok(Json(trial.into()))
}

impl From<Trial> for HookTried {
    fn from(trial: Trial) -> Self {
        Self {
            matches: trial.matches,
            passed_over: trial.passed_over,
            outcome: trial.outcome.to_owned(),
            why: trial.why,
            status: trial.status,
            stdout: trial.stdout,
            stderr: trial.stderr,
            reply: trial.reply,
        }
    }
}

impl From<HookError> for ApiError {
    fn from(error: HookError) -> Self {
        let message = error.to_string();
        match error {
            HookError::Unknown { .. } => Self::new(Code::UnknownHook, message).with_hint(
                "see mrpctl hook ls; one that is written wrongly is named by mrpctl status",
            ),
            HookError::Disabled { .. } => {
                Self::new(Code::Refused, message).with_hint("see mrpctl hook enable")
            }
            HookError::Store(error) => error.into(),
            HookError::Silent => Self::new(Code::TryAgain, message),
        }
    }
}

async fn show(api: &Api, state: HookState) -> Result<Json<Hook>, ApiError> {
    let dead = api.context.store.dead_jobs().await?;
    Ok(Json(shown(state, &dead)))
}

fn shown(state: HookState, dead: &[DeadJob]) -> Hook {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let (action, command) = match &state.hook.program.action {
        Action::Exec(words) => ("exec", words.join(" ")),
        Action::Shell(line) => ("shell", line.clone()),
        Action::Notify { title, .. } => ("notify", title.source().to_owned()),
    };
    let name = state.hook.name.clone();
    let given_up = dead.iter().filter(|dead| dead.hook == name).count();
    Hook {
        enabled: !state.record.disabled,
        action: action.to_owned(),
        command,
        queued: count(state.queued),
        running: count(state.running),
        handled: state.record.handled,
        failed: state.record.failed,
        dead: count(given_up),
        cursor: state.record.cursor,
        name,
    }
}

async fn stored(api: &Api, id: String) -> Result<Message, ApiError> {
    let store = &api.context.store;
    let mut found = match id.parse() {
        Ok(seq) => {
            let message = store.message_at(seq).await?;
            message.map(|message| (seq, message)).into_iter().collect()
        }
        Err(_) => store.by_id(id.clone()).await?,
    };
    found.sort_by_key(|(seq, message)| (message.dir == Direction::Out, *seq));
    let names = api.context.contacts.names(&api.context.roster());
    let first = found.into_iter().next();
    first
        .and_then(|(seq, record)| view::message(seq, record, &names))
        .ok_or_else(|| {
            let message = format!("there is no message {id:?} here");
            ApiError::new(Code::MessageNotFound, message)
        })
}

/// A message from the agent to itself, in which the given fields stand in place of its own.
fn sample(api: &Api, fields: &RawValue) -> Result<Message, ApiError> {
    let wrong = |what: String| ApiError::new(Code::InvalidRequest, format!("message: {what}"));
    let roster = api.context.roster();
    let agent = roster
        .default_agent()
        .ok_or_else(|| ApiError::new(Code::NoAgent, "there is no agent yet"))?;
    let fields: Value =
        serde_json::from_str(fields.get()).map_err(|error| wrong(error.to_string()))?;
    let own = agent.public.to_string();
    let now = crate::clock::now();
    let mut message = json!({
        "v": 1, "seq": 0, "id": "msg_0_000000000000", "dir": "in", "agent": agent.config.name,
        "relay": agent.links.first().map_or("", |link| link.relay.name.as_str()),
        "from": {"key": own, "name": agent.config.name, "short": agent.public.short(), "trust": "trusted"},
        "to": own, "kind": "text", "type": "application/json", "text": "a trial",
        "body": {"text": "a trial"}, "thread": null, "reply_to": null, "attachments": [],
        "metadata": {}, "encrypted": true, "verified": true, "state": "new", "attempt": 1,
        "created_at": now, "received_at": now, "expires_at": now,
    });
    match (fields, message.as_object_mut()) {
        (Value::Object(fields), Some(message)) => message.extend(fields),
        (Value::Null, _) => {}
        (other, _) => return Err(wrong(format!("expected an object, not {other}"))),
    }
    // Through the text: raw JSON inside can only be read from one.
    serde_json::from_str(&message.to_string()).map_err(|error| wrong(error.to_string()))
}
