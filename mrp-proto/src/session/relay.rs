//! The relay's end of a session (protocol A8).
//!
//! What is pushed next is a position in the stored inbox, which the shell keeps. The machine says when there is room for more
//! ([`Output::Fetch`]); it holds no messages and forgets nothing, since a message stays `sent` until it is acked.

use super::{Incoming, Moment};
use crate::code::Code;
use crate::frame::{
    Auth, AuthResult, ClientFrame, CloseCode, FrameError, MAX_AUTH_FRAME, MAX_FRAME, SAFE_FRAME,
    SendOutcome, ServerFrame,
};
use crate::id::MessageId;
use crate::message::Message;
use delivery::Delivery;
pub use exchange::{Admitted, Fetched, Output, Rejection, Settings};
use keepalive::{ControlRate, Keepalive, Tick};
use std::collections::VecDeque;
use std::time::Duration;
use unsent::{Kind, Unsent};

mod delivery;
mod exchange;
mod keepalive;
mod unsent;

/// Bytes of a close reason, at most (RFC 6455 section 5.5).
const MAX_CLOSE_REASON: usize = 123;
/// Outputs for which an idle session keeps the space.
const KEPT_OUTPUTS: usize = 8;
// Each of many idle sessions keeps them: what is larger goes into a box.
const _: () = assert!(size_of::<Output>() <= 40);

/// One connection, from the accepted upgrade to its end.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    phase: Phase,
    outputs: VecDeque<Output>,
    unsent: Unsent,
    control_rate: ControlRate,
    sends_in_flight: usize,
}

#[derive(Debug)]
enum Phase {
    /// The first frame is awaited.
    Silent {
        deadline: Moment,
    },
    /// The shell verifies; the client has nothing to say meanwhile.
    Verifying {
        deadline: Moment,
        frame_limit: usize,
    },
    Open(Box<Run>),
    Closed,
}

/// What only an authenticated session has.
#[derive(Debug)]
struct Run {
    delivery: Delivery,
    keepalive: Keepalive,
    frame_limit: usize,
    /// Set once the relay shuts down: nothing is read or pushed any more, outcomes of sends are still awaited.
    leaving: Option<Duration>,
}

impl Session {
    /// Of a connection whose upgrade was just accepted.
    pub fn new(now: Moment, settings: Settings) -> Self {
        Self {
            phase: Phase::Silent {
                deadline: now.saturating_add(settings.auth_timeout),
            },
            settings,
            outputs: VecDeque::new(),
            unsent: Unsent::default(),
            control_rate: ControlRate::default(),
            sends_in_flight: 0,
        }
    }

    /// A frame has come.
    pub fn handle_frame(&mut self, frame: Incoming<'_>, now: Moment) {
        if let Phase::Open(run) = &mut self.phase {
            run.keepalive.handle_heard();
        }
        let limit = self.frame_limit();
        match frame {
            Incoming::Text(text) if text.len() > limit => self.close_for(&FrameError::TooLarge {
                limit,
                actual: text.len(),
            }),
            Incoming::Text(text) => match ClientFrame::decode(text) {
                Ok(frame) => self.handle_client_frame(frame, now),
                Err(error) => self.close_for(&error),
            },
            Incoming::Oversized { bytes } => self.close_for(&FrameError::TooLarge {
                limit,
                actual: bytes,
            }),
            Incoming::Binary => self.close(CloseCode::BadFrame, "frames are text, not binary"),
            Incoming::Ping | Incoming::Pong => self.count_control_frame(now),
        }
        self.settle(now);
    }

    /// The shell has verified what [`Output::Authenticate`] claimed.
    pub fn handle_verdict(&mut self, verdict: Result<Admitted, Rejection>, now: Moment) {
        let Phase::Verifying { frame_limit, .. } = self.phase else {
            return;
        };
        match verdict {
            Ok(admitted) => {
                self.phase = Phase::Open(Box::new(Run {
                    delivery: Delivery::default(),
                    keepalive: Keepalive::new(now, &self.settings),
                    frame_limit,
                    leaving: None,
                }));
                let public_key = Some(admitted.public_key);
                let result = AuthResult::Ok { public_key };
                self.transmit(Kind::Reply, &ServerFrame::AuthResult(result));
            }
            Err(rejection) => {
                let result = AuthResult::Error {
                    error: rejection.error.clone(),
                    code: Some(rejection.code.as_str().to_owned()),
                };
                self.transmit(Kind::Reply, &ServerFrame::AuthResult(result));
                self.close(rejection.close, &rejection.error);
            }
        }
        self.settle(now);
    }

    /// What became of an [`Output::Accept`]. The word for success is the machine's to choose.
    pub fn handle_send_outcome(&mut self, request_id: impl Into<String>, mut outcome: SendOutcome) {
        if !matches!(self.phase, Phase::Open(_)) {
            return;
        }
        if let SendOutcome::Accepted { word, .. } = &mut outcome {
            *word = self.settings.success_word;
        }
        self.sends_in_flight = self.sends_in_flight.saturating_sub(1);
        self.answer_send(request_id.into(), outcome);
        self.leave_if_done();
        self.note_reading();
    }

    /// There may be something new in the inbox. Only a hint: it may come too often, and if it is lost the next ping makes up
    /// for it.
    pub fn handle_mail(&mut self) {
        if let Phase::Open(run) = &mut self.phase {
            run.delivery.handle_mail();
        }
    }

    /// The answer to [`Output::Fetch`].
    pub fn handle_fetched(&mut self, fetched: Fetched) {
        let Phase::Open(run) = &mut self.phase else {
            return;
        };
        run.delivery.handle_fetched(&fetched);
        let frame_limit = run.frame_limit;
        for message in fetched.messages {
            self.push(message, frame_limit);
        }
    }

    /// That many more bytes of the text frames have reached the socket.
    pub fn handle_written(&mut self, bytes: usize, now: Moment) {
        let ping_left = self.unsent.handle_written(bytes, now);
        if let Phase::Open(run) = &mut self.phase
            && ping_left
        {
            run.keepalive.handle_ping_left(now, &self.settings);
        }
        self.settle(now);
    }

    /// The relay shuts down. Sends in flight get their outcome first, so [`Output::Close`] may take until those are known (but
    /// not longer than until the next ping is due).
    pub fn handle_shutdown(&mut self, reconnect_after: Duration) {
        match &mut self.phase {
            Phase::Open(run) => run.leaving = Some(reconnect_after),
            Phase::Silent { .. } | Phase::Verifying { .. } => self.leave(reconnect_after),
            Phase::Closed => {}
        }
        self.leave_if_done();
    }

    /// The agent was suspended or deleted.
    pub fn handle_revoked(&mut self) {
        self.close(
            CloseCode::AgentGone,
            "this agent was suspended, deleted, or taken off the relay's list",
        );
    }

    /// The client has sent too much for too long.
    pub fn handle_rate_limited(&mut self) {
        self.close(CloseCode::RateLimited, "too many frames");
    }

    /// Another connection wants this one's place: the client must show within `patience` that it is there (protocol A8.4). If
    /// it does not, the session closes.
    pub fn handle_probe(&mut self, now: Moment, patience: Duration) {
        if let Phase::Open(run) = &mut self.phase {
            run.keepalive.handle_probe(now, patience);
            self.ping();
        }
        self.settle(now);
    }

    /// Time has passed; due whenever [`Session::poll_timeout`] has.
    pub fn handle_timeout(&mut self, now: Moment) {
        match &mut self.phase {
            Phase::Silent { deadline } | Phase::Verifying { deadline, .. } => {
                if now >= *deadline {
                    self.close(CloseCode::AuthTimeout, "no authentication in time");
                }
            }
            Phase::Open(_) => self.handle_open_timeout(now),
            Phase::Closed => {}
        }
        self.settle(now);
    }

    /// The next thing to do; `None` until there is another input.
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some(output) = self.outputs.pop_front() {
            return Some(output);
        }
        // Sessions are idle for most of their lives, and there are many: a burst does not leave its buffer behind.
        if self.outputs.capacity() > KEPT_OUTPUTS {
            self.outputs = VecDeque::new();
        }
        let Phase::Open(run) = &mut self.phase else {
            return None;
        };
        if run.leaving.is_some() {
            return None;
        }
        run.delivery
            .poll_room(self.unsent.bytes(), self.settings.unsent_limit)
            .map(|room| Output::Fetch { room })
    }

    /// When [`Session::handle_timeout`] is due; at once, if that lies in the past.
    pub fn poll_timeout(&self) -> Option<Moment> {
        match &self.phase {
            Phase::Silent { deadline } | Phase::Verifying { deadline, .. } => Some(*deadline),
            Phase::Open(run) => {
                let keepalive = run.keepalive.poll_timeout();
                let stall = self.unsent.poll_timeout(self.settings.write_stall);
                Some(stall.map_or(keepalive, |stall| stall.min(keepalive)))
            }
            Phase::Closed => None,
        }
    }

    /// Whether the socket is to be read. It is not while sends wait for their outcome or answers for being written: a client
    /// that asks faster than it can be served is held up by TCP, and nothing is dropped.
    pub fn wants_input(&self) -> bool {
        match &self.phase {
            Phase::Silent { .. } | Phase::Verifying { .. } => true,
            Phase::Open(_) => {
                self.sends_in_flight < self.settings.max_sends_in_flight
                    && self.unsent.reply_bytes() < self.settings.unsent_limit
            }
            Phase::Closed => false,
        }
    }

    /// Bytes that a frame of the client may have now.
    fn frame_limit(&self) -> usize {
        match self.phase {
            Phase::Silent { .. } | Phase::Verifying { .. } => MAX_AUTH_FRAME,
            Phase::Open(_) | Phase::Closed => MAX_FRAME,
        }
    }

    fn handle_client_frame(&mut self, frame: ClientFrame, now: Moment) {
        match (&self.phase, frame) {
            (Phase::Closed, _) => {}
            (Phase::Silent { .. }, ClientFrame::Auth(auth)) => self.authenticate(auth, now),
            (Phase::Silent { .. }, _) => {
                self.close(CloseCode::BadFrame, "the first frame must be auth");
            }
            (Phase::Verifying { .. }, _) => {
                self.close(CloseCode::BadFrame, "a frame came before the auth_result");
            }
            (Phase::Open(_), ClientFrame::Auth(_)) => {
                self.close(CloseCode::BadFrame, "the session is authenticated already");
            }
            (Phase::Open(_), ClientFrame::Ack { message_id }) => {
                if message_id.parse::<MessageId>().is_ok() {
                    self.outputs.push_back(Output::Delivered { message_id });
                }
            }
            (Phase::Open(run), ClientFrame::Send(send)) => match run.leaving {
                None => {
                    self.sends_in_flight += 1;
                    self.outputs.push_back(Output::Accept(send));
                }
                Some(reconnect_after) => {
                    let (error, wait) = ("the relay shuts down", reconnect_after.as_secs());
                    let outcome = SendOutcome::refused(Code::Unavailable, error, Some(wait));
                    self.answer_send(send.request_id, outcome);
                }
            },
            (Phase::Open(_), ClientFrame::Ping) => {
                self.transmit(Kind::Reply, &ServerFrame::Pong);
                self.count_control_frame(now);
            }
            (Phase::Open(_), ClientFrame::Pong) => self.count_control_frame(now),
        }
    }

    fn authenticate(&mut self, auth: Box<Auth>, now: Moment) {
        let frame_limit = auth.max_frame.map_or(SAFE_FRAME, |stated| {
            usize::try_from(stated).map_or(MAX_FRAME, |stated| stated.min(MAX_FRAME))
        });
        self.phase = Phase::Verifying {
            deadline: now.saturating_add(self.settings.auth_timeout),
            frame_limit,
        };
        self.outputs.push_back(Output::Authenticate(auth));
    }

    fn handle_open_timeout(&mut self, now: Moment) {
        if self.unsent.is_stalled(now, self.settings.write_stall) {
            self.close(
                CloseCode::KeepaliveTimeout,
                "nothing was taken for too long",
            );
        }
        let Phase::Open(run) = &mut self.phase else {
            return;
        };
        match run.keepalive.handle_timeout(now, &self.settings) {
            Tick::Wait => {}
            Tick::Dead => self.close(CloseCode::KeepaliveTimeout, "no sign of life in time"),
            Tick::Ping => match run.leaving {
                Some(reconnect_after) => self.leave(reconnect_after),
                None => {
                    run.delivery.handle_tick();
                    self.ping();
                }
            },
        }
    }

    /// Pings both ways, unless the last ping still waits to be written.
    fn ping(&mut self) {
        if self.unsent.holds_ping() {
            return;
        }
        self.transmit(Kind::Ping, &ServerFrame::Ping);
        self.outputs.push_back(Output::Ping);
    }

    fn push(&mut self, message: Message, frame_limit: usize) {
        let message_id = message.message_id.clone();
        let text = ServerFrame::Message(Box::new(message)).encode();
        if text.len() <= frame_limit {
            self.transmit_text(Kind::Push, text);
            return;
        }
        let size = u64::try_from(text.len()).unwrap_or(u64::MAX);
        self.transmit(Kind::Push, &ServerFrame::Pending { message_id, size });
    }

    fn answer_send(&mut self, request_id: String, outcome: SendOutcome) {
        let frame = ServerFrame::SendResult {
            request_id,
            outcome,
        };
        self.transmit(Kind::Reply, &frame);
    }

    fn transmit(&mut self, kind: Kind, frame: &ServerFrame) {
        self.transmit_text(kind, frame.encode());
    }

    fn transmit_text(&mut self, kind: Kind, text: String) {
        self.unsent.add(kind, text.len());
        self.outputs.push_back(Output::Transmit(text));
    }

    fn leave_if_done(&mut self) {
        if let Phase::Open(run) = &self.phase
            && let Some(reconnect_after) = run.leaving
            && self.sends_in_flight == 0
        {
            self.leave(reconnect_after);
        }
    }

    fn leave(&mut self, reconnect_after: Duration) {
        let reconnect_after = reconnect_after.as_secs();
        self.transmit(Kind::Reply, &ServerFrame::GoingAway { reconnect_after });
        self.close(CloseCode::GoingAway, "the relay shuts down");
    }

    fn count_control_frame(&mut self, now: Moment) {
        if self.control_rate.count(now) > self.settings.control_frames_per_second {
            self.close(CloseCode::BadFrame, "too many pings and pongs");
        }
    }

    fn close_for(&mut self, error: &FrameError) {
        let code = match error {
            FrameError::TooLarge { .. } => CloseCode::TooBig,
            FrameError::NotAFrame
            | FrameError::UnknownType { .. }
            | FrameError::Malformed { .. } => CloseCode::BadFrame,
        };
        self.close(code, &error.to_string());
    }

    fn close(&mut self, code: CloseCode, reason: &str) {
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        self.phase = Phase::Closed;
        let reason = shorten(reason, MAX_CLOSE_REASON).to_owned();
        self.outputs.push_back(Output::Close { code, reason });
    }

    /// What every input that knows the time ends with.
    fn settle(&mut self, now: Moment) {
        self.unsent.start_clock(now);
        self.note_reading();
    }

    fn note_reading(&mut self) {
        let reading = self.wants_input();
        if let Phase::Open(run) = &mut self.phase
            && !reading
        {
            run.keepalive.handle_deafness();
        }
    }
}

/// The longest start of `text` that has at most `most` bytes.
fn shorten(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len()))
        .rev()
        .find(|&end| text.is_char_boundary(end))
        .unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::SuccessWord;
    use crate::key::SecretKey;
    use serde_json::{Value, json};

    const AUTH: &str = r#"{"type":"auth","public_key":"k","timestamp":"t","signature":"s"}"#;
    const SEND: &str = r#"{"type":"send","request_id":"r","recipient_key":"k","body":1}"#;
    const ACK: &str = r#"{"type":"ack","message_id":"msg_1"}"#;
    const TICK: Duration = Duration::from_millis(1);

    fn at(seconds: u64) -> Moment {
        Moment::from_secs(seconds)
    }

    fn drain(session: &mut Session) -> Vec<Output> {
        std::iter::from_fn(|| session.poll_output()).collect()
    }

    fn texts(outputs: &[Output]) -> Vec<Value> {
        let text = |output: &Output| match output {
            Output::Transmit(text) => Some(serde_json::from_str(text).unwrap()),
            _ => None,
        };
        outputs.iter().filter_map(text).collect()
    }

    /// The close code, if the session closes; then it is the last output.
    fn closed(outputs: &[Output]) -> Option<u16> {
        let close = outputs
            .iter()
            .position(|output| matches!(output, Output::Close { .. }))?;
        assert_eq!(close, outputs.len() - 1, "{outputs:?}");
        let Output::Close { code, reason } = &outputs[close] else {
            unreachable!()
        };
        assert!(!reason.is_empty());
        Some(code.number())
    }

    fn rooms(outputs: &[Output]) -> Vec<usize> {
        let room = |output: &Output| match output {
            Output::Fetch { room } => Some(*room),
            _ => None,
        };
        outputs.iter().filter_map(room).collect()
    }

    fn admitted() -> Result<Admitted, Rejection> {
        let public_key = SecretKey::from_seed(&[1; 32]).public();
        Ok(Admitted { public_key })
    }

    fn text(session: &mut Session, frame: &str, now: Moment) -> Vec<Output> {
        session.handle_frame(Incoming::Text(frame), now);
        drain(session)
    }

    fn timeout(session: &mut Session, now: Moment) -> Vec<Output> {
        session.handle_timeout(now);
        drain(session)
    }

    /// Does with the outputs what a shell with a fast network does.
    fn write(session: &mut Session, outputs: &[Output], now: Moment) {
        for output in outputs {
            if let Output::Transmit(text) = output {
                session.handle_written(text.len(), now);
            }
        }
    }

    /// An authenticated session at moment zero, its backlog fetched and empty, nothing unsent.
    fn open(auth: &str, settings: Settings) -> Session {
        let mut session = Session::new(at(0), settings);
        assert_eq!(text(&mut session, auth, at(0)).len(), 1);
        session.handle_verdict(admitted(), at(0));
        let outputs = drain(&mut session);
        assert_eq!(texts(&outputs)[0]["status"], "ok");
        write(&mut session, &outputs, at(0));
        drain(&mut session);
        session.handle_fetched(Fetched::default());
        assert!(drain(&mut session).is_empty());
        session
    }

    fn opened() -> Session {
        open(AUTH, Settings::default())
    }

    /// A message whose frame has exactly `size` bytes.
    fn message(size: usize) -> Message {
        let key = SecretKey::from_seed(&[1; 32]).public();
        let made = |body: &str| -> Message {
            let time = "2026-03-04T08:00:00.000Z";
            serde_json::from_value(json!({
                "message_id": "msg_1", "sender_key": key, "recipient_key": key, "status": "sent",
                "body": body, "created_at": time, "expires_at": time,
            }))
            .unwrap()
        };
        let least = ServerFrame::Message(Box::new(made(""))).encode().len();
        let message = made(&"x".repeat(size - least));
        let frame = ServerFrame::Message(Box::new(message.clone()));
        assert_eq!(frame.encode().len(), size);
        message
    }

    fn fetched(sizes: &[usize], more: bool) -> Fetched {
        let messages = sizes.iter().map(|&size| message(size)).collect();
        Fetched { messages, more }
    }

    fn accepted() -> SendOutcome {
        SendOutcome::Accepted {
            word: SuccessWord::Sent,
            message_id: "msg_2".parse().unwrap(),
            created_at: None,
            expires_at: None,
        }
    }

    #[test]
    fn a_session_begins_with_its_result_and_then_reads_the_backlog() {
        let mut session = Session::new(at(0), Settings::default());
        assert!(drain(&mut session).is_empty());
        session.handle_mail();
        let outputs = text(&mut session, AUTH, at(1));
        assert!(matches!(&outputs[..], [Output::Authenticate(auth)] if auth.timestamp == "t"));
        session.handle_verdict(admitted(), at(2));
        let outputs = drain(&mut session);
        let [Output::Transmit(result), Output::Fetch { room }] = &outputs[..] else {
            panic!("{outputs:?}")
        };
        assert_eq!(*room, (256 << 10) - result.len());
        let key = SecretKey::from_seed(&[1; 32]).public().to_string();
        let expected = json!({"type": "auth_result", "status": "ok", "public_key": key});
        assert_eq!(texts(&outputs)[0], expected);
    }

    #[test]
    fn authentication_has_its_time_and_the_verdict_too() {
        let mut session = Session::new(at(5), Settings::default());
        assert_eq!(session.poll_timeout(), Some(at(15)));
        assert_eq!(closed(&timeout(&mut session, at(15) - TICK)), None);
        assert_eq!(closed(&timeout(&mut session, at(15))), Some(4003));
        let mut session = Session::new(at(5), Settings::default());
        text(&mut session, AUTH, at(14));
        assert_eq!(session.poll_timeout(), Some(at(24)));
        assert_eq!(closed(&timeout(&mut session, at(24) - TICK)), None);
        assert_eq!(closed(&timeout(&mut session, at(24))), Some(4003));
        session.handle_verdict(admitted(), at(24));
        assert!(drain(&mut session).is_empty());
    }

    #[test]
    fn a_refused_client_is_told_and_then_closed() {
        for (close, number) in [
            (CloseCode::AuthFailed, 4001),
            (CloseCode::TooManyConnections, 4002),
            (CloseCode::AgentGone, 4005),
        ] {
            let mut session = Session::new(at(0), Settings::default());
            text(&mut session, AUTH, at(0));
            let rejection = Rejection {
                close,
                error: "not you".to_owned(),
                code: Code::InvalidSignature,
            };
            session.handle_verdict(Err(rejection), at(0));
            let outputs = drain(&mut session);
            let result = json!({"type": "auth_result", "status": "error", "error": "not you", "code": "invalid_signature"});
            assert_eq!(texts(&outputs), [result]);
            assert_eq!(closed(&outputs), Some(number));
        }
    }

    #[test]
    fn what_is_malformed_or_out_of_place_closes() {
        let other = [SEND, ACK, r#"{"type":"ping"}"#, r#"{"type":"pong"}"#];
        for frame in other {
            let mut session = Session::new(at(0), Settings::default());
            assert_eq!(closed(&text(&mut session, frame, at(0))), Some(4000));
        }
        for frame in other.into_iter().chain([AUTH]) {
            let mut session = Session::new(at(0), Settings::default());
            text(&mut session, AUTH, at(0));
            assert_eq!(closed(&text(&mut session, frame, at(0))), Some(4000));
        }
        for frame in [
            AUTH,
            "hello",
            "[]",
            r#"{"type":"subscribe"}"#,
            r#"{"type":"ack"}"#,
        ] {
            assert_eq!(
                closed(&text(&mut opened(), frame, at(1))),
                Some(4000),
                "{frame}"
            );
        }
        let mut session = opened();
        session.handle_frame(Incoming::Binary, at(1));
        assert_eq!(closed(&drain(&mut session)), Some(4000));
    }

    #[test]
    fn a_frame_of_two_mebibytes_passes_and_a_larger_one_closes() {
        let frame = |size: usize| format!("{SEND}{}", " ".repeat(size - SEND.len()));
        let outputs = text(&mut opened(), &frame(MAX_FRAME), at(1));
        assert!(matches!(outputs[..], [Output::Accept(_)]));
        let outputs = text(&mut opened(), &frame(MAX_FRAME + 1), at(1));
        assert_eq!(closed(&outputs), Some(1009));
        let mut session = opened();
        session.handle_frame(Incoming::Oversized { bytes: 1 << 30 }, at(1));
        assert_eq!(closed(&drain(&mut session)), Some(1009));
    }

    #[test]
    fn before_its_verdict_a_session_takes_small_frames_only() {
        let frame = |size: usize| format!("{AUTH}{}", " ".repeat(size - AUTH.len()));
        let fresh = || Session::new(at(0), Settings::default());
        let outputs = text(&mut fresh(), &frame(MAX_AUTH_FRAME), at(1));
        assert!(matches!(outputs[..], [Output::Authenticate(_)]));
        let mut session = fresh();
        let outputs = text(&mut session, &frame(MAX_AUTH_FRAME + 1), at(1));
        assert_eq!(closed(&outputs), Some(1009));
        let mut session = fresh();
        text(&mut session, AUTH, at(1));
        let bytes = MAX_AUTH_FRAME + 1;
        session.handle_frame(Incoming::Oversized { bytes }, at(1));
        let outputs = drain(&mut session);
        let limit = MAX_AUTH_FRAME.to_string();
        assert!(
            matches!(&outputs[..], [Output::Close { code: CloseCode::TooBig, reason }] if reason.contains(&limit)),
            "{outputs:?}"
        );
    }

    #[test]
    fn a_close_reason_fits_a_close_frame() {
        let mut session = Session::new(at(0), Settings::default());
        text(&mut session, AUTH, at(0));
        let rejection = Rejection {
            close: CloseCode::AuthFailed,
            error: "é".repeat(100),
            code: Code::InvalidSignature,
        };
        session.handle_verdict(Err(rejection), at(0));
        let outputs = drain(&mut session);
        let Some(Output::Close { reason, .. }) = outputs.last() else {
            panic!("{outputs:?}")
        };
        assert_eq!(*reason, "é".repeat(61));
        assert_eq!(shorten("short", MAX_CLOSE_REASON), "short");
    }

    #[test]
    fn nothing_comes_out_after_the_close() {
        let mut session = opened();
        text(&mut session, SEND, at(1));
        session.handle_revoked();
        assert_eq!(closed(&drain(&mut session)), Some(4005));
        session.handle_mail();
        session.handle_frame(Incoming::Text(SEND), at(2));
        session.handle_frame(Incoming::Text("nonsense"), at(2));
        session.handle_send_outcome("r", accepted());
        session.handle_fetched(fetched(&[500], true));
        session.handle_verdict(admitted(), at(2));
        session.handle_written(100, at(2));
        session.handle_probe(at(2), at(1));
        session.handle_shutdown(at(1));
        session.handle_rate_limited();
        session.handle_timeout(at(1000));
        assert!(drain(&mut session).is_empty());
        assert_eq!(session.poll_timeout(), None);
        assert!(!session.wants_input());
    }

    #[test]
    fn pings_come_every_thirty_seconds_and_any_frame_answers() {
        let mut session = opened();
        assert_eq!(session.poll_timeout(), Some(at(30)));
        assert!(timeout(&mut session, at(30) - TICK).is_empty());
        for round in 1..=10_u64 {
            let outputs = timeout(&mut session, at(30 * round));
            assert!(
                matches!(&outputs[..], [Output::Transmit(ping), Output::Ping, Output::Fetch { .. }] if ping == r#"{"type":"ping"}"#)
            );
            write(&mut session, &outputs, at(30 * round));
            session.handle_fetched(Fetched::default());
            assert_eq!(session.poll_timeout(), Some(at(30 * round + 10)));
            let frame = match round % 4 {
                0 => Incoming::Text(r#"{"type":"pong"}"#),
                1 => Incoming::Text(ACK),
                2 => Incoming::Ping,
                _ => Incoming::Pong,
            };
            session.handle_frame(frame, at(30 * round + 10) - TICK);
            assert_eq!(closed(&drain(&mut session)), None);
            assert_eq!(session.poll_timeout(), Some(at(30 * round + 30)));
        }
    }

    #[test]
    fn silence_after_a_ping_closes_at_the_limit_and_not_before() {
        for pong_timeout in [10, 40] {
            let settings = Settings {
                pong_timeout: at(pong_timeout),
                ..Settings::default()
            };
            let mut session = open(AUTH, settings);
            for second in (30..30 + pong_timeout).step_by(10) {
                let outputs = timeout(&mut session, at(second));
                write(&mut session, &outputs, at(second));
            }
            let limit = at(30 + pong_timeout);
            assert_eq!(closed(&timeout(&mut session, limit - TICK)), None);
            assert_eq!(session.poll_timeout(), Some(limit));
            assert_eq!(closed(&timeout(&mut session, limit)), Some(4004));
        }
    }

    #[test]
    fn the_time_for_an_answer_begins_when_the_ping_has_left() {
        let mut session = opened();
        let outputs = timeout(&mut session, at(30));
        let Output::Transmit(ping) = &outputs[0] else {
            panic!("{outputs:?}")
        };
        assert_eq!(closed(&timeout(&mut session, at(59))), None);
        session.handle_written(ping.len() - 1, at(59));
        // The next one is due, and pointless behind the first.
        assert!(!matches!(
            timeout(&mut session, at(60))[..],
            [Output::Transmit(_), ..]
        ));
        session.handle_written(1, at(61));
        assert_eq!(closed(&timeout(&mut session, at(71) - TICK)), None);
        assert_eq!(closed(&timeout(&mut session, at(71))), Some(4004));
    }

    #[test]
    fn a_client_that_takes_nothing_for_a_minute_is_closed() {
        let mut session = opened();
        session.handle_fetched(fetched(&[1000], false));
        drain(&mut session);
        // What came from the store brought no time with it; the machine asks for it at once.
        assert_eq!(session.poll_timeout(), Some(Moment::ZERO));
        assert!(timeout(&mut session, at(3)).is_empty());
        let chatter = |session: &mut Session, now| text(session, ACK, now);
        timeout(&mut session, at(30));
        chatter(&mut session, at(60));
        session.handle_written(1, at(63) - TICK);
        timeout(&mut session, at(63));
        chatter(&mut session, at(120));
        assert_eq!(closed(&timeout(&mut session, at(123) - TICK - TICK)), None);
        assert_eq!(closed(&timeout(&mut session, at(123) - TICK)), Some(4004));
    }

    #[test]
    fn silence_does_not_count_while_the_socket_is_not_read() {
        let settings = Settings {
            max_sends_in_flight: 1,
            ..Settings::default()
        };
        let mut session = open(AUTH, settings);
        text(&mut session, SEND, at(1));
        assert!(!session.wants_input());
        let outputs = timeout(&mut session, at(30));
        write(&mut session, &outputs, at(30));
        assert_eq!(closed(&timeout(&mut session, at(40))), None);
        session.handle_send_outcome("r", accepted());
        assert!(session.wants_input());
        let outputs = drain(&mut session);
        write(&mut session, &outputs, at(41));
        assert_eq!(session.poll_timeout(), Some(at(50)));
        // Deaf until a moment ago: once more the whole time, and then no more.
        assert_eq!(closed(&timeout(&mut session, at(50))), None);
        let outputs = timeout(&mut session, at(60) - TICK);
        assert_eq!(closed(&outputs), None);
        assert_eq!(closed(&timeout(&mut session, at(60))), Some(4004));
    }

    #[test]
    fn silence_does_not_count_while_an_answer_keeps_the_socket_from_being_read() {
        let settings = Settings {
            unsent_limit: 40,
            ..Settings::default()
        };
        let mut session = open(AUTH, settings);
        text(&mut session, SEND, at(1));
        let outputs = timeout(&mut session, at(30));
        write(&mut session, &outputs, at(30));
        session.handle_send_outcome("r", accepted());
        assert!(!session.wants_input());
        let outputs = drain(&mut session);
        write(&mut session, &outputs, at(39));
        assert!(session.wants_input());
        assert_eq!(closed(&timeout(&mut session, at(40))), None);
        assert_eq!(closed(&timeout(&mut session, at(50))), Some(4004));
    }

    #[test]
    fn a_probe_is_answered_in_time_or_costs_the_place() {
        let mut session = opened();
        session.handle_probe(at(3), at(5));
        let outputs = drain(&mut session);
        assert!(matches!(outputs[..], [Output::Transmit(_), Output::Ping]));
        write(&mut session, &outputs, at(3));
        assert_eq!(session.poll_timeout(), Some(at(8)));
        session.handle_frame(Incoming::Pong, at(8) - TICK);
        assert!(timeout(&mut session, at(8)).is_empty());
        session.handle_probe(at(10), at(5));
        session.handle_probe(at(14), at(5));
        assert_eq!(closed(&timeout(&mut session, at(15) - TICK)), None);
        assert_eq!(closed(&timeout(&mut session, at(15))), Some(4004));
    }

    #[test]
    fn the_inbox_is_read_once_at_a_time_and_again_after_a_hint() {
        let mut session = opened();
        session.handle_mail();
        assert_eq!(rooms(&drain(&mut session)), [256 << 10]);
        session.handle_mail();
        assert!(drain(&mut session).is_empty());
        session.handle_fetched(Fetched::default());
        assert_eq!(rooms(&drain(&mut session)), [256 << 10]);
        session.handle_fetched(fetched(&[1000], true));
        assert_eq!(rooms(&drain(&mut session)), [(256 << 10) - 1000]);
        session.handle_fetched(fetched(&[1000], false));
        assert!(rooms(&drain(&mut session)).is_empty());
        // A lost hint is made up for with the next ping.
        assert_eq!(rooms(&timeout(&mut session, at(30))).len(), 1);
    }

    #[test]
    fn a_full_buffer_is_not_added_to() {
        let limit = 256 << 10;
        let mut session = opened();
        session.handle_mail();
        drain(&mut session);
        session.handle_fetched(fetched(&[limit / 2, limit / 2], true));
        assert!(rooms(&drain(&mut session)).is_empty());
        session.handle_written(limit / 2 - 1, at(1));
        assert!(rooms(&drain(&mut session)).is_empty());
        session.handle_written(1, at(1));
        assert_eq!(rooms(&drain(&mut session)), [limit / 2]);
        // What comes next is larger than the room: it is asked for again when it can come alone.
        session.handle_fetched(fetched(&[], true));
        session.handle_mail();
        session.handle_written(limit / 2 - 1, at(1));
        assert!(drain(&mut session).is_empty());
        session.handle_written(1, at(1));
        assert_eq!(rooms(&drain(&mut session)), [limit]);
        session.handle_fetched(fetched(&[SAFE_FRAME], true));
        assert!(rooms(&drain(&mut session)).is_empty());
        session.handle_written(SAFE_FRAME, at(2));
        assert_eq!(rooms(&drain(&mut session)), [limit]);
        // A store that has more and gives nothing is not asked in a circle.
        session.handle_fetched(fetched(&[], true));
        assert!(drain(&mut session).is_empty());
        session.handle_mail();
        assert_eq!(rooms(&drain(&mut session)), [limit]);
    }

    #[test]
    fn what_the_client_does_not_take_is_announced() {
        let auth = |most: u64| AUTH.replace('}', &format!(",\"max_frame\":{most}}}"));
        let mebibyte = SAFE_FRAME as u64;
        for (auth, most) in [
            (AUTH.to_owned(), SAFE_FRAME),
            (auth(mebibyte + 10), SAFE_FRAME + 10),
            (auth(1000), 1000),
            (auth(u64::MAX), MAX_FRAME),
        ] {
            let mut session = open(&auth, Settings::default());
            session.handle_fetched(fetched(&[most, most + 1], false));
            let frames = texts(&drain(&mut session));
            assert_eq!(frames[0]["type"], "message");
            let pending = json!({"type": "pending", "message_id": "msg_1", "size": most + 1});
            assert_eq!(frames[1], pending);
        }
    }

    #[test]
    fn sends_in_flight_are_bounded_and_answered_in_the_word_that_is_set() {
        for (success_word, word) in [(SuccessWord::Ok, "ok"), (SuccessWord::Sent, "sent")] {
            let settings = Settings {
                success_word,
                ..Settings::default()
            };
            let mut session = open(AUTH, settings);
            for count in 1..=64 {
                assert!(session.wants_input());
                let outputs = text(&mut session, SEND, at(1));
                assert!(matches!(&outputs[..], [Output::Accept(send)] if send.request_id == "r"));
                assert_eq!(session.wants_input(), count < 64);
            }
            session.handle_send_outcome("r", accepted());
            assert!(session.wants_input());
            let result = json!({"type": "send_result", "request_id": "r", "status": word, "message_id": "msg_2"});
            assert_eq!(texts(&drain(&mut session)), [result]);
            let refused = SendOutcome::refused(Code::RateLimitExceeded, "slow down", Some(7));
            session.handle_send_outcome("r", refused);
            let result = json!({
                "type": "send_result", "request_id": "r", "status": "error", "error": "slow down",
                "code": "rate_limit_exceeded", "retry_after": 7,
            });
            assert_eq!(texts(&drain(&mut session)), [result]);
        }
    }

    #[test]
    fn a_client_that_asks_and_does_not_listen_is_not_read() {
        let settings = Settings {
            unsent_limit: 40,
            ..Settings::default()
        };
        let mut session = open(AUTH, settings);
        let pong = r#"{"type":"pong"}"#;
        for count in 1..=3 {
            assert!(session.wants_input());
            let outputs = text(&mut session, r#"{"type":"ping"}"#, at(1));
            assert!(matches!(&outputs[..], [Output::Transmit(text)] if text == pong));
            assert_eq!(session.wants_input(), count < 3);
        }
        session.handle_written(pong.len(), at(2));
        assert!(session.wants_input());
        // Pushed messages do not keep a client from talking.
        session.handle_fetched(fetched(&[5000], false));
        assert!(session.wants_input());
    }

    #[test]
    fn ten_control_frames_a_second_are_enough() {
        let ping = Incoming::Text(r#"{"type":"ping"}"#);
        let kinds = [Incoming::Ping, Incoming::Pong, ping];
        let mut session = opened();
        for second in 1..=3 {
            for frame in kinds.iter().cycle().take(10) {
                session.handle_frame(*frame, at(second));
            }
            session.handle_frame(Incoming::Text(ACK), at(second));
            assert_eq!(closed(&drain(&mut session)), None);
        }
        session.handle_frame(Incoming::Pong, at(4) - TICK);
        assert_eq!(closed(&drain(&mut session)), Some(4000));
    }

    #[test]
    fn acks_of_what_cannot_exist_are_ignored() {
        let mut session = opened();
        let outputs = text(&mut session, ACK, at(1));
        assert!(
            matches!(&outputs[..], [Output::Delivered { message_id }] if message_id == "msg_1")
        );
        let frame = r#"{"type":"ack","message_id":"'; drop table"}"#;
        assert!(text(&mut session, frame, at(1)).is_empty());
    }

    #[test]
    fn a_relay_that_leaves_says_so_once_the_sends_in_flight_are_answered() {
        let going_away = json!({"type": "going_away", "reconnect_after": 12});
        let mut session = opened();
        session.handle_shutdown(at(12));
        let outputs = drain(&mut session);
        assert_eq!(texts(&outputs), std::slice::from_ref(&going_away));
        assert_eq!(closed(&outputs), Some(1001));

        let mut session = opened();
        text(&mut session, SEND, at(1));
        session.handle_shutdown(at(12));
        session.handle_mail();
        assert!(drain(&mut session).is_empty());
        let late = texts(&text(&mut session, SEND, at(2)));
        assert_eq!(
            (&late[0]["code"], &late[0]["retry_after"]),
            (&json!("unavailable"), &json!(12))
        );
        session.handle_send_outcome("r", accepted());
        let outputs = drain(&mut session);
        assert_eq!(texts(&outputs)[0]["status"], "sent");
        assert_eq!(texts(&outputs)[1], going_away);
        assert_eq!(closed(&outputs), Some(1001));

        let mut stuck = opened();
        text(&mut stuck, SEND, at(1));
        stuck.handle_shutdown(at(12));
        assert_eq!(closed(&timeout(&mut stuck, at(30) - TICK)), None);
        assert_eq!(closed(&timeout(&mut stuck, at(30))), Some(1001));

        let mut silent = Session::new(at(0), Settings::default());
        silent.handle_shutdown(at(12));
        assert_eq!(closed(&drain(&mut silent)), Some(1001));
    }

    #[test]
    fn a_client_over_its_rate_is_closed() {
        let mut session = opened();
        session.handle_rate_limited();
        assert_eq!(closed(&drain(&mut session)), Some(4008));
    }
}
