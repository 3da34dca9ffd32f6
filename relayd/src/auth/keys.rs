//! Keys that were seen lately, decoded: checking that a point is one costs as much as checking a signature.

use lru::LruCache;
use mrp_proto::base64url;
use mrp_proto::key::{KeyError, Verifier};
use std::sync::{Mutex, PoisonError};

/// Keys remembered, at most; about 5 MiB.
const MAX_KEYS: usize = 16_384;

/// Decoded keys, the least used forgotten first. Only valid ones are remembered.
#[derive(Debug)]
pub(super) struct KnownKeys {
    verifiers: Mutex<LruCache<[u8; 32], Verifier>>,
}

impl Default for KnownKeys {
    fn default() -> Self {
        // Unbounded, so that nothing is allocated before it is needed; the bound is kept below.
        Self {
            verifiers: Mutex::new(LruCache::unbounded()),
        }
    }
}

impl KnownKeys {
    /// Reads the written form.
    pub(super) fn parse(&self, text: &str) -> Result<Verifier, KeyError> {
        self.decode(&base64url::decode_array(text)?)
    }

    /// Checks the bytes, or knows them already.
    pub(super) fn decode(&self, bytes: &[u8; 32]) -> Result<Verifier, KeyError> {
        if let Some(verifier) = self.lock().get(bytes) {
            return Ok(verifier.clone());
        }
        // Not under the lock: this is the expensive part.
        let verifier = Verifier::from_bytes(*bytes)?;
        let mut verifiers = self.lock();
        verifiers.put(*bytes, verifier.clone());
        if verifiers.len() > MAX_KEYS {
            verifiers.pop_lru();
        }
        Ok(verifier)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LruCache<[u8; 32], Verifier>> {
        self.verifiers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mrp_proto::key::SecretKey;

    #[test]
    fn a_known_key_is_the_same_key_and_a_bad_one_is_never_known() {
        let keys = KnownKeys::default();
        let secret = SecretKey::from_seed(&[3; 32]);
        let text = secret.public().to_string();
        for _ in 0..2 {
            let verifier = keys.parse(&text).unwrap();
            assert_eq!(verifier.public(), secret.public());
            assert_eq!(verifier.verify(b"x", &secret.sign(b"x")), Ok(()));
        }
        assert_eq!(keys.lock().len(), 1);
        for _ in 0..2 {
            assert!(keys.decode(&[0xff; 32]).is_err());
        }
        assert_eq!(keys.lock().len(), 1);
    }
}
