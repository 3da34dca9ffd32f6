//! `mrpctl run` and `watch`: a command, and a message about it.

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tests::process::{Ended, Process, eventually};
use tests::programs;
use tests::relay::Relay;
use tests::sdk::lines;
use tests::terminal::{CTRL_C, Terminal};
use tests::user::User;

/// What was told, once it is so many messages.
fn told(user: &User, count: usize) -> Vec<Value> {
    eventually("the reports", || {
        let all = user.inbox();
        (all.len() >= count).then_some(all)
    })
}

fn run(user: &User, flags: &[&str], script: &str) -> Ended {
    let arguments = [&["run", "--to", "me"], flags, &["--", "sh", "-c", script]].concat();
    user.mrpctl(&arguments)
}

#[test]
fn a_command_passes_through_and_its_end_is_told() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let ended = run(
        &user,
        &["--title", "backup", "--tail", "2"],
        "echo a; echo b; echo c >&2; exit 3",
    );
    assert_eq!(
        (ended.code(), ended.stdout.as_str(), ended.stderr.as_str()),
        (3, "a\nb\n", "c\n")
    );
    let report = &told(&user, 1)[0]["body"];
    let text = report["text"].as_str().unwrap();
    assert!(
        text.starts_with("backup: failed (exit status 3) after "),
        "{text}"
    );
    assert_eq!(
        (&report["run"]["status"], &report["run"]["title"]),
        (&json!(3), &json!("backup"))
    );
    let output = report["run"]["output"].as_str().unwrap();
    assert_eq!(output.lines().count(), 2, "{output}");

    let ended = run(&user, &["--start-ping", "--attach-output"], "seq 3");
    assert_eq!((ended.code(), ended.stdout.as_str()), (0, "1\n2\n3\n"));
    let all = told(&user, 3);
    assert!(
        all[1]["text"].as_str().unwrap().contains(": begun on "),
        "{}",
        all[1]
    );
    assert_eq!(all[2]["attachments"][0]["filename"], "output.txt");
    assert_eq!(all[2]["attachments"][0]["size"], 6);

    let ended = run(
        &user,
        &["--timeout", "200ms", "--title", "slow"],
        "exec sleep 60",
    );
    assert_eq!(ended.code(), 124, "{ended:?}");
    assert!(
        told(&user, 4)[3]["text"]
            .as_str()
            .unwrap()
            .starts_with("slow: failed (took too long)")
    );
    let ended = user.mrpctl(&["run", "--to", "me", "--", "/no/such/program"]);
    assert_eq!((ended.code(), ended.stdout.as_str()), (127, ""));
    assert!(ended.stderr.contains("no such file"), "{ended:?}");
    told(&user, 5);
    let ended = user.mrpctl(&["run", "--", "true"]);
    assert_eq!(ended.code(), 64, "{ended:?}");
    let ended = user.mrpctl(&["run", "--to", "me", "--pid", "999999999"]);
    assert_eq!(ended.code(), 66, "{ended:?}");
}

#[test]
fn what_is_told_depends_on_how_it_went() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let file = user.home().join("fails");
    let check = |flags: &[&str], fails: bool| {
        if fails {
            std::fs::write(&file, "").unwrap();
        } else {
            let _ = std::fs::remove_file(&file);
        }
        let code = run(&user, flags, "test ! -e fails").code();
        assert_eq!(code, i32::from(fails));
    };
    check(&["--on", "failure"], false);
    check(&["--on", "success"], true);
    let change = [
        "--on",
        "change",
        "--after-failures",
        "2",
        "--title",
        "check",
    ];
    for fails in [false, true, true, true, false, true, false] {
        check(&change, fails);
    }
    let texts: Vec<String> = told(&user, 2)
        .iter()
        .map(|one| one["text"].as_str().unwrap().to_owned())
        .collect();
    let begins = |text: &str, with: &str| assert!(text.starts_with(with), "{texts:?}");
    assert_eq!(texts.len(), 2, "{texts:?}");
    begins(&texts[0], "check: failed");
    begins(&texts[1], "check: done");
}

/// Crontabs have no XDG_RUNTIME_DIR, and a daemon that is away keeps no backup from being made.
#[test]
fn a_command_is_run_whatever_becomes_of_the_message() {
    let relay = Relay::start();
    let mut user = User::at("laptop", &relay);
    let ended = run(&user, &["--to", "nobody"], "echo done; exit 4");
    assert_eq!((ended.code(), ended.stdout.as_str()), (4, "done\n"));
    assert!(ended.stderr.contains("nobody"), "{ended:?}");
    user.terminate_daemon();
    let ended = run(&user, &[], "echo done; exit 4");
    assert_eq!((ended.code(), ended.stdout.as_str()), (4, "done\n"));
    assert!(ended.stderr.contains("mrpd is not running"), "{ended:?}");

    let as_cron = |user: &User, program: &str| {
        let mut command = user.command(programs::path(program));
        command.env_remove("XDG_RUNTIME_DIR");
        command
    };
    user.run_daemon(as_cron(&user, "mrpd"));
    let mut command = as_cron(&user, "mrpctl");
    command.args([
        "run", "--to", "me", "--title", "cron", "--", "sh", "-c", "env",
    ]);
    command
        .env("MRPCTL_QUIET", "1")
        .env("MRP_PRIVATE_KEY", "secret")
        .env("PASSED", "on");
    let ended = tests::process::Process::start(command, b"").wait();
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert!(ended.stdout.contains("PASSED=on"), "{ended:?}");
    assert!(
        !ended.stdout.contains("secret") && !ended.stdout.contains("MRPCTL"),
        "{ended:?}"
    );
    let mut tail = as_cron(&user, "mrpctl");
    // The first report came to oneself, too, now or before the daemon's end.
    tail.args(["tail", "-c", "2", "-o", "raw"]);
    let text = tests::process::Process::start(tail, b"").wait().succeeded();
    let told = text.lines().any(|line| line.starts_with("cron: done"));
    assert!(told, "{text}");
}

#[test]
fn what_ends_mrpctl_ends_the_command_and_is_told() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let script = "trap 'echo bye; exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    let mut running = user.start_mrpctl(&["run", "--to", "me", "--", "sh", "-c", script], b"");
    running.line_after("ready");
    running.signal(Signal::SIGTERM);
    let ended = running.wait();
    assert_eq!((ended.code(), ended.stdout.as_str()), (9, "bye\n"));
    assert_eq!(told(&user, 1)[0]["body"]["run"]["status"], 9);
}

#[test]
fn a_change_is_told_and_nothing_else() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let file = user.home().join("seen");
    let look = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let ended = user.mrpctl(&[
            "watch", "--to", "me", "--once", "--title", "seen", "--", "cat", "seen",
        ]);
        assert_eq!((ended.code(), ended.stdout.as_str()), (0, ""));
        ended.stderr
    };
    assert!(look("one\n").contains("nothing to compare with"));
    for text in ["one\n", "two\n", "two\n", "one\n", "two\n"] {
        assert_eq!(look(text), "");
    }
    let texts: Vec<String> = told(&user, 3)
        .iter()
        .map(|one| one["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        texts,
        [
            "seen changed:\ntwo",
            "seen changed:\none",
            "seen changed:\ntwo"
        ]
    );
    let ended = user.mrpctl(&["watch", "--to", "me", "--once", "--", "/no/such/program"]);
    assert_eq!(ended.code(), 127, "{ended:?}");
    let mut watching = user.start_mrpctl(
        &[
            "watch", "--to", "me", "-n", "100ms", "--title", "now", "--", "cat", "seen",
        ],
        b"",
    );
    std::fs::write(&file, "three\n").unwrap();
    let all = told(&user, 4);
    assert_eq!(all[3]["text"], "now changed:\nthree");
    assert!(!watching.has_ended());
    watching.signal(Signal::SIGINT);
    assert_eq!(watching.wait().code(), 130);
    let sent = user.mrpctl(&["tail", "--sent", "--no-follow", "-n", "100", "-o", "jsonl"]);
    assert_eq!(lines(&sent.succeeded()).len(), 4);
}

/// A signal that was sent to mrpctl alone is passed on; what is typed at a terminal the command has already.
#[test]
fn an_interrupt_reaches_the_command_once() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    // Whoever runs the tests in the background may have them ignore this signal, and all that they start.
    let command = |script: &str| {
        let mut command = user.command("env".into());
        command
            .arg("--default-signal=INT")
            .arg(programs::path("mrpctl"))
            .args(["run", "--to", "me", "--", "sh", "-c", script]);
        command
    };
    let start = |script: &str| {
        let mut running = Process::start(command(script), b"");
        running.line_after("ready");
        running
    };
    let running = start("echo ready; exec sleep 60");
    running.signal(Signal::SIGINT);
    assert_eq!(running.wait().code(), 130);
    let text = told(&user, 1)[0]["text"].to_string();
    assert!(text.contains("ended by signal 2"), "{text}");
    let running = start("trap 'echo bye; exit 9' INT; echo ready; while :; do sleep 0.05; done");
    running.signal(Signal::SIGINT);
    let ended = running.wait();
    assert_eq!((ended.code(), ended.stdout.as_str()), (9, "bye\n"));

    let script = "trap 'echo got it' INT; echo ready; until test -e stop; do sleep 0.05; done";
    let mut terminal = Terminal::start(&command(script));
    terminal.shows("ready");
    terminal.types(CTRL_C);
    terminal.shows("got it");
    std::fs::write(user.home().join("stop"), "").unwrap();
    let (code, seen) = terminal.ended();
    assert_eq!((code, seen.matches("got it").count()), (0, 1), "{seen}");
}

#[test]
fn a_watch_outlives_a_daemon_that_is_away() {
    let relay = Relay::start();
    let mut user = User::at("laptop", &relay);
    let file = user.home().join("seen");
    std::fs::write(&file, "one").unwrap();
    let watch = ["watch", "--to", "me", "-n", "100ms", "--", "cat", "seen"];
    let watching = user.start_mrpctl(&watch, b"");
    watching.error_after("this is the first time");
    user.terminate_daemon();
    std::fs::write(&file, "two").unwrap();
    let why = watching.error_after("warning: the change cannot be sent yet");
    assert!(why.contains("mrpd is not running"), "{why}");
    let mut once = watch.to_vec();
    once.splice(3..5, ["--once"]);
    let once = user.mrpctl(&once);
    assert_eq!(once.code(), 69, "{once:?}");
    user.start_daemon();
    assert_eq!(told(&user, 1)[0]["text"], "cat seen changed:\ntwo");
    watching.signal(Signal::SIGINT);
    let ended = watching.wait();
    assert_eq!(ended.code(), 130);
    let warned = ended.stderr.matches("cannot be sent yet").count();
    assert_eq!(warned, 1, "it is said once: {ended:?}");
}
