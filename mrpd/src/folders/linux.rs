//! By inotify(7).

use super::{News, What};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd, RawFd};
use std::path::{Path, PathBuf};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// What is asked for: all that changes a folder or an entry in it.
const CHANGES: AddWatchFlags = AddWatchFlags::IN_ATTRIB
    .union(AddWatchFlags::IN_CREATE)
    .union(AddWatchFlags::IN_DELETE)
    .union(AddWatchFlags::IN_DELETE_SELF)
    .union(AddWatchFlags::IN_MODIFY)
    .union(AddWatchFlags::IN_CLOSE_WRITE)
    .union(AddWatchFlags::IN_MOVE_SELF)
    .union(AddWatchFlags::IN_MOVED_FROM)
    .union(AddWatchFlags::IN_MOVED_TO);

/// Folders that are watched, each without those below it. What happens waits in the system until it is asked for.
#[derive(Debug)]
pub(crate) struct Folders {
    queue: AsyncFd<Queue>,
    watched: HashMap<WatchDescriptor, PathBuf>,
    /// Read from the queue, and not told yet.
    untold: VecDeque<InotifyEvent>,
}

#[derive(Debug)]
struct Queue(Inotify);

impl AsRawFd for Queue {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Folders {
    /// Watches nothing yet.
    #[expect(
        deprecated,
        reason = "what tokio has in its place is unsafe, for descriptors that may be closed by others; this one is owned"
    )]
    pub(crate) fn new() -> io::Result<Self> {
        let queue = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        Ok(Self {
            queue: AsyncFd::with_interest(Queue(queue), Interest::READABLE)?,
            watched: HashMap::new(),
            untold: VecDeque::new(),
        })
    }

    /// Watches a folder too.
    pub(crate) fn add(&mut self, folder: &Path) -> io::Result<()> {
        let descriptor = self.queue.get_ref().0.add_watch(folder, CHANGES)?;
        self.watched.insert(descriptor, folder.to_path_buf());
        Ok(())
    }

    /// Lets go of a folder. One that is gone is not watched any more anyway.
    pub(crate) fn remove(&mut self, folder: &Path) {
        let queue = self.queue.get_ref();
        self.watched.retain(|descriptor, path| {
            let stays = path != folder;
            if !stays {
                let _ = queue.0.rm_watch(*descriptor);
            }
            stays
        });
    }

    /// Waits for what happens next. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> io::Result<News> {
        loop {
            while let Some(event) = self.untold.pop_front() {
                if let Some(news) = self.judge(event) {
                    return Ok(news);
                }
            }
            let read = |queue: &Queue| Ok(queue.0.read_events()?);
            let events = self.queue.async_io(Interest::READABLE, read).await?;
            self.untold.extend(events);
        }
    }

    fn judge(&mut self, event: InotifyEvent) -> Option<News> {
        let InotifyEvent { wd, mask, name, .. } = event;
        if mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
            return Some(News::Lost);
        }
        if mask.contains(AddWatchFlags::IN_IGNORED) {
            self.watched.remove(&wd);
            return None;
        }
        let folder = self.watched.get(&wd)?;
        let path = name.map_or_else(|| folder.clone(), |name| folder.join(name));
        let comes_or_goes =
            AddWatchFlags::IN_CREATE | AddWatchFlags::IN_DELETE | AddWatchFlags::IN_MOVED_TO;
        let is_folder = mask.contains(AddWatchFlags::IN_ISDIR) && mask.intersects(comes_or_goes);
        let what = if is_folder || mask.contains(AddWatchFlags::IN_DELETE_SELF) {
            What::Folder
        } else if mask.contains(AddWatchFlags::IN_MOVED_TO) {
            What::MovedIn
        } else if mask.contains(AddWatchFlags::IN_CLOSE_WRITE) {
            What::Written
        } else {
            What::Other
        };
        Some(News::At { path, what })
    }
}
