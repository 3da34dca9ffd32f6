use super::*;
use clap::error::ErrorKind;

fn read(line: &str) -> Result<Cli, ErrorKind> {
    let arguments = std::iter::once("mrpctl")
        .chain(line.split(' '))
        .map(OsString::from);
    super::read(tree(), arguments.collect()).map_err(|error| not_parsed(error).0.kind())
}

fn not_parsed(error: ParseError) -> NotParsed {
    match error {
        ParseError::NotParsed(error) => error,
        other => panic!("{other:?}"),
    }
}

fn send(line: &str) -> sending::Send {
    match read(line).unwrap().command {
        Some(Command::Sending(sending::Command::Send(flags))) => *flags,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_tree_is_sound() {
    tree().debug_assert();
}

#[test]
fn every_command_is_listed_in_one_group() {
    let mut listed: Vec<&str> = overview::GROUPS
        .iter()
        .flat_map(|(_, names)| names.iter().copied())
        .collect();
    listed.sort_unstable();
    let tree = tree();
    let mut commands: Vec<&str> = tree
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    commands.sort_unstable();
    assert_eq!(listed, commands);
    let help = tree.clone().render_help().to_string();
    assert!(
        help.contains("\nMessages:\n  send         Send a message\n"),
        "{help}"
    );
}

#[test]
fn a_command_is_read_by_its_branch_as_by_the_whole_tree() {
    for (_, names) in overview::GROUPS {
        for name in *names {
            assert!(group(name).is_some(), "{name}");
        }
    }
    let words = |line: &str| -> Vec<OsString> { line.split(' ').map(OsString::from).collect() };
    for line in [
        "mrpctl send ann hi -q",
        "mrpctl -o json tail --from ann",
        "mrpctl contact ls",
        "mrpctl hook test backup --message 3",
        "mrpctl --version --json",
    ] {
        let branch = branch(&words(line));
        assert!(branch.get_subcommands().count() < 30);
        if line.contains("send") {
            assert_eq!(branch.get_subcommands().count(), 1);
        }
        let read_by = |tree| format!("{:?}", super::read(tree, words(line)).unwrap());
        assert_eq!(read_by(branch), read_by(tree()), "{line}");
    }
    // A name that is another option's value leads to the wrong branch, and from there to the whole tree.
    for line in ["mrpctl --agent send tail", "mrpctl -a tail req ann df"] {
        assert!(parse(words(line)).unwrap().command.is_some(), "{line}");
    }
}

#[test]
fn every_command_teaches_by_example() {
    for command in tree().get_subcommands() {
        let help = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        assert!(
            help.starts_with("EXAMPLES\n  mrpctl "),
            "{}",
            command.get_name()
        );
    }
}

#[test]
fn aliases_lead_to_their_commands() {
    for line in ["req nas df", "call nas df k=v"] {
        assert!(
            matches!(
                read(line).unwrap().command,
                Some(Command::Sending(sending::Command::Request(_)))
            ),
            "{line}"
        );
    }
    let published = send("send --to ann --text hi -e --attach-file report.pdf");
    assert_eq!(published.content.files, ["report.pdf"]);
    for line in ["s ann hi", "pub ann hi"] {
        assert!(
            matches!(
                read(line).unwrap().command,
                Some(Command::Sending(sending::Command::Send(_)))
            ),
            "{line}"
        );
    }
    for line in ["ls --unread", "inbox", "inbox ls --limit 3"] {
        assert!(
            matches!(
                read(line).unwrap().command,
                Some(Command::Reading(reading::Command::Inbox(_)))
            ),
            "{line}"
        );
    }
    for line in ["sub", "follow -n 3"] {
        assert!(
            matches!(
                read(line).unwrap().command,
                Some(Command::Reading(reading::Command::Tail(_)))
            ),
            "{line}"
        );
    }
}

#[test]
fn global_options_stand_before_and_behind_the_command() {
    for line in [
        "-a ci -o json -q --timeout 5s status",
        "status -a ci --output=json --quiet --timeout 5s",
    ] {
        let global = read(line).unwrap().top.global;
        assert_eq!(global.agent.as_deref(), Some("ci"));
        assert_eq!((global.output, global.quiet), (Format::Json, true));
        assert_eq!(global.timeout, Some(Duration::from_secs(5)));
    }
    let global = read("tail --fields id,from.name --json -vv")
        .unwrap()
        .top
        .global;
    assert_eq!(global.fields, ["id", "from.name"]);
    assert_eq!((global.json, global.verbose), (true, 2));
}

#[test]
fn send_takes_all_its_flags() {
    let flags = send(
        "send ann a b -t t1 -r msg_1 -m k=v -m x=y --type text/plain --expires 1h --relay home --id K --wait reply -e",
    );
    assert_eq!(
        (flags.recipient.as_deref(), flags.words.as_slice()),
        (Some("ann"), &["a".to_owned(), "b".to_owned()][..])
    );
    assert_eq!(
        flags.envelope.meta,
        [
            ("k".to_owned(), "v".to_owned()),
            ("x".to_owned(), "y".to_owned())
        ]
    );
    assert_eq!(flags.envelope.expires, Some(Duration::from_secs(3600)));
    assert_eq!(
        (flags.waiting.wait, flags.envelope.encrypt),
        (Some(sending::StageWord::Reply), true)
    );
    assert_eq!(
        send("send ann --text -x").content.text.as_deref(),
        Some("-x")
    );
    assert_eq!(send("send ann -d -").content.data.as_deref(), Some("-"));
    assert_eq!(send("send ann -- -5 degrees").words, ["-5", "degrees"]);
}

#[test]
fn flags_stand_behind_a_key_whatever_that_begins_with() {
    for line in [
        "allow -Xk3m9AA bob --relay home",
        "block --relay home -Xk3m9AA bob",
        "unblock -Xk3m9AA --relay home bob",
    ] {
        let whom = match read(line).unwrap().command {
            Some(Command::People(people::Command::Allow(flags))) => flags.whom,
            Some(Command::People(people::Command::Block(flags))) => flags.whom,
            Some(Command::People(people::Command::Unblock(flags))) => flags.whom,
            other => panic!("{other:?}"),
        };
        assert_eq!(whom.at.relay.as_deref(), Some("home"), "{line}");
        assert_eq!(whom.who.all(), ["-Xk3m9AA", "bob"], "{line}");
    }
    let whom = match read("allow bob -- -Xk3m9AA").unwrap().command {
        Some(Command::People(people::Command::Allow(flags))) => flags.whom,
        other => panic!("{other:?}"),
    };
    assert_eq!(whom.who.all(), ["bob", "-Xk3m9AA"]);
}

#[test]
fn what_contradicts_or_is_not_known_is_a_usage_error() {
    for line in [
        "send ann --encrypt --plain",
        "send ann -d {} --text x",
        "send ann --lines --jsonl",
        "send ann --async --wait queued",
        "send ann --expires 31d",
        "send ann -m novalue",
        "send ann --lines -f report.pdf",
        "send ann hi --filename report.pdf",
        "send ann hi --at noon",
        "send ann hi --at 09:00 --in 1h",
        "request nas df path",
        "request nas df a=1 -d {}",
        "event nas up n:=x",
        "progress ann",
        "progress ann --percent 101",
        "tail --sent --all",
        "tail --after 3 --cursor x",
        "tail -c 0",
        "tail --since yesterday-ish",
        "tail --unread --all",
        "next --wait 1s --no-wait",
        "next --lease 8d",
        "nack msg_1 --dead --delay 1m",
        "ack",
        "mark seen msg_1",
        "prune",
        "wait --after 3 --since 1h",
        "inbox --limit 0",
        "open 1 --conflict ask",
        "export --progress sometimes",
        "show msg_1 --raw --body",
        "status --jq .x -F x",
        "-o yaml status",
        "--timeout soon status",
        "config set x",
        "completions tcsh",
        "no-such-command",
    ] {
        assert!(read(line).is_err(), "{line}");
    }
}

#[test]
fn a_command_is_needed_unless_the_version_is_asked_for() {
    assert!(read("--version").unwrap().top.version);
    assert!(read("--version --json").unwrap().top.global.json);
    assert_eq!(read("-q").err(), Some(ErrorKind::MissingSubcommand));
}

#[test]
fn every_option_has_its_variable() {
    let tree = tree();
    let variable = |command: &clap::Command, id: &str| {
        let argument = command
            .get_arguments()
            .find(|argument| argument.get_id() == id)
            .unwrap();
        argument
            .get_env()
            .map(|name| name.to_string_lossy().into_owned())
    };
    assert_eq!(variable(&tree, "output").as_deref(), Some("MRPCTL_OUTPUT"));
    assert_eq!(
        variable(&tree, "no_input").as_deref(),
        Some("MRPCTL_NO_INPUT")
    );
    assert_eq!(variable(&tree, "agent").as_deref(), Some("MRP_AGENT"));
    let send = tree.find_subcommand("send").unwrap();
    assert_eq!(
        variable(send, "allow_empty").as_deref(),
        Some("MRPCTL_ALLOW_EMPTY")
    );
}

/// Words of a line as a shell reads simple ones: quotes keep spaces.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), letter) => word.get_or_insert_default().push(letter),
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (None, letter) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// Whether it is a command line, by the flags alone.
pub(crate) fn is_understood(words: &[String]) -> bool {
    super::read(tree(), words.iter().map(OsString::from).collect()).is_ok()
}

#[test]
fn a_mistake_is_told_in_one_line_and_help_is_none() {
    let arguments = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
    let read = |line: &str| super::read(tree(), arguments(line));
    let mistake = not_parsed(read("mrpctl status --bad").err().unwrap());
    assert_eq!(mistake.message(), "unexpected argument '--bad' found");
    assert!(!mistake.is_help());
    assert!(not_parsed(read("mrpctl send --help").err().unwrap()).is_help());
}

#[test]
fn a_mistyped_option_is_nobody() {
    for line in [
        "mrpctl lookup --jsn",
        "mrpctl tail --from --no-folow",
        "mrpctl pending accept --nam x",
    ] {
        let arguments = line.split(' ').map(OsString::from).collect();
        match super::read(tree(), arguments) {
            Err(ParseError::Mistyped(failure)) => assert_eq!(failure.exit(), 64, "{line}"),
            other => panic!("{line}: {other:?}"),
        }
    }
    assert!(read("lookup -Xk3m9AA").is_ok(), "the beginning of a key");
}
