//! `relayd openapi`, `relayd completions` and `relayd man`: what is made of the definitions of the relay's routes and of its command
//! line.

mod config_page;

use super::{Cli, Failure, Sources, print};
use crate::http::openapi::document;
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;
use std::io;
use std::path::{Path, PathBuf};

/// Programs for administrators are in this section of the manual.
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

/// Writes the document that `/v1/openapi.json` is.
pub(super) fn openapi(sources: &Sources) -> Result<(), Failure> {
    print(document(&sources.load()?))
}

/// Writes the completion script of one shell.
pub(super) fn completions(flags: &CompletionsFlags) -> Result<(), Failure> {
    let mut script = Vec::new();
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    clap_complete::generate(flags.shell, &mut command, name, &mut script);
    print(script)
}

/// Writes the manual.
pub(super) fn man(flags: &ManFlags) -> Result<(), Failure> {
    match &flags.directory {
        Some(directory) => write_all(directory).map_err(Failure::Output),
        None => print(page(Cli::command()).map_err(Failure::Output)?),
    }
}

fn write_all(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let mut command = Cli::command();
    // Gives the commands below their whole names.
    command.build();
    write_with_subcommands(command, directory)?;
    std::fs::write(directory.join("relayd.toml.5"), config_page::page())
}

fn write_with_subcommands(command: clap::Command, directory: &Path) -> io::Result<()> {
    for below in command
        .get_subcommands()
        .filter(|below| !below.is_hide_set() && below.get_name() != "help")
    {
        write_with_subcommands(below.clone(), directory)?;
    }
    let name = command
        .get_display_name()
        .unwrap_or_else(|| command.get_name());
    let path = directory.join(format!("{name}.{SECTION}"));
    std::fs::write(path, page(command)?)
}

fn page(command: clap::Command) -> io::Result<Vec<u8>> {
    let version = env!("CARGO_PKG_VERSION");
    let mut page = Vec::new();
    Man::new(command)
        .section(SECTION)
        .source(format!("relayd {version}"))
        .manual("Machine Relay Protocol")
        .render(&mut page)?;
    Ok(page)
}
