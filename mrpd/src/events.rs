//! What happens in the daemon, told to whoever listens at that moment, and counted. Nothing depends on it: what must not be missed
//! is in the store.

mod arrivals;

pub(crate) use arrivals::tell_arrivals;

use crate::metrics::Metrics;
use mrpd_api::event::Event;
use std::sync::Arc;
use tokio::sync::{broadcast, watch};

/// Events that a slow listener may be behind; then it misses the oldest and is told how many.
const BEHIND: usize = 1024;

/// The way to the listeners. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Events {
    sender: broadcast::Sender<Arc<Event>>,
    watchers: watch::Sender<Watchers>,
    metrics: Metrics,
}

/// Who wants to hear of messages, which nobody tells unless somebody does.
#[derive(Debug, Clone, Copy, Default)]
struct Watchers {
    count: usize,
    /// The newest message when the first of them began.
    from: u64,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            sender: broadcast::channel(BEHIND).0,
            watchers: watch::Sender::default(),
            metrics: Metrics::default(),
        }
    }
}

impl Events {
    /// Tells everybody who listens.
    pub fn tell(&self, event: Event) {
        self.metrics.count_event(&event);
        // Nobody listens: nobody misses it.
        let _ = self.sender.send(Arc::new(event));
    }

    /// Listens from now on, to everything but messages: those are told while somebody watches.
    pub fn listen(&self) -> broadcast::Receiver<Arc<Event>> {
        self.sender.subscribe()
    }

    /// Listens from now on, to messages behind `newest` as well.
    pub fn watch(&self, newest: u64) -> Watcher {
        let receiver = self.sender.subscribe();
        self.watchers.send_modify(|watchers| {
            if watchers.count == 0 {
                watchers.from = newest;
            }
            watchers.count += 1;
        });
        Watcher {
            receiver,
            watchers: self.watchers.clone(),
        }
    }

    /// The daemon's figures.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

/// One who hears of messages, until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    receiver: broadcast::Receiver<Arc<Event>>,
    watchers: watch::Sender<Watchers>,
}

impl Watcher {
    /// The next event; [`Event::Missed`] where the watcher was too slow for some. `None` once nobody can tell anything any more.
    pub async fn next(&mut self) -> Option<Arc<Event>> {
        match self.receiver.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(count)) => {
                Some(Arc::new(Event::Missed { count }))
            }
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.watchers.send_modify(|watchers| watchers.count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(seq: u64) -> Event {
        Event::Message {
            seq,
            id: "msg_1".to_owned(),
            agent: "a".to_owned(),
        }
    }

    #[tokio::test]
    async fn every_listener_hears_what_comes_after_it_began() {
        let events = Events::default();
        events.tell(told(1));
        let mut first = events.listen();
        let mut second = events.listen();
        events.tell(told(2));
        for listener in [&mut first, &mut second] {
            assert_eq!(*listener.recv().await.unwrap(), told(2));
        }
    }

    #[tokio::test]
    async fn who_is_too_slow_is_told_how_many_it_missed() {
        let events = Events::default();
        let mut watcher = events.watch(0);
        let extra = 5;
        for seq in 1..=(BEHIND as u64 + extra) {
            events.tell(told(seq));
        }
        let missed = watcher.next().await.unwrap();
        assert_eq!(*missed, Event::Missed { count: extra });
        assert_eq!(*watcher.next().await.unwrap(), told(extra + 1));
    }
}
