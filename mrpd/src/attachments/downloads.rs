//! Which attachments are fetched, and when. What came in says what is to be looked at, durably; so a crash, a full disk or a relay that
//! is away means "later".

use super::fetch::{FetchError, Wanted, fetch};
use crate::clock;
use crate::config::{Attachments, Config, Whose};
use crate::contacts::Contacts;
use crate::roster::Roster;
use crate::store::{Download, MessageRecord, Store, StoreError};
use futures_util::StreamExt as _;
use mrp_proto::backoff::Backoff;
use mrp_proto::message::Attachment;
use mrp_proto::time::Timestamp;
use mrpd_api::message::{AttachmentState, Direction, Trust};
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::fs::File;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// Attachments that are fetched at the same time without being asked for.
const AT_ONCE: usize = 2;
/// Pauses between attempts.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(3600));
/// How long to leave a store alone that fails.
const STORE_PAUSE: Duration = Duration::from_secs(15);

type Place = (u64, u32);

/// The way to attachments. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Downloads {
    store: Store,
    contacts: Contacts,
    roster: watch::Receiver<Arc<Roster>>,
    config: watch::Receiver<Arc<Config>>,
    running: Arc<Running>,
}

/// What is being fetched: no attachment twice at the same time.
#[derive(Debug, Default)]
struct Running {
    places: Mutex<HashSet<Place>>,
    ended: Notify,
}

/// Why an attachment that was asked for cannot be given.
#[derive(Debug, thiserror::Error)]
pub enum DemandError {
    /// The message has no such attachment.
    #[error("the message has {count} attachments, numbered from 0")]
    NoSuch {
        /// How many it has.
        count: usize,
    },
    /// Its agent or relay is not configured any more.
    #[error("agent {agent:?} or its relay {relay:?} is not configured any more")]
    NoWay {
        /// The agent.
        agent: String,
        /// The relay.
        relay: String,
    },
    /// It cannot be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Downloads {
    /// Over these parts.
    pub fn new(
        store: Store,
        contacts: Contacts,
        roster: watch::Receiver<Arc<Roster>>,
        config: watch::Receiver<Arc<Config>>,
    ) -> Self {
        Self {
            store,
            contacts,
            roster,
            config,
            running: Arc::default(),
        }
    }

    /// Fetches what is to be fetched without being asked for, until it is stopped. It sleeps while nothing comes and nothing is due.
    pub async fn run(self, stop: CancellationToken) {
        let mut newest = self.store.newest();
        loop {
            newest.borrow_and_update();
            let due = self.store.due_downloads(clock::steady()).await;
            let pause = match due {
                Ok(due) if due.now.is_empty() => due.next.map(|next| next.since(clock::steady())),
                Ok(due) => {
                    let all = futures_util::stream::iter(due.now);
                    let all = all.for_each_concurrent(AT_ONCE, |place| self.consider(place));
                    tokio::select! {
                        () = all => continue,
                        () = stop.cancelled() => return,
                    }
                }
                Err(_) => Some(STORE_PAUSE),
            };
            let due = async {
                match pause {
                    Some(pause) => tokio::time::sleep(pause.max(Duration::from_millis(50))).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = newest.changed() => if changed.is_err() { return },
                () = due => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// The file of an attachment, fetched if it is not here, however large it was announced to be.
    ///
    /// # Errors
    /// A [`DemandError`].
    pub async fn demand(
        &self,
        seq: u64,
        message: MessageRecord,
        place: u32,
    ) -> Result<(File, Attachment), DemandError> {
        let count = message.attachments.len();
        let attachment = message.attachments.get(place as usize).cloned();
        let attachment = attachment.ok_or(DemandError::NoSuch { count })?;
        let _running = self.running.begin((seq, place)).await;
        // It may have come while this waited.
        let message = self.store.message_at(seq).await?.unwrap_or(message);
        if let Some(file) = saved(&message, place).await {
            return Ok((file, attachment));
        }
        let config = Arc::clone(&self.config.borrow());
        let limit = config.attachments.max_size;
        let path = self
            .fetch(&message, place, limit, &config.attachments)
            .await?;
        self.record((seq, place), saved_at(&path), None).await?;
        let file = File::open(&path).await.map_err(FetchError::Disk)?;
        Ok((file, attachment))
    }

    /// Decides what was not decided yet about a message's attachments, and fetches what is wanted; says whether nothing is waited for
    /// any more. What failed before is left to its time.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn settle(&self, seq: u64) -> Result<bool, StoreError> {
        let Some(message) = self.store.message_at(seq).await? else {
            return Ok(true);
        };
        for (place, _) in (0..).zip(&message.attachments) {
            let known = message.downloads.get(place as usize);
            let tried = known.is_some_and(|known| known.attempts > 0);
            if tried || known.is_some_and(|known| is_settled(known.state)) {
                continue;
            }
            let _running = self.running.begin((seq, place)).await;
            self.decide((seq, place)).await?;
        }
        let message = self.store.message_at(seq).await?;
        let mut known = message.iter().flat_map(|message| &message.downloads);
        Ok(known.all(|known| known.state != AttachmentState::Waiting))
    }

    /// Decides about one attachment, and does it.
    async fn consider(&self, place: Place) {
        let _running = self.running.begin(place).await;
        if let Err(error) = self.decide(place).await {
            tracing::warn!(seq = place.0, %error, "what became of an attachment was not recorded");
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }

    async fn decide(&self, (seq, place): Place) -> Result<(), StoreError> {
        let message = self.store.message_at(seq).await?;
        let attachment = message
            .as_ref()
            .and_then(|message| message.attachments.get(place as usize));
        let (Some(message), Some(attachment)) = (&message, attachment) else {
            return self.store.record_download((seq, place), None, None).await;
        };
        let known = message.downloads.get(place as usize).cloned();
        let known = known.unwrap_or_default();
        if is_settled(known.state) {
            return self.store.record_download((seq, place), None, None).await;
        }
        let config = Arc::clone(&self.config.borrow());
        let settings = &config.attachments;
        if !self.is_wanted(message, settings.download).await? {
            return self.leave((seq, place), None).await;
        }
        if let Some(size) = attachment.size.filter(|size| *size > settings.max_size) {
            let most = settings.max_size;
            let why =
                format!("it has {size} bytes, more than the {most} of [attachments] max_size");
            return self.leave((seq, place), Some(why)).await;
        }
        let waiting = Download {
            state: AttachmentState::Waiting,
            ..known
        };
        if known.state != AttachmentState::Waiting {
            let now = Some(clock::steady());
            self.record((seq, place), waiting.clone(), now).await?;
        }
        match self
            .fetch(message, place, settings.max_size, settings)
            .await
        {
            Ok(path) => self.record((seq, place), saved_at(&path), None).await,
            Err(error) => self.put_off((seq, place), message, waiting, &error).await,
        }
    }

    async fn fetch(
        &self,
        message: &MessageRecord,
        place: u32,
        limit: u64,
        settings: &Attachments,
    ) -> Result<PathBuf, DemandError> {
        let no_way = || DemandError::NoWay {
            agent: message.agent.clone(),
            relay: message.relay.clone(),
        };
        let own = match message.dir {
            Direction::In => &message.to,
            Direction::Out => &message.from,
        };
        let roster = Arc::clone(&self.roster.borrow());
        let agent = roster.agent_by_key(own).ok_or_else(no_way)?;
        let link = agent.link(&message.relay).ok_or_else(no_way)?;
        let count = message.attachments.len();
        let attachment = message.attachments.get(place as usize);
        let wanted = Wanted {
            agent,
            link,
            message,
            place,
            attachment: attachment.ok_or(DemandError::NoSuch { count })?,
            limit,
        };
        Ok(fetch(wanted, settings).await?)
    }

    async fn put_off(
        &self,
        place: Place,
        message: &MessageRecord,
        waiting: Download,
        error: &DemandError,
    ) -> Result<(), StoreError> {
        let attempts = waiting.attempts.saturating_add(1);
        let mut backoff = Backoff::new(BACKOFF.0, BACKOFF.1);
        for _ in 1..attempts.min(16) {
            backoff.handle_session_end(Duration::ZERO);
        }
        let pause = backoff.next_delay(clock::random_number());
        let is_final = match error {
            DemandError::Fetch(error) => error.is_final(),
            DemandError::NoSuch { .. } => true,
            DemandError::NoWay { .. } | DemandError::Store(_) => false,
        };
        // With the message the relay drops what it carries.
        let is_over = is_final || clock::cautious().after(pause) > message.expires_at;
        tracing::warn!(seq = place.0, place = place.1, %error, is_over, "an attachment was not fetched");
        let download = Download {
            state: if is_over {
                AttachmentState::Failed
            } else {
                AttachmentState::Waiting
            },
            attempts,
            path: None,
            error: Some(error.to_string()),
        };
        let again = (!is_over).then(|| clock::steady().after(pause));
        self.record(place, download, again).await
    }

    /// It stays with the relay.
    async fn leave(&self, place: Place, why: Option<String>) -> Result<(), StoreError> {
        let download = why.map(|why| Download {
            error: Some(why),
            ..Download::default()
        });
        self.store.record_download(place, download, None).await
    }

    async fn record(
        &self,
        place: Place,
        download: Download,
        again: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.store
            .record_download(place, Some(download), again)
            .await
    }

    /// Whose attachments are wanted the configuration says. Who has ever proven to be the sender is not taken for it on a relay's word.
    async fn is_wanted(&self, message: &MessageRecord, whose: Whose) -> Result<bool, StoreError> {
        if message.dir == Direction::Out || whose == Whose::Nobody {
            return Ok(false);
        }
        if whose == Whose::Everybody {
            return Ok(true);
        }
        let roster = Arc::clone(&self.roster.borrow());
        let peer = self.contacts.names(&roster).peer(&message.from);
        let trust = peer.map_or(Trust::Unknown, |peer| peer.trust);
        let least = match whose {
            Whose::Trusted => Trust::Trusted,
            _ => Trust::Known,
        };
        if trust < least {
            return Ok(false);
        }
        Ok(message.verified || !self.store.was_verified(message.from.clone()).await?)
    }
}

impl Running {
    /// Waits until nobody else is at it.
    async fn begin(self: &Arc<Self>, place: Place) -> Claim {
        loop {
            let ended = self.ended.notified();
            if self.lock().insert(place) {
                return Claim {
                    running: Arc::clone(self),
                    place,
                };
            }
            ended.await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One attachment that is being fetched.
#[derive(Debug)]
struct Claim {
    running: Arc<Running>,
    place: Place,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.running.lock().remove(&self.place);
        self.running.ended.notify_waiters();
    }
}

/// Whether nothing more is to be done about it.
fn is_settled(state: AttachmentState) -> bool {
    matches!(state, AttachmentState::Saved | AttachmentState::Failed)
}

fn saved_at(path: &std::path::Path) -> Download {
    Download {
        state: AttachmentState::Saved,
        attempts: 0,
        path: Some(path.to_string_lossy().into_owned()),
        error: None,
    }
}

/// The file, if it is still where it was put.
async fn saved(message: &MessageRecord, place: u32) -> Option<File> {
    let download = message.downloads.get(place as usize)?;
    let path = download.path.as_ref()?;
    let file = File::open(path).await.ok()?;
    file.metadata().await.ok()?.is_file().then_some(file)
}
