//! The commands that read the inbox and settle what is in it, as scripts meet them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Value, json};
use std::io::Write as _;
use std::process::Stdio;
use tests::process::{Ended, Process, eventually};
use tests::relay::Relay;
use tests::sdk::lines;
use tests::user::User;

/// Sends to oneself, and waits until it is in the inbox; gives the id.
fn note(user: &User, arguments: &[&str]) -> String {
    let arguments = [&["send", "me"], arguments, &["--wait", "delivered"]].concat();
    user.mrpctl(&arguments).succeeded().trim().to_owned()
}

/// Went well, without a word.
fn silent(ended: &Ended) {
    assert_eq!(
        (ended.code(), ended.stdout.as_str(), ended.stderr.as_str()),
        (0, "", ""),
        "{ended:?}"
    );
}

fn state(user: &User, id: &str) -> String {
    let shown = user.mrpctl(&["show", id, "--fields", "state"]).succeeded();
    lines(&shown)[0]["state"].as_str().unwrap().to_owned()
}

#[test]
fn work_is_taken_by_one_and_settled() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    user.mrpctl(&["next", "--no-wait"]).failed(1, "");
    user.mrpctl(&["next", "--wait", "1ms"]).failed(1, "");
    user.mrpctl(&["next", "--timeout", "1ms"])
        .failed(124, "--timeout");
    user.mrpctl(&["next", "--lease", "8d"])
        .failed(64, "1s to 7d");
    // Whoever waits gets what comes.
    let waiting = user.start_mrpctl(&["next", "--wait", "1m"], b"");
    let ids = ["one", "two", "three"].map(|text| note(&user, &[text]));
    let first = &lines(&waiting.wait().succeeded())[0];
    assert_eq!(
        (&first["id"], &first["attempt"]),
        (&json!(ids[0]), &json!(1))
    );
    let token = first["lease"]["token"].as_str().unwrap();
    // Nobody else gets it; the filters hold, and several come at once.
    let rest = user.mrpctl(&["next", "-n", "5", "--kind", "text", "-o", "json"]);
    let rest: Vec<Value> = serde_json::from_str(&rest.succeeded()).unwrap();
    let taken: Vec<&Value> = rest.iter().map(|message| &message["id"]).collect();
    assert_eq!(taken, [&json!(ids[1]), &json!(ids[2])]);
    user.mrpctl(&["next", "--no-wait"]).failed(1, "");
    silent(&user.mrpctl(&["touch", &ids[0], "--lease", "1h"]));
    let touched = user.mrpctl(&["touch", token, "-o", "json"]).succeeded();
    assert_eq!(lines(&touched)[0]["seqs"], json!([first["seq"]]));
    silent(&user.mrpctl(&["ack", token]));
    silent(&user.mrpctl(&["ack", &ids[0]]));
    assert_eq!(state(&user, &ids[0]), "done");
    // Given back, it comes again, with the next attempt; the seq names it as well.
    let seq = rest[0]["seq"].to_string();
    silent(&user.mrpctl(&["nack", &seq]));
    let again = user.mrpctl(&["next", "--no-wait", "-o", "raw"]).succeeded();
    assert_eq!(again, "two\n");
    // What could not be written was not taken.
    silent(&user.mrpctl(&["nack", &ids[1]]));
    let mut full = user.command("/bin/sh".into());
    let next = tests::programs::path("mrpctl");
    full.args(["-c", &format!("{} next > /dev/full", next.display())]);
    Process::start(full, b"").wait().failed(74, "no space left");
    let taken = user.mrpctl(&["next", "--no-wait", "--fields", "attempt"]);
    assert_eq!(taken.succeeded(), "{\"attempt\":4}\n");
    silent(&user.mrpctl(&["nack", &ids[1], "--delay", "1h"]));
    silent(&user.mrpctl(&["nack", &ids[2], "--dead"]));
    assert_eq!(state(&user, &ids[2]), "dead");
    user.mrpctl(&["next", "--no-wait"]).failed(1, "");
    // All or none, and the reason by name.
    user.mrpctl(&["ack", &ids[1], "msg_none"])
        .failed(1, "msg_none");
    user.mrpctl(&["ack", "999"])
        .failed(1, "no message with the seq 999");
    user.mrpctl(&["nack", &ids[0]]).failed(65, "settled");
    user.mrpctl(&["touch", "lease_x"]).failed(65, "lease_x");
    user.mrpctl(&["ack", ""]).failed(64, "empty");
    user.mrpctl(&["ack"]).failed(64, "required");
}

#[test]
fn who_waits_for_work_gets_it_from_a_restarted_daemon() {
    let relay = Relay::start();
    let mut user = User::at("laptop", &relay);
    let errors = user.home().join("errors");
    let mut command = user.command(tests::programs::path("mrpctl"));
    command.args(["next", "-o", "raw", "-v", "--timeout", "2m"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&errors).unwrap());
    let next = command.spawn().unwrap();
    let said = |words: &str| {
        eventually(words, || {
            let text = std::fs::read_to_string(&errors).unwrap();
            text.contains(words).then_some(())
        });
    };
    said("mrpd answers at");
    user.terminate_daemon();
    said("waiting for it to come back");
    user.mrpctl(&["next", "--no-wait"])
        .failed(69, "not running");
    user.start_daemon();
    note(&user, &["at last"]);
    let done = next.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(done.stdout).unwrap(), "at last\n");
}

#[test]
fn an_answer_is_not_missed_between_send_and_wait() {
    let mut relay = Relay::start();
    let laptop = User::at("laptop", &relay);
    let server = User::at("server", &relay);
    let (laptop_key, server_key) = (laptop.key(), server.key());
    let question = laptop.mrpctl(&["send", &server_key, "ready?"]).succeeded();
    let question = question.trim();
    let answer = ["send", &laptop_key, "yes", "-r", question];
    server
        .mrpctl(&[&answer[..], &["--wait", "delivered"]].concat())
        .succeeded();
    // It is here already.
    let wait = ["wait", "--reply-to", question, "--timeout", "1m"];
    let heard = laptop.mrpctl(&[&wait[..], &["-o", "raw"]].concat());
    assert_eq!(heard.succeeded(), "yes\n");
    laptop
        .mrpctl(&["wait", "--kind", "text", "--timeout", "200ms"])
        .failed(124, "--timeout");
    let earlier = ["wait", "--since", "1h", "-o", "raw", "--timeout", "1m"];
    assert_eq!(laptop.mrpctl(&earlier).succeeded(), "yes\n");
    let behind = ["wait", "--after", question, "-o", "raw", "--timeout", "1m"];
    assert_eq!(laptop.mrpctl(&behind).succeeded(), "yes\n");
    laptop
        .mrpctl(&["wait", "--after", "msg_no"])
        .failed(1, "msg_no");
    laptop
        .mrpctl(&["wait", "--from", "nobody"])
        .failed(67, "nobody");
    // What still lies in the outbox has no name yet that an answer could bear.
    relay.kill();
    let queued = laptop.mrpctl(&["send", &server_key, "and now?", "--async"]);
    let queued = queued.succeeded();
    assert!(queued.starts_with("out_"), "{queued}");
    let waiting = laptop.start_mrpctl(&["wait", "--reply-to", queued.trim(), "-o", "raw"], b"");
    relay.resume();
    let asked = server
        .mrpctl(&["wait", "--match", "text == 'and now?'", "--since", "1h"])
        .succeeded();
    let asked = lines(&asked)[0]["id"].as_str().unwrap().to_owned();
    server
        .mrpctl(&["send", &laptop_key, "still", "-r", &asked])
        .succeeded();
    assert_eq!(waiting.wait().succeeded(), "still\n");
}

#[test]
fn the_inbox_is_listed_searched_marked_and_cleared() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    assert_eq!(user.mrpctl(&["inbox"]).succeeded(), "");
    assert_eq!(user.mrpctl(&["inbox", "-o", "json"]).succeeded(), "[]\n");
    assert_eq!(user.mrpctl(&["thread"]).succeeded(), "");
    let long = format!("second line is\nhidden {}", "x".repeat(100));
    let ids = [
        note(&user, &["invoice of March", "-t", "money"]),
        note(&user, &["--text", &long]),
        note(&user, &["--text", "esc \u{1b}[2J", "-t", "th\u{1b}c"]),
    ];
    let texts = |flags: &[&str]| {
        let shown = user.mrpctl(&[flags, &["-o", "raw"]].concat()).succeeded();
        shown.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(texts(&["inbox", "--limit", "1"]), ["esc \u{1b}[2J"]);
    assert_eq!(texts(&["ls", "--thread", "money"]), ["invoice of March"]);
    assert_eq!(texts(&["search", "MARCH", "invoice"]).len(), 2, "both ways");
    assert_eq!(
        texts(&["search", "MARCH", "invoice", "--sent"]),
        ["invoice of March"]
    );
    assert_eq!(texts(&["thread", "show", "money"]).len(), 2, "both ways");
    let limited = user.mrpctl(&["inbox", "ls", "--limit", "2"]);
    assert!(limited.stderr.contains("more than 2"), "{limited:?}");
    let list = user.mrpctl(&["inbox", "-o", "table"]).succeeded();
    assert_eq!(list, user.mrpctl(&["inbox", "-o", "text"]).succeeded());
    let rows: Vec<&str> = list.lines().collect();
    assert!(rows[0].starts_with("SEQ ") && rows.len() == 4, "{list}");
    assert!(rows[1].ends_with("  esc \\e[2J"), "{list}");
    assert!(rows[2].ends_with("  second line is …"), "{list}");
    let threads = user.mrpctl(&["thread", "ls", "-o", "table"]).succeeded();
    assert!(threads.contains("\nth\\ec  ") && threads.contains("\nmoney  "));
    let threads = lines(&user.mrpctl(&["thread", "--limit", "1"]).succeeded());
    assert_eq!((threads.len(), &threads[0]["count"]), (1, &json!(2)));
    user.mrpctl(&["search", "nowhere"]).failed(1, "");
    user.mrpctl(&["search", "  "]).failed(65, "word");
    user.mrpctl(&["thread", "show", "none"])
        .failed(1, "no thread none");
    user.mrpctl(&["inbox", "--limit", "0"])
        .failed(64, "0 is not in");
    // Marks, by id and by seq.
    let seq = |id: &str| lines(&user.mrpctl(&["show", id]).succeeded())[0]["seq"].to_string();
    let (first, second) = (seq(&ids[0]), seq(&ids[1]));
    assert_eq!(
        user.mrpctl(&["show", &first, "--body"]).succeeded(),
        "{\"text\":\"invoice of March\"}\n"
    );
    user.mrpctl(&["show", "999"]).failed(1, "the seq 999");
    user.mrpctl(&["show", "msg_1_none"])
        .failed(1, "mrpctl inbox");
    silent(&user.mrpctl(&["mark", "read", &ids[0], &second]));
    assert_eq!(texts(&["inbox", "--unread"]).len(), 1);
    assert_eq!(texts(&["recv", "--no-follow"]), ["esc \u{1b}[2J"]);
    silent(&user.mrpctl(&["mark", "archive", &ids[0]]));
    silent(&user.mrpctl(&["mark", "unread", &second]));
    assert_eq!(
        [state(&user, &ids[0]), state(&user, &ids[1])],
        ["archived", "new"]
    );
    assert_eq!(
        texts(&["tail", "--unread", "--no-follow"]).len(),
        3,
        "two lines are one message"
    );
    user.mrpctl(&["recv", "--sent"]).failed(64, "never unread");
    user.mrpctl(&["mark", "seen", &ids[0]]).failed(64, "seen");
    user.mrpctl(&["mark", "read", "msg_none"])
        .failed(1, "msg_none");
    // Every one is tried, and what is gone is gone.
    let removed = user.mrpctl(&["rm", "msg_none", &first, "999"]);
    removed.failed(1, "msg_none");
    assert!(removed.stderr.contains("the seq 999"), "{removed:?}");
    user.mrpctl(&["show", &ids[0]]).failed(1, &ids[0]);
    silent(&user.mrpctl(&["rm", &ids[2]]));
    assert_eq!(
        user.mrpctl(&["prune", "--older", "1h", "-o", "raw"])
            .succeeded(),
        "0\n"
    );
    let kept = user.mrpctl(&["prune", "--older", "0", "--keep-unread"]);
    assert_eq!(
        lines(&kept.succeeded())[0],
        json!({ "removed": 1 }),
        "the one that was sent"
    );
    assert_eq!(
        user.mrpctl(&["prune", "--older", "0", "-o", "text"])
            .succeeded(),
        "1 message removed\n"
    );
    user.mrpctl(&["prune"]).failed(64, "--older");
    user.mrpctl(&["prune", "--older", "soon"])
        .failed(64, "soon");
}

#[test]
fn unread_messages_are_received_as_they_come() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    for number in 1..=12 {
        note(&user, &[&number.to_string()]);
    }
    let mut receiving = user.start_mrpctl(&["recv", "-c", "13", "-o", "raw"], b"");
    // All that is unread, and not the last ten.
    assert_eq!(receiving.line(), "1");
    note(&user, &["and more"]);
    let rest = receiving.wait().succeeded();
    assert!(rest.starts_with("2\n") && rest.ends_with("12\nand more\n"));
}

#[test]
fn people_talk_line_by_line() {
    let relay = Relay::start();
    let alice = User::at("alice", &relay);
    let bob = User::at("bob", &relay);
    let (alice_key, bob_key) = (alice.key(), bob.key());
    for (user, name, key) in [(&alice, "bob", &bob_key), (&bob, "alice", &alice_key)] {
        user.mrpctl(&["contact", "add", name, key]).succeeded();
    }
    alice
        .mrpctl(&["send", "bob", "before", "--wait", "delivered"])
        .succeeded();
    // A pipe is sent to its end.
    let piped = alice.mrpctl_with(&["chat", "bob", "-n", "0", "-t", "th"], b"one\n\ntwo\n");
    silent(&piped);
    let heard = [
        "wait", "--thread", "th", "--since", "1h", "-c", "2", "-o", "raw",
    ];
    assert_eq!(bob.mrpctl(&heard).succeeded(), "one\ntwo\n");
    // What was said before comes first; then lines go both ways.
    let mut command = bob.command(tests::programs::path("mrpctl"));
    command.args(["chat", "alice", "-o", "raw", "--timeout", "2m"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut chat = command.spawn().unwrap();
    let mut typed = chat.stdin.take().unwrap();
    typed.write_all(b"hello\n").unwrap();
    let hello = alice.mrpctl(&["wait", "--since", "1h", "--match", "text == 'hello'"]);
    hello.succeeded();
    alice.mrpctl(&["send", "bob", "good day"]).succeeded();
    eventually("the greeting", || {
        bob.texts().contains(&"good day".to_owned()).then_some(())
    });
    let mut shown = std::io::BufReader::new(chat.stdout.take().unwrap());
    for line in ["before", "one", "two", "good day"] {
        let mut read = String::new();
        std::io::BufRead::read_line(&mut shown, &mut read).unwrap();
        assert_eq!(read, format!("{line}\n"));
    }
    drop(typed);
    assert!(chat.wait().unwrap().success());
    bob.mrpctl(&["chat", "nobody"]).failed(67, "nobody");
    bob.mrpctl_with(&["chat", "alice", "-n", "0"], b"\xff\n")
        .failed(65, "UTF-8");
    bob.mrpctl(&["chat"]).failed(64, "WHO");
}
