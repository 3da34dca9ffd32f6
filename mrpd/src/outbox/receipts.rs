//! Whether what a relay accepted was delivered. Relays do not tell, so they are asked, as long as there is something to learn and a
//! session is up. Where nothing was sent nobody wakes up.

mod agenda;

use super::wait::ask;
use crate::clock;
use crate::config::{self, Config};
use crate::context::Context;
use crate::store::{MessageRecord, Progress, StageChange, StoreError};
use agenda::{Agenda, LaneKey, SPAN, Way};
use mrpd_api::body::{SessionState, Stage};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long a relay may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks until the daemon ends, as long as the configuration wants it.
pub(crate) async fn run(context: Context) {
    let mut config = context.config.clone();
    let asking = async {
        while has_come(&mut config, |outbox| outbox.receipts).await {
            tokio::select! {
                _ = Receipts::new(context.clone()).run() => return,
                _ = has_come(&mut config, |outbox| !outbox.receipts) => {}
            }
        }
    };
    tokio::select! {
        () = asking => {}
        () = context.stop.cancelled() => {}
    }
}

/// Waits until the section is as it is wanted; `false` if it never will be.
async fn has_come(
    config: &mut watch::Receiver<Arc<Config>>,
    wanted: impl Fn(&config::Outbox) -> bool,
) -> bool {
    let come = config.wait_for(|config| wanted(&config.outbox)).await;
    come.is_ok()
}

/// A question that was asked.
struct Asked {
    key: LaneKey,
    id: String,
    /// Whether nothing more is to be learnt.
    settled: bool,
}

struct Receipts {
    context: Context,
    agenda: Agenda,
    questions: JoinSet<Asked>,
}

impl Receipts {
    fn new(context: Context) -> Self {
        Self {
            context,
            agenda: Agenda::default(),
            questions: JoinSet::new(),
        }
    }

    /// Ends when the store is closed.
    async fn run(mut self) -> Result<(), StoreError> {
        let mut stages = self.context.store.stages();
        let mut board = self.context.board.changes();
        self.recall().await;
        loop {
            let open = self.open();
            while let Some((key, id)) = self.agenda.next(&open, Instant::now()) {
                self.questions
                    .spawn(question(self.context.clone(), key, id));
            }
            let wake_at = self.agenda.wake_at(&open);
            tokio::select! {
                stage = stages.recv() => match stage {
                    Ok(change) => self.follow(change).await,
                    Err(RecvError::Lagged(_)) => self.recall().await,
                    Err(RecvError::Closed) => return Ok(()),
                },
                Some(Ok(asked)) = self.questions.join_next() => self.learn(&asked),
                changed = board.changed() => changed.map_err(|_| StoreError::Closed)?,
                () = super::dispatch::sleep_until(wake_at) => {}
            }
        }
    }

    /// The ways over which a session is up.
    fn open(&self) -> HashSet<Way> {
        let roster = self.context.roster();
        let sessions = self.context.board.sessions().into_iter();
        let up = sessions.filter(|session| session.state == SessionState::Up);
        let ways = up.filter_map(|session| {
            Some(Way {
                sender: roster.agent(&session.agent)?.public.to_string(),
                relay: session.relay,
            })
        });
        ways.collect()
    }

    /// Takes up what was sent before and is still of interest.
    async fn recall(&mut self) {
        let since = clock::cautious().before(SPAN);
        match self.context.store.undelivered(since).await {
            Ok(messages) => messages.into_iter().for_each(|message| self.add(message)),
            Err(error) => tracing::debug!(%error, "what was sent is not asked about"),
        }
    }

    async fn follow(&mut self, change: StageChange) {
        if change.message_id.is_none() {
            return;
        }
        let progress = self.context.store.progress(change.id.clone()).await;
        let Ok(Some(Progress::Sent(_, message, track))) = progress else {
            return;
        };
        if change.stage == Stage::Accepted && !track.is_settled() {
            self.add(*message);
        } else {
            self.agenda.remove(&key(&message), &change.id);
        }
    }

    fn add(&mut self, message: MessageRecord) {
        let key = key(&message);
        if let Some(id) = message.out_id {
            self.agenda.add(key, id, Instant::now());
        }
    }

    fn learn(&mut self, asked: &Asked) {
        let Asked { key, id, settled } = asked;
        if *settled {
            self.agenda.settle(key, id, Instant::now());
        } else {
            self.agenda.put_off(key, id, Instant::now());
        }
    }
}

fn key(message: &MessageRecord) -> LaneKey {
    LaneKey {
        way: Way {
            sender: message.from.clone(),
            relay: message.relay.clone(),
        },
        recipient: message.to.clone(),
    }
}

/// What is learnt is in the store, and told from there.
async fn question(context: Context, key: LaneKey, id: String) -> Asked {
    let settled = is_settled(&context, &id).await;
    Asked {
        key,
        id,
        settled: settled.unwrap_or(false),
    }
}

async fn is_settled(context: &Context, id: &str) -> Result<bool, StoreError> {
    let store = &context.store;
    let find = || store.progress(id.to_owned());
    let Some(Progress::Sent(seq, message, track)) = find().await? else {
        return Ok(true);
    };
    if track.is_settled() {
        return Ok(true);
    }
    if let Some(agent) = context.roster().agent_by_key(&message.from) {
        ask(store, agent, seq, &message, PATIENCE).await?;
    }
    match find().await? {
        Some(Progress::Sent(_, _, track)) => Ok(track.is_settled()),
        _ => Ok(true),
    }
}
