//! `mrpctl.toml` in force: defaults of options below the command line and the environment, and words that stand for others.

use super::{Global, NotParsed};
use crate::config::settings::Settings;
use crate::exit::Failure;
use clap::{ArgAction, Parser};
use std::ffi::{OsStr, OsString};

/// Options that the file may give a default. What changes which data comes out is left to the command line, and so is the answer
/// to a question that was not asked yet.
const KEYS: &[&str] = &[
    "agent",
    "socket",
    "output",
    "color",
    "progress",
    "timeout",
    "quiet",
    "verbose",
    "no_input",
    "no_autostart",
];

/// Words that stand for others, at most inside each other.
const DEPTH: usize = 8;

/// The global options alone, to see whether a value is one they take.
#[derive(Debug, Parser)]
struct Probe {
    #[command(flatten)]
    _global: Global,
}

/// The tree with the defaults of the file.
pub(super) fn with_defaults(
    tree: clap::Command,
    settings: &Settings,
) -> Result<clap::Command, Failure> {
    let mut tree = tree;
    for (key, setting) in &settings.defaults {
        let known = |argument: &clap::Arg| argument.get_id() == key.as_str();
        if !KEYS.contains(&key.as_str()) || !tree.get_arguments().any(known) {
            return Err(settings.wrong(key, &format!("no such key; known: {}", known_keys(&tree))));
        }
        check(settings, &tree, key, &setting.value)?;
        let value = setting.value.clone();
        tree = tree.mut_arg(key, |argument| argument.default_value(value));
    }
    Ok(tree)
}

fn known_keys(tree: &clap::Command) -> String {
    let keys: Vec<&str> = KEYS
        .iter()
        .copied()
        .filter(|key| {
            tree.get_arguments()
                .any(|argument| argument.get_id() == *key)
        })
        .collect();
    format!("{}, alias", keys.join(", "))
}

fn check(settings: &Settings, tree: &clap::Command, key: &str, value: &str) -> Result<(), Failure> {
    let action = tree
        .get_arguments()
        .find(|argument| argument.get_id() == key)
        .map(|argument| argument.get_action());
    match action {
        Some(ArgAction::SetTrue) if !matches!(value, "true" | "false") => {
            return Err(settings.wrong(key, &format!("{value:?} is neither true nor false")));
        }
        Some(ArgAction::Count) if value.parse::<u8>().is_err() => {
            return Err(settings.wrong(key, &format!("{value:?} is no number from 0 to 255")));
        }
        Some(ArgAction::SetTrue | ArgAction::Count) | None => return Ok(()),
        Some(_) => {}
    }
    let option = format!("--{}={value}", key.replace('_', "-"));
    match Probe::try_parse_from(["mrpctl", &option]) {
        Ok(_) => Ok(()),
        Err(error) => {
            let message = NotParsed(error).message();
            Err(settings.wrong(key, &message))
        }
    }
}

/// The command line with a word of the user's own put for what it stands for.
pub(super) fn expanded(
    tree: &clap::Command,
    settings: &Settings,
    arguments: Vec<OsString>,
) -> Result<Vec<OsString>, Failure> {
    if settings.aliases.is_empty() {
        return Ok(arguments);
    }
    if let Some(name) = settings.aliases.keys().find(|name| is_command(tree, name)) {
        return Err(settings.wrong(name, "a command of this name exists; choose another one"));
    }
    let mut arguments = arguments;
    for _ in 0..DEPTH {
        let Some(place) = command_place(tree, &arguments) else {
            return Ok(arguments);
        };
        let alias = arguments[place]
            .to_str()
            .and_then(|word| settings.aliases.get(word));
        let Some(alias) = alias else {
            return Ok(arguments);
        };
        let words = alias.words.iter().map(OsString::from);
        arguments.splice(place..=place, words);
    }
    let first = settings.aliases.keys().next().map_or("", String::as_str);
    Err(settings.wrong(first, "it stands for itself, by way of others"))
}

fn is_command(tree: &clap::Command, name: &str) -> bool {
    name == "help" || tree.find_subcommand(name).is_some()
}

/// Where the command stands: behind global options and their values.
fn command_place(tree: &clap::Command, arguments: &[OsString]) -> Option<usize> {
    let mut rest = arguments.iter().enumerate().skip(1);
    while let Some((place, argument)) = rest.next() {
        let bytes = argument.as_encoded_bytes();
        if bytes == b"--" {
            return None;
        }
        if !bytes.starts_with(b"-") {
            return Some(place);
        }
        if takes_next(tree, argument) {
            rest.next();
        }
    }
    None
}

/// Whether the value of an option is the next word: `-o json`, but not `-ojson` and not `--output=json`.
fn takes_next(tree: &clap::Command, option: &OsStr) -> bool {
    let Some(option) = option.to_str() else {
        return false;
    };
    let takes_value = |argument: &clap::Arg| argument.get_action().takes_values();
    match option.strip_prefix("--") {
        Some(long) => tree
            .get_arguments()
            .any(|argument| argument.get_long() == Some(long) && takes_value(argument)),
        None => {
            let mut letters = option.chars().skip(1);
            let valued = letters.find(|letter| {
                tree.get_arguments()
                    .any(|argument| argument.get_short() == Some(*letter) && takes_value(argument))
            });
            valued.is_some() && letters.next().is_none()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Format, ParseError, parse_with};
    use super::*;

    fn settings(text: &str) -> Settings {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mrpctl.toml");
        std::fs::write(&file, text).unwrap();
        Settings::load(&file).unwrap()
    }

    fn parse(line: &str, text: &str) -> Result<super::super::Cli, String> {
        let arguments = line.split(' ').map(OsString::from);
        parse_with(arguments, &settings(text)).map_err(|error| match error {
            ParseError::NotParsed(error) => error.message(),
            ParseError::Mistyped(failure) => panic!("{failure:?}"),
            ParseError::Settings(failure) => {
                let told = failure.told().unwrap();
                assert_eq!(failure.exit(), 78);
                let (_, message) = told.detail.message.split_once("mrpctl.toml:").unwrap();
                message.to_owned()
            }
        })
    }

    #[test]
    fn the_file_stands_below_the_command_line() {
        let text = "output = \"table\"\nquiet = true\nverbose = 2\ntimeout = \"5s\"\n";
        let global = parse("mrpctl status", text).unwrap().top.global;
        assert_eq!((global.output, global.quiet), (Format::Table, true));
        assert_eq!((global.verbose, global.timeout.unwrap().as_secs()), (2, 5));
        let global = parse("mrpctl status -o json -v --timeout 9s", text)
            .unwrap()
            .top
            .global;
        assert_eq!((global.output, global.verbose), (Format::Json, 1));
        assert_eq!(global.timeout.unwrap().as_secs(), 9);
    }

    #[test]
    fn what_is_wrong_in_the_file_is_told_with_its_line() {
        for (text, mistake) in [
            ("\noutput = \"yaml\"", "2: output: invalid value 'yaml'"),
            ("quiet = 3", "1: quiet: \"3\" is neither true nor false"),
            ("verbose = \"much\"", "1: verbose: \"much\" is no number"),
            ("yes = true", "1: yes: no such key; known: agent, socket"),
            (
                "[alias]\nsend = \"tail\"",
                "2: alias.send: a command of this name",
            ),
        ] {
            let told = parse("mrpctl status", text).unwrap_err();
            assert!(told.starts_with(mistake), "{told}");
        }
    }

    #[test]
    fn words_of_the_users_own_stand_for_others() {
        let text =
            "[alias]\nhi = \"s me -q\"\nhello = [\"hi\", \"two words\"]\nloop = \"loop -q\"\n";
        for (line, words) in [
            ("mrpctl hi there", &["there"][..]),
            ("mrpctl -o json hello there", &["two words", "there"]),
            ("mrpctl -qo json --agent hi hi x", &["x"]),
        ] {
            let Some(super::super::Command::Sending(super::super::sending::Command::Send(flags))) =
                parse(line, text).unwrap().command
            else {
                panic!("{line}");
            };
            assert_eq!(flags.words, words, "{line}");
        }
        assert!(
            parse("mrpctl loop", text)
                .unwrap_err()
                .contains("stands for itself")
        );
        assert!(parse("mrpctl hy", text).unwrap_err().contains("hy"));
    }
}
