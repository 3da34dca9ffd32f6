//! The command line: every flag there is, with the help that goes with it.
//!
//! Everything a flag can say is a type here; what it does is in [`crate::cmd`].

pub(crate) mod completion;
mod filters;
mod manual;
pub(crate) mod me;
mod overview;
pub(crate) mod people;
pub(crate) mod reading;
pub(crate) mod relays;
pub(crate) mod running;
pub(crate) mod sending;
mod settings;
mod spelling;
pub(crate) mod start;
pub(crate) mod tooling;
pub(crate) mod value;

pub(crate) use filters::Filters;
pub(crate) use manual::{manual_page, manual_pages};

use crate::config::{self, settings::Settings};
use crate::exit::Failure;
use clap::builder::FalseyValueParser;
use clap::error::ErrorKind;
use clap::{
    ArgAction, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum,
};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

const AFTER_HELP: &str = "\
EXAMPLES
  mrpctl init --name laptop              a key, a configuration, a running daemon
  echo hi | mrpctl send alice            standard input is the message
  mrpctl tail | jq -r .text              messages as they come, one JSON object a line
  mrpctl demo                            a private network on this machine, to try things

Standard output carries only what was asked for, everything else goes to standard error.
Every option --foo-bar can also be given as the variable MRPCTL_FOO_BAR. Defaults, and words of your
own for commands, are in ~/.config/mrp/mrpctl.toml; see mrpctl cheat jq.

EXIT STATUS
  0 done                 66 no input               74 not read or written    124 --timeout passed
  1 nothing found        67 unknown recipient      75 try again              130 interrupted
  3 answer is an error   69 not reachable          76 nonsense was spoken    143 terminated
  64 usage               70 internal error         77 not permitted
  65 bad data            73 file cannot be made    78 configuration";

/// Send and receive messages of the Machine Relay Protocol: a shell filter over mrpd
#[derive(Debug, Parser)]
#[command(
    name = "mrpctl",
    after_help = AFTER_HELP,
    disable_version_flag = true,
    arg_required_else_help = true,
    max_term_width = 100,
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) top: Top,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

impl Cli {
    /// Whether it helps to mend what is wrong with the settings.
    pub(crate) fn helps_to_mend(&self) -> bool {
        matches!(
            &self.command,
            None | Some(
                Command::Start(start::Command::Doctor(_))
                    | Command::Tooling(tooling::Command::Config(_))
            )
        )
    }
}

/// What is said before or without a command.
#[derive(Debug, Parser)]
#[command(name = "mrpctl", disable_version_flag = true)]
pub(crate) struct Top {
    /// Show the versions of mrpctl and of the daemon, if one is running
    #[arg(long, short = 'V')]
    pub(crate) version: bool,
    #[command(flatten)]
    pub(crate) global: Global,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Local identity to act as (default: default_agent of the configuration)
    #[arg(
        short,
        long,
        global = true,
        value_name = "NAME",
        env = "MRP_AGENT",
        hide_env = true
    )]
    pub(crate) agent: Option<String>,
    /// The daemon's socket
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// text, json, jsonl, raw or table; auto, the default, is text at a terminal and JSON Lines in a pipe. raw is what somebody
    /// sent, byte for byte, at a terminal too, where only text and table make control characters harmless
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub(crate) output: Format,
    /// The same as --output json
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Keep only these JSON fields, such as id,from.name,text
    #[arg(long, global = true, value_name = "A,B,C", value_delimiter = ',')]
    pub(crate) fields: Vec<String>,
    /// Put each JSON object through this filter of jq, such as '.from.name'; texts are written bare, byte for byte as with raw
    #[arg(long, global = true, value_name = "EXPR", conflicts_with = "format")]
    pub(crate) jq: Option<String>,
    /// Write each object by this template, such as '{{ from.name }}: {{ text }}'
    #[arg(short = 'F', long, global = true, value_name = "TEMPLATE")]
    pub(crate) format: Option<String>,
    /// Colours in text: auto, always or never
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub(crate) color: When,
    /// How far something long has come, on standard error: auto (a bar at a terminal), json or never
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub(crate) progress: ProgressWhen,
    /// Give up after this time, such as 10s or 5m, with exit status 124
    #[arg(long, global = true, value_name = "DURATION", value_parser = value::duration)]
    pub(crate) timeout: Option<Duration>,
    /// Say nothing but errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Say more (repeat for still more)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Never ask anything
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
    /// Answer every question with yes
    #[arg(long, global = true)]
    pub(crate) yes: bool,
    /// Show what would be sent, and send nothing
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
    /// Do not start the daemon if it is not running
    #[arg(long, global = true)]
    pub(crate) no_autostart: bool,
}

/// How data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text at a terminal, JSON Lines in a pipe
    Auto,
    /// For people
    Text,
    /// One JSON document
    Json,
    /// One JSON object a line
    Jsonl,
    /// The bare content
    Raw,
    /// Columns
    Table,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

/// Whether it is told how far something long has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressWhen {
    /// A bar, at a terminal
    Auto,
    /// Never
    Never,
    /// Lines of JSON
    Json,
}

/// Every command, by what it is for. Each group has a file here, and a folder in [`crate::cmd`].
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Start(start::Command),
    #[command(flatten)]
    Sending(sending::Command),
    #[command(flatten)]
    Reading(reading::Command),
    #[command(flatten)]
    Running(running::Command),
    #[command(flatten)]
    People(people::Command),
    #[command(flatten)]
    Me(me::Command),
    #[command(flatten)]
    Relays(relays::Command),
    #[command(flatten)]
    Tooling(tooling::Command),
}

/// The whole tree of commands, for parsing and for completions.
fn tree() -> clap::Command {
    overview::grouped(with_variables(Cli::command()))
}

/// The tree with only those commands that are grouped with the one in `arguments`, or with none: making all of them takes longer
/// than most commands run. What can be read by it is read as by the whole tree.
fn branch(arguments: &[OsString]) -> clap::Command {
    let mut words = arguments.iter().filter_map(|argument| argument.to_str());
    let tree = match words.find_map(|word| alone(word).or_else(|| group(word))) {
        Some(grow) => grow(Top::command()),
        None => Top::command(),
    };
    match config::sets_options() {
        true => with_variables(tree),
        false => tree,
    }
}

/// What adds a command without its group: the one that scripts run, message by message.
fn alone(name: &str) -> Option<fn(clap::Command) -> clap::Command> {
    let send: fn(clap::Command) -> clap::Command = |tree| {
        tree.disable_help_subcommand(true)
            .subcommand(sending::Send::augment_args(clap::Command::new("send")))
    };
    (name == "send").then_some(send)
}

/// What adds the group of a command to a tree.
fn group(name: &str) -> Option<fn(clap::Command) -> clap::Command> {
    fn of<T: Subcommand>(name: &str) -> Option<fn(clap::Command) -> clap::Command> {
        T::has_subcommand(name).then_some(T::augment_subcommands)
    }
    of::<sending::Command>(name)
        .or_else(|| of::<reading::Command>(name))
        .or_else(|| of::<running::Command>(name))
        .or_else(|| of::<people::Command>(name))
        .or_else(|| of::<me::Command>(name))
        .or_else(|| of::<relays::Command>(name))
        .or_else(|| of::<tooling::Command>(name))
        .or_else(|| of::<start::Command>(name))
}

/// Why there are no flags: the command line is wrong, or help was asked for.
#[derive(Debug)]
pub(crate) struct NotParsed(clap::Error);

impl NotParsed {
    /// Whether it is help, which was asked for.
    pub(crate) fn is_help(&self) -> bool {
        !self.0.use_stderr()
    }

    /// Writes help to standard output, a mistake to standard error.
    pub(crate) fn print(&self) {
        // Whoever reads it may have gone.
        let _ = self.0.print();
    }

    /// The mistake in one line.
    pub(crate) fn message(&self) -> String {
        let text = self.0.render().to_string();
        let first = text.lines().next().unwrap_or_default();
        first.strip_prefix("error: ").unwrap_or(first).to_owned()
    }
}

/// Why the command line was not read.
#[derive(Debug)]
pub(crate) enum ParseError {
    /// It is wrong, or asks for help.
    NotParsed(NotParsed),
    /// The user's own settings are wrong.
    Settings(Failure),
    /// A person is named by what can only be a mistyped option.
    Mistyped(Failure),
}

impl From<NotParsed> for ParseError {
    fn from(error: NotParsed) -> Self {
        Self::NotParsed(error)
    }
}

/// Reads the command line, with `mrpctl.toml` below it.
pub(crate) fn parse_with(
    arguments: impl IntoIterator<Item = OsString>,
    settings: &Settings,
) -> Result<Cli, ParseError> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if settings.aliases.is_empty() {
        let branch = settings::with_defaults(branch(&arguments), settings);
        let branch = branch.map_err(ParseError::Settings)?;
        // The whole tree has better words for what is wrong.
        if let Ok(cli) = read(branch, arguments.clone()) {
            return Ok(cli);
        }
    }
    let tree = settings::with_defaults(tree(), settings).map_err(ParseError::Settings)?;
    let arguments = settings::expanded(&tree, settings, arguments).map_err(ParseError::Settings)?;
    read(tree, arguments)
}

/// Reads the command line of a user without settings.
#[cfg(test)]
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, ParseError> {
    parse_with(arguments, &Settings::default())
}

fn read(mut tree: clap::Command, arguments: Vec<OsString>) -> Result<Cli, ParseError> {
    let matches = tree
        .try_get_matches_from_mut(arguments)
        .map_err(NotParsed)?;
    let cli = Cli::from_arg_matches(&matches).map_err(NotParsed)?;
    if cli.command.is_none() && !cli.top.version {
        let text = "a command is missing; see mrpctl --help";
        return Err(NotParsed(tree.error(ErrorKind::MissingSubcommand, text)).into());
    }
    spelling::check(&tree, &matches)?;
    Ok(cli)
}

/// Every option `--foo-bar` can be given as `MRPCTL_FOO_BAR`; it is said once, at the top, and not with every option.
fn with_variables(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|argument| {
        let Some(long) = argument.get_long() else {
            return argument;
        };
        if argument.get_env().is_some() || matches!(long, "help" | "version") {
            return argument;
        }
        let variable = format!("MRPCTL_{}", long.replace('-', "_").to_uppercase());
        let is_switch = matches!(argument.get_action(), ArgAction::SetTrue);
        let argument = argument.env(variable).hide_env(true);
        if is_switch {
            argument.value_parser(FalseyValueParser::new())
        } else {
            argument
        }
    });
    let names: Vec<String> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, with_variables)
    })
}

/// The names of all options of a command, such as `send` or `contact show`, for the hint to a mistyped one.
pub(crate) fn known_options(command_name: &str) -> Vec<String> {
    let tree = tree();
    let of = |command: &clap::Command| -> Vec<String> {
        command
            .get_arguments()
            .filter_map(|argument| Some(format!("--{}", argument.get_long()?)))
            .collect()
    };
    let mut names = of(&tree);
    let mut command = Some(&tree);
    for word in command_name.split(' ') {
        command = command.and_then(|command| command.find_subcommand(word));
    }
    names.extend(command.iter().copied().flat_map(of));
    names
}

#[cfg(test)]
pub(crate) mod tests;
