//! mrpctl as a person at a terminal meets it: bars, colours, a conversation, and the keys that end things.

use nix::sys::signal::Signal;
use serde_json::Value;
use tests::process::eventually;
use tests::programs;
use tests::relay::Relay;
use tests::sdk::lines;
use tests::terminal::{CTRL_C, CTRL_D, Terminal};
use tests::user::User;

/// Takes a moment to be read, so that a bar is seen on its way.
const LARGE: usize = 8 << 20;

/// Clears the line that a bar is on.
const CLEARED: &str = "\r\u{1b}[2K";

/// What stands on the screen's last line, once everything before it that was overwritten is gone.
fn left_on_screen(written: &str) -> &str {
    written.rsplit(CLEARED).next().unwrap_or(written)
}

/// Two users who know each other by name.
fn pair(relay: &Relay) -> (User, User) {
    let (ann, bob) = (User::at("ann", relay), User::at("bob", relay));
    ann.mrpctl(&["contact", "add", "bob", &bob.key()])
        .succeeded();
    bob.mrpctl(&["contact", "add", "ann", &ann.key()])
        .succeeded();
    (ann, bob)
}

/// mrpctl with its standard output in a file, and a person at its other ends.
fn with_output_in(user: &User, file: &str, arguments: &[&str]) -> Terminal {
    let mut command = user.command("sh".into());
    let script = format!("exec \"$@\" > {file}");
    command
        .env("TERM", "xterm-256color")
        .args(["-c", &script, "sh"])
        .arg(programs::path("mrpctl"))
        .args(arguments);
    Terminal::start(&command)
}

#[test]
fn transfers_draw_a_bar_that_goes_when_they_are_done() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    let name = "a-file-with-quite-a-long-name.bin";
    std::fs::write(user.home().join(name), vec![b'x'; LARGE]).expect("a file");

    let (code, written) = user.mrpctl_at_terminal(&["blob", "put", name]).ended();
    assert_eq!(code, 0, "{written}");
    assert!(written.contains("8.00 MiB"), "{written}");
    let shown = left_on_screen(&written);
    let id = shown.trim_end();
    assert!(id.starts_with("blob_"), "{shown:?}");

    let put = with_output_in(&user, "id", &["blob", "put", name]);
    let (code, written) = put.ended();
    assert_eq!((code, left_on_screen(&written)), (0, ""), "{written}");
    let saved = std::fs::read_to_string(user.home().join("id")).expect("the output");
    assert_eq!(saved.trim_end(), id);

    let get = ["blob", "get", id, "-O", "got"];
    let (code, written) = user.mrpctl_at_terminal(&get).ended();
    assert_eq!((code, left_on_screen(&written)), (0, ""), "{written}");
    assert!(written.contains("MiB"), "{written}");
    let (code, written) = with_output_in(&user, "all.jsonl", &["export"]).ended();
    assert_eq!((code, left_on_screen(&written)), (0, ""), "{written}");
    assert!(written.contains("export "), "{written}");

    for quiet in [&["--progress", "never"][..], &["-q"]] {
        let (code, written) = user.mrpctl_at_terminal(&[&get, quiet].concat()).ended();
        assert_eq!((code, written.as_str()), (0, ""), "{quiet:?}");
    }
    let ended = user.mrpctl(&get);
    assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""));
    let ended = user.mrpctl(&[&get[..], &["--progress", "json"]].concat());
    let told: Vec<Value> = lines(&ended.stderr);
    let last = told.last().expect("lines of JSON");
    assert_eq!(
        (&last["done"], &last["total"], &last["finished"]),
        (&LARGE.into(), &LARGE.into(), &true.into())
    );
}

#[test]
fn a_transfer_that_is_interrupted_leaves_neither_bar_nor_file() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    // A pipe that stays open: the upload cannot end by itself.
    let fifo = user.home().join("endless");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    let mut put = user.mrpctl_at_terminal(&["blob", "put", "endless"]);
    let mut source = std::fs::OpenOptions::new()
        .write(true)
        .open(&fifo)
        .expect("the other side");
    std::io::Write::write_all(&mut source, &[b'x'; 1 << 16]).expect("it is read");
    put.shows("endless 64.00 KiB");
    put.types(CTRL_C);
    let (code, written) = put.ended();
    assert_eq!((code, left_on_screen(&written)), (130, ""), "{written:?}");
    drop(source);
    let listed = user.mrpctl(&["blob", "ls", "-o", "json"]).succeeded();
    assert_eq!(listed, "[]\n");
}

#[test]
fn a_conversation_is_typed_line_by_line() {
    let relay = Relay::start();
    let (ann, bob) = pair(&relay);
    ann.mrpctl(&["send", "bob", "before", "--wait", "delivered"])
        .succeeded();
    let escapes = "clear \u{1b}[2J over \u{202e}";
    bob.mrpctl(&["send", "ann", escapes, "--wait", "delivered"])
        .succeeded();

    let mut chat = ann.mrpctl_at_terminal(&["chat", "bob"]);
    let history = chat.shows("Ctrl-D leaves.");
    assert!(history.contains("to bob"), "{history:?}");
    assert!(history.contains(": before"), "{history:?}");
    assert!(
        history.contains(": clear \\e[2J over \\u{202e}"),
        "{history:?}"
    );
    chat.types("typed with ünits\n");
    eventually("what was typed", || {
        let texts = bob.texts();
        texts.contains(&"typed with ünits".to_owned()).then_some(())
    });
    bob.mrpctl(&["send", "ann", "and answered"]).succeeded();
    chat.shows(": and answered");
    chat.types(CTRL_D);
    let (code, written) = chat.ended();
    assert_eq!(code, 0, "{written}");
    assert_eq!(bob.texts().len(), 2, "nothing else was sent");

    let mut chat = ann.mrpctl_at_terminal(&["chat", "bob"]);
    chat.shows("Ctrl-D leaves.");
    chat.types(CTRL_C);
    assert_eq!(chat.ended().0, 130);
    ann.mrpctl(&["chat", "@ops"])
        .failed(64, "a conversation is with one");
}

#[test]
fn lists_tell_how_long_ago_something_was() {
    let relay = Relay::start();
    let (ann, bob) = pair(&relay);
    bob.mrpctl(&["profile", "set", "--visibility", "public"])
        .succeeded();
    ann.mrpctl(&["block", "bob"]).succeeded();
    std::fs::write(ann.home().join("note"), "x").expect("a file");
    ann.mrpctl(&["blob", "put", "note"]).succeeded();
    for (list, time) in [
        (&["find"][..], " ago"),
        (&["acl", "ls"], " ago"),
        (&["blob", "ls"], "in "),
    ] {
        let (code, written) = ann.mrpctl_at_terminal(list).ended();
        assert_eq!(code, 0, "{written}");
        let row = written.lines().nth(1).unwrap_or_default();
        assert!(row.contains(time), "{list:?}: {written}");
    }
}

#[test]
fn a_person_reads_names_and_nothing_that_moves_the_cursor() {
    let relay = Relay::start();
    let (ann, bob) = pair(&relay);
    let escapes = "bell \u{7} home \u{1b}[H back \u{202e}";
    bob.mrpctl(&["send", "ann", escapes, "--wait", "delivered"])
        .succeeded();
    let mut tail = ann.mrpctl_at_terminal(&["tail"]);
    let shown = tail.shows("back");
    assert!(shown.contains("bob"), "{shown:?}");
    assert!(
        shown.contains(": bell \\u{7} home \\e[H back \\u{202e}"),
        "{shown:?}"
    );
    bob.mrpctl(&["send", "ann", "live"]).succeeded();
    tail.shows(": live");
    tail.types(CTRL_C);
    assert_eq!(tail.ended().0, 130);
}

/// One line of colour at a terminal: the sender's name.
const GREEN: &str = "\u{1b}[32m";

#[test]
fn colours_are_where_they_are_wanted() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    user.mrpctl(&["send", "me", "hi", "--wait", "delivered"])
        .succeeded();
    let tail = ["tail", "--no-follow", "-o", "text"];
    let command = |variables: &[(&str, &str)], flags: &[&str]| {
        let mut command = user.command(programs::path("mrpctl"));
        command
            .env("TERM", "xterm-256color")
            .envs(variables.iter().copied())
            .args(tail)
            .args(flags);
        command
    };
    let no_colour = ("NO_COLOR", "1");
    let forced = ("CLICOLOR_FORCE", "1");
    for (variables, flags, is_coloured) in [
        (&[][..], &[][..], true),
        (&[no_colour], &[], false),
        (&[("TERM", "dumb")], &[], false),
        (&[("CLICOLOR", "0")], &[], false),
        (&[no_colour, forced], &[], false),
        (&[no_colour], &["--color", "always"], true),
        (&[], &["--color", "never"], false),
    ] {
        let (code, written) = Terminal::start(&command(variables, flags)).ended();
        assert_eq!(
            (code, written.contains(GREEN)),
            (0, is_coloured),
            "{variables:?} {flags:?}: {written:?}"
        );
    }
    for (variables, flags, is_coloured) in [
        (&[][..], &[][..], false),
        (&[forced], &[], true),
        (&[no_colour, forced], &[], false),
        (&[], &["--color", "always"], true),
        (&[forced], &["--color", "never"], false),
    ] {
        let command = command(variables, flags);
        let piped = tests::process::Process::start(command, b"");
        let written = piped.wait().succeeded();
        assert_eq!(
            written.contains(GREEN),
            is_coloured,
            "{variables:?} {flags:?}: {written:?}"
        );
    }
}

#[test]
fn a_filter_without_an_end_is_ended() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    user.mrpctl(&["send", "me", "hi", "--wait", "delivered"])
        .succeeded();
    // The first message is shown: then the filter has begun, and is busy with the second one.
    let endless = "def f: f; if .text == \"hi\" then .text else f end";
    let tail = ["tail", "--jq", endless];
    for (signal, exit) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let mut tail = user.start_mrpctl(&tail, b"");
        assert_eq!(tail.line(), "hi");
        user.mrpctl(&["send", "me", "no end"]).succeeded();
        // Busy from now on: a program at rest uses no time.
        let id = tail.id();
        eventually("the filter to be busy", || (busy(id) > 20).then_some(()));
        tail.signal(signal);
        let ended = tail.wait();
        assert_eq!((ended.code(), ended.stderr.as_str()), (exit, ""));
        let last = user.mrpctl(&["tail", "--no-follow", "-n", "1", "--jq", ".id"]);
        let last = last.succeeded();
        user.mrpctl(&["rm", last.trim_end()]).succeeded();
    }
    let mut tail = user.mrpctl_at_terminal(&["status", "--jq", "def f: f; f"]);
    let limited = ["status", "--jq", "def f: f; f", "--timeout", "300ms"];
    user.mrpctl(&limited).failed(124, "(--timeout)");
    tail.types(CTRL_C);
    assert_eq!(tail.ended().0, 130);
}

/// The time that a process has used, in ticks of the system.
fn busy(id: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split(' ').collect();
    let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<u64>().ok());
    ticks(12).unwrap_or(0) + ticks(13).unwrap_or(0)
}

#[test]
fn what_is_unread_is_not_removed_unasked() {
    let relay = Relay::start();
    let user = User::at("laptop", &relay);
    for text in ["one", "two"] {
        user.mrpctl(&["send", "me", text, "--wait", "delivered"])
            .succeeded();
    }
    let answered = |arguments: &[&str], answer: &str| {
        let mut terminal = user.mrpctl_at_terminal(arguments);
        terminal.shows("[y/N]");
        terminal.types(answer);
        let (code, seen) = terminal.ended();
        assert_eq!(code, 0, "{seen}");
        user.texts().len()
    };
    let ids: Vec<String> = user
        .inbox()
        .iter()
        .map(|one| one["id"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(answered(&["prune", "--older", "0s"], "n\n"), 2);
    assert_eq!(answered(&["rm", &ids[0]], "\n"), 2);
    assert_eq!(answered(&["rm", &ids[0]], "y\n"), 1);
    user.mrpctl(&["mark", "read", &ids[1]]).succeeded();
    let (code, seen) = user.mrpctl_at_terminal(&["rm", &ids[1]]).ended();
    assert_eq!((code, user.texts().len()), (0, 0), "{seen}");
    user.mrpctl(&["send", "me", "three", "--wait", "delivered"])
        .succeeded();
    let settled = ["prune", "--older", "0s", "--yes"];
    let (code, seen) = user.mrpctl_at_terminal(&settled).ended();
    assert_eq!((code, user.texts().len()), (0, 0), "{seen}");
}
