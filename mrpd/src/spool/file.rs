//! One file: taken, made into a message, and removed once that is durable.

use super::folder::{self, Spool};
use crate::attachments::{Description, ReceiveError};
use crate::clock;
use crate::context::Context;
use crate::outbox::SendError;
use mrp_proto::base64url;
use mrp_proto::content::Text;
use mrpd_api::body::Send;
use mrpd_api::body::blobs::Attach;
use mrpd_api::filename::plain_name;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Seek as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use tokio_util::io::ReaderStream;

/// Bytes of a text, at most: those of a message's body.
const TEXT: u64 = 1 << 20;

/// Characters that are kept of a name that is too long: fewer than fill it, whatever they are.
const SHORTENED: usize = 50;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is gone: sent, or among those that could not be sent, or it was none.
    Done,
    /// It lies there still, and is to be tried again.
    Later,
}

/// Why a file was not sent.
#[derive(Debug, thiserror::Error)]
enum FileError {
    /// It cannot be sent.
    #[error("{0}")]
    Refused(String),
    /// It can be sent later.
    #[error("{0}")]
    Later(String),
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// A file under its hidden name.
#[derive(Debug)]
struct Taken {
    path: PathBuf,
    to: String,
    name: String,
}

/// Takes one file, whatever it is.
pub(super) async fn take(context: &Context, spool: &Spool, path: &Path) -> Outcome {
    let taken = match claim(path) {
        Ok(Some(taken)) => taken,
        Ok(None) => return Outcome::Done,
        Err(error) => {
            tracing::warn!(file = %path.display(), %error, "a file of the spool cannot be taken");
            return Outcome::Later;
        }
    };
    let why = match send(context, spool, &taken).await {
        Ok(id) => {
            tracing::info!(
                file = taken.name,
                to = taken.to,
                id,
                "a file of the spool is sent"
            );
            return finish(&taken, fs::remove_file(&taken.path));
        }
        Err(error @ FileError::Later(_)) => {
            tracing::warn!(file = taken.name, to = taken.to, %error, "a file of the spool waits");
            return Outcome::Later;
        }
        Err(error) => error.to_string(),
    };
    tracing::error!(
        file = taken.name,
        to = taken.to,
        why,
        "a file of the spool cannot be sent"
    );
    finish(
        &taken,
        spool.fail(&taken.path, &taken.to, &taken.name, &why),
    )
}

fn finish(taken: &Taken, done: io::Result<()>) -> Outcome {
    match done {
        Ok(()) => Outcome::Done,
        Err(error) => {
            tracing::error!(file = %taken.path.display(), %error, "a file cannot be moved out of the spool");
            Outcome::Later
        }
    }
}

/// Gives a file its hidden name. `None` if there is nothing to be taken.
fn claim(path: &Path) -> io::Result<Option<Taken>> {
    let name = |path: &Path| Some(path.file_name()?.to_str()?.to_owned());
    let (Some(folder), Some(now)) = (path.parent(), name(path)) else {
        return Ok(None);
    };
    let Some(to) = name(folder) else {
        return Ok(None);
    };
    if let Some(before) = folder::name_before(&now) {
        let taken = Taken {
            path: path.to_path_buf(),
            to,
            name: before.to_owned(),
        };
        return Ok(path.symlink_metadata().is_ok().then_some(taken));
    }
    let found = match path.symlink_metadata() {
        Ok(found) if !found.is_dir() && folder::counts(&now) => found,
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let hidden = folder.join(folder::taken_name(found.ino(), &now));
    match fs::rename(path, &hidden) {
        Ok(()) => Ok(Some(Taken {
            path: hidden,
            to,
            name: now,
        })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // There is no room before the name; so it keeps it, and cannot be sent.
        Err(error) if error.raw_os_error() == Some(nix::errno::Errno::ENAMETOOLONG as i32) => {
            Ok(Some(Taken {
                path: path.to_path_buf(),
                to,
                name: now.chars().take(SHORTENED).chain(['…']).collect(),
            }))
        }
        Err(error) => Err(error),
    }
}

async fn send(context: &Context, spool: &Spool, taken: &Taken) -> Result<String, FileError> {
    let (file, found) = open(&taken.path)?;
    let key = key(&taken.to, &taken.name, &found);
    let known = context.store.sent_under(key.clone(), clock::now()).await;
    if let Some((_, id)) = known.map_err(|error| FileError::Later(error.to_string()))? {
        return Ok(id);
    }
    let send = Send {
        agent: spool.agent.clone(),
        to: taken.to.clone(),
        ..content(context, taken, file, &found).await?
    };
    match context.outbox.send(send, Some(key)).await {
        Ok(sent) => Ok(sent.id),
        Err(error @ (SendError::Full | SendError::Store(_) | SendError::NoAgent)) => {
            Err(FileError::Later(error.to_string()))
        }
        Err(error) => Err(FileError::Refused(error.to_string())),
    }
}

/// Text where it is some, else a message with the file attached to it.
async fn content(
    context: &Context,
    taken: &Taken,
    mut file: File,
    found: &Metadata,
) -> Result<Send, FileError> {
    if found.len() <= TEXT {
        let mut content = Vec::new();
        (&mut file).take(TEXT + 1).read_to_end(&mut content)?;
        if content.len() as u64 != found.len() {
            return refuse("it was written to while it was read");
        }
        if let Ok(text) = String::from_utf8(content) {
            let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
            return Ok(Send {
                body: Some(Text { text }.to_body()),
                ..Send::default()
            });
        }
        file.rewind()?;
    }
    let settings = context.config().attachments.clone();
    let description = Description {
        filename: Some(plain_name(Some(&taken.name), 1)),
        content_type: None,
        limit: settings.max_outgoing,
        limit_of_all: settings.outgoing_bytes,
    };
    let bytes = ReaderStream::new(tokio::fs::File::from_std(file));
    let received = context.uploads.receive(description, bytes).await;
    let file = received.map_err(|error| match error {
        ReceiveError::TooLarge { .. } => FileError::Refused(error.to_string()),
        _ => FileError::Later(error.to_string()),
    })?;
    Ok(Send {
        attachments: vec![Attach {
            id: file.id,
            ..Attach::default()
        }],
        ..Send::default()
    })
}

/// Opens nothing but a file: what waits for another program, such as a pipe, does not wait here.
fn open(path: &Path) -> Result<(File, Metadata), FileError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if folder::name_before(&name).is_none() {
        return refuse("its name is too long");
    }
    if !path.symlink_metadata()?.file_type().is_file() {
        return refuse("it is no file, but a link, a folder, a pipe or a device");
    }
    let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return refuse("it is no file");
    }
    if found.uid() != nix::unistd::geteuid().as_raw() {
        return refuse("it belongs to another user");
    }
    if found.len() == 0 {
        return refuse("it is empty");
    }
    Ok((file, found))
}

fn refuse<T>(what: &str) -> Result<T, FileError> {
    Err(FileError::Refused(what.to_owned()))
}

/// What the outbox knows the file by. Its inode was changed last when it was taken: so a retry has the same key, and another file
/// that gets the inode and the time of this one has not.
fn key(to: &str, name: &str, found: &Metadata) -> String {
    let digest = base64url::encode(&Sha256::digest(format!("{to}/{name}")));
    format!(
        "spool-{}-{}-{}.{}-{}.{}-{}",
        found.dev(),
        found.ino(),
        found.mtime(),
        found.mtime_nsec(),
        found.ctime(),
        found.ctime_nsec(),
        &digest[..22]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_under_one_name_in_two_folders_has_two_keys() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("note");
        fs::write(&path, "text").unwrap();
        fs::hard_link(&path, dir.path().join("link")).unwrap();
        let found = path.metadata().unwrap();
        assert_eq!(key("ann", "note", &found), key("ann", "note", &found));
        assert_ne!(key("ann", "note", &found), key("bob", "note", &found));
    }
}
