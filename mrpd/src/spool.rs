//! Files to messages: what is moved into `<spool>/<recipient>/` is sent and then removed, or moved to `<spool>/failed/<recipient>/` with
//! a `.error` file beside it.
//!
//! Only a move into place counts (rename(2)): a file that is being written there is let be until the daemon starts anew, and one
//! whose name begins with `.` or ends with `.tmp`, `.part` or `~` never counts. At a start, and when the system has lost count of
//! what happened, every file counts that has not changed for a while: nobody is writing those.
//!
//! A file is taken under a hidden name first, so that another of its name can come at any moment. It is removed once the message is
//! durable in the outbox; a crash in between sends nothing twice, since the outbox knows the file by its inode, time and name.
//!
//! - `folder`: names, and what may be touched. `file`: one file.

mod file;
mod folder;

pub use folder::listing;

use crate::config;
use crate::context::Context;
use crate::folders::{Folders, News, What};
use file::Outcome;
use folder::Spool;
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// How long to wait before what could not be sent for now is tried again.
const AGAIN: Duration = Duration::from_secs(30);
/// How long a file that was not seen moving must have been left alone.
const QUIET: Duration = Duration::from_secs(5);

/// Follows the configuration until the end of the daemon.
pub async fn run(context: Context) {
    let mut config = context.config.clone();
    loop {
        let wanted = config.borrow_and_update().spool.clone();
        let changed = async {
            loop {
                if config.changed().await.is_err() {
                    return;
                }
                if config.borrow_and_update().spool != wanted {
                    return;
                }
            }
        };
        tokio::select! {
            () = serve(&context, wanted.as_ref()) => {}
            () = changed => {}
            () = context.stop.cancelled() => return,
        }
    }
}

/// Sends what comes into the folder.
async fn serve(context: &Context, wanted: Option<&config::Spool>) {
    let Some(wanted) = wanted else {
        context.board.warn("spool", Vec::new());
        return std::future::pending().await;
    };
    loop {
        let opened = Spool::open(wanted).and_then(|spool| Ok((Folders::new()?, spool)));
        match opened {
            Ok((folders, spool)) => {
                context.board.warn("spool", Vec::new());
                Worker::new(context, spool, folders).work().await;
            }
            Err(error) => {
                let what = format!("spool: {} is not used: {error}", wanted.dir.display());
                tracing::warn!("{what}");
                context.board.warn("spool", vec![what]);
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// What is done with one folder.
struct Worker<'a> {
    context: &'a Context,
    spool: Spool,
    folders: Folders,
    watched: BTreeSet<PathBuf>,
}

impl<'a> Worker<'a> {
    fn new(context: &'a Context, spool: Spool, folders: Folders) -> Self {
        Self {
            context,
            spool,
            folders,
            watched: BTreeSet::new(),
        }
    }

    /// Works until the folder is gone.
    async fn work(mut self) {
        if let Err(error) = self.folders.add(self.spool.dir()) {
            tracing::warn!(%error, "the spool folder cannot be watched");
            return;
        }
        let mut look = Some(Duration::ZERO);
        loop {
            let due = async {
                match look {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                news = self.news() => match news {
                    Ok(News::At { path, what: What::MovedIn }) if !path.is_dir() => {
                        // The files that are taken move too, to their hidden names.
                        if folder::is_visible(&path) && self.take(&path).await == Outcome::Later {
                            look = Some(AGAIN);
                        }
                    }
                    Ok(News::At { path, what: What::MovedIn | What::Folder }) => {
                        self.watched.remove(&path);
                        look = Some(Duration::ZERO);
                    }
                    Ok(News::At { path, what: What::Written }) => self.spool.advise(&path),
                    Ok(News::At { what: What::Other, .. }) => {}
                    Ok(News::Lost) => look = Some(Duration::ZERO),
                    Err(error) => {
                        tracing::warn!(%error, "the spool folder cannot be watched any more");
                        return;
                    }
                },
                () = due => {
                    if !self.spool.is_there() {
                        return;
                    }
                    look = self.look().await;
                }
            }
        }
    }

    /// What happens next that matters.
    async fn news(&mut self) -> io::Result<News> {
        loop {
            match self.folders.next().await? {
                News::At {
                    what: What::Other, ..
                } => {}
                news => return Ok(news),
            }
        }
    }

    /// Takes what lies there; says when to look again.
    async fn look(&mut self) -> Option<Duration> {
        let mut again = None;
        let sooner = |again: Option<Duration>, pause| {
            Some(again.map_or(pause, |known: Duration| known.min(pause)))
        };
        for folder in self.spool.folders() {
            if !self.watched.contains(&folder) {
                // Watched first, listed then: what comes in between is seen twice at worst.
                match self.folders.add(&folder) {
                    Ok(()) => {
                        self.watched.insert(folder.clone());
                    }
                    Err(error) => {
                        tracing::warn!(%error, folder = %folder.display(), "a folder of the spool cannot be watched");
                        again = sooner(again, AGAIN);
                    }
                }
            }
            let lying = folder::lying(&folder, QUIET);
            if lying.restless {
                again = sooner(again, QUIET);
            }
            for path in lying.files {
                if self.take(&path).await == Outcome::Later {
                    again = sooner(again, AGAIN);
                }
            }
        }
        again
    }

    async fn take(&self, path: &std::path::Path) -> Outcome {
        file::take(self.context, &self.spool, path).await
    }
}
