//! What shells are offered while somebody types: at once, with the daemon and without.

use std::path::{Path, PathBuf};
use std::process::Command;
use tests::process::Process;
use tests::programs;
use tests::relay::Relay;
use tests::user::User;

/// What fish would offer for the words that were typed; the last one is not whole yet.
fn offered(user: &User, words: &[&str]) -> Vec<String> {
    let mut command = user.command(programs::path("mrpctl"));
    command
        .env("MRPCTL_COMPLETE", "fish")
        .args(["--", "mrpctl"])
        .args(words);
    let ended = Process::start(command, b"").wait();
    assert_eq!(ended.stderr, "", "{words:?}");
    ended.succeeded().lines().map(str::to_owned).collect()
}

fn values(user: &User, words: &[&str]) -> Vec<String> {
    let value = |line: String| line.split('\t').next().unwrap_or_default().to_owned();
    offered(user, words).into_iter().map(value).collect()
}

#[test]
fn names_are_offered_without_the_daemon_and_ids_with_it() {
    let relay = Relay::start();
    let mut user = User::at("laptop", &relay);
    let key = user.key();
    user.mrpctl(&["contact", "add", "albert", &key, "--note", "from work"])
        .succeeded();
    user.configure(
        "[groups]\nops = [\"albert\"]\n[[hook]]\nname = \"desk\"\nexec = [\"/bin/true\"]",
    );
    let id = user
        .mrpctl(&["send", "me", "hello there", "-t", "thread-1"])
        .succeeded();
    let id = id.trim();
    assert_eq!(
        offered(&user, &["show", "msg_"])[0].split('\t').next(),
        Some(id)
    );
    assert!(offered(&user, &["show", ""])[0].contains("hello there"));
    assert_eq!(values(&user, &["send", "me", "-t", ""]), ["thread-1"]);
    user.terminate_daemon();
    for (words, wanted) in [
        (&["send", "al"][..], &["albert"][..]),
        (&["send", "@"], &["@ops"]),
        (&["tail", "--from", ""], &["albert", "@ops", "me"]),
        (&["contact", "rm", "a"], &["albert"]),
        (&["-a", ""], &["laptop"]),
        (&["logs", "--hook", ""], &["desk"]),
        (&["show", "msg_"], &[]),
        (&["config", "se"], &["set"]),
        (&["-o", "js"], &["json", "jsonl"]),
        (&["tail", "--kind", "ev"], &["event"]),
    ] {
        assert_eq!(values(&user, words), wanted, "{words:?}");
    }
    assert_eq!(offered(&user, &["send", "al"]), ["albert\tfrom work"]);
    assert_eq!(values(&user, &["send", "me", "--relay", ""]).len(), 1);
}

#[test]
fn a_shell_that_asks_in_a_broken_home_is_told_nothing_wrong() {
    let user = User::blank("laptop");
    let config = user.config_file();
    std::fs::create_dir_all(config.parent().unwrap()).unwrap();
    std::fs::write(&config, "[[").unwrap();
    std::fs::write(config.with_file_name("mrpctl.toml"), "[[").unwrap();
    std::fs::create_dir_all(user.home().join(".mrp/contacts.json")).unwrap();
    assert_eq!(values(&user, &["send", "m"]), ["me"]);
    assert_eq!(values(&user, &["stat"]), ["status"]);
}

/// A shell of this machine; `None`, and said so, where there is none.
fn shell(name: &str) -> Option<PathBuf> {
    let path = ["/usr/bin", "/bin"].map(|dir| Path::new(dir).join(name));
    let found = path.into_iter().find(|path| path.exists());
    if found.is_none() {
        tests::skip(&format!("{name} is not installed"));
    }
    found
}

/// The shells read their scripts, and bash is offered what the program says.
#[test]
fn shells_take_their_scripts() {
    let user = User::blank("laptop");
    for (name, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let Some(shell) = shell(name) else { continue };
        for program in ["mrpctl", "mrpd", "relayd"] {
            let mut command = user.command(programs::path(program));
            command.args(["completions", name]);
            let script = Process::start(command, b"").wait().succeeded();
            let path = user.home().join(format!("{program}.{name}"));
            std::fs::write(&path, script).unwrap();
            let mut read = user.command(shell.clone());
            read.arg(check).arg(&path);
            Process::start(read, b"").wait().succeeded();
        }
    }
    let Some(bash) = shell("bash") else { return };
    let programs = programs::path("mrpctl").parent().unwrap().to_owned();
    let mut command: Command = user.command(bash);
    command.env("PATH", format!("{}:/usr/bin:/bin", programs.display()));
    command.arg("-c").arg(
        "source mrpctl.bash; COMP_WORDS=(mrpctl who); COMP_CWORD=1; COMP_TYPE=9; COMP_LINE='mrpctl who'; COMP_POINT=10; \
         $(complete -p mrpctl | sed 's/.*-F \\([^ ]*\\).*/\\1/') mrpctl who mrpctl; echo \"${COMPREPLY[@]}\"",
    );
    let offered = Process::start(command, b"").wait();
    assert_eq!(offered.stdout.trim(), "whoami", "{offered:?}");
}
