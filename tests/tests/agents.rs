//! Agents and how they show themselves: keys from everywhere, profiles that follow the configuration, bound signatures, and what is
//! asked of relays.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use tests::process::{Process, eventually};
use tests::programs;
use tests::relay::Relay;
use tests::user::User;

fn get(user: &User, path: &str) -> Value {
    let (status, answer) = user.api("GET", path, None);
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// A user of a relay whose agent is configured as `agent` says, beside its name, key and relay.
fn configured(name: &str, relay: &Relay, agent: &str) -> User {
    let mut user = User::blank(name);
    write_key(&user.home().join(".mrp/keys").join(format!("{name}.key")));
    configure(&user, relay, agent);
    user.start_daemon();
    user
}

fn configure(user: &User, relay: &Relay, agent: &str) {
    let file = user.home().join(".config/mrp/mrpd.toml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let (name, url) = (user.name(), relay.url());
    let text = format!(
        "[[relay]]\nname = \"home\"\nurl = \"{url}\"\n[[agent]]\nname = \"{name}\"\n{agent}\n"
    );
    std::fs::write(file, text).unwrap();
}

fn write_key(path: &Path) {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    let folder = path.parent().unwrap();
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder).unwrap();
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .unwrap();
    let mut seed = [0; 32];
    let mut random = std::fs::File::open("/dev/urandom").unwrap();
    std::io::Read::read_exact(&mut random, &mut seed).unwrap();
    std::io::Write::write_all(&mut file, &seed).unwrap();
}

#[test]
fn the_profile_follows_the_configuration_and_the_session_stays() {
    let mut relay = Relay::start();
    let alice = configured(
        "alice",
        &relay,
        "display_name = \"Alice\"\nvisibility = \"public\"",
    );
    let bob = User::at("bob", &relay);
    let key = alice.key();
    let lookup = || {
        let (status, profile) = bob.api("GET", &format!("/v1/lookup/{key}"), None);
        (status == 200).then_some(profile)
    };
    eventually("the profile", || {
        lookup().filter(|profile| profile["display_name"] == "Alice")
    });
    let session = || get(&alice, "/v1/status")["sessions"][0].clone();
    let before = session();
    assert_eq!(before["state"], "up");

    let capability = "[[capability]]\nname = \"disk-usage\"\ndescription = \"Free space\"\ntags = [\"sys:disk\"]\nexec = [\"/bin/true\"]";
    let agent =
        "display_name = \"Alice A.\"\nvisibility = \"public\"\nmetadata = { role = \"nas\" }";
    configure(&alice, &relay, &format!("{agent}\n{capability}"));
    alice.reload();
    let profile = eventually("the new profile", || {
        lookup().filter(|profile| profile["display_name"] == "Alice A.")
    });
    assert_eq!(profile["metadata"], json!({ "e2e": "2", "role": "nas" }));
    assert_eq!(profile["capabilities"][0]["name"], "disk-usage");
    assert_eq!(
        session(),
        before,
        "a profile is no reason for another session"
    );
    let found = get(&bob, "/v1/discover?tag=sys:disk&limit=5");
    assert_eq!(found["agents"][0]["public_key"], key.as_str());
    assert_eq!(
        get(&bob, "/v1/discover?tag=sys:disk,none:here")["agents"],
        json!([])
    );
    assert_eq!(
        get(&bob, "/v1/capabilities")["capabilities"][0],
        json!({ "tag": "sys:disk", "agent_count": 1 })
    );

    // What is not configured any more is taken back, also when the relay was away meanwhile.
    relay.terminate();
    configure(&alice, &relay, agent);
    alice.reload();
    relay.resume();
    eventually("a profile without capabilities", || {
        lookup().filter(|profile| profile["capabilities"] == json!([]))
    });
}

#[test]
fn a_capability_that_is_written_wrongly_stays_as_it_was() {
    let relay = Relay::start();
    let good =
        "[[capability]]\nname = \"disk-usage\"\ndescription = \"one\"\nexec = [\"/bin/true\"]";
    let alice = configured("alice", &relay, good);
    let described = |text: &str| {
        let profile = get(&alice, "/v1/profile");
        (profile[0]["profile"]["capabilities"][0]["description"] == text).then_some(())
    };
    eventually("the capability", || described("one"));
    let wrong = good
        .replace("one", "two")
        .replace("description", "tags = [\"a b\"]\ndescription");
    configure(&alice, &relay, &wrong);
    alice.reload();
    let warnings = get(&alice, "/v1/status")["warnings"].to_string();
    assert!(warnings.contains("capability.disk-usage"), "{warnings}");
    assert!(described("one").is_some());
}

#[test]
fn keys_come_from_files_programs_and_credentials() {
    let relay = Relay::start();
    let user = User::blank("alice");
    let credentials = user.home().join("credentials");
    write_key(&user.home().join(".mrp/keys/alice.key"));
    write_key(&user.home().join("other.key"));
    write_key(&credentials.join("third"));
    let other = user.home().join("other.key");
    let agents = format!(
        "[[agent]]\nname = \"second\"\nkey_command = [\"cat\", {other:?}]\n[[agent]]\nname = \"third\"\nkey_credential = \"third\""
    );
    configure(&user, &relay, &agents);
    let mut command: Command = user.command(programs::path("mrpd"));
    command.env("CREDENTIALS_DIRECTORY", &credentials);
    let mut daemon = Process::start(command, b"");
    daemon.line_after("mrpd ready ");
    eventually("three sessions", || {
        let sessions = get(&user, "/v1/status")["sessions"].clone();
        let up = |session: &&Value| session["state"] == "up";
        (sessions.as_array()?.iter().filter(up).count() == 3).then_some(())
    });
    let agents = get(&user, "/v1/agents");
    let sources: Vec<&str> = (0..3)
        .map(|index| agents[index]["key_source"].as_str().unwrap())
        .collect();
    assert!(sources[0].ends_with("alice.key"));
    assert_eq!(&sources[1..], ["command cat", "credential third"]);
    // Each writes as itself.
    for name in ["second", "third"] {
        let send = json!({ "agent": name, "to": agents[0]["key"], "body": { "text": name } });
        assert_eq!(user.api("POST", "/v1/send", Some(&send)).0, 200);
    }
    let messages = eventually("a message of each", || {
        let messages = user.inbox();
        (messages.len() == 2).then_some(messages)
    });
    for message in messages {
        let name = message["text"].as_str().unwrap();
        let agent = agents
            .as_array()
            .unwrap()
            .iter()
            .find(|agent| agent["name"] == name);
        assert_eq!(message["from"]["key"], agent.unwrap()["key"]);
        assert_eq!(
            (&message["agent"], &message["verified"]),
            (&json!("alice"), &json!(true))
        );
    }
}

#[test]
fn bound_signatures_can_be_required() {
    let relay = Relay::start();
    let alice = configured("alice", &relay, "bound_auth = \"require\"");
    let required = |value: bool| {
        let profile = get(&alice, "/v1/profile");
        let required = profile[0]["profile"]["require_bound_auth"].as_bool();
        (required.unwrap_or(false) == value).then_some(())
    };
    eventually("a relay that wants bound signatures", || required(true));
    let send = json!({ "to": "me", "body": {}, "wait": "delivered", "wait_ms": 20_000 });
    let (_, sent) = alice.api("POST", "/v1/send", Some(&send));
    assert_eq!(sent["stage"], "delivered", "{sent}");
    let warnings = get(&alice, "/v1/status")["warnings"].clone();
    assert_eq!(warnings, json!([]));
    configure(&alice, &relay, "");
    alice.reload();
    eventually("a relay that takes any signature", || required(false));
}

#[test]
fn who_may_write_is_said_by_name() {
    let relay = Relay::start();
    let alice = User::at("alice", &relay);
    let bob = User::at("bob", &relay);
    let contact = json!({ "key": bob.key() });
    assert_eq!(alice.api("PUT", "/v1/contacts/bob", Some(&contact)).0, 200);
    let (status, _) = alice.api("PUT", "/v1/acl/bob", Some(&json!({ "type": "allow" })));
    assert_eq!(status, 200);
    let listed = get(&alice, "/v1/acl");
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(
        (&listed[0]["name"], &listed[0]["type"]),
        (&json!("bob"), &json!("allow"))
    );
    let policy = |name: &str| alice.api("PUT", "/v1/policy", Some(&json!({ "policy": name })));
    assert_eq!(policy("allowlist").0, 200);
    assert_eq!(get(&alice, "/v1/policy")["policy"], "allowlist");
    let (status, refused) = policy("everybody");
    assert_eq!(
        (status, &refused["error"]["code"]),
        (400, &json!("invalid_json"))
    );
    assert_eq!(alice.api("DELETE", "/v1/acl/bob", None).0, 200);
    let (status, refused) = alice.api("DELETE", "/v1/acl/bob", None);
    assert_eq!(
        (status, &refused["error"]["code"]),
        (404, &json!("unknown_to_relay"))
    );
    let (status, refused) = alice.api("PUT", "/v1/acl/nobody", Some(&json!({ "type": "allow" })));
    assert_eq!(
        (status, &refused["error"]["code"]),
        (404, &json!("unknown_recipient"))
    );
}

#[test]
fn a_relay_says_how_it_is_and_where_it_announces_messages() {
    let mut relay = Relay::start_with_local_webhooks();
    let alice = User::at("alice", &relay);
    let limits = get(&alice, "/v1/limits");
    let health = &limits["relays"][0];
    assert!(
        health["features"]
            .as_array()
            .unwrap()
            .contains(&json!("rfc9421")),
        "{limits}"
    );
    assert!(
        health["clock_ahead_ms"].as_i64().unwrap().abs() < 5000,
        "{limits}"
    );

    assert_eq!(alice.api("GET", "/v1/webhook", None).0, 404);
    let webhook =
        json!({ "url": "http://127.0.0.1:9009/hook", "secret": "a secret of some length" });
    let (status, put) = alice.api("PUT", "/v1/webhook", Some(&webhook));
    assert_eq!((status, &put["url"]), (200, &webhook["url"]), "{put}");
    assert!(!put.to_string().contains("a secret"));
    assert_eq!(get(&alice, "/v1/webhook")["enabled"], true);
    assert_eq!(alice.api("DELETE", "/v1/webhook", None).0, 204);
    let short = json!({ "url": "http://127.0.0.1:9009/hook", "secret": "short" });
    let (status, refused) = alice.api("PUT", "/v1/webhook", Some(&short));
    assert_eq!(
        (status, &refused["error"]["code"]),
        (400, &json!("invalid_request"))
    );

    relay.kill();
    let (status, refused) = alice.api("GET", "/v1/capabilities", None);
    assert_eq!(
        (status, &refused["error"]["code"]),
        (502, &json!("relay_unreachable"))
    );
    let limits = get(&alice, "/v1/limits");
    assert_eq!(limits["relays"][0]["error"]["code"], "relay_unreachable");
    let (status, refused) = alice.api("GET", "/v1/limits?relay=none", None);
    assert_eq!(
        (status, &refused["error"]["code"]),
        (404, &json!("unknown_relay"))
    );
    assert_eq!(alice.api("GET", "/v1/limits?relais=none", None).0, 400);
}
