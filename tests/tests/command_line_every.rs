//! What holds for each command there is, and the commands that no other test needs.

use tests::programs::workspace;
use tests::relay::Relay;
use tests::user::User;

/// Every command with its own words, as the manual has them.
fn commands() -> Vec<Vec<String>> {
    let pages = std::fs::read_dir(workspace().join("man")).expect("man/ is there");
    let mut commands: Vec<Vec<String>> = pages
        .filter_map(|page| {
            let page = page.ok()?.file_name().into_string().ok()?;
            let words = page.strip_prefix("mrpctl-")?.strip_suffix(".1")?;
            // The one word with a hyphen in it.
            let words = words.replace("bug-report", "bug_report");
            let words = words.split('-').map(|word| word.replace('_', "-"));
            Some(words.collect())
        })
        .collect();
    commands.sort();
    commands
}

#[test]
fn every_command_has_help_and_refuses_what_it_does_not_know() {
    let user = User::blank("laptop");
    let commands = commands();
    assert!(commands.len() > 100, "{commands:?}");
    for command in &commands {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let help = user.mrpctl(&[&words[..], &["--help"]].concat());
        assert_eq!((help.code(), help.stderr.as_str()), (0, ""), "{words:?}");
        assert!(
            help.stdout.contains("\nUsage: mrpctl "),
            "{words:?}: {help:?}"
        );

        // A thread may have any name.
        if words == ["thread", "show"] {
            continue;
        }
        let mistake = user.mrpctl(&[&words[..], &["--nonsense"]].concat());
        // Of several mistakes one is told.
        mistake.failed(64, "error: ");
        assert_eq!(mistake.stdout, "", "{words:?}");
        assert!(
            mistake.stderr.starts_with("error: "),
            "{words:?}: {mistake:?}"
        );
    }
}

#[test]
fn the_configuration_is_looked_at_and_changed() {
    let relay = Relay::start();
    let mut user = User::at("laptop", &relay);
    let path = user.config_file();
    let config = |arguments: &[&str]| user.mrpctl(&[&["config"], arguments].concat());
    assert_eq!(
        config(&["path", "-o", "raw"]).succeeded().trim(),
        path.to_string_lossy()
    );
    config(&["set", "groups.ops", r#"["me"]"#]).succeeded();
    let get = config(&["get", "groups.ops", "-o", "json"]);
    assert_eq!(get.succeeded().trim(), r#"["me"]"#);
    config(&["unset", "groups.ops"]).succeeded();
    config(&["get", "groups.ops"]).failed(1, "groups.ops");
    config(&["unset", "groups.ops"]).failed(1, "groups.ops");
    config(&["check"]).succeeded();
    user.add_variable("EDITOR", "true");
    user.mrpctl(&["config", "edit"]).succeeded();
    user.add_variable("EDITOR", "false");
    user.mrpctl(&["config", "edit"]).failed(69, "false");
}

#[test]
fn the_daemon_is_restarted_and_reloads() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    user.mrpctl(&["daemon", "status"]).succeeded();
    user.mrpctl(&["daemon", "reload"]).succeeded();
    user.mrpctl(&["daemon", "restart"]).succeeded();
    user.mrpctl(&["send", "me", "still here"]).succeeded();
    user.mrpctl(&["daemon", "stop"]).succeeded();
    user.mrpctl(&["daemon", "reload", "--no-autostart"])
        .failed(69, "mrpd is not running");
}

#[test]
fn lists_by_their_whole_names_are_the_lists_by_their_short_ones() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    user.mrpctl(&["send", "me", "hi", "-t", "talk", "--wait", "delivered"])
        .succeeded();
    for list in ["inbox", "outbox", "dead", "thread"] {
        let short = user.mrpctl(&[list]).succeeded();
        assert_eq!(user.mrpctl(&[list, "ls"]).succeeded(), short, "{list}");
    }
    user.mrpctl(&["outbox", "retry", "out_1"])
        .failed(1, "out_1");
    user.mrpctl(&["outbox", "cancel", "out_1"])
        .failed(1, "out_1");
    user.mrpctl(&["dead", "retry", "out_1"]).failed(1, "out_1");
    user.mrpctl(&["dead", "drop", "out_1"]).failed(1, "out_1");
    user.mrpctl(&["thread", "show", "nosuch"])
        .failed(1, "nosuch");
}

#[test]
fn contacts_are_renamed_and_taken_from_elsewhere() {
    let relay = Relay::start();
    let (alice, bob) = (User::at("alice", &relay), User::at("bob", &relay));
    alice
        .mrpctl(&["contact", "add", "bob", &bob.key()])
        .succeeded();
    alice
        .mrpctl(&["contact", "rename", "bob", "robert"])
        .succeeded();
    alice
        .mrpctl(&["contact", "rename", "bob", "rob"])
        .failed(67, "bob");
    let exported = alice.mrpctl(&["contact", "export"]).succeeded();
    assert!(exported.contains("robert"), "{exported}");
    bob.mrpctl_with(&["contact", "import"], exported.as_bytes())
        .succeeded();
    assert!(
        bob.mrpctl(&["contact", "ls"])
            .succeeded()
            .contains("robert")
    );
    bob.mrpctl_with(&["contact", "import"], b"[contact]\nkey = 1\n")
        .failed(65, "key");
}
