//! What the system tells of folders (inotify).

use notify::event::{
    AccessKind, AccessMode, CreateKind, EventKind, ModifyKind, RemoveKind, RenameMode,
};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

/// News that may wait; beyond them everything is looked at.
const QUEUE: usize = 1024;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// Something was moved to this place.
    Moved(PathBuf),
    /// A folder came or went.
    Folder(PathBuf),
    /// A file was written at this place, not moved there.
    WrittenInPlace(PathBuf),
    /// Nobody knows: everything is to be looked at.
    Lost,
    /// There will be no more.
    End,
}

/// Folders that are watched.
#[derive(Debug)]
pub(super) struct Watch {
    watcher: RecommendedWatcher,
    news: mpsc::Receiver<News>,
    lost: Arc<AtomicBool>,
}

impl Watch {
    /// Watches nothing yet.
    pub(super) fn begin() -> io::Result<Self> {
        let (sender, news) = mpsc::channel(QUEUE);
        let lost = Arc::new(AtomicBool::new(false));
        let missed = Arc::clone(&lost);
        let tell = move |event: notify::Result<Event>| {
            let told = event.map_or_else(|_| vec![News::Lost], |event| judge(&event));
            for news in told {
                if sender.try_send(news).is_err() {
                    missed.store(true, Ordering::Release);
                }
            }
        };
        let watcher = notify::recommended_watcher(tell).map_err(io::Error::other)?;
        Ok(Self {
            watcher,
            news,
            lost,
        })
    }

    /// Watches a folder, without those below it.
    pub(super) fn add(&mut self, folder: &Path) -> io::Result<()> {
        self.watcher
            .watch(folder, RecursiveMode::NonRecursive)
            .map_err(io::Error::other)
    }

    /// Waits for what happens next.
    pub(super) async fn next(&mut self) -> News {
        // News that did not fit leave their mark while the queue is full, so it is seen at the latest when the queue is empty.
        if self.news.is_empty() && self.lost.swap(false, Ordering::AcqRel) {
            return News::Lost;
        }
        self.news.recv().await.unwrap_or(News::End)
    }
}

fn judge(event: &Event) -> Vec<News> {
    if event.need_rescan() {
        return vec![News::Lost];
    }
    let last = || event.paths.last().cloned();
    let told = match event.kind {
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => last().map(|path| {
            if path.is_dir() {
                News::Folder(path)
            } else {
                News::Moved(path)
            }
        }),
        EventKind::Create(CreateKind::Folder) | EventKind::Remove(RemoveKind::Folder) => {
            last().map(News::Folder)
        }
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => last().map(News::WrittenInPlace),
        _ => None,
    };
    told.into_iter().collect()
}
