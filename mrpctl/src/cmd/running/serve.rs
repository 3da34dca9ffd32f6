//! `mrpctl serve`: answers requests with what a command prints.
//!
//! Requests are claimed under a lease, so that several share them and what was not answered comes again. A request is settled only
//! when its answer is durable, and the answer has a key: it is sent once.

mod schema;

use super::handler::{Answered, Handler, meaning};
use super::on::EVERYBODY;
use crate::cli::running::Serve as Flags;
use crate::cli::value;
use crate::cmd::sending::deliver::{Wanted, deliver};
use crate::cmd::sending::letter::Draft;
use crate::cmd::sending::reply;
use crate::context::Context;
use crate::exit::Failure;
use crate::output::escape;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use mrp_proto::content::{Request, Response};
use mrpd_api::body::inbox::{Ack, Claim, Nack};
use mrpd_api::body::{MessageQuery, Send, Stage};
use mrpd_api::client::{Client, ClientError};
use mrpd_api::hook::{Meaning, answer, automatic};
use mrpd_api::message::{Kind, Message};
use schema::Schema;
use std::time::Duration;
use tokio::time::sleep;

/// How long the daemon may hold a claim until there is something.
const CLAIM_WAIT: Duration = Duration::from_secs(20);
/// What a lease lasts beyond the run itself: the answer is to be durable by then.
const LEASE_MARGIN: Duration = Duration::from_secs(60);
/// How long to leave a daemon alone that went away.
const AWAY: Duration = Duration::from_millis(500);
/// When a request is tried again whose command said that it cannot be answered now.
const LATER: Duration = Duration::from_secs(5);
/// How often a request is tried.
const ATTEMPTS: u32 = 3;

pub(super) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let schema = match &flags.schema {
        Some(path) => Some(Schema::load(path).await?),
        None => None,
    };
    let server = Server {
        context,
        handler: Handler {
            context,
            name: "serve",
            words: &flags.command,
            limit: flags.run_timeout,
            socket: Some(client.socket().to_path_buf()),
        },
        schema,
    };
    let filter = MessageQuery {
        from: flags.from.clone().filter(|from| from != EVERYBODY),
        agent: context.global.agent.clone(),
        kind: Some(Kind::Request),
        condition: Some(condition(&flags)),
        ..MessageQuery::default()
    };
    context.output.verbose(|| "waiting for requests".to_owned());
    let mut running = FuturesUnordered::new();
    let mut client = client;
    let mut taken = 0;
    loop {
        let left = flags.count.map_or(u64::MAX, |count| count - taken);
        let free = u64::from(flags.jobs)
            .saturating_sub(running.len() as u64)
            .min(left);
        if free == 0 && running.is_empty() {
            return Ok(());
        }
        let claim = Claim {
            n: Some(free),
            lease_ms: Some(milliseconds(flags.run_timeout + LEASE_MARGIN)),
            wait_ms: Some(milliseconds(CLAIM_WAIT)),
            filter: filter.clone(),
        };
        tokio::select! {
            Some(done) = running.next() => done?,
            claimed = client.claim(&claim), if free > 0 => match claimed {
                Ok(requests) => {
                    taken += requests.len() as u64;
                    for request in requests {
                        running.push(server.serve(client.clone(), request));
                    }
                }
                Err(error) => client = server.wait_for_daemon(client.clone(), error).await?,
            },
        }
    }
}

/// What the daemon looks for: texts are written as JSON, which expressions read as such.
fn condition(flags: &Flags) -> String {
    let everybody = flags.from.as_deref() == Some(EVERYBODY);
    let quoted = |text: &String| serde_json::Value::from(text.as_str()).to_string();
    let actions: Vec<String> = flags.actions.iter().map(quoted).collect();
    let mut condition = format!("body.action in [{}]", actions.join(", "));
    if !everybody {
        condition.push_str(" and from.trust != \"unknown\"");
    }
    if !everybody && !flags.senders.unverified {
        condition.push_str(" and verified");
    }
    condition
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

struct Server<'a> {
    context: &'a Context,
    handler: Handler<'a>,
    schema: Option<Schema>,
}

/// What comes of a request.
enum Verdict {
    Answer(Response),
    Later,
    /// Nobody waits for it, or nobody may be answered.
    Nothing(&'static str),
}

impl Server<'_> {
    /// Answers one request, and settles it.
    async fn serve(&self, client: Client, request: Message) -> Result<(), Failure> {
        let lease = request.lease.as_ref().map(|lease| lease.token.clone());
        let leases: Vec<String> = lease.into_iter().collect();
        match self.judge(&request).await? {
            Verdict::Answer(response) => {
                self.tell(&request, &response);
                self.send(&client, &request, &response).await?;
            }
            Verdict::Later => {
                let nack = Nack {
                    leases,
                    delay_ms: Some(milliseconds(LATER)),
                    ..Nack::default()
                };
                return settled(client.nack(&nack).await.map(drop));
            }
            Verdict::Nothing(why) => {
                let id = &request.id;
                self.context
                    .output
                    .note(&format!("{id} is not answered: {why}"));
            }
        }
        let ack = Ack {
            leases,
            ..Ack::default()
        };
        settled(client.ack(&ack).await.map(drop))
    }

    async fn judge(&self, request: &Message) -> Result<Verdict, Failure> {
        if automatic::is_automatic(&request.metadata) {
            return Ok(Verdict::Nothing("a program sent it by itself"));
        }
        if request.expires_at <= value::now() {
            return Ok(Verdict::Nothing("it has expired"));
        }
        let params = request.body.as_deref().and_then(Request::parse);
        let Some(params) = params else {
            return Ok(Verdict::Nothing("it is no request"));
        };
        if let Some(schema) = &self.schema
            && let Err(what) = schema.check(params.params())
        {
            return Ok(Verdict::Answer(Response::Error {
                code: "invalid_params".to_owned(),
                message: what,
            }));
        }
        let answered = self.handler.answer(request, request.attempt).await?;
        let meaning = meaning(answered.ended.end);
        if meaning == Meaning::Later && request.attempt < ATTEMPTS {
            return Ok(Verdict::Later);
        }
        Ok(Verdict::Answer(response(&answered, meaning)))
    }

    fn tell(&self, request: &Message, response: &Response) {
        let who = match &request.from.name {
            Some(name) => escape::line(name),
            None => request.from.short.clone(),
        };
        let how = match response {
            Response::Ok { .. } => "ok".to_owned(),
            Response::Error { code, .. } => escape::line(code),
        };
        let id = &request.id;
        self.context
            .output
            .verbose(|| format!("{id} of {who}: {how}"));
    }

    async fn send(
        &self,
        client: &Client,
        request: &Message,
        response: &Response,
    ) -> Result<(), Failure> {
        let template = Send {
            body: Some(response.to_body()),
            content_type: Some(Response::CONTENT_TYPE.to_owned()),
            metadata: automatic::marks(&request.metadata),
            ..Send::default()
        };
        let send = reply::addressed(client, template, request).await?;
        let draft = Draft::new(send, Some(format!("serve-{}", request.id)))?;
        let wanted = Wanted::explicitly(Stage::Queued);
        match deliver(self.context, client.clone(), wanted, &draft).await {
            // An earlier run has answered, and was killed before it could say so.
            Err(failure) if is_answered_before(&failure) => Ok(()),
            other => other.map(drop),
        }
    }

    async fn wait_for_daemon(&self, client: Client, error: ClientError) -> Result<Client, Failure> {
        match error {
            ClientError::Connection { .. } | ClientError::TimedOut { .. } => {}
            error if crate::exit::is_refused_as(&error, mrpd_api::error::Code::ShuttingDown) => {}
            error => return Err(error.into()),
        }
        sleep(AWAY).await;
        Ok(self.context.running_daemon().await.unwrap_or(client))
    }
}

fn response(answered: &Answered, meaning: Meaning) -> Response {
    if let Some(told) = answer::told(&answered.told) {
        return told;
    }
    match meaning {
        Meaning::Handled | Meaning::HandledAlone if answered.ended.cut => {
            answer::failed("the handler wrote too much")
        }
        Meaning::Handled | Meaning::HandledAlone => match answer::result(&answered.ended.stdout) {
            Some(result) => Response::Ok {
                result: Some(result),
            },
            None => answer::failed("the handler wrote no JSON"),
        },
        Meaning::Later | Meaning::Dead | Meaning::Failed => answer::failed("the handler failed"),
    }
}

fn is_answered_before(failure: &Failure) -> bool {
    let code = mrpd_api::error::Code::IdempotencyMismatch.as_str();
    failure.told().is_some_and(|told| told.detail.code == code)
}

/// Who took the request meanwhile answers it.
fn settled(settled: Result<(), ClientError>) -> Result<(), Failure> {
    match settled {
        Err(error) if crate::exit::is_refused_as(&error, mrpd_api::error::Code::LeaseLost) => {
            Ok(())
        }
        other => Ok(other?),
    }
}
