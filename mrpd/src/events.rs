//! What happens in the daemon, told to whoever listens at that moment. Nothing depends on it: what must not be missed is in the
//! store.

use mrpd_api::event::Event;
use std::sync::Arc;
use tokio::sync::broadcast;

/// Events that a slow listener may be behind; then it misses the oldest and is told how many.
const BEHIND: usize = 1024;

/// The way to the listeners. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Events(broadcast::Sender<Arc<Event>>);

impl Default for Events {
    fn default() -> Self {
        Self(broadcast::channel(BEHIND).0)
    }
}

impl Events {
    /// Tells everybody who listens.
    pub fn tell(&self, event: Event) {
        // Nobody listens: nobody misses it.
        let _ = self.0.send(Arc::new(event));
    }

    /// Listens from now on.
    pub fn listen(&self) -> broadcast::Receiver<Arc<Event>> {
        self.0.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_listener_hears_what_comes_after_it_began() {
        let events = Events::default();
        let told = |seq| Event::Message {
            seq,
            id: "msg_1".to_owned(),
            agent: "a".to_owned(),
        };
        events.tell(told(1));
        let mut first = events.listen();
        let mut second = events.listen();
        events.tell(told(2));
        for listener in [&mut first, &mut second] {
            assert_eq!(*listener.recv().await.unwrap(), told(2));
        }
    }
}
