//! What is known about blobs: who owns them, which messages attach them, and until when (protocol A5). Their bytes are elsewhere.
//!
//! Bytes are there for as long as there is a record of them, which is as long as anyone owns them or a live message attaches them.
//! Bytes without a record are "loose". A hash is noted as loose before its bytes come into place, and again when its record ends,
//! so that no crash leaves bytes that nobody knows of: whoever removes bytes goes by that list, and strikes them off it afterwards.

mod attach;
mod records;

pub(super) use attach::{Attaching, Refusal, attach, release, resolve};
pub(super) use records::{for_each_table, make_tables};

use super::clock::{from_millis, to_millis};
use super::failure::{Failure, Stop};
use super::queue::Admission;
use super::record::AgentKey;
use super::sweep::Budget;
use super::tables::{PURGES, Tables};
use super::{ReplayClaim, Store, StoreError, claims};
use mrp_proto::key::PublicKey;
use mrp_proto::time::Timestamp;
use records::{BLOBS, LOOSE, OWNERS, Owner, Records, USAGE, USES, sent_to};
use redb::{
    Database, ReadTransaction, ReadableDatabase as _, ReadableTable as _,
    ReadableTableMetadata as _, TableError,
};
use std::time::Duration;

/// SHA-256 of a blob's bytes, which is its name.
pub type BlobHash = [u8; 32];

/// How much an agent may own, and for how long (protocol A5.4, A5.5); 0 switches a limit off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobQuotas {
    /// Bytes of all blobs of one agent.
    pub bytes: u64,
    /// Blobs of one agent.
    pub blobs: u64,
    /// How long an owner keeps a blob that is not attached.
    pub lifetime: Duration,
}

impl Default for BlobQuotas {
    fn default() -> Self {
        Self {
            bytes: 1 << 30,
            blobs: 100,
            lifetime: Duration::from_secs(24 * 3_600),
        }
    }
}

/// An upload that was hashed and whose signature was good.
#[derive(Debug, Clone)]
pub struct BlobUpload {
    /// Who uploads.
    pub owner: PublicKey,
    /// The name of the bytes.
    pub hash: BlobHash,
    /// How many there are.
    pub size: u64,
    /// As the owner calls them.
    pub content_type: String,
    /// The request's signature.
    pub claim: ReplayClaim,
    /// The limits in force.
    pub quotas: BlobQuotas,
    /// The clock.
    pub now: Timestamp,
}

/// A blob as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedBlob {
    /// Bytes.
    pub size: u64,
    /// As the owner calls it.
    pub content_type: String,
    /// Since when the owner has it.
    pub created: Timestamp,
    /// Until when.
    pub expires: Timestamp,
}

/// A blob as one who may read it sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadableBlob {
    /// Bytes.
    pub size: u64,
    /// As the reader calls it who owns it, and otherwise as the sender did who attached it.
    pub content_type: String,
}

/// What an agent's blobs take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BlobUsage {
    /// How many it owns.
    pub blobs: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// The limit of an owner that a blob would break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobLimit {
    /// Blobs.
    Blobs,
    /// Bytes of them.
    Bytes,
}

impl std::fmt::Display for BlobLimit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Blobs => "blobs",
            Self::Bytes => "bytes of blobs",
        })
    }
}

/// One blob too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an agent may own {limit} {what}, with this one {actual}; delete some, or wait until they expire"
)]
pub struct BlobQuotaExceeded {
    /// Which limit.
    pub what: BlobLimit,
    /// The limit.
    pub limit: u64,
    /// What it would be with this blob.
    pub actual: u64,
}

/// Why nothing was done about a blob.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// The signature took effect before.
    #[error("the signature was used before")]
    Replay,
    /// The owner has too much already.
    #[error(transparent)]
    Quota(#[from] BlobQuotaExceeded),
    /// There is no such blob of this agent's.
    #[error("the agent owns no such blob")]
    NotFound,
    /// A live message of the owner's attaches it.
    #[error("a live message of the agent's attaches the blob")]
    Referenced,
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Comes before the bytes of an upload are put into place: checks what [`Store::add_blob`] will check, and notes the bytes as
    /// loose, so that a crash in between leaves none that nobody knows of.
    ///
    /// # Errors
    /// [`BlobError`].
    pub async fn announce_blob(&self, upload: BlobUpload) -> Result<(), BlobError> {
        self.write(Admission::Other, move |tables| announce(tables, &upload))
            .await
    }

    /// Makes the uploader an owner of bytes that are durably in place. One that owns them already keeps them for longer.
    ///
    /// # Errors
    /// [`BlobError`]; then the bytes are loose, unless others own them.
    pub async fn add_blob(&self, upload: BlobUpload) -> Result<OwnedBlob, BlobError> {
        self.write(Admission::Other, move |tables| add(tables, &upload))
            .await
    }

    /// A blob, if the caller may read it: owns it, or is sender or recipient of a live message that attaches it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn blob(
        &self,
        hash: BlobHash,
        caller: PublicKey,
        now: Timestamp,
    ) -> Result<Option<ReadableBlob>, StoreError> {
        let now = self.shared().clock.observe(now);
        self.read(move |view| {
            let open = &view.transaction;
            let caller = caller.as_bytes();
            let blobs = open.open_table(BLOBS)?;
            let Some(size) = blobs.get(&hash)?.map(|row| row.value().0) else {
                return Ok(None);
            };
            let owners = open.open_table(OWNERS)?;
            let content_type = match Owner::find(&owners, caller, &hash, now)? {
                Some(owner) => Some(owner.content_type),
                None => {
                    let (uses, purges) = (open.open_table(USES)?, open.open_table(PURGES)?);
                    sent_to(&uses, &purges, caller, &hash, now)?
                }
            };
            Ok(content_type.map(|content_type| ReadableBlob { size, content_type }))
        })
        .await
    }

    /// Gives up an agent's blob.
    ///
    /// # Errors
    /// [`BlobError`].
    pub async fn delete_blob(
        &self,
        hash: BlobHash,
        owner: PublicKey,
        claim: ReplayClaim,
        now: Timestamp,
    ) -> Result<(), BlobError> {
        let (owner, claim) = (*owner.as_bytes(), claims::Key::of(&claim));
        self.write(Admission::Other, move |tables| {
            let now = tables.clock.observe(now);
            claims::refuse_used(tables, &claim, BlobError::Replay)?;
            let mut records = Records::open(tables.transaction)?;
            match Owner::find(&records.owners, &owner, &hash, now)? {
                None => return Err(Stop::Refused(BlobError::NotFound)),
                Some(found) if found.is_attached(now) => {
                    return Err(Stop::Refused(BlobError::Referenced));
                }
                Some(_) => records.disown(&owner, &hash)?,
            }
            Ok(claims::store(tables, &claim)?)
        })
        .await
    }

    /// What an agent's blobs take.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn blob_usage(&self, owner: PublicKey) -> Result<BlobUsage, StoreError> {
        self.read(move |view| owned(&view.transaction, owner.as_bytes()))
            .await
    }

    /// Some of the bytes that nobody owns and no message attaches: those behind `after`, `most` at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn loose_blobs(
        &self,
        after: Option<BlobHash>,
        most: usize,
    ) -> Result<Vec<BlobHash>, StoreError> {
        self.read(move |view| {
            use std::ops::Bound;
            let loose = view.transaction.open_table(LOOSE)?;
            let start = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
            let range = loose.range::<&AgentKey>((start, Bound::Unbounded))?;
            let hashes = range.take(most).map(|row| Ok(*row?.0.value()));
            hashes.collect()
        })
        .await
    }

    /// Whether bytes are loose now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_loose_blob(&self, hash: BlobHash) -> Result<bool, StoreError> {
        self.read(move |view| {
            let open = &view.transaction;
            let is_known = open.open_table(BLOBS)?.get(&hash)?.is_some();
            Ok(!is_known && open.open_table(LOOSE)?.get(&hash)?.is_some())
        })
        .await
    }

    /// Strikes loose bytes off the list, since they are gone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_loose_blob(&self, hash: BlobHash) -> Result<(), StoreError> {
        self.write(Admission::Other, move |tables| {
            let mut loose = tables.transaction.open_table(LOOSE)?;
            loose.remove(&hash)?;
            Ok(())
        })
        .await
    }
}

/// All blobs whose bytes are in place.
pub(super) fn names(database: &Database) -> Result<Vec<BlobHash>, Failure> {
    let blobs = match database.begin_read()?.open_table(BLOBS) {
        Ok(blobs) => blobs,
        Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    blobs.iter()?.map(|row| Ok(*row?.0.value())).collect()
}

/// How many blobs there are.
pub(super) fn count(open: &ReadTransaction) -> Result<u64, Failure> {
    Ok(open.open_table(BLOBS)?.len()?)
}

/// What an agent's blobs take.
pub(super) fn owned(open: &ReadTransaction, agent: &AgentKey) -> Result<BlobUsage, Failure> {
    records::usage(&open.open_table(USAGE)?, agent)
}

/// Gives up all blobs of an agent that is deleted (protocol A3.6). Its messages keep what they attach.
pub(super) fn give_up(tables: &Tables<'_>, agent: &AgentKey) -> Result<(), Failure> {
    let mut records = Records::open(tables.transaction)?;
    let mut hashes = Vec::new();
    for row in records
        .owners
        .range((agent, &[0; 32])..=(agent, &[0xff; 32]))?
    {
        hashes.push(*row?.0.value().1);
    }
    for hash in &hashes {
        records.disown(agent, hash)?;
    }
    Ok(())
}

/// Takes blobs from owners whose time is over; the answer is how many.
pub(super) fn sweep(
    tables: &Tables<'_>,
    now: Timestamp,
    budget: &mut Budget,
) -> Result<usize, Failure> {
    let mut records = Records::open(tables.transaction)?;
    let mut swept = 0;
    while !budget.is_spent() {
        let first = records.due.first()?.map(|(key, _)| {
            let (time, owner, hash) = key.value();
            (time, *owner, *hash)
        });
        let Some((time, owner, hash)) = first.filter(|(time, ..)| *time <= to_millis(now)) else {
            break;
        };
        records.due.remove((time, &owner, &hash))?;
        // One that is attached stays until its last message is gone, which then looks at the time again.
        if let Some(found) = Owner::read(&records.owners, &owner, &hash)?
            && found.attached == 0
            && found.kept_until <= now
        {
            records.disown(&owner, &hash)?;
            swept += 1;
        }
        budget.spend(0);
    }
    Ok(swept)
}

/// What an upload must meet, before its bytes are in place and after.
fn check_upload(
    tables: &Tables<'_>,
    records: &Records<'_>,
    upload: &BlobUpload,
) -> Result<(), Stop<BlobError>> {
    claims::refuse_used(tables, &claims::Key::of(&upload.claim), BlobError::Replay)?;
    let owner = upload.owner.as_bytes();
    if Owner::read(&records.owners, owner, &upload.hash)?.is_some() {
        return Ok(());
    }
    let more = BlobUsage {
        blobs: 1,
        bytes: upload.size,
    };
    let usage = records::usage(&records.usage, owner)?;
    check_quotas(&upload.quotas, usage, more).map_err(|error| Stop::Refused(error.into()))
}

/// Holds what an agent would own against its limits.
fn check_quotas(
    quotas: &BlobQuotas,
    usage: BlobUsage,
    more: BlobUsage,
) -> Result<(), BlobQuotaExceeded> {
    for (what, limit, actual) in [
        (BlobLimit::Blobs, quotas.blobs, usage.blobs + more.blobs),
        (
            BlobLimit::Bytes,
            quotas.bytes,
            usage.bytes.saturating_add(more.bytes),
        ),
    ] {
        if limit != 0 && actual > limit {
            return Err(BlobQuotaExceeded {
                what,
                limit,
                actual,
            });
        }
    }
    Ok(())
}

fn announce(tables: &mut Tables<'_>, upload: &BlobUpload) -> Result<(), Stop<BlobError>> {
    tables.clock.observe(upload.now);
    let mut records = Records::open(tables.transaction)?;
    check_upload(tables, &records, upload)?;
    if records.blobs.get(&upload.hash)?.is_none() {
        records.loose.insert(&upload.hash, ())?;
    }
    Ok(())
}

fn add(tables: &mut Tables<'_>, upload: &BlobUpload) -> Result<OwnedBlob, Stop<BlobError>> {
    let now = tables.clock.observe(upload.now);
    let mut records = Records::open(tables.transaction)?;
    check_upload(tables, &records, upload)?;
    let agent = upload.owner.as_bytes();
    let earlier = Owner::read(&records.owners, agent, &upload.hash)?;
    let owner = match earlier.filter(|owner| owner.is_valid(now)) {
        Some(owner) => owner,
        None => Owner::new(now, tables.last_sequence()),
    };
    let owner = Owner {
        content_type: upload.content_type.clone(),
        kept_until: now.after(upload.quotas.lifetime),
        ..owner
    };
    records.own(agent, &upload.hash, upload.size, &owner)?;
    drop(records);
    claims::store(tables, &claims::Key::of(&upload.claim))?;
    Ok(OwnedBlob {
        size: upload.size,
        created: owner.created,
        expires: owner.expires(now),
        content_type: owner.content_type,
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::super::{AcceptError, Submission};
    use super::*;
    use mrp_proto::id::BlobId;
    use mrp_proto::message::Attachment;

    const DAY: u64 = 24 * 3_600;

    fn hash(number: u8) -> BlobHash {
        [number; 32]
    }

    fn id(number: u8) -> String {
        BlobId::of_digest(&hash(number)).as_str().to_owned()
    }

    /// Ten bytes that are called by their owner's number.
    fn upload_of(owner: u8, number: u8, seconds: u64) -> BlobUpload {
        BlobUpload {
            owner: agent(owner),
            hash: hash(number),
            size: 10,
            content_type: format!("text/{owner}"),
            claim: claim(agent(owner), at(seconds)),
            quotas: BlobQuotas::default(),
            now: at(seconds),
        }
    }

    async fn upload(store: &Store, owner: u8, number: u8, seconds: u64) -> OwnedBlob {
        let upload = upload_of(owner, number, seconds);
        store.announce_blob(upload.clone()).await.unwrap();
        store.add_blob(upload).await.unwrap()
    }

    /// What a reader finds it called.
    async fn seen(store: &Store, reader: u8, number: u8, seconds: u64) -> Option<String> {
        let found = store.blob(hash(number), agent(reader), at(seconds)).await;
        found.unwrap().map(|blob| {
            assert_eq!(blob.size, 10);
            blob.content_type
        })
    }

    async fn delete(store: &Store, owner: u8, number: u8, seconds: u64) -> Result<(), BlobError> {
        let claim = claim(agent(owner), at(seconds));
        store
            .delete_blob(hash(number), agent(owner), claim, at(seconds))
            .await
    }

    fn attaching(sender: u8, recipient: u8, numbers: &[u8], seconds: u64) -> Submission {
        let mut draft = draft(agent(recipient), "1");
        draft.attachments = numbers
            .iter()
            .map(|number| {
                let json = serde_json::json!({ "blob_id": id(*number), "size": 1, "hash": "x" });
                serde_json::from_value::<Attachment>(json).unwrap()
            })
            .collect();
        submission(agent(sender), draft, at(seconds))
    }

    /// Sends a message, which lives for 1,000 seconds.
    async fn attach(store: &Store, sender: u8, recipient: u8, number: u8, seconds: u64) {
        let submission = attaching(sender, recipient, &[number], seconds);
        store.accept_message(submission).await.unwrap();
    }

    async fn sweep(store: &Store, seconds: u64) {
        while store.sweep(at(seconds), 100).await.unwrap().more {}
    }

    async fn usage(store: &Store, owner: u8) -> (u64, u64) {
        let usage = store.blob_usage(agent(owner)).await.unwrap();
        (usage.blobs, usage.bytes)
    }

    async fn loose(store: &Store) -> Vec<BlobHash> {
        store.loose_blobs(None, 100).await.unwrap()
    }

    /// No table of blobs has a row, but for the list of loose bytes.
    async fn assert_empty(store: &Store) {
        let rows = store.write::<_, StoreError, _>(Admission::Other, |tables| {
            let records = Records::open(tables.transaction)?;
            Ok([
                records.blobs.len()?,
                records.owners.len()?,
                records.due.len()?,
                records.uses.len()?,
                records.attached.len()?,
                records.usage.len()?,
            ])
        });
        assert_eq!(rows.await.unwrap(), [0; 6]);
    }

    #[tokio::test]
    async fn each_owner_has_a_blob_of_its_own_and_nobody_else_has_it() {
        let store = empty_store();
        let first = upload(&store, 1, 7, 0).await;
        assert_eq!((first.size, first.content_type.as_str()), (10, "text/1"));
        assert_eq!((first.created, first.expires), (at(0), at(DAY)));
        let second = upload(&store, 2, 7, 50).await;
        assert_eq!((second.created, second.expires), (at(50), at(DAY + 50)));
        assert_eq!(seen(&store, 1, 7, 60).await.unwrap(), "text/1");
        assert_eq!(seen(&store, 2, 7, 60).await.unwrap(), "text/2");
        assert_eq!(seen(&store, 3, 7, 60).await, None);
        assert_eq!(store.holdings().await.unwrap().blobs, 1);
        let holdings = store.agent_holdings(&agent(1)).await.unwrap();
        assert_eq!((holdings.blobs, holdings.blob_bytes), (1, 10));
        assert_eq!(delete(&store, 3, 7, 60).await, Err(BlobError::NotFound));
        delete(&store, 1, 7, 60).await.unwrap();
        assert_eq!(seen(&store, 1, 7, 60).await, None);
        assert_eq!(seen(&store, 2, 7, 60).await.unwrap(), "text/2");
        assert!(loose(&store).await.is_empty());
        delete(&store, 2, 7, 60).await.unwrap();
        assert_eq!(loose(&store).await, [hash(7)]);
        assert_empty(&store).await;
    }

    #[tokio::test]
    async fn a_blob_is_its_owners_for_a_day_and_longer_if_it_comes_again() {
        let store = empty_store();
        upload(&store, 1, 7, 0).await;
        upload(&store, 1, 8, 0).await;
        let again = upload(&store, 1, 7, 100).await;
        assert_eq!((again.created, again.expires), (at(0), at(DAY + 100)));
        assert_eq!(usage(&store, 1).await, (2, 20));
        assert!(seen(&store, 1, 8, DAY - 1).await.is_some());
        for _ in 0..2 {
            assert_eq!(seen(&store, 1, 8, DAY).await, None);
            assert!(seen(&store, 1, 7, DAY).await.is_some());
            sweep(&store, DAY).await;
        }
        assert_eq!(loose(&store).await, [hash(8)]);
        assert_eq!(usage(&store, 1).await, (1, 10));
        sweep(&store, DAY + 100).await;
        assert_empty(&store).await;
        // Whoever comes after that is an owner like the first.
        let late = upload(&store, 1, 7, DAY + 200).await;
        assert_eq!(late.created, at(DAY + 200));
        assert_eq!(loose(&store).await, [hash(8)]);
    }

    #[tokio::test]
    async fn an_upload_that_ends_before_its_record_leaves_bytes_that_are_known_as_loose() {
        let store = empty_store();
        let upload = upload_of(1, 7, 0);
        store.announce_blob(upload.clone()).await.unwrap();
        assert!(store.is_loose_blob(hash(7)).await.unwrap());
        assert_eq!(seen(&store, 1, 7, 0).await, None);
        store.add_blob(upload).await.unwrap();
        assert!(!store.is_loose_blob(hash(7)).await.unwrap());
        delete(&store, 1, 7, 0).await.unwrap();
        store.forget_loose_blob(hash(7)).await.unwrap();
        assert!(loose(&store).await.is_empty());
    }

    #[tokio::test]
    async fn a_signature_takes_effect_once() {
        let store = empty_store();
        let first = upload_of(1, 7, 0);
        store.add_blob(first.clone()).await.unwrap();
        let again = BlobUpload {
            hash: hash(8),
            ..first.clone()
        };
        assert_eq!(
            store.announce_blob(again.clone()).await,
            Err(BlobError::Replay)
        );
        assert_eq!(store.add_blob(again).await, Err(BlobError::Replay));
        let deleting = store.delete_blob(hash(7), agent(1), first.claim, at(0));
        assert_eq!(deleting.await, Err(BlobError::Replay));
        assert!(loose(&store).await.is_empty());
    }

    #[tokio::test]
    async fn an_owner_has_so_many_blobs_and_bytes_and_no_more() {
        let store = empty_store();
        let limited = |number: u8, blobs: u64, bytes: u64| {
            let upload = BlobUpload {
                quotas: BlobQuotas {
                    blobs,
                    bytes,
                    ..BlobQuotas::default()
                },
                ..upload_of(1, number, 0)
            };
            async {
                store.announce_blob(upload.clone()).await?;
                store.add_blob(upload).await.map(|_| ())
            }
        };
        let exceeded = |what, limit, actual| {
            Err(BlobError::Quota(BlobQuotaExceeded {
                what,
                limit,
                actual,
            }))
        };
        limited(1, 2, 20).await.unwrap();
        assert_eq!(limited(2, 2, 19).await, exceeded(BlobLimit::Bytes, 19, 20));
        limited(2, 2, 20).await.unwrap();
        assert_eq!(limited(3, 2, 0).await, exceeded(BlobLimit::Blobs, 2, 3));
        // What is there already costs nothing, and 0 is no limit.
        limited(2, 2, 20).await.unwrap();
        limited(3, 0, 0).await.unwrap();
        assert_eq!(usage(&store, 1).await, (3, 30));
        assert!(loose(&store).await.is_empty());
    }

    #[tokio::test]
    async fn a_message_carries_what_the_relay_knows_about_the_blob() {
        let store = empty_store();
        upload(&store, 1, 7, 0).await;
        upload(&store, 1, 8, 0).await;
        let mut submission = attaching(1, 2, &[7, 8, 7], 0);
        submission.draft.attachments[1].encrypted = Some(true);
        store.accept_message(submission).await.unwrap();
        let waiting = waiting(&store, agent(2), at(0)).await;
        let [first, second, third] = waiting[0].message.attachments.as_slice() else {
            panic!()
        };
        assert_eq!(first, third);
        assert_eq!(first.size, Some(10));
        assert_eq!(first.content_type.as_deref(), Some("text/1"));
        assert_eq!(first.hash.as_deref(), id(7).strip_prefix("blob_"));
        // About a plaintext the relay knows nothing.
        assert_eq!((second.size, second.hash.as_deref()), (Some(1), Some("x")));
        assert_eq!(seen(&store, 2, 7, 0).await.unwrap(), "text/1");
        sweep(&store, 1_000).await;
        assert_eq!(seen(&store, 2, 7, 1_000).await, None);
        sweep(&store, 2 * DAY).await;
        assert_empty(&store).await;
    }

    #[tokio::test]
    async fn all_that_cannot_be_attached_is_named_and_nothing_is_stored() {
        let store = empty_store();
        upload(&store, 1, 7, 0).await;
        upload(&store, 3, 8, 0).await;
        let refused = store.accept_message(attaching(1, 2, &[8, 7, 9], 0)).await;
        let blob_ids = vec![id(8), id(9)];
        assert_eq!(refused.unwrap_err(), AcceptError::BlobNotFound { blob_ids });
        assert!(waiting(&store, agent(2), at(0)).await.is_empty());
        delete(&store, 1, 7, 0).await.unwrap();
        delete(&store, 3, 8, 0).await.unwrap();
        assert_empty(&store).await;
    }

    #[tokio::test]
    async fn a_live_message_holds_the_blob_for_its_sender_and_its_recipient() {
        let store = empty_store();
        upload(&store, 1, 7, 0).await;
        // Lives beyond the day for which the owner would have it.
        attach(&store, 1, 2, 7, DAY - 500).await;
        assert_eq!(
            delete(&store, 1, 7, DAY - 500).await,
            Err(BlobError::Referenced)
        );
        let renewed = upload(&store, 1, 7, 10).await;
        assert_eq!(
            renewed.expires,
            at(2 * DAY - 500),
            "the later of two, and time does not go back"
        );
        sweep(&store, DAY).await;
        for reader in [1, 2] {
            assert!(seen(&store, reader, 7, DAY).await.is_some());
            assert!(seen(&store, reader, 7, DAY + 499).await.is_some());
        }
        assert_eq!(seen(&store, 2, 7, DAY + 500).await, None);
        assert_eq!(seen(&store, 3, 7, DAY).await, None);
        sweep(&store, DAY + 500).await;
        delete(&store, 1, 7, DAY + 500).await.unwrap();
        assert_empty(&store).await;
    }

    #[tokio::test]
    async fn an_owner_whose_day_is_over_has_the_blob_until_its_last_message_expires() {
        let store = empty_store();
        upload(&store, 1, 7, 0).await;
        attach(&store, 1, 2, 7, DAY - 10).await;
        attach(&store, 1, 3, 7, DAY - 5).await;
        sweep(&store, DAY).await;
        sweep(&store, DAY + 990).await;
        assert_eq!(usage(&store, 1).await, (1, 10));
        assert!(seen(&store, 1, 7, DAY + 990).await.is_some());
        assert_eq!(seen(&store, 2, 7, DAY + 990).await, None);
        assert_eq!(seen(&store, 1, 7, DAY + 995).await, None);
        sweep(&store, DAY + 995).await;
        assert_eq!(loose(&store).await, [hash(7)]);
        assert_empty(&store).await;
    }

    #[tokio::test]
    async fn what_one_was_sent_can_be_sent_on_at_ones_own_expense() {
        let store = empty_store();
        upload(&store, 1, 7, 0).await;
        attach(&store, 1, 2, 7, 0).await;
        let poor = Submission {
            quotas: super::super::Quotas {
                blobs: BlobQuotas {
                    bytes: 9,
                    ..BlobQuotas::default()
                },
                ..no_quotas()
            },
            ..attaching(2, 3, &[7], 0)
        };
        let refused = store.accept_message(poor).await.unwrap_err();
        let exceeded = BlobQuotaExceeded {
            what: BlobLimit::Bytes,
            limit: 9,
            actual: 10,
        };
        assert_eq!(refused, AcceptError::BlobQuota(exceeded));
        assert_eq!(usage(&store, 2).await, (0, 0));
        attach(&store, 2, 3, 7, 100).await;
        assert_eq!(usage(&store, 2).await, (1, 10));
        // The first sender is free to go: what it sent does not hang on what others send.
        sweep(&store, 1_000).await;
        delete(&store, 1, 7, 1_000).await.unwrap();
        assert_eq!(seen(&store, 3, 7, 1_000).await.unwrap(), "text/1");
        assert_eq!(
            delete(&store, 2, 7, 1_000).await,
            Err(BlobError::Referenced)
        );
        sweep(&store, 1_100).await;
        assert_eq!(seen(&store, 3, 7, 1_100).await, None);
        assert!(seen(&store, 2, 7, DAY + 99).await.is_some());
        sweep(&store, DAY + 100).await;
        assert_empty(&store).await;
    }

    #[tokio::test]
    async fn an_agent_that_is_deleted_gives_up_its_blobs_but_not_what_it_sent() {
        let store = empty_store();
        upload(&store, 1, 7, 0).await;
        upload(&store, 1, 8, 0).await;
        attach(&store, 1, 2, 7, 0).await;
        let deleting = store.delete_agent(agent(1), claim(agent(1), at(1)), at(1));
        deleting.await.unwrap();
        assert_eq!(usage(&store, 1).await, (0, 0));
        assert_eq!(loose(&store).await, [hash(8)]);
        assert_eq!(seen(&store, 2, 7, 1).await.unwrap(), "text/1");
        // It comes back with the same bytes: what it sent before holds nothing of the new agent's.
        upload(&store, 1, 7, 2).await;
        attach(&store, 1, 2, 7, 2).await;
        sweep(&store, 1_000).await;
        assert_eq!(
            delete(&store, 1, 7, 1_001).await,
            Err(BlobError::Referenced)
        );
        sweep(&store, 1_002).await;
        delete(&store, 1, 7, 1_002).await.unwrap();
        assert_empty(&store).await;
    }

    #[tokio::test]
    async fn a_recipient_that_is_deleted_lets_go_of_what_it_was_sent() {
        let store = empty_store();
        upload(&store, 1, 7, 0).await;
        attach(&store, 1, 2, 7, 0).await;
        let deleting = store.delete_agent(agent(2), claim(agent(2), at(1)), at(1));
        deleting.await.unwrap();
        assert_eq!(seen(&store, 2, 7, 1).await, None, "before the sweep, too");
        sweep(&store, 1).await;
        delete(&store, 1, 7, 1).await.unwrap();
        assert_empty(&store).await;
    }
}
