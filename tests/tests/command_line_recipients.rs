//! `mrpctl send` to several: whoever is meant by more than one name gets a message once, and once under one `--id`.

use serde_json::Value;
use tests::process::Ended;
use tests::relay::Relay;
use tests::sdk::lines;
use tests::user::User;

/// Ann, who knows bob, and has a group that he is in.
fn pair(relay: &Relay) -> (User, User) {
    let (ann, bob) = (User::at("ann", relay), User::at("bob", relay));
    let key = bob.key();
    ann.mrpctl(&["contact", "add", "bob", &key]).succeeded();
    ann.mrpctl(&["config", "set", "groups.ops", "[\"bob\"]"])
        .succeeded();
    (ann, bob)
}

/// What was sent, a line each.
fn sent(ended: Ended) -> Vec<(Value, Value)> {
    let results = lines(&ended.succeeded());
    let named = results
        .iter()
        .map(|one| (one["to"].clone(), one["id"].clone()));
    named.collect()
}

#[test]
fn whoever_is_named_in_several_ways_gets_one_message() {
    let relay = Relay::start();
    let (ann, bob) = pair(&relay);
    let key = bob.key();
    let card = format!("mrp:{key}?name=robert");
    for names in [
        &["bob", &key][..],
        &["Bob", "bob"],
        &["@ops", "bob"],
        &["bob", "@ops", &card, &format!("ed25519:{key}"), &key[..8]],
    ] {
        let mut arguments = vec!["send", "hi", "-o", "jsonl"];
        arguments.extend(names.iter().flat_map(|name| ["--to", name]));
        let sent = sent(ann.mrpctl(&arguments));
        assert_eq!(sent.len(), 1, "{names:?}: {sent:?}");
        assert_eq!(sent[0].0, key.as_str());
    }
    let both = ["send", "hi", "-o", "jsonl", "--to", "me", "--to", "bob"];
    assert_eq!(sent(ann.mrpctl(&both)).len(), 2);
    // Who is not known keeps it from nobody else.
    let some = ["send", "hi", "--to", "nobody", "--to", "bob", "-o", "jsonl"];
    let some = ann.mrpctl(&some);
    assert_eq!(
        (some.code(), lines(&some.stdout).len()),
        (67, 1),
        "{some:?}"
    );
    assert!(some.stderr.contains("nobody"), "{some:?}");
}

#[test]
fn an_id_is_each_recipients_whatever_they_are_called() {
    let relay = Relay::start();
    let (ann, bob) = pair(&relay);
    let key = bob.key();
    let card = format!("mrp:{key}?name={}", "x".repeat(60));
    let long = "i".repeat(120);
    for id in ["standup", &long] {
        let send = |to: &str| {
            let several = ["--to", to, "--to", "me", "--id", id, "-o", "jsonl"];
            sent(ann.mrpctl(&[&["send", "hi"], &several[..]].concat()))
        };
        let first = send("bob");
        assert_eq!(first.len(), 2);
        for name in [&key, "BOB", "@ops", &card] {
            assert_eq!(send(name), first, "{name}");
        }
    }
}
