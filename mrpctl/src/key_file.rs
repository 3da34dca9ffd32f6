//! The key file: made private from its first byte, and refused if anybody else can read it.

use crate::exit::{Failure, Reason};
use mrp_proto::key::{PublicKey, SecretKey};
use mrpd_api::paths::create_private_dir;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use zeroize::Zeroizing;

/// More than any key file has.
const LONGEST: usize = 64;

/// A key that is there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) public: PublicKey,
    pub(crate) is_new: bool,
}

/// The key in a file; a new one where there is no file. Two that do this at once end with the same key.
pub(crate) fn load_or_create(path: &Path) -> Result<Key, Failure> {
    match load(path)? {
        Some(secret) => Ok(found(&secret)),
        None => match create(path) {
            Ok(public) => Ok(Key {
                public,
                is_new: true,
            }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match load(path)? {
                Some(secret) => Ok(found(&secret)),
                None => Err(Failure::new(
                    Reason::TryAgain,
                    format!("the key file {} comes and goes", path.display()),
                )),
            },
            Err(error) => Err(Failure::io(
                Reason::CannotCreate,
                &format!("make the key file {}", path.display()),
                &error,
            )),
        },
    }
}

fn found(secret: &SecretKey) -> Key {
    Key {
        public: secret.public(),
        is_new: false,
    }
}

/// The key in a file; nothing where there is no file. What is checked is the file that was opened, not one that could be put in
/// its place.
pub(crate) fn load(path: &Path) -> Result<Option<SecretKey>, Failure> {
    let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(nix::errno::Errno::ELOOP as i32) => {
            return Err(refused(
                path,
                "is a link",
                "put the key itself there, or name its file with --key",
            ));
        }
        Err(error) => return Err(unreadable(path, &error)),
    };
    check_guard(path, &file)?;
    let mut content = Zeroizing::new(Vec::with_capacity(LONGEST));
    file.take(LONGEST as u64)
        .read_to_end(&mut content)
        .map_err(|error| unreadable(path, &error))?;
    let secret = SecretKey::from_file_content(&content).map_err(|error| {
        let message = format!("the key file {}: {error}", path.display());
        Failure::new(Reason::Config, message).fix(
            "if it is no key, move it away and run this again; or name another file with --key",
        )
    })?;
    Ok(Some(secret))
}

fn check_guard(path: &Path, file: &File) -> Result<(), Failure> {
    let metadata = file.metadata().map_err(|error| unreadable(path, &error))?;
    if !metadata.is_file() {
        return Err(refused(path, "is no file", "name another one with --key"));
    }
    let own = nix::unistd::geteuid().as_raw();
    if metadata.uid() != own && metadata.uid() != 0 {
        return Err(refused(
            path,
            "belongs to another user",
            "use a key of your own: --key FILE",
        ));
    }
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(refused(
            path,
            &format!("can be read by others (mode {mode:03o})"),
            &format!(
                "chmod 600 {}        (if others may have read it, use a new key)",
                path.display()
            ),
        ));
    }
    Ok(())
}

/// Makes a key, in a file that must not exist.
pub(crate) fn create(path: &Path) -> io::Result<PublicKey> {
    let secret = SecretKey::from_seed(&*random_seed()?);
    write(path, &secret)?;
    Ok(secret.public())
}

/// Writes a key into a file that must not exist. The folder is made private too, but one that exists is left as it is. A key that
/// was not written whole does not stay.
pub(crate) fn write(path: &Path, secret: &SecretKey) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    create_private_dir(folder)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let written = file
        .write_all(secret.seed().as_slice())
        .and_then(|()| file.sync_all());
    if let Err(error) = written {
        // The first error is the one to tell.
        let _ = std::fs::remove_file(path);
        return Err(error);
    }
    File::open(folder)?.sync_all()
}

/// 32 bytes that nobody can guess.
pub(crate) fn random_seed() -> io::Result<Zeroizing<[u8; 32]>> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(seed)
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::io(
        Reason::NotPermitted,
        &format!("read the key file {}", path.display()),
        error,
    )
}

fn refused(path: &Path, why: &str, hint: &str) -> Failure {
    Failure::new(
        Reason::NotPermitted,
        format!("the key file {} {why}", path.display()),
    )
    .fix(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_key_is_made_once_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/laptop.key");
        let made = load_or_create(&path).unwrap();
        assert!(made.is_new);
        let found = load_or_create(&path).unwrap();
        assert_eq!((found.public, found.is_new), (made.public, false));
        assert_eq!(std::fs::read(&path).unwrap().len(), 32);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.key");
        load_or_create(&path).unwrap();
        for mode in [0o640, 0o604, 0o620] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let failure = load_or_create(&path).unwrap_err();
            assert_eq!(failure.exit(), 77);
            let hint = failure.told().unwrap().detail.hint.clone().unwrap();
            assert!(hint.starts_with("chmod 600 "), "{hint}");
        }
    }

    #[test]
    fn what_is_no_key_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.key");
        for content in [&b""[..], &[0; 31], &[0; 33], &[0; 100]] {
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            assert_eq!(
                load_or_create(&path).unwrap_err().exit(),
                78,
                "{} bytes",
                content.len()
            );
            assert_eq!(std::fs::read(&path).unwrap(), content);
        }
        let link = folder.path().join("link.key");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(load_or_create(&link).unwrap_err().exit(), 77);
        assert_eq!(load_or_create(folder.path()).unwrap_err().exit(), 77);
    }
}
