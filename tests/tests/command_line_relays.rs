//! The commands of mrpctl about relays, blobs and webhooks, as scripts meet them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Map, Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use tests::DEADLINE;
use tests::process::eventually;
use tests::relay::Relay;
use tests::sdk::lines;
use tests::user::User;

fn object(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

fn configuration(user: &User) -> String {
    std::fs::read_to_string(user.config_file()).unwrap()
}

#[test]
fn relays_are_added_put_first_asked_and_forgotten() {
    let relay = Relay::start();
    let mut away = Relay::start();
    let user = User::at("laptop", &relay);
    user.configure("# what I wrote myself");
    let url = away.url();
    assert_eq!(user.mrpctl(&["relay", "add", "away", &url]).succeeded(), "");
    user.mrpctl(&["relay", "add", "away", &url]).succeeded();
    let listed = lines(&user.mrpctl(&["relay", "ls"]).succeeded());
    assert_eq!(
        listed,
        [
            json!({"name": "local", "url": relay.url(), "agents": ["laptop"]}),
            json!({"name": "away", "url": url, "agents": ["laptop"]}),
        ]
    );
    let first = || object(&user.mrpctl(&["whoami"]).succeeded())["relays"].clone();
    assert_eq!(first(), json!(["local", "away"]));
    user.mrpctl(&["relay", "use", "away"]).succeeded();
    assert_eq!(first(), json!(["away", "local"]));
    assert!(configuration(&user).contains("# what I wrote myself"));

    let health = lines(&user.mrpctl(&["relay", "ping"]).succeeded());
    let names: Vec<_> = health.iter().map(|one| &one["relay"]).collect();
    assert_eq!(names, ["away", "local"]);
    assert!(
        health[0]["round_trip_ms"].is_u64() && health[0]["error"].is_null(),
        "{health:?}"
    );
    user.mrpctl(&["send", "me", "hi"]).succeeded();
    let limits = lines(&user.mrpctl(&["relay", "limits"]).succeeded());
    assert_eq!(
        (&limits[0]["agent"], &limits[0]["relay"]),
        (&json!("laptop"), &json!("away"))
    );
    let none = user.mrpctl(&["relay", "limits", "--relay", "local"]);
    assert_eq!(none.stderr, "no relay has named a limit yet\n");
    assert_eq!(none.succeeded(), "");
    away.kill();
    let ended = user.mrpctl(&["relay", "ping", "-o", "table"]);
    assert_eq!(ended.code(), 69, "{ended:?}");
    assert!(
        ended.stderr.contains("the relay away does not answer"),
        "{ended:?}"
    );
    assert!(
        ended.stdout.contains("local"),
        "who answers is shown all the same: {ended:?}"
    );
    user.mrpctl(&["relay", "ping", "local"]).succeeded();

    let before = configuration(&user);
    user.mrpctl(&["relay", "add", "away", "https://relay.example.net"])
        .failed(65, "another relay");
    user.mrpctl(&["relay", "add", "twin", &url])
        .failed(78, "the same as that of the relay");
    user.mrpctl(&["relay", "add", "x", "ws://x"])
        .failed(64, "neither http nor https");
    user.mrpctl(&["relay", "add", "a b", &url])
        .failed(64, "cannot be a name");
    user.mrpctl(&["relay", "use", "awai"])
        .failed(78, "did you mean away?");
    user.mrpctl(&["relay", "rm", "awai"])
        .failed(1, "did you mean away?");
    user.mrpctl(&["relay", "ping", "nowhere"])
        .failed(78, "nowhere");
    assert_eq!(
        configuration(&user),
        before,
        "what is refused changes nothing"
    );
    user.mrpctl(&["relay", "rm", "away"]).succeeded();
    assert_eq!(first(), json!(["local"]));
    user.mrpctl(&["relay", "rm", "local"])
        .failed(78, "there is no relay");
    assert_eq!(
        first(),
        json!(["local"]),
        "an identity keeps its last relay"
    );
}

#[test]
fn a_blob_goes_up_and_comes_down_as_it_is() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    std::fs::write(user.home().join("data.bin"), &bytes).unwrap();
    let id = user
        .mrpctl(&["blob", "put", "data.bin", "--type", "application/x-data"])
        .succeeded();
    let id = id.trim();
    assert!(id.starts_with("blob_"), "{id}");
    let info = object(&user.mrpctl(&["blob", "info", id]).succeeded());
    assert_eq!(
        (
            &info["size"],
            &info["filename"],
            &info["type"],
            &info["hash"]
        ),
        (
            &json!(300_000),
            &json!("data.bin"),
            &json!("application/x-data"),
            &json!(&id[5..])
        )
    );
    std::fs::write(user.home().join("copy.bin"), "what was there").unwrap();
    user.mrpctl(&["blob", "download", id, "-O", "copy.bin"])
        .succeeded();
    assert_eq!(std::fs::read(user.home().join("copy.bin")).unwrap(), bytes);

    let put = [
        "blob",
        "upload",
        "-",
        "--filename",
        "words.txt",
        "-o",
        "json",
    ];
    let piped = object(&user.mrpctl_with(&put, b"some words\n").succeeded());
    let words = piped["id"].as_str().unwrap();
    assert_eq!(piped["filename"], "words.txt");
    assert_eq!(
        user.mrpctl(&["blob", "get", words]).succeeded(),
        "some words\n"
    );
    let nowhere = ["blob", "get", words, "-O", "no/such/file"];
    user.mrpctl(&nowhere).failed(73, "no/such/file");
    let listed = lines(&user.mrpctl(&["blob", "ls"]).succeeded());
    let ids: Vec<_> = listed
        .iter()
        .map(|blob| blob["id"].as_str().unwrap())
        .collect();
    assert!(
        ids.len() == 2 && ids.contains(&id) && ids.contains(&words),
        "{ids:?}"
    );

    user.mrpctl(&["blob", "rm", words, "blob_000000000000", id])
        .failed(66, "");
    assert_eq!(
        user.mrpctl(&["blob", "ls"]).succeeded(),
        "",
        "the others are gone all the same"
    );
    let missing = user.mrpctl(&["blob", "get", id, "-O", "copy.bin"]);
    missing.failed(66, "");
    assert_eq!(
        std::fs::read(user.home().join("copy.bin")).unwrap(),
        bytes,
        "what is there stays"
    );
    user.mrpctl(&["blob", "put", "missing.bin"])
        .failed(66, "missing.bin");
    user.mrpctl(&["blob", "put", "."]).failed(66, "is a folder");
    user.mrpctl(&["blob", "info", "nonsense"])
        .failed(65, "nonsense");
    let files: Vec<_> = std::fs::read_dir(user.home()).unwrap().flatten().collect();
    let part = files
        .iter()
        .find(|file| file.path().extension().is_some_and(|end| end == "part"));
    assert!(part.is_none(), "{part:?}");
}

/// Takes one delivery, answers it, and gives it in the form that `webhook verify` reads.
fn delivery(listener: &TcpListener) -> Value {
    listener.set_nonblocking(true).unwrap();
    let accepted = eventually("a delivery", || listener.accept().ok());
    let mut stream = accepted.0;
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut headers = Map::new();
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_uppercase(), json!(value));
    }
    let length = headers["CONTENT-LENGTH"].as_str().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    stream
        .write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        .unwrap();
    json!({"headers": headers, "body": String::from_utf8(body).unwrap()})
}

#[test]
fn a_webhook_is_set_shown_and_its_deliveries_are_told_from_forged_ones() {
    let relay = Relay::start_with_local_webhooks();
    let sender = User::at("laptop", &relay);
    let mut user = User::at("server", &relay);
    let key = user.key();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/mrp", listener.local_addr().unwrap());

    user.mrpctl(&["webhook", "show"]).failed(1, "");
    let secret = user
        .mrpctl(&["webhook", "set", &url, "--generate", "-o", "raw"])
        .succeeded();
    assert_eq!(secret.trim().len(), 43);
    std::fs::write(user.home().join("secret"), &secret).unwrap();
    let shown = object(&user.mrpctl(&["webhook", "show"]).succeeded());
    assert_eq!(
        (&shown["url"], &shown["enabled"]),
        (&json!(url), &json!(true))
    );
    assert!(
        !shown.to_string().contains(secret.trim()),
        "a secret is shown once"
    );
    std::fs::write(user.home().join("short"), "too short").unwrap();
    user.mrpctl(&["webhook", "set", &url])
        .failed(64, "required");
    user.mrpctl(&["webhook", "set", &url, "--secret-file", "short"])
        .failed(65, "secret");
    user.mrpctl(&["webhook", "set", &url, "--secret-file", "missing"])
        .failed(66, "missing");
    let set = [
        "webhook",
        "set",
        &url,
        "--secret-file",
        "secret",
        "-o",
        "json",
    ];
    assert_eq!(object(&user.mrpctl(&set).succeeded()).get("secret"), None);

    // While an agent has a session its mail goes there.
    user.terminate_daemon();
    sender.mrpctl(&["send", &key, "by webhook"]).succeeded();
    let mut request = delivery(&listener);
    let verify = |file: &str, request: &Value| {
        let arguments = ["webhook", "verify", "--secret-file", file];
        user.mrpctl_with(&arguments, request.to_string().as_bytes())
    };
    let verified = object(&verify("secret", &request).succeeded());
    assert_eq!(
        (
            &verified["valid"],
            &verified["covers"],
            &verified["delivery_id"]
        ),
        (
            &json!(true),
            &json!("everything"),
            &request["headers"]["WEBHOOK-ID"]
        )
    );
    std::fs::write(user.home().join("other"), "another secret, as long").unwrap();
    verify("other", &request).failed(65, "does not match");
    let mut forged = request.clone();
    forged["body"] = json!("{}");
    verify("secret", &forged).failed(65, "does not match");
    let early = [
        "webhook",
        "verify",
        "--secret-file",
        "secret",
        "--max-age",
        "0",
    ];
    let headers = request["headers"].as_object_mut().unwrap();
    headers.remove("WEBHOOK-SIGNATURE");
    let ended = verify("secret", &request);
    assert!(ended.stderr.contains("may be an old delivery"), "{ended:?}");
    assert_eq!(object(&ended.succeeded())["covers"], "body");
    user.mrpctl_with(&early, b"")
        .failed(66, "there is no delivery");
    user.mrpctl_with(&early, b"{}")
        .failed(65, "this is no delivery");
    verify("secret", &json!({"headers": {}, "body": "{}"})).failed(65, "not signed");

    user.start_daemon();
    user.mrpctl(&["webhook", "rm"]).succeeded();
    user.mrpctl(&["webhook", "show"]).failed(1, "");
}
