//! The agent's end of a session (protocol A8).
//!
//! What the relay pushes is handed out with [`Output::Store`] and acked when the shell says that it is stored, never before.

use super::{Incoming, Moment};
use crate::frame::{
    Auth, AuthResult, ClientFrame, FrameError, MAX_FRAME, Send, SendOutcome, ServerFrame,
};
use crate::id::MessageId;
use crate::message::Message;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// How patient the agent is. The defaults are the protocol's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long the relay may take for its `auth_result`.
    pub auth_timeout: Duration,
    /// Time between two pings of RFC 6455. There are none in JSON: not every relay knows them from a client.
    pub ping: Duration,
    /// How long the relay may be silent.
    pub idle_timeout: Duration,
    /// Messages that may be handed out and not stored before the socket is no longer read.
    pub max_unstored: usize,
    /// The same in bytes of their frames: large messages are fewer at a time. The one that exceeds it is still taken.
    pub max_unstored_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            auth_timeout: Duration::from_secs(10),
            ping: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(75),
            max_unstored: 64,
            max_unstored_bytes: 8 * MAX_FRAME,
        }
    }
}

/// Why a session has ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// The relay refuses the agent: its key, its clock, or one connection too many.
    #[error("the relay refused the session: {error}")]
    AuthRefused {
        /// Why, for people.
        error: String,
        /// Why, for programs: a [`Code`](crate::code::Code)'s text; absent from some relays.
        code: Option<String>,
    },
    /// The relay took the connection and then said nothing.
    #[error("the relay did not answer the authentication in time")]
    AuthTimeout,
    /// Nothing has come for the whole [`Settings::idle_timeout`]: the connection is probably dead.
    #[error("nothing came from the relay for too long; the connection is probably dead")]
    Silent,
    /// What came is not the protocol.
    #[error("the relay does not speak the protocol: {0}")]
    Nonsense(FrameError),
    /// The relay shuts down.
    #[error("the relay is going away")]
    GoingAway {
        /// When to come back.
        reconnect_after: Duration,
    },
    /// The shell wanted it.
    #[error("the session was shut down")]
    ShutDown,
}

/// Why a send was not taken. It has not left, and may be tried on another session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no session: [`Output::Ready`] has not come yet, or [`Output::End`] has.
    #[error("the session is not open")]
    NotReady,
    /// The relay would close the connection for it.
    #[error("the frame has {actual} bytes, at most {limit} are allowed")]
    TooLarge {
        /// Bytes allowed.
        limit: usize,
        /// Bytes of the frame.
        actual: usize,
    },
}

/// What the shell is to do.
#[derive(Debug, Clone)]
pub enum Output {
    /// Write a text frame.
    Transmit(String),
    /// Write a ping of RFC 6455.
    Ping,
    /// The session is open: sends are taken from now on.
    Ready,
    /// Store the message, durably, then [`Session::handle_stored`].
    Store(Box<Message>),
    /// What became of a send.
    SendResult {
        /// The name that it was given.
        request_id: String,
        /// What became of it.
        outcome: SendOutcome,
    },
    /// A message waits that is too large to be pushed: fetch it by its id.
    Pending {
        /// Which.
        message_id: MessageId,
        /// Bytes of its frame.
        size: u64,
    },
    /// A frame was skipped whose fields are not as they should be. If it was a message it stays at the relay: one that cannot be
    /// read must not keep the others from coming.
    Unreadable(FrameError),
    /// The session is over: close the connection. It is the last output.
    End(End),
}

/// One connection, from the accepted upgrade to its end.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    phase: Phase,
    outputs: VecDeque<Output>,
    public_key: String,
    /// What was handed out and is not stored, with the bytes of its frame.
    unstored: HashMap<MessageId, usize>,
    unstored_bytes: usize,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Authenticating {
        deadline: Moment,
    },
    Ready {
        next_ping: Moment,
        silent_at: Moment,
        /// The socket was not read since something came: the silence may be ours.
        deaf: bool,
    },
    Ended,
}

impl Session {
    /// Of a connection that was just made. `auth` is its first frame, freshly signed.
    pub fn new(now: Moment, auth: Auth, settings: Settings) -> Self {
        let public_key = auth.public_key.clone();
        let first = Output::Transmit(ClientFrame::Auth(Box::new(auth)).encode());
        Self {
            phase: Phase::Authenticating {
                deadline: now.saturating_add(settings.auth_timeout),
            },
            settings,
            outputs: VecDeque::from([first]),
            public_key,
            unstored: HashMap::new(),
            unstored_bytes: 0,
        }
    }

    /// A frame has come.
    pub fn handle_frame(&mut self, frame: Incoming<'_>, now: Moment) {
        if let Phase::Ready {
            silent_at, deaf, ..
        } = &mut self.phase
        {
            *silent_at = now.saturating_add(self.settings.idle_timeout);
            *deaf = false;
        }
        match frame {
            Incoming::Text(text) => match ServerFrame::decode(text) {
                Ok(frame) => self.handle_server_frame(frame, text.len(), now),
                Err(error) => self.handle_frame_error(error),
            },
            Incoming::Oversized { bytes } => self.handle_frame_error(FrameError::TooLarge {
                limit: MAX_FRAME,
                actual: bytes,
            }),
            Incoming::Binary => self.handle_frame_error(FrameError::NotAFrame),
            Incoming::Ping | Incoming::Pong => {}
        }
        self.note_reading();
    }

    /// The message is stored, durably, or was stored before; it is acked.
    pub fn handle_stored(&mut self, message_id: MessageId) {
        if !matches!(self.phase, Phase::Ready { .. }) {
            return;
        }
        self.forget_unstored(&message_id);
        let message_id = message_id.to_string();
        self.transmit(&ClientFrame::Ack { message_id });
    }

    /// The message could not be stored: nothing is acked, and it comes again with the next session.
    pub fn handle_not_stored(&mut self, message_id: &MessageId) {
        self.forget_unstored(message_id);
    }

    /// The shell does not read the socket, for a reason of its own (it has no room for what would come): until it does again, the
    /// relay's silence is ours.
    pub fn handle_not_reading(&mut self) {
        if let Phase::Ready { deaf, .. } = &mut self.phase {
            *deaf = true;
        }
    }

    /// Sends a message. Its outcome comes as [`Output::SendResult`], or not at all if the session ends first.
    ///
    /// # Errors
    /// A [`SendError`], if the session is not open or the frame is too large.
    pub fn handle_send(&mut self, send: Send) -> Result<(), SendError> {
        if !matches!(self.phase, Phase::Ready { .. }) {
            return Err(SendError::NotReady);
        }
        let text = ClientFrame::Send(Box::new(send)).encode();
        if text.len() > MAX_FRAME {
            return Err(SendError::TooLarge {
                limit: MAX_FRAME,
                actual: text.len(),
            });
        }
        self.outputs.push_back(Output::Transmit(text));
        Ok(())
    }

    /// The session is no longer wanted.
    pub fn handle_shutdown(&mut self) {
        self.end(End::ShutDown);
    }

    /// Time has passed; due whenever [`Session::poll_timeout`] has.
    pub fn handle_timeout(&mut self, now: Moment) {
        match &mut self.phase {
            Phase::Authenticating { deadline } => {
                if now >= *deadline {
                    self.end(End::AuthTimeout);
                }
            }
            Phase::Ready {
                next_ping,
                silent_at,
                deaf,
            } => {
                if now >= *silent_at {
                    if !*deaf {
                        return self.end(End::Silent);
                    }
                    *silent_at = now.saturating_add(self.settings.idle_timeout);
                    *deaf = false;
                }
                if now >= *next_ping {
                    *next_ping = now.saturating_add(self.settings.ping);
                    self.outputs.push_back(Output::Ping);
                }
            }
            Phase::Ended => {}
        }
        self.note_reading();
    }

    /// The next thing to do; `None` until there is another input.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Session::handle_timeout`] is due; at once, if that lies in the past.
    pub fn poll_timeout(&self) -> Option<Moment> {
        match self.phase {
            Phase::Authenticating { deadline } => Some(deadline),
            Phase::Ready {
                next_ping,
                silent_at,
                ..
            } => Some(next_ping.min(silent_at)),
            Phase::Ended => None,
        }
    }

    /// Whether the socket is to be read. It is not while the store has all that it may have at once: the relay is then held up by
    /// TCP.
    pub fn wants_input(&self) -> bool {
        match self.phase {
            Phase::Authenticating { .. } => true,
            Phase::Ready { .. } => {
                self.unstored.len() < self.settings.max_unstored
                    && self.unstored_bytes < self.settings.max_unstored_bytes
            }
            Phase::Ended => false,
        }
    }

    fn handle_server_frame(&mut self, frame: ServerFrame, bytes: usize, now: Moment) {
        match (self.phase, frame) {
            (Phase::Ended, _) | (_, ServerFrame::Other | ServerFrame::Pong) => {}
            (_, ServerFrame::AuthResult(AuthResult::Error { error, code })) => {
                self.end(End::AuthRefused { error, code });
            }
            (_, ServerFrame::GoingAway { reconnect_after }) => {
                let reconnect_after = Duration::from_secs(reconnect_after);
                self.end(End::GoingAway { reconnect_after });
            }
            (
                Phase::Authenticating { .. },
                ServerFrame::AuthResult(AuthResult::Ok { public_key }),
            ) => {
                if public_key.is_some_and(|key| key.to_string() != self.public_key) {
                    return self.end(End::Nonsense(FrameError::Malformed {
                        kind: "auth_result",
                        reason: "it is about another key".to_owned(),
                    }));
                }
                self.phase = Phase::Ready {
                    next_ping: now.saturating_add(self.settings.ping),
                    silent_at: now.saturating_add(self.settings.idle_timeout),
                    deaf: false,
                };
                self.outputs.push_back(Output::Ready);
            }
            // A relay that talks before it has answered is not heard: what it pushes stays with it.
            (Phase::Authenticating { .. }, _) | (_, ServerFrame::AuthResult(_)) => {}
            (Phase::Ready { .. }, ServerFrame::Message(message)) => self.hand_out(message, bytes),
            (
                Phase::Ready { .. },
                ServerFrame::SendResult {
                    request_id,
                    outcome,
                },
            ) => self.outputs.push_back(Output::SendResult {
                request_id,
                outcome,
            }),
            (Phase::Ready { .. }, ServerFrame::Pending { message_id, size }) => {
                self.outputs.push_back(Output::Pending { message_id, size });
            }
            (Phase::Ready { .. }, ServerFrame::Ping) => self.transmit(&ClientFrame::Pong),
        }
    }

    fn hand_out(&mut self, message: Box<Message>, bytes: usize) {
        if let Entry::Vacant(place) = self.unstored.entry(message.message_id.clone()) {
            place.insert(bytes);
            self.unstored_bytes += bytes;
            self.outputs.push_back(Output::Store(message));
        }
    }

    fn forget_unstored(&mut self, message_id: &MessageId) {
        self.unstored_bytes -= self.unstored.remove(message_id).unwrap_or(0);
    }

    fn handle_frame_error(&mut self, error: FrameError) {
        match (self.phase, error) {
            (Phase::Ended, _) => {}
            (Phase::Ready { .. }, error @ FrameError::Malformed { .. }) => {
                self.outputs.push_back(Output::Unreadable(error));
            }
            (_, error) => self.end(End::Nonsense(error)),
        }
    }

    fn transmit(&mut self, frame: &ClientFrame) {
        self.outputs.push_back(Output::Transmit(frame.encode()));
    }

    fn end(&mut self, end: End) {
        if !matches!(self.phase, Phase::Ended) {
            self.phase = Phase::Ended;
            self.outputs.push_back(Output::End(end));
        }
    }

    fn note_reading(&mut self) {
        let reading = self.wants_input();
        if let Phase::Ready { deaf, .. } = &mut self.phase
            && !reading
        {
            *deaf = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SecretKey;
    use crate::message::SendRequest;
    use serde_json::{Value, json};

    const READY: &str = r#"{"type":"auth_result","status":"ok"}"#;
    const TICK: Duration = Duration::from_millis(1);

    fn at(seconds: u64) -> Moment {
        Moment::from_secs(seconds)
    }

    fn drain(session: &mut Session) -> Vec<Output> {
        std::iter::from_fn(|| session.poll_output()).collect()
    }

    fn text(session: &mut Session, frame: &str, now: Moment) -> Vec<Output> {
        session.handle_frame(Incoming::Text(frame), now);
        drain(session)
    }

    fn timeout(session: &mut Session, now: Moment) -> Vec<Output> {
        session.handle_timeout(now);
        drain(session)
    }

    /// Why the session ends, if it does; then that is the last output.
    fn ended(outputs: &[Output]) -> Option<&End> {
        let end = outputs
            .iter()
            .position(|output| matches!(output, Output::End(_)))?;
        assert_eq!(end, outputs.len() - 1, "{outputs:?}");
        let Output::End(end) = &outputs[end] else {
            unreachable!()
        };
        Some(end)
    }

    fn transmitted(outputs: &[Output]) -> Vec<Value> {
        let text = |output: &Output| match output {
            Output::Transmit(text) => Some(serde_json::from_str(text).unwrap()),
            _ => None,
        };
        outputs.iter().filter_map(text).collect()
    }

    fn key() -> String {
        SecretKey::from_seed(&[1; 32]).public().to_string()
    }

    fn auth() -> Auth {
        Auth {
            public_key: key(),
            timestamp: "t".to_owned(),
            signature: "s".to_owned(),
            ..Auth::default()
        }
    }

    fn connected() -> Session {
        Session::new(at(0), auth(), Settings::default())
    }

    fn ready() -> Session {
        let mut session = connected();
        drain(&mut session);
        let outputs = text(&mut session, READY, at(0));
        assert!(matches!(outputs[..], [Output::Ready]));
        session
    }

    fn pushed(message_id: &str) -> String {
        let time = "2026-03-04T08:00:00.000Z";
        json!({"type": "message", "message": {
            "message_id": message_id, "sender_key": key(), "recipient_key": key(), "status": "sent", "body": 1,
            "created_at": time, "expires_at": time,
        }})
        .to_string()
    }

    fn send(body_bytes: usize) -> Send {
        let body = "x".repeat(body_bytes);
        let request: SendRequest =
            serde_json::from_value(json!({"recipient_key": key(), "body": body})).unwrap();
        Send {
            request_id: "r".to_owned(),
            idempotency_key: None,
            request,
        }
    }

    #[test]
    fn it_begins_with_auth_and_is_ready_once_the_relay_says_so() {
        let mut session = connected();
        let auth = json!({"type": "auth", "public_key": key(), "timestamp": "t", "signature": "s"});
        assert_eq!(transmitted(&drain(&mut session)), [auth]);
        let named = json!({"type": "auth_result", "status": "ok", "public_key": key()});
        let outputs = text(&mut session, &named.to_string(), at(1));
        assert!(matches!(outputs[..], [Output::Ready]));
        assert!(text(&mut session, READY, at(1)).is_empty());
    }

    #[test]
    fn a_relay_that_does_not_answer_is_given_up_at_the_limit_and_not_before() {
        let mut session = connected();
        drain(&mut session);
        session.handle_frame(Incoming::Ping, at(9));
        assert_eq!(session.poll_timeout(), Some(at(10)));
        assert_eq!(ended(&timeout(&mut session, at(10) - TICK)), None);
        assert_eq!(
            ended(&timeout(&mut session, at(10))),
            Some(&End::AuthTimeout)
        );
    }

    #[test]
    fn a_refusal_ends_the_session_with_its_reason() {
        let mut session = connected();
        drain(&mut session);
        let refused =
            r#"{"type":"auth_result","status":"error","error":"no","code":"agent_suspended"}"#;
        let end = End::AuthRefused {
            error: "no".to_owned(),
            code: Some("agent_suspended".to_owned()),
        };
        assert_eq!(ended(&text(&mut session, refused, at(1))), Some(&end));
    }

    #[test]
    fn a_session_for_another_key_is_no_session() {
        let mut session = connected();
        drain(&mut session);
        let other = SecretKey::from_seed(&[2; 32]).public();
        let result = json!({"type": "auth_result", "status": "ok", "public_key": other});
        let outputs = text(&mut session, &result.to_string(), at(1));
        assert!(matches!(ended(&outputs), Some(End::Nonsense(_))));
    }

    #[test]
    fn before_the_result_nothing_is_taken_and_nothing_said() {
        let mut session = connected();
        drain(&mut session);
        assert_eq!(session.handle_send(send(1)), Err(SendError::NotReady));
        session.handle_stored("msg_1".parse().unwrap());
        for frame in [&pushed("msg_1"), r#"{"type":"ping"}"#] {
            assert!(text(&mut session, frame, at(1)).is_empty());
        }
        text(&mut session, READY, at(2));
        let outputs = text(&mut session, &pushed("msg_1"), at(3));
        assert!(matches!(outputs[..], [Output::Store(_)]));
    }

    #[test]
    fn a_message_is_acked_once_stored_and_not_handed_out_twice_until_then() {
        let mut session = ready();
        let outputs = text(&mut session, &pushed("msg_1"), at(1));
        assert!(
            matches!(&outputs[..], [Output::Store(message)] if message.message_id.as_str() == "msg_1")
        );
        assert!(text(&mut session, &pushed("msg_1"), at(2)).is_empty());
        session.handle_stored("msg_1".parse().unwrap());
        let ack = json!({"type": "ack", "message_id": "msg_1"});
        assert_eq!(transmitted(&drain(&mut session)), [ack]);
        assert!(matches!(
            text(&mut session, &pushed("msg_1"), at(3))[..],
            [Output::Store(_)]
        ));
        session.handle_not_stored(&"msg_1".parse().unwrap());
        assert!(drain(&mut session).is_empty());
        assert!(matches!(
            text(&mut session, &pushed("msg_1"), at(4))[..],
            [Output::Store(_)]
        ));
    }

    #[test]
    fn a_store_that_lags_stops_the_reading() {
        let mut session = ready();
        for number in 1..=64 {
            assert!(session.wants_input());
            text(&mut session, &pushed(&format!("msg_{number}")), at(1));
        }
        assert!(!session.wants_input());
        session.handle_stored("msg_7".parse().unwrap());
        assert!(session.wants_input());
    }

    #[test]
    fn a_store_that_lags_holds_few_large_messages() {
        let bytes = pushed("msg_1").len();
        let settings = Settings {
            max_unstored_bytes: 2 * bytes + 1,
            ..Settings::default()
        };
        let mut session = Session::new(at(0), auth(), settings);
        text(&mut session, READY, at(0));
        for number in 1..=3 {
            assert!(session.wants_input());
            text(&mut session, &pushed(&format!("msg_{number}")), at(1));
        }
        assert!(!session.wants_input());
        session.handle_not_stored(&"msg_2".parse().unwrap());
        assert!(session.wants_input());
        session.handle_stored("msg_2".parse().unwrap());
        text(&mut session, &pushed("msg_1"), at(1));
        assert!(session.wants_input());
        text(&mut session, &pushed("msg_4"), at(1));
        assert!(!session.wants_input());
    }

    #[test]
    fn pings_come_every_twenty_seconds_and_silence_ends_the_session() {
        let mut session = ready();
        let mut last = at(0);
        let any = pushed("msg_1");
        for frame in [
            Incoming::Pong,
            Incoming::Ping,
            Incoming::Text(r#"{"type":"something new"}"#),
            Incoming::Text(&any),
        ] {
            let heard = last + at(75) - TICK;
            while let Some(due) = session.poll_timeout().filter(|due| *due < heard) {
                assert!(timeout(&mut session, due - TICK).is_empty());
                assert!(matches!(timeout(&mut session, due)[..], [Output::Ping]));
            }
            session.handle_frame(frame, heard);
            assert_eq!(ended(&drain(&mut session)), None);
            last = heard;
        }
        assert_eq!(ended(&timeout(&mut session, last + at(75) - TICK)), None);
        let outputs = timeout(&mut session, last + at(75));
        assert_eq!(ended(&outputs), Some(&End::Silent));
    }

    #[test]
    fn silence_does_not_count_while_the_socket_is_not_read() {
        let mut session = ready();
        for number in 1..=64 {
            text(&mut session, &pushed(&format!("msg_{number}")), at(1));
        }
        assert_eq!(ended(&timeout(&mut session, at(76))), None);
        session.handle_stored("msg_1".parse().unwrap());
        assert!(session.wants_input());
        assert_eq!(ended(&timeout(&mut session, at(151))), None);
        assert_eq!(ended(&timeout(&mut session, at(226) - TICK)), None);
        assert_eq!(ended(&timeout(&mut session, at(226))), Some(&End::Silent));
    }

    #[test]
    fn silence_does_not_count_while_the_shell_does_not_read() {
        let mut session = ready();
        session.handle_not_reading();
        assert_eq!(ended(&timeout(&mut session, at(75))), None);
        assert_eq!(ended(&timeout(&mut session, at(150))), Some(&End::Silent));
    }

    #[test]
    fn what_is_not_the_protocol_ends_and_what_is_only_wrong_is_skipped() {
        for frame in ["hello", "[1]", r#"{"kind":"message"}"#] {
            let outputs = text(&mut ready(), frame, at(1));
            assert_eq!(ended(&outputs), Some(&End::Nonsense(FrameError::NotAFrame)));
        }
        let mut session = ready();
        session.handle_frame(Incoming::Binary, at(1));
        let outputs = drain(&mut session);
        assert_eq!(ended(&outputs), Some(&End::Nonsense(FrameError::NotAFrame)));
        let mut session = ready();
        session.handle_frame(Incoming::Oversized { bytes: 3 << 20 }, at(1));
        let too_large = FrameError::TooLarge {
            limit: MAX_FRAME,
            actual: 3 << 20,
        };
        assert_eq!(ended(&drain(&mut session)), Some(&End::Nonsense(too_large)));

        let mut session = ready();
        let poison = r#"{"type":"message","message":{"message_id":"msg_1"}}"#;
        assert!(matches!(
            text(&mut session, poison, at(1))[..],
            [Output::Unreadable(_)]
        ));
        assert!(matches!(
            text(&mut session, &pushed("msg_2"), at(1))[..],
            [Output::Store(_)]
        ));
        let mut early = connected();
        drain(&mut early);
        let outputs = text(&mut early, r#"{"type":"auth_result"}"#, at(1));
        assert!(matches!(ended(&outputs), Some(End::Nonsense(_))));
    }

    #[test]
    fn sends_leave_and_their_results_come_back() {
        let mut session = ready();
        assert_eq!(session.handle_send(send(1)), Ok(()));
        let frame = json!({"type": "send", "request_id": "r", "recipient_key": key(), "body": "x"});
        assert_eq!(transmitted(&drain(&mut session)), [frame]);
        let least = ClientFrame::Send(Box::new(send(0))).encode().len();
        assert_eq!(session.handle_send(send(MAX_FRAME - least)), Ok(()));
        let refused = SendError::TooLarge {
            limit: MAX_FRAME,
            actual: MAX_FRAME + 1,
        };
        assert_eq!(
            session.handle_send(send(MAX_FRAME - least + 1)),
            Err(refused)
        );
        drain(&mut session);
        let result =
            r#"{"type":"send_result","request_id":"r","status":"ok","message_id":"msg_1"}"#;
        let outputs = text(&mut session, result, at(1));
        assert!(
            matches!(&outputs[..], [Output::SendResult { request_id, outcome: SendOutcome::Accepted { .. } }] if request_id == "r")
        );
        let pending = r#"{"type":"pending","message_id":"msg_3","size":1500000}"#;
        let outputs = text(&mut session, pending, at(1));
        assert!(matches!(
            outputs[..],
            [Output::Pending {
                size: 1_500_000,
                ..
            }]
        ));
    }

    #[test]
    fn a_ping_in_json_is_answered_in_json() {
        let outputs = text(&mut ready(), r#"{"type":"ping"}"#, at(1));
        assert_eq!(transmitted(&outputs), [json!({"type": "pong"})]);
    }

    #[test]
    fn nothing_comes_out_after_the_end() {
        let mut session = ready();
        let going = r#"{"type":"going_away","reconnect_after":9}"#;
        let end = End::GoingAway {
            reconnect_after: at(9),
        };
        assert_eq!(ended(&text(&mut session, going, at(1))), Some(&end));
        for frame in [going, READY, "nonsense", &pushed("msg_1")] {
            assert!(text(&mut session, frame, at(2)).is_empty());
        }
        session.handle_stored("msg_1".parse().unwrap());
        assert_eq!(session.handle_send(send(1)), Err(SendError::NotReady));
        session.handle_shutdown();
        assert!(timeout(&mut session, at(1000)).is_empty());
        assert_eq!(session.poll_timeout(), None);
        assert!(!session.wants_input());

        let mut unwanted = ready();
        unwanted.handle_shutdown();
        assert_eq!(ended(&drain(&mut unwanted)), Some(&End::ShutDown));
    }
}
