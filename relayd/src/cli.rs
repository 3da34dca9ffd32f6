//! The command line: what it may say, and the process around the relay.

mod admin;
mod backup;
mod check;
mod generate;
mod healthcheck;
mod init;
mod serve;

use crate::config::{self, Config, ConfigError, ListenAddress};
use crate::serve::{BindError, RunError};
use clap::{Args, Parser, Subcommand};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit statuses of sysexits.h.
const USAGE: u8 = 64;
const DATA: u8 = 65;
const UNAVAILABLE: u8 = 69;
const SOFTWARE: u8 = 70;
const CANNOT_CREATE: u8 = 73;
const INPUT_OUTPUT: u8 = 74;
const CONFIG: u8 = 78;

/// A relay for the Machine Relay Protocol.
#[derive(Debug, Parser)]
#[command(
    name = "relayd",
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Sources,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM or SIGINT (the default command)
    Serve(Sources),
    /// Write a commented configuration, and say what comes next
    Init(init::Flags),
    /// Check configuration, addresses, storage, clock and free disk; exit 78 on a mistake
    Check(Sources),
    /// Ask a relay whether it serves; exit 0 or 1
    Healthcheck(healthcheck::Flags),
    Admin(admin::AdminArgs),
    /// Copy everything that the relay keeps into a new directory, while it runs or not
    Backup(backup::BackupFlags),
    /// Bring a backup back, into an empty data directory
    Restore(backup::RestoreFlags),
    /// Write the OpenAPI document, which a relay with this configuration serves, to standard output
    Openapi(Sources),
    /// Write a completion script to standard output
    Completions(generate::CompletionsFlags),
    /// Write the manual pages into a directory, or the main one to standard output
    Man(generate::ManFlags),
}

/// Where the configuration comes from; what comes later in this list wins.
#[derive(Debug, Args)]
struct Sources {
    /// Configuration file
    #[arg(long, env = "RELAYD_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address to listen on, such as 127.0.0.1:8080, [::]:80 or unix:/path; may be repeated
    #[arg(
        long,
        env = "RELAYD_LISTEN",
        value_name = "ADDR",
        value_delimiter = ','
    )]
    listen: Vec<ListenAddress>,
    /// Directory in which everything is kept
    #[arg(long, env = "RELAYD_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Set any field of the configuration file, such as limits.send_per_minute=60
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// Why the program ends with an error.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("cannot start: {0}")]
    Start(#[source] io::Error),
    /// Checking found something; it is a mistake of the configuration, whatever kind of thing it is.
    #[error("{0}")]
    Checked(String),
    #[error(transparent)]
    Admin(#[from] admin::Failure),
    #[error(transparent)]
    Init(#[from] init::InitError),
    #[error(transparent)]
    Unhealthy(#[from] healthcheck::Unhealthy),
    #[error(transparent)]
    Backup(#[from] crate::backup::BackupError),
    #[error("cannot write: {0}")]
    Output(#[source] io::Error),
}

impl Failure {
    fn status(&self) -> u8 {
        match self {
            Self::Config(_)
            | Self::Checked(_)
            | Self::Bind(BindError::Config(_) | BindError::Allowlist(_) | BindError::Tls(_)) => {
                CONFIG
            }
            Self::Bind(BindError::Blobs(error)) if error.is_configuration() => CONFIG,
            Self::Admin(error) => error.status(),
            Self::Bind(_) => UNAVAILABLE,
            Self::Run(_) | Self::Start(_) => SOFTWARE,
            Self::Init(error) => error.status(),
            Self::Unhealthy(error) => error.status(),
            Self::Backup(error) => backup::status(error),
            Self::Output(_) => INPUT_OUTPUT,
        }
    }
}

/// The whole program: reads the command line, runs, and says how it went.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) => {
            let status = if message.use_stderr() { USAGE } else { 0 };
            // Where its own output is closed there is nobody to tell.
            let _ = message.print();
            return ExitCode::from(status);
        }
    };
    let outcome = match cli.command {
        Some(Command::Serve(sources)) => serve::run(&sources),
        Some(Command::Init(flags)) => init::run(&flags),
        Some(Command::Check(sources)) => check::run(&sources),
        Some(Command::Healthcheck(flags)) => healthcheck::run(&flags),
        Some(Command::Admin(arguments)) => admin::run(&arguments),
        Some(Command::Backup(flags)) => backup::back_up(&flags),
        Some(Command::Restore(flags)) => backup::restore(&flags),
        Some(Command::Openapi(sources)) => generate::openapi(&sources),
        Some(Command::Completions(flags)) => generate::completions(&flags),
        Some(Command::Man(flags)) => generate::man(&flags),
        None => serve::run(&cli.serve),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "error: {failure}");
            ExitCode::from(failure.status())
        }
    }
}

impl Sources {
    /// The configuration that they come to.
    fn load(&self) -> Result<Config, ConfigError> {
        let file = self.config.clone().or_else(config::installed_file);
        let mut config = match &file {
            Some(path) => Config::load(path)?,
            None => Config::default(),
        };
        if !self.listen.is_empty() {
            config.listen.clone_from(&self.listen);
        }
        if let Some(data_dir) = &self.data_dir {
            config.data_dir = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.clone());
        }
        for assignment in &self.set {
            config.set(assignment)?;
        }
        let checked = config.check();
        checked.map_err(|error| match &file {
            Some(path) => error.found_in(path),
            None => error,
        })?;
        Ok(config)
    }
}

/// Runs a command that is no relay: one thread will do.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Start)?
        .block_on(work)
}

/// Writes to standard output.
fn print(text: impl AsRef<[u8]>) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    let written = output.write_all(text.as_ref());
    match written.and_then(|()| output.flush()) {
        // A reader that has seen enough is no failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Failure::Output),
    }
}
