//! By whatever the system has, through a library that has a thread for it.

use super::{News, What};
use notify::event::{
    AccessKind, AccessMode, CreateKind, EventKind, ModifyKind, RemoveKind, RenameMode,
};
use notify::{ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

/// News that may wait; beyond them everything is looked at.
const QUEUE: usize = 1024;

/// Folders that are watched, each without those below it.
#[derive(Debug)]
pub(crate) struct Folders {
    watcher: RecommendedWatcher,
    news: mpsc::Receiver<News>,
    lost: Arc<AtomicBool>,
}

impl Folders {
    /// Watches nothing yet.
    pub(crate) fn new() -> io::Result<Self> {
        let (sender, news) = mpsc::channel(QUEUE);
        let lost = Arc::new(AtomicBool::new(false));
        let missed = Arc::clone(&lost);
        let tell = move |event: notify::Result<Event>| {
            let told = event.map_or(Some(News::Lost), |event| judge(&event));
            if let Some(news) = told
                && sender.try_send(news).is_err()
            {
                missed.store(true, Ordering::Release);
            }
        };
        let watcher = notify::recommended_watcher(tell).map_err(as_io)?;
        Ok(Self {
            watcher,
            news,
            lost,
        })
    }

    /// Watches a folder too.
    pub(crate) fn add(&mut self, folder: &Path) -> io::Result<()> {
        self.watcher
            .watch(folder, RecursiveMode::NonRecursive)
            .map_err(as_io)
    }

    /// Lets go of a folder. One that is gone is not watched any more anyway.
    pub(crate) fn remove(&mut self, folder: &Path) {
        let _ = self.watcher.unwatch(folder);
    }

    /// Waits for what happens next. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> io::Result<News> {
        // News that did not fit leave their mark while the queue is full, so it is seen at the latest when the queue is empty.
        if self.news.is_empty() && self.lost.swap(false, Ordering::AcqRel) {
            return Ok(News::Lost);
        }
        let news = self.news.recv().await;
        news.ok_or_else(|| io::Error::other("the system tells no more"))
    }
}

fn judge(event: &Event) -> Option<News> {
    if event.need_rescan() {
        return Some(News::Lost);
    }
    let path = event.paths.last()?.clone();
    let what = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => What::Written,
        EventKind::Access(_) => return None,
        EventKind::Create(CreateKind::Folder) | EventKind::Remove(RemoveKind::Folder) => {
            What::Folder
        }
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) if path.is_dir() => What::Folder,
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => What::MovedIn,
        _ => What::Other,
    };
    Some(News::At { path, what })
}

fn as_io(error: notify::Error) -> io::Error {
    match error.kind {
        ErrorKind::Io(cause) => cause,
        ErrorKind::MaxFilesWatch => io::ErrorKind::StorageFull.into(),
        _ => io::Error::other(error),
    }
}
