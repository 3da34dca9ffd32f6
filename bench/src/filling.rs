//! Filling a relay's database before it starts, by the relay's own store: much faster than over the network, and the same on disk
//! but for the signatures, which a relay forgets after minutes.

use crate::clock;
use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _};
use mrp_proto::key::{PublicKey, SecretKey};
use mrp_proto::message::{Limits, SendRequest};
use relayd::store::{self, Quotas, Store, Submission};
use serde_json::value::RawValue;
use std::path::Path;

/// A message to store.
#[derive(Debug)]
pub(crate) struct Letter<'a> {
    pub(crate) sender: PublicKey,
    pub(crate) recipient: PublicKey,
    pub(crate) text: &'a str,
    /// Seconds; the protocol's default where absent.
    pub(crate) expires_in: Option<i64>,
}

/// Messages on their way to the disk.
const STORING: usize = 2_000;

/// Opens the database with a cache that is large enough to fill it fast.
pub(crate) fn open(database: &Path) -> anyhow::Result<Store> {
    let options = store::Options {
        cache_bytes: 1 << 30,
        ..store::Options::default()
    };
    Ok(Store::open(database, options)?)
}

/// Stores messages, without any quota.
pub(crate) async fn fill<'a>(
    database: &Path,
    letters: impl Iterator<Item = Letter<'a>>,
) -> anyhow::Result<()> {
    let store = open(database)?;
    let storing = futures_util::stream::iter(letters);
    let stored = storing.map(|letter| {
        let store = &store;
        async move { accept(store, &letter).await }
    });
    stored.buffer_unordered(STORING).try_collect::<()>().await?;
    store.close().await;
    Ok(())
}

async fn accept(store: &Store, letter: &Letter<'_>) -> anyhow::Result<()> {
    let body = RawValue::from_string(format!(r#"{{"text":"{}"}}"#, letter.text))?;
    let request = SendRequest {
        expires_in: letter.expires_in,
        ..SendRequest::new(&letter.recipient, body)
    };
    let draft = request.into_draft_with(&Limits::default(), |_| Ok(letter.recipient))?;
    let mut random = [0; 6];
    getrandom::fill(&mut random).context("no randomness")?;
    let submission = Submission {
        sender: letter.sender,
        draft,
        now: clock::now(),
        random,
        claim: None,
        idempotency_key: None,
        quotas: Quotas {
            inbox_messages: 0,
            inbox_bytes: 0,
            sender_bytes: 0,
            ..Quotas::default()
        },
    };
    store.accept_message(submission).await?;
    Ok(())
}

/// Public keys of a kind.
pub(crate) fn public_keys(kind: u8, count: usize) -> Vec<PublicKey> {
    let keys = (0..count).map(|number| crate::crowd::key(kind, number));
    keys.map(|key: SecretKey| key.public()).collect()
}
