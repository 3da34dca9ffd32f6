//! What would be sent, for those who only want to see it.

use super::files::{Files, Planned};
use crate::exit::{Failure, Reason};
use crate::output::{escape, pairs};
use mrp_proto::time::Timestamp;
use mrpd_api::body::Send;
use mrpd_api::body::sending::{Recipient, RecipientQuery};
use mrpd_api::client::Client;
use serde::Serialize;
use serde_json::value::RawValue;

/// A message as it would be sent to one.
#[derive(Debug, Serialize)]
pub(super) struct Preview {
    dry_run: bool,
    #[serde(flatten)]
    recipient: Recipient,
    #[serde(rename = "type")]
    content_type: Option<String>,
    thread: Option<String>,
    reply_to: Option<String>,
    at: Option<Timestamp>,
    delay_ms: Option<u64>,
    bytes: usize,
    body: Option<Box<RawValue>>,
    files: Vec<Planned>,
}

/// Asks the daemon whom the message would go to, and how.
pub(super) async fn of(client: &Client, send: &Send, files: &Files) -> Result<Preview, Failure> {
    let query = RecipientQuery {
        agent: send.agent.clone(),
        relay: send.relay.clone(),
        sealing: Some(send.sealing),
        ..RecipientQuery::default()
    };
    let mut meant = client.recipients(&send.to, &query).await?.recipients;
    let recipient = meant
        .pop()
        .ok_or_else(|| Failure::new(Reason::Internal, "mrpd names nobody for the recipient"))?;
    Ok(Preview {
        dry_run: true,
        recipient,
        content_type: send.content_type.clone(),
        thread: send.thread.clone(),
        reply_to: send.reply_to.clone(),
        at: send.at,
        delay_ms: send.delay_ms,
        bytes: send.body.as_ref().map_or(0, |body| body.get().len()),
        body: send.body.clone(),
        files: files.planned(),
    })
}

impl Preview {
    pub(super) fn text(&self) -> String {
        let files: Vec<String> = self.files.iter().map(Planned::text).collect();
        let or_nothing = |text: &Option<String>| text.clone().unwrap_or_default();
        let body = self.body.as_ref().map_or("", |body| body.get());
        let recipient = &self.recipient;
        let held = match (self.at, self.delay_ms) {
            (Some(at), _) => at.to_string(),
            (None, Some(delay)) => format!("in {} s", delay / 1000),
            (None, None) => String::new(),
        };
        let mut text = pairs(&[
            ("to", self.name()),
            ("as", recipient.agent.clone()),
            ("by", recipient.relay.clone()),
            ("sealed", self.sealed().to_owned()),
            ("thread", or_nothing(&self.thread)),
            ("reply to", or_nothing(&self.reply_to)),
            ("held", held),
            ("type", or_nothing(&self.content_type)),
            ("body", escape::line(body)),
            ("bytes", self.bytes.to_string()),
            ("files", files.join("\n")),
            ("warnings", recipient.warnings.join("\n")),
        ]);
        text.push_str("\nnothing was sent (--dry-run)\n");
        text
    }

    /// In one line.
    pub(super) fn line(&self) -> String {
        let sealed = self.sealed();
        format!("{}\tsealed: {sealed}\t{} bytes", self.name(), self.bytes)
    }

    fn name(&self) -> String {
        let key = self.recipient.key;
        match &self.recipient.name {
            Some(name) => format!("{} {key}", escape::line(name)),
            None => key.to_string(),
        }
    }

    fn sealed(&self) -> &'static str {
        if self.recipient.encrypted {
            "yes"
        } else {
            "no"
        }
    }
}
