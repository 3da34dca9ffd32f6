//! Frames that are refused, and with which error: rows of (what is wrong, input, error).

use mrp_proto::frame::{ClientFrame, FrameError, MAX_FRAME, ServerFrame};

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
                "invalid type: floating point `1.5`, expected i64 at line 1 column 68",
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
    // Types that a client does not know are no error: relays may learn more.
    assert!(matches!(
        ServerFrame::decode(r#"{"type":"news"}"#),
        Ok(ServerFrame::Other)
    ));
}
