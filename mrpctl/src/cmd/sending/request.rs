//! `mrpctl request`: asks for something, and prints what came of it.

mod answers;

use super::deliver::{Wanted, deliver_within};
use super::letter::{self, Draft};
use super::recipient::{check_recipient, is_group};
use super::{body, group, preview};
use crate::cli::sending::Request as Flags;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::output::escape;
use answers::{Answer, Answers};
use futures_util::future::join_all;
use mrp_proto::content::{Request, Response};
use mrpd_api::body::sending::Recipient;
use mrpd_api::body::{Send, Stage};
use mrpd_api::client::Client;
use serde_json::value::RawValue;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long the answer may take where no time limit was given.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    check_recipient("request", &flags.recipient)?;
    if is_group(&flags.recipient) && !flags.gather {
        return Err(Failure::new(
            Reason::Usage,
            format!("{} is a group, and each member answers", flags.recipient),
        )
        .fix(format!(
            "mrpctl request {} {} --gather",
            flags.recipient, flags.action
        )));
    }
    let params = body::data_or_members(flags.data.as_deref(), &flags.params).await?;
    let request = Request::new(flags.action.as_str(), params)
        .map_err(|error| Failure::new(Reason::BadData, error.to_string()))?;
    let template = letter::template(context, &flags.envelope);
    let send = Send {
        body: Some(body::checked(request.to_body())?.json),
        content_type: Some(Request::CONTENT_TYPE.to_owned()),
        ..letter::threaded(template, &flags.threading)
    };
    let client = context.daemon().await?;
    let asked = group::members(context, &client, &send, &flags.recipient).await?;
    if context.global.dry_run {
        return show_previews(context, &client, &asked, &send).await;
    }
    let patience = context.global.timeout.unwrap_or(PATIENCE);
    let deadline = Instant::now() + patience;
    let after = client.status().await?.inbox.newest;
    let id = flags.envelope.id.as_deref();
    let mut answers = Answers::behind(context, client.clone(), after, &send);
    let sending = asked
        .iter()
        .map(|recipient| ask(context, &client, &send, recipient, id, deadline));
    for (recipient, sent) in asked.iter().zip(join_all(sending).await) {
        match sent {
            Ok(message_id) => answers.expect(recipient, message_id),
            Err(failure) if flags.gather => answers.refused(context, recipient, &failure),
            Err(failure) => return Err(failure),
        }
    }
    if flags.gather {
        gather(context, answers, deadline, patience).await
    } else {
        let answer = timeout_at(deadline, answers.next()).await;
        let answer = answer.map_err(|_| late(patience))??;
        show_one(context, &flags.recipient, answer)
    }
}

/// Sends the request to one; gives the relay's name for it.
async fn ask(
    context: &Context,
    client: &Client,
    send: &Send,
    recipient: &Recipient,
    id: Option<&str>,
    deadline: Instant,
) -> Result<String, Failure> {
    let to = recipient.key.to_string();
    let id = id.map(|id| letter::key_for(id, &to));
    let draft = Draft::new(Send { to, ..send.clone() }, id)?;
    let wanted = Wanted::explicitly(Stage::Accepted);
    let left = deadline.saturating_duration_since(Instant::now());
    let sent = deliver_within(context, client.clone(), wanted, &draft, left).await?;
    for warning in &sent.warnings {
        context.output.warning(warning);
    }
    match (sent.message_id, sent.error) {
        (Some(id), _) => Ok(id),
        (None, Some(error)) if sent.stage == Stage::Failed => Err(error.into()),
        (None, _) => Err(Failure::new(
            Reason::TimedOut,
            format!(
                "no relay has accepted the request yet; {} stays on its way",
                sent.id
            ),
        )
        .fix("see mrpctl status; the request can be taken back with: mrpctl outbox cancel")),
    }
}

async fn show_previews(
    context: &Context,
    client: &Client,
    asked: &[Recipient],
    send: &Send,
) -> Result<(), Failure> {
    for recipient in asked {
        let send = Send {
            to: recipient.key.to_string(),
            ..send.clone()
        };
        let preview = preview::of(client, &send, &Default::default()).await?;
        context.output.object(&preview, || preview.text(), None)?;
    }
    Ok(())
}

fn show_one(context: &Context, who: &str, answer: Answer) -> Result<(), Failure> {
    if !answer.is_verified {
        context.output.warning(
            "that the answer is theirs is the relay's word: it is neither sealed nor signed",
        );
    }
    match answer.response {
        Response::Ok { result } => {
            let result = result.unwrap_or_else(|| RawValue::NULL.to_owned());
            let text = || pretty(&result);
            context.output.object(&result, text, Some(result.get()))
        }
        Response::Error { code, message } => Err(Failure::new(
            Reason::PeerError,
            format!("{} answered {code}: {message}", escape::line(who)),
        )),
    }
}

/// For people; what cannot be read again is shown as it is.
fn pretty(json: &RawValue) -> String {
    let value: Result<serde_json::Value, _> = serde_json::from_str(json.get());
    let pretty = value.and_then(|value| serde_json::to_string_pretty(&value));
    escape::block(&pretty.unwrap_or_else(|_| json.get().to_owned()))
}

/// Writes a line for each answer as it comes, until all have answered or the time is over.
async fn gather(
    context: &Context,
    mut answers: Answers<'_>,
    deadline: Instant,
    patience: Duration,
) -> Result<(), Failure> {
    let mut failed = answers.any_refused();
    while answers.are_missing() {
        let Ok(answer) = timeout_at(deadline, answers.next()).await else {
            let missing = answers.missing().join(", ");
            context.output.note(&format!("no answer from {missing}"));
            return Err(late(patience));
        };
        let answer = answer?;
        failed |= matches!(answer.response, Response::Error { .. });
        context
            .output
            .bytes(context.output.json_line(&answer.line())?)?;
    }
    if failed {
        return Err(Failure::Status(Reason::PeerError.exit()));
    }
    Ok(())
}

fn late(patience: Duration) -> Failure {
    Failure::new(
        Reason::TimedOut,
        format!("no answer within {patience:?}; the request stays on its way"),
    )
    .fix("wait longer with --timeout, or look later: mrpctl tail --kind response")
}
