//! Noticing that files which were read have changed: configuration, drop-ins, keys, contacts.
//!
//! Directories are watched, not files: a file that is put into another's place, or reached through links that are turned elsewhere,
//! is another file of the same name. What the system tells is only a reason to look: whether something has changed, the files'
//! stamps say. Several writes in a row are one change, and a file that is gone for a moment is none.

mod files;
mod places;

pub use files::Files;

use crate::board::Board;
use crate::folders::{Folders, News};
use files::Snapshot;
use places::Places;
use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// Nothing has happened for so long: whoever wrote is done.
const QUIET: Duration = Duration::from_millis(250);
/// Somebody who never stops writing does not keep what he wrote from being read.
const LONGEST_BURST: Duration = Duration::from_secs(3);
/// How long a file that is gone may take to come back.
const ABSENCE: Duration = Duration::from_secs(3);

/// Subjects on the board.
const WATCHING: &str = "watch";
const VANISHED: &str = "watch-vanished";

/// What has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The configuration or a file that it names; perhaps the contacts too.
    Config,
    /// The contacts alone.
    Contacts,
}

/// Watches over files. Where the system does not let it, the board says so, and nothing is ever noticed.
#[derive(Debug)]
pub struct Watch {
    folders: Option<Folders>,
    watched: HashMap<PathBuf, (u64, u64)>,
    places: Places,
    /// Whether there is something to look at, whatever the system tells.
    look_again: bool,
    is_touched: bool,
    files: Files,
    seen: Snapshot,
    board: Board,
}

impl Watch {
    /// Over these files, as they are now.
    pub fn new(files: Files, board: Board) -> Self {
        let mut watch = Self {
            folders: None,
            watched: HashMap::new(),
            places: Places::default(),
            look_again: false,
            is_touched: false,
            seen: files.look(),
            files,
            board,
        };
        match Folders::new() {
            Ok(folders) => {
                watch.folders = Some(folders);
                watch.watch_places();
            }
            Err(error) => watch.complain(vec![refusal(&error, None)]),
        }
        watch
    }

    /// How the files are now. To be taken before they are read, and handed to [`Watch::follow`] afterwards: what is changed
    /// between is a change.
    pub fn look(&self) -> Snapshot {
        self.files.look()
    }

    /// Watches over these files from now on; they have been read.
    pub fn follow(&mut self, files: Files, seen: Snapshot) {
        self.files = files;
        self.watch_places();
        self.seen = seen.completed(&self.files);
        self.board.warn(VANISHED, Vec::new());
    }

    /// Waits for the next change. May be dropped and called again; nothing is missed.
    pub async fn changed(&mut self) -> Change {
        loop {
            if !self.is_touched {
                self.touched().await;
                self.is_touched = true;
            }
            self.quiet().await;
            self.watch_places();
            let mut now = self.files.look();
            if now.lacks(&self.seen) {
                now = self.absence().await;
            }
            self.is_touched = false;
            let vanished = self.files.vanished(&self.seen, &now);
            self.tell_vanished(&vanished);
            if !vanished.is_empty() {
                continue;
            }
            if let Some(change) = self.files.change(&self.seen, &now) {
                self.seen = now;
                return change;
            }
        }
    }

    /// Waits until something happens that is a reason to look.
    async fn touched(&mut self) {
        loop {
            if std::mem::take(&mut self.look_again) {
                return;
            }
            let Some(folders) = &mut self.folders else {
                return std::future::pending().await;
            };
            match folders.next().await {
                Ok(News::Lost) => return,
                Ok(News::At { path, .. }) if self.places.concern(&path) => return,
                Ok(News::At { .. }) => {}
                Err(error) => {
                    self.folders = None;
                    self.complain(vec![refusal(&error, None)]);
                }
            }
        }
    }

    async fn quiet(&mut self) {
        let end = Instant::now() + LONGEST_BURST;
        while Instant::now() < end {
            if timeout(QUIET, self.touched()).await.is_err() {
                return;
            }
        }
    }

    /// Waits until everything is back that was there before, or for as long as that may take.
    async fn absence(&mut self) -> Snapshot {
        let end = Instant::now() + ABSENCE;
        loop {
            tokio::select! {
                () = sleep_until(end) => return self.files.look(),
                () = self.touched() => sleep(QUIET).await,
            }
            self.watch_places();
            let now = self.files.look();
            if !now.lacks(&self.seen) {
                return now;
            }
        }
    }

    fn tell_vanished(&self, vanished: &[PathBuf]) {
        let sentence = |path: &PathBuf| {
            format!(
                "the configuration file {} is gone; what it said stays in force until it is back, or until: mrpctl daemon reload",
                path.display()
            )
        };
        let sentences: Vec<String> = vanished.iter().map(sentence).collect();
        for sentence in &sentences {
            tracing::warn!("{sentence}");
        }
        self.board.warn(VANISHED, sentences);
    }

    /// Links may lead elsewhere now, and directories may have come or gone.
    fn watch_places(&mut self) {
        let Some(folders) = &mut self.folders else {
            return;
        };
        let places = Places::of(&self.files);
        let mut refusals = Vec::new();
        self.watched.retain(|dir, identity| {
            let stays = places.dirs.contains(dir) && identity_of(dir).ok() == Some(*identity);
            if !stays {
                folders.remove(dir);
            }
            stays
        });
        for dir in &places.dirs {
            if self.watched.contains_key(dir) {
                continue;
            }
            let identity = identity_of(dir);
            let watching = folders.add(dir);
            match (identity, watching) {
                (Ok(identity), Ok(())) => {
                    self.watched.insert(dir.clone(), identity);
                }
                // It went at this very moment: look again.
                (Err(_), _) => self.look_again = true,
                (Ok(_), Err(error)) => refusals.push(refusal(&error, Some(dir))),
            }
        }
        self.places = places;
        self.complain(refusals);
    }

    fn complain(&self, refusals: Vec<String>) {
        for refusal in &refusals {
            tracing::warn!("{refusal}");
        }
        self.board.warn(WATCHING, refusals);
    }
}

fn identity_of(dir: &Path) -> io::Result<(u64, u64)> {
    dir.symlink_metadata()
        .map(|metadata| (metadata.dev(), metadata.ino()))
}

fn refusal(error: &io::Error, dir: Option<&PathBuf>) -> String {
    let place = dir.map_or_else(String::new, |dir| format!(" in {}", dir.display()));
    let what = match error.kind() {
        io::ErrorKind::StorageFull => "no more directories may be watched".to_owned(),
        _ => error.to_string(),
    };
    format!(
        "changes of files{place} are not noticed ({what}); raise fs.inotify.max_user_instances or max_user_watches, or run after each change: mrpctl daemon reload"
    )
}

#[cfg(test)]
mod tests;
