//! Files that travel with messages, between real programs: sealed and in clear, to and from the published SDK, through faults.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tests::agent::Agent;
use tests::crafted::sealed_with_file;
use tests::disk::SmallDisk;
use tests::process::eventually;
use tests::relay::Relay;
use tests::sdk::SdkPeer;
use tests::user::User;

const MIB: usize = 1 << 20;

/// A user who knows the other by name.
fn acquainted(name: &str, relay: &Relay, other: &User) -> User {
    let user = User::at(name, relay);
    knows(&user, other.name(), &other.key());
    user
}

fn knows(user: &User, name: &str, key: &str) {
    let (status, answer) = user.api(
        "PUT",
        &format!("/v1/contacts/{name}"),
        Some(&json!({ "key": key })),
    );
    assert_eq!(status, 200, "{answer}");
}

/// A file with bytes that do not repeat soon.
fn file(user: &User, name: &str, length: usize) -> PathBuf {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    let bytes: Vec<u8> = words
        .take(length.div_ceil(8))
        .flatten()
        .take(length)
        .collect();
    let path = user.home().join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// Gives the daemon a file, and its id.
fn given(user: &User, name: &str, path: &Path) -> String {
    let (status, answer) = user.give(
        "PUT",
        &format!("/v1/blobs?filename={name}&type=text/x-test"),
        path,
    );
    assert_eq!(status, 201, "{answer}");
    assert_eq!(
        answer["size"].as_u64(),
        Some(path.metadata().unwrap().len())
    );
    answer["id"].as_str().unwrap().to_owned()
}

/// Sends a message with files, and gives what the daemon says.
fn sent(user: &User, to: &str, ids: &[&str], more: &Value) -> Value {
    let attachments: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
    let mut body = json!({ "to": to, "body": { "text": "a file" }, "attachments": attachments, "wait": "accepted", "wait_ms": 30_000 });
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let (status, answer) = user.api("POST", "/v1/send", Some(&body));
    assert_eq!(status, 200, "{answer}");
    answer
}

fn show(user: &User, id: &str) -> Option<Value> {
    let (status, message) = user.api("GET", &format!("/v1/messages/{id}"), None);
    (status == 200 && message["dir"] == "in").then_some(message)
}

/// Waits until the first attachment of a message is in a state, and gives it.
fn attachment(user: &User, id: &str, state: &str) -> Value {
    eventually(&format!("an attachment {state}"), || {
        let message = show(user, id)?;
        let attachment = &message["attachments"][0];
        (attachment["state"] == state).then(|| attachment.clone())
    })
}

fn path_of(attachment: &Value) -> PathBuf {
    PathBuf::from(attachment["path"].as_str().unwrap())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn folder_contains(folder: &Path, needle: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return folder_contains(&path, needle);
        }
        path.is_file()
            && fs::read(&path)
                .unwrap()
                .windows(needle.len())
                .any(|window| window == needle)
    })
}

#[test]
fn a_file_arrives_sealed_and_lies_where_its_message_says() {
    let relay = Relay::start();
    let laptop = User::at("laptop", &relay);
    let server = acquainted("server", &relay, &laptop);
    let path = laptop.home().join("secret");
    fs::write(&path, b"a file that only its recipient may read").unwrap();
    let id = given(&laptop, "Bericht%20M%C3%A4rz.txt", &path);
    assert!(!folder_contains(
        &laptop.home().join(".local/state/mrp"),
        b"only its recipient"
    ));
    let answer = sent(&laptop, &server.key(), &[&id], &json!({}));
    assert_eq!(answer["stage"], "accepted", "{answer}");
    let message = answer["message_id"].as_str().unwrap();
    let attachment = attachment(&server, message, "saved");
    let saved = path_of(&attachment);
    assert_eq!(fs::read(&saved).unwrap(), fs::read(&path).unwrap());
    assert_eq!(saved.file_name().unwrap(), "Bericht März.txt");
    assert!(
        saved
            .parent()
            .unwrap()
            .ends_with(format!("mrp/attachments/{message}"))
    );
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&saved), mode(saved.parent().unwrap())),
        (0o600, 0o700)
    );
    assert_eq!(names(saved.parent().unwrap()).len(), 1);
    assert_eq!(attachment["content_type"], "text/x-test");
    assert_eq!(attachment["encrypted"], true);
    assert!(!folder_contains(relay.data(), b"only its recipient"));
    assert!(!folder_contains(relay.data(), "Bericht".as_bytes()));
    // The file is gone when nothing needs it: it was sent, and is given up.
    let (status, _) = laptop.api("DELETE", &format!("/v1/blobs/{id}"), None);
    assert_eq!(status, 204);
    assert!(names(&laptop.home().join(".local/state/mrp/outgoing")).is_empty());
    // In clear, the relay has the same bytes. The oracle can fail.
    let id = given(&laptop, "plain.txt", &path);
    sent(
        &laptop,
        &server.key(),
        &[&id],
        &json!({ "sealing": "plain" }),
    );
    assert!(folder_contains(relay.data(), b"only its recipient"));
}

#[test]
fn files_of_strangers_and_large_ones_come_when_they_are_asked_for() {
    let relay = Relay::start();
    let laptop = User::at("laptop", &relay);
    let server = User::at("server", &relay);
    let path = file(&laptop, "file", 3000);
    let id = given(&laptop, "f.bin", &path);
    let answer = sent(&laptop, &server.key(), &[&id], &json!({}));
    let message = answer["message_id"].as_str().unwrap();
    let place = |number| format!("/v1/messages/{message}/attachments/{number}");
    attachment(&server, message, "remote");
    let out = server.home().join("out");
    assert_eq!(server.take(&place(1), &out), 404);
    assert_eq!(server.take(&place(0), &out), 200);
    assert_eq!(fs::read(&out).unwrap(), fs::read(&path).unwrap());
    let saved = path_of(&attachment(&server, message, "saved"));
    assert_eq!(fs::read(saved).unwrap(), fs::read(&path).unwrap());

    knows(&server, "laptop", &laptop.key());
    server.configure("[attachments]\nmax_size = \"2KiB\"");
    server.reload();
    let answer = sent(&laptop, &server.key(), &[&id], &json!({}));
    let message = answer["message_id"].as_str().unwrap();
    let left = eventually("a reason", || {
        let message = show(&server, message)?;
        Some(message["attachments"][0].clone()).filter(|attachment| attachment["error"].is_string())
    });
    assert_eq!(left["state"], "remote");
    assert!(
        left["error"].as_str().unwrap().contains("max_size"),
        "{left}"
    );
    let place = format!("/v1/messages/{message}/attachments/0");
    assert_eq!(server.take(&place, &out), 200);
}

#[test]
fn what_was_answered_survives_a_relay_that_is_away_and_a_kill() {
    let mut relay = Relay::start();
    let mut laptop = User::at("laptop", &relay);
    let server = acquainted("server", &relay, &laptop);
    let key = server.key();
    let path = file(&laptop, "file", 2 * MIB);
    relay.kill();
    let id = given(&laptop, "f.bin", &path);
    let answer = sent(&laptop, &key, &[&id], &json!({ "wait": "queued" }));
    assert_eq!(answer["stage"], "queued");
    let (status, refused) = laptop.api("DELETE", &format!("/v1/blobs/{id}"), None);
    assert_eq!(
        (status, &refused["error"]["code"]),
        (409, &json!("blob_in_use"))
    );
    laptop.kill_daemon();
    relay.resume();
    laptop.start_daemon();
    let message = eventually("the message", || server.inbox().into_iter().next());
    let saved = attachment(&server, message["id"].as_str().unwrap(), "saved");
    assert_eq!(fs::read(path_of(&saved)).unwrap(), fs::read(&path).unwrap());
    assert_eq!(server.inbox().len(), 1);
}

#[test]
fn files_go_to_the_published_sdk_and_come_from_it() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let (sdk, sdk_key) = SdkPeer::at(&relay);
    knows(&user, "sdk", &sdk_key);
    let path = file(&user, "file", 100_000);
    let content = fs::read(&path).unwrap();
    let name = path.to_str().unwrap();
    for command in ["send-file", "send-file-sealed"] {
        let id = sdk.run(&[command, &user.key(), name]).succeeded();
        let saved = attachment(&user, id.trim(), "saved");
        assert_eq!(fs::read(path_of(&saved)).unwrap(), content, "{command}");
    }
    let out = user.home().join("out");
    for (sealing, encrypted) in [("plain", json!(null)), ("always", json!(true))] {
        let id = given(&user, "f.bin", &path);
        sent(&user, "sdk", &[&id], &json!({ "sealing": sealing }));
        let said = sdk.run(&["fetch", out.to_str().unwrap()]).succeeded();
        let said: Value = serde_json::from_str(&said).unwrap();
        let is_sealed = said["encrypted"].as_bool().unwrap_or_default();
        assert_eq!(is_sealed, encrypted == json!(true), "{said}");
        assert_eq!(
            (&said["filename"], &said["type"]),
            (&json!("f.bin"), &json!("text/x-test"))
        );
        assert_eq!(fs::read(&out).unwrap(), content, "{sealing}");
    }
}

#[test]
fn blobs_are_put_shown_read_attached_and_removed() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let (sdk, sdk_key) = SdkPeer::at(&relay);
    let path = file(&user, "file", 50_000);
    let (status, blob) = user.give("POST", "/v1/blobs?filename=a.bin&type=text/x-test", &path);
    assert_eq!(status, 201, "{blob}");
    let id = blob["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("blob_") && blob["expires_at"].is_string());
    let at = format!("/v1/blobs/{id}");
    let (status, info) = user.api("GET", &format!("{at}/info"), None);
    assert_eq!(
        (status, &info["size"], &info["filename"]),
        (200, &json!(50_000), &json!("a.bin"))
    );
    let (_, list) = user.api("GET", "/v1/blobs", None);
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    let out = user.home().join("out");
    assert_eq!(user.take(&at, &out), 200);
    assert_eq!(fs::read(&out).unwrap(), fs::read(&path).unwrap());
    sent(&user, &sdk_key, &[&id], &json!({ "sealing": "plain" }));
    sdk.run(&["fetch", out.to_str().unwrap()]).succeeded();
    assert_eq!(fs::read(&out).unwrap(), fs::read(&path).unwrap());
    let (status, refused) = user.api("DELETE", &at, None);
    assert_eq!(
        (status, &refused["error"]["code"]),
        (409, &json!("blob_in_use"))
    );
    let other = file(&user, "other", 10);
    let (_, blob) = user.give("POST", "/v1/blobs", &other);
    let at = format!("/v1/blobs/{}", blob["id"].as_str().unwrap());
    assert_eq!(user.api("DELETE", &at, None).0, 204);
    assert_eq!(user.take(&at, &out), 404);
    let (_, list) = user.api("GET", "/v1/blobs", None);
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
}

#[test]
fn what_cannot_be_sent_is_refused_with_the_limit() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    user.configure("[attachments]\nmax_outgoing = \"1KiB\"\noutgoing_bytes = \"1500\"");
    user.reload();
    let large = file(&user, "large", 2000);
    let (status, refused) = user.give("PUT", "/v1/blobs", &large);
    assert_eq!(
        (status, &refused["error"]["code"]),
        (413, &json!("too_large")),
        "{refused}"
    );
    let small = file(&user, "small", 1000);
    let id = given(&user, "a", &small);
    let (status, refused) = user.give("PUT", "/v1/blobs", &small);
    assert_eq!(status, 503, "{refused}");
    assert!(
        refused["error"]["message"]
            .as_str()
            .unwrap()
            .contains("1500"),
        "{refused}"
    );
    let (status, refused) = user.give("PUT", "/v1/blobs?filename=..%2Fa", &small);
    assert_eq!(
        (status, &refused["error"]["code"]),
        (400, &json!("invalid_request")),
        "{refused}"
    );
    let send = |id: &str| {
        let body = json!({ "to": "me", "body": 1, "attachments": [{ "id": id }] });
        let (status, answer) = user.api("POST", "/v1/send", Some(&body));
        (status, answer["error"]["code"].as_str().map(str::to_owned))
    };
    assert_eq!(send("file_none"), (404, Some("blob_not_found".to_owned())));
    assert_eq!(
        send("../etc/passwd"),
        (400, Some("invalid_request".to_owned()))
    );
    let eleven = vec![json!({ "id": id }); 11];
    let body = json!({ "to": "me", "body": 1, "attachments": eleven });
    let (status, answer) = user.api("POST", "/v1/send", Some(&body));
    assert_eq!(status, 400, "{answer}");
    assert_eq!(send(&id).0, 200);
}

#[test]
fn hostile_names_lead_nowhere_and_other_bytes_are_not_kept() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    user.configure("[attachments]\ndownload = \"always\"");
    user.reload();
    let attachments = user.home().join(".local/share/mrp/attachments");
    for (said, name) in [
        ("../../../.ssh/authorized_keys", "authorized_keys"),
        ("/etc/cron.d/evil", "evil"),
        (".bashrc", "bashrc"),
        ("..", "attachment-1"),
        ("gpj\u{202e}.exe\u{1b}[2J", "gpj.exe[2J"),
        ("NUL", "_NUL"),
    ] {
        let id = sealed_with_file(
            &relay,
            7,
            &user,
            said.as_bytes(),
            &json!({ "filename": said }),
        );
        let saved = path_of(&attachment(&user, &id, "saved"));
        assert_eq!(saved, attachments.join(&id).join(name));
        assert_eq!(fs::read(saved).unwrap(), said.as_bytes());
    }
    assert!(!user.home().join(".ssh").exists());
    let hash = format!("sha256:{}", "0".repeat(64));
    for (said, why) in [
        (json!({ "size": 5 }), "more of it than the 5 bytes"),
        (json!({ "size": 11 }), "11 were announced"),
        (json!({ "hash": hash }), "not those that were sent"),
        (json!({ "encrypted": true }), "sealed for somebody else"),
        (
            json!({ "encrypted": true, "dek_enc": "A".repeat(43), "dek_ct": "A".repeat(64) }),
            "key cannot be opened",
        ),
    ] {
        let id = sealed_with_file(&relay, 7, &user, b"ten bytes!", &said);
        let failed = attachment(&user, &id, "failed");
        assert!(failed["error"].as_str().unwrap().contains(why), "{failed}");
        let folder = attachments.join(&id);
        assert!(!folder.exists() || names(&folder).is_empty(), "{said}");
    }
}

#[test]
fn a_full_disk_leaves_nothing_half_written_and_the_file_comes_when_there_is_room() {
    let Some(disk) = SmallDisk::mount("4m") else {
        return;
    };
    let relay = Relay::start();
    let laptop = User::at("laptop", &relay);
    let server = acquainted("server", &relay, &laptop);
    let dir = disk.path().join("attachments");
    server.configure(&format!("[attachments]\ndir = {:?}", dir.to_str().unwrap()));
    server.reload();
    disk.fill(1 << 20);
    let path = file(&laptop, "file", 2 * MIB);
    let id = given(&laptop, "f.bin", &path);
    let answer = sent(&laptop, &server.key(), &[&id], &json!({}));
    let message = answer["message_id"].as_str().unwrap();
    let waiting = eventually("a failed attempt", || {
        let message = show(&server, message)?;
        Some(message["attachments"][0].clone()).filter(|attachment| attachment["error"].is_string())
    });
    assert_eq!(waiting["state"], "waiting", "{waiting}");
    assert!(
        waiting["error"]
            .as_str()
            .unwrap()
            .contains("cannot be saved"),
        "{waiting}"
    );
    assert!(names(&dir.join(message)).is_empty());
    disk.clear();
    let saved = attachment(&server, message, "saved");
    assert_eq!(fs::read(path_of(&saved)).unwrap(), fs::read(&path).unwrap());
}

/// Most memory that the daemon ever had, in KiB.
fn peak_memory(user: &mut User) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", user.daemon().id())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_large_file_is_never_whole_in_memory() {
    const MOST: u64 = 8 << 10;
    let relay = Relay::start();
    let mut laptop = User::at("laptop", &relay);
    let mut server = acquainted("server", &relay, &laptop);
    server.configure("[attachments]\nmax_size = \"64MiB\"");
    server.reload();
    let key = server.key();
    // What the first file costs, any file costs.
    let small = file(&laptop, "small", MIB);
    let id = given(&laptop, "small.bin", &small);
    let answer = sent(&laptop, &key, &[&id], &json!({}));
    attachment(&server, answer["message_id"].as_str().unwrap(), "saved");
    let before = (peak_memory(&mut laptop), peak_memory(&mut server));
    let large = file(&laptop, "large", 60 * MIB);
    let id = given(&laptop, "large.bin", &large);
    let answer = sent(&laptop, &key, &[&id], &json!({ "wait_ms": 120_000 }));
    let message = answer["message_id"].as_str().expect("accepted");
    let saved = path_of(&attachment(&server, message, "saved"));
    assert!(fs::read(saved).unwrap() == fs::read(&large).unwrap());
    let out = server.home().join("out");
    assert_eq!(
        server.take(&format!("/v1/messages/{message}/attachments/0"), &out),
        200
    );
    assert_eq!(out.metadata().unwrap().len(), 60 << 20);
    let grown = (
        peak_memory(&mut laptop) - before.0,
        peak_memory(&mut server) - before.1,
    );
    assert!(
        grown.0 < MOST && grown.1 < MOST,
        "KiB of peak memory for 60 MiB out and in: {grown:?}; before: {before:?}"
    );
}

#[test]
fn a_relay_cannot_talk_sealing_down() {
    let relay = Relay::start();
    let mut laptop = User::at("laptop", &relay);
    let server = User::at("server", &relay);
    let (_sdk, sdk_key) = SdkPeer::at(&relay);
    let (server_key, seed) = (
        server.key(),
        fs::read(server.home().join(".mrp/keys/server.key")).unwrap(),
    );
    for (name, key) in [("server", &server_key), ("sdk", &sdk_key)] {
        let contact = json!({ "key": key, "encrypt": "auto" });
        assert_eq!(
            laptop
                .api("PUT", &format!("/v1/contacts/{name}"), Some(&contact))
                .0,
            200
        );
    }
    let is_sealed =
        |laptop: &User, to: &str| sent(laptop, to, &[], &json!({}))["encrypted"] == true;
    assert!(
        !is_sealed(&laptop, "sdk"),
        "nothing says that it opens sealed messages"
    );
    eventually("the profile to say so", || {
        // Its owner publishes it as soon as its session is up.
        let agent = Agent::new(9);
        let profile = agent.request(
            relay.address(),
            "GET",
            &format!("/v1/agents/{server_key}"),
            b"",
        );
        (profile.json(200)["metadata"]["e2e"] == "2").then_some(())
    });
    assert!(is_sealed(&laptop, "server"));
    // The relay shows another profile from now on, and nothing but the store remembers the first.
    let owner = Agent::of_seed(&seed.try_into().unwrap());
    let target = format!("/v1/agents/{server_key}");
    owner
        .request(
            relay.address(),
            "PATCH",
            &target,
            br#"{"metadata":{"role":"x"}}"#,
        )
        .expect(200);
    laptop.kill_daemon();
    laptop.start_daemon();
    assert!(is_sealed(&laptop, "server"));
    assert!(!is_sealed(&laptop, "sdk"));
}

#[test]
fn where_encryption_is_required_nothing_goes_in_clear() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let path = user.home().join(".config/mrp/mrpd.toml");
    let text = fs::read_to_string(&path).unwrap();
    let strict = text.replacen("[[agent]]", "[[agent]]\nrequire_encryption = true", 1);
    assert_ne!(strict, text);
    fs::write(&path, strict).unwrap();
    user.reload();
    let contact = json!({ "key": Agent::new(5).key(), "encrypt": "never" });
    assert_eq!(user.api("PUT", "/v1/contacts/plain", Some(&contact)).0, 200);
    for body in [
        json!({ "to": "me", "body": 1, "sealing": "plain" }),
        json!({ "to": "plain", "body": 1 }),
    ] {
        let (status, refused) = user.api("POST", "/v1/send", Some(&body));
        assert_eq!(
            (status, &refused["error"]["code"]),
            (422, &json!("encryption_required")),
            "{refused}"
        );
    }
    let answer = sent(&user, "me", &[], &json!({}));
    assert_eq!(answer["encrypted"], true);
}
