//! The form of a key file that is kept under a passphrase. Pure: files, prompts and randomness are others' affair.
//!
//! Four lines of text, so that it can be printed, pasted and recognised:
//!
//! ```text
//! mrp-encrypted-key-v1
//! key <the public key>
//! argon2id memory=<KiB> passes=<number> lanes=<number> salt=<16 bytes>
//! <the seed, sealed: 32 bytes and the tag's 16>
//! ```
//!
//! Bytes are base64url without padding. Argon2id (version 0x13, RFC 9106) makes the key of ChaCha20-Poly1305 (RFC 8439) from the
//! passphrase's bytes; the nonce is zero, for the salt makes every key a new one. The first three lines, each with its newline, are
//! the associated data: a file that was changed anywhere does not open.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{ChaCha20Poly1305, Key, KeyInit as _, Nonce, Tag};
use mrp_proto::base64url;
use mrp_proto::key::{ENCRYPTED_KEY_HEAD, PublicKey, SecretKey};
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of the longest such file.
pub(crate) const LONGEST: usize = 512;
/// Bytes of a salt.
pub(crate) const SALT: usize = 16;

const VERSION: &str = "v1";
const SEED: usize = 32;
const TAG: usize = 16;

/// What opening may cost, whatever a file asks for: it may be somebody else's.
const MOST_MEMORY: u32 = 1 << 20;
const MOST_PASSES: u32 = 16;
const MOST_LANES: u32 = 16;
/// Memory times passes: some seconds.
const MOST_WORK: u32 = 4 << 20;

/// What it costs to try a passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    /// KiB.
    memory: u32,
    passes: u32,
    lanes: u32,
}

/// The second of the two choices that RFC 9106 (section 4) recommends: 64 MiB, which small machines have too.
pub(crate) const RECOMMENDED: Cost = Cost {
    memory: 64 << 10,
    passes: 3,
    lanes: 4,
};

/// A key under a passphrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EncryptedKey {
    public: PublicKey,
    cost: Cost,
    salt: [u8; SALT],
    sealed: [u8; SEED],
    tag: [u8; TAG],
}

/// Why a file is no key under a passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// Of a form that this program does not know.
    Version,
    /// Not four lines as they are to be.
    Form,
    /// It asks for more memory or time than is given.
    TooCostly,
}

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Version => "it is of a later version than this program knows",
            Self::Form => "it is damaged: not the four lines of an encrypted key",
            Self::TooCostly => "it asks for more memory or time than a key file may",
        })
    }
}

/// Why a key was not sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotOpened {
    /// The passphrase is another one, or the file was changed.
    Passphrase,
    /// There is not as much memory.
    Memory,
}

impl EncryptedKey {
    /// Puts a key under a passphrase. The salt must be fresh, and nobody's to choose.
    pub(crate) fn seal(
        secret: &SecretKey,
        passphrase: &[u8],
        salt: [u8; SALT],
        cost: Cost,
    ) -> Result<Self, NotOpened> {
        let mut made = Self {
            public: secret.public(),
            cost,
            salt,
            sealed: [0; SEED],
            tag: [0; TAG],
        };
        let cipher = made.cipher(passphrase)?;
        let mut seed = secret.seed();
        let tag = cipher
            .encrypt_inout_detached(
                &Nonce::default(),
                made.head().as_bytes(),
                seed.as_mut_slice().into(),
            )
            .expect("a seed is shorter than the 256 GiB that the cipher can take");
        made.sealed = *seed;
        made.tag = tag.into();
        Ok(made)
    }

    /// Takes a key out from under its passphrase.
    pub(crate) fn open(&self, passphrase: &[u8]) -> Result<SecretKey, NotOpened> {
        let mut seed = Zeroizing::new(self.sealed);
        self.cipher(passphrase)?
            .decrypt_inout_detached(
                &Nonce::default(),
                self.head().as_bytes(),
                seed.as_mut_slice().into(),
                &Tag::from(self.tag),
            )
            .map_err(|_| NotOpened::Passphrase)?;
        let secret = SecretKey::from_seed(&seed);
        // The head is authentic, but whoever wrote the file may have written another key than the seed's into it.
        if secret.public() != self.public {
            return Err(NotOpened::Passphrase);
        }
        Ok(secret)
    }

    /// The public half, which needs no passphrase. It is the file's word until the key is opened.
    pub(crate) fn public(&self) -> PublicKey {
        self.public
    }

    /// The file's content.
    pub(crate) fn to_text(&self) -> String {
        let sealed = [self.sealed.as_slice(), self.tag.as_slice()].concat();
        format!("{}{}\n", self.head(), base64url::encode(&sealed))
    }

    /// Reads a file's content. How lines end does not matter.
    pub(crate) fn parse(content: &[u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(content).map_err(|_| Malformed::Form)?;
        let mut lines = text.trim_end().lines();
        let version = lines
            .next()
            .and_then(|line| line.strip_prefix(ENCRYPTED_KEY_HEAD))
            .ok_or(Malformed::Form)?;
        if version != VERSION {
            return Err(Malformed::Version);
        }
        let (Some(key), Some(cost), Some(sealed), None) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(Malformed::Form);
        };
        let public = key
            .strip_prefix("key ")
            .and_then(|key| key.parse().ok())
            .ok_or(Malformed::Form)?;
        let (cost, salt) = read_cost(cost).ok_or(Malformed::Form)?;
        let sealed: [u8; SEED + TAG] =
            base64url::decode_array(sealed).map_err(|_| Malformed::Form)?;
        let (sealed, tag) = sealed.split_first_chunk().ok_or(Malformed::Form)?;
        if !cost.is_bearable() {
            return Err(Malformed::TooCostly);
        }
        Ok(Self {
            public,
            cost,
            salt,
            sealed: *sealed,
            tag: tag.try_into().map_err(|_| Malformed::Form)?,
        })
    }

    /// What is in clear, and authenticated.
    fn head(&self) -> String {
        let Cost {
            memory,
            passes,
            lanes,
        } = self.cost;
        let salt = base64url::encode(&self.salt);
        format!(
            "{ENCRYPTED_KEY_HEAD}{VERSION}\nkey {}\nargon2id memory={memory} passes={passes} lanes={lanes} salt={salt}\n",
            self.public
        )
    }

    fn cipher(&self, passphrase: &[u8]) -> Result<ChaCha20Poly1305, NotOpened> {
        let Cost {
            memory,
            passes,
            lanes,
        } = self.cost;
        let params = Params::new(memory, passes, lanes, Some(SEED));
        let params = params.map_err(|_| NotOpened::Memory)?;
        // Wiped at the end: what was in it leads to the key without the work.
        let mut blocks: Zeroizing<Vec<Block>> = Zeroizing::new(Vec::new());
        let number = params.block_count();
        blocks
            .try_reserve_exact(number)
            .map_err(|_| NotOpened::Memory)?;
        blocks.resize(number, Block::default());
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(
                passphrase,
                &self.salt,
                key.as_mut_slice(),
                blocks.as_mut_slice(),
            )
            .map_err(|_| NotOpened::Memory)?;
        Ok(ChaCha20Poly1305::new(&Key::from(*key)))
    }
}

impl Cost {
    /// Whether a file may ask for it. Argon2 itself wants 8 KiB for each lane.
    fn is_bearable(self) -> bool {
        let lanes = 1..=MOST_LANES;
        let passes = 1..=MOST_PASSES;
        lanes.contains(&self.lanes)
            && passes.contains(&self.passes)
            && (8 * self.lanes..=MOST_MEMORY).contains(&self.memory)
            && self.memory * self.passes <= MOST_WORK
    }
}

fn read_cost(line: &str) -> Option<(Cost, [u8; SALT])> {
    let mut words = line.strip_prefix("argon2id ")?.split(' ');
    let mut word = |name: &str| words.next()?.strip_prefix(name)?.strip_prefix('=');
    let cost = Cost {
        memory: word("memory")?.parse().ok()?,
        passes: word("passes")?.parse().ok()?,
        lanes: word("lanes")?.parse().ok()?,
    };
    let salt = base64url::decode_array(word("salt")?).ok()?;
    words.next().is_none().then_some((cost, salt))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by the Python packages argon2-cffi 25.1 and cryptography 50.0 of the seed of 32 ones. They must open for ever.
    const FILE: &str = "mrp-encrypted-key-v1
key iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w
argon2id memory=65536 passes=3 lanes=4 salt=AAECAwQFBgcICQoLDA0ODw
smST4o75QjQOHIsVNaIqDnDpTjThej22KTkN3Py_eQLv6zD0ih1z3fKLAAyFTFsk
";
    const PASSPHRASE: &str = "correct horse battery stäple";
    const CHEAP_FILE: &str = "mrp-encrypted-key-v1
key iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w
argon2id memory=64 passes=1 lanes=1 salt=BwcHBwcHBwcHBwcHBwcHBw
cq7UYZDWeNq9iSa4n5xZMBIBVrk4HODpJ-C3GeE332jLD0xqdseUKlMFPrivJ0ib
";
    const CHEAP: Cost = Cost {
        memory: 64,
        passes: 1,
        lanes: 1,
    };

    fn secret() -> SecretKey {
        SecretKey::from_seed(&[1; 32])
    }

    #[test]
    fn files_of_another_implementation_open_and_are_written_alike() {
        for (file, passphrase, salt, cost) in [
            (
                FILE,
                PASSPHRASE,
                std::array::from_fn(|index| u8::try_from(index).unwrap()),
                RECOMMENDED,
            ),
            (CHEAP_FILE, "pass", [7; SALT], CHEAP),
        ] {
            let read = EncryptedKey::parse(file.as_bytes()).unwrap();
            assert_eq!(read.public(), secret().public());
            let opened = read.open(passphrase.as_bytes()).unwrap();
            assert_eq!(opened.seed(), secret().seed());
            let made = EncryptedKey::seal(&secret(), passphrase.as_bytes(), salt, cost).unwrap();
            assert_eq!(made.to_text(), file);
        }
    }

    #[test]
    fn line_endings_do_not_matter() {
        let file = CHEAP_FILE.replace('\n', "\r\n") + "\n";
        let read = EncryptedKey::parse(file.as_bytes()).unwrap();
        assert!(read.open(b"pass").is_ok());
        assert!(EncryptedKey::parse(CHEAP_FILE.trim_end().as_bytes()).is_ok());
    }

    #[test]
    fn another_passphrase_opens_nothing_and_neither_does_a_file_that_was_changed() {
        let read = EncryptedKey::parse(CHEAP_FILE.as_bytes()).unwrap();
        for passphrase in ["", "pas", "Pass", "pass\n"] {
            let opened = read.open(passphrase.as_bytes());
            assert_eq!(opened.err(), Some(NotOpened::Passphrase), "{passphrase:?}");
        }
        let other = SecretKey::from_seed(&[2; 32]).public().to_string();
        for (from, to) in [
            (
                "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w",
                other.as_str(),
            ),
            ("memory=64", "memory=65"),
            ("passes=1", "passes=2"),
            ("salt=Bw", "salt=Cw"),
            ("cq7U", "cq7V"),
            ("J0ib", "J0ia"),
        ] {
            let changed = CHEAP_FILE.replace(from, to);
            assert_ne!(changed, CHEAP_FILE);
            let opened = EncryptedKey::parse(changed.as_bytes())
                .unwrap()
                .open(b"pass");
            assert_eq!(opened.err(), Some(NotOpened::Passphrase), "{to}");
        }
    }

    #[test]
    fn what_would_cost_too_much_is_not_tried() {
        let parse = |cost: &str| {
            let file = CHEAP_FILE.replace("memory=64 passes=1 lanes=1", cost);
            EncryptedKey::parse(file.as_bytes()).err()
        };
        assert_eq!(parse("memory=1048576 passes=4 lanes=16"), None);
        for cost in [
            "memory=1048577 passes=1 lanes=1",
            "memory=1048576 passes=5 lanes=1",
            "memory=4294967295 passes=4294967295 lanes=1",
            "memory=1024 passes=17 lanes=1",
            "memory=1024 passes=0 lanes=1",
            "memory=1024 passes=1 lanes=17",
            "memory=1024 passes=1 lanes=0",
            "memory=7 passes=1 lanes=1",
        ] {
            assert_eq!(parse(cost), Some(Malformed::TooCostly), "{cost}");
        }
    }

    #[test]
    fn what_has_another_form_is_refused() {
        let form = |content: &str| EncryptedKey::parse(content.as_bytes()).err();
        assert_eq!(
            form(&CHEAP_FILE.replace("-v1", "-v2")),
            Some(Malformed::Version)
        );
        for content in [
            String::new(),
            "mrp-encrypted-key-v1\n".to_owned(),
            format!("{CHEAP_FILE}more"),
            CHEAP_FILE.replace("key ", "key  "),
            CHEAP_FILE.replace("argon2id", "argon2i"),
            CHEAP_FILE.replace("memory=64", "memory=99999999999"),
            CHEAP_FILE.replace("memory=64", "memory=-1"),
            CHEAP_FILE.replace("memory=64 ", ""),
            CHEAP_FILE.replace("salt=Bw", "salt="),
            CHEAP_FILE.replace("Bw\n", "Bw more\n"),
            CHEAP_FILE.replace("cq7U", ""),
            CHEAP_FILE.replace("cq7U", "cq7U="),
        ] {
            assert_eq!(form(&content), Some(Malformed::Form), "{content}");
        }
        assert!(FILE.len() < LONGEST / 2);
    }
}
