//! The tables, and the counters among them.

use redb::{Database, ReadableDatabase as _, ReadableTable, TableDefinition};

/// Version of the layout below.
pub(crate) const VERSION: u64 = 2;

/// Counters and the version, by name.
pub(crate) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// Messages that are visible, both ways, by `seq`: JSON of a [`MessageRecord`](super::MessageRecord).
pub(crate) const MESSAGES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("messages");
/// The messages that bear an id, the relay's or the outbox's.
pub(crate) const IDS: TableDefinition<'_, (&str, u64), ()> = TableDefinition::new("ids");
/// What is remembered to recognise copies, and when to forget it (milliseconds; 0 for never).
pub(crate) const SEEN: TableDefinition<'_, &str, u64> = TableDefinition::new("seen");
/// Entries of [`SEEN`] and [`SEND_KEYS`] in the order in which they are to be forgotten.
pub(crate) const FORGET: TableDefinition<'_, (u64, &str), ()> = TableDefinition::new("forget");
/// The outbox in its order: JSON of an [`OutboxRecord`](super::OutboxRecord).
pub(crate) const OUTBOX: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("outbox");
/// Where an outbox id stands in [`OUTBOX`].
pub(crate) const OUTBOX_IDS: TableDefinition<'_, &str, u64> = TableDefinition::new("outbox_ids");
/// What is known of messages since relays accepted them, by `seq`: JSON of a [`Track`](super::Track).
pub(crate) const TRACKS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("tracks");
/// Idempotency keys of the local interface: JSON of what was sent under them.
pub(crate) const SEND_KEYS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("send_keys");
/// Named readers of the inbox.
pub(crate) const CURSORS: TableDefinition<'_, &str, u64> = TableDefinition::new("cursors");
/// What the shared contacts file has no room for, by key: JSON.
pub(crate) const CONTACTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("contacts");
/// Keys that were ever seen sealing their messages, or saying that they can.
pub(crate) const SEALERS: TableDefinition<'_, &str, ()> = TableDefinition::new("sealers");
/// Keys of which a message was ever verified.
pub(crate) const VERIFIED: TableDefinition<'_, &str, ()> = TableDefinition::new("verified");
/// The profile that was last put to a relay, by agent and relay.
pub(crate) const PROFILES: TableDefinition<'_, &str, &str> = TableDefinition::new("profiles");
/// Which bound signatures relays were ever known to take, by URL: JSON of a `Bindable`.
pub(crate) const BINDABLE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("bindable");
/// Files that wait for their messages, by id: JSON of a [`FileRecord`](super::FileRecord).
pub(crate) const FILES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("files");
/// Which files which entries of the outbox take, also those that have left it.
pub(crate) const FILE_USES: TableDefinition<'_, (&str, &str), ()> =
    TableDefinition::new("file_uses");
/// Blobs that agents uploaded, by blob, agent and relay: JSON of an [`UploadRecord`](super::UploadRecord).
pub(crate) const UPLOADS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("uploads");
/// Attachments that are to be looked at, by `seq` and place, and when (milliseconds of the steady clock).
pub(crate) const DOWNLOADS: TableDefinition<'_, (u64, u32), u64> =
    TableDefinition::new("downloads");

/// Which messages have what in common: a digest of it (see [`term`](super::index::term)) and `seq`.
pub(crate) const INDEX: TableDefinition<'_, (u64, u64), ()> = TableDefinition::new("index");
/// Where messages stand that are not as they came: state, attempts, and until when (milliseconds of the steady clock; 0 for no end),
/// by `seq`.
pub(crate) const STANDINGS: TableDefinition<'_, u64, (u8, u32, u64)> =
    TableDefinition::new("standings");
/// Leases and delays by the time at which they end (milliseconds of the steady clock), and `seq`.
pub(crate) const DUE: TableDefinition<'_, (u64, u64), ()> = TableDefinition::new("due");
/// The first `seq` of a time (milliseconds): those before it were stored earlier. At most one entry a second.
pub(crate) const TIMES: TableDefinition<'_, u64, u64> = TableDefinition::new("times");
/// Threads: how many messages, and the newest `seq`.
pub(crate) const THREADS: TableDefinition<'_, &str, (u64, u64)> = TableDefinition::new("threads");
/// Threads by their newest `seq`.
pub(crate) const THREAD_ORDER: TableDefinition<'_, u64, &str> =
    TableDefinition::new("thread_order");
/// Messages from unknown senders that wait for the user's word, in order: JSON of a [`MessageRecord`](super::MessageRecord).
pub(crate) const HELD: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("held");
/// Keys that are let in though they are no contacts: accepted, or written to.
pub(crate) const LET_IN: TableDefinition<'_, &str, ()> = TableDefinition::new("let_in");
/// Messages to many that are not yet with all of them: JSON of a `FanoutRecord`.
pub(crate) const FANOUTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("fanouts");
/// Who is still to get them, by number and key.
pub(crate) const FANOUT_TARGETS: TableDefinition<'_, (u64, &str), ()> =
    TableDefinition::new("fanout_targets");
/// Subscribers, by topic and key: JSON of a `SubscriberRecord`.
pub(crate) const SUBSCRIBERS: TableDefinition<'_, (&str, &str), &[u8]> =
    TableDefinition::new("subscribers");
/// What local agents have subscribed to, by agent, publisher and topic: JSON of a `SubscriptionRecord`.
pub(crate) const SUBSCRIPTIONS: TableDefinition<'_, (&str, &str, &str), &[u8]> =
    TableDefinition::new("subscriptions");
/// What is kept of each hook: JSON of a `HookRecord`.
pub(crate) const HOOKS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("hooks");
/// What each hook still has to do, by hook and `seq`: JSON of a `HookJob`.
pub(crate) const HOOK_JOBS: TableDefinition<'_, (&str, u64), &[u8]> =
    TableDefinition::new("hook_jobs");
/// What each hook has given up, by hook and `seq`: JSON of a `DeadJob`.
pub(crate) const HOOK_DEAD: TableDefinition<'_, (&str, u64), &[u8]> =
    TableDefinition::new("hook_dead");
/// What hooks have yet to look at and others before them have settled alone, by hook and `seq`.
pub(crate) const HOOK_SETTLED: TableDefinition<'_, (&str, u64), ()> =
    TableDefinition::new("hook_settled");
/// What hooks have done, in order: JSON of a `HookLogEntry`.
pub(crate) const HOOK_LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("hook_log");

/// Dead-man switches: JSON of an [`ExpectRecord`](super::ExpectRecord).
pub(crate) const EXPECTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("expects");
/// Schedules: JSON of a [`ScheduleRecord`](super::ScheduleRecord).
pub(crate) const SCHEDULES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("schedules");

/// Empty, but for the moment in which it is tried whether the disk has room.
pub(crate) const ROOM: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("room");

/// Opens each table in turn. A table that is not listed here is in no fresh store, and in no backup.
macro_rules! for_each_table {
    ($transaction:ident . $open:ident) => {
        $transaction.$open(MESSAGES)?;
        $transaction.$open(IDS)?;
        $transaction.$open(SEEN)?;
        $transaction.$open(FORGET)?;
        $transaction.$open(OUTBOX)?;
        $transaction.$open(OUTBOX_IDS)?;
        $transaction.$open(TRACKS)?;
        $transaction.$open(SEND_KEYS)?;
        $transaction.$open(CURSORS)?;
        $transaction.$open(CONTACTS)?;
        $transaction.$open(SEALERS)?;
        $transaction.$open(VERIFIED)?;
        $transaction.$open(PROFILES)?;
        $transaction.$open(BINDABLE)?;
        $transaction.$open(EXPECTS)?;
        $transaction.$open(SCHEDULES)?;
        $transaction.$open(INDEX)?;
        $transaction.$open(STANDINGS)?;
        $transaction.$open(DUE)?;
        $transaction.$open(TIMES)?;
        $transaction.$open(THREADS)?;
        $transaction.$open(THREAD_ORDER)?;
        $transaction.$open(HELD)?;
        $transaction.$open(LET_IN)?;
        $transaction.$open(FILES)?;
        $transaction.$open(FILE_USES)?;
        $transaction.$open(UPLOADS)?;
        $transaction.$open(DOWNLOADS)?;
        $transaction.$open(FANOUTS)?;
        $transaction.$open(FANOUT_TARGETS)?;
        $transaction.$open(SUBSCRIBERS)?;
        $transaction.$open(SUBSCRIPTIONS)?;
        $transaction.$open(HOOKS)?;
        $transaction.$open(HOOK_JOBS)?;
        $transaction.$open(HOOK_DEAD)?;
        $transaction.$open(HOOK_SETTLED)?;
        $transaction.$open(HOOK_LOG)?;
        $transaction.$open(ROOM)?;
    };
}

pub(crate) use for_each_table;

pub(super) const SCHEMA: &str = "schema";

/// A number that only grows, or counts what a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counter {
    /// The newest `seq`.
    Newest,
    /// The newest place in the outbox.
    OutboxPosition,
    /// Messages that came in and are kept.
    Received,
    /// Messages that went out and are kept.
    Sent,
    /// Entries of the outbox that are still to be sent.
    Queued,
    /// Entries of the outbox that were given up.
    Failed,
    /// 1 where all that the last daemon tried to send is recorded.
    OutboxSettled,
    /// Messages that were refused: forged, moved, or too old.
    Refused,
    /// Messages that came in and nothing was done with.
    Unread,
    /// The newest place among the held messages.
    HeldPosition,
    /// Messages that are held.
    Held,
    /// Bytes of the records of held messages; 0 where they are still to be counted.
    HeldBytes,
    /// Bytes of the records of messages.
    Bytes,
    /// Bytes of records that were removed since the file was last made small.
    Freed,
    /// Up to which `seq` an older file has been brought to this layout.
    Upgraded,
    /// The newest message to many.
    FanoutNumber,
    /// What the steady clock showed when a lease or delay was last given (milliseconds).
    Steady,
}

impl Counter {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::OutboxPosition => "outbox_position",
            Self::Received => "received",
            Self::Sent => "sent",
            Self::Queued => "queued",
            Self::Failed => "failed",
            Self::OutboxSettled => "outbox_settled",
            Self::Refused => "refused",
            Self::Unread => "unread",
            Self::HeldPosition => "held_position",
            Self::Held => "held",
            Self::HeldBytes => "held_bytes",
            Self::Bytes => "bytes",
            Self::Freed => "freed",
            Self::Upgraded => "upgraded",
            Self::FanoutNumber => "fanout_number",
            Self::Steady => "steady",
        }
    }

    /// Its value in [`META`].
    pub(crate) fn of(
        self,
        meta: &impl ReadableTable<&'static str, u64>,
    ) -> Result<u64, redb::Error> {
        Ok(meta.get(self.name())?.map_or(0, |value| value.value()))
    }
}

/// Makes what is missing.
pub(crate) fn prepare(database: &Database) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    // A crash after it leaves nothing to be looked at as a whole.
    transaction.set_quick_repair(true);
    {
        let mut meta = transaction.open_table(META)?;
        if meta.get(SCHEMA)?.is_none() {
            meta.insert(SCHEMA, VERSION)?;
        }
    }
    for_each_table!(transaction.open_table);
    transaction.commit()?;
    Ok(())
}

/// The newest `seq` in the file.
pub(crate) fn newest(database: &Database) -> Result<u64, redb::Error> {
    let transaction = database.begin_read()?;
    Counter::Newest.of(&transaction.open_table(META)?)
}
