//! The answers to what was asked.

use crate::context::Context;
use crate::exit::Failure;
use crate::follow::Follower;
use crate::output::escape;
use mrp_proto::content::{Response, Status};
use mrp_proto::key::PublicKey;
use mrpd_api::body::sending::Recipient;
use mrpd_api::body::{MessageQuery, Send};
use mrpd_api::client::Client;
use mrpd_api::message::{Kind, Message};
use serde::Serialize;
use serde_json::value::RawValue;

/// Who was asked, and has not answered.
struct Asked {
    key: PublicKey,
    name: Option<String>,
    message_id: String,
}

/// An answer, and whose it is.
pub(super) struct Answer {
    key: PublicKey,
    name: Option<String>,
    id: String,
    pub(super) response: Response,
    pub(super) is_verified: bool,
}

/// A line of `--gather`.
#[derive(Serialize)]
pub(super) struct AnswerLine<'a> {
    from: From<'a>,
    id: &'a str,
    verified: bool,
    #[serde(flatten)]
    response: Told<'a>,
}

#[derive(Serialize)]
struct From<'a> {
    key: PublicKey,
    name: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Told<'a> {
    Ok { result: Option<&'a RawValue> },
    Error { error: Why<'a> },
}

#[derive(Serialize)]
struct Why<'a> {
    code: &'a str,
    message: &'a str,
}

pub(super) struct Answers<'a> {
    context: &'a Context,
    follower: Follower<'a>,
    asked: Vec<Asked>,
    refused: bool,
}

impl<'a> Answers<'a> {
    /// Answers that come behind `after`, which is where the inbox ended before anything was sent: none is missed.
    pub(super) fn behind(context: &'a Context, client: Client, after: u64, send: &Send) -> Self {
        let query = MessageQuery {
            agent: send.agent.clone(),
            ..MessageQuery::default()
        };
        Self {
            context,
            follower: Follower::behind(context, client, after, query),
            asked: Vec::new(),
            refused: false,
        }
    }

    pub(super) fn expect(&mut self, recipient: &Recipient, message_id: String) {
        self.asked.push(Asked {
            key: recipient.key,
            name: recipient.name.clone(),
            message_id,
        });
    }

    /// Nobody who was not asked answers.
    pub(super) fn refused(&mut self, context: &Context, recipient: &Recipient, failure: &Failure) {
        self.refused = true;
        let who = name(recipient.name.as_deref(), &recipient.key);
        let why = failure
            .told()
            .map_or("not sent", |told| told.detail.message.as_str());
        context
            .output
            .warning(&format!("{who} was not asked: {why}"));
    }

    pub(super) fn any_refused(&self) -> bool {
        self.refused
    }

    pub(super) fn are_missing(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Who has not answered.
    pub(super) fn missing(&self) -> Vec<String> {
        let names = self
            .asked
            .iter()
            .map(|asked| name(asked.name.as_deref(), &asked.key));
        names.collect()
    }

    /// The next one. How far something is, is told on the way.
    pub(super) async fn next(&mut self) -> Result<Answer, Failure> {
        loop {
            let message = self.follower.next().await?.message;
            let place = self.asked.iter().position(|asked| {
                asked.key == message.from.key
                    && message.reply_to.as_deref() == Some(&asked.message_id)
            });
            let Some(place) = place else { continue };
            if message.kind == Kind::Status {
                self.tell_progress(&self.asked[place], &message);
                continue;
            }
            let Some(response) = response(&message) else {
                continue;
            };
            let Asked { key, name, .. } = self.asked.swap_remove(place);
            return Ok(Answer {
                key,
                name,
                id: message.id,
                response,
                is_verified: message.verified,
            });
        }
    }

    fn tell_progress(&self, asked: &Asked, message: &Message) {
        let status = message.body.as_deref().and_then(Status::parse);
        let Some(status) = status else { return };
        let percent = status
            .progress
            .map(|progress| format!("{:.0} %", progress.percent()));
        let parts = [percent, status.stage, status.detail];
        let told: Vec<String> = parts.into_iter().flatten().collect();
        let who = name(asked.name.as_deref(), &asked.key);
        self.context
            .output
            .note(&format!("{who}: {}", escape::line(&told.join(", "))));
    }
}

impl Answer {
    pub(super) fn line(&self) -> AnswerLine<'_> {
        AnswerLine {
            from: From {
                key: self.key,
                name: self.name.as_deref(),
            },
            id: &self.id,
            verified: self.is_verified,
            response: match &self.response {
                Response::Ok { result } => Told::Ok {
                    result: result.as_deref(),
                },
                Response::Error { code, message } => Told::Error {
                    error: Why { code, message },
                },
            },
        }
    }
}

/// A reply that keeps to no convention is a result as a whole: people answer too.
fn response(message: &Message) -> Option<Response> {
    let body = message.body.as_deref()?;
    if message.kind == Kind::Undecryptable {
        return None;
    }
    Some(Response::parse(body).unwrap_or_else(|| Response::Ok {
        result: Some(body.to_owned()),
    }))
}

fn name(name: Option<&str>, key: &PublicKey) -> String {
    match name {
        Some(name) => escape::line(name),
        None => key.short(),
    }
}
