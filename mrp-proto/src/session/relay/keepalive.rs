//! Whether the client is still there (protocol A8.4, A8.5), and whether it says so too often.

use super::super::Moment;
use super::Settings;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Keepalive {
    next_ping: Moment,
    /// By when something must come, once a ping has left.
    answer_due: Option<Moment>,
    /// By when something must come for the session to keep its place.
    probe_due: Option<Moment>,
    /// The socket was not read since something came: the silence may be ours.
    deaf: bool,
}

/// What a timeout means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tick {
    Wait,
    Ping,
    Dead,
}

impl Keepalive {
    pub(super) fn new(now: Moment, settings: &Settings) -> Self {
        Self {
            next_ping: now.saturating_add(settings.ping),
            answer_due: None,
            probe_due: None,
            deaf: false,
        }
    }

    pub(super) fn handle_heard(&mut self) {
        self.answer_due = None;
        self.probe_due = None;
        self.deaf = false;
    }

    /// The socket is not being read.
    pub(super) fn handle_deafness(&mut self) {
        self.deaf = true;
    }

    pub(super) fn handle_ping_left(&mut self, now: Moment, settings: &Settings) {
        self.answer_due
            .get_or_insert(now.saturating_add(settings.pong_timeout));
    }

    pub(super) fn handle_probe(&mut self, now: Moment, patience: Duration) {
        self.probe_due.get_or_insert(now.saturating_add(patience));
    }

    pub(super) fn handle_timeout(&mut self, now: Moment, settings: &Settings) -> Tick {
        let is_over = |due: Option<Moment>| due.is_some_and(|due| now >= due);
        if is_over(self.answer_due) || is_over(self.probe_due) {
            if !self.deaf {
                return Tick::Dead;
            }
            // Its answer may lie unread. It gets the whole time again, and keeps its place: it has been busy, not silent.
            self.deaf = false;
            self.probe_due = None;
            if self.answer_due.is_some() {
                self.answer_due = Some(now.saturating_add(settings.pong_timeout));
            }
        }
        if now < self.next_ping {
            return Tick::Wait;
        }
        self.next_ping = now.saturating_add(settings.ping);
        Tick::Ping
    }

    pub(super) fn poll_timeout(&self) -> Moment {
        [self.answer_due, self.probe_due]
            .into_iter()
            .flatten()
            .fold(self.next_ping, Moment::min)
    }
}

/// Counts pings and pongs in windows of a second.
#[derive(Debug, Default)]
pub(super) struct ControlRate {
    window: Moment,
    count: u32,
}

impl ControlRate {
    /// Counts one more. The answer is how many there were in the window, this one included.
    pub(super) fn count(&mut self, now: Moment) -> u32 {
        if now.saturating_sub(self.window) >= Duration::from_secs(1) {
            self.window = now;
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        self.count
    }
}
