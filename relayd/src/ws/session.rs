//! One connection: takes one input at a time, hands it to the machine, and carries out what the machine says.

use super::fetch::{Fetch, Progress};
use super::jobs::{self, Done, Job};
use super::socket::{Received, Socket};
use crate::app::App;
use crate::client_address::ClientAddress;
use crate::hub::{Attachment, Call};
use crate::unforeseen;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use mrp_proto::frame::CloseCode;
use mrp_proto::key::PublicKey;
use mrp_proto::session::relay::{Admitted, Output, Session, Settings};
use mrp_proto::session::{Incoming, Moment};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, timeout};

/// Acknowledgements that may wait for the store before the socket is no longer read.
const MOST_MARKS: usize = 256;
/// How long a socket keeps the buffers of large frames: giving them back after each would be a burden where large frames are many.
const BURST: Duration = Duration::from_secs(2);
/// How long what was begun may take after the connection has ended.
const AFTERMATH: Duration = Duration::from_secs(10);
/// The longest pause that clients are asked to make after a shutdown, in seconds (protocol A8.7).
const LONGEST_ABSENCE: u64 = 30;

/// Runs a session to its end.
pub(super) async fn run<S>(app: Arc<App>, io: S, client: ClientAddress, settings: Settings)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut shell = Shell::new(app, io, client, settings);
    let end = loop {
        shell.set_timer();
        let event = poll_fn(|context| shell.poll_event(context)).await;
        if let Some(end) = shell.handle(event) {
            break end;
        }
    };
    // Rare and large: it must not make every idle session larger.
    Box::pin(shell.end(end)).await;
}

/// A connection with its session.
struct Shell<S> {
    app: Arc<App>,
    client: ClientAddress,
    settings: Settings,
    /// What the machine's moments are counted from.
    origin: Instant,
    machine: Session,
    socket: Socket<S>,
    jobs: FuturesUnordered<Job>,
    /// How many of the jobs are acknowledgements.
    marks: usize,
    /// From the verdict to the end.
    place: Option<Attachment>,
    /// The hub asked whether the peer is there, and nothing has come since.
    is_probed: bool,
    timer: Pin<Box<Sleep>>,
    due: Option<Moment>,
    /// When the socket is to give memory back, if it has some to give.
    shed_due: Option<Moment>,
    /// Until the relay is told to end.
    shutdown: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

enum Event {
    Shutdown,
    Call(Call),
    Written(usize),
    Done(Done),
    Due,
    Received(Received),
    /// The connection broke.
    Broken,
}

/// How a connection ends.
enum End {
    /// We close it.
    Close { code: CloseCode, reason: String },
    /// The peer did, or it broke.
    Lost,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Shell<S> {
    fn new(app: Arc<App>, io: S, client: ClientAddress, settings: Settings) -> Self {
        let origin = Instant::now();
        let told = Arc::clone(&app);
        Self {
            app,
            client,
            settings,
            origin,
            machine: Session::new(Moment::ZERO, settings),
            socket: Socket::new(io),
            jobs: FuturesUnordered::new(),
            marks: 0,
            place: None,
            is_probed: false,
            timer: Box::pin(tokio::time::sleep_until(origin)),
            due: None,
            shed_due: None,
            shutdown: Some(Box::pin(async move { told.shutdown.begun().await })),
        }
    }

    fn now(&self) -> Moment {
        self.origin.elapsed()
    }

    /// Sets the timer for the machine, and for giving back what a burst left in the socket's buffers.
    fn set_timer(&mut self) {
        if self.shed_due.is_none() && self.socket.is_swollen() {
            self.shed_due = Some(self.now() + BURST);
        }
        let machine = self.machine.poll_timeout();
        let due = machine.into_iter().chain(self.shed_due).min();
        if due == self.due {
            return;
        }
        self.due = due;
        if let Some(due) = due {
            self.timer.as_mut().reset(self.origin + due);
        }
    }

    /// The next input. Writing comes before reading, and what is under way before what is new.
    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        if let Some(shutdown) = &mut self.shutdown
            && shutdown.as_mut().poll(context).is_ready()
        {
            self.shutdown = None;
            return Poll::Ready(Event::Shutdown);
        }
        if let Some(place) = &self.place
            && let Poll::Ready(call) = place.poll_call(context)
        {
            return Poll::Ready(Event::Call(call));
        }
        if let Poll::Ready(written) = self.socket.poll_write(context) {
            return Poll::Ready(written.map_or(Event::Broken, Event::Written));
        }
        if let Poll::Ready(Some(done)) = self.jobs.poll_next_unpin(context) {
            return Poll::Ready(Event::Done(done));
        }
        if self.due.is_some() && self.timer.as_mut().poll(context).is_ready() {
            self.due = None;
            return Poll::Ready(Event::Due);
        }
        if self.machine.wants_input() && self.marks < MOST_MARKS {
            return self.socket.poll_read(context).map(Event::Received);
        }
        Poll::Pending
    }

    /// Hands an input to the machine, and does what it says.
    fn handle(&mut self, event: Event) -> Option<End> {
        let now = self.now();
        match event {
            Event::Shutdown => self.machine.handle_shutdown(absence()),
            Event::Call(call) => self.handle_call(call, now),
            Event::Written(bytes) => self.machine.handle_written(bytes, now),
            Event::Done(done) => self.handle_done(done, now),
            Event::Due => {
                self.shed(now);
                self.machine.handle_timeout(now);
            }
            Event::Received(received) => {
                if let Some(end) = self.handle_received(received, now) {
                    return Some(end);
                }
            }
            Event::Broken => return Some(End::Lost),
        }
        self.drain_outputs()
    }

    fn shed(&mut self, now: Moment) {
        if self.shed_due.is_some_and(|due| now >= due) {
            self.shed_due = None;
            self.socket.shed();
        }
    }

    fn handle_call(&mut self, call: Call, now: Moment) {
        match call {
            Call::Revoked => self.machine.handle_revoked(),
            Call::Mail => self.machine.handle_mail(),
            Call::Probe => {
                self.is_probed = true;
                let patience = self.app.config.timeouts.websocket_probe;
                self.machine.handle_probe(now, patience);
            }
        }
    }

    fn handle_received(&mut self, received: Received, now: Moment) -> Option<End> {
        let text;
        let incoming = match received {
            Received::Text(received) => {
                text = received;
                Incoming::Text(text.as_str())
            }
            Received::Binary => Incoming::Binary,
            Received::Ping => Incoming::Ping,
            Received::Pong => Incoming::Pong,
            Received::Oversized { bytes } => Incoming::Oversized { bytes },
            Received::Malformed { reason } => {
                let code = CloseCode::BadFrame;
                return Some(End::Close { code, reason });
            }
            Received::Closed => return Some(End::Lost),
        };
        if std::mem::take(&mut self.is_probed)
            && let Some(place) = &self.place
        {
            place.answer_probe();
        }
        self.machine.handle_frame(incoming, now);
        None
    }

    fn handle_done(&mut self, done: Done, now: Moment) {
        match done {
            Done::Verdict(Ok(place)) => {
                let public_key = place.key();
                tracing::debug!(agent = public_key.short(), "a session began");
                self.place = Some(place);
                self.socket.admit_large();
                self.machine
                    .handle_verdict(Ok(Admitted { public_key }), now);
            }
            Done::Verdict(Err(rejection)) => self.machine.handle_verdict(Err(rejection), now),
            Done::Sent {
                request_id,
                outcome,
            } => self.machine.handle_send_outcome(request_id, outcome),
            Done::Marked(marked) => {
                self.marks -= 1;
                if let Err(error) = marked {
                    // Acknowledgements are advice: the message is pushed again on the next connection.
                    tracing::debug!(%error, "an acknowledgement was not stored");
                }
            }
            Done::Found {
                fetch,
                found: Ok(found),
            } => self.take_found(fetch, found),
            Done::Found {
                fetch,
                found: Err(error),
            } => {
                tracing::debug!(%error, "an inbox was not read");
                self.jobs.push(jobs::rest(fetch.bytes()));
            }
            Done::Rested { bytes } => self.fetch(bytes),
        }
    }

    fn take_found(&mut self, fetch: Fetch, found: Vec<crate::store::Stored>) {
        let Some(place) = &self.place else {
            return;
        };
        match fetch.take(place, found) {
            Progress::Done(fetched) => self.machine.handle_fetched(fetched),
            Progress::Again => self.fetch(fetch.bytes()),
        }
    }

    fn fetch(&mut self, bytes: usize) {
        let Some(place) = &self.place else {
            return;
        };
        let fetch = Fetch::begin(place, bytes, &self.settings);
        self.jobs
            .push(jobs::fetch(Arc::clone(&self.app), place.key(), fetch));
    }

    fn agent(&self) -> Option<PublicKey> {
        self.place.as_ref().map(Attachment::key)
    }

    fn drain_outputs(&mut self) -> Option<End> {
        while let Some(output) = self.machine.poll_output() {
            match (output, self.agent()) {
                (Output::Authenticate(auth), _) => {
                    let app = Arc::clone(&self.app);
                    self.jobs
                        .push(jobs::authenticate(app, auth, self.client.clone()));
                }
                (Output::Accept(send), Some(agent)) => {
                    let app = Arc::clone(&self.app);
                    self.jobs.push(jobs::accept(app, agent, *send));
                }
                (Output::Delivered { message_id }, Some(agent)) => {
                    if let Ok(message_id) = message_id.parse() {
                        self.marks += 1;
                        let app = Arc::clone(&self.app);
                        self.jobs.push(jobs::mark(app, agent, message_id));
                    }
                }
                (Output::Fetch { room }, _) => self.fetch(room),
                (Output::Transmit(text), _) => self.socket.send(text),
                (Output::Ping, _) => self.socket.ping(),
                (Output::Close { code, reason }, _) => return Some(End::Close { code, reason }),
                // Nothing of these comes before a verdict.
                (Output::Accept(_) | Output::Delivered { .. }, None) => {}
            }
        }
        None
    }

    /// Gives the place up at once, so that the agent's mail goes elsewhere; then closes, and lets what was begun come to its end:
    /// a message that was stored must still be told to its recipient's sessions.
    async fn end(mut self, end: End) {
        if let Some(place) = self.place.take() {
            let code = match &end {
                End::Close { code, .. } => Some(code.number()),
                End::Lost => None,
            };
            tracing::debug!(agent = place.key().short(), code, "a session ended");
        }
        let patience = self.app.config.timeouts.websocket_close;
        let close = async {
            match end {
                End::Close { code, reason } => self.socket.close(code, reason, patience).await,
                End::Lost => self.socket.finish(patience).await,
            }
        };
        let aftermath = async { while self.jobs.next().await.is_some() {} };
        tokio::join!(close, timeout(AFTERMATH, aftermath)).1.ok();
    }
}

/// How long a client is asked to stay away: 1 to 30 s, at random, so that not all come back at once.
fn absence() -> Duration {
    Duration::from_secs(unforeseen::number() % LONGEST_ABSENCE + 1)
}
