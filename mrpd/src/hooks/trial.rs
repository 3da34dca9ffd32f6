//! A hook tried by hand: its command is run, and nothing else happens.

use super::automatic;
use super::engine::proof_of;
use super::hook::{Hook, ReplyForm};
use super::invocation::{Invocation, Outcome, Report, attachments_of};
use super::matching::{self, Verdict};
use super::reply;
use super::work::excerpt;
use crate::context::Context;
use crate::store::StoreError;
use mrpd_api::message::Message;
use serde_json::value::RawValue;

/// What came of a trial.
#[derive(Debug)]
pub struct Trial {
    /// Whether the message is for the hook.
    pub matches: bool,
    /// Why it is not, where it would be but for its sender.
    pub passed_over: Option<String>,
    /// What the end means, in one word.
    pub outcome: &'static str,
    /// How it ended.
    pub why: String,
    /// The exit status.
    pub status: Option<i32>,
    /// The beginning of its standard output.
    pub stdout: String,
    /// The beginning of its standard error.
    pub stderr: String,
    /// The body of the reply that would have been sent.
    pub reply: Option<Box<RawValue>>,
}

impl Trial {
    /// Runs a hook's command on a message, whether or not that is for it.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn run(context: &Context, hook: &Hook, message: Message) -> Result<Self, StoreError> {
        let names = context.contacts.names(&context.roster());
        let key = message.from.key.to_string();
        let proof = proof_of(context, &key, message.verified).await?;
        let verdict = matching::judge(&hook.filter, &message, proof, &names);
        let invocation = Invocation {
            name: hook.name.clone(),
            program: hook.program.clone(),
            attachments: attachments_of(std::slice::from_ref(&message)),
            messages: vec![message.clone()],
            attempt: message.attempt.max(1),
            socket: context.runner.socket().to_path_buf(),
        };
        let report = context.runner.run(invocation, &context.stop).await;
        let reply = reply_of(hook, &report, &message);
        let (reply, wrong) = match reply {
            Ok(reply) => (reply, None),
            Err(what) => (None, Some(what)),
        };
        Ok(Self {
            matches: verdict == Verdict::Run,
            passed_over: match verdict {
                Verdict::PassedOver(why) => Some(why),
                Verdict::Run | Verdict::Other => None,
            },
            outcome: word(report.outcome),
            why: match wrong {
                Some(wrong) => format!("{}; {wrong}", report.why),
                None => report.why,
            },
            status: report.status,
            stdout: excerpt(&report.stdout),
            stderr: excerpt(&report.stderr),
            reply,
        })
    }
}

fn reply_of(
    hook: &Hook,
    report: &Report,
    message: &Message,
) -> Result<Option<Box<RawValue>>, String> {
    let handled = matches!(report.outcome, Outcome::Handled | Outcome::HandledAlone);
    let silent = hook.reply == ReplyForm::None || automatic::is_automatic(&message.metadata);
    if !handled || silent {
        return Ok(None);
    }
    reply::body(hook.reply, report)
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Handled => "handled",
        Outcome::HandledAlone => "handled_alone",
        Outcome::Later => "retry",
        Outcome::Dead => "dead",
        Outcome::Failed | Outcome::Interrupted => "failed",
    }
}
