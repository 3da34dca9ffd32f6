//! Private keys of the local agents: where they come from, and what is refused (a file that others can read).

use crate::config::KeySource;
use mrp_proto::key::{SecretKey, SeedLength, is_encrypted_key};
use mrp_proto::{base64url, hexadecimal};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use zeroize::Zeroizing;

/// How long a program may take to print a key; it may ask for a passphrase.
const COMMAND_PATIENCE: Duration = Duration::from_secs(60);

/// More than any written form of a key has.
const LONGEST_KEY_TEXT: u64 = 256;

/// Why a key was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no such file.
    #[error(
        "there is no key file {}; make one with: mrpctl init --name {name}", path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// The agent's name.
        name: String,
    },
    /// The file cannot be read.
    #[error("the key file {} cannot be read: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The path names a link, a directory or a device.
    #[error("the key file {} is a link or no file; put the key itself there", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Somebody else owns the file.
    #[error("the key file {} belongs to user {owner}, not to {user}; use a key of your own", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who this is.
        user: u32,
    },
    /// Others can read the file.
    #[error("others can read the key file {} (mode {mode:03o}); run: chmod 600 {}", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The key is kept under a passphrase, which a daemon cannot ask for.
    #[error(
        "{origin} is kept under a passphrase; have a command open it, with key_command = [\"mrpctl\", \"key\", \"decrypt\", \"FILE\", \"--passphrase-file\", \"FILE\"], or put it back in clear: mrpctl key decrypt FILE --replace"
    )]
    Encrypted {
        /// Where it came from.
        origin: String,
    },
    /// The content is no key.
    #[error("{origin}: {cause}")]
    Content {
        /// Where it came from.
        origin: String,
        /// What is wrong.
        cause: SeedLength,
    },
    /// The program did not print a key.
    #[error("the program {program:?} gave no key: {cause}")]
    Command {
        /// The program.
        program: String,
        /// What it did instead.
        cause: String,
    },
    /// The service manager gave no credentials.
    #[error(
        "$CREDENTIALS_DIRECTORY is not set, so there is no credential {name:?}; start mrpd from a unit with LoadCredential="
    )]
    NoCredentials {
        /// The credential.
        name: String,
    },
}

/// Where a key comes from, for people; never the key.
pub fn describe(source: &KeySource) -> String {
    match source {
        KeySource::File(path) => path.display().to_string(),
        KeySource::Command(command) => {
            format!("command {}", command.first().map_or("", |first| first))
        }
        KeySource::Credential(name) => format!("credential {name}"),
    }
}

/// Loads the key of the agent called `name`.
///
/// # Errors
/// A [`KeyError`], which says what to do.
pub fn load(name: &str, source: &KeySource) -> Result<SecretKey, KeyError> {
    match source {
        KeySource::File(path) => load_file(name, path),
        KeySource::Command(command) => load_command(command),
        KeySource::Credential(credential) => load_credential(credential),
    }
}

fn load_file(name: &str, path: &Path) -> Result<SecretKey, KeyError> {
    let file = open(name, path)?;
    let content = read_short(file).map_err(|cause| KeyError::Unreadable {
        path: path.to_path_buf(),
        cause,
    })?;
    if is_encrypted_key(&content) {
        let origin = format!("the key file {}", path.display());
        return Err(KeyError::Encrypted { origin });
    }
    SecretKey::from_file_content(&content).map_err(|cause| KeyError::Content {
        origin: path.display().to_string(),
        cause,
    })
}

/// What is checked is the file that was opened, not one that could be put in its place.
fn open(name: &str, path: &Path) -> Result<File, KeyError> {
    let path = path.to_path_buf();
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags((nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK).bits())
        .open(&path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let name = name.to_owned();
            return Err(KeyError::Missing { path, name });
        }
        Err(error) if error.raw_os_error() == Some(nix::errno::Errno::ELOOP as i32) => {
            return Err(KeyError::NotAFile { path });
        }
        Err(cause) => return Err(KeyError::Unreadable { path, cause }),
    };
    let metadata = match file.metadata() {
        Ok(metadata) => metadata,
        Err(cause) => return Err(KeyError::Unreadable { path, cause }),
    };
    if !metadata.is_file() {
        return Err(KeyError::NotAFile { path });
    }
    let user = nix::unistd::geteuid().as_raw();
    let owner = metadata.uid();
    if owner != user && owner != 0 {
        return Err(KeyError::Foreign { path, owner, user });
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Exposed { path, mode });
    }
    Ok(file)
}

fn read_short(source: impl io::Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let capacity = usize::try_from(LONGEST_KEY_TEXT).unwrap_or(256);
    let mut content = Zeroizing::new(Vec::with_capacity(capacity));
    source.take(LONGEST_KEY_TEXT).read_to_end(&mut content)?;
    Ok(content)
}

fn load_credential(name: &str) -> Result<SecretKey, KeyError> {
    let Some(dir) = crate::config::credentials_directory() else {
        let name = name.to_owned();
        return Err(KeyError::NoCredentials { name });
    };
    let path = dir.join(name);
    let content = File::open(&path)
        .and_then(read_short)
        .map_err(|cause| KeyError::Unreadable {
            path: path.clone(),
            cause,
        })?;
    decode(&content, &format!("credential {name}"))
}

fn load_command(command: &[String]) -> Result<SecretKey, KeyError> {
    let program = command.first().cloned().unwrap_or_default();
    let failed = |cause: String| KeyError::Command {
        program: program.clone(),
        cause,
    };
    let mut child = Command::new(&program);
    for variable in crate::config::SERVICE_VARIABLES {
        // It may need a credential itself, such as the passphrase that the key is kept under.
        if *variable != crate::config::CREDENTIALS_VARIABLE {
            child.env_remove(variable);
        }
    }
    let mut child = child
        .args(command.get(1..).unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let output = child
        .stdout
        .take()
        .ok_or_else(|| failed("it has no output".to_owned()))?;
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::spawn(move || sender.send(read_short(output)));
    let content = match receiver.recv_timeout(COMMAND_PATIENCE) {
        Ok(Ok(content)) => content,
        Ok(Err(error)) => return Err(failed(error.to_string())),
        Err(_) => {
            let _ = child.kill();
            let _ = child.wait();
            let seconds = COMMAND_PATIENCE.as_secs();
            return Err(failed(format!("it took longer than {seconds} s")));
        }
    };
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    if !status.success() {
        return Err(failed(format!("it ended with {status}")));
    }
    decode(&content, &format!("output of {program:?}"))
}

/// 32 raw bytes, or their hexadecimal or base64url form with white space around it.
fn decode(content: &[u8], origin: &str) -> Result<SecretKey, KeyError> {
    if let Ok(secret) = SecretKey::from_file_content(content) {
        return Ok(secret);
    }
    if is_encrypted_key(content) {
        let origin = format!("what is in the {origin}");
        return Err(KeyError::Encrypted { origin });
    }
    let text = std::str::from_utf8(content).unwrap_or_default().trim();
    let seed = base64url::decode_array::<32>(text)
        .ok()
        .or_else(|| hexadecimal::decode_array(text))
        .map(Zeroizing::new);
    match seed {
        Some(seed) => Ok(SecretKey::from_seed(&seed)),
        None => Err(KeyError::Content {
            origin: format!("{origin}: neither 32 bytes, nor their hexadecimal or base64url form"),
            cause: SeedLength {
                actual: content.len(),
            },
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn write(path: &Path, content: &[u8], mode: u32) {
        std::fs::write(path, content).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_key_file_is_read_only_if_it_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        let source = KeySource::File(path.clone());
        let error = load("a", &source).unwrap_err();
        assert!(matches!(error, KeyError::Missing { .. }));
        assert!(error.to_string().contains("mrpctl init --name a"));
        write(&path, &[7; 32], 0o600);
        let public = SecretKey::from_seed(&[7; 32]).public();
        assert_eq!(load("a", &source).unwrap().public(), public);
        write(&path, &[7; 32], 0o640);
        assert!(matches!(
            load("a", &source),
            Err(KeyError::Exposed { mode: 0o640, .. })
        ));
        let text = b"mrp-encrypted-key-v1\nkey ...\n";
        write(&path, text, 0o600);
        let error = load("a", &source).unwrap_err();
        assert!(matches!(error, KeyError::Encrypted { .. }), "{error}");
        assert!(error.to_string().contains("key_command"), "{error}");
        write(&path, &[7; 31], 0o600);
        assert!(
            load("a", &source)
                .unwrap_err()
                .to_string()
                .contains("holds exactly 32 bytes")
        );
    }

    #[test]
    fn links_and_directories_are_no_key_files() {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("real"), &[7; 32], 0o600);
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("real", &link).unwrap();
        for path in [link, dir.path().to_path_buf()] {
            let error = load("a", &KeySource::File(path)).unwrap_err();
            assert!(matches!(error, KeyError::NotAFile { .. }), "{error}");
        }
    }

    #[test]
    fn a_program_may_print_the_key_in_three_forms() {
        let public = SecretKey::from_seed(b"0123456789abcdef0123456789abcdef").public();
        let run = |script: &str| {
            let command = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
            load("a", &KeySource::Command(command))
        };
        for script in [
            "printf 0123456789abcdef0123456789abcdef",
            "echo 3031323334353637383961626364656630313233343536373839616263646566",
            "echo MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY",
        ] {
            assert_eq!(run(script).unwrap().public(), public, "{script}");
        }
        assert!(matches!(run("echo no"), Err(KeyError::Content { .. })));
        let error = run("exit 3").unwrap_err();
        assert!(error.to_string().contains("exit status: 3"), "{error}");
        let missing = KeySource::Command(vec!["/no/such/program".to_owned()]);
        assert!(matches!(load("a", &missing), Err(KeyError::Command { .. })));
    }
}
