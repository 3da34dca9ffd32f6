//! The commands of mrpctl about other people, as scripts meet them: who is there, who may write, who waits at the door.

use serde_json::{Value, json};
use tests::agent::Agent;
use tests::process::eventually;
use tests::relay::Relay;
use tests::sdk::lines;
use tests::user::User;

/// A key that is in nobody's contacts and at no relay.
const NOBODY: &str = "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w";

fn object(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

fn add_contact(user: &User, name: &str, key: &str) {
    user.mrpctl(&["contact", "add", name, key]).succeeded();
}

#[test]
fn who_is_public_is_found_and_what_they_say_is_told_from_who_they_are() {
    let relay = Relay::start();
    let laptop = User::at("laptop", &relay);
    let server = User::at("server", &relay);
    let key = server.key();
    let set = [
        "profile",
        "set",
        "--name",
        "alice",
        "--visibility",
        "public",
    ];
    server.mrpctl(&set).succeeded();
    let add = [
        "cap",
        "add",
        "text:translate",
        "--desc",
        "Other words",
        "--tag",
        "translate",
    ];
    server.mrpctl(&add).succeeded();

    let found = lines(&laptop.mrpctl(&["find", "translate"]).succeeded());
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (
            &found[0]["public_key"],
            &found[0]["display_name"],
            &found[0]["contact"]
        ),
        (&json!(key), &json!("alice"), &Value::Null)
    );
    assert_eq!(found[0]["capabilities"][0]["description"], "Other words");
    add_contact(&laptop, "bob", &key);
    for arguments in [
        &["discover", "--query", "other words"][..],
        &["find", "--name", "ali", "--active", "1h"],
        &["find", "translate", "--limit", "1", "--relay", "local"],
    ] {
        let found = lines(&laptop.mrpctl(arguments).succeeded());
        assert_eq!(found[0]["contact"], "bob", "{arguments:?}");
    }
    let table = laptop.mrpctl(&["find", "-o", "table"]).succeeded();
    let row = table.lines().nth(1).unwrap();
    assert!(
        row.starts_with("bob") && row.contains("\"alice\""),
        "{table}"
    );
    assert_eq!(laptop.mrpctl(&["find", "no-such-tag"]).succeeded(), "");
    assert_eq!(
        laptop
            .mrpctl(&["find", "no-such-tag", "-o", "json"])
            .succeeded(),
        "[]\n"
    );

    let tags = laptop.mrpctl(&["caps", "-o", "json"]).succeeded();
    assert_eq!(
        object(&tags),
        json!([{"tag": "translate", "agent_count": 1}])
    );
    let capabilities = lines(&laptop.mrpctl(&["caps", "bob"]).succeeded());
    assert_eq!(capabilities[0]["name"], "text:translate");
    let profile = object(&laptop.mrpctl(&["lookup", &key]).succeeded());
    assert_eq!(
        (&profile["contact"], &profile["visibility"]),
        (&json!("bob"), &json!("public"))
    );
    let profile = laptop.mrpctl(&["lookup", "bob", "-o", "text"]).succeeded();
    assert!(profile.contains("\nsays it is   \"alice\"\n"), "{profile}");

    laptop
        .mrpctl(&["lookup", "bop"])
        .failed(67, "did you mean bob?");
    laptop
        .mrpctl(&["caps", "bop"])
        .failed(67, "did you mean bob?");
    laptop.mrpctl(&["lookup", NOBODY]).failed(1, "not");
    laptop.mrpctl(&["lookup", ""]).failed(64, "empty");
    laptop
        .mrpctl(&["find", "--active", "soon"])
        .failed(64, "10s, 5m");
    laptop
        .mrpctl(&["find", "--limit", "0"])
        .failed(64, "1..=100000");
    laptop
        .mrpctl(&["find", "--relay", "nowhere"])
        .failed(78, "nowhere");
    laptop
        .mrpctl(&["contact", "show", "bop"])
        .failed(1, "did you mean bob?");
    laptop
        .mrpctl(&["contact", "rename", "bop", "x"])
        .failed(67, "did you mean bob?");
    laptop
        .mrpctl(&["contact", "rm", "bop"])
        .failed(1, "did you mean bob?");
}

#[test]
fn more_agents_than_a_page_has_are_found_page_after_page() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    for number in 1..=103 {
        let agent = Agent::new(number);
        let target = format!("/v1/agents/{}", agent.key());
        let body = br#"{"visibility":"public"}"#;
        let json = "content-type: application/json\r\n";
        agent
            .request_with(relay.address(), "PATCH", &target, json, body)
            .expect(200);
    }
    for (limit, count) in [("1000", 103), ("101", 101)] {
        let found = lines(&user.mrpctl(&["find", "--limit", limit]).succeeded());
        let mut keys: Vec<_> = found.iter().map(|one| one["public_key"].as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }
    assert_eq!(lines(&user.mrpctl(&["find"]).succeeded()).len(), 20);
}

#[test]
fn a_card_is_drawn_for_a_camera() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let card = user.mrpctl(&["card"]).succeeded();
    let drawn = user.mrpctl(&["card", "--qr"]).succeeded();
    let code = drawn.strip_suffix(&card).unwrap();
    assert!(code.lines().count() > 15 && code.contains('▀'), "{drawn}");
    assert_eq!(user.mrpctl(&["whoami", "--qr"]).succeeded(), drawn);
}

#[test]
fn who_may_write_is_said_by_lists_and_policy() {
    let mut relay = Relay::start();
    let laptop = User::at("laptop", &relay);
    let server = User::at("server", &relay);
    let key = laptop.key();
    let to = server.key();
    add_contact(&server, "me-too", &key);
    let send = |text: &str| {
        laptop
            .mrpctl(&["send", &to, text, "--wait", "delivered"])
            .code()
    };

    assert_eq!(server.mrpctl(&["block", "me-too"]).succeeded(), "");
    assert_ne!(send("blocked"), 0);
    let listed = lines(&server.mrpctl(&["acl", "ls", "--block"]).succeeded());
    assert_eq!(
        (
            &listed[0]["type"],
            &listed[0]["name"],
            &listed[0]["key"],
            &listed[0]["relay"]
        ),
        (
            &json!("block"),
            &json!("me-too"),
            &json!(key),
            &json!("local")
        )
    );
    assert_eq!(server.mrpctl(&["acl", "ls", "--allow"]).succeeded(), "");
    server.mrpctl(&["unblock", &key]).succeeded();
    assert_eq!(send("unblocked"), 0);

    let policy = || server.mrpctl(&["policy", "-o", "raw"]).succeeded();
    assert_eq!(policy(), "blocklist\n");
    server.mrpctl(&["policy", "allowlist"]).succeeded();
    assert_eq!(policy(), "allowlist\n");
    assert_ne!(send("a stranger"), 0);
    server.mrpctl(&["allow", "me-too"]).succeeded();
    assert_eq!(send("allowed"), 0);
    assert_eq!(server.texts(), ["unblocked", "allowed"]);

    let ended = server.mrpctl(&["allow", "me-to", &key, NOBODY]);
    ended.failed(67, "did you mean me-too?");
    assert_eq!(
        lines(&server.mrpctl(&["acl", "ls"]).succeeded()).len(),
        2,
        "the others are let in all the same"
    );
    server
        .mrpctl(&["unblock", "me-too", "me-too"])
        .failed(1, "no");
    server
        .mrpctl(&["policy", "everybody"])
        .failed(64, "everybody");
    server
        .mrpctl(&["acl", "ls", "--allow", "--block"])
        .failed(64, "cannot be used with");
    server.mrpctl(&["block"]).failed(64, "required");
    relay.kill();
    server.mrpctl(&["policy"]).failed(69, "");
    server.mrpctl(&["block", "me-too"]).failed(69, "");
}

#[test]
fn a_policy_that_is_configured_is_changed_where_it_is_configured() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    user.mrpctl(&["config", "set", "agent.laptop.inbox_policy", "blocklist"])
        .succeeded();
    user.mrpctl(&["policy", "closed"]).succeeded();
    let configured = user.mrpctl(&["config", "get", "agent.laptop.inbox_policy"]);
    assert_eq!(configured.succeeded(), "closed\n");
    assert_eq!(
        user.mrpctl(&["policy", "-o", "raw"]).succeeded(),
        "closed\n"
    );
}

/// A drop-in says less than the user's own file: what is changed is said there.
#[test]
fn what_a_drop_in_configures_is_changed_above_it() {
    let relay = Relay::start();
    let mut user = User::at("laptop", &relay);
    let folder = user.home().join(".config/mrp/mrpd.d");
    std::fs::create_dir(&folder).unwrap();
    let drop_in = folder.join("10-policy.toml");
    let text = "[[agent]]\nname = \"laptop\"\ninbox_policy = \"blocklist\"\n";
    std::fs::write(&drop_in, text).unwrap();
    user.reload();
    user.mrpctl(&["policy", "closed"]).succeeded();
    let configured = |user: &User, key: &str| {
        let key = format!("agent.laptop.{key}");
        user.mrpctl(&["config", "get", &key]).succeeded()
    };
    assert_eq!(configured(&user, "inbox_policy"), "closed\n");
    assert_eq!(std::fs::read_to_string(&drop_in).unwrap(), text);
    user.terminate_daemon();
    user.start_daemon();
    assert_eq!(
        user.mrpctl(&["policy", "-o", "raw"]).succeeded(),
        "closed\n",
        "it is put again when the daemon starts"
    );

    // All of the identity is configured there, and the file begins without it.
    let own = std::fs::read_to_string(user.config_file()).unwrap();
    let place = own.find("[[agent]]").unwrap();
    let whole = own[place..].replace("closed", "blocklist");
    std::fs::write(&drop_in, whole).unwrap();
    for (arguments, key, value) in [
        (&["policy", "open"][..], "inbox_policy", "open\n"),
        (
            &["config", "set", "agent.laptop.visibility", "public"],
            "visibility",
            "public\n",
        ),
        (
            &["profile", "set", "--name", "Lap"],
            "display_name",
            "Lap\n",
        ),
        (&["relay", "use", "local"], "relays", "[\"local\"]\n"),
    ] {
        std::fs::write(user.config_file(), &own[..place]).unwrap();
        user.reload();
        assert_eq!(configured(&user, "inbox_policy"), "blocklist\n");
        user.mrpctl(arguments).succeeded();
        assert_eq!(configured(&user, key), value, "{arguments:?}");
        let written = std::fs::read_to_string(user.config_file()).unwrap();
        assert_eq!(written.matches("[[agent]]").count(), 1, "{written}");
    }
    user.mrpctl(&["config", "set", "agent.nobody.visibility", "public"])
        .failed(78, "no agent of the name nobody");
}

#[test]
fn strangers_wait_until_they_are_let_in_or_sent_away() {
    let relay = Relay::start();
    let laptop = User::at("laptop", &relay);
    let server = User::at("server", &relay);
    server.configure("[inbox]\nhold_unknown_senders = true");
    server.reload();
    let key = laptop.key();
    let to = server.key();
    let send = |text: &str| {
        laptop
            .mrpctl(&["send", &to, text])
            .succeeded()
            .trim()
            .to_owned()
    };
    let held = |count: usize| {
        eventually("the message is held", || {
            let held = lines(&server.mrpctl(&["pending", "ls"]).succeeded());
            (held.len() == count).then_some(held)
        })
    };
    let first = send("let me in");
    let shown = held(1);
    assert_eq!(
        (
            &shown[0]["id"],
            &shown[0]["from"]["key"],
            &shown[0]["text"],
            &shown[0]["state"]
        ),
        (
            &json!(first),
            &json!(key),
            &json!("let me in"),
            &json!("held")
        )
    );
    let dropped = object(&server.mrpctl(&["pending", "reject", &first]).succeeded());
    assert_eq!(dropped["messages"], 1);
    send("please");
    held(1);
    let accept = ["pending", "accept", &key[..8], "--name", "laptop"];
    assert_eq!(object(&server.mrpctl(&accept).succeeded())["messages"], 1);
    assert_eq!(server.texts(), ["please"]);
    let contact = object(&server.mrpctl(&["contact", "show", "laptop"]).succeeded());
    assert_eq!(contact["key"], json!(key));
    assert_eq!(server.mrpctl(&["pending", "ls"]).succeeded(), "");

    server
        .mrpctl(&["pending", "accept", "abcdefgh"])
        .failed(1, "nothing is held of abcdefgh");
    server
        .mrpctl(&["pending", "reject", &first])
        .failed(1, "nothing is held");
    let two = ["pending", "accept", NOBODY, &key, "--name", "x"];
    server.mrpctl(&two).failed(65, "one contact has one key");
    server.mrpctl(&["pending", "accept"]).failed(64, "required");
}
