//! `mrpctl cheat`: recipes. A test reads each as a command line.

use crate::cli::tooling::{Cheat as Flags, Topic};
use crate::context::Context;
use crate::exit::Failure;
use serde::Serialize;

/// Topics in the order they are shown, each with what it is about and its recipes.
const TOPICS: &[(Topic, &str, &str, &str)] = &[
    (
        Topic::Send,
        "send",
        "get something out",
        include_str!("cheat/send.txt"),
    ),
    (
        Topic::Tail,
        "tail",
        "read what came",
        include_str!("cheat/tail.txt"),
    ),
    (
        Topic::Hooks,
        "hooks",
        "have a program run when something comes",
        include_str!("cheat/hooks.txt"),
    ),
    (
        Topic::Cron,
        "cron",
        "tell of jobs that run by themselves",
        include_str!("cheat/cron.txt"),
    ),
    (
        Topic::Relay,
        "relay",
        "relays, and how to run one",
        include_str!("cheat/relay.txt"),
    ),
    (
        Topic::Jq,
        "jq",
        "choose fields and shape the output",
        include_str!("cheat/jq.txt"),
    ),
    (
        Topic::Backup,
        "backup",
        "keep it safe, move it elsewhere",
        include_str!("cheat/backup.txt"),
    ),
];

#[derive(Serialize)]
struct Recipes {
    topic: &'static str,
    about: &'static str,
    text: &'static str,
}

pub(crate) fn run(context: &Context, flags: &Flags) -> Result<(), Failure> {
    let recipes: Vec<Recipes> = TOPICS
        .iter()
        .filter(|(topic, ..)| flags.topic.is_none_or(|wanted| wanted == *topic))
        .map(|&(_, topic, about, text)| Recipes { topic, about, text })
        .collect();
    let output = &context.output;
    match (flags.topic, recipes.as_slice()) {
        // It is read by people in a pipe too: mrpctl cheat send | less
        (Some(_), [only]) if output.is_bare() => output.text(only.text),
        (Some(_), [only]) => {
            output.object(only, || only.text.to_owned(), Some(only.text.trim_end()))
        }
        _ if output.is_bare() => output.text(&overview(&recipes)),
        _ => output.list(&recipes, &["topic", "about"], |recipes| {
            vec![recipes.topic.to_owned(), recipes.about.to_owned()]
        }),
    }
}

fn overview(recipes: &[Recipes]) -> String {
    let mut text = String::from("mrpctl cheat TOPIC\n\n");
    for Recipes { topic, about, .. } in recipes {
        text.push_str(&format!("  {topic:<8} {about}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;

    /// The command lines of a text: what follows `mrpctl` up to the end of that command.
    fn commands(text: &str) -> Vec<String> {
        text.lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .flat_map(|line| {
                line.match_indices("mrpctl ")
                    .map(move |(at, _)| &line[at..])
            })
            .map(|command| {
                let end = command
                    .find([';', '|', '>', ')', '&'])
                    .unwrap_or(command.len());
                let quoted = command.find('\'').unwrap_or(end);
                // What is quoted may hold anything; then the line is only this command.
                let command = if quoted < end {
                    command
                } else {
                    &command[..end]
                };
                command.trim().to_owned()
            })
            .collect()
    }

    #[test]
    fn every_recipe_is_a_command_line_that_is_understood() {
        for (_, topic, _, text) in TOPICS {
            let commands = commands(text);
            assert!(!commands.is_empty(), "{topic}");
            for command in commands {
                let words = cli::tests::words(&command);
                assert!(cli::tests::is_understood(&words), "{topic}: {command}");
            }
        }
    }
}
