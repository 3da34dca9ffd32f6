//! When to look whether the machine was asleep, or its clock was set.
//!
//! Linux tells: a timer on the wall clock can be cancelled by that clock's being set, and the kernel takes waking up from suspend
//! for the same (timerfd_create(2), `TFD_TIMER_CANCEL_ON_SET`). So nothing is done until something has happened, and then at once.
//! Where such a timer is not to be had the clocks are looked at every few seconds.

use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior};

/// Time between two looks at the clocks where nobody tells.
const TICK: Duration = Duration::from_secs(5);

/// Rings when there is reason to look at the clocks.
#[derive(Debug)]
pub(super) enum Alarm {
    /// The system tells.
    #[cfg(target_os = "linux")]
    Told(told::ClockTimer),
    /// It does not.
    Ticking(Interval),
}

impl Alarm {
    /// Begins to listen.
    pub(super) fn new() -> Self {
        #[cfg(target_os = "linux")]
        match told::ClockTimer::new() {
            Ok(timer) => return Self::Told(timer),
            Err(error) => tracing::debug!(%error, "no timer tells of a set clock"),
        }
        Self::ticking()
    }

    /// Waits until there is reason to look. Dropping the future loses nothing.
    pub(super) async fn rings(&mut self) {
        #[cfg(target_os = "linux")]
        if let Self::Told(timer) = self {
            let Err(error) = timer.disturbed().await else {
                return;
            };
            tracing::debug!(%error, "the timer tells no more of a set clock");
            *self = Self::ticking();
        }
        match self {
            #[cfg(target_os = "linux")]
            Self::Told(_) => {}
            Self::Ticking(ticks) => {
                ticks.tick().await;
            }
        }
    }

    fn ticking() -> Self {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self::Ticking(ticks)
    }
}

#[cfg(target_os = "linux")]
mod told {
    use crate::session::timerfd::Timerfd;
    use nix::libc::time_t;
    use nix::sys::time::TimeSpec;
    use nix::sys::timerfd::{ClockId, Expiration, TimerSetTimeFlags};
    use std::io;

    /// A timer that never runs out and is cancelled again and again.
    #[derive(Debug)]
    pub(in super::super) struct ClockTimer(Timerfd);

    impl ClockTimer {
        pub(super) fn new() -> io::Result<Self> {
            Self::until(time_t::MAX)
        }

        /// The same, with an end: seconds since the Unix epoch.
        pub(super) fn until(end: time_t) -> io::Result<Self> {
            let timer = Timerfd::new(ClockId::CLOCK_REALTIME)?;
            let flags =
                TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
            timer.set(Expiration::OneShot(TimeSpec::new(end, 0)), flags)?;
            Ok(Self(timer))
        }

        /// Waits until the clock is set. The timer goes on after that.
        pub(super) async fn disturbed(&self) -> io::Result<()> {
            self.0.told().await
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn what_the_timer_tells_is_heard_once() {
        // No test may set the clock, but a timer that has run out is told in the same way.
        let mut alarm = Alarm::Told(told::ClockTimer::until(1).unwrap());
        alarm.rings().await;
        assert!(alarm.rings().now_or_never().is_none());
        assert!(matches!(alarm, Alarm::Told(_)));
    }
}
