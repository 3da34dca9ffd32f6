//! Who is believed, and how often (protocol A1).

use crate::harness::{Agent, agent, fresh_time, now, relay};
use axum::body::Body;
use http::{HeaderValue, Request};
use mrp_proto::base64url;
use std::time::Duration;

fn tamper(mut request: Request<Body>, header: &'static str, value: &str) -> Request<Body> {
    request
        .headers_mut()
        .insert(header, HeaderValue::from_str(value).unwrap());
    request
}

fn without_query(agent: &Agent, method: &str, target: &str, body: &str) -> Request<Body> {
    let path = target.split('?').next().unwrap();
    agent.signed(method, target, path, body, fresh_time())
}

#[tokio::test]
async fn a_get_may_be_signed_with_or_without_its_query() {
    let (relay, alice) = (relay(&[]), agent(1));
    relay.get(&alice, "/v1/messages?limit=3").await.expect(200);
    relay
        .answer(without_query(&alice, "GET", "/v1/messages?limit=3", ""))
        .await
        .expect(200);
    relay
        .answer(without_query(&alice, "HEAD", "/v1/messages?limit=3", ""))
        .await
        .expect(200);
    let other = alice.signed(
        "GET",
        "/v1/messages?limit=3",
        "/v1/messages?limit=4",
        "",
        fresh_time(),
    );
    relay.answer(other).await.refused(401, "invalid_signature");
}

#[tokio::test]
async fn what_changes_state_must_be_signed_with_its_query() {
    let (relay, alice) = (relay(&[]), agent(1));
    let body = format!(r#"{{"recipient_key":"{}","body":1}}"#, alice.key());
    let unsigned = without_query(&alice, "POST", "/v1/messages?x=1", &body);
    relay
        .answer(unsigned)
        .await
        .refused(401, "invalid_signature");
    relay
        .answer(without_query(&alice, "POST", "/v1/messages?", &body))
        .await
        .expect(202);
    relay
        .post(&alice, "/v1/messages?x=1", &body)
        .await
        .expect(202);
    let patch = without_query(&alice, "PATCH", &format!("{}?x=1", alice.path()), "{}");
    relay.answer(patch).await.refused(401, "invalid_signature");
    let delete = without_query(&alice, "DELETE", &format!("{}?x=1", alice.path()), "");
    relay.answer(delete).await.refused(401, "invalid_signature");
}

#[tokio::test]
async fn method_path_body_and_time_are_covered() {
    let (relay, alice) = (relay(&[]), agent(1));
    let time = fresh_time();
    let target = "/v1/messages";
    let mut other_method = alice.signed("GET", target, target, "", time);
    *other_method.method_mut() = http::Method::HEAD;
    relay.answer(other_method).await.expect(401);
    let mut other_body = alice.signed("POST", target, target, "{}", time);
    *other_body.body_mut() = Body::from("{} ");
    relay
        .answer(other_body)
        .await
        .refused(401, "invalid_signature");
    let other_time = time.after(Duration::from_millis(1)).to_string();
    let request = tamper(
        alice.signed("GET", target, target, "", time),
        "x-m2m-timestamp",
        &other_time,
    );
    relay
        .answer(request)
        .await
        .refused(401, "invalid_signature");
    let mut other_path = alice.signed("GET", target, target, "", time);
    *other_path.uri_mut() = alice.path().parse().unwrap();
    relay
        .answer(other_path)
        .await
        .refused(401, "invalid_signature");
}

#[tokio::test]
async fn the_raw_target_is_verified_not_a_decoded_one() {
    let (relay, alice) = (relay(&[]), agent(1));
    let raw = "/v1/messages/threads/conv%2F1%20%C3%BC%3Fx";
    relay.get(&alice, raw).await.expect(200);
    let decoded = alice.signed(
        "GET",
        raw,
        "/v1/messages/threads/conv/1 ü?x",
        "",
        fresh_time(),
    );
    relay
        .answer(decoded)
        .await
        .refused(401, "invalid_signature");
}

#[tokio::test]
async fn each_missing_or_doubled_header_is_missing_auth() {
    let (relay, alice) = (relay(&[]), agent(1));
    for name in ["x-m2m-public-key", "x-m2m-timestamp", "x-m2m-signature"] {
        let mut request = alice.request("GET", "/v1/messages", "");
        let value = request.headers_mut().remove(name).unwrap();
        let reply = relay.answer(request).await;
        reply.refused(401, "missing_auth");
        let message = reply.json()["error"]["message"]
            .as_str()
            .unwrap()
            .to_lowercase();
        assert!(message.contains(name), "{message}");
        let mut request = alice.request("GET", "/v1/messages", "");
        request.headers_mut().append(name, value);
        relay.answer(request).await.refused(401, "missing_auth");
        let request = tamper(alice.request("GET", "/v1/messages", ""), name, "");
        relay.answer(request).await.refused(401, "missing_auth");
    }
}

#[tokio::test]
async fn keys_and_signatures_have_one_spelling() {
    let (relay, alice) = (relay(&[]), agent(1));
    for (header, code) in [
        ("x-m2m-public-key", "invalid_public_key"),
        ("x-m2m-signature", "invalid_signature"),
    ] {
        let time = fresh_time();
        let mut accepted = Vec::new();
        for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
            let request = alice.signed("GET", "/v1/messages", "/v1/messages", "", time);
            let text = request.headers()[header].to_str().unwrap().to_owned();
            let spelling = format!("{}{last}", &text[..text.len() - 1]);
            let reply = relay.answer(tamper(request, header, &spelling)).await;
            if reply.status == 200 {
                assert_eq!(spelling, text);
                accepted.push(spelling);
            } else {
                // A spelling of other bytes is another key, whose signature this is not.
                assert_eq!(reply.status, 401);
                let found = reply.json()["error"]["code"].as_str().unwrap().to_owned();
                assert!(found == code || found == "invalid_signature", "{found}");
            }
        }
        assert_eq!(accepted.len(), 1, "{header}");
    }
    for wrong in [
        "AAAA".to_owned(),
        format!("{}=", alice.key()),
        alice.key().to_string().replace(['-', '_'], "+") + "+",
    ] {
        let request = tamper(
            alice.request("GET", "/v1/messages", ""),
            "x-m2m-public-key",
            &wrong,
        );
        relay
            .answer(request)
            .await
            .refused(401, "invalid_public_key");
    }
}

#[tokio::test]
async fn points_that_prove_nothing_are_refused() {
    let relay = relay(&[]);
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut signature = [0; 64];
    signature[0] = 1;
    for key in [identity, [0; 32], [0xff; 32]] {
        let request = Request::get("/v1/messages")
            .header("x-m2m-public-key", base64url::encode(&key))
            .header("x-m2m-timestamp", now().to_string())
            .header("x-m2m-signature", base64url::encode(&signature))
            .body(Body::empty())
            .unwrap();
        relay
            .answer(request)
            .await
            .refused(401, "invalid_public_key");
    }
}

#[tokio::test]
async fn the_clock_may_be_five_minutes_off_and_no_more() {
    let (relay, alice) = (relay(&[]), agent(1));
    let at = |time| alice.signed("GET", "/v1/messages", "/v1/messages", "", time);
    for seconds in [0, 60, 298] {
        relay
            .answer(at(fresh_time().before(Duration::from_secs(seconds))))
            .await
            .expect(200);
        relay
            .answer(at(fresh_time().after(Duration::from_secs(seconds))))
            .await
            .expect(200);
    }
    for seconds in [302, 86_400] {
        for time in [
            now().before(Duration::from_secs(seconds)),
            now().after(Duration::from_secs(seconds)),
        ] {
            let details = relay
                .answer(at(time))
                .await
                .refused(401, "timestamp_out_of_range");
            let server: mrp_proto::time::Timestamp =
                details["server_time"].as_str().unwrap().parse().unwrap();
            assert!(server.distance(now()) < Duration::from_secs(60));
        }
    }
    for text in [
        "yesterday",
        "1772611200",
        "2026-03-05T12:00:00",
        "2026-03-05 12:00:00Z",
    ] {
        let request = tamper(
            alice.request("GET", "/v1/messages", ""),
            "x-m2m-timestamp",
            text,
        );
        relay
            .answer(request)
            .await
            .refused(401, "timestamp_out_of_range");
    }
}

#[tokio::test]
async fn the_tolerance_is_configurable() {
    let (relay, alice) = (relay(&["auth.timestamp_tolerance=10s"]), agent(1));
    let at = |time| alice.signed("GET", "/v1/messages", "/v1/messages", "", time);
    relay
        .answer(at(now().before(Duration::from_secs(8))))
        .await
        .expect(200);
    relay
        .answer(at(now().before(Duration::from_secs(12))))
        .await
        .refused(401, "timestamp_out_of_range");
}

#[tokio::test]
async fn what_changes_state_is_done_once_per_signature() {
    let (relay, alice) = (relay(&[]), agent(1));
    let time = fresh_time();
    let body = format!(r#"{{"recipient_key":"{}","body":1}}"#, alice.key());
    let send = || alice.signed("POST", "/v1/messages", "/v1/messages", &body, time);
    relay.answer(send()).await.expect(202);
    relay.answer(send()).await.refused(409, "replay_detected");
    // The empty query makes another target, but the signature is the same.
    let moved = alice.signed("POST", "/v1/messages?", "/v1/messages", &body, time);
    relay.answer(moved).await.refused(409, "replay_detected");
    let patch = || alice.signed("PATCH", &alice.path(), &alice.path(), "{}", time);
    relay.answer(patch()).await.expect(200);
    relay.answer(patch()).await.refused(409, "replay_detected");
    let delete = || alice.signed("DELETE", &alice.path(), &alice.path(), "", time);
    relay.answer(delete()).await.expect(204);
    relay.answer(delete()).await.refused(409, "replay_detected");
    // What was deleted left its replay entries behind, and is not brought back by what comes again.
    relay.answer(send()).await.refused(409, "replay_detected");
    relay
        .get(&agent(2), &alice.path())
        .await
        .refused(404, "agent_not_found");
}

#[tokio::test]
async fn a_signature_without_query_reads_eight_targets_once_each() {
    let (relay, alice) = (relay(&[]), agent(1));
    let time = fresh_time();
    let read = |page: u32| {
        let target = format!("/v1/messages?ack=manual&limit={page}");
        alice.signed("GET", &target, "/v1/messages", "", time)
    };
    for page in 1..=8 {
        relay.answer(read(page)).await.expect(200);
        relay
            .answer(read(page))
            .await
            .refused(409, "replay_detected");
    }
    relay.answer(read(9)).await.refused(409, "replay_detected");
}

#[tokio::test]
async fn a_signature_takes_mail_over_once() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    let time = fresh_time();
    let read = |page: u32| {
        let target = format!("/v1/messages?limit={page}");
        alice.signed("GET", &target, "/v1/messages", "", time)
    };
    // An empty page marks nothing, and leaves the signature its other targets.
    relay.answer(read(1)).await.expect(200);
    for number in 0..3 {
        relay.send(&bob, &alice, &number.to_string()).await;
    }
    let page = relay.answer(read(2)).await.expect(200).json();
    assert_eq!(page["messages"].as_array().unwrap().len(), 2);
    relay.answer(read(3)).await.refused(409, "replay_detected");
    assert_eq!(relay.bodies(&alice, "/v1/messages").await, [2]);
}

#[tokio::test]
async fn an_agent_exists_from_its_first_good_signature() {
    let (relay, alice, bob) = (relay(&[]), agent(1), agent(2));
    let forged = tamper(
        alice.request("GET", "/v1/messages", ""),
        "x-m2m-signature",
        &"A".repeat(86),
    );
    relay.answer(forged).await.refused(401, "invalid_signature");
    relay
        .get(&bob, &alice.path())
        .await
        .refused(404, "agent_not_found");
    relay.get(&alice, "/v1/messages").await.expect(200);
    relay.get(&bob, &alice.path()).await.expect(200);
}
