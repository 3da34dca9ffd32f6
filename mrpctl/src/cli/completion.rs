//! Completion: scripts for shells, and what is offered while somebody types. clap's part in it is said to be unstable, so it is used
//! here and nowhere else.

use super::tooling::Shell;
use super::tree;
use crate::candidates::{self, Candidate, Source};
use clap::{Arg, Command};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};
use std::ffi::{OsStr, OsString};

/// Names the shell that asks for completions; without it this is an ordinary run.
pub(crate) const VARIABLE: &str = "MRPCTL_COMPLETE";
const PROGRAM: &str = "mrpctl";

/// A shell's script. It asks the program, but for nushell, which cannot.
pub(crate) fn script(shell: Shell) -> std::io::Result<Vec<u8>> {
    let mut script = Vec::new();
    let name = match shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
        Shell::Elvish => "elvish",
        Shell::Pwsh => "powershell",
        Shell::Nushell => {
            let nushell = clap_complete_nushell::Nushell;
            clap_complete::generate(nushell, &mut tree(), PROGRAM, &mut script);
            return Ok(script);
        }
    };
    if let Some(completer) = Shells::builtins().completer(name) {
        completer.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)?;
    }
    Ok(script)
}

/// Answers a shell that asks, by the variable; tells whether one did. What goes wrong is nothing that somebody who types wants to read.
pub(crate) fn answer(arguments: Vec<OsString>) -> bool {
    let current_dir = crate::config::current_folder();
    CompleteEnv::with_factory(|| offering(tree(), ""))
        .var(VARIABLE)
        .bin(PROGRAM)
        .completer(PROGRAM)
        .try_complete(arguments, current_dir.as_deref())
        .unwrap_or(true)
}

/// The tree with what is offered for values, by their places.
fn offering(command: Command, path: &str) -> Command {
    let place = path.to_owned();
    let command = command.mut_args(|argument| match source(&place, &argument) {
        Some(source) => argument.add(ArgValueCompleter::new(move |typed: &OsStr| {
            offer(source, typed)
        })),
        None => argument,
    });
    let names: Vec<String> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    names.into_iter().fold(command, |command, name| {
        let path = format!("{path} {name}").trim().to_owned();
        command.mut_subcommand(name, |sub| offering(sub, &path))
    })
}

fn offer(source: Source, typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else {
        return Vec::new();
    };
    candidates::of(source)
        .into_iter()
        .filter(|candidate| candidate.value.starts_with(typed))
        .map(|Candidate { value, about }| {
            let about = Some(about).filter(|about| !about.is_empty());
            CompletionCandidate::new(value).help(about.map(Into::into))
        })
        .collect()
}

/// What a value is one of, by the name it has in the help.
fn source(path: &str, argument: &Arg) -> Option<Source> {
    let group = path.split(' ').next().unwrap_or_default();
    let value_name = argument
        .get_value_names()
        .and_then(|names| names.first())
        .map(|name| name.as_str());
    match (argument.get_id().as_str(), value_name, group) {
        ("agent" | "to_agent", ..) => Some(Source::Agents),
        ("relay", Some("NAME"), _) => Some(Source::Relays),
        ("hook", Some("NAME"), _) => Some(Source::Hooks),
        ("thread", ..) | (_, Some("ID"), "thread") => Some(Source::Threads),
        (_, Some("NAME"), "hook") => Some(Source::Hooks),
        (_, Some("NAME"), "relay") if argument.is_positional() => Some(Source::Relays),
        (_, Some("NAME" | "NAME|FILE"), "key") if argument.is_positional() => Some(Source::Agents),
        (_, Some("NAME"), "contact") if argument.is_positional() => Some(Source::Contacts),
        (_, Some("WHO" | "TO"), _) => Some(Source::Contacts),
        (_, Some("KEY"), "lookup" | "caps") => Some(Source::Contacts),
        (_, Some("ID"), "outbox") => Some(Source::Outbox),
        (_, Some("ID"), "blob") => None,
        (_, Some("ID"), _) if argument.get_id() != "attach" => Some(Source::Messages),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;

    fn source_of(path: &str, id: &str) -> Option<Source> {
        let mut command = &tree();
        for name in path.split(' ').filter(|name| !name.is_empty()) {
            command = command.find_subcommand(name).unwrap();
        }
        let argument = command
            .get_arguments()
            .find(|argument| argument.get_id() == id)
            .unwrap_or_else(|| panic!("{path} {id}"));
        source(path, argument)
    }

    #[test]
    fn values_are_offered_where_they_are_meant() {
        for (path, id, wanted) in [
            ("", "agent", Some(Source::Agents)),
            ("send", "recipient", Some(Source::Contacts)),
            ("send", "thread", Some(Source::Threads)),
            ("send", "reply_to", Some(Source::Messages)),
            ("send", "relay", Some(Source::Relays)),
            ("send", "words", None),
            ("tail", "from", Some(Source::Contacts)),
            ("show", "id", Some(Source::Messages)),
            ("logs", "hook", Some(Source::Hooks)),
            ("init", "relay", None),
            ("config get", "key", None),
        ] {
            assert_eq!(source_of(path, id), wanted, "{path} {id}");
        }
    }

    #[test]
    fn every_shell_gets_a_script() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(script(*shell).unwrap()).unwrap();
            let asks = script.contains(VARIABLE);
            assert_eq!(asks, *shell != Shell::Nushell, "{shell:?}");
            assert!(script.contains("mrpctl"), "{shell:?}");
        }
    }

    #[test]
    fn the_tree_that_offers_is_sound() {
        offering(tree(), "").debug_assert();
    }
}
