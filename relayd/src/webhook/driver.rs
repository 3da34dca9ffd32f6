//! Takes from the store whose turn it is, as far as the gate lets them through, and writes down what came of it.
//!
//! Nothing is remembered here that the store does not know: whoever must wait is postponed in the store, so that those behind come
//! to the front. What is under way when the relay ends is done again after its start, under the same delivery id.

use super::Webhooks;
use super::gate::{Later, Outcome, Slot};
use super::sender::Reply;
use super::target::Target;
use crate::app::App;
use crate::metrics::{self, Channel};
use crate::store::{
    Aftermath, Delivery, DueWebhook, FailedAttempt, Fault, Marked, NextDelivery, StoreError, Ticket,
};
use crate::unforeseen;
use bytes::Bytes;
use http::{Request, header};
use http_body_util::Full;
use mrp_proto::id::DeliveryId;
use mrp_proto::key::PublicKey;
use mrp_proto::message::Message;
use mrp_proto::relay_api::{
    DELIVERY_ID_HEADER, DeliverySignatures, STANDARD_ID_HEADER, STANDARD_SIGNATURE_HEADER,
    STANDARD_TIMESTAMP_HEADER, WEBHOOK_SIGNATURE_HEADER, WEBHOOK_TIMESTAMP_HEADER, WebhookDelivery,
    WebhookSecret,
};
use mrp_proto::time::Timestamp;
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{Id, JoinSet};

/// Agents that are looked at in one go.
const LOOK: usize = 256;
/// Between two looks while the store cannot be used, or all places are taken.
const PAUSE: Duration = Duration::from_millis(500);
/// Until an agent that the relay does not serve now is looked at again.
const SUSPENDED: Duration = Duration::from_secs(600);
/// Until an agent whose record is damaged is looked at again.
const DAMAGED: Duration = Duration::from_secs(600);
/// How long what is under way may take when the relay ends.
const WIND_DOWN: Duration = Duration::from_secs(2);
/// The same with the store, whose disk may hang.
pub(crate) const LONGEST_END: Duration = Duration::from_secs(3);
/// Addresses of one receiver that are tried.
const MOST_TRIED: usize = 4;
const USER_AGENT: &str = concat!("relayd/", env!("CARGO_PKG_VERSION"));

/// Delivers until the relay ends, and a moment longer what is under way then.
pub(crate) async fn run(app: &Arc<App>) {
    let mut driver = Driver {
        app,
        running: JoinSet::new(),
        busy: HashMap::new(),
        postponed: Vec::new(),
    };
    while !app.shutdown.has_begun() {
        let next = driver.attend().await;
        driver.wait(next).await;
    }
    let winding_down = async { while driver.running.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(WIND_DOWN, winding_down).await;
    driver.running.shutdown().await;
}

struct Driver<'a> {
    app: &'a Arc<App>,
    running: JoinSet<Report>,
    /// Whose delivery is under way, by task: one of an agent at a time.
    busy: HashMap<Id, PublicKey>,
    /// Who must wait, and is to be postponed in the store.
    postponed: Vec<(PublicKey, Option<Duration>)>,
}

/// What remains to be done about an agent after its delivery.
enum Report {
    /// Nothing: it is written down.
    Recorded,
    /// It must wait so long, or, without a time, its turn was not known right.
    Postpone(PublicKey, Option<Duration>),
}

impl Driver<'_> {
    /// Begins what can be begun; says when to look again, if nothing happens before.
    async fn attend(&mut self) -> Option<Duration> {
        loop {
            if let Err(error) = self.postpone().await {
                tracing::warn!(%error, "webhooks cannot be postponed; it is tried again");
                return Some(PAUSE);
            }
            if self.app.webhooks.gate.free_places() == 0 {
                return Some(PAUSE);
            }
            let busy: HashSet<PublicKey> = self.busy.values().copied().collect();
            let (store, now) = (&self.app.store, self.app.now());
            let found = match store.due_webhooks(busy, LOOK, now).await {
                Ok(found) => found,
                Err(error) => {
                    tracing::warn!(%error, "it cannot be read which webhooks are due; it is tried again");
                    return Some(PAUSE);
                }
            };
            for due in found.due {
                if self.app.webhooks.gate.free_places() == 0 {
                    break;
                }
                self.begin(due);
            }
            if self.app.webhooks.gate.free_places() == 0 {
                // Whose turn it is has not been asked to the end; a place may become free without a word.
                return Some(PAUSE);
            }
            if self.postponed.is_empty() {
                return found.next;
            }
        }
    }

    fn begin(&mut self, due: DueWebhook) {
        let recipient = due.recipient;
        // What is no receiver any more, because the configuration changed, fails as an attempt.
        let receiver = super::target(&due.url, &self.app.config.webhooks);
        let receiver = receiver.map_or_else(|_| String::new(), |target| target.receiver());
        match self.app.webhooks.gate.admit(receiver) {
            Err(Later(wait)) => self.postponed.push((recipient, Some(wait))),
            Ok(slot) => {
                let app = Arc::clone(self.app);
                let task = self
                    .running
                    .spawn(async move { attend(&app, recipient, slot).await });
                self.busy.insert(task.id(), recipient);
            }
        }
    }

    async fn postpone(&mut self) -> Result<(), StoreError> {
        if self.postponed.is_empty() {
            return Ok(());
        }
        let now = self.app.now();
        let postponed = self.postponed.clone();
        self.app.store.postpone_webhooks(postponed, now).await?;
        self.postponed.clear();
        Ok(())
    }

    async fn wait(&mut self, next: Option<Duration>) {
        let timer = async {
            match next {
                Some(next) => tokio::time::sleep(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.app.shutdown.begun() => {}
            () = self.app.store.webhook_hint() => {}
            () = timer => {}
            Some(ended) = self.running.join_next_with_id() => self.finish(ended),
        }
        while let Some(ended) = self.running.try_join_next_with_id() {
            self.finish(ended);
        }
    }

    fn finish(&mut self, ended: Result<(Id, Report), tokio::task::JoinError>) {
        match ended {
            Ok((id, report)) => {
                self.busy.remove(&id);
                if let Report::Postpone(recipient, wait) = report {
                    self.postponed.push((recipient, wait));
                }
            }
            Err(error) => {
                if let Some(recipient) = self.busy.remove(&error.id()) {
                    self.postponed.push((recipient, Some(DAMAGED)));
                }
            }
        }
    }
}

/// Makes an agent's next delivery, if it has one, and records how it went.
async fn attend(app: &App, recipient: PublicKey, slot: Slot) -> Report {
    let postpone = |wait| Report::Postpone(recipient, wait);
    if !app.access.permits(&recipient) {
        return postpone(Some(SUSPENDED));
    }
    let delivery = match app.store.next_delivery(recipient, app.now()).await {
        Ok(NextDelivery::Ready(delivery)) => *delivery,
        Ok(NextDelivery::Nothing) => return postpone(None),
        Ok(NextDelivery::Suspended) => return postpone(Some(SUSPENDED)),
        Err(StoreError::Corrupt(damage)) => {
            tracing::error!(
                recipient = recipient.short(),
                damage,
                "a webhook's mail cannot be read"
            );
            return postpone(Some(DAMAGED));
        }
        Err(StoreError::Unavailable | StoreError::Overloaded) => return postpone(Some(PAUSE)),
    };
    if let Some(wait) = socket_first(app, &delivery.message) {
        return postpone(Some(wait));
    }
    let (ticket, mut slot) = (delivery.ticket, slot);
    let time = app.config.webhooks.timeout;
    let attempt = tokio::time::timeout(time, attempt(app, delivery, &mut slot)).await;
    let recorded = match attempt.unwrap_or(Attempt::Failed(Fault::TimedOut, None)) {
        Attempt::Later(Later(wait)) => {
            app.metrics.attempted(metrics::Attempt::Postponed);
            return postpone(Some(wait));
        }
        Attempt::Taken => {
            let pause = slot.conclude(Outcome::Taken);
            app.hub.settle(&recipient, ticket.sequence);
            let (store, now) = (&app.store, app.now());
            app.metrics.attempted(metrics::Attempt::Taken);
            let marked = store.webhook_delivered(ticket, pause, now).await;
            marked.map(|marked| {
                if matches!(marked, Marked::Now(_)) {
                    app.metrics.delivered(Channel::Webhook, 1);
                }
            })
        }
        Attempt::Failed(fault, retry_after) => {
            let pause = slot.conclude(outcome(fault));
            app.metrics.attempted(metrics::Attempt::failed(fault));
            record_failure(app, ticket, fault, retry_after, pause).await
        }
    };
    match recorded {
        Ok(()) => Report::Recorded,
        Err(error) => {
            tracing::warn!(%error, recipient = recipient.short(), "a webhook delivery could not be recorded; it is repeated");
            postpone(Some(PAUSE))
        }
    }
}

/// How long a message is still left to its recipient's socket (protocol A7.5).
fn socket_first(app: &App, message: &Message) -> Option<Duration> {
    let connected = app.hub.connected_for(&message.recipient_key)?;
    let waiting = app.now().since(message.created_at).min(connected);
    let left = app
        .config
        .webhooks
        .limits
        .socket_first
        .checked_sub(waiting)?;
    (!left.is_zero()).then_some(left)
}

async fn record_failure(
    app: &App,
    ticket: Ticket,
    fault: Fault,
    retry_after: Option<Duration>,
    pause: Duration,
) -> Result<(), StoreError> {
    let recipient = ticket.recipient.short();
    tracing::debug!(recipient, %fault, "a webhook delivery failed");
    let [random @ .., _, _, _, _] = unforeseen::number().to_ne_bytes();
    let failed = FailedAttempt {
        fault,
        retry_after,
        pause,
        random: u32::from_ne_bytes(random),
    };
    let schedule = app.config.webhooks.schedule.clone();
    let (store, now) = (&app.store, app.now());
    let aftermath = store.webhook_failed(ticket, failed, schedule, now).await?;
    if aftermath == Aftermath::Disabled {
        tracing::warn!(recipient, %fault, "a webhook is disabled; its agent's mail waits for polls");
    }
    Ok(())
}

/// What a failure says about the receiver as such: one that answers is there for others.
fn outcome(fault: Fault) -> Outcome {
    match fault {
        Fault::Status(status) if status < 500 => Outcome::Refused,
        _ => Outcome::Failed,
    }
}

/// How an attempt went.
enum Attempt {
    Taken,
    Failed(Fault, Option<Duration>),
    /// There was none: the address has as many as it may have.
    Later(Later),
}

async fn attempt(app: &App, delivery: Delivery, slot: &mut Slot) -> Attempt {
    let (webhooks, config) = (&app.webhooks, &app.config.webhooks);
    let guard = webhooks.guard(config);
    let Ok(target) = super::target(&delivery.url, config) else {
        return Attempt::Failed(Fault::AddressRefused, None);
    };
    let addresses = match guard.resolve(&target, slot.place()).await {
        Ok(addresses) => addresses,
        Err(error) => return Attempt::Failed(error.into(), None),
    };
    let post = Post::new(delivery, app.now());
    match post.send(webhooks, &target, &addresses, slot).await {
        Err(attempt) => attempt,
        Ok(Reply {
            status,
            retry_after,
        }) => {
            if (200..300).contains(&status) {
                Attempt::Taken
            } else {
                Attempt::Failed(Fault::Status(status), retry_after)
            }
        }
    }
}

impl From<super::address::LookupError> for Fault {
    fn from(error: super::address::LookupError) -> Self {
        match error {
            super::address::LookupError::Unresolved => Self::Unresolved,
            super::address::LookupError::Refused => Self::AddressRefused,
        }
    }
}

/// A delivery as it is posted.
struct Post {
    id: DeliveryId,
    time: Timestamp,
    secret: WebhookSecret,
    body: Bytes,
}

impl Post {
    fn new(delivery: Delivery, time: Timestamp) -> Self {
        let id = delivery_id(&delivery.message);
        let body = WebhookDelivery {
            delivery_id: id.clone(),
            message: delivery.message,
        };
        let body =
            serde_json::to_vec(&body).expect("text, raw JSON and maps of text can be written");
        Self {
            id,
            time,
            secret: delivery.secret,
            body: body.into(),
        }
    }

    /// Posts to the first address that can be connected to. An address that has its fill is no reason to go to the next one.
    async fn send(
        &self,
        webhooks: &Webhooks,
        target: &Target,
        addresses: &[SocketAddr],
        slot: &mut Slot,
    ) -> Result<Reply, Attempt> {
        let failed = |fault| Attempt::Failed(fault, None);
        let tried = addresses.len().min(MOST_TRIED);
        let mut last = Fault::Unreachable;
        for (number, address) in addresses.iter().take(tried).enumerate() {
            match slot.enter(address.ip()) {
                Ok(()) => {}
                Err(later) if number == 0 => return Err(Attempt::Later(later)),
                Err(_) => break,
            }
            match webhooks.sender.connect(*address, tried).await {
                Ok(stream) => {
                    let request = self.request(target).map_err(|_| failed(Fault::BadReply))?;
                    let reply = webhooks.sender.post(stream, target, request).await;
                    return reply.map_err(failed);
                }
                Err(fault) => last = fault,
            }
        }
        Err(failed(last))
    }

    fn request(&self, target: &Target) -> Result<Request<Full<Bytes>>, http::Error> {
        let seconds = self.time.unix_seconds();
        let signatures =
            DeliverySignatures::of(&self.secret, self.id.as_str(), seconds, &self.body);
        Request::post(target.path())
            .header(header::HOST, target.authority())
            .header(header::CONNECTION, "close")
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::CONTENT_TYPE, "application/json")
            .header(DELIVERY_ID_HEADER, self.id.as_str())
            .header(WEBHOOK_TIMESTAMP_HEADER, self.time.to_string())
            .header(WEBHOOK_SIGNATURE_HEADER, signatures.published)
            .header(STANDARD_ID_HEADER, self.id.as_str())
            .header(STANDARD_TIMESTAMP_HEADER, seconds)
            .header(STANDARD_SIGNATURE_HEADER, signatures.standard)
            .body(Full::new(self.body.clone()))
    }
}

/// The same for every attempt, without being written down: made of the message's id, which no other message on this relay has, and
/// which is random, so that a relay whose data are restored makes no id twice.
fn delivery_id(message: &Message) -> DeliveryId {
    let digest = Sha256::new()
        .chain_update("mrp-webhook-delivery\n")
        .chain_update(message.recipient_key.as_bytes())
        .chain_update(message.message_id.as_str())
        .finalize();
    DeliveryId::compose(std::array::from_fn(|index| digest[index]))
}

#[cfg(test)]
mod tests;
