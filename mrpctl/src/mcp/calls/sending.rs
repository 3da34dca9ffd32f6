//! Sending, answering, and asking for something.

use super::{message_at, value, within};
use crate::cmd::sending::letter::random_id;
use crate::exit::{Failure, Reason};
use crate::mcp::Desk;
use crate::mcp::arguments::{
    Content, Reply, Request as RequestArguments, Send as SendArguments, WaitFor,
};
use mrp_proto::content::Request;
use mrpd_api::body::blobs::Attach;
use mrpd_api::body::{Send, Stage};
use mrpd_api::client::Client;
use mrpd_api::message::Direction;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

pub(in crate::mcp) async fn send(desk: &Desk, asked: SendArguments) -> Result<Value, Failure> {
    let client = desk.daemon().await?;
    let draft = Send {
        to: desk.recipient(&client, &asked.to).await?,
        thread: asked.thread,
        reply_to: asked.reply_to,
        ..Send::default()
    };
    say(desk, &client, draft, asked.content).await
}

pub(in crate::mcp) async fn reply(desk: &Desk, asked: Reply) -> Result<Value, Failure> {
    let client = desk.daemon().await?;
    let answered = client.message(&asked.message_id).await?.message;
    let other = match answered.dir {
        Direction::In => &answered.from.key,
        Direction::Out => &answered.to,
    };
    let draft = Send {
        agent: Some(answered.agent.clone()),
        to: desk.recipient(&client, &other.to_string()).await?,
        thread: answered.thread.clone(),
        reply_to: Some(answered.id.clone()),
        ..Send::default()
    };
    say(desk, &client, draft, asked.content).await
}

async fn say(
    desk: &Desk,
    client: &Client,
    draft: Send,
    content: Content,
) -> Result<Value, Failure> {
    let body = match (content.text, content.body) {
        (Some(text), None) => Some(raw(&json!({ "text": text }))?),
        (None, Some(body)) => Some(raw(&body)?),
        (None, None) if !content.attachments.is_empty() => None,
        (None, None) => {
            return Err(Failure::new(Reason::BadData, "there is nothing to send")
                .fix("give text, body or attachments"));
        }
        (Some(_), Some(_)) => {
            return Err(Failure::new(
                Reason::BadData,
                "the message is given twice, as text and as body",
            ));
        }
    };
    let attach = |id: String| Attach {
        id,
        ..Attach::default()
    };
    let send = Send {
        agent: draft.agent.or_else(|| desk.agent()),
        body,
        attachments: content.attachments.into_iter().map(attach).collect(),
        wait: Some(stage(content.wait.unwrap_or(WaitFor::Accepted))),
        ..draft
    };
    let key = content.idempotency_key.map_or_else(random_id, Ok)?;
    value(&client.send(&send, &key).await?)
}

pub(in crate::mcp) async fn request(
    desk: &Desk,
    asked: RequestArguments,
) -> Result<Value, Failure> {
    let timeout = within("timeout_seconds", asked.timeout_seconds, 1..=600, 60)?;
    let params = raw(&Value::Object(asked.params))?;
    let request = Request::new(asked.action, params)
        .map_err(|error| Failure::new(Reason::BadData, error.to_string()))?;
    let client = desk.daemon().await?;
    let send = Send {
        agent: desk.agent(),
        to: desk.recipient(&client, &asked.to).await?,
        body: Some(request.to_body()),
        content_type: Some(Request::CONTENT_TYPE.to_owned()),
        wait: Some(Stage::Replied),
        wait_ms: Some(timeout * 1000),
        ..Send::default()
    };
    let sent = client.send(&send, &random_id()?).await?;
    if sent.stage == Stage::Replied
        && let Some(seq) = client.receipt(&sent.id).await?.reply
    {
        let answer = message_at(&client, seq).await?;
        return Ok(json!({
            "answered": true,
            "request": sent.message_id,
            "from": value(&answer.from)?,
            "verified": answer.verified,
            "answer": value(&answer.body)?,
        }));
    }
    Ok(json!({
        "answered": false,
        "request": sent.message_id,
        "stage": sent.stage,
        "error": value(&sent.error)?,
        "note": format!(
            "no answer within {timeout} s; it may still come: check_messages with reply_to the request's id"
        ),
    }))
}

fn stage(wait: WaitFor) -> Stage {
    match wait {
        WaitFor::Queued => Stage::Queued,
        WaitFor::Accepted => Stage::Accepted,
        WaitFor::Delivered => Stage::Delivered,
    }
}

fn raw(value: &Value) -> Result<Box<RawValue>, Failure> {
    to_raw_value(value).map_err(|error| Failure::new(Reason::Internal, error.to_string()))
}
