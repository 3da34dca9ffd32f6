//! What is known about blobs: who owns them, which messages attach them, and until when (protocol A5). Their bytes are elsewhere.
//!
//! Bytes are there for as long as there is a record of them, which is as long as anyone owns them or a live message attaches them.
//! Bytes without a record are "loose". A hash is noted as loose before its bytes come into place, and again when its record ends,
//! so that no crash leaves bytes that nobody knows of: whoever removes bytes goes by that list, and strikes them off it afterwards.

mod attach;
mod records;

pub(super) use attach::{Attaching, Refusal, attach, release, resolve};
pub(super) use records::make_tables;

use super::clock::{from_millis, to_millis};
use super::failure::{Failure, Stop};
use super::record::AgentKey;
use super::sweep::Budget;
use super::tables::{PURGES, Tables};
use super::writer::Admission;
use super::{ReplayClaim, Store, StoreError, claims};
use mrp_proto::key::PublicKey;
use mrp_proto::time::Timestamp;
use records::{BLOBS, LOOSE, OWNERS, Owner, Records, USAGE, USES, sent_to};
use redb::ReadableTable as _;
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
            check_claim(tables, &claim)?;
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
        self.read(move |view| {
            let usage = view.transaction.open_table(USAGE)?;
            records::usage(&usage, owner.as_bytes())
        })
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

fn check_claim(tables: &Tables<'_>, claim: &claims::Key) -> Result<(), Stop<BlobError>> {
    match claims::look_up(tables, claim)? {
        claims::Standing::Fresh => Ok(()),
        claims::Standing::Used => Err(Stop::Refused(BlobError::Replay)),
    }
}

/// What an upload must meet, before its bytes are in place and after.
fn check_upload(
    tables: &Tables<'_>,
    records: &Records<'_>,
    upload: &BlobUpload,
) -> Result<(), Stop<BlobError>> {
    check_claim(tables, &claims::Key::of(&upload.claim))?;
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
