//! Limits of one connection, and who is behind it.

use crate::harness::{agent, on_the_wire as signed};
use crate::wire::{Client, SHORT, start};
use relayd::{Config, ListenAddress};
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::time::Instant;

#[tokio::test]
async fn a_later_head_has_its_time_too_and_the_pause_before_it_does_not_count() {
    let relay = start(|config, _| config.timeouts.head = 2 * SHORT).await;
    let mut client = relay.connect().await;
    client.get_health().await;
    // Longer than a head may take: it is the pause between requests that is waited out here.
    tokio::time::sleep(3 * SHORT).await;
    client.get_health().await;
    // In two pieces, quickly.
    client.write("GET /v1/health/live HTT").await;
    client.write("P/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
    tokio::time::sleep(3 * SHORT).await;
    client.get_health().await;
    let begun = Instant::now();
    client.write("GET /v1/health/live HTTP/1.1\r\nhost:").await;
    client.closed().await;
    // Long before the pause between requests is over.
    assert!(begun.elapsed() < relay_keep_alive() / 2);
    relay.end().await;
}

#[tokio::test]
async fn a_page_can_read_what_is_refused_before_its_request_is_read() {
    for (origins, allowed) in [("*", true), (r#"["https://page.example"]"#, false)] {
        let relay = start(|config, _| {
            let assignment = format!("access.cors_origins={origins}");
            config.set(&assignment).expect("a valid setting");
        })
        .await;
        let mut client = relay.connect().await;
        client
            .write("POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: one\r\n\r\n")
            .await;
        let answer = client.answer().await;
        assert_eq!(answer.status, 400);
        assert!(answer.head.contains("x-request-id: "), "{}", answer.head);
        let is_allowed = answer.head.contains("access-control-allow-origin: *");
        assert_eq!(is_allowed, allowed, "{}", answer.head);
        relay.end().await;
    }
}

fn relay_keep_alive() -> std::time::Duration {
    Config::default().timeouts.keep_alive
}

#[tokio::test]
async fn a_connection_serves_so_many_requests_and_no_more() {
    const MOST: usize = 10_000;
    const BATCH: usize = 500;
    let relay = start(|_, _| {}).await;
    let mut client = relay.connect().await;
    let request = "GET /v1/health/live HTTP/1.1\r\nhost: x\r\n\r\n";
    for batch in 0..MOST / BATCH {
        client.write(request.repeat(BATCH)).await;
        for number in 1..=BATCH {
            let answer = client.answer().await;
            assert_eq!(answer.status, 200);
            let is_last = batch * BATCH + number == MOST;
            assert_eq!(
                answer.head.contains("connection: close"),
                is_last,
                "{}",
                answer.head
            );
        }
    }
    client.closed().await;
    relay.end().await;
}

#[tokio::test]
async fn a_body_may_have_its_limit_where_it_is_read_and_little_where_it_is_not() {
    let relay = start(|_, _| {}).await;
    let alice = agent(1);
    let mut client = relay.connect().await;
    // Two MiB to the byte are taken in, and found to be no message.
    let whole = "x".repeat(2 << 20);
    client
        .write(signed(&alice, "POST", "/v1/messages", &whole))
        .await;
    client.answer().await.refused(400, "invalid_json");
    client
        .write(signed(&alice, "GET", "/v1/messages", &"x".repeat(64 << 10)))
        .await;
    assert_eq!(client.answer().await.status, 200);
    client
        .write(signed(
            &alice,
            "GET",
            "/v1/messages",
            &"x".repeat((64 << 10) + 1),
        ))
        .await;
    client.answer().await.refused(413, "payload_too_large");
    drop(client);
    relay.end().await;
}

/// One new agent per address, and proxies that are believed.
fn behind(config: &mut Config, proxies: &str) {
    config.set("public_url=https://relay.example.net").unwrap();
    config.set("limits.new_agents_per_hour_per_ip=1").unwrap();
    config
        .set(&format!("access.trusted_proxies={proxies}"))
        .unwrap();
}

/// A poll of a new agent, as a proxy hands it on.
fn forwarded(seed: u8, address: &str) -> String {
    let request = signed(&agent(seed), "GET", "/v1/messages", "");
    request.replacen("\r\n", &format!("\r\nx-forwarded-for: {address}\r\n"), 1)
}

#[tokio::test]
async fn a_proxy_on_a_unix_socket_speaks_for_its_clients_if_it_is_trusted() {
    for (proxies, second) in [("unix", 429), ("10.0.0.0/8", 200)] {
        let relay = start(|config, folder: &TempDir| {
            behind(config, proxies);
            config.listen = vec![ListenAddress::Unix(folder.path().join("http.sock"))];
        })
        .await;
        let path = relay.data_dir.path().join("http.sock");
        let mut proxy = Client::new(UnixStream::connect(path).await.unwrap());
        proxy.write(forwarded(1, "198.51.100.1")).await;
        assert_eq!(proxy.answer().await.status, 200);
        // Whom nobody is believed to speak for is a process of this machine, which has no limit per address.
        proxy.write(forwarded(2, "198.51.100.1")).await;
        assert_eq!(proxy.answer().await.status, second);
        proxy.write(forwarded(3, "198.51.100.2")).await;
        assert_eq!(proxy.answer().await.status, 200);
        relay.end().await;
    }
}

#[tokio::test]
async fn a_proxy_over_tcp_speaks_for_its_clients_if_it_is_trusted() {
    for (proxies, other) in [("127.0.0.0/8", 200), ("10.0.0.0/8", 429)] {
        let relay = start(|config, _| behind(config, proxies)).await;
        let mut proxy = relay.connect().await;
        proxy.write(forwarded(1, "198.51.100.1")).await;
        assert_eq!(proxy.answer().await.status, 200);
        proxy.write(forwarded(2, "198.51.100.1")).await;
        assert_eq!(proxy.answer().await.status, 429);
        // Another client to the relay only if the proxy is believed.
        proxy.write(forwarded(3, "198.51.100.2")).await;
        assert_eq!(proxy.answer().await.status, other);
        relay.end().await;
    }
}
