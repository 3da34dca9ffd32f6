//! The task of a session: connect, live, pause, again; and which transport is used.

mod polling;

use super::connect::Connector;
use super::desk::{Desk, Prompt, Sends};
use super::pace::{Pace, pace};
use super::timer::{Timer, sleep_until};
use super::wire::{Ended, Frame, Reading, Wire};
use super::{DownReason, Event, Settings, Transport, Transports};
use crate::binding::{Binding, NOT_BOUND};
use crate::clock::SigningClock;
use crate::error::LONGEST_RETRY_AFTER;
use crate::relay::Relay;
use crate::url::RelayUrl;
use mrp_proto::backoff::Backoff;
use mrp_proto::bound::Nonce;
use mrp_proto::code::Code;
use mrp_proto::frame::{Auth, CloseCode, MAX_FRAME, SAFE_FRAME};
use mrp_proto::key::SecretKey;
use mrp_proto::session::agent::{self, End, Output, Session};
use mrp_proto::session::{Incoming, Moment};
use polling::{Polled, Polling};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Bytes that may wait for the socket before the program's sends are left in their queue.
const UNSENT_LIMIT: usize = 256 << 10;
/// Bytes that may wait for the socket before nothing more is read that would make more: a relay that talks and does not listen
/// gets no memory for it. It leaves room for one frame of any size beside the acks.
const UNSENT_LIMIT_FOR_READING: usize = 2 * MAX_FRAME;
/// The pauses after a refusal that time alone will hardly change, such as a suspended agent.
const REFUSED_PAUSES: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(60));
/// By how much longer the pauses between attempts at a WebSocket are while the session polls: what keeps it away, such as a proxy,
/// rarely changes, and each attempt holds up the polls.
const WEBSOCKET_PATIENCE: u32 = 10;

/// Everything the task owns.
pub(super) struct Task {
    url: RelayUrl,
    key: Arc<SecretKey>,
    settings: Settings,
    clock: SigningClock,
    connector: Connector,
    desk: Desk,
    backoff: Backoff,
    refused_backoff: Backoff,
    /// What goes on while the session polls.
    polling: Option<Polling>,
    /// When a session that polls tries a WebSocket again; `None` for at once.
    websocket_due: Option<Instant>,
    websocket_backoff: Backoff,
}

/// Why a connection, or the attempt at one, is over.
enum Over {
    /// The program wants no more.
    Stop,
    /// It is lost, after a session that lived for so long.
    Lost { reason: DownReason, lived: Duration },
}

/// How a pause ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Idle {
    /// It is over.
    Over,
    /// The program wants no more.
    Stop,
}

impl Over {
    fn never_lived(reason: DownReason) -> Self {
        let lived = Duration::ZERO;
        Self::Lost { reason, lived }
    }

    fn lived(&self) -> Duration {
        match self {
            Self::Stop => Duration::ZERO,
            Self::Lost { lived, .. } => *lived,
        }
    }

    fn is_clock_jump(&self) -> bool {
        let jump = |reason: &DownReason| matches!(reason, DownReason::ClockJumped { .. });
        matches!(self, Self::Lost { reason, .. } if jump(reason))
    }

    /// Whether the WebSocket never came up for what may be the doing of something between here and the relay.
    fn is_without_websocket(&self) -> bool {
        let Self::Lost { reason, lived } = self else {
            return false;
        };
        lived.is_zero()
            && matches!(
                reason,
                DownReason::UpgradeRefused { .. }
                    | DownReason::TimedOut
                    | DownReason::Nonsense { .. }
                    | DownReason::Unreachable { .. }
                    | DownReason::Closed { code: None, .. }
            )
    }
}

impl Task {
    pub(super) fn new(url: RelayUrl, key: Arc<SecretKey>, settings: Settings, desk: Desk) -> Self {
        let (min, max) = REFUSED_PAUSES;
        Self {
            key,
            clock: SigningClock::default(),
            connector: Connector::new(url.clone()),
            url,
            desk,
            backoff: settings.backoff.clone(),
            refused_backoff: Backoff::new(min, max),
            polling: None,
            websocket_due: None,
            websocket_backoff: settings.backoff.slowed(WEBSOCKET_PATIENCE),
            settings,
        }
    }

    /// Runs until the program wants no more.
    pub(super) async fn run(mut self) {
        loop {
            let over = match self.settings.transports {
                Transports::Only(Transport::WebSocket) => self.websocket().await,
                Transports::Only(Transport::Poll) => self.poll_only().await,
                Transports::Auto => self.either().await,
            };
            let Over::Lost { reason, lived } = over else {
                return;
            };
            self.polling = None;
            let retry_in = self.pause_after(&reason, lived);
            tracing::debug!(%reason, ?lived, ?retry_in, "no session with the relay");
            self.desk.tell_down(reason, retry_in);
            if self.pause(retry_in).await == Idle::Stop {
                return;
            }
        }
    }

    /// One session over a WebSocket, or the attempt at one.
    async fn websocket(&mut self) -> Over {
        match self.connect().await {
            Ok(wire) => self.live(wire).await,
            Err(over) => over,
        }
    }

    /// A session over a WebSocket, or by polls while there can be none.
    async fn either(&mut self) -> Over {
        loop {
            let mut refused = None;
            if self.websocket_due.is_none_or(|due| due <= Instant::now()) {
                self.websocket_due = None;
                let over = self.websocket().await;
                if !over.is_without_websocket() {
                    self.websocket_backoff.handle_session_end(over.lived());
                    return over;
                }
                refused = Some(over);
            }
            let random = getrandom::u64().unwrap_or(u64::MAX);
            let mut backoff = self.websocket_backoff.clone();
            let due = match self.websocket_due {
                Some(due) => due,
                None => Instant::now() + backoff.next_delay(random),
            };
            match self.poll(Some(due)).await {
                Polled::Due => self.websocket_backoff = backoff,
                Polled::Unsupported => {
                    let unsupported = || Over::never_lived(DownReason::PollUnsupported);
                    return refused.unwrap_or_else(unsupported);
                }
                Polled::Over(over) => {
                    // Where polls do not come through either, nothing is known about WebSockets; and after a jump of the clock the
                    // machine may be in another network.
                    if over.lived().is_zero() || over.is_clock_jump() {
                        self.websocket_due = None;
                    } else {
                        self.websocket_due = Some(due);
                        self.websocket_backoff = backoff;
                    }
                    return over;
                }
            }
        }
    }

    async fn connect(&mut self) -> Result<Wire, Over> {
        let connecting = async {
            ask(&self.settings.binding, &self.url, &self.key).await;
            self.connector.connect().await
        };
        tokio::pin!(connecting);
        loop {
            tokio::select! {
                connected = &mut connecting => return connected.map_err(Over::never_lived),
                prompt = self.desk.prompt(Sends::Take) => match prompt {
                    Prompt::Stop => return Err(Over::Stop),
                    Prompt::ClockJumped(by) => {
                        return Err(Over::never_lived(DownReason::ClockJumped { by }));
                    }
                    // Without a session an ack has nowhere to go, and a send was refused or is already known to be undecided.
                    Prompt::Stored(_) | Prompt::NotStored(_) | Prompt::Send(_) | Prompt::HandedOver => {}
                },
            }
        }
    }

    /// One connection, from the upgrade to its end: takes one input, then carries out what the machine says.
    async fn live(&mut self, mut wire: Wire) -> Over {
        let origin = Instant::now();
        let auth = match self.auth() {
            Ok(auth) => auth,
            Err(reason) => return Over::never_lived(reason),
        };
        let mut machine = Session::new(Moment::ZERO, auth, self.machine_settings());
        let mut ready_at = None;
        let mut timer = Timer::new();
        loop {
            if let Some(end) = self.drain(&mut machine, &mut wire, &mut ready_at) {
                return self.part(wire, end, ready_at).await;
            }
            if self.desk.is_full() {
                machine.handle_not_reading();
            }
            let room = !self.desk.is_full() && wire.unsent_bytes() < UNSENT_LIMIT_FOR_READING;
            let reading = if room && machine.wants_input() {
                Reading::On
            } else {
                Reading::Paused
            };
            let sends = if wire.unsent_bytes() < UNSENT_LIMIT {
                Sends::Take
            } else {
                Sends::Hold
            };
            let deadline = machine.poll_timeout().map(|moment| origin + moment);
            tokio::select! {
                frame = wire.next(reading) => match frame {
                    Ok(frame) => machine.handle_frame(frame.as_incoming(), origin.elapsed()),
                    Err(ended) => return lost(ended.into(), ready_at),
                },
                prompt = self.desk.prompt(sends) => match prompt {
                    Prompt::Stored(message_id) => machine.handle_stored(message_id),
                    Prompt::NotStored(message_id) => machine.handle_not_stored(&message_id),
                    Prompt::Send(send) => {
                        // The handle let it pass while the session was open, and it is open still: there is only one way out of
                        // it, through `part`.
                        if let Err(error) = machine.handle_send(*send) {
                            tracing::warn!(%error, "a send was not made");
                        }
                    }
                    Prompt::HandedOver => {}
                    Prompt::ClockJumped(by) => {
                        return lost(DownReason::ClockJumped { by }, ready_at);
                    }
                    Prompt::Stop => {
                        while let Some(message_id) = self.desk.take_stored() {
                            machine.handle_stored(message_id);
                        }
                        machine.handle_shutdown();
                    }
                },
                () = timer.until(deadline) => {
                    // Where the system tells of a sleep too late or not at all, the next ping finds out.
                    if let Some(by) = self.desk.look_at_clocks() {
                        return lost(DownReason::ClockJumped { by }, ready_at);
                    }
                    machine.handle_timeout(origin.elapsed());
                }
            }
        }
    }

    /// Carries out what the machine says, up to its end.
    fn drain(
        &mut self,
        machine: &mut Session,
        wire: &mut Wire,
        ready_at: &mut Option<Instant>,
    ) -> Option<End> {
        while let Some(output) = machine.poll_output() {
            match output {
                Output::Transmit(text) => wire.transmit(text),
                Output::Ping => wire.ping(),
                Output::Ready => {
                    *ready_at = Some(Instant::now());
                    tracing::debug!("a session with the relay has begun");
                    self.polling = None;
                    self.desk.tell_up(Transport::WebSocket);
                }
                Output::Store(message) => self.desk.tell(Event::Message(message)),
                Output::SendResult {
                    request_id,
                    outcome,
                } => self.desk.tell(Event::SendResult {
                    request_id,
                    outcome,
                }),
                Output::Pending { message_id, size } => {
                    self.desk.tell(Event::Pending { message_id, size });
                }
                Output::Unreadable(error) => {
                    tracing::warn!(%error, "a frame from the relay was skipped");
                }
                Output::End(end) => return Some(end),
            }
        }
        None
    }

    /// Ends a connection as its machine has ended.
    async fn part(&mut self, wire: Wire, end: End, ready_at: Option<Instant>) -> Over {
        let reason = match end {
            End::ShutDown => {
                wire.close(CloseCode::Normal).await;
                return Over::Stop;
            }
            // Nobody is there to take a farewell.
            End::Silent => return lost(DownReason::Silent, ready_at),
            End::AuthTimeout => DownReason::TimedOut,
            End::AuthRefused { error, code } => {
                if code.as_deref().and_then(Code::parse) == Some(Code::BoundAuthRequired) {
                    self.settings.binding.doubt();
                }
                DownReason::AuthRefused { error, code }
            }
            End::Nonsense(error) => DownReason::Nonsense {
                what: error.to_string(),
            },
            End::GoingAway { reconnect_after } => DownReason::GoingAway {
                reconnect_after: reconnect_after.min(LONGEST_RETRY_AFTER),
            },
        };
        let over = lost(reason, ready_at);
        wire.close(CloseCode::Normal).await;
        over
    }

    /// Waits until the time has come, or the machine wakes up, and the program has heard what there was to hear.
    async fn pause(&mut self, retry_in: Duration) -> Idle {
        let mut deadline = Some(Instant::now() + retry_in);
        while deadline.is_some() || !self.desk.is_clear() {
            tokio::select! {
                () = sleep_until(deadline) => deadline = None,
                prompt = self.desk.prompt(Sends::Take) => match prompt {
                    Prompt::Stop => return Idle::Stop,
                    Prompt::ClockJumped(_) => deadline = None,
                    Prompt::Stored(_)
                    | Prompt::NotStored(_)
                    | Prompt::Send(_)
                    | Prompt::HandedOver => {}
                },
            }
        }
        Idle::Over
    }

    /// How long to wait before the next attempt.
    fn pause_after(&mut self, reason: &DownReason, lived: Duration) -> Duration {
        let random = getrandom::u64().unwrap_or(u64::MAX);
        self.backoff.handle_session_end(lived);
        self.refused_backoff.handle_session_end(lived);
        match pace(reason) {
            Pace::AtOnce => Duration::ZERO,
            Pace::Usual => self.backoff.next_delay(random),
            Pace::Slow => self.refused_backoff.next_delay(random),
            Pace::AsAsked(after) => {
                self.backoff.handle_hint(after);
                self.backoff.next_delay(random)
            }
        }
    }

    /// The first frame of a connection, signed for it alone.
    fn auth(&self) -> Result<Auth, DownReason> {
        let timestamp = self.clock.stamp();
        let binding = &self.settings.binding;
        if binding.is_required() && !binding.level().sessions {
            return Err(DownReason::Setup {
                what: NOT_BOUND.to_owned(),
            });
        }
        let auth = if binding.level().sessions {
            let mut random = [0; 16];
            getrandom::fill(&mut random).map_err(|error| DownReason::Setup {
                what: format!("this machine has no randomness: {error}"),
            })?;
            let nonce = Nonce::from_random(random);
            Auth::bound(&self.key, timestamp, self.url.origin(), &nonce)
        } else {
            Auth::published(&self.key, timestamp)
        };
        let max_frame = self.settings.max_frame.clamp(SAFE_FRAME, MAX_FRAME);
        Ok(Auth {
            max_frame: u64::try_from(max_frame).ok(),
            ..auth
        })
    }

    fn machine_settings(&self) -> agent::Settings {
        agent::Settings {
            ping: self.settings.ping,
            idle_timeout: self.settings.idle_timeout,
            ..agent::Settings::default()
        }
    }
}

/// Finds out how to sign for the relay. Whether it answers or not, the session goes on with what is known then.
async fn ask(binding: &Binding, url: &RelayUrl, key: &Arc<SecretKey>) {
    let asking = || async {
        // Rarely more than once in the life of a session, so the client is not kept.
        let relay = Relay::with_binding(url.clone(), Arc::clone(key), Binding::never())?;
        relay.health().await
    };
    binding.resolve(asking).await;
}

fn lost(reason: DownReason, ready_at: Option<Instant>) -> Over {
    let lived = ready_at.map_or(Duration::ZERO, |ready_at| ready_at.elapsed());
    Over::Lost { reason, lived }
}

impl Frame {
    fn as_incoming(&self) -> Incoming<'_> {
        match self {
            Self::Text(text) => Incoming::Text(text),
            Self::Oversized { bytes } => Incoming::Oversized { bytes: *bytes },
            Self::Binary => Incoming::Binary,
            Self::Ping => Incoming::Ping,
            Self::Pong => Incoming::Pong,
        }
    }
}

impl From<Ended> for DownReason {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Closed { code, reason } => Self::Closed { code, reason },
            Ended::Broken { cause } => Self::Unreachable { cause },
            Ended::Garbled { what } => Self::Nonsense { what },
        }
    }
}
