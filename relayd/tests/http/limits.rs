//! How often (protocol A9).

use crate::harness::{Reply, TestRelay, agent, fresh_time, now, relay};
use axum::body::Body;
use http::Request;

/// A relay that everyone can reach, with small limits.
fn public(assignments: &[&str]) -> TestRelay {
    let assignments = [&["public_url=https://relay.example.net"], assignments].concat();
    relay(&assignments)
}

#[track_caller]
fn standing(reply: &Reply) -> (u64, u64) {
    let number = |name: &str| -> u64 {
        reply
            .header(name)
            .unwrap_or_else(|| panic!("{reply:?}"))
            .parse()
            .unwrap()
    };
    let reset = number("x-ratelimit-reset");
    let now = u64::try_from(now().unix_seconds()).unwrap();
    assert!(
        (now..=now + 125).contains(&reset),
        "{reset} is not soon after {now}"
    );
    (number("x-ratelimit-limit"), number("x-ratelimit-remaining"))
}

#[track_caller]
fn assert_limited(reply: &Reply, limit: u64) {
    let details = reply.refused(429, "rate_limit_exceeded");
    assert_eq!(details["limit"], limit);
    let retry: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!(retry >= 1);
    assert_eq!(details["retry_after"], retry);
    assert_eq!(standing(reply), (limit, 0));
}

#[tokio::test]
async fn sends_polls_and_other_requests_are_counted_apart() {
    let relay = public(&[
        "limits.send_per_minute=2",
        "limits.receive_per_minute=3",
        "limits.request_per_minute=4",
    ]);
    let alice = agent(1);
    let body = format!(r#"{{"recipient_key":"{}","body":1}}"#, alice.key());
    for left in [1, 0] {
        assert_eq!(
            standing(&relay.post(&alice, "/v1/messages", &body).await.expect(202)),
            (2, left)
        );
    }
    assert_limited(&relay.post(&alice, "/v1/messages", &body).await, 2);
    for left in [2, 1, 0] {
        assert_eq!(
            standing(&relay.get(&alice, "/v1/messages").await.expect(200)),
            (3, left)
        );
    }
    assert_limited(&relay.get(&alice, "/v1/messages").await, 3);
    for left in [3, 2, 1, 0] {
        assert_eq!(
            standing(&relay.get(&alice, &alice.path()).await.expect(200)),
            (4, left)
        );
    }
    assert_limited(&relay.get(&alice, &alice.path()).await, 4);
    // Another agent has limits of its own.
    relay
        .post(&agent(2), "/v1/messages", &body)
        .await
        .expect(202);
}

#[tokio::test]
async fn refusals_show_the_standing_too_and_count() {
    let (relay, alice) = (public(&["limits.send_per_minute=2"]), agent(1));
    let reply = relay.post(&alice, "/v1/messages", "{").await;
    reply.refused(400, "invalid_json");
    assert_eq!(standing(&reply), (2, 1));
    relay
        .post(&alice, "/v1/messages", "{")
        .await
        .refused(400, "invalid_json");
    assert_limited(&relay.post(&alice, "/v1/messages", "{").await, 2);
}

#[tokio::test]
async fn the_defaults_hold_on_a_public_relay_and_are_off_on_a_private_one() {
    let alice = agent(1);
    let reply = public(&[]).get(&alice, "/v1/messages").await.expect(200);
    assert_eq!(standing(&reply), (120, 119));
    let body = format!(r#"{{"recipient_key":"{}","body":1}}"#, alice.key());
    let reply = public(&[])
        .post(&alice, "/v1/messages", &body)
        .await
        .expect(202);
    assert_eq!(standing(&reply), (30, 29));
    let reply = public(&[]).get(&alice, &alice.path()).await.expect(200);
    assert_eq!(standing(&reply), (300, 299));
    let private = relay(&[]);
    for _ in 0..40 {
        let reply = private
            .post(&alice, "/v1/messages", &body)
            .await
            .expect(202);
        assert_eq!(reply.header("x-ratelimit-limit"), None);
    }
    let configured = relay(&["limits.send_per_minute=7"])
        .post(&alice, "/v1/messages", &body)
        .await
        .expect(202);
    assert_eq!(standing(&configured), (7, 6));
    let off = public(&["limits.send_per_minute=0"])
        .post(&alice, "/v1/messages", &body)
        .await
        .expect(202);
    assert_eq!(off.header("x-ratelimit-limit"), None);
}

fn plain(target: &str) -> Request<Body> {
    Request::get(target).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn what_counts_against_an_address_says_how_that_stands() {
    let relay = public(&["limits.failures_per_minute_per_ip=3"]);
    assert_eq!(
        standing(&relay.answer(plain("/")).await.expect(200)),
        (3, 2)
    );
    let unsigned = relay.answer(plain("/v1/messages")).await.expect(401);
    assert_eq!(standing(&unsigned), (3, 1));
    let nowhere = relay.answer(plain("/nowhere")).await.expect(404);
    assert_eq!(standing(&nowhere), (3, 0));
    let health = relay.answer(plain("/v1/health")).await.expect(200);
    assert_eq!(health.header("x-ratelimit-limit"), None);
}

#[tokio::test]
async fn requests_that_nobody_vouches_for_count_against_their_address() {
    let mut relay = public(&["limits.failures_per_minute_per_ip=3"]);
    let alice = agent(1);
    relay.answer(plain("/")).await.expect(200);
    relay
        .answer(plain("/nothing"))
        .await
        .refused(404, "not_found");
    relay
        .answer(plain("/v1/messages"))
        .await
        .refused(401, "missing_auth");
    assert_limited(&relay.answer(plain("/")).await, 3);
    // From here on this address is not listened to, but for what everyone may ask.
    assert_limited(&relay.get(&alice, "/v1/messages").await, 3);
    relay.answer(plain("/v1/health")).await.expect(200);
    relay.from = [192, 0, 2, 2].into();
    relay.get(&alice, "/v1/messages").await.expect(200);
}

#[tokio::test]
async fn health_and_preflights_and_good_requests_do_not_count() {
    let (relay, alice) = (public(&["limits.failures_per_minute_per_ip=1"]), agent(1));
    for _ in 0..5 {
        relay.answer(plain("/v1/health/live")).await.expect(200);
        let preflight = Request::options("/v1/messages")
            .body(Body::empty())
            .unwrap();
        relay.answer(preflight).await.expect(405);
        relay.get(&alice, "/v1/messages").await.expect(200);
        relay
            .get(&alice, "/v1/messages/nonsense")
            .await
            .refused(404, "message_not_found");
    }
    relay.answer(plain("/")).await.expect(200);
    relay
        .answer(plain("/"))
        .await
        .refused(429, "rate_limit_exceeded");
}

#[tokio::test]
async fn what_a_good_signature_may_not_do_is_no_failure_of_its_address() {
    let (relay, alice) = (
        public(&[
            "limits.failures_per_minute_per_ip=1",
            "limits.request_per_minute=1",
        ]),
        agent(1),
    );
    relay.get(&alice, &alice.path()).await.expect(200);
    for _ in 0..3 {
        assert_limited(&relay.get(&alice, &alice.path()).await, 1);
    }
    let time = fresh_time();
    let poll = || agent(2).signed("GET", "/v1/messages", "/v1/messages", "", time);
    relay.answer(poll()).await.expect(200);
    for left in [118, 117] {
        let reply = relay.answer(poll()).await;
        reply.refused(409, "replay_detected");
        assert_eq!(standing(&reply), (120, left));
    }
}

#[tokio::test]
async fn an_address_brings_so_many_new_agents_and_no_more() {
    let mut relay = public(&["limits.new_agents_per_hour_per_ip=2"]);
    relay.get(&agent(1), "/v1/messages").await.expect(200);
    relay.get(&agent(2), "/v1/messages").await.expect(200);
    let reply = relay.get(&agent(3), "/v1/messages").await;
    let details = reply.refused(429, "rate_limit_exceeded");
    assert_eq!(
        (&details["limit"], &details["window"]),
        (&2.into(), &"1h".into())
    );
    // Those that exist are served.
    relay.get(&agent(1), "/v1/messages").await.expect(200);
    relay.from = [192, 0, 2, 2].into();
    relay.get(&agent(3), "/v1/messages").await.expect(200);
}

#[tokio::test]
async fn a_trusted_proxy_speaks_for_its_clients() {
    let relay = public(&[
        "limits.new_agents_per_hour_per_ip=1",
        "access.trusted_proxies=192.0.2.0/24",
    ]);
    let from = |seed: u8, address: Option<&str>| {
        let mut request =
            agent(seed).signed("GET", "/v1/messages", "/v1/messages", "", fresh_time());
        if let Some(address) = address {
            request
                .headers_mut()
                .insert("x-forwarded-for", address.parse().unwrap());
        }
        request
    };
    relay
        .answer(from(1, Some("198.51.100.1")))
        .await
        .expect(200);
    relay
        .answer(from(2, Some("198.51.100.1")))
        .await
        .refused(429, "rate_limit_exceeded");
    relay
        .answer(from(3, Some("198.51.100.2")))
        .await
        .expect(200);
    // What the client itself wrote before the proxy's word counts for nothing.
    relay
        .answer(from(4, Some("203.0.113.9, 198.51.100.2")))
        .await
        .refused(429, "rate_limit_exceeded");
    for seed in 5..9 {
        relay.answer(from(seed, None)).await.expect(200);
    }
}

#[tokio::test]
async fn an_untrusted_peer_speaks_for_itself() {
    let relay = public(&["limits.new_agents_per_hour_per_ip=1"]);
    relay.get(&agent(1), "/v1/messages").await.expect(200);
    let mut request = agent(2).request("GET", "/v1/messages", "");
    request
        .headers_mut()
        .insert("x-forwarded-for", "198.51.100.2".parse().unwrap());
    relay
        .answer(request)
        .await
        .refused(429, "rate_limit_exceeded");
}
