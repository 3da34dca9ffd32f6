//! The commands of mrpctl about oneself, as scripts meet them: profile, capabilities, keys, signatures.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use mrp_proto::key::{PublicKey, Signature};
use mrp_proto::sign::BodyHash;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tests::process::eventually;
use tests::relay::Relay;
use tests::sdk::lines;
use tests::user::User;

/// 32 bytes in hexadecimal, and the key that they are the seed of.
const SEED: &str = "0101010101010101010101010101010101010101010101010101010101010101";
const KEY: &str = "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w";

fn object(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

fn configuration(user: &User) -> String {
    std::fs::read_to_string(user.config_file()).unwrap()
}

#[test]
fn a_profile_is_set_in_the_configuration_and_shown_by_the_relay() {
    let mut relay = Relay::start();
    let user = User::at("laptop", &relay);
    user.configure("# what I wrote myself");
    let who = object(&user.mrpctl(&["whoami"]).succeeded());
    let fingerprint = who["fingerprint"].as_str().unwrap();
    assert_eq!(fingerprint.split(' ').count(), 8, "{fingerprint}");

    let set = [
        "profile",
        "set",
        "--name",
        "Ann",
        "--visibility",
        "public",
        "--meta",
        "role=ci",
        "--meta",
        "a.b=c d",
    ];
    let ended = user.mrpctl(&set);
    assert_eq!(ended.stderr, "");
    assert_eq!(ended.succeeded(), "");
    let shown = lines(&user.mrpctl(&["profile", "show"]).succeeded());
    let profile = &shown[0]["profile"];
    assert_eq!(shown[0]["relay"], "local");
    assert_eq!(
        (
            &profile["display_name"],
            &profile["visibility"],
            &profile["metadata"]
        ),
        (
            &json!("Ann"),
            &json!("public"),
            &json!({"role": "ci", "a.b": "c d", "e2e": "2"})
        )
    );
    let text = configuration(&user);
    assert!(
        text.contains("# what I wrote myself") && text.contains("display_name = \"Ann\""),
        "{text}"
    );

    user.mrpctl(&["profile", "set", "--meta", "role=build", "--no-meta", "a.b"])
        .succeeded();
    let shown = lines(&user.mrpctl(&["profile", "show"]).succeeded());
    assert_eq!(
        shown[0]["profile"]["metadata"],
        json!({"role": "build", "e2e": "2"})
    );
    let table = user.mrpctl(&["profile", "show", "-o", "table"]).succeeded();
    assert!(
        table.contains("\"Ann\"") && table.contains("e2e=2 role=build"),
        "{table}"
    );

    user.mrpctl(&["profile", "set"]).failed(64, "required");
    user.mrpctl(&["profile", "set", "--visibility", "secret"])
        .failed(64, "secret");
    user.mrpctl(&["profile", "set", "--meta", "novalue"])
        .failed(64, "K=V");
    let before = configuration(&user);
    let long = "x".repeat(257);
    user.mrpctl(&["profile", "set", "--name", &long])
        .failed(78, "256 characters");
    assert_eq!(
        configuration(&user),
        before,
        "what is wrong changes nothing"
    );

    relay.kill();
    user.mrpctl(&["profile", "show"])
        .failed(69, "the relay local does not show it");
    let ended = user.mrpctl(&["profile", "set", "--name", "Anna"]);
    assert_eq!(
        ended.code(),
        0,
        "what is configured is told later: {ended:?}"
    );
    assert!(ended.stderr.contains("does not show it yet"), "{ended:?}");
    relay.resume();
    eventually("the daemon tells the relay", || {
        let ended = user.mrpctl(&["profile", "show"]);
        (ended.code() == 0 && ended.stdout.contains("\"Anna\"")).then_some(())
    });
}

#[test]
fn capabilities_are_added_changed_and_taken_away() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let key = user.key();
    std::fs::write(user.home().join("in.json"), r#"{"type": "object"}"#).unwrap();
    user.mrpctl(&[
        "cap",
        "add",
        "text:translate",
        "--desc",
        "Other words",
        "--tag",
        "translate",
        "--tag",
        "text",
        "--schema",
        "in.json",
        "--cap-version",
        "2",
    ])
    .succeeded();
    let seen = || lines(&user.mrpctl(&["caps", &key]).succeeded());
    assert_eq!(
        seen(),
        [
            json!({"name": "text:translate", "description": "Other words", "tags": ["translate", "text"],
            "input_schema": {"type": "object"}, "version": "2"})
        ]
    );
    user.mrpctl(&["cap", "add", "text:translate", "--desc", "Better words"])
        .succeeded();
    assert_eq!(seen()[0]["description"], "Better words");
    assert_eq!(seen()[0]["tags"], json!(["translate", "text"]));
    user.configure(
        "[[capability]]\nname = \"disk.free\"\ndescription = \"Room\"\nexec = [\"/bin/true\"]",
    );
    let listed = lines(&user.mrpctl(&["cap", "ls"]).succeeded());
    let told: Vec<_> = listed
        .iter()
        .map(|one| (&one["name"], &one["answered"]))
        .collect();
    assert!(
        told.contains(&(&json!("text:translate"), &json!(false))),
        "{told:?}"
    );
    assert!(
        told.contains(&(&json!("disk.free"), &json!(true))),
        "{told:?}"
    );

    user.mrpctl(&["cap", "add", "new:one"])
        .failed(64, "what is it?");
    let before = configuration(&user);
    user.mrpctl(&["cap", "add", "a b", "--desc", "x"])
        .failed(78, "letters, digits");
    user.mrpctl(&[
        "cap",
        "add",
        "x:y",
        "--desc",
        "x",
        "--schema",
        "missing.json",
    ])
    .failed(78, "missing.json");
    user.mrpctl(&["cap", "rm", "text:translat", "disk.free"])
        .failed(1, "did you mean text:translate?");
    assert_eq!(configuration(&user), before);
    user.mrpctl(&["cap", "rm", "text:translate", "disk.free"])
        .succeeded();
    assert_eq!(
        user.mrpctl(&["cap", "ls", "-o", "json"]).succeeded(),
        "[]\n"
    );
    assert_eq!(seen(), [] as [Value; 0]);
}

#[test]
fn keys_are_made_found_taken_over_and_removed_without_a_daemon() {
    let user = User::blank("laptop");
    let made = object(&user.mrpctl(&["key", "new", "robot"]).succeeded());
    let file = user.home().join(".mrp/keys/robot.key");
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert_eq!(made["file"], "~/.mrp/keys/robot.key");
    let shown = object(&user.mrpctl(&["key", "show", "robot"]).succeeded());
    assert_eq!(shown["key"], made["key"]);
    let before = std::fs::read(&file).unwrap();
    user.mrpctl(&["key", "new", "robot"])
        .failed(73, "it exists already");
    assert_eq!(
        std::fs::read(&file).unwrap(),
        before,
        "a key is never written over"
    );

    let imported = user.mrpctl_with(&["key", "import", "-", "old"], SEED.as_bytes());
    assert_eq!(object(&imported.succeeded())["key"], KEY);
    let exported = user.mrpctl(&["key", "export", "old"]).succeeded();
    user.mrpctl(&["key", "export", "old", "--out", "raw.key"])
        .succeeded();
    let raw = user.home().join("raw.key");
    assert_eq!(
        (std::fs::read(&raw).unwrap(), mode(&raw)),
        (vec![1; 32], 0o600)
    );
    user.mrpctl(&["key", "export", "old", "--out", "raw.key"])
        .failed(73, "it exists already");
    let again = user.mrpctl_with(&["key", "import", "-", "copy"], exported.as_bytes());
    assert_eq!(object(&again.succeeded())["key"], KEY);
    assert_eq!(
        object(&user.mrpctl(&["key", "import", "raw.key"]).succeeded())["name"],
        "raw"
    );

    let listed = lines(&user.mrpctl(&["key", "ls"]).succeeded());
    let names: Vec<_> = listed
        .iter()
        .map(|key| key["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["copy", "old", "raw", "robot"]);
    user.mrpctl(&["key", "rm", "old"]).failed(64, "--yes");
    user.mrpctl(&["key", "rm", "old", "--yes"]).succeeded();
    user.mrpctl(&["key", "show", "old"])
        .failed(1, "there is no key old");
    user.mrpctl(&["key", "show", "robbot"])
        .failed(1, "did you mean robot?");
    user.mrpctl(&["key", "new", "../x"])
        .failed(64, "cannot be a name");
    user.mrpctl(&["key", "new"])
        .failed(64, "mrpctl key new NAME");
    user.mrpctl_with(&["key", "import", "-", "x"], b"no key")
        .failed(65, "no Ed25519 key");
    user.mrpctl_with(&["key", "import", "-"], SEED.as_bytes())
        .failed(64, "no name");
    user.mrpctl(&["key", "import", "missing.pem"])
        .failed(66, "missing.pem");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    user.mrpctl(&["key", "show", "robot"])
        .failed(77, "chmod 600");
    let listed = lines(&user.mrpctl(&["key", "ls"]).succeeded());
    assert!(
        listed[2]["error"]
            .as_str()
            .unwrap()
            .contains("read by others"),
        "{listed:?}"
    );
}

#[test]
fn a_key_of_openssl_is_taken_over() {
    let user = User::blank("laptop");
    let mut openssl = user.command("openssl".into());
    openssl.args(["genpkey", "-algorithm", "ed25519", "-out", "agent.pem"]);
    tests::process::Process::start(openssl, b"")
        .wait()
        .succeeded();
    let mut openssl = user.command("/bin/sh".into());
    openssl.args(["-c", "openssl pkey -in agent.pem -pubout -outform DER | tail -c 32 | basenc --base64url -w0 | tr -d ="]);
    let public = tests::process::Process::start(openssl, b"")
        .wait()
        .succeeded();
    let imported = user
        .mrpctl(&["key", "import", "agent.pem", "robot", "-o", "raw"])
        .succeeded();
    assert_eq!(imported.trim(), public.trim());
}

#[test]
fn another_identity_is_used_where_none_is_named() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let laptop = user.key();
    user.mrpctl(&["key", "use", "robot"])
        .failed(1, "there is no key robot");
    let made = user
        .mrpctl(&["key", "new", "robot", "-o", "raw"])
        .succeeded();
    user.mrpctl(&["key", "use", "robot"]).succeeded();
    assert_eq!(user.key(), made.trim());
    assert_eq!(
        user.mrpctl(&["whoami", "-a", "laptop", "-o", "raw"])
            .succeeded()
            .trim(),
        laptop
    );
    let listed = lines(&user.mrpctl(&["key", "ls"]).succeeded());
    let default: Vec<_> = listed.iter().filter(|key| key["default"] == true).collect();
    assert_eq!(
        (default.len(), &default[0]["used_by"]),
        (1, &json!(["robot"]))
    );
    user.mrpctl(&["key", "rm", "robot", "--yes"])
        .failed(78, "identity robot");
    user.mrpctl(&["key", "use", "laptop"]).succeeded();
    assert_eq!(user.key(), laptop);
}

#[test]
fn data_is_signed_by_its_hash_and_checked_by_whoever_has_the_key() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let other = User::blank("other");
    let data = [b"release\n".as_slice(), &[0xff; 100_000]].concat();
    let signature = user.mrpctl_with(&["key", "sign"], &data).succeeded();
    let signature = signature.trim();
    let key = user.key();
    let public: PublicKey = key.parse().unwrap();
    let read: Signature = signature.parse().unwrap();
    let signed = [b"mrp-data-v1\n".as_slice(), BodyHash::of(&data).as_bytes()].concat();
    assert_eq!(
        public.verify(&signed, &read),
        Ok(()),
        "this is what is signed, and nothing else"
    );

    let verified = other.mrpctl_with(&["key", "verify", &key, signature], &data);
    let verified = object(&verified.succeeded());
    assert_eq!(
        (&verified["valid"], &verified["key"]),
        (&json!(true), &json!(key))
    );
    user.mrpctl(&["contact", "add", "self", &key]).succeeded();
    let verified = user.mrpctl_with(&["key", "verify", "self", signature, "-o", "text"], &data);
    assert_eq!(verified.succeeded(), format!("signed by self {key}\n"));

    for name in ["me", user.name()] {
        let verified = user.mrpctl_with(&["key", "verify", name, signature], &data);
        assert_eq!(object(&verified.succeeded())["key"], json!(key), "{name}");
    }

    other
        .mrpctl_with(&["key", "verify", &key, signature], b"other")
        .failed(65, "not one of");
    other
        .mrpctl_with(&["key", "verify", KEY, signature], &data)
        .failed(65, "not one of");
    other
        .mrpctl_with(&["key", "verify", &key, "short"], &data)
        .failed(65, "86 characters");
    user.mrpctl_with(&["key", "verify", "selv", signature], &data)
        .failed(67, "did you mean self?");
    user.mrpctl_with(&["key", "sign", "-a", "nobody"], &data)
        .failed(78, "nobody");
    other
        .mrpctl_with(&["key", "sign"], &data)
        .failed(69, "mrpd is not running");
    let (status, refusal) = user.api("POST", "/v1/sign", Some(&json!({"sha256": "zz"})));
    assert_eq!(
        (status, &refusal["error"]["code"]),
        (400, &json!("invalid_request"))
    );
}
