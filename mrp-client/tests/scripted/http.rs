//! Requests as they go out, and every kind of answer.

use crate::http_relay::{json, key, listener, relay_that_answers};
use crate::soon;
use mrp_client::{Error, Handover, Poll, Relay};
use mrp_proto::code::Code;
use mrp_proto::key::SecretKey;
use mrp_proto::message::{SendRequest, Status};
use std::time::Duration;
use tokio::net::TcpStream;

const ACCEPTED: &str = r#"{"message_id":"msg_1772611200_a1b2c3d4e5f6","status":"sent","created_at":"2026-03-04T08:00:00Z","expires_at":"2026-03-11T08:00:00Z"}"#;

fn message() -> SendRequest {
    let body = serde_json::from_str(r#"{"n": 1.0}"#).unwrap();
    SendRequest::new(&key().public(), body)
}

async fn error_of(answer: impl Into<Vec<u8>>) -> Error {
    let (relay, _asked) = relay_that_answers(answer).await;
    soon(relay.send(&message(), None)).await.unwrap_err()
}

#[tokio::test]
async fn a_send_is_one_signed_post_with_its_key() {
    let (relay, asked) = relay_that_answers(json("202 Accepted", ACCEPTED)).await;
    let accepted = soon(relay.send(&message(), Some("draft-1"))).await.unwrap();
    assert_eq!(accepted.message_id.as_str(), "msg_1772611200_a1b2c3d4e5f6");
    let asked = asked.await.unwrap();
    assert_eq!(asked.request_line(), "POST /v1/messages HTTP/1.1");
    assert_eq!(asked.header("idempotency-key"), Some("draft-1"));
    assert_eq!(asked.header("content-type"), Some("application/json"));
    assert!(
        asked
            .header("user-agent")
            .unwrap()
            .starts_with("mrp-client/")
    );
    let body = String::from_utf8(asked.body.clone()).unwrap();
    assert!(body.ends_with(r#","body":{"n": 1.0}}"#), "{body}");
    asked.assert_signed_by(&key());
}

#[tokio::test]
async fn a_poll_signs_its_query_and_keeps_the_bodies_bytes() {
    let key = key();
    let address = key.public();
    let page = format!(
        r#"{{"messages":[{{"message_id":"msg_1_a","sender_key":"{address}","recipient_key":"{address}","content_type":"application/json","body":{{"b": 1e2, "a":null}},"attachments":null,"status":"sent","created_at":"2026-03-04T08:00:00Z","expires_at":"2026-03-11T08:00:00Z"}}],"has_more":true,"next_cursor":"c+/="}}"#
    );
    let (relay, asked) = relay_that_answers(json("200 OK", &page)).await;
    let poll = Poll {
        status: Some(Status::Sent),
        thread_id: Some("a b&c".to_owned()),
        wait: Some(Duration::from_secs(2)),
        handover: Handover::Manual,
        ..Poll::default()
    };
    let page = soon(relay.poll(&poll)).await.unwrap();
    assert_eq!(
        page.messages[0].body.as_ref().unwrap().get(),
        r#"{"b": 1e2, "a":null}"#
    );
    assert_eq!(page.next_cursor.as_deref(), Some("c+/="));
    let asked = asked.await.unwrap();
    assert_eq!(
        asked.request_line(),
        "GET /v1/messages?status=sent&thread_id=a%20b%26c&wait=2&ack=manual HTTP/1.1"
    );
    asked.assert_signed_by(&key);
}

#[tokio::test]
async fn answers_without_a_body_are_enough_where_nothing_is_asked() {
    let (relay, asked) = relay_that_answers("HTTP/1.1 204 No Content\r\n\r\n").await;
    let id = "msg_1_a".parse().unwrap();
    soon(relay.ack(&id)).await.unwrap();
    let asked = asked.await.unwrap();
    assert_eq!(
        asked.request_line(),
        "POST /v1/messages/msg_1_a/ack HTTP/1.1"
    );
    asked.assert_signed_by(&key());
}

#[tokio::test]
async fn a_refusal_arrives_with_everything_in_it() {
    let body = r#"{"error":{"code":"acl_denied","message":"the recipient does not take your messages","request_id":"req_7"}}"#;
    let Error::Refused(refusal) = error_of(json("403 Forbidden", body)).await else {
        panic!("a 403 is a refusal")
    };
    assert_eq!(refusal.status, 403);
    assert_eq!(refusal.request_id.as_deref(), Some("req_7"));
    assert!(!refusal.is_retryable());

    let late = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n";
    let error = error_of(late).await;
    assert_eq!(error.retry_after(), Some(Duration::from_secs(9)));
    assert!(error.is_retryable());

    let body = r#"{"error":{"code":"message_not_found","message":"no such message"}}"#;
    let error = error_of(json("404 Not Found", body)).await;
    assert_eq!(error.code(), Some(Code::MessageNotFound));
}

#[tokio::test]
async fn a_refusal_is_read_within_bounds_and_its_wishes_within_reason() {
    let endless = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 18446744073709551615\r\nContent-Length: 0\r\n\r\n";
    let after = error_of(endless).await.retry_after().unwrap();
    assert_eq!(after, Duration::from_secs(24 * 3600));

    let body = format!(
        r#"{{"error":{{"code":"internal","message":"{}"}}}}"#,
        "m".repeat(60_000)
    );
    let error = error_of(json("500 Internal Server Error", &body)).await;
    assert_eq!(error.code(), Some(Code::Internal));
    assert!(error.to_string().len() < 2000);

    // What is longer than any relay's refusal is a refusal by its status alone, announced or not.
    let mut unannounced = b"HTTP/1.1 502 Bad Gateway\r\n\r\n".to_vec();
    unannounced.resize(17 << 20, b' ');
    let announced = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 1000000\r\n\r\n";
    for answer in [announced.into(), unannounced] {
        let Error::Refused(refusal) = error_of(answer).await else {
            panic!("a 502 is a refusal")
        };
        assert_eq!((refusal.status, &*refusal.code), (502, "unknown"));
    }
}

#[tokio::test]
async fn an_answer_about_something_else_is_none() {
    let address = key().public();
    let message = format!(
        r#"{{"message_id":"msg_2_b","sender_key":"{address}","recipient_key":"{address}","status":"sent","created_at":"2026-03-04T08:00:00Z","expires_at":"2026-03-11T08:00:00Z"}}"#
    );
    let (relay, _asked) = relay_that_answers(json("200 OK", &message)).await;
    let id = "msg_1_a".parse().unwrap();
    let error = soon(relay.message(&id)).await.unwrap_err();
    assert!(matches!(&error, Error::Nonsense { what } if what.contains("msg_2_b")));

    let profile = format!(
        r#"{{"public_key":"{address}","status":"active","created_at":"2026-03-04T08:00:00Z","last_active_at":"2026-03-04T08:00:00Z"}}"#
    );
    let (relay, _asked) = relay_that_answers(json("200 OK", &profile)).await;
    let other = SecretKey::from_seed(&[9; 32]).public();
    let error = soon(relay.agent(&other)).await.unwrap_err();
    assert!(matches!(&error, Error::Nonsense { what } if what.contains(&address.to_string())));

    // A login page that is shown for everything does not take a message over.
    let (relay, _asked) = relay_that_answers(json("200 OK", "<html></html>")).await;
    assert!(matches!(
        soon(relay.ack(&id)).await,
        Err(Error::Nonsense { .. })
    ));
    // Nor is any JSON an empty page, or a list of values the object that they would make.
    let (relay, _asked) = relay_that_answers(json("200 OK", r#"{"status":"ok"}"#)).await;
    assert!(soon(relay.poll(&Poll::default())).await.is_err());
    let list = r#"["msg_1_a","sent","2026-03-04T08:00:00Z","2026-03-11T08:00:00Z"]"#;
    assert!(matches!(
        error_of(json("202 Accepted", list)).await,
        Error::Nonsense { .. }
    ));
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let (elsewhere, url) = listener().await;
    let answer = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: {url}/v1/messages\r\nContent-Length: 0\r\n\r\n"
    );
    let error = error_of(answer).await;
    assert!(matches!(&error, Error::Nonsense { what } if what.contains(url.origin())));
    // Connections are accepted in the order in which they were made, so a stray one would come before this one.
    let probe = TcpStream::connect(elsewhere.local_addr().unwrap())
        .await
        .unwrap();
    let (_, first) = soon(elsewhere.accept()).await.unwrap();
    assert_eq!(
        first,
        probe.local_addr().unwrap(),
        "a signed request went to another host"
    );
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read() {
    let announced = "HTTP/1.1 200 OK\r\nContent-Length: 16777217\r\n\r\n";
    assert!(matches!(
        error_of(announced).await,
        Error::Nonsense { what } if what.contains("16777216")
    ));
    let mut unannounced = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    unannounced.resize(17 << 20, b' ');
    assert!(matches!(
        error_of(unannounced).await,
        Error::Nonsense { what } if what.contains("16777216")
    ));
}

#[tokio::test]
async fn what_is_no_relay_is_told_from_a_relay_that_is_not_there() {
    let login_page = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>";
    assert!(matches!(error_of(login_page).await, Error::Nonsense { .. }));

    let cut_short = "HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{";
    assert!(matches!(
        error_of(cut_short).await,
        Error::Unreachable { .. }
    ));

    let (listener, url) = listener().await;
    drop(listener);
    let relay = Relay::new(url.clone(), key()).unwrap();
    let error = soon(relay.health()).await.unwrap_err();
    assert!(error.is_retryable());
    let Error::Unreachable {
        origin,
        cause,
        connected,
    } = error
    else {
        panic!("nobody listens there: {error}")
    };
    assert!(!connected);
    assert_eq!(origin, url.origin());
    assert!(cause.contains("refused"), "{cause}");
}
