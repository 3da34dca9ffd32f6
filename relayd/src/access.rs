//! Who may use the relay: whoever has a key, or only the keys in a file (`access.registration`).
//!
//! A key that is not in the file can do nothing and leaves nothing behind: its requests and sockets are refused once their
//! signature is known to be good, and mail to it is refused too, since nobody could ever fetch it. What was stored for a key that
//! is taken off the list stays until it expires, and is there again if the key comes back.

use crate::config::{AccessConfig, Registration};
use crate::http::error::ApiError;
use mrp_proto::code::Code;
use mrp_proto::key::{KeyError, PublicKey};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// Bytes of an allowlist, at most: half a million keys with a word about each.
const MAX_FILE: u64 = 32 << 20;

/// Why the list of allowed keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AllowlistError {
    /// The file cannot be read.
    #[error("{path}: cannot read access.allowlist_file: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is larger than any list of keys.
    #[error("{path}: access.allowlist_file may have {MAX_FILE} bytes, and has more")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// A line is neither a key nor a comment.
    #[error(
        "{path}, line {line}: access.allowlist_file: {problem}; write one key a line, 43 characters of base64url, and comments \
         after #"
    )]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: KeyError,
    },
    /// The file is no text.
    #[error("{path}, line {line}: access.allowlist_file: the line is not UTF-8")]
    NotText {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
}

/// What became of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reloaded {
    /// Keys that may use the relay now; 0 too where everyone may.
    pub(crate) allowed: usize,
    /// Keys that could, and cannot any more.
    pub(crate) removed: usize,
}

/// The decision, and the list that it rests on.
#[derive(Debug)]
pub(crate) struct Access {
    /// `None` where everyone may come.
    list: Option<Allowlist>,
}

#[derive(Debug)]
struct Allowlist {
    path: PathBuf,
    keys: RwLock<Arc<HashSet<PublicKey>>>,
}

impl Access {
    /// Reads what the configuration names.
    pub(crate) fn load(config: &AccessConfig) -> Result<Self, AllowlistError> {
        let path = match (config.registration, &config.allowlist_file) {
            (Registration::Allowlist, Some(path)) => path.clone(),
            // Without a file the configuration is not valid, and was refused.
            (Registration::Open, _) | (Registration::Allowlist, None) => {
                return Ok(Self { list: None });
            }
        };
        let keys = RwLock::new(Arc::new(read(&path)?));
        let list = Some(Allowlist { path, keys });
        Ok(Self { list })
    }

    /// Whether an agent may use the relay.
    pub(crate) fn permits(&self, key: &PublicKey) -> bool {
        self.list
            .as_ref()
            .is_none_or(|list| list.current().contains(key))
    }

    /// Refuses an agent that may not use the relay.
    pub(crate) fn check(&self, key: &PublicKey) -> Result<(), ApiError> {
        if self.permits(key) {
            return Ok(());
        }
        Err(ApiError::new(
            Code::RegistrationClosed,
            "this relay serves only keys that its operator has listed, and this one is not; ask the operator to add it",
        ))
    }

    /// Refuses mail to an agent that could never fetch it.
    pub(crate) fn check_recipient(&self, key: &PublicKey) -> Result<(), ApiError> {
        if self.permits(key) {
            return Ok(());
        }
        Err(ApiError::new(
            Code::AgentNotFound,
            "this relay serves only keys that its operator has listed, and the recipient's is not; it must be reached elsewhere",
        ))
    }

    /// Reads the list again, and returns the keys that went; one that cannot be read leaves the old one in force.
    pub(crate) fn reload(&self) -> Result<(usize, Vec<PublicKey>), AllowlistError> {
        let Some(list) = &self.list else {
            return Ok((0, Vec::new()));
        };
        let keys = Arc::new(read(&list.path)?);
        let allowed = keys.len();
        let mut current = list.keys.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *current, Arc::clone(&keys));
        drop(current);
        let removed = before.difference(&keys).copied().collect();
        Ok((allowed, removed))
    }
}

impl Allowlist {
    fn current(&self) -> Arc<HashSet<PublicKey>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&keys)
    }
}

fn read(path: &Path) -> Result<HashSet<PublicKey>, AllowlistError> {
    let mut bytes = Vec::new();
    let reading = File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes));
    let path = || path.to_owned();
    reading.map_err(|source| AllowlistError::Read {
        path: path(),
        source,
    })?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(AllowlistError::TooLarge { path: path() });
    }
    let mut keys = HashSet::new();
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        let text = std::str::from_utf8(line).map_err(|_| AllowlistError::NotText {
            path: path(),
            line: number,
        })?;
        let key = text.split('#').next().unwrap_or_default().trim();
        if !key.is_empty() {
            let parsed = key.parse().map_err(|problem| AllowlistError::Line {
                path: path(),
                line: number,
                problem,
            });
            keys.insert(parsed?);
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mrp_proto::key::SecretKey;

    fn key(seed: u8) -> PublicKey {
        SecretKey::from_seed(&[seed; 32]).public()
    }

    fn config(path: &Path) -> AccessConfig {
        AccessConfig {
            registration: Registration::Allowlist,
            allowlist_file: Some(path.to_owned()),
            ..AccessConfig::default()
        }
    }

    #[test]
    fn everyone_may_come_where_nothing_else_is_said() {
        let access = Access::load(&AccessConfig::default()).unwrap();
        assert!(access.permits(&key(1)));
        assert_eq!(access.reload().unwrap(), (0, Vec::new()));
    }

    #[test]
    fn a_list_has_keys_comments_and_empty_lines() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = format!(
            "# ours\r\n\n  {} # the laptop\r\n{}\n#{}",
            key(1),
            key(2),
            key(3)
        );
        std::fs::write(file.path(), text).unwrap();
        let access = Access::load(&config(file.path())).unwrap();
        let permitted: Vec<u8> = (1..=4).filter(|seed| access.permits(&key(*seed))).collect();
        assert_eq!(permitted, [1, 2]);
    }

    #[test]
    fn what_is_wrong_is_named_with_file_and_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let problem = |text: &[u8]| {
            std::fs::write(file.path(), text).unwrap();
            let error = Access::load(&config(file.path())).unwrap_err().to_string();
            let path = file.path().display().to_string();
            error.strip_prefix(&path).map(str::to_owned).unwrap()
        };
        let good = key(1).to_string();
        let second = problem(format!("{good}\nnot-a-key\n").as_bytes());
        assert!(second.starts_with(", line 2: "), "{second}");
        let padded = problem(format!("#\n\n{good}=\n").as_bytes());
        assert!(padded.starts_with(", line 3: "), "{padded}");
        let no_point = problem(&[b"\n".as_slice(), &[b'_'; 42], b"w"].concat());
        assert!(no_point.starts_with(", line 2: "), "{no_point}");
        let binary = problem(b"\n\xff\n");
        assert!(
            binary.starts_with(", line 2: ") && binary.ends_with("not UTF-8"),
            "{binary}"
        );
        let missing = Access::load(&config(Path::new("/nowhere/keys"))).unwrap_err();
        assert!(missing.to_string().starts_with("/nowhere/keys: "));
    }

    #[test]
    fn a_list_that_cannot_be_read_leaves_the_old_one_in_force() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{}\n{}\n", key(1), key(2))).unwrap();
        let access = Access::load(&config(file.path())).unwrap();
        std::fs::write(file.path(), format!("{}\nmistake\n", key(3))).unwrap();
        assert!(access.reload().is_err());
        assert!(access.permits(&key(1)) && access.permits(&key(2)) && !access.permits(&key(3)));
        std::fs::write(file.path(), format!("{}\n{}\n", key(2), key(3))).unwrap();
        assert_eq!(access.reload().unwrap(), (2, vec![key(1)]));
        assert!(!access.permits(&key(1)) && access.permits(&key(2)) && access.permits(&key(3)));
    }
}
