//! Who is meant, wherever mrpctl is told: groups, keys that begin with a hyphen, cards, mistyped options, names that nobody has.

use serde_json::{Value, json};
use tests::crafted::key_beginning_with;
use tests::relay::Relay;
use tests::sdk::lines;
use tests::user::User;

/// A key that is in nobody's contacts and at no relay.
const NOBODY: &str = "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w";

fn send(user: &User, to: &str, text: &str) {
    user.mrpctl(&["send", to, text, "--wait", "delivered"])
        .succeeded();
}

#[test]
fn messages_of_a_group_are_read_like_those_of_one() {
    let relay = Relay::start();
    let users = ["ann", "ben", "eve"].map(|name| User::at(name, &relay));
    let [ann, ben, eve] = &users;
    ann.mrpctl(&["contact", "add", "ben", &ben.key()])
        .succeeded();
    ann.configure("[groups]\nops = [\"ben\", \"me\", \"gone\"]\nnobody = [\"gone\"]");
    ann.reload();
    for (user, text) in [(ben, "of ben"), (eve, "of eve")] {
        send(user, &ann.key(), text);
    }
    send(ann, "me", "of myself");

    let read = |arguments: &[&str]| {
        let shown = ann.mrpctl(&[arguments, &["-o", "raw"]].concat());
        let mut texts: Vec<String> = shown.succeeded().lines().map(str::to_owned).collect();
        texts.sort();
        texts
    };
    let wanted = ["of ben", "of myself"];
    for command in [
        &["tail", "--no-follow", "--from", "@ops"][..],
        &["inbox", "--from", "@ops"],
        &["recv", "--no-follow", "--from", "@ops"],
        &["wait", "--since", "1h", "-c", "2", "--from", "@ops"],
        &["next", "--no-wait", "-n", "9", "--from", "@ops"],
    ] {
        assert_eq!(read(command), wanted, "{command:?}");
    }
    let exported = ann.mrpctl(&["export", "--from", "@ops"]).succeeded();
    assert!(lines(&exported).len() >= 2, "{exported}");
    assert!(!exported.contains("of eve"), "{exported}");
    assert_eq!(read(&["inbox", "--from", "@nobody"]), [""; 0]);
    ann.mrpctl(&["inbox", "--from", "@none"])
        .failed(67, "there is no group \"@none\"; known: nobody, ops");

    let (status, meant) = ann.api("GET", "/v1/recipients/%40ops", None);
    let keys: Vec<&Value> = meant["recipients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["key"])
        .collect();
    assert_eq!(status, 200, "{meant}");
    assert_eq!(keys.len(), 2, "{meant}");
    assert!(keys.contains(&&json!(ann.key())), "{meant}");
    assert_eq!(meant["missing"], json!(["gone"]));
    ben.mrpctl(&["inbox", "--from", "@none"])
        .failed(67, "there are none: they are made in [groups] of mrpd.toml");
    let said = ben.mrpctl(&["publish", "none", "x"]);
    assert!(said.stderr.contains("[[topic]] of mrpd.toml"), "{said:?}");
}

#[test]
fn a_card_without_a_name_is_no_contact_yet_and_a_name_is_one_that_can_be_typed() {
    let relay = Relay::start();
    let user = User::at("ann", &relay);
    for card in [
        format!("mrp:{NOBODY}?name="),
        format!("mrp:{NOBODY}?name=%20&relay="),
    ] {
        user.mrpctl(&["contact", "add", &card])
            .failed(64, "the card suggests no name");
    }
    user.mrpctl(&["card", "--name", ""]).failed(64, "empty");
    for name in ["@ops", ".", "..", "a/b", "a\\b"] {
        let refused = user.mrpctl(&["contact", "add", name, NOBODY]);
        refused.failed(65, "name:");
    }
    let card = format!("mrp:{NOBODY}?name=-x");
    user.mrpctl(&["contact", "add", &card]).failed(65, "name:");
    let card = format!("mrp:{NOBODY}?name=bob&relay=ftp%3A%2F%2Frelay.example.net");
    user.mrpctl(&["contact", "add", &card])
        .failed(65, "ftp://relay.example.net");
    user.mrpctl(&["send", &card, "hi"])
        .failed(67, "ftp://relay.example.net");

    // What is there already stays usable, so that it can be renamed.
    let text = json!({ "contacts": [{ "name": "@old", "public_key": NOBODY }] }).to_string();
    std::fs::write(user.home().join(".mrp/contacts.json"), text).unwrap();
    let shown = user.mrpctl(&["contact", "show", "@old", "--note", "x"]);
    assert_ne!(shown.code(), 0, "show takes no note");
    user.mrpctl(&["contact", "show", "@old"]).succeeded();
    user.mrpctl(&["contact", "add", "@old", NOBODY, "--note", "x"])
        .succeeded();
    user.mrpctl(&["contact", "rename", "@old", "@new"])
        .failed(65, "name:");
    user.mrpctl(&["contact", "rename", "@old", "new"])
        .succeeded();
    user.mrpctl(&["contact", "show", "new"]).succeeded();
}

#[test]
fn a_mistyped_option_is_told_from_a_person_everywhere() {
    let relay = Relay::start();
    let user = User::at("ann", &relay);
    for (arguments, option) in [
        (&["lookup", "--jsn"][..], "--json"),
        (&["caps", "--jsn"], "--json"),
        (&["allow", "--rely", "x"], "--relay"),
        (&["block", "--rely", "x"], "--relay"),
        (&["unblock", "--rely", "x"], "--relay"),
        (&["contact", "show", "--jsn"], "--json"),
        (&["contact", "rm", "--jsn"], "--json"),
        (&["contact", "rename", "--jsn", "x"], "--json"),
        (&["chat", "--thred"], "--thread"),
        (&["subscribe", "--jsn"], "--json"),
        (&["unsubscribe", "--jsn"], "--json"),
        (&["pending", "accept", "--nam", "x"], "--name"),
        (&["tail", "--from", "--no-folow"], "--no-follow"),
        (&["inbox", "--from", "--unred"], "--unread"),
        (&["mcp", "--allow-to", "--read-onl"], "--read-only"),
    ] {
        user.mrpctl(arguments)
            .failed(64, &format!("did you mean the flag {option}?"));
    }
    user.mrpctl(&["lookup", "-jx"]).failed(64, "-jx");
    let said = user.mrpctl(&["lookup", "-abcdefgh"]);
    assert_eq!(said.code(), 67, "the beginning of a key: {said:?}");
    assert!(!said.stderr.contains("flag"), "{said:?}");
}

#[test]
fn contacts_go_by_their_keys_too_and_nobody_is_one_status() {
    let relay = Relay::start();
    let user = User::at("ann", &relay);
    let (_, key) = key_beginning_with("-");
    user.mrpctl(&["contact", "add", "dash", &key]).succeeded();
    let name = || {
        user.mrpctl(&["contact", "show", &key, "--jq", ".name"])
            .succeeded()
    };
    assert_eq!(name(), "dash\n");
    user.mrpctl(&["contact", "rename", &key, "dot"]).succeeded();
    assert_eq!(name(), "dot\n");
    user.mrpctl(&["contact", "rename", "DOT", "Dash"])
        .succeeded();
    user.mrpctl(&["contact", "rm", &key]).succeeded();
    for gone in [
        &["contact", "show", &key][..],
        &["contact", "rm", &key],
        &["contact", "rm", "nobody"],
        &["hook", "show", "nope"],
        &["hook", "enable", "nope"],
    ] {
        user.mrpctl(gone).failed(1, "there is no");
    }
    user.mrpctl(&["contact", "rename", &key, "x"])
        .failed(67, "there is no");
}

#[test]
fn what_is_answered_goes_by_its_place_too() {
    let relay = Relay::start();
    let user = User::at("ann", &relay);
    send(&user, "me", "first");
    let seq = user
        .mrpctl(&["inbox", "--jq", ".seq", "--limit", "1"])
        .succeeded();
    let seq = seq.trim();
    user.mrpctl(&["reply", seq, "second", "--wait", "delivered"])
        .succeeded();
    let answer = user
        .mrpctl(&["tail", "-n", "1", "--no-follow", "--jq", ".text"])
        .succeeded();
    assert_eq!(answer, "second\n");
    user.mrpctl(&["reply", "999999", "x"])
        .failed(1, "there is no message with the seq 999999");

    user.configure("[[hook]]\nname = \"show\"\nfrom = [\"*\"]\nstdin = \"text\"\nexec = [\"cat\"]");
    user.reload();
    let tried = user.mrpctl(&["hook", "test", "show", "--message", seq, "-o", "json"]);
    let tried: Value = serde_json::from_str(&tried.succeeded()).unwrap();
    assert_eq!(tried["stdout"].as_str().map(str::trim), Some("first"));
    user.mrpctl(&["hook", "test", "show", "--message", "999999"])
        .failed(1, "999999");
}
