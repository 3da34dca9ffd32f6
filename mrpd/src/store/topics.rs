//! Who has subscribed to what: others to topics here, and local agents to topics of others.

use super::record::{decode, encode};
use super::schema::{META, SUBSCRIBERS, SUBSCRIPTIONS};
use super::{MessageRecord, Page, Store, StoreError};
use mrp_proto::time::Timestamp;
use mrpd_api::body::services::SubscriptionState;
use mrpd_api::message::{Direction, Kind};
use redb::ReadableTable as _;
use serde::{Deserialize, Serialize};

/// Where the reader of requests stands, among the counters.
const DESK: &str = "desk";

/// A subscriber of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriberRecord {
    /// Since when.
    pub since: Timestamp,
}

/// What became of a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscribed {
    /// It is one, now or since before.
    Yes,
    /// There are too many.
    Full,
}

/// A subscription of a local agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionRecord {
    /// The local agent's name.
    pub agent: String,
    /// The key of the publisher.
    pub publisher: String,
    /// The topic; empty where the publisher's only one is meant.
    pub topic: String,
    /// The outbox's name for the request.
    pub request: String,
    /// When it was asked for.
    pub since: Timestamp,
    /// How it stands.
    pub state: SubscriptionState,
    /// What the publisher said, if it refused.
    #[serde(default)]
    pub refusal: Option<String>,
}

impl Store {
    /// Adds a subscriber, unless there are so many already.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn subscribe(
        &self,
        topic: String,
        key: String,
        most: u64,
        now: Timestamp,
    ) -> Result<Subscribed, StoreError> {
        self.write(move |transaction| {
            let mut subscribers = transaction.tables().open_table(SUBSCRIBERS)?;
            if subscribers.get((topic.as_str(), key.as_str()))?.is_some() {
                return Ok(Subscribed::Yes);
            }
            let mut count = 0;
            for entry in subscribers.range((topic.as_str(), "")..)? {
                if entry?.0.value().0 != topic {
                    break;
                }
                count += 1;
            }
            if count >= most {
                return Ok(Subscribed::Full);
            }
            let record = encode(&SubscriberRecord { since: now })?;
            subscribers.insert((topic.as_str(), key.as_str()), record.as_slice())?;
            Ok(Subscribed::Yes)
        })
        .await
    }

    /// Removes a subscriber; says whether it was one.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn unsubscribe(&self, topic: String, key: String) -> Result<bool, StoreError> {
        self.write(move |transaction| {
            let mut subscribers = transaction.tables().open_table(SUBSCRIBERS)?;
            let removed = subscribers.remove((topic.as_str(), key.as_str()))?;
            Ok(removed.is_some())
        })
        .await
    }

    /// The subscribers of a topic, by key.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn subscribers(
        &self,
        topic: String,
    ) -> Result<Vec<(String, SubscriberRecord)>, StoreError> {
        self.read(move |transaction| {
            let mut found = Vec::new();
            let subscribers = transaction.open_table(SUBSCRIBERS)?;
            for entry in subscribers.range((topic.as_str(), "")..)? {
                let (place, bytes) = entry?;
                let (of, key) = place.value();
                if of != topic {
                    break;
                }
                found.push((key.to_owned(), decode(bytes.value())?));
            }
            Ok(found)
        })
        .await
    }

    /// The subscriptions of local agents.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn subscriptions(&self) -> Result<Vec<SubscriptionRecord>, StoreError> {
        self.read(|transaction| {
            let mut found = Vec::new();
            for entry in transaction.open_table(SUBSCRIPTIONS)?.iter()? {
                found.push(decode(entry?.1.value())?);
            }
            Ok(found)
        })
        .await
    }

    /// Remembers a subscription, in place of what was known of it.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn put_subscription(&self, record: SubscriptionRecord) -> Result<(), StoreError> {
        self.write(move |transaction| {
            let mut subscriptions = transaction.tables().open_table(SUBSCRIPTIONS)?;
            let place = (
                record.agent.as_str(),
                record.publisher.as_str(),
                record.topic.as_str(),
            );
            subscriptions.insert(place, encode(&record)?.as_slice())?;
            Ok(())
        })
        .await
    }

    /// Forgets a subscription; says whether there was one.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn remove_subscription(
        &self,
        agent: String,
        publisher: String,
        topic: String,
    ) -> Result<bool, StoreError> {
        self.write(move |transaction| {
            let mut subscriptions = transaction.tables().open_table(SUBSCRIPTIONS)?;
            let place = (agent.as_str(), publisher.as_str(), topic.as_str());
            let removed = subscriptions.remove(place)?;
            Ok(removed.is_some())
        })
        .await
    }

    /// Requests, and answers, that came in behind a `seq`, and how far that looked.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn calls(&self, after: u64) -> Result<Page, StoreError> {
        let wanted = |message: &MessageRecord| {
            message.dir == Direction::In
                && !message.imported
                && matches!(message.kind, Kind::Request | Kind::Response)
        };
        self.page(after, wanted).await
    }

    /// How far requests were read; `None` if nobody reads them.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn desk(&self) -> Result<Option<u64>, StoreError> {
        self.read(|transaction| {
            let meta = transaction.open_table(META)?;
            Ok(meta.get(DESK)?.map(|seq| seq.value()))
        })
        .await
    }

    /// Remembers how far requests were read, or that nobody reads them.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn put_desk(&self, seq: Option<u64>) -> Result<(), StoreError> {
        self.write(move |transaction| {
            let mut meta = transaction.tables().open_table(META)?;
            match seq {
                Some(seq) => meta.insert(DESK, seq)?,
                None => meta.remove(DESK)?,
            };
            Ok(())
        })
        .await
    }
}
