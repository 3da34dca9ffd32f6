//! The key file: made private from its first byte, and refused if anybody else can read it. It holds the seed, or, in the form of
//! [`encrypted`], the seed under a passphrase.

pub(crate) mod encrypted;

use crate::exit::{Failure, Reason};
use encrypted::EncryptedKey;
use mrp_proto::key::{PublicKey, SecretKey, is_encrypted_key};
use mrpd_api::paths::create_private_dir;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What a key file holds.
#[derive(Debug)]
pub(crate) enum Content {
    Plain(SecretKey),
    Encrypted(EncryptedKey),
}

impl Content {
    pub(crate) fn public(&self) -> PublicKey {
        match self {
            Self::Plain(secret) => secret.public(),
            Self::Encrypted(encrypted) => encrypted.public(),
        }
    }
}

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

/// The key in a file; nothing where there is no file. One that is kept under a passphrase is no key yet.
pub(crate) fn load(path: &Path) -> Result<Option<SecretKey>, Failure> {
    match read(path)? {
        None => Ok(None),
        Some(Content::Plain(secret)) => Ok(Some(secret)),
        Some(Content::Encrypted(_)) => {
            let shown = path.display();
            let text = format!("the key file {shown} is kept under a passphrase");
            Err(Failure::new(Reason::Config, text).fix(format!("mrpctl key decrypt {shown}")))
        }
    }
}

/// What is in a key file; nothing where there is no file. What is checked is the file that was opened, not one that could be put in
/// its place.
pub(crate) fn read(path: &Path) -> Result<Option<Content>, Failure> {
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
    let most = encrypted::LONGEST;
    let mut content = Zeroizing::new(Vec::with_capacity(most));
    file.take(most as u64)
        .read_to_end(&mut content)
        .map_err(|error| unreadable(path, &error))?;
    parse(&content, &format!("the key file {}", path.display())).map(Some)
}

/// Reads the content of a key file that is called so.
pub(crate) fn parse(content: &[u8], name: &str) -> Result<Content, Failure> {
    if is_encrypted_key(content) {
        let encrypted = EncryptedKey::parse(content);
        let encrypted = encrypted.map_err(|why| {
            Failure::new(Reason::BadData, format!("{name} cannot be used: {why}"))
        })?;
        return Ok(Content::Encrypted(encrypted));
    }
    let secret = SecretKey::from_file_content(content).map_err(|error| {
        Failure::new(Reason::Config, format!("{name}: {error}")).fix(
            "if it is no key, move it away and run this again; or name another file with --key",
        )
    })?;
    Ok(Content::Plain(secret))
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

/// Writes a key into a file that must not exist. The folder is made private too, but one that exists is left as it is.
pub(crate) fn write(path: &Path, secret: &SecretKey) -> io::Result<()> {
    create_private_dir(folder_of(path))?;
    let written = Written::beside(path, secret.seed().as_slice())?;
    written.put(Existing::Kept)
}

/// What becomes of a file that has the name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    Kept,
    Replaced,
}

/// A file that is whole and on the disk, and does not have its name yet.
#[derive(Debug)]
pub(crate) struct Written {
    file: tempfile::NamedTempFile,
    path: PathBuf,
}

impl Written {
    /// Writes a file that will have this path, readable for its owner alone.
    pub(crate) fn beside(path: &Path, content: &[u8]) -> io::Result<Self> {
        let mut file = tempfile::Builder::new()
            .prefix(".key-")
            .permissions(std::fs::Permissions::from_mode(0o600))
            .tempfile_in(folder_of(path))?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    /// What can be read back of it.
    pub(crate) fn content(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut content = Zeroizing::new(Vec::with_capacity(encrypted::LONGEST));
        let file = File::open(self.file.path())?;
        file.take(encrypted::LONGEST as u64)
            .read_to_end(&mut content)?;
        Ok(content)
    }

    /// Gives it its name. Where one that has it is to be kept, that fails.
    pub(crate) fn put(self, existing: Existing) -> io::Result<()> {
        match existing {
            Existing::Kept => self.file.persist_noclobber(&self.path)?,
            Existing::Replaced => self.file.persist(&self.path)?,
        };
        File::open(folder_of(&self.path))?.sync_all()
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
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
