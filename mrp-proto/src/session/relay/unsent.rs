//! The text frames that wait to be written: how many bytes, of which kind, and since when nothing was taken of them.

use super::super::Moment;
use std::collections::VecDeque;
use std::time::Duration;

/// Segments for which an idle session keeps the space.
const KEPT_SEGMENTS: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Pushed from the inbox.
    Push,
    /// Caused by what the client said.
    Reply,
    /// A ping: the time for its answer begins when it has left.
    Ping,
}

/// Neighbours of one kind are one segment. There is never more than one ping.
#[derive(Debug)]
struct Segment {
    kind: Kind,
    bytes: usize,
}

/// Inputs that come from the store do not know the time, so the clock of what they queue starts with the next one that does.
#[derive(Debug, Default, Clone, Copy)]
enum Clock {
    #[default]
    Stopped,
    Due,
    Since(Moment),
}

#[derive(Debug, Default)]
pub(super) struct Unsent {
    segments: VecDeque<Segment>,
    bytes: usize,
    reply_bytes: usize,
    clock: Clock,
}

impl Unsent {
    pub(super) fn add(&mut self, kind: Kind, bytes: usize) {
        self.bytes += bytes;
        if kind == Kind::Reply {
            self.reply_bytes += bytes;
        }
        if matches!(self.clock, Clock::Stopped) {
            self.clock = Clock::Due;
        }
        match self.segments.back_mut() {
            Some(last) if last.kind == kind => last.bytes += bytes,
            _ => self.segments.push_back(Segment { kind, bytes }),
        }
    }

    /// Takes bytes off the front. The answer is whether the ping has left with them.
    pub(super) fn handle_written(&mut self, bytes: usize, now: Moment) -> bool {
        let mut left = bytes;
        let mut ping_left = false;
        while let Some(segment) = self.segments.front_mut() {
            let taken = left.min(segment.bytes);
            segment.bytes -= taken;
            left -= taken;
            self.bytes -= taken;
            if segment.kind == Kind::Reply {
                self.reply_bytes -= taken;
            }
            if segment.bytes > 0 {
                break;
            }
            ping_left |= segment.kind == Kind::Ping;
            self.segments.pop_front();
        }
        if self.segments.is_empty() {
            self.clock = Clock::Stopped;
            self.segments.shrink_to(KEPT_SEGMENTS);
        } else if bytes > 0 {
            self.clock = Clock::Since(now);
        }
        ping_left
    }

    pub(super) fn start_clock(&mut self, now: Moment) {
        if matches!(self.clock, Clock::Due) {
            self.clock = Clock::Since(now);
        }
    }

    /// When the client will have taken nothing for `patience`; `None` if nothing waits. At once, if the clock must first start.
    pub(super) fn poll_timeout(&self, patience: Duration) -> Option<Moment> {
        match self.clock {
            Clock::Stopped => None,
            Clock::Due => Some(Moment::ZERO),
            Clock::Since(start) => Some(start.saturating_add(patience)),
        }
    }

    pub(super) fn is_stalled(&self, now: Moment, patience: Duration) -> bool {
        matches!(self.clock, Clock::Since(start) if now >= start.saturating_add(patience))
    }

    pub(super) fn holds_ping(&self) -> bool {
        self.segments
            .iter()
            .any(|segment| segment.kind == Kind::Ping)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn reply_bytes(&self) -> usize {
        self.reply_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_secs(100);
    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn bytes_are_counted_by_kind_and_leave_in_order() {
        let mut unsent = Unsent::default();
        for (kind, bytes) in [
            (Kind::Push, 10),
            (Kind::Push, 5),
            (Kind::Reply, 7),
            (Kind::Ping, 3),
            (Kind::Reply, 2),
        ] {
            unsent.add(kind, bytes);
        }
        assert_eq!((unsent.bytes(), unsent.reply_bytes()), (27, 9));
        assert!(!unsent.handle_written(16, NOW));
        assert_eq!((unsent.bytes(), unsent.reply_bytes()), (11, 8));
        assert!(!unsent.handle_written(8, NOW));
        assert!(unsent.holds_ping());
        assert!(unsent.handle_written(1, NOW));
        assert!(!unsent.holds_ping());
        // More than there was is a slip of the shell, and no reason to fall over.
        assert!(!unsent.handle_written(usize::MAX, NOW));
        assert_eq!((unsent.bytes(), unsent.reply_bytes()), (0, 0));
    }

    #[test]
    fn the_clock_starts_with_the_first_moment_known_and_again_with_each_byte_taken() {
        let mut unsent = Unsent::default();
        unsent.start_clock(NOW);
        assert_eq!(unsent.poll_timeout(MINUTE), None);
        unsent.add(Kind::Push, 10);
        assert_eq!(unsent.poll_timeout(MINUTE), Some(Moment::ZERO));
        assert!(!unsent.is_stalled(NOW + MINUTE, MINUTE));
        unsent.start_clock(NOW);
        unsent.start_clock(NOW + MINUTE);
        assert!(!unsent.is_stalled(NOW + MINUTE - Duration::from_nanos(1), MINUTE));
        assert!(unsent.is_stalled(NOW + MINUTE, MINUTE));
        unsent.handle_written(0, NOW + MINUTE);
        assert!(unsent.is_stalled(NOW + MINUTE, MINUTE));
        unsent.handle_written(1, NOW + MINUTE);
        assert_eq!(unsent.poll_timeout(MINUTE), Some(NOW + MINUTE + MINUTE));
        unsent.handle_written(9, NOW + MINUTE);
        assert_eq!(unsent.poll_timeout(MINUTE), None);
    }
}
