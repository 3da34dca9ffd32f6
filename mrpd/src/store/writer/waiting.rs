//! How the thread waits: for a message, and for no longer than until a time, if there is one.

use super::Message;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Instant;
use tokio::sync::mpsc;

/// What ends the waiting.
#[derive(Debug)]
pub(super) enum Next {
    Message(Message),
    /// The time has come.
    Deadline,
    /// Nobody can send anything any more.
    End,
}

/// The thread that waits.
#[derive(Debug)]
pub(super) struct Waiting(Waker);

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl Waiting {
    pub(super) fn on_this_thread() -> Self {
        Self(Arc::new(Unpark(std::thread::current())).into())
    }

    /// Waits. What is there already comes before the deadline, also where that has passed.
    pub(super) fn next(
        &self,
        receiver: &mut mpsc::Receiver<Message>,
        deadline: Option<Instant>,
    ) -> Next {
        let mut context = Context::from_waker(&self.0);
        loop {
            match receiver.poll_recv(&mut context) {
                Poll::Ready(Some(message)) => return Next::Message(message),
                Poll::Ready(None) => return Next::End,
                Poll::Pending => {}
            }
            let Some(deadline) = deadline else {
                std::thread::park();
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Next::Deadline;
            }
            std::thread::park_timeout(left);
        }
    }
}
