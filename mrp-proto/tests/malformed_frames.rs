//! Frames that are refused, and with which error: rows of (what is wrong, input, error).

use mrp_proto::frame::{
    AuthResult, ClientFrame, FrameError, MAX_FRAME, MAX_REASON, MAX_REQUEST_ID, SendOutcome,
    ServerFrame,
};

fn unknown(kind: &str) -> FrameError {
    FrameError::UnknownType {
        kind: kind.to_owned(),
    }
}

fn malformed(kind: &'static str, reason: &str) -> FrameError {
    FrameError::Malformed {
        kind,
        reason: reason.to_owned(),
    }
}

#[test]
fn frames_from_clients() {
    let huge = format!(r#"{{"type":"ping","x":"{}"}}"#, "a".repeat(MAX_FRAME));
    let too_large = FrameError::TooLarge {
        limit: MAX_FRAME,
        actual: huge.len(),
    };
    for (wrong, text, error) in [
        ("empty", "", FrameError::NotAFrame),
        ("not JSON", "ping", FrameError::NotAFrame),
        ("a list", r#"["ping"]"#, FrameError::NotAFrame),
        ("a text", r#""ping""#, FrameError::NotAFrame),
        ("null", "null", FrameError::NotAFrame),
        ("no type", "{}", FrameError::NotAFrame),
        ("type a number", r#"{"type":1}"#, FrameError::NotAFrame),
        (
            "two types",
            r#"{"type":"ping","type":"pong"}"#,
            FrameError::NotAFrame,
        ),
        (
            "two frames",
            r#"{"type":"ping"}{"type":"ping"}"#,
            FrameError::NotAFrame,
        ),
        ("cut off", r#"{"type":"ping""#, FrameError::NotAFrame),
        ("too large", &huge, too_large),
        ("unknown type", r#"{"type":"PING"}"#, unknown("PING")),
        (
            "a relay's type",
            r#"{"type":"message","message":{}}"#,
            unknown("message"),
        ),
        (
            "type too long to repeat",
            &format!(r#"{{"type":"{}"}}"#, "x".repeat(99)),
            unknown(&"x".repeat(32)),
        ),
        (
            "auth without key",
            r#"{"type":"auth","timestamp":"t","signature":"s"}"#,
            malformed("auth", "missing field `public_key` at line 1 column 47"),
        ),
        (
            "auth without time",
            r#"{"type":"auth","public_key":"k","signature":"s"}"#,
            malformed("auth", "missing field `timestamp` at line 1 column 48"),
        ),
        (
            "auth without signature",
            r#"{"type":"auth","public_key":"k","timestamp":"t"}"#,
            malformed("auth", "missing field `signature` at line 1 column 48"),
        ),
        (
            "request id too long to repeat",
            &format!(
                r#"{{"type":"send","request_id":"{}","recipient_key":"k","body":1}}"#,
                "x".repeat(MAX_REQUEST_ID + 1)
            ),
            malformed("send", "request_id may have 256 bytes, this one has 257"),
        ),
        (
            "ack without id",
            r#"{"type":"ack"}"#,
            malformed("ack", "missing field `message_id` at line 1 column 14"),
        ),
        (
            "ack of a number",
            r#"{"type":"ack","message_id":7}"#,
            malformed(
                "ack",
                "invalid type: integer `7`, expected a string at line 1 column 28",
            ),
        ),
        (
            "send without request",
            r#"{"type":"send","recipient_key":"k"}"#,
            malformed("send", "missing field `request_id` at line 1 column 35"),
        ),
        (
            "send without recipient",
            r#"{"type":"send","request_id":"r"}"#,
            malformed("send", "missing field `recipient_key` at line 1 column 32"),
        ),
        (
            "send with a fraction of a second",
            r#"{"type":"send","request_id":"r","recipient_key":"k","expires_in":1.5}"#,
            malformed(
                "send",
                "not a whole number in range: 1.5 at line 1 column 69",
            ),
        ),
        (
            "send with metadata that is no text",
            r#"{"type":"send","request_id":"r","recipient_key":"k","metadata":{"a":1}}"#,
            malformed(
                "send",
                "invalid type: integer `1`, expected a string at line 1 column 69",
            ),
        ),
    ] {
        assert_eq!(ClientFrame::decode(text).err(), Some(error), "{wrong}");
    }
}

#[test]
fn refusals_without_end_are_cut() {
    let long = "ü".repeat(100_000);
    for text in [
        format!(r#"{{"type":"auth_result","status":"error","error":"{long}","code":"{long}"}}"#),
        format!(
            r#"{{"type":"send_result","request_id":"r","status":"error","error":"{long}","code":"{long}"}}"#
        ),
        format!(
            r#"{{"type":"send_result","request_id":"r","status":"error","error":["{long}"],"code":"{long}"}}"#
        ),
    ] {
        let (error, code) = match ServerFrame::decode(&text) {
            Ok(ServerFrame::AuthResult(AuthResult::Error { error, code })) => (error, code),
            Ok(ServerFrame::SendResult {
                outcome: SendOutcome::Refused { error, code, .. },
                ..
            }) => (error, code),
            other => panic!("expected a refusal: {other:?}"),
        };
        assert_eq!(error.chars().count(), MAX_REASON);
        assert_eq!(code.unwrap().chars().count(), MAX_REASON);
    }
}

#[test]
fn a_signature_is_not_shown() {
    let auth = r#"{"type":"auth","public_key":"key","timestamp":"time","signature":"opensesame"}"#;
    let shown = format!("{:?}", ClientFrame::decode(auth).unwrap());
    assert!(
        shown.contains("key") && !shown.contains("opensesame"),
        "{shown}"
    );
}

#[test]
fn frames_from_relays() {
    let bad_sender = r#"{"type":"message","message":{"message_id":"msg_1","sender_key":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}"#;
    for (wrong, text, error) in [
        ("a list", r#"["ping"]"#, FrameError::NotAFrame),
        ("no type", r#"{"message":{}}"#, FrameError::NotAFrame),
        (
            "message without one",
            r#"{"type":"message"}"#,
            malformed("message", "missing field `message` at line 1 column 18"),
        ),
        (
            "message from a key that is none",
            bad_sender,
            malformed(
                "message",
                "not a key: the point is of small order or not in the prime-order group at line 1 column 109",
            ),
        ),
        (
            "result without name",
            r#"{"type":"send_result","status":"ok"}"#,
            malformed(
                "send_result",
                "missing field `request_id` at line 1 column 36",
            ),
        ),
        (
            "success without id",
            r#"{"type":"send_result","request_id":"r","status":"ok"}"#,
            malformed("send_result", "no message_id"),
        ),
        (
            "verdict without status",
            r#"{"type":"auth_result"}"#,
            malformed("auth_result", "missing field `status` at line 1 column 22"),
        ),
        (
            "time that runs backwards",
            r#"{"type":"going_away","reconnect_after":-1}"#,
            malformed(
                "going_away",
                "invalid value: integer `-1`, expected u64 at line 1 column 41",
            ),
        ),
        (
            "nothing pending",
            r#"{"type":"pending"}"#,
            malformed("pending", "missing field `message_id` at line 1 column 18"),
        ),
    ] {
        assert_eq!(ServerFrame::decode(text).err(), Some(error), "{wrong}");
    }
    // What was in the frame is not in the error, which may end up in a log.
    let body = format!(
        r#"{{"type":"message","message":"{}"}}"#,
        "a \\\"secret\\\" ".repeat(9999)
    );
    let reason = "invalid type: string \"…\", expected struct Message at line 1 column 130017";
    assert_eq!(
        ServerFrame::decode(&body).err(),
        Some(malformed("message", reason))
    );
    // Types that a client does not know are no error: relays may learn more.
    assert!(matches!(
        ServerFrame::decode(r#"{"type":"news"}"#),
        Ok(ServerFrame::Other)
    ));
}
