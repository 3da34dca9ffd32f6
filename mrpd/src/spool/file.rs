//! One file: taken, made into a message, and removed once that is durable.

use super::folder::{self, Spool};
use crate::context::Context;
use crate::outbox::SendError;
use mrp_proto::base64url;
use mrp_proto::content::Text;
use mrpd_api::body::Send;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Bytes of a text, at most: those of a message's body.
const TEXT: u64 = 1 << 20;

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
    /// It is none that is taken.
    #[error("{0}")]
    Refused(String),
    /// It can be sent later.
    #[error(transparent)]
    Later(SendError),
    /// It cannot be sent.
    #[error(transparent)]
    Send(SendError),
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
        Err(FileError::Later(error)) => {
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
                name: format!("{}…", &now[..now.floor_char_boundary(200)]),
            }))
        }
        Err(error) => Err(error),
    }
}

async fn send(context: &Context, spool: &Spool, taken: &Taken) -> Result<String, FileError> {
    let (content, found) = read(&taken.path)?;
    let text = String::from_utf8(content).map_err(|_| not_text())?;
    let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
    let send = Send {
        agent: spool.agent.clone(),
        to: taken.to.clone(),
        body: Some(Text { text }.to_body()),
        ..Send::default()
    };
    let key = key(&taken.name, &found);
    match context.outbox.send(send, Some(key)).await {
        Ok(sent) => Ok(sent.id),
        Err(error @ (SendError::Full | SendError::Store(_) | SendError::NoAgent)) => {
            Err(FileError::Later(error))
        }
        Err(error) => Err(FileError::Send(error)),
    }
}

fn read(path: &Path) -> Result<(Vec<u8>, Metadata), FileError> {
    if folder::name_before(&path.file_name().unwrap_or_default().to_string_lossy()).is_none() {
        return Err(FileError::Refused("its name is too long".to_owned()));
    }
    let file = open(path)?;
    let found = file.metadata()?;
    let refuse = |what: &str| Err(FileError::Refused(what.to_owned()));
    if !found.is_file() {
        return refuse("it is no file");
    }
    if found.uid() != nix::unistd::geteuid().as_raw() {
        return refuse("it belongs to another user");
    }
    if found.len() == 0 {
        return refuse("it is empty");
    }
    if found.len() > TEXT {
        return Err(not_text());
    }
    let mut content = Vec::new();
    file.take(TEXT + 1).read_to_end(&mut content)?;
    if content.len() as u64 != found.len() {
        return refuse("it was written to while it was read");
    }
    Ok((content, found))
}

/// Opens nothing but a file: what waits for another program, such as a pipe, does not wait here.
fn open(path: &Path) -> Result<File, FileError> {
    let kind = path.symlink_metadata()?.file_type();
    if !kind.is_file() {
        let what = "it is no file, but a link, a folder, a pipe or a device";
        return Err(FileError::Refused(what.to_owned()));
    }
    let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
    Ok(OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path)?)
}

fn not_text() -> FileError {
    FileError::Refused(format!("it is no text (UTF-8) of at most {TEXT} bytes"))
}

/// What the outbox knows the file by.
fn key(name: &str, found: &Metadata) -> String {
    let digest = base64url::encode(&Sha256::digest(name.as_bytes()));
    format!(
        "spool-{}-{}-{}.{}-{}",
        found.dev(),
        found.ino(),
        found.mtime(),
        found.mtime_nsec(),
        &digest[..22]
    )
}
