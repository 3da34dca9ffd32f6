//! Sealing and opening piece by piece. The bytes are the same as those of the calls over a whole blob: one ChaCha20-Poly1305
//! (RFC 8439 section 2.8) without associated data, its two halves run side by side.

use super::{BlobError, BlobKey, NONCE_LENGTH, OVERHEAD, TAG_LENGTH};
use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit as _, StreamCipher as _, StreamCipherSeek as _};
use poly1305::universal_hash::{KeyInit as _, UniversalHash as _};
use poly1305::{Block, Poly1305};
use rand_core::CryptoRng;
use std::fmt;
use zeroize::Zeroize as _;

/// Bytes of a block of the key stream; the first one makes the key of the tag.
const STREAM_BLOCK: u64 = 64;

/// Seals a blob piece by piece: [`Sealer::nonce`], then every piece, then [`Sealer::finish`] are its bytes.
pub struct Sealer {
    cipher: ChaCha20,
    mac: Mac,
    nonce: [u8; NONCE_LENGTH],
}

impl Sealer {
    /// Begins a blob. The nonce is drawn from `rng`.
    pub fn new(key: &BlobKey, rng: &mut impl CryptoRng) -> Self {
        let mut nonce = [0; NONCE_LENGTH];
        rng.fill_bytes(&mut nonce);
        let (cipher, mac) = begin(key, &nonce);
        Self { cipher, mac, nonce }
    }

    /// The first bytes of the sealed blob.
    pub fn nonce(&self) -> [u8; NONCE_LENGTH] {
        self.nonce
    }

    /// Seals the next piece in place. All of them may have 256 GiB together, far beyond what any relay takes.
    pub fn seal(&mut self, piece: &mut [u8]) {
        self.cipher.apply_keystream(piece);
        self.mac.update(piece);
    }

    /// The last bytes of the sealed blob.
    pub fn finish(self) -> [u8; TAG_LENGTH] {
        self.mac.finish().into()
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealer(..)")
    }
}

/// Opens a sealed blob piece by piece.
///
/// What it gives out before [`Opener::finish`] has said yes is not proven yet: it must not be used, nor be where anybody looks.
pub struct Opener {
    key: BlobKey,
    running: Option<(ChaCha20, Mac)>,
    /// Bytes that may still be the nonce, or the tag.
    held: Vec<u8>,
    taken: usize,
}

impl Opener {
    /// Begins a blob.
    pub fn new(key: BlobKey) -> Self {
        Self {
            key,
            running: None,
            held: Vec::with_capacity(OVERHEAD),
            taken: 0,
        }
    }

    /// Takes the next piece of the sealed blob, and adds to `opened` what it makes plain. Up to 28 bytes are held back.
    pub fn open(&mut self, piece: &[u8], opened: &mut Vec<u8>) {
        self.taken = self.taken.saturating_add(piece.len());
        let mut rest = piece;
        if self.running.is_none() {
            let missing = NONCE_LENGTH.saturating_sub(self.held.len()).min(rest.len());
            let (nonce, behind) = rest.split_at(missing);
            self.held.extend_from_slice(nonce);
            rest = behind;
            let Ok(nonce) = <[u8; NONCE_LENGTH]>::try_from(self.held.as_slice()) else {
                return;
            };
            self.held.clear();
            self.running = Some(begin(&self.key, &nonce));
        }
        let Some((cipher, mac)) = &mut self.running else {
            return;
        };
        // The last bytes that are there may be the tag.
        let from = opened.len();
        let ready = (self.held.len() + rest.len()).saturating_sub(TAG_LENGTH);
        let from_held = ready.min(self.held.len());
        opened.extend(self.held.drain(..from_held));
        let (now, later) = rest.split_at(ready - from_held);
        opened.extend_from_slice(now);
        self.held.extend_from_slice(later);
        let sealed = &mut opened[from..];
        mac.update(sealed);
        cipher.apply_keystream(sealed);
    }

    /// Says whether all that was given out is what was sealed.
    ///
    /// # Errors
    /// [`BlobError`]: nothing of it may be used then.
    pub fn finish(self) -> Result<(), BlobError> {
        let too_short = BlobError::TooShort { actual: self.taken };
        let (_, mac) = self.running.ok_or(too_short)?;
        let tag: [u8; TAG_LENGTH] = self.held.try_into().map_err(|_| too_short)?;
        mac.verify(&tag.into()).map_err(|()| BlobError::Unauthentic)
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Opener(..)")
    }
}

fn begin(key: &BlobKey, nonce: &[u8; NONCE_LENGTH]) -> (ChaCha20, Mac) {
    let mut cipher = ChaCha20::new(key.as_bytes().into(), nonce.into());
    let mut tag_key = poly1305::Key::default();
    cipher.apply_keystream(&mut tag_key);
    let tag = Poly1305::new(&tag_key);
    tag_key.zeroize();
    cipher.seek(STREAM_BLOCK);
    let mac = Mac {
        tag,
        partial: Block::default(),
        filled: 0,
        length: 0,
    };
    (cipher, mac)
}

/// The tag in the making: it takes whole blocks, and pieces have any length.
struct Mac {
    tag: Poly1305,
    partial: Block,
    filled: usize,
    length: u64,
}

impl Mac {
    fn update(&mut self, mut bytes: &[u8]) {
        self.length = self.length.saturating_add(bytes.len() as u64);
        if self.filled > 0 {
            let take = (TAG_LENGTH - self.filled).min(bytes.len());
            let (head, rest) = bytes.split_at(take);
            self.partial[self.filled..self.filled + take].copy_from_slice(head);
            self.filled += take;
            bytes = rest;
            if self.filled < TAG_LENGTH {
                return;
            }
            self.tag.update(&[self.partial]);
            self.filled = 0;
        }
        let (whole, rest) = bytes.split_at(bytes.len() - bytes.len() % TAG_LENGTH);
        // Nothing is padded in a whole number of blocks.
        self.tag.update_padded(whole);
        self.partial[..rest.len()].copy_from_slice(rest);
        self.filled = rest.len();
    }

    fn end(mut self) -> Poly1305 {
        self.tag.update_padded(&self.partial[..self.filled]);
        let mut lengths = Block::default();
        lengths[8..].copy_from_slice(&self.length.to_le_bytes());
        self.tag.update(&[lengths]);
        self.tag
    }

    fn finish(self) -> poly1305::Tag {
        self.end().finalize()
    }

    /// In constant time.
    fn verify(self, tag: &poly1305::Tag) -> Result<(), ()> {
        self.end().verify(tag).map_err(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{open, seal};
    use super::*;
    use getrandom::SysRng;
    use getrandom::rand_core::UnwrapErr;

    fn noise(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * 31 % 251) as u8).collect()
    }

    fn opened(key: &BlobKey, sealed: &[u8], piece: usize) -> Result<Vec<u8>, BlobError> {
        let mut opener = Opener::new(key.clone());
        let mut plain = Vec::new();
        for piece in sealed.chunks(piece) {
            opener.open(piece, &mut plain);
        }
        opener.finish().map(|()| plain)
    }

    #[test]
    fn pieces_make_the_same_bytes_as_the_whole() {
        let mut rng = UnwrapErr(SysRng);
        let key = BlobKey::generate(&mut rng);
        for length in [0, 1, 15, 16, 17, 63, 64, 65, 1000, 4096] {
            let plain = noise(length);
            let whole = seal(&key, &plain, &mut rng);
            for piece in [1, 7, 16, 64, 1000] {
                assert_eq!(opened(&key, &whole, piece), Ok(plain.clone()));
                let mut sealer = Sealer::new(&key, &mut rng);
                let mut sealed = sealer.nonce().to_vec();
                for piece in plain.chunks(piece) {
                    let mut piece = piece.to_vec();
                    sealer.seal(&mut piece);
                    sealed.extend(piece);
                }
                sealed.extend(sealer.finish());
                assert_eq!(sealed.len(), length + OVERHEAD);
                assert_eq!(open(&key, &sealed), Ok(plain.clone()));
            }
        }
    }

    #[test]
    fn what_was_altered_cut_or_lengthened_is_not_opened() {
        let mut rng = UnwrapErr(SysRng);
        let key = BlobKey::generate(&mut rng);
        let sealed = seal(&key, &noise(100), &mut rng);
        for at in [0, 11, 12, 50, sealed.len() - 17, sealed.len() - 1] {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert_eq!(opened(&key, &altered, 9), Err(BlobError::Unauthentic));
        }
        assert_eq!(
            opened(&key, &sealed[..sealed.len() - 1], 9),
            Err(BlobError::Unauthentic)
        );
        let longer = [sealed.as_slice(), &[0]].concat();
        assert_eq!(opened(&key, &longer, 9), Err(BlobError::Unauthentic));
        let other = BlobKey::generate(&mut rng);
        assert_eq!(opened(&other, &sealed, 9), Err(BlobError::Unauthentic));
        for length in [0, 1, 11, 12, 27] {
            let too_short = Err(BlobError::TooShort { actual: length });
            assert_eq!(opened(&key, &sealed[..length], 5), too_short);
        }
    }
}
