//! Idempotency keys: what is sent once, however often it is asked for.

use super::SendError;
use crate::clock;
use crate::store::{SendKey, Store};
use mrp_proto::base64url;
use mrpd_api::body::Send;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// How long a key is remembered.
const MEMORY: Duration = Duration::from_secs(24 * 3600);
/// Longest key, in visible ASCII characters.
pub(super) const LENGTH: usize = 128;

/// The key with a digest of everything that makes the message; how long to wait for it does not. Of a file it is the content that
/// counts: who repeats a command uploads it again, and it has another id then.
pub(super) async fn send_key(
    store: &Store,
    key: String,
    send: &Send,
) -> Result<SendKey, SendError> {
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if !visible || !(1..=LENGTH).contains(&key.len()) {
        return Err(SendError::InvalidKey);
    }
    let mut message = Send {
        wait: None,
        wait_ms: None,
        ..send.clone()
    };
    for attach in &mut message.attachments {
        if let Some(file) = store.file(attach.id.clone()).await? {
            attach.id = file.plain_digest;
            attach.filename = attach.filename.take().or(file.filename);
            attach.content_type = attach.content_type.take().or(file.content_type);
        }
    }
    let bytes = serde_json::to_vec(&message).map_err(|_| SendError::InvalidKey)?;
    Ok(SendKey {
        key,
        digest: base64url::encode(&Sha256::digest(bytes)),
        until: clock::now().after(MEMORY),
    })
}
