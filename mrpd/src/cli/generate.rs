//! What packages need beside the program: the manual and completion scripts, generated from the same definitions that the command
//! line and the daemon work by.

use super::manual;
use super::{CANNOT_CREATE, Cli, fail, print};
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Daemons are in this section of the manual.
const SECTION: &str = "8";

#[derive(Debug, Args)]
pub(super) struct CompletionsFlags {
    /// The shell that the script is for
    shell: Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManFlags {
    /// Directory for all pages, made if it is not there; without it the main page goes to standard output
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

/// Writes the completion script of one shell.
pub(super) fn completions(flags: &CompletionsFlags) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(flags.shell, &mut Cli::command(), "mrpd", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// Writes the manual.
pub(super) fn man(flags: &ManFlags) -> ExitCode {
    let Some(directory) = &flags.directory else {
        return print(&page(Cli::command()));
    };
    match write_all(directory) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(CANNOT_CREATE, &format!("{}: {error}", directory.display())),
    }
}

fn write_all(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let mut command = Cli::command();
    // Gives the commands below their whole names.
    command.build();
    for below in command.get_subcommands() {
        if !below.is_hide_set() && below.get_name() != "help" {
            write_page(below.clone(), directory)?;
        }
    }
    write_page(command, directory)?;
    manual::pages()
        .into_iter()
        .try_for_each(|(name, page)| std::fs::write(directory.join(name), page))
}

fn write_page(command: clap::Command, directory: &Path) -> io::Result<()> {
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name());
    let path = directory.join(format!("{name}.{SECTION}"));
    std::fs::write(path, page(command))
}

fn page(command: clap::Command) -> String {
    let mut page = Vec::new();
    Man::new(command)
        .section(SECTION)
        .source(concat!("mrpd ", env!("CARGO_PKG_VERSION")))
        .manual("Machine Relay Protocol")
        .render(&mut page)
        .expect("writing to memory does not fail");
    String::from_utf8_lossy(&page).into_owned()
}
