//! Messages and the blobs that they attach: who may attach what, and what a live message holds (protocol A4.2, A5.4, A5.7).

use super::records::{self, Owner, Records, sent_to};
use super::{BlobHash, BlobQuotaExceeded, BlobQuotas, BlobUsage, check_quotas};
use crate::store::failure::{Failure, Stop};
use crate::store::record::{AgentKey, Head};
use crate::store::tables::Tables;
use mrp_proto::id::BlobId;
use mrp_proto::message::Attachment;
use mrp_proto::time::Timestamp;
use redb::ReadableTable as _;

/// Why a message cannot attach what it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum Refusal {
    /// These are no blobs that the sender owns or was sent.
    NotFound(Vec<String>),
    /// The sender would own too much.
    Quota(BlobQuotaExceeded),
}

/// What a message will attach.
#[derive(Debug)]
pub(in crate::store) struct Attaching {
    /// The attachments, with what the relay knows about them filled in.
    pub(in crate::store) attachments: Vec<Attachment>,
    blobs: Vec<Found>,
    lifetime: std::time::Duration,
}

/// A blob that the sender may attach.
#[derive(Debug)]
struct Found {
    hash: BlobHash,
    size: u64,
    content_type: String,
    is_owned: bool,
}

/// Looks up what a message names. Nothing is changed.
pub(in crate::store) fn resolve(
    tables: &Tables<'_>,
    sender: &AgentKey,
    attachments: &[Attachment],
    quotas: &BlobQuotas,
    now: Timestamp,
) -> Result<Attaching, Stop<Refusal>> {
    let records = Records::open(tables.transaction)?;
    let mut blobs: Vec<Found> = Vec::with_capacity(attachments.len());
    let mut filled = attachments.to_vec();
    let mut missing = Vec::new();
    for attachment in &mut filled {
        let known = known_hash(&attachment.blob_id)
            .and_then(|hash| blobs.iter().position(|found| found.hash == hash));
        let found = match known {
            Some(position) => Some(position),
            None => find(tables, &records, sender, &attachment.blob_id, now)?.map(|found| {
                blobs.push(found);
                blobs.len() - 1
            }),
        };
        match found {
            Some(position) => fill(attachment, &blobs[position]),
            None => missing.push(attachment.blob_id.clone()),
        }
    }
    if !missing.is_empty() {
        return Err(Stop::Refused(Refusal::NotFound(missing)));
    }
    check_new(&records, sender, &blobs, quotas)?;
    Ok(Attaching {
        attachments: filled,
        blobs,
        lifetime: quotas.lifetime,
    })
}

/// Notes what a message attaches: it is held until the message ends, and its sender is an owner.
pub(in crate::store) fn attach(
    tables: &Tables<'_>,
    sequence: u64,
    head: &Head,
    attaching: &Attaching,
) -> Result<(), Failure> {
    let mut records = Records::open(tables.transaction)?;
    for found in &attaching.blobs {
        let hash = &found.hash;
        let earlier = Owner::read(&records.owners, &head.sender, hash)?;
        let mut owner = match earlier.filter(|owner| owner.is_valid(head.created)) {
            Some(owner) => owner,
            None => Owner {
                kept_until: head.created.after(attaching.lifetime),
                content_type: found.content_type.clone(),
                ..Owner::new(head.created, sequence - 1)
            },
        };
        owner.attached += 1;
        owner.attached_until = owner.attached_until.max(head.expires);
        records.own(&head.sender, hash, found.size, &owner)?;
        records.hold(hash, found.size)?;
        records.attached.insert((sequence, hash), ())?;
        let content_type = found.content_type.as_str();
        let row = (
            super::to_millis(head.expires),
            &head.recipient,
            content_type,
        );
        records.uses.insert((&head.sender, hash, sequence), row)?;
        records
            .uses
            .insert((&head.recipient, hash, sequence), row)?;
    }
    Ok(())
}

/// Lets go of what a message attached that lives no longer.
pub(in crate::store) fn release(
    tables: &Tables<'_>,
    sequence: u64,
    head: &Head,
) -> Result<(), Failure> {
    let mut records = Records::open(tables.transaction)?;
    let mut hashes = Vec::new();
    for row in records
        .attached
        .range((sequence, &[0; 32])..=(sequence, &[0xff; 32]))?
    {
        hashes.push(*row?.0.value().1);
    }
    let now = tables.clock.latest();
    for hash in &hashes {
        records.attached.remove((sequence, hash))?;
        records.uses.remove((&head.sender, hash, sequence))?;
        records.uses.remove((&head.recipient, hash, sequence))?;
        if let Some(mut owner) = Owner::read(&records.owners, &head.sender, hash)?
            && sequence > owner.since
        {
            owner.attached = owner.attached.saturating_sub(1);
            if owner.attached == 0 {
                owner.attached_until = Timestamp::EPOCH;
            }
            if owner.attached == 0 && owner.kept_until <= now {
                records.disown(&head.sender, hash)?;
            } else {
                records.write(&head.sender, hash, &owner)?;
            }
        }
        records.let_go(hash)?;
    }
    Ok(())
}

fn known_hash(blob_id: &str) -> Option<BlobHash> {
    blob_id.parse::<BlobId>().ok()?.digest()
}

/// A blob that the sender owns, or was sent.
fn find(
    tables: &Tables<'_>,
    records: &Records<'_>,
    sender: &AgentKey,
    blob_id: &str,
    now: Timestamp,
) -> Result<Option<Found>, Failure> {
    let Some(hash) = known_hash(blob_id) else {
        return Ok(None);
    };
    let owner = Owner::find(&records.owners, sender, &hash, now)?;
    let is_owned = owner.is_some();
    let content_type = match owner {
        Some(owner) => Some(owner.content_type),
        None => sent_to(&records.uses, &tables.purges, sender, &hash, now)?,
    };
    let Some(content_type) = content_type else {
        return Ok(None);
    };
    Ok(Some(Found {
        size: records.size(&hash)?,
        hash,
        content_type,
        is_owned,
    }))
}

/// What the relay knows, unless the attachment is about a plaintext that the relay does not.
fn fill(attachment: &mut Attachment, found: &Found) {
    if attachment.encrypted == Some(true) {
        return;
    }
    attachment.content_type = Some(found.content_type.clone());
    attachment.size = Some(found.size);
    attachment.hash = Some(BlobId::of_digest(&found.hash).hex().to_owned());
}

/// The sender pays for what it was sent and now attaches itself.
fn check_new(
    records: &Records<'_>,
    sender: &AgentKey,
    blobs: &[Found],
    quotas: &BlobQuotas,
) -> Result<(), Stop<Refusal>> {
    let mut more = BlobUsage::default();
    for found in blobs.iter().filter(|found| !found.is_owned) {
        // One whose time is over is still counted until the sweep comes by.
        if Owner::read(&records.owners, sender, &found.hash)?.is_none() {
            more.blobs += 1;
            more.bytes = more.bytes.saturating_add(found.size);
        }
    }
    if more.blobs == 0 {
        return Ok(());
    }
    let usage = records::usage(&records.usage, sender)?;
    check_quotas(quotas, usage, more).map_err(|error| Stop::Refused(Refusal::Quota(error)))
}
