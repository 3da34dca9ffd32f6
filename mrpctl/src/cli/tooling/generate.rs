//! Flags of the commands that write what goes with the program: completion scripts and manual pages.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Write the completion script of a shell to standard output
///
/// The script asks mrpctl while you type: commands and options, but also your contacts, agents, relays, hooks and the latest
/// messages. For nushell it knows commands and options alone.
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl completions bash > ~/.local/share/bash-completion/completions/mrpctl
  mrpctl completions zsh > ~/.zfunc/_mrpctl
  mrpctl completions fish > ~/.config/fish/completions/mrpctl.fish")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
    Elvish,
    #[value(name = "powershell")]
    Pwsh,
    Nushell,
}

/// Write the manual pages
#[derive(Debug, Args)]
#[command(after_help = "\
EXAMPLES
  mrpctl man | man -l -             this program's page
  mrpctl man ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// Directory for all pages, made if it is not there; without it the main page goes to standard output
    #[arg(value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
}
