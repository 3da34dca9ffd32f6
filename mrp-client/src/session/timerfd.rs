//! Timers of the Linux kernel, to be awaited: timerfd_create(2).

use nix::errno::Errno;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd, RawFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A timer that does nothing until it is set.
#[derive(Debug)]
pub(super) struct Timerfd(AsyncFd<Owned>);

/// The descriptor, which is closed by nobody else.
#[derive(Debug)]
struct Owned(TimerFd);

impl AsRawFd for Owned {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Timerfd {
    #[expect(
        deprecated,
        reason = "what tokio has in its place is unsafe, for descriptors that may be closed by others; this one is owned"
    )]
    pub(super) fn new(clock: ClockId) -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = Owned(TimerFd::new(clock, flags)?);
        AsyncFd::with_interest(timer, Interest::READABLE).map(Self)
    }

    /// Sets it anew. What it had to tell until then is forgotten.
    pub(super) fn set(&self, expiration: Expiration, flags: TimerSetTimeFlags) -> io::Result<()> {
        Ok(self.0.get_ref().0.set(expiration, flags)?)
    }

    /// Has it never run out.
    pub(super) fn unset(&self) -> io::Result<()> {
        Ok(self.0.get_ref().0.unset()?)
    }

    /// Waits until it has run out, or was cancelled by a clock's being set. Dropping the future loses nothing.
    pub(super) async fn told(&self) -> io::Result<()> {
        let read = |timer: &Owned| match nix::unistd::read(timer.0.as_fd(), &mut [0; 8]) {
            Ok(_) | Err(Errno::ECANCELED) => Ok(()),
            Err(error) => Err(error.into()),
        };
        self.0.async_io(Interest::READABLE, read).await
    }
}
