//! What becomes of a message after a relay has accepted it: taken over, answered, or expired.

use super::index::{Field, Order, Step, Terms, term, walk};
use super::record::{MessageRecord, OutboxRecord, Track, decode, encode};
use super::schema::{IDS, INDEX, MESSAGES, TRACKS};
use super::transaction::Transaction;
use super::{Store, StoreError};
use mrp_proto::time::Timestamp;
use mrpd_api::body::Stage;
use mrpd_api::error::ErrorDetail;
use mrpd_api::message::Direction;
use redb::{ReadTransaction, ReadableTable as _};

/// Messages that are looked at for those that are not delivered, at most.
const UNDELIVERED: usize = 10_000;

/// Something that goes out has come further, or has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageChange {
    /// The outbox's name for it.
    pub id: String,
    /// The relay's name for it, once it has one.
    pub message_id: Option<String>,
    /// How far it has come.
    pub stage: Stage,
    /// The last failure.
    pub error: Option<ErrorDetail>,
}

impl StageChange {
    pub(super) fn of(record: &OutboxRecord, stage: Stage) -> Self {
        Self {
            id: record.id.clone(),
            message_id: None,
            stage,
            error: record.error.clone(),
        }
    }
}

impl Track {
    /// How far that is.
    pub fn stage(&self) -> Stage {
        match (self.replied_at, self.delivered_at) {
            (Some(_), _) => Stage::Replied,
            (None, Some(_)) => Stage::Delivered,
            (None, None) => Stage::Accepted,
        }
    }

    /// Whether nothing more can be learnt from the relay.
    pub fn is_settled(&self) -> bool {
        self.delivered_at.is_some() || self.expired
    }
}

impl Store {
    /// What went out since a time and is not known to be delivered, or to have expired, oldest first and without bodies. Of very many
    /// only the newest are looked at.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn undelivered(&self, since: Timestamp) -> Result<Vec<MessageRecord>, StoreError> {
        self.read(move |transaction| undelivered(transaction, since))
            .await
    }

    /// The message that went out under this `seq` was taken over by its recipient.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn record_delivered(&self, seq: u64, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |transaction| {
            change(transaction, seq, |track| {
                track.delivered_at.get_or_insert(at);
            })
        })
        .await
    }

    /// The message that went out under this `seq` has expired before its recipient took it.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn record_expired(&self, seq: u64) -> Result<(), StoreError> {
        self.write(move |transaction| change(transaction, seq, |track| track.expired = true))
            .await
    }
}

/// What of the newest messages that went out is not known to be delivered or expired, oldest first.
fn undelivered(
    transaction: &ReadTransaction,
    since: Timestamp,
) -> Result<Vec<MessageRecord>, redb::Error> {
    let mut terms = Terms::default();
    terms.demand_direction(Direction::Out);
    let mut walk = walk(
        transaction,
        terms,
        Order::Descending,
        (1, u64::MAX),
        UNDELIVERED,
    )?;
    let tracks = transaction.open_table(TRACKS)?;
    let mut found = Vec::new();
    while let Step::At(seq) = walk.next()? {
        let Some(bytes) = walk.messages().get(seq)? else {
            continue;
        };
        let mut message: MessageRecord = decode(bytes.value())?;
        if message.received_at < since {
            break;
        }
        let track: Option<Track> = tracks
            .get(seq)?
            .map(|bytes| decode(bytes.value()))
            .transpose()?;
        if !message.imported && !track.is_some_and(|track| track.is_settled()) {
            message.body = None;
            found.push(message);
        }
    }
    found.reverse();
    Ok(found)
}

/// Takes note of a message that came in, if it answers one that went out to its sender. Whoever answers has taken it over.
pub(super) fn note_reply(
    transaction: &Transaction,
    answer: &MessageRecord,
    answer_seq: u64,
) -> Result<(), redb::Error> {
    let Some(answered) = answer
        .reply_to
        .as_ref()
        .filter(|_| answer.dir == Direction::In)
    else {
        return Ok(());
    };
    let mut sent = None;
    {
        let tables = transaction.tables();
        let ids = tables.open_table(IDS)?;
        let messages = tables.open_table(MESSAGES)?;
        for entry in ids.range((answered.as_str(), 0)..=(answered.as_str(), u64::MAX))? {
            let seq = entry?.0.value().1;
            let Some(bytes) = messages.get(seq)? else {
                continue;
            };
            let message: MessageRecord = decode(bytes.value())?;
            let asked = message.dir == Direction::Out
                && message.to == answer.from
                && message.from == answer.to;
            if asked {
                sent = Some(seq);
            }
        }
    }
    let Some(seq) = sent else { return Ok(()) };
    change(transaction, seq, |track| {
        track.delivered_at.get_or_insert(answer.received_at);
        track.replied_at.get_or_insert(answer.received_at);
        track.reply.get_or_insert(answer_seq);
    })
}

/// Takes note of the answer to a message that went out, where the answer came before it was recorded that a relay has the message.
pub(super) fn note_early_reply(
    transaction: &Transaction,
    sent: &MessageRecord,
    sent_seq: u64,
) -> Result<(), redb::Error> {
    let term = term(Field::ReplyTo, &sent.id);
    let mut found = None;
    {
        let tables = transaction.tables();
        let index = tables.open_table(INDEX)?;
        let messages = tables.open_table(MESSAGES)?;
        let behind = sent.behind.saturating_add(1).min(sent_seq);
        for entry in index.range((term, behind)..(term, sent_seq))? {
            let seq = entry?.0.value().1;
            let Some(bytes) = messages.get(seq)? else {
                continue;
            };
            let answer: MessageRecord = decode(bytes.value())?;
            let answers = answer.dir == Direction::In
                && answer.reply_to.as_ref() == Some(&sent.id)
                && answer.from == sent.to
                && answer.to == sent.from;
            if answers {
                found = Some((seq, answer.received_at));
                break;
            }
        }
    }
    let Some((seq, received_at)) = found else {
        return Ok(());
    };
    change(transaction, sent_seq, |track| {
        track.delivered_at.get_or_insert(received_at);
        track.replied_at.get_or_insert(received_at);
        track.reply.get_or_insert(seq);
    })
}

fn change(
    transaction: &Transaction,
    seq: u64,
    change: impl FnOnce(&mut Track),
) -> Result<(), redb::Error> {
    let tables = transaction.tables();
    let mut tracks = tables.open_table(TRACKS)?;
    let before: Option<Track> = tracks
        .get(seq)?
        .map(|bytes| decode(bytes.value()))
        .transpose()?;
    let before = before.unwrap_or_default();
    let mut after = before;
    change(&mut after);
    if after == before {
        return Ok(());
    }
    tracks.insert(seq, encode(&after)?.as_slice())?;
    let messages = tables.open_table(MESSAGES)?;
    let Some(bytes) = messages.get(seq)? else {
        return Ok(());
    };
    let message: MessageRecord = decode(bytes.value())?;
    if let Some(id) = message.out_id {
        transaction.note_stage(StageChange {
            id,
            message_id: Some(message.id),
            stage: after.stage(),
            error: None,
        });
    }
    Ok(())
}
