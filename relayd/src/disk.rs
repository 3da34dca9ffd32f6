//! The disk guard: what takes room is refused while there is still enough of it to free some.
//!
//! Below a tenth of the volume new uploads stop, below a twentieth sends do. Everything else goes on: acknowledgements, deletions
//! and expiry give room back, but each commit of theirs needs a little first. For that there is a [`ballast`], a file that goes when
//! the disk is all but full. Shares are of the volume, or of 20 GiB where it is larger: a relay needs room for what it does in the
//! seconds between two looks, and a twentieth of a large disk is a lot more.

mod ballast;

use crate::app::App;
use crate::http::error::ApiError;
use crate::metrics::Limit;
use ballast::Ballast;
use mrp_proto::code::Code;
use nix::sys::statvfs::statvfs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(5);
/// What shares are taken of, at most.
const LARGE: u64 = 20 << 30;
/// Seconds after which a client may ask again.
const RETRY_AFTER: u64 = 15;

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Room {
    Ample,
    /// Uploads are refused.
    Scarce,
    /// Sends are refused, too.
    Low,
    /// The ballast is needed.
    Critical,
}

impl Room {
    /// For health.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ample => "ample",
            Self::Scarce => "no_uploads",
            Self::Low | Self::Critical => "no_sends",
        }
    }
}

/// What the rest of the relay asks before it takes room.
#[derive(Debug, Default)]
pub(crate) struct DiskGuard(AtomicU8);

impl DiskGuard {
    pub(crate) fn room(&self) -> Room {
        match self.0.load(Ordering::Relaxed) {
            0 => Room::Ample,
            1 => Room::Scarce,
            2 => Room::Low,
            _ => Room::Critical,
        }
    }

    /// Whether a blob may be uploaded.
    pub(crate) fn uploads(&self) -> Result<(), ApiError> {
        self.refuse_from(Room::Scarce, "uploads")
    }

    /// Whether a message may be sent.
    pub(crate) fn sends(&self) -> Result<(), ApiError> {
        self.refuse_from(Room::Low, "messages")
    }

    fn refuse_from(&self, least: Room, what: &str) -> Result<(), ApiError> {
        if self.room() < least {
            return Ok(());
        }
        let message = format!(
            "the relay's disk is nearly full, so it takes no {what} for now; what it has can still be read, acknowledged and \
             deleted; try again in {RETRY_AFTER} s"
        );
        let refusal = ApiError::new(Code::InsufficientStorage, message);
        Err(refusal
            .with_retry_after(RETRY_AFTER)
            .with_limit(Limit::Disk))
    }

    /// Notes how much room there is; says so once per change.
    pub(crate) fn note(&self, room: Room) {
        let before = self.room();
        self.0.store(room as u8, Ordering::Relaxed);
        if before == room {
            return;
        }
        match room {
            Room::Ample => tracing::info!("the disk has room again"),
            Room::Scarce => tracing::warn!("the disk is nearly full: uploads are refused"),
            Room::Low => tracing::error!("the disk is nearly full: uploads and sends are refused"),
            Room::Critical => tracing::error!("the disk is full: uploads and sends are refused"),
        }
    }
}

/// A volume: its size, and what of it is free for the relay; in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Volume {
    pub(crate) size: u64,
    pub(crate) free: u64,
}

impl Volume {
    /// The one that a path is on, or would be if it were there.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let existing = path.ancestors().find(|ancestor| ancestor.exists());
        let stat = statvfs(existing.unwrap_or(Path::new(".")))?;
        let unit = stat.fragment_size();
        Ok(Self {
            size: stat.blocks().saturating_mul(unit),
            free: stat.blocks_available().saturating_mul(unit),
        })
    }

    /// What is free beyond what uploads need.
    fn spare(self) -> u64 {
        self.free.saturating_sub(self.size.min(LARGE) / 10)
    }

    pub(crate) fn room(self) -> Room {
        let counted = self.size.min(LARGE);
        if self.free >= counted / 10 {
            Room::Ample
        } else if self.free >= counted / 20 {
            Room::Scarce
        } else if self.free >= (counted / 100).min(ballast::SIZE) {
            Room::Low
        } else {
            Room::Critical
        }
    }
}

/// Looks at the data directory's volume until the relay ends.
pub(crate) async fn run(app: &App) {
    let mut ballast = Ballast::new(&app.config.data_dir);
    loop {
        let looked = tokio::task::spawn_blocking(move || {
            let outcome = look(&mut ballast);
            (ballast, outcome)
        });
        let Ok((kept, outcome)) = looked.await else {
            return;
        };
        ballast = kept;
        match outcome {
            Ok(room) => app.disk.note(room),
            // What is not known is no reason to refuse.
            Err(error) => {
                tracing::debug!(%error, "the free space of the data directory is not known");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = app.shutdown.begun() => return,
        }
    }
}

fn look(ballast: &mut Ballast) -> io::Result<Room> {
    let volume = Volume::of(ballast.folder())?;
    let room = volume.room();
    match room {
        Room::Critical => ballast.drop_out(),
        Room::Ample => ballast.take_in(volume.size, volume.spare()),
        Room::Scarce | Room::Low => {}
    }
    Ok(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(size: u64, free: u64) -> Room {
        Volume { size, free }.room()
    }

    #[test]
    fn shares_are_of_the_volume_or_of_twenty_gib() {
        const GIB: u64 = 1 << 30;
        for (size, unit) in [
            (8 << 20, 8 << 20),
            (20 * GIB, 20 * GIB),
            (4096 * GIB, 20 * GIB),
        ] {
            assert_eq!(room(size, size), Room::Ample);
            assert_eq!(room(size, unit / 10), Room::Ample, "{size}");
            assert_eq!(room(size, unit / 10 - 1), Room::Scarce, "{size}");
            assert_eq!(room(size, unit / 20), Room::Scarce, "{size}");
            assert_eq!(room(size, unit / 20 - 1), Room::Low, "{size}");
            assert_eq!(room(size, 0), Room::Critical, "{size}");
        }
        assert_eq!(room(100 * GIB, 64 << 20), Room::Low);
        assert_eq!(room(100 * GIB, (64 << 20) - 1), Room::Critical);
        assert_eq!(room(1000, 10), Room::Low);
        assert_eq!(room(1000, 9), Room::Critical);
    }

    #[test]
    fn uploads_stop_first_and_then_sends() {
        let guard = DiskGuard::default();
        let refused = |guard: &DiskGuard| (guard.uploads().is_err(), guard.sends().is_err());
        for (room, expected) in [
            (Room::Ample, (false, false)),
            (Room::Scarce, (true, false)),
            (Room::Low, (true, true)),
            (Room::Critical, (true, true)),
            (Room::Ample, (false, false)),
        ] {
            guard.note(room);
            assert_eq!((guard.room(), refused(&guard)), (room, expected));
        }
        guard.note(Room::Low);
        let refusal = guard.sends().unwrap_err();
        assert_eq!(refusal.code, Code::InsufficientStorage);
        assert_eq!(refusal.retry_after, Some(RETRY_AFTER));
    }
}
