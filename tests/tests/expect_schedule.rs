//! Dead-man switches and schedules, with real processes.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tests::clock::Clock;
use tests::process::eventually;
use tests::relay::Relay;
use tests::user::User;

fn one(user: &User, path: &str) -> Value {
    let (status, answer) = user.api("GET", path, None);
    assert_eq!(status, 200, "{answer}");
    answer[0].clone()
}

fn warnings(user: &User) -> String {
    user.api("GET", "/v1/status", None).1["warnings"].to_string()
}

/// A switch that writes a line to a file each time.
fn switch(user: &User, rest: &str) -> PathBuf {
    let fired = user.home().join("fired");
    user.configure(&format!(
        "[[expect]]\nname = \"backup\"\n{rest}\nshell = 'echo \"$MRP_HOOK $MRP_EXPECT_MISSED\" >> {}'\n",
        fired.display()
    ));
    user.reload();
    fired
}

fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_switch_is_told_of_once_a_period_and_recovers() {
    let relay = Relay::start();
    let user = User::at("me", &relay);
    let fired = switch(&user, "match = 'text == \"done\"'\nevery = \"2s\"");
    let first = eventually("the switch", || {
        Some(lines(&fired)).filter(|lines| !lines.is_empty())
    });
    assert_eq!(first[0], "backup 1");
    eventually("a second period", || {
        lines(&fired).contains(&"backup 2".to_owned()).then_some(())
    });
    assert!(warnings(&user).contains("backup"), "{}", warnings(&user));
    // What does not match does not count.
    user.mrpctl(&["send", "me", "not yet"]).succeeded();
    eventually("a third period", || {
        lines(&fired).contains(&"backup 3".to_owned()).then_some(())
    });
    let mut told = lines(&fired);
    told.dedup();
    assert_eq!(told, lines(&fired), "once a period");
    user.mrpctl(&["send", "me", "done"]).succeeded();
    eventually("the recovery", || {
        let standing = one(&user, "/v1/expects");
        (!standing["last_seq"].is_null() && standing["missed"] == 0).then_some(())
    });
}

#[test]
fn a_switch_stands_as_it_did_after_a_restart() {
    let relay = Relay::start();
    let mut user = User::at("me", &relay);
    let fired = switch(&user, "every = \"1h\"\ngrace = \"1h\"");
    let before = eventually("the switch to be kept", || {
        Some(one(&user, "/v1/expects")).filter(|standing| !standing.is_null())
    });
    user.mrpctl(&["send", "me", "done"]).succeeded();
    let seen = eventually("the message to count", || {
        Some(one(&user, "/v1/expects")).filter(|standing| !standing["last_seq"].is_null())
    });
    assert!(seen["since"].as_str() >= before["since"].as_str());
    user.kill_daemon();
    user.start_daemon();
    assert_eq!(one(&user, "/v1/expects"), seen);
    // With other words it begins anew.
    let config = user.home().join(".config/mrp/mrpd.toml");
    let text = std::fs::read_to_string(&config).expect("the configuration is there");
    std::fs::write(&config, text.replace("\"1h\"", "\"2h\"")).expect("it is written");
    user.reload();
    eventually("a new beginning", || {
        one(&user, "/v1/expects")["last_seq"]
            .is_null()
            .then_some(())
    });
    assert!(lines(&fired).is_empty());
}

#[test]
fn a_clock_that_jumps_sets_nothing_off() {
    let relay = Relay::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let Some(clock) = Clock::new(folder.path()) else {
        return tests::skip("libfaketime is not installed");
    };
    let user = User::with_clock("me", &relay, &clock);
    let fired = switch(&user, "every = \"1h\"\ngrace = \"1m\"");
    let quick = user.home().join("quick");
    user.configure(&format!(
        "[[expect]]\nname = \"quick\"\nevery = \"3s\"\nshell = 'echo x >> {}'\n",
        quick.display()
    ));
    clock.set(7200);
    user.reload();
    eventually("time to pass", || (lines(&quick).len() >= 2).then_some(()));
    clock.set(-7200);
    let before = lines(&quick).len();
    eventually("time to pass", || {
        (lines(&quick).len() >= before + 2).then_some(())
    });
    assert!(lines(&fired).is_empty(), "it was set off by the clock");
}

#[test]
fn a_message_is_sent_when_it_is_time() {
    let relay = Relay::start();
    let mut user = User::at("me", &relay);
    user.configure(
        "[groups]\nteam = [\"me\"]\n[[schedule]]\nname = \"standup\"\ncron = \"* * * * *\"\nto = \"me\"\ntext = \"Standup\"\n",
    );
    user.reload();
    let standing = eventually("the schedule", || {
        Some(one(&user, "/v1/schedules")).filter(|standing| !standing.is_null())
    });
    assert!(standing["sent_for"].is_null(), "{standing}");
    let next = standing["next_at"].clone();
    assert!(
        next.as_str().is_some_and(|next| next.ends_with(":00.000Z")),
        "{next}"
    );
    // The minute is the scenario. In the midst of it everything begins anew.
    user.kill_daemon();
    user.start_daemon();
    let begun = std::time::Instant::now();
    while one(&user, "/v1/schedules")["sent_for"].is_null() {
        assert!(begun.elapsed().as_secs() < 90, "the minute never came");
        std::thread::park_timeout(std::time::Duration::from_millis(200));
    }
    let standing = one(&user, "/v1/schedules");
    assert_eq!(
        standing["sent"].as_array().map(Vec::len),
        Some(1),
        "{standing}"
    );
    assert_eq!(standing["error"], Value::Null);
    let texts = eventually("the message", || {
        Some(user.texts()).filter(|texts| !texts.is_empty())
    });
    assert_eq!(texts, ["Standup"]);
    // It was sent, and is not again: not after a crash either.
    user.kill_daemon();
    user.start_daemon();
    assert_eq!(
        one(&user, "/v1/schedules")["sent_for"],
        standing["sent_for"]
    );
}

#[test]
fn what_is_written_wrongly_is_refused_and_the_old_one_stays() {
    let relay = Relay::start();
    let user = User::at("me", &relay);
    let config = user.home().join(".config/mrp/mrpd.toml");
    let right = "[[schedule]]\nname = \"s\"\ncron = \"0 9 * * 1\"\nto = \"me\"\nbody = '{\"a\":1}'\n[[expect]]\nname = \"e\"\nevery = \"1d\"\nshell = \"true\"\n";
    user.configure(right);
    user.reload();
    let names = |path: &str| {
        let (_, answer) = user.api("GET", path, None);
        answer.as_array().map(|all| {
            all.iter()
                .map(|one| one["name"].clone())
                .collect::<Vec<_>>()
        })
    };
    eventually("both", || {
        (names("/v1/schedules") == Some(vec![json!("s")])
            && names("/v1/expects") == Some(vec![json!("e")]))
        .then_some(())
    });
    let text = std::fs::read_to_string(&config).expect("the configuration is there");
    let wrong = text
        .replace("0 9 * * 1", "0 9 * *")
        .replace("every = \"1d\"", "every = \"0s\"");
    std::fs::write(&config, wrong).expect("it is written");
    user.api("POST", "/v1/reload", None);
    let warned = eventually("the warnings", || {
        Some(warnings(&user)).filter(|warnings| warnings.contains("schedule.s.cron"))
    });
    assert!(warned.contains("expect.e.every"), "{warned}");
    assert!(warned.contains("mrpd.toml:"), "{warned}");
    assert_eq!(one(&user, "/v1/schedules")["cron"], "0 9 * * 1");
    assert_eq!(names("/v1/expects"), Some(vec![json!("e")]));
}
