//! Attachments as files. The daemon has checked them; here they get their name when all of their bytes are on the disk, and never
//! one that leads out of the folder.

use crate::cli::reading::ConflictWord;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::output::progress::{Progress, Unit};
use crate::received;
use mrpd_api::client::Client;
use mrpd_api::filename::{is_folder_name, numbered, plain_name};
use mrpd_api::message::{Direction, Message};
use std::io;
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, PersistError};

/// Names that are tried until one is free.
const TRIES: u32 = 1000;

/// What became of an attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Saved {
    At(PathBuf),
    /// Another file has that name, and was left alone.
    Taken(PathBuf),
}

/// A folder that the attachments of one message are put into.
#[derive(Debug)]
pub(super) struct Folder<'a> {
    context: &'a Context,
    path: PathBuf,
    conflict: ConflictWord,
    /// What was put there: attachments of one name do not take each other's place.
    placed: Vec<PathBuf>,
}

impl<'a> Folder<'a> {
    /// Opens the folder, and makes it if it is missing.
    pub(super) fn open(
        context: &'a Context,
        path: &Path,
        conflict: ConflictWord,
    ) -> Result<Self, Failure> {
        std::fs::create_dir_all(path).map_err(|error| {
            let doing = format!("make the folder {}", path.display());
            Failure::io(Reason::CannotCreate, &doing, &error)
        })?;
        Ok(Self {
            context,
            path: path.to_owned(),
            conflict,
            placed: Vec::new(),
        })
    }

    /// Saves the attachment at a place (from 0) of a message.
    pub(super) async fn save(
        &mut self,
        client: &Client,
        message: &Message,
        place: usize,
    ) -> Result<Saved, Failure> {
        let given = message
            .attachments
            .get(place)
            .and_then(|attachment| attachment.blob.filename.as_deref());
        let name = plain_name(given, u32::try_from(place).unwrap_or(u32::MAX));
        let path = self.path.join(&name);
        if self.conflict == ConflictWord::Skip && self.is_of_others(&path) {
            return Ok(Saved::Taken(path));
        }
        let progress = self.progress(&name, message, place);
        let bytes = client.attachment(&message.id, place).await?;
        let cannot = |error: &io::Error| self.cannot(&name, error);
        let file = received::receive(bytes, &self.path, received::USUAL, progress, cannot).await?;
        let saved = self
            .place(file, &name)
            .map_err(|error| self.cannot(&name, &error))?;
        if let Saved::At(path) = &saved {
            self.placed.push(path.clone());
        }
        Ok(saved)
    }

    /// Begins before the daemon has the file: it may have to get it from the relay first.
    fn progress(&self, name: &str, message: &Message, place: usize) -> Progress {
        let attachment = message.attachments.get(place);
        let size = attachment.and_then(|attachment| attachment.blob.size);
        Progress::new(&self.context.output, name, Unit::Bytes, size)
    }

    fn place(&self, mut file: NamedTempFile, name: &str) -> io::Result<Saved> {
        for number in 0..TRIES {
            let path = match number {
                0 => self.path.join(name),
                number => self.path.join(numbered(name, number)),
            };
            let is_ours = self.placed.contains(&path);
            if self.conflict == ConflictWord::Overwrite && !is_ours {
                file.persist(&path).map_err(|error| error.error)?;
                return Ok(Saved::At(path));
            }
            match file.persist_noclobber(&path) {
                Ok(_) => return Ok(Saved::At(path)),
                Err(PersistError { error, .. }) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(error);
                }
                Err(_) if self.conflict == ConflictWord::Skip && !is_ours => {
                    return Ok(Saved::Taken(path));
                }
                Err(PersistError { file: back, .. }) => file = back,
            }
        }
        Err(io::Error::other(format!(
            "it is there {TRIES} times already"
        )))
    }

    fn is_of_others(&self, path: &PathBuf) -> bool {
        path.symlink_metadata().is_ok() && !self.placed.contains(path)
    }

    fn cannot(&self, name: &str, error: &io::Error) -> Failure {
        let doing = format!("save {}", self.path.join(name).display());
        Failure::io(Reason::CannotCreate, &doing, error)
    }
}

/// Saves the attachments of message after message, in a folder for each. One that fails is told, and keeps no message back.
#[derive(Debug)]
pub(super) struct Saver<'a> {
    context: &'a Context,
    folder: PathBuf,
    first_exit: Option<u8>,
}

impl<'a> Saver<'a> {
    pub(super) fn new(context: &'a Context, folder: PathBuf) -> Self {
        Self {
            context,
            folder,
            first_exit: None,
        }
    }

    /// Saves what came with a message; a file that is there was saved before.
    pub(super) async fn save(&mut self, client: &Client, message: &Message) {
        if message.dir == Direction::Out || message.attachments.is_empty() {
            return;
        }
        let mut folder = match self.folder_of(&message.id) {
            Ok(folder) => folder,
            Err(failure) => return self.tell(&failure),
        };
        for place in 0..message.attachments.len() {
            if let Err(failure) = folder.save(client, message, place).await {
                self.tell(&failure);
            }
        }
    }

    fn folder_of(&self, id: &str) -> Result<Folder<'a>, Failure> {
        if !is_folder_name(id) {
            let message = format!("the message's id {id:?} cannot name a folder");
            return Err(Failure::new(Reason::BadData, message).fix("mrpctl open SEQ --out DIR"));
        }
        Folder::open(self.context, &self.folder.join(id), ConflictWord::Skip)
    }

    fn tell(&mut self, failure: &Failure) {
        self.context.output.failure(failure);
        self.first_exit.get_or_insert(failure.exit());
    }

    /// Ends as the first attachment that failed.
    pub(super) fn finish(self) -> Result<(), Failure> {
        self.first_exit
            .map_or(Ok(()), |exit| Err(Failure::Status(exit)))
    }
}
