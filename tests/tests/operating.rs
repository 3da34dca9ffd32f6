//! What an operator does with a relay beside serving: its configuration, its health, its figures.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tests::process::{Ended, Process, eventually};
use tests::programs;
use tests::relay::Relay;
use tests::user::User;
use tests::wire::{Agent, Connection, get};

fn relayd(arguments: &[&str]) -> Ended {
    let mut command = Command::new(programs::path("relayd"));
    command.env_clear().args(arguments);
    Process::start(command, b"").wait()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn init_writes_a_configuration_that_the_relay_takes_and_replaces_none() {
    let home = tempfile::tempdir().unwrap();
    let (file, data) = (
        home.path().join("etc/relayd.toml"),
        home.path().join("data"),
    );
    let said = relayd(&["init", "--config", text(&file)]).succeeded();
    assert!(
        said.contains(text(&file)) && said.contains("relayd serve --config"),
        "{said}"
    );
    let checked = relayd(&[
        "check",
        "--config",
        text(&file),
        "--data-dir",
        text(&data),
        "--listen",
        "127.0.0.1:0",
    ]);
    let said = checked.succeeded();
    assert!(said.starts_with("ok: a private relay"), "{said}");
    let written = fs::read_to_string(&file).unwrap();
    let refused = relayd(&["init", "--config", text(&file)]);
    assert_eq!(refused.code(), 73, "{refused:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), written);

    let public = home.path().join("public.toml");
    let domain = ["--domain", "relay.example.net", "--acme", "ops@example.net"];
    relayd(&[&["init", "--config", text(&public)][..], &domain].concat()).succeeded();
    let written = fs::read_to_string(&public).unwrap();
    for line in [
        "\npublic_url = \"https://relay.example.net\"\n",
        "\nlisten = [\"0.0.0.0:443\", \"[::]:443\"]\n",
        "\n[tls.acme]\ndomains = [\"relay.example.net\"]\nemail = \"ops@example.net\"\n",
    ] {
        assert!(written.contains(line), "{line} is not in {written}");
    }
    let wrong = relayd(&[
        "init",
        "--config",
        text(&home.path().join("x")),
        "--domain",
        "no domain",
    ]);
    assert_eq!(wrong.code(), 64, "{wrong:?}");
    assert!(
        wrong.stderr.contains("--domain \"no domain\""),
        "{}",
        wrong.stderr
    );
    assert_eq!(relayd(&["init", "--acme", "ops@example.net"]).code(), 64);
}

#[test]
fn check_names_file_line_and_field_of_fields_that_contradict_each_other() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("relayd.toml");
    fs::write(
        &file,
        "log = \"info\"\n\n[tls]\ncert = \"/etc/relayd/cert.pem\"\n",
    )
    .unwrap();
    let refused = relayd(&["check", "--config", text(&file)]);
    assert_eq!(refused.code(), 78, "{refused:?}");
    assert!(
        refused.stderr.contains("relayd.toml:4: tls.cert: "),
        "{}",
        refused.stderr
    );
}

#[test]
fn healthcheck_tells_a_relay_that_serves_from_one_that_does_not() {
    let home = tempfile::tempdir().unwrap();
    let socket = home.path().join("http.sock");
    let listen = format!("unix:{}", socket.display());
    let mut relay = Relay::start();
    let also = Relay::start_with(&["--listen", &listen]);
    let healthy = |arguments: &[&str]| {
        let mut all = vec!["healthcheck"];
        all.extend_from_slice(arguments);
        relayd(&all)
    };
    assert_eq!(healthy(&[&relay.url()]).succeeded(), "ok\n");
    assert_eq!(healthy(&["--listen", relay.address()]).succeeded(), "ok\n");
    assert_eq!(healthy(&[&listen]).succeeded(), "ok\n");
    assert_eq!(healthy(&["--listen", &listen]).succeeded(), "ok\n");
    let missing = healthy(&[&format!("{}/v1/nothing", relay.url())]);
    assert_eq!(missing.code(), 1, "{missing:?}");
    assert!(missing.stderr.contains("404"), "{}", missing.stderr);
    drop(also);
    let url = relay.url();
    relay.terminate();
    let gone = healthy(&[&url]);
    assert_eq!(gone.code(), 1, "{gone:?}");
    assert!(gone.stderr.contains(&url), "{}", gone.stderr);
    assert_eq!(healthy(&["ftp://example.net"]).code(), 1);
}

#[test]
fn healthcheck_does_not_wait_for_ever() {
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let begun = Instant::now();
    let ended = relayd(&[
        "healthcheck",
        &format!("http://{}", deaf.local_addr().unwrap()),
    ]);
    assert_eq!(ended.code(), 1, "{ended:?}");
    assert!(ended.stderr.contains("within 5 s"), "{}", ended.stderr);
    assert!(begun.elapsed() < Duration::from_secs(30));
}

/// The value of a series.
fn value(metrics: &str, series: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(series));
    let value = line.unwrap_or_else(|| panic!("{series} is not in {metrics}"));
    value.trim().parse().unwrap()
}

#[test]
fn the_figures_say_what_was_done_and_are_not_where_clients_are() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let relay = Relay::start_with(&[
        "--set",
        &format!("metrics.listen={free}"),
        "--set",
        "limits.send_per_minute=3",
    ]);
    let (alice, bob) = (Agent::numbered(1), Agent::numbered(2));
    let mut connection = Connection::to(relay.address());
    for number in 1..=4 {
        let request = alice.send(&bob, &number.to_string());
        connection
            .ask(&request.text)
            .expect(if number <= 3 { 202 } else { 429 });
    }
    let forged = bob
        .send(&alice, "1")
        .text
        .replace("\"body\":1", "\"body\":2");
    connection.ask(&forged).expect(401);
    let poll = || bob.request("GET", "/v1/messages?limit=1", "", "");
    let taken = connection.ask(&poll().text).expect(200).json();
    assert_eq!(taken["messages"].as_array().unwrap().len(), 1);
    let next = bob.request("GET", "/v1/messages?limit=1&ack=manual", "", "");
    let next = connection.ask(&next.text).expect(200).json();
    let id = next["messages"][0]["message_id"].as_str().unwrap();
    let acknowledge = bob.request("POST", &format!("/v1/messages/{id}/ack"), "", "");
    connection.ask(&acknowledge.text).expect(204);
    connection.ask(&get("/metrics")).expect(404);

    let carol = User::at("carol", &relay);
    let dave = User::at("dave", &relay);
    carol.mrpctl(&["send", &dave.key(), "hello"]).succeeded();
    eventually("the message", || (!dave.texts().is_empty()).then_some(()));

    let metrics = || {
        Connection::to(&free.to_string())
            .ask(&get("/metrics"))
            .expect(200)
            .body
    };
    eventually("the acknowledgement", || {
        (value(
            &metrics(),
            "relayd_messages_delivered_total{channel=\"websocket\"}",
        ) >= 1.0)
            .then_some(())
    });
    let shown = metrics();
    for (series, expected) in [
        ("relayd_messages_delivered_total{channel=\"poll\"}", 1.0),
        ("relayd_messages_delivered_total{channel=\"ack\"}", 1.0),
        (
            "relayd_requests_total{route=\"/v1/messages\",method=\"POST\",status=\"4xx\"}",
            2.0,
        ),
        (
            "relayd_requests_total{route=\"/v1/messages/{id}/ack\",method=\"POST\",status=\"2xx\"}",
            1.0,
        ),
        (
            "relayd_requests_total{route=\"none\",method=\"GET\",status=\"4xx\"}",
            1.0,
        ),
        ("relayd_verifications_total{outcome=\"mismatch\"}", 1.0),
        ("relayd_limits_hit_total{limit=\"send_per_minute\"}", 1.0),
        ("relayd_refusals_total{code=\"rate_limit_exceeded\"}", 1.0),
        ("relayd_sockets", 2.0),
        ("relayd_store_reopened_total", 0.0),
        ("relayd_store_queued_operations", 0.0),
    ] {
        assert_eq!(value(&shown, series), expected, "{series}");
    }
    for series in [
        "relayd_messages_accepted_total",
        "relayd_verifications_total{outcome=\"good\"}",
        "relayd_store_commit_seconds_count",
        "relayd_store_fsync_seconds_count",
        "relayd_store_commit_operations_count",
        "relayd_request_seconds_count{route=\"/v1/messages\",method=\"POST\"}",
        "relayd_replay_guard_entries",
        "relayd_connections",
        "relayd_disk_free_bytes",
    ] {
        assert!(value(&shown, series) >= 1.0, "{series}");
    }
    assert!(shown.contains("relayd_build_info{version=\""), "{shown}");
    assert!(shown.ends_with("# EOF\n"), "{shown}");
    for key in [alice.key().to_string(), dave.key()] {
        assert!(!shown.contains(&key[..8]), "{shown}");
    }
    let mut admin = Connection::to_socket(&relay.data().join("admin.sock"));
    let there = admin.ask(&get("/metrics")).expect(200);
    assert!(
        there.head.contains("application/openmetrics-text"),
        "{}",
        there.head
    );
    assert!(there.body.contains("relayd_messages_accepted_total"));
    let mut other = Connection::to(&free.to_string());
    assert_eq!(other.ask(&get("/v1/health")).status, 404);
    assert_eq!(
        other
            .ask("POST /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
            .status,
        405
    );
}

#[test]
fn a_metrics_address_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let home = tempfile::tempdir().unwrap();
    let assignment = format!("metrics.listen={address}");
    let refused = relayd(&[
        "serve",
        "--data-dir",
        text(home.path()),
        "--listen",
        "127.0.0.1:0",
        "--set",
        &assignment,
    ]);
    assert_eq!(refused.code(), 69, "{refused:?}");
    assert!(refused.stderr.contains(&address), "{}", refused.stderr);
}
