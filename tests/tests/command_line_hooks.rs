//! `mrpctl on` and `serve`, topics, and what there is to do with the daemon's own hooks.

use serde_json::{Value, json};
use tests::process::{Ended, Process, eventually};
use tests::relay::Relay;
use tests::sdk::lines;
use tests::user::User;

fn failed(ended: &Ended, exit: i32, words: &str) {
    assert_eq!(ended.code(), exit, "{ended:?}");
    assert!(
        ended.stderr.contains(words),
        "{words:?} is not in {ended:?}"
    );
}

/// Two users who know each other.
fn pair(relay: &Relay) -> (User, User) {
    let (alice, bob) = (User::at("alice", relay), User::at("bob", relay));
    alice
        .mrpctl(&["contact", "add", "bob", &bob.key()])
        .succeeded();
    bob.mrpctl(&["contact", "add", "alice", &alice.key()])
        .succeeded();
    (alice, bob)
}

fn send(user: &User, arguments: &[&str]) {
    user.mrpctl(&[&["send"], arguments].concat()).succeeded();
}

/// `mrpctl on` with a cursor: it begins at the beginning, so nothing is missed however late it starts.
fn start_on(user: &User, flags: &[&str], script: &str) -> Process {
    let arguments = [&["on"], flags, &["--", "sh", "-c", script]].concat();
    user.start_mrpctl(&arguments, b"")
}

#[test]
fn a_command_is_run_for_each_message_under_the_contract() {
    let relay = Relay::start();
    let (alice, bob) = pair(&relay);
    let stranger = User::at("stranger", &relay);
    send(&stranger, &[&bob.key(), "let me in"]);
    send(&alice, &["bob", "in clear", "--plain"]);
    send(&alice, &["bob", "$(touch owned); one", "-t", "talk"]);
    send(&alice, &["bob", "two"]);
    bob.mrpctl(&["tail", "-n", "4", "-c", "4"]).succeeded();
    let script = r#"read line; echo "$MRP_HOOK $MRP_ATTEMPT $MRP_FROM_NAME $MRP_THREAD_ID $MRP_TEXT"; test -n "$line" -a -s "$MRP_BODY_FILE" -a -z "$SECRET""#;
    let mut bob = bob;
    bob.add_variable("SECRET", "not passed on");
    let ended = start_on(&bob, &["--cursor", "first", "-c", "3"], script).wait();
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert_eq!(
        ended.stdout,
        "on 1 alice  in clear\non 1 alice talk $(touch owned); one\non 1 alice  two\n"
    );
    assert!(
        ended.stderr.contains("is passed over") && ended.stderr.contains("is no contact"),
        "{ended:?}"
    );
    let ended = start_on(
        &bob,
        &["--cursor", "second", "--from", "*", "-c", "1"],
        "exit 7",
    )
    .wait();
    assert_eq!(ended.code(), 7, "with -c 1 its status is ours: {ended:?}");
    let ended = start_on(&bob, &["--cursor", "first", "--timeout", "500ms"], script).wait();
    assert_eq!(
        (ended.code(), ended.stdout.as_str()),
        (124, ""),
        "nothing comes twice"
    );
    failed(&bob.mrpctl(&["on", "-c", "1"]), 64, "CMD");
    failed(
        &bob.mrpctl(&["on", "--from", "nobody", "--", "true"]),
        67,
        "nobody",
    );
}

#[test]
fn what_fails_is_tried_again_and_what_was_not_done_comes_again() {
    let relay = Relay::start();
    let (alice, bob) = pair(&relay);
    send(&alice, &["bob", "one"]);
    send(&alice, &["bob", "two"]);
    bob.mrpctl(&["tail", "-n", "2", "-c", "2"]).succeeded();
    let script = r#"echo "$MRP_ATTEMPT $MRP_TEXT"; [ "$MRP_TEXT$MRP_ATTEMPT" != one1 ] || exit 75; [ "$MRP_TEXT" != two ] || exit 100"#;
    let ended = start_on(&bob, &["--cursor", "work", "-c", "2"], script).wait();
    assert_eq!(
        (ended.code(), ended.stdout.as_str()),
        (0, "1 one\n2 one\n1 two\n")
    );
    assert!(
        ended.stderr.contains("is given up: exit status 100"),
        "{ended:?}"
    );

    let mut hung = start_on(&bob, &["--cursor", "other"], "echo begun; exec sleep 5");
    hung.line_after("begun");
    hung.kill();
    let ended = start_on(&bob, &["--cursor", "other", "-c", "1"], "echo $MRP_TEXT").wait();
    assert_eq!((ended.code(), ended.stdout.as_str()), (0, "one\n"));
}

#[test]
fn requests_are_answered_with_what_the_command_prints() {
    let relay = Relay::start();
    let (alice, bob) = pair(&relay);
    std::fs::write(
        bob.home().join("s.json"),
        r#"{"required":["n"],"properties":{"n":{"type":"integer","minimum":1}}}"#,
    )
    .unwrap();
    let script = r#"p=$(cat); case $MRP_ACTION in
        told) echo '{"code":"no_disk","message":"none"}' >&3; exit 1;;
        fail) echo secret >&2; exit 1;;
        text) echo no json;;
        *) echo "$p";;
    esac"#;
    let served = [
        "serve", "echo", "told", "fail", "text", "-j", "2", "-c", "7", "--schema", "s.json", "--",
        "sh", "-c", script,
    ];
    let serving = bob.start_mrpctl(&served, b"");
    let ask = |action: &str, param: &str| alice.mrpctl(&["request", "bob", action, param]);
    assert_eq!(ask("echo", "n:=1").succeeded(), "{\"n\":1}\n");
    failed(&ask("told", "n:=1"), 3, "bob answered no_disk: none");
    failed(
        &ask("fail", "n:=1"),
        3,
        "handler_failed: the handler failed",
    );
    failed(
        &ask("text", "n:=1"),
        3,
        "handler_failed: the handler wrote no JSON",
    );
    failed(&ask("echo", "m:=1"), 3, "invalid_params: n is missing");
    failed(
        &ask("echo", "n=x"),
        3,
        "invalid_params: n must be of type integer",
    );
    failed(
        &ask("echo", "n:=0"),
        3,
        "invalid_params: n must be at least 1",
    );
    let ended = serving.wait();
    assert_eq!((ended.code(), ended.stdout.as_str()), (0, ""), "{ended:?}");
    assert_eq!(ended.stderr, "secret\n");
    failed(&bob.mrpctl(&["serve", "--", "true"]), 64, "ACTION");
    failed(
        &bob.mrpctl(&["serve", "x", "--schema", "none.json", "--", "true"]),
        66,
        "none.json",
    );
    let unchecked = r#"{"properties":{"n":{"pattern":"^[a-z]*$"}}}"#;
    std::fs::write(bob.home().join("u.json"), unchecked).unwrap();
    failed(
        &bob.mrpctl(&["serve", "x", "--schema", "u.json", "--", "true"]),
        65,
        "u.json: properties.n: pattern would not be checked",
    );
}

/// Paths on a command line are meant from where one stands.
#[test]
fn commands_run_in_the_folder_that_mrpctl_was_started_in() {
    let relay = Relay::start();
    let (alice, bob) = pair(&relay);
    let folder = bob.home().canonicalize().unwrap().join("work");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("here.json"), "{\"is\":\"here\"}\n").unwrap();
    let start = |arguments: &[&str]| {
        let mut command = bob.command(tests::programs::path("mrpctl"));
        command.current_dir(&folder).args(arguments);
        Process::start(command, b"")
    };
    let serving = start(&["serve", "look", "-c", "1", "--", "cat", "here.json"]);
    let answer = alice.mrpctl(&["request", "bob", "look"]);
    assert_eq!(answer.succeeded(), "{\"is\":\"here\"}\n");
    assert_eq!(serving.wait().succeeded(), "");
    let on = ["on", "--cursor", "folder", "-c", "1", "--", "sh", "-c"];
    let ended = start(&[&on[..], &["pwd; cat here.json"]].concat()).wait();
    let expected = format!("{}\n{{\"is\":\"here\"}}\n", folder.display());
    assert_eq!((ended.code(), ended.stdout), (0, expected));
}

#[test]
fn topics_are_published_and_subscribed_to() {
    let relay = Relay::start();
    let (alice, bob) = pair(&relay);
    bob.configure("[[topic]]\nname = \"news\"\nallow = [\"*\"]\n");
    bob.mrpctl(&["hook", "reload"]).succeeded();
    let asked: Value =
        serde_json::from_str(&alice.mrpctl(&["subscribe", "bob", "news"]).succeeded()).unwrap();
    assert_eq!(asked["state"], "requested");
    eventually("the subscriber", || {
        let all = lines(&bob.mrpctl(&["subscribers", "news"]).succeeded());
        (all.len() == 1).then_some(())
    });
    let published: Value =
        serde_json::from_str(&bob.mrpctl(&["publish", "news", "it", "works"]).succeeded()).unwrap();
    assert_eq!(published, json!({"topic": "news", "subscribers": 1}));
    for (arguments, input) in [
        (&["-d", "{\"n\":1}"][..], ""),
        (&[], "from a pipe\n"),
        (&["again", "--id", "k"], ""),
        (&["again", "--id", "k"], ""),
    ] {
        bob.mrpctl_with(
            &[&["publish", "news"], arguments].concat(),
            input.as_bytes(),
        )
        .succeeded();
    }
    let came = eventually("what was published", || {
        let inbox = alice.inbox();
        let events: Vec<Value> = inbox
            .iter()
            .filter(|one| one["kind"] == "event")
            .map(|one| one["body"]["data"].clone())
            .collect();
        (events.len() == 4).then_some(events)
    });
    assert_eq!(came[0], json!({"text": "it works"}));
    assert_eq!(
        came[1..3],
        [json!({"n": 1}), json!({"text": "from a pipe"})]
    );
    alice.mrpctl(&["unsubscribe", "bob", "news"]).succeeded();
    eventually("nobody to be subscribed", || {
        bob.mrpctl(&["subscribers", "news"])
            .succeeded()
            .is_empty()
            .then_some(())
    });
    failed(&bob.mrpctl(&["publish", "none", "hi"]), 1, "none");
    failed(
        &bob.mrpctl(&["publish", "news"]),
        66,
        "standard input is empty",
    );
    failed(&alice.mrpctl(&["subscribe", "nobody"]), 67, "nobody");
}

#[test]
fn hooks_are_shown_tried_and_switched() {
    let relay = Relay::start();
    let (alice, bob) = pair(&relay);
    bob.configure("[[hook]]\nname = \"note\"\nfrom = [\"alice\"]\nshell = \"echo seen: $MRP_TEXT\"\n[[hook]]\nname = \"bad\"\nshell = \"exit 3\"\nmatch = \"false\"\n");
    bob.mrpctl(&["hook", "reload"]).succeeded();
    let names: Vec<Value> = lines(&bob.mrpctl(&["hook", "ls"]).succeeded())
        .iter()
        .map(|one| one["name"].clone())
        .collect();
    assert_eq!(names, ["note", "bad"]);
    assert_eq!(
        bob.mrpctl(&["hook", "disable", "bad", "-o", "raw"])
            .succeeded(),
        "off\n"
    );
    assert_eq!(
        bob.mrpctl(&["hook", "enable", "bad", "-o", "raw"])
            .succeeded(),
        "on\n"
    );
    let tried = bob
        .mrpctl_with(&["hook", "test", "note"], b"{\"text\":\"a trial\"}")
        .succeeded();
    let tried: Value = serde_json::from_str(&tried).unwrap();
    assert_eq!(
        (&tried["outcome"], &tried["status"]),
        (&json!("handled"), &json!(0))
    );
    failed(&bob.mrpctl_with(&["hook", "test", "bad"], b"{}"), 3, "");
    failed(&bob.mrpctl(&["hook", "test", "note"]), 66, "no message");
    send(&alice, &["bob", "hello"]);
    let entry = eventually("the run", || {
        lines(&bob.mrpctl(&["hook", "log", "note"]).succeeded()).pop()
    });
    assert_eq!(
        (&entry["outcome"], &entry["stdout"]),
        (&json!("handled"), &json!("seen: hello\n"))
    );
    let id = entry["message_id"].as_str().unwrap();
    let tried = bob
        .mrpctl(&["hook", "test", "note", "--message", id, "-o", "raw"])
        .succeeded();
    assert!(tried.starts_with("seen: hello"), "{tried}");
    bob.mrpctl(&["hook", "replay", "note", "--since", "1h"])
        .succeeded();
    eventually("the second run", || {
        let count = bob
            .mrpctl(&["hook", "log", "note"])
            .succeeded()
            .lines()
            .count();
        (count == 2).then_some(())
    });
    failed(&bob.mrpctl(&["hook", "show", "none"]), 1, "no hook");
}
