//! What the store's own tests share: agents, times, messages, and a disk that fails on command.

use super::{Marking, Poll, Proof, Quotas, ReplayClaim, Room, Sequence, Store, Stored, Submission};
use mrp_proto::key::{PublicKey, SecretKey, Signature};
use mrp_proto::message::{Draft, Message, Metadata, Status};
use mrp_proto::time::Timestamp;
use redb::{Database, StorageBackend};
use serde_json::value::RawValue;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(super) fn agent(number: u8) -> PublicKey {
    SecretKey::from_seed(&[number; 32]).public()
}

/// Seconds into the tests' time.
pub(super) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_millis(1_772_611_200_000).after(Duration::from_secs(seconds))
}

/// A store as a relay has it, but for its database, which is in memory.
pub(super) fn empty_store() -> Store {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let open = move || {
        // Held for as long as the store may open its database again.
        let _ = &folder;
        Database::builder()
            .set_cache_size(1 << 20)
            .create_with_backend(redb::backends::InMemoryBackend::new())
    };
    let opener = super::engine::Opener::journaled(open, journal);
    let options = super::Options::default();
    Store::start(
        opener,
        Path::new("(in memory)"),
        options,
        Duration::from_secs(30),
    )
    .unwrap()
}

pub(super) fn no_quotas() -> Quotas {
    Quotas {
        inbox_messages: 0,
        inbox_bytes: 0,
        sender_bytes: 0,
        blobs: super::BlobQuotas::default(),
    }
}

/// A claim that no other has.
pub(super) fn claim(key: PublicKey, now: Timestamp) -> ReplayClaim {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut signature = [0; 64];
    signature[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    let proof = Proof::Signature(Signature::from_bytes(signature));
    ReplayClaim::new(key, proof, now.after(Duration::from_secs(600)))
}

pub(super) fn draft(recipient: PublicKey, body: &str) -> Draft {
    Draft {
        recipient,
        body: Some(RawValue::from_string(body.to_owned()).unwrap()),
        content_type: "application/json".to_owned(),
        attachments: Vec::new(),
        thread_id: None,
        in_reply_to: None,
        expires_in: Duration::from_secs(1_000),
        metadata: Metadata::new(),
    }
}

/// A send with a claim and a message id of its own, without limits.
pub(super) fn submission(sender: PublicKey, draft: Draft, now: Timestamp) -> Submission {
    let claim = claim(sender, now);
    let mut random = [0; 6];
    if let Proof::Signature(signature) = &claim.proof {
        random.copy_from_slice(&signature.as_bytes()[2..8]);
    }
    Submission {
        sender,
        draft,
        now,
        random,
        claim: Some(claim),
        idempotency_key: None,
        quotas: no_quotas(),
    }
}

pub(super) fn send(
    sender: PublicKey,
    recipient: PublicKey,
    body: &str,
    now: Timestamp,
) -> Submission {
    submission(sender, draft(recipient, body), now)
}

/// A poll for what waits, without marking.
pub(super) fn poll(recipient: PublicKey, now: Timestamp) -> Poll {
    Poll {
        recipient,
        status: Status::Sent,
        after: None,
        limit: 100,
        sender: None,
        in_reply_to: None,
        thread_id: None,
        mark: Marking::Manual,
        now,
    }
}

pub(super) fn taking_poll(recipient: PublicKey, now: Timestamp) -> Poll {
    Poll {
        mark: Marking::Deliver {
            claim: claim(recipient, now),
        },
        ..poll(recipient, now)
    }
}

pub(super) async fn waiting(store: &Store, recipient: PublicKey, now: Timestamp) -> Vec<Stored> {
    let room = Room {
        messages: 1_000,
        bytes: usize::MAX,
    };
    let waiting = store.next_after(recipient, Sequence::START, room, now);
    waiting.await.unwrap()
}

pub(super) fn bodies(messages: &[Message]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message.body.as_deref().map_or("-", RawValue::get))
        .collect()
}

/// A disk in memory that outlives its database and fails on command.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    bytes: Arc<Mutex<Vec<u8>>>,
    failing: Arc<AtomicBool>,
}

impl Disk {
    pub(super) fn fail(&self) {
        self.failing.store(true, Ordering::SeqCst);
    }

    pub(super) fn mend(&self) {
        self.failing.store(false, Ordering::SeqCst);
    }

    pub(super) fn opener(&self) -> super::engine::Opener {
        let disk = self.clone();
        // Without a cache every read meets the disk.
        super::engine::Opener::unjournaled(move || {
            Database::builder()
                .set_cache_size(0)
                .create_with_backend(disk.clone())
        })
    }

    fn check(&self) -> io::Result<()> {
        if self.failing.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk fails on command"));
        }
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.check()?;
        Ok(self.bytes.lock().unwrap().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.check()?;
        let start = usize::try_from(offset).unwrap();
        let bytes = self.bytes.lock().unwrap();
        let part = bytes.get(start..start + out.len());
        out.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check()?;
        let len = usize::try_from(len).unwrap();
        self.bytes.lock().unwrap().resize(len, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.check()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check()?;
        let start = usize::try_from(offset).unwrap();
        self.bytes.lock().unwrap()[start..start + data.len()].copy_from_slice(data);
        Ok(())
    }
}

/// Waits, for a while, until something is so.
pub(super) async fn wait_until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .unwrap();
}

/// A store in a directory, as a relay has it.
pub(super) struct Home(tempfile::TempDir);

impl Home {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn database(&self) -> PathBuf {
        self.0.path().join("relay.redb")
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.0.path().join("relay.journal")
    }

    pub(super) fn open(&self) -> Store {
        Store::open(&self.database(), super::Options::default()).unwrap()
    }

    /// What its database has by itself now.
    pub(super) fn without_journal(&self) -> Self {
        let copy = Self::new();
        std::fs::copy(self.database(), copy.database()).unwrap();
        copy
    }

    /// What a crash would leave of it now.
    pub(super) fn crashed(&self) -> Self {
        let copy = self.without_journal();
        std::fs::create_dir(copy.journal()).unwrap();
        for file in std::fs::read_dir(self.journal()).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), copy.journal().join(file.file_name())).unwrap();
        }
        copy
    }
}
