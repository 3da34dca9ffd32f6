//! Where the session meets the program: what it asks comes in, events go out, and neither ever blocks the other.
//!
//! Events that the program has not room for wait here, so that its acks and sends are taken even while it is slow to read: a
//! program may call [`Handle`](super::Handle) from the very loop that reads the events.

use super::alarm::Alarm;
use super::jump::JumpDetector;
use super::{DownReason, Event, Transport};
use mrp_proto::frame;
use mrp_proto::id::MessageId;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Events that may wait here before the relay's frames are left in the socket.
const BACKLOG: usize = 64;

/// Which session, counted from 1: a send that was meant for a lost one is not made in the next, where its sender, told that it
/// is lost, may be repeating it.
pub(super) type Epoch = u64;

/// A send on its way to the task.
#[derive(Debug)]
pub(super) struct QueuedSend {
    pub(super) epoch: Epoch,
    pub(super) send: Box<frame::Send>,
}

/// What became of a message that was handed over.
#[derive(Debug)]
pub(super) enum Storing {
    Done(MessageId),
    Failed(MessageId),
}

/// What the desk has to say to the task.
#[derive(Debug)]
pub(super) enum Prompt {
    /// A message is in the program's store.
    Stored(MessageId),
    /// A message could not be stored.
    NotStored(MessageId),
    /// The program sends a message.
    Send(Box<frame::Send>),
    /// The clocks have parted by so much.
    ClockJumped(Duration),
    /// The program has taken an event, so there may be room again.
    HandedOver,
    /// The program has no use for the session any more.
    Stop,
}

/// Whether sends are taken from their queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sends {
    Take,
    Hold,
}

/// The program's side of the task.
#[derive(Debug)]
pub(super) struct Desk {
    stored: mpsc::UnboundedReceiver<Storing>,
    sends: mpsc::Receiver<QueuedSend>,
    stop: watch::Receiver<bool>,
    events: mpsc::Sender<Event>,
    backlog: VecDeque<Event>,
    up: watch::Sender<Option<Epoch>>,
    epoch: Epoch,
    alarm: Alarm,
    jumps: JumpDetector,
}

impl Desk {
    pub(super) fn new(
        stored: mpsc::UnboundedReceiver<Storing>,
        sends: mpsc::Receiver<QueuedSend>,
        stop: watch::Receiver<bool>,
        events: mpsc::Sender<Event>,
        up: watch::Sender<Option<Epoch>>,
    ) -> Self {
        Self {
            stored,
            sends,
            stop,
            events,
            backlog: VecDeque::new(),
            up,
            epoch: 0,
            alarm: Alarm::new(),
            jumps: JumpDetector::new(),
        }
    }

    /// Tells the program something, as soon as it has room.
    pub(super) fn tell(&mut self, event: Event) {
        self.backlog.push_back(event);
    }

    /// Tells the program that there is a session; one over a WebSocket may be sent to from now on.
    pub(super) fn tell_up(&mut self, transport: Transport) {
        self.epoch += 1;
        let open = (transport == Transport::WebSocket).then_some(self.epoch);
        self.up.send_replace(open);
        self.tell(Event::Up { transport });
    }

    /// Tells the program that there is none.
    pub(super) fn tell_down(&mut self, reason: DownReason, retry_in: Duration) {
        self.up.send_replace(None);
        self.tell(Event::Down { reason, retry_in });
    }

    /// Whether no event waits for room.
    pub(super) fn is_clear(&self) -> bool {
        self.backlog.is_empty()
    }

    /// Whether so many events wait that more must not be made.
    pub(super) fn is_full(&self) -> bool {
        self.backlog.len() >= BACKLOG
    }

    /// By how much the clocks have parted, if nobody has told of it yet.
    pub(super) fn look_at_clocks(&mut self) -> Option<Duration> {
        self.jumps.look()
    }

    /// What the program has said to be stored and nobody has heard yet; for the end of the session.
    pub(super) fn take_stored(&mut self) -> Option<MessageId> {
        while let Ok(storing) = self.stored.try_recv() {
            if let Storing::Done(message_id) = storing {
                return Some(message_id);
            }
        }
        None
    }

    /// Hands out events and waits for what the program says. Dropping the future loses nothing.
    pub(super) async fn prompt(&mut self, sends: Sends) -> Prompt {
        loop {
            let waiting = !self.backlog.is_empty();
            tokio::select! {
                () = stopped(&mut self.stop) => return Prompt::Stop,
                () = self.events.closed() => return Prompt::Stop,
                permit = self.events.reserve(), if waiting => {
                    let (Ok(permit), Some(event)) = (permit, self.backlog.pop_front()) else {
                        return Prompt::Stop;
                    };
                    permit.send(event);
                    return Prompt::HandedOver;
                }
                stored = self.stored.recv() => {
                    return match stored {
                        Some(Storing::Done(message_id)) => Prompt::Stored(message_id),
                        Some(Storing::Failed(message_id)) => Prompt::NotStored(message_id),
                        None => Prompt::Stop,
                    };
                }
                queued = self.sends.recv(), if sends == Sends::Take => match queued {
                    Some(queued) if queued.epoch == self.epoch => return Prompt::Send(queued.send),
                    Some(_) => {}
                    None => return Prompt::Stop,
                },
                () = self.alarm.rings() => {
                    if let Some(by) = self.jumps.look() {
                        return Prompt::ClockJumped(by);
                    }
                }
            }
        }
    }
}

/// Ends when the program has called for the end, or can no longer do so.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error says that every handle is gone.
    let _ = stop.wait_for(|&stop| stop).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use mrp_proto::frame::Send;
    use mrp_proto::key::SecretKey;
    use mrp_proto::message::SendRequest;
    use serde_json::value::RawValue;
    /// The program's ends of what the desk holds.
    struct Program {
        stored: mpsc::UnboundedSender<Storing>,
        sends: mpsc::Sender<QueuedSend>,
        stop: watch::Sender<bool>,
        events: mpsc::Receiver<Event>,
        up: watch::Receiver<Option<Epoch>>,
    }

    fn desk_and_program() -> (Desk, Program) {
        let (stored, stored_receiver) = mpsc::unbounded_channel();
        let (sends, sends_receiver) = mpsc::channel(4);
        let (stop, stop_receiver) = watch::channel(false);
        let (event_sender, events) = mpsc::channel(4);
        let (up_sender, up) = watch::channel(None);
        let desk = Desk::new(
            stored_receiver,
            sends_receiver,
            stop_receiver,
            event_sender,
            up_sender,
        );
        let program = Program {
            stored,
            sends,
            stop,
            events,
            up,
        };
        (desk, program)
    }

    fn pending(number: usize) -> Event {
        Event::Pending {
            message_id: format!("msg_{number}").parse().unwrap(),
            size: 0,
        }
    }

    fn queued(epoch: Epoch, request_id: &str) -> QueuedSend {
        let recipient = SecretKey::from_seed(&[1; 32]).public();
        let request = SendRequest::new(&recipient, RawValue::NULL.to_owned());
        let send = Box::new(Send {
            request_id: request_id.to_owned(),
            idempotency_key: None,
            request,
        });
        QueuedSend { epoch, send }
    }

    #[tokio::test]
    async fn events_wait_in_order_while_the_program_is_heard() {
        let (mut desk, mut program) = desk_and_program();
        for number in 0..BACKLOG {
            assert!(!desk.is_full());
            desk.tell(pending(number));
        }
        assert!(desk.is_full());
        let id: MessageId = "msg_stored".parse().unwrap();
        program.stored.send(Storing::Done(id.clone())).unwrap();
        // The program reads nothing: its four places fill up, and it is heard all the same.
        loop {
            match desk.prompt(Sends::Take).await {
                Prompt::HandedOver => {}
                Prompt::Stored(stored) => break assert_eq!(stored, id),
                other => panic!("{other:?}"),
            }
        }
        for number in 0..BACKLOG {
            while program.events.is_empty() {
                assert!(matches!(desk.prompt(Sends::Take).await, Prompt::HandedOver));
            }
            let Event::Pending { message_id, .. } = program.events.try_recv().unwrap() else {
                panic!("expected event {number}")
            };
            assert_eq!(message_id.as_str(), format!("msg_{number}"));
        }
        assert!(desk.is_clear());
    }

    #[tokio::test]
    async fn a_send_for_a_lost_session_is_not_made_in_the_next() {
        let (mut desk, program) = desk_and_program();
        desk.tell_up(Transport::WebSocket);
        let first = program.up.borrow().unwrap();
        program.sends.try_send(queued(first, "old")).unwrap();
        desk.tell_down(DownReason::TimedOut, Duration::ZERO);
        assert_eq!(*program.up.borrow(), None);
        desk.tell_up(Transport::WebSocket);
        let second = program.up.borrow().unwrap();
        program.sends.try_send(queued(second, "new")).unwrap();
        loop {
            match desk.prompt(Sends::Take).await {
                Prompt::HandedOver => {}
                Prompt::Send(send) => break assert_eq!(send.request_id, "new"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn sends_that_are_held_stay_in_their_queue() {
        let (mut desk, program) = desk_and_program();
        desk.tell_up(Transport::WebSocket);
        program.sends.try_send(queued(1, "held")).unwrap();
        let id: MessageId = "msg_1".parse().unwrap();
        program.stored.send(Storing::Failed(id)).unwrap();
        loop {
            match desk.prompt(Sends::Hold).await {
                Prompt::HandedOver => {}
                Prompt::NotStored(_) => break,
                other => panic!("{other:?}"),
            }
        }
        assert!(matches!(
            desk.prompt(Sends::Take).await,
            Prompt::Send(_) | Prompt::HandedOver
        ));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test(start_paused = true)]
    async fn nothing_is_done_while_nothing_happens() {
        use std::sync::Arc;
        use std::sync::atomic::{AtomicBool, Ordering};
        use std::task::{Context, Wake, Waker};

        #[derive(Default)]
        struct Woken(AtomicBool);

        impl Wake for Woken {
            fn wake(self: Arc<Self>) {
                self.0.store(true, Ordering::Relaxed);
            }
        }

        let (mut desk, program) = desk_and_program();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        let mut prompt = std::pin::pin!(desk.prompt(Sends::Take));
        assert!(prompt.as_mut().poll(&mut context).is_pending());
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert!(!woken.0.load(Ordering::Relaxed));
        program.stop.send_replace(true);
        assert!(woken.0.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn each_way_of_letting_go_ends_it() {
        let (mut desk, program) = desk_and_program();
        program.stop.send_replace(true);
        assert!(matches!(desk.prompt(Sends::Take).await, Prompt::Stop));
        let (mut desk, program) = desk_and_program();
        drop(program.events);
        assert!(matches!(desk.prompt(Sends::Take).await, Prompt::Stop));
        let (mut desk, program) = desk_and_program();
        drop((program.stored, program.sends, program.stop));
        assert!(matches!(desk.prompt(Sends::Take).await, Prompt::Stop));
    }
}
