//! When to read on in the inbox.

use super::Fetched;

#[derive(Debug)]
pub(super) struct Delivery {
    /// Something may lie behind the shell's position.
    mail: bool,
    fetch: Fetch,
    /// What comes next did not fit the room that there was; it may come alone.
    awaits_empty: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fetch {
    Answered,
    /// One has not been answered yet, and with some of the room taken.
    InPart,
    /// One has not been answered yet, and with all of the room free.
    InFull,
}

impl Default for Delivery {
    /// Of a session that begins: the backlog is to be read.
    fn default() -> Self {
        Self {
            mail: true,
            fetch: Fetch::Answered,
            awaits_empty: false,
        }
    }
}

impl Delivery {
    pub(super) fn handle_mail(&mut self) {
        self.mail = true;
    }

    /// From time to time the inbox is read without a hint, since hints may be lost and stores may stumble.
    pub(super) fn handle_tick(&mut self) {
        self.mail = true;
        self.awaits_empty = false;
    }

    pub(super) fn handle_fetched(&mut self, fetched: &Fetched) {
        let asked = std::mem::replace(&mut self.fetch, Fetch::Answered);
        let nothing_fits = fetched.messages.is_empty();
        // More, of which nothing fits an empty buffer, is a store that stumbles: asking again at once would not help it.
        self.mail |= fetched.more && !(nothing_fits && asked == Fetch::InFull);
        self.awaits_empty = fetched.more && nothing_fits;
    }

    /// The room for the next fetch, if there is to be one now. It is answered with [`Delivery::handle_fetched`].
    ///
    /// Reading on begins only when half of the buffer is free: one read of the store then serves many messages.
    pub(super) fn poll_room(&mut self, unsent: usize, limit: usize) -> Option<usize> {
        let most = if self.awaits_empty { 0 } else { limit / 2 };
        if !self.mail || self.fetch != Fetch::Answered || unsent > most {
            return None;
        }
        self.mail = false;
        self.fetch = if unsent == 0 {
            Fetch::InFull
        } else {
            Fetch::InPart
        };
        Some(limit - unsent)
    }
}
