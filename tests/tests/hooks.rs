//! Hooks, with real programs: every way in which one can end, what it is given, what it answers, and who may have it run.

use serde_json::{Value, json};
use std::path::PathBuf;
use tests::process::eventually;
use tests::relay::Relay;
use tests::user::User;
use tests::wire::{Agent, Connection};

/// Alice, who has hooks, and Bob, her contact, who writes to her.
struct Pair {
    relay: Relay,
    alice: User,
    bob: User,
    alice_key: String,
}

impl Pair {
    fn with(hooks: &str) -> Self {
        let relay = Relay::start();
        let alice = User::at("alice", &relay);
        let bob = User::at("bob", &relay);
        let alice_key = alice.key();
        add_contact(&alice, "bob", &bob.key());
        alice.configure(hooks);
        alice.reload();
        Self {
            relay,
            alice,
            bob,
            alice_key,
        }
    }

    fn bob_sends(&self, text: &str) {
        self.bob
            .mrpctl(&["send", &self.alice_key, text])
            .succeeded();
    }

    /// A file in Alice's home, which is where hooks write.
    fn file(&self, name: &str) -> PathBuf {
        self.alice.home().join(name)
    }

    /// The lines of such a file.
    fn lines(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.file(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The hook log, in which the outcome of each run is, once it is recorded.
    fn log(&self) -> Vec<Value> {
        self.alice.api_lines("/v1/hooks/log")
    }

    /// Waits until a hook's log has these outcomes.
    fn await_outcomes(&self, hook: &str, expected: &[&str]) -> Vec<Value> {
        eventually(&format!("{hook} to come to {expected:?}"), || {
            let entries: Vec<Value> = self
                .log()
                .into_iter()
                .filter(|entry| entry["hook"] == hook)
                .collect();
            let outcomes = entries.iter().map(|entry| &entry["outcome"]);
            outcomes.eq(expected.iter()).then_some(entries)
        })
    }

    fn hook(&self, name: &str) -> Value {
        let (status, hook) = self.alice.api("GET", &format!("/v1/hooks/{name}"), None);
        assert_eq!(status, 200, "{hook}");
        hook
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.alice.api("POST", path, Some(body));
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }
}

fn add_contact(user: &User, name: &str, key: &str) {
    let contact = json!({ "key": key });
    let (status, answer) = user.api("PUT", &format!("/v1/contacts/{name}"), Some(&contact));
    assert_eq!(status, 200, "{answer}");
}

/// A hook in the configuration; `$HOME` is where it leaves its traces.
fn hook(name: &str, rest: &str) -> String {
    format!(
        "\n[[hook]]\nname = \"{name}\"\nretry = {{ max_attempts = 3, min = \"20ms\", max = \"50ms\" }}\n{rest}\n"
    )
}

#[test]
fn every_exit_status_means_what_the_contract_says() {
    let mut hooks = String::new();
    for (name, status) in [
        ("done", 0),
        ("later", 75),
        ("later-too", 111),
        ("dead", 100),
        ("dead-too", 65),
        ("other", 3),
    ] {
        let rest = format!(
            "match = 'text == \"{name}\"'\nshell = 'echo \"$MRP_ATTEMPT\" >>\"$HOME/{name}\"; exit {status}'"
        );
        hooks += &hook(name, &rest);
    }
    hooks += &hook(
        "first",
        "match = 'text == \"enough\"'\nshell = 'echo first >>\"$HOME/enough\"; exit 99'",
    );
    hooks += &hook(
        "second",
        "match = 'text == \"enough\" or text == \"done\"'\nshell = 'echo second >>\"$HOME/enough\"'",
    );
    let pair = Pair::with(&hooks);
    for text in [
        "done",
        "later",
        "later-too",
        "dead",
        "dead-too",
        "other",
        "enough",
    ] {
        pair.bob_sends(text);
    }
    pair.await_outcomes("done", &["handled"]);
    pair.await_outcomes("dead", &["dead"]);
    pair.await_outcomes("dead-too", &["dead"]);
    for name in ["later", "later-too", "other"] {
        let log = pair.await_outcomes(name, &["retry", "retry", "dead"]);
        assert_eq!(pair.lines(name), ["1", "2", "3"], "{name}");
        assert_eq!(log[2]["attempt"], 3);
    }
    assert_eq!(pair.lines("done"), ["1"]);
    assert_eq!(pair.lines("dead"), ["1"]);
    pair.await_outcomes("first", &["handled_alone"]);
    pair.await_outcomes("second", &["handled"]);
    assert_eq!(pair.hook("second")["queued"], 0, "what was skipped is gone");
    assert_eq!(pair.lines("enough"), ["second", "first"]);
    // What was given up can be tried again, or dropped.
    let (_, dead) = pair.alice.api("GET", "/v1/dead", None);
    let dead = dead.as_array().expect("a list");
    assert_eq!(dead.len(), 5, "{dead:?}");
    let of = |hook: &str| {
        dead.iter()
            .find(|dead| dead["hook"] == hook)
            .expect("it is dead")
    };
    assert_eq!(of("other")["attempts"], 3);
    assert!(
        of("other")["why"]
            .as_str()
            .is_some_and(|why| why.contains('3')),
        "{dead:?}"
    );
    pair.post("/v1/dead/retry", &json!({ "ids": [of("dead")["id"]] }));
    pair.await_outcomes("dead", &["dead", "dead"]);
    assert_eq!(pair.lines("dead"), ["1", "2"], "attempts count on");
    pair.post("/v1/dead/drop", &json!({ "ids": [of("other")["id"]] }));
    let (_, left) = pair.alice.api("GET", "/v1/dead", None);
    assert_eq!(left.as_array().map(Vec::len), Some(4));
    let (status, _) = pair.alice.api(
        "POST",
        "/v1/dead/drop",
        Some(&json!({ "ids": ["hook:other:1"] })),
    );
    assert_eq!(status, 404);
    assert_eq!(
        pair.alice.texts().len(),
        7,
        "the inbox has them all, whatever hooks did"
    );
}

#[test]
fn a_hook_that_takes_too_long_is_ended_with_all_that_it_started() {
    // The child of the shell ignores the first signal and holds the output open.
    let slow = "timeout = \"300ms\"\nkill_after = \"200ms\"\nretry = { max_attempts = 1 }\n\
                shell = 'sh -c \"trap : TERM; echo \\$\\$ >$HOME/child; while :; do sleep 1; done\" & wait'";
    let hooks = format!("\n[[hook]]\nname = \"slow\"\n{slow}\n");
    let pair = Pair::with(&hooks);
    pair.bob_sends("go");
    let log = pair.await_outcomes("slow", &["dead"]);
    let why = log[0]["why"].as_str().unwrap_or_default();
    assert!(
        why.contains("300ms") || why.contains("longer") || why.contains("long"),
        "{why}"
    );
    let child = pair.lines("child").pop().expect("the child has begun");
    eventually("the child to be gone", || {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        (stat.is_empty() || stat.contains(") Z ")).then_some(())
    });
}

#[test]
fn a_large_message_reaches_the_program_whole_and_one_that_is_not_read_harms_nobody() {
    let hooks = hook(
        "count",
        "from = [\"*\"]\nshell = 'wc -c >\"$HOME/count\"; echo \"${MRP_TEXT_OMITTED-}\" >>\"$HOME/count\"'",
    ) + &hook("deaf", "shell = 'exit 0'");
    let pair = Pair::with(&hooks);
    let text = "x".repeat(700_000);
    let sent = pair
        .bob
        .mrpctl_with(&["send", &pair.alice_key], text.as_bytes());
    sent.succeeded();
    pair.await_outcomes("count", &["handled"]);
    pair.await_outcomes("deaf", &["handled"]);
    let lines = pair.lines("count");
    let bytes: usize = lines[0].trim().parse().expect("wc counts");
    assert!(
        bytes > 1_400_000,
        "text and body are in the message object: {bytes}"
    );
    assert_eq!(lines[1], "1");
}

#[test]
fn what_a_hook_writes_is_the_reply() {
    let hooks = hook("words", "match = 'text == \"words\"'\nreply = \"text\"\nshell = 'echo \"you said $MRP_TEXT\"'")
        + &hook("json", "match = 'text == \"json\"'\nreply = \"json\"\nshell = 'echo \"{\\\"n\\\": 1}\"'")
        + &hook("wrong", "match = 'text == \"wrong\"'\nreply = \"json\"\nretry = { max_attempts = 1 }\nshell = 'echo no json'").replacen("retry = { max_attempts = 3, min = \"20ms\", max = \"50ms\" }\n", "", 1);
    let pair = Pair::with(&hooks);
    for text in ["words", "json", "wrong"] {
        pair.bob_sends(text);
    }
    let log = pair.await_outcomes("wrong", &["dead"]);
    assert!(
        log[0]["why"]
            .as_str()
            .is_some_and(|why| why.contains("no JSON")),
        "{log:?}"
    );
    let replies = eventually("both replies", || {
        let inbox = pair.bob.inbox();
        (inbox.len() == 2).then_some(inbox)
    });
    let asked = pair.alice.inbox();
    let of = |text: &str| {
        asked
            .iter()
            .find(|message| message["text"] == text)
            .expect("it came")
    };
    let answering = |text: &str| {
        let id = &of(text)["id"];
        replies
            .iter()
            .find(|reply| reply["reply_to"] == *id)
            .expect("it was answered")
    };
    assert_eq!(answering("words")["text"], "you said words");
    assert_eq!(answering("json")["body"], json!({ "n": 1 }));
    let metadata = &answering("json")["metadata"];
    assert_eq!(
        (&metadata["mrpd-auto"], &metadata["mrpd-hops"]),
        (&json!("1"), &json!("1"))
    );
    assert_eq!(answering("words")["encrypted"], true);
}

#[test]
fn two_daemons_that_answer_everything_do_not_talk_for_ever() {
    let echo = hook(
        "echo",
        "reply = \"text\"\nshell = 'echo \"echo: $MRP_TEXT\"'",
    );
    let pair = Pair::with(&echo);
    add_contact(&pair.bob, "alice", &pair.alice_key);
    pair.bob.configure(&echo);
    pair.bob.reload();
    pair.bob_sends("hello");
    pair.await_outcomes("echo", &["handled"]);
    let log = eventually("Bob's hook to be done with the reply", || {
        let log = pair.bob.api_lines("/v1/hooks/log");
        (!log.is_empty()).then_some(log)
    });
    let why = log[0]["why"].as_str().unwrap_or_default();
    assert!(why.contains("sent automatically"), "{log:?}");
    // A further message and its reply come behind whatever the first could have led to.
    pair.bob_sends("again");
    eventually("the second reply", || {
        let texts = pair.bob.texts();
        texts.contains(&"echo: again".to_owned()).then_some(())
    });
    assert_eq!(pair.alice.texts(), ["hello", "again"]);
    assert_eq!(pair.bob.texts(), ["echo: hello", "echo: again"]);
}

#[test]
fn strangers_and_forgers_run_nothing() {
    let hooks = hook(
        "known",
        "shell = 'echo \"$MRP_FROM_NAME\" >>\"$HOME/known\"'",
    ) + &hook(
        "anybody",
        "from = [\"*\"]\nshell = 'echo \"[$MRP_FROM_NAME]\" >>\"$HOME/anybody\"'",
    ) + &hook(
        "named",
        "from = [\"old\"]\nshell = 'echo ran >>\"$HOME/named\"'",
    ) + &hook(
        "lax",
        "from = [\"old\"]\nunverified = true\nshell = 'echo ran >>\"$HOME/lax\"'",
    );
    let pair = Pair::with(&hooks);
    let carol = User::at("carol", &pair.relay);
    carol.mrpctl(&["send", &pair.alice_key, "hi"]).succeeded();
    let log = pair.await_outcomes("known", &["passed_over"]);
    assert!(
        log[0]["why"]
            .as_str()
            .is_some_and(|why| why.contains("contact add")),
        "{log:?}"
    );
    pair.await_outcomes("anybody", &["handled"]);
    assert_eq!(
        pair.lines("anybody"),
        ["[]"],
        "no name that a stranger chose"
    );
    // A client that neither seals nor signs: whose message it is, only the relay says.
    let old = Agent::numbered(7);
    add_contact(&pair.alice, "old", &old.key().to_string());
    let body = format!(
        r#"{{"recipient_key":"{}","body":{{"text":"plain"}}}}"#,
        pair.alice_key
    );
    let request = old.request(
        "POST",
        "/v1/messages",
        "content-type: application/json\r\n",
        &body,
    );
    let mut connection = Connection::to(pair.relay.address());
    let reply = connection.ask(&request.text);
    assert!(reply.status < 300, "{reply:?}");
    let log = pair.await_outcomes("named", &["passed_over"]);
    assert!(
        log[0]["why"]
            .as_str()
            .is_some_and(|why| why.contains("unverified = true")),
        "{log:?}"
    );
    pair.await_outcomes("lax", &["handled"]);
    pair.await_outcomes("anybody", &["handled", "handled"]);
    assert!(pair.lines("named").is_empty() && pair.lines("known").is_empty());
}

#[test]
fn what_is_imported_runs_nothing() {
    let pair = Pair::with(&hook(
        "all",
        "from = [\"*\"]\nshell = 'echo \"$MRP_TEXT\" >> \"$HOME/texts\"'",
    ));
    pair.bob_sends("one");
    pair.await_outcomes("all", &["handled"]);
    let exported = pair.alice.api_lines("/v1/export");
    let mut archived = exported[0].clone();
    archived["id"] = json!("msg_1700000000_aaaaaaaaaaaa");
    archived["text"] = json!("archived");
    archived["body"] = json!({ "text": "archived" });
    pair.alice.import(&archived);
    // What comes behind it is looked at behind it.
    pair.bob_sends("two");
    pair.await_outcomes("all", &["handled", "handled"]);
    assert_eq!(pair.lines("texts"), ["one", "two"]);
}

#[test]
fn a_sender_is_served_in_order_while_a_failing_message_holds_up_nobody_else() {
    let script = "case $MRP_TEXT in bad*) test -e \"$HOME/open\" || exit 1;; esac; echo \"$MRP_TEXT\" >>\"$HOME/out\"";
    let hooks = format!(
        "\n[[hook]]\nname = \"order\"\nretry = {{ max_attempts = 1000, min = \"20ms\", max = \"20ms\" }}\nshell = '{script}'\n"
    ) + &hook("beside", "shell = 'echo \"$MRP_TEXT\" >>\"$HOME/beside\"'");
    let pair = Pair::with(&hooks);
    let carol = User::at("carol", &pair.relay);
    add_contact(&pair.alice, "carol", &carol.key());
    for text in ["one", "bad", "two", "three"] {
        pair.bob_sends(text);
    }
    eventually("Bob's messages to wait behind the bad one", || {
        (pair.hook("order")["queued"] == 3).then_some(())
    });
    carol
        .mrpctl(&["send", &pair.alice_key, "carol"])
        .succeeded();
    eventually("Carol to be served", || {
        (pair.lines("out") == ["one", "carol"]).then_some(())
    });
    eventually("the other hook to be done", || {
        (pair.lines("beside").len() == 5).then_some(())
    });
    assert_eq!(pair.lines("beside")[..4], ["one", "bad", "two", "three"]);
    std::fs::write(pair.file("open"), "").expect("a file is made");
    eventually("Bob to be served", || {
        (pair.lines("out") == ["one", "carol", "bad", "two", "three"]).then_some(())
    });
}

#[test]
fn hooks_are_switched_tried_replayed_and_changed_while_they_have_work() {
    let note = "shell = 'echo \"$MRP_TEXT\" >>\"$HOME/out\"'";
    let mut pair = Pair::with("");
    pair.bob_sends("before");
    eventually("the message", || {
        (pair.alice.texts().len() == 1).then_some(())
    });
    pair.alice.configure(&hook("note", note));
    pair.alice.reload();
    pair.bob_sends("one");
    pair.await_outcomes("note", &["handled"]);
    assert_eq!(
        pair.lines("out"),
        ["one"],
        "a new hook does not replay the past"
    );
    // Off: nothing runs, not even after a restart. On: what came meanwhile is not made up for.
    assert_eq!(
        pair.post("/v1/hooks/note/disable", &json!({}))["enabled"],
        false
    );
    pair.bob_sends("off");
    eventually("the message", || {
        (pair.alice.texts().len() == 3).then_some(())
    });
    pair.alice.kill_daemon();
    pair.alice.start_daemon();
    eventually("the hook to be there", || {
        (pair.hook("note")["cursor"] == 3).then_some(())
    });
    assert_eq!(
        pair.post("/v1/hooks/note/enable", &json!({}))["enabled"],
        true
    );
    pair.bob_sends("two");
    pair.await_outcomes("note", &["handled", "handled"]);
    assert_eq!(pair.lines("out"), ["one", "two"]);
    // A trial runs the command and records nothing.
    let tried = pair.post(
        "/v1/hooks/note/test",
        &json!({ "message": { "text": "trial" } }),
    );
    assert_eq!(
        (&tried["outcome"], &tried["matches"]),
        (&json!("handled"), &json!(true)),
        "{tried}"
    );
    assert_eq!(pair.lines("out"), ["one", "two", "trial"]);
    assert_eq!(pair.log().len(), 2);
    // All of it again.
    pair.post(
        "/v1/hooks/note/replay?since=2020-01-01T00:00:00Z",
        &json!({}),
    );
    pair.await_outcomes("note", &["handled"; 6]);
    assert_eq!(pair.lines("out")[3..], ["before", "one", "off", "two"]);
    // What waits for a hook when it is changed is run by what is new; one that is written wrongly changes nothing.
    let config = pair.alice.home().join(".config/mrp/mrpd.toml");
    let text = std::fs::read_to_string(&config).expect("the configuration");
    let failing = text.replace(note, "shell = 'exit 75'");
    assert_ne!(failing, text);
    std::fs::write(&config, &failing).expect("the configuration");
    pair.alice.reload();
    pair.bob_sends("three");
    eventually("an attempt", || {
        (pair.hook("note")["failed"].as_u64() >= Some(1)).then_some(())
    });
    let wrong = failing.replace("shell = 'exit 75'", "shell = 'exit 75'\nmatch = 'text =='");
    std::fs::write(&config, &wrong).expect("the configuration");
    pair.alice.reload();
    let (_, status) = pair.alice.api("GET", "/v1/status", None);
    assert!(
        status["warnings"].to_string().contains("hook.note.match"),
        "{status}"
    );
    assert_eq!(
        status["hooks"]["configured"], 1,
        "the old one stays in force"
    );
    std::fs::write(&config, &text).expect("the configuration");
    pair.alice.reload();
    let (_, dead) = pair.alice.api("GET", "/v1/dead", None);
    let ids: Vec<&Value> = dead
        .as_array()
        .expect("a list")
        .iter()
        .map(|dead| &dead["id"])
        .collect();
    if !ids.is_empty() {
        pair.post("/v1/dead/retry", &json!({ "ids": ids }));
    }
    eventually("what waited to be run", || {
        (pair.lines("out").last().map(String::as_str) == Some("three")).then_some(())
    });
    let (status, _) = pair.alice.api("GET", "/v1/hooks/nothing", None);
    assert_eq!(status, 404);
}

#[test]
fn batches_pauses_and_rates_are_kept() {
    let hooks = hook(
        "batch",
        "debounce = \"300ms\"\nbatch = 10\nshell = 'wc -l >>\"$HOME/batch\"'",
    ) + &hook(
        "newest",
        "debounce = \"300ms\"\nshell = 'echo \"$MRP_TEXT\" >>\"$HOME/newest\"'",
    ) + &hook(
        "rate",
        "rate = \"2/h\"\nshell = 'echo \"$MRP_TEXT\" >>\"$HOME/rate\"'",
    );
    let pair = Pair::with(&hooks);
    let lines = pair
        .bob
        .mrpctl_with(&["send", &pair.alice_key, "--lines"], b"one\ntwo\nthree\n");
    lines.succeeded();
    pair.await_outcomes("batch", &["handled"]);
    pair.await_outcomes("newest", &["handled"]);
    pair.await_outcomes("rate", &["handled", "handled"]);
    assert_eq!(pair.lines("batch")[0].trim(), "3");
    assert_eq!(pair.lines("newest"), ["three"]);
    assert_eq!(pair.lines("rate"), ["one", "two"]);
    assert_eq!(pair.hook("rate")["queued"], 1);
    assert_eq!(
        (
            &pair.hook("newest")["handled"],
            &pair.hook("newest")["queued"]
        ),
        (&json!(3), &json!(0))
    );
}
