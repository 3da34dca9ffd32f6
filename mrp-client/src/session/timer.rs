//! The time of a session's next act, such as its next ping.
//!
//! The kernel keeps it where it can. The runtime keeps its timers in a wheel of several levels, and one that lies tens of seconds
//! ahead wakes the process on its way down through them: a daemon with nothing to do would wake up twice as often as it pings.

use tokio::time::Instant;

/// Waits for one moment at a time.
#[derive(Debug)]
pub(super) enum Timer {
    /// The kernel wakes us, then and not before.
    #[cfg(target_os = "linux")]
    Kernel(kernel::Exact),
    /// The runtime does.
    Runtime,
}

impl Timer {
    pub(super) fn new() -> Self {
        #[cfg(target_os = "linux")]
        match kernel::Exact::new() {
            Ok(exact) => return Self::Kernel(exact),
            Err(error) => tracing::debug!(%error, "the kernel has no timer for us"),
        }
        Self::Runtime
    }

    /// Waits until `deadline`; for ever where there is none. Dropping the future loses nothing.
    pub(super) async fn until(&mut self, deadline: Option<Instant>) {
        #[cfg(target_os = "linux")]
        if let Self::Kernel(exact) = self {
            let Err(error) = exact.until(deadline).await else {
                return;
            };
            tracing::debug!(%error, "the timer of the kernel's is broken");
            *self = Self::Runtime;
        }
        sleep_until(deadline).await;
    }
}

/// Waits by the runtime's timers, for what is not waited for while nothing happens.
pub(super) async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use super::Instant;
    use crate::session::timerfd::Timerfd;
    use nix::sys::time::TimeSpec;
    use nix::sys::timerfd::{ClockId, Expiration, TimerSetTimeFlags};
    use std::io;
    use std::time::Duration;

    #[derive(Debug)]
    pub(in super::super) struct Exact {
        timer: Timerfd,
        set_to: Option<Instant>,
    }

    impl Exact {
        pub(super) fn new() -> io::Result<Self> {
            let timer = Timerfd::new(ClockId::CLOCK_MONOTONIC)?;
            let set_to = None;
            Ok(Self { timer, set_to })
        }

        pub(super) async fn until(&mut self, deadline: Option<Instant>) -> io::Result<()> {
            if self.set_to != deadline {
                self.set(deadline)?;
            }
            self.timer.told().await?;
            // One who asks for the same moment again is told again.
            self.set_to = None;
            Ok(())
        }

        fn set(&mut self, deadline: Option<Instant>) -> io::Result<()> {
            match deadline {
                Some(deadline) => {
                    // No time at all would stop the timer.
                    let left = deadline.saturating_duration_since(Instant::now());
                    let left = TimeSpec::from_duration(left.max(Duration::from_nanos(1)));
                    let flags = TimerSetTimeFlags::empty();
                    self.timer.set(Expiration::OneShot(left), flags)?;
                }
                None => self.timer.unset()?,
            }
            self.set_to = deadline;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use std::time::Duration;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(3600);

    async fn is_exact(mut timer: Timer) {
        for _ in 0..2 {
            let deadline = Instant::now() + SHORT;
            timer.until(Some(deadline)).await;
            assert!(Instant::now() >= deadline);
            // It has passed, and is told as often as one asks.
            timer.until(Some(deadline)).await;
            timer.until(Some(deadline)).await;
        }
        assert!(timer.until(None).now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_moment_is_told_when_it_has_come() {
        is_exact(Timer::new()).await;
        is_exact(Timer::Runtime).await;
    }

    #[tokio::test]
    async fn a_moment_that_was_given_up_is_not_told() {
        let mut timer = Timer::new();
        let soon = Instant::now() + SHORT;
        assert!(timer.until(Some(soon)).now_or_never().is_none());
        // What was awaited first comes while another is awaited.
        let later = Some(soon + LONG);
        let waited = tokio::time::timeout(4 * SHORT, timer.until(later)).await;
        assert!(waited.is_err());
        timer.until(Some(soon)).await;
        assert!(timer.until(None).now_or_never().is_none());
    }
}
