//! The command line: what it may say, and the process around the relay.

mod admin;

use crate::config::{Config, ConfigError, ListenAddress};
use crate::data_dir::DataDirError;
use crate::serve::{BindError, RunError, Server};
use crate::service::Signals;
use crate::store::OpenError;
use crate::{log, process};
use clap::{Args, Parser, Subcommand};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::sync::oneshot;

/// Read when no other file is named, if it is there.
const SYSTEM_CONFIG: &str = "/etc/relayd/relayd.toml";

/// Exit statuses of sysexits.h.
const USAGE: u8 = 64;
const UNAVAILABLE: u8 = 69;
const SOFTWARE: u8 = 70;
const CONFIG: u8 = 78;

/// A relay for the Machine Relay Protocol.
#[derive(Debug, Parser)]
#[command(name = "relayd", version, args_conflicts_with_subcommands = true)]
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
    /// Check configuration, data directory and addresses; exit 78 on a mistake
    Check(Sources),
    Admin(admin::AdminArgs),
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
}

impl Failure {
    fn status(&self) -> u8 {
        match self {
            Self::Config(_)
            | Self::Bind(BindError::Config(_) | BindError::Allowlist(_) | BindError::Tls(_)) => {
                CONFIG
            }
            Self::Bind(BindError::Blobs(error)) if error.is_configuration() => CONFIG,
            Self::Bind(_) => UNAVAILABLE,
            Self::Run(_) | Self::Start(_) => SOFTWARE,
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
        Some(Command::Serve(sources)) => serve(&sources),
        Some(Command::Check(sources)) => return check(&sources),
        Some(Command::Admin(arguments)) => return admin::run(&arguments),
        None => serve(&cli.serve),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&failure.to_string(), failure.status()),
    }
}

fn report(problem: &str, status: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "error: {problem}");
    ExitCode::from(status)
}

fn load(sources: &Sources) -> Result<Config, ConfigError> {
    let system = Path::new(SYSTEM_CONFIG);
    let mut config = match &sources.config {
        Some(path) => Config::load(path)?,
        None if system.exists() => Config::load(system)?,
        None => Config::default(),
    };
    if !sources.listen.is_empty() {
        config.listen.clone_from(&sources.listen);
    }
    if let Some(data_dir) = &sources.data_dir {
        config.data_dir = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.clone());
    }
    for assignment in &sources.set {
        config.set(assignment)?;
    }
    config.check()?;
    Ok(config)
}

fn serve(sources: &Sources) -> Result<(), Failure> {
    let config = load(sources)?;
    log::begin(&config);
    process::harden();
    process::raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::Start)?;
    let outcome = runtime.block_on(run(config, sources));
    // What was not done when draining ended is not waited for.
    runtime.shutdown_background();
    outcome
}

async fn run(config: Config, sources: &Sources) -> Result<(), Failure> {
    let mut signals = Signals::new().map_err(Failure::Start)?;
    if config.is_private() {
        tracing::info!(
            "a private relay: only this machine reaches it, so rate limits that are not configured are off; \
             set public_url when it stands behind a proxy"
        );
    }
    let data_dir = config.data_dir.clone();
    let server = Server::bind(config).await?;
    announce(&server, &data_dir);
    let service = server.service();
    let reporting = tokio::spawn(service.clone().report());
    service.ready();
    let (told, is_told) = oneshot::channel();
    let serving = server.run(async {
        let _ = is_told.await;
    });
    let ending = async {
        signals.end(&service, || load(sources)).await;
        let _ = told.send(());
        signals.end_at_once().await;
    };
    tokio::select! {
        ended = serving => ended?,
        () = ending => return Ok(()),
    }
    let _ = reporting.await;
    tracing::info!("ended");
    Ok(())
}

/// Says that requests are served: in the log, and in one line for whoever started the process.
fn announce(server: &Server, data_dir: &Path) {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        addresses = server.urls().join(" "),
        data_dir = %data_dir.display(),
        "ready"
    );
    let mut output = io::stdout().lock();
    // The reader may have closed its end: the relay serves all the same.
    let _ = writeln!(output, "relayd ready {}", server.url()).and_then(|()| output.flush());
}

/// Opens everything that serving would open, and closes it again; while a relay runs, only what it leaves to try.
fn check(sources: &Sources) -> ExitCode {
    let config = match load(sources) {
        Ok(config) => config,
        Err(error) => return report(&error.to_string(), CONFIG),
    };
    process::harden();
    let tried = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime.block_on(try_out(&config)),
        Err(error) => return report(&Failure::Start(error).to_string(), SOFTWARE),
    };
    let note = match tried {
        Ok(()) => "",
        Err(BindError::DataDir(DataDirError::InUse { .. })) => {
            " (in use by a running relay, so addresses and store were not tried)"
        }
        Err(error) => return report(&error.to_string(), CONFIG),
    };
    let listen: Vec<_> = config
        .listen
        .iter()
        .map(|address| config.tls.url(address))
        .collect();
    let kind = if config.is_private() {
        "private"
    } else {
        "public"
    };
    let _ = writeln!(
        io::stdout(),
        "ok: a {kind} relay at {}, data in {}{note}",
        listen.join(" "),
        config.data_dir.display()
    );
    ExitCode::SUCCESS
}

async fn try_out(config: &Config) -> Result<(), BindError> {
    let server = Server::bind(config.clone()).await?;
    server
        .run(std::future::ready(()))
        .await
        .map_err(|RunError::Store(fatal)| {
            let path = config.data_dir.clone();
            BindError::Store(OpenError::Failed {
                path,
                cause: fatal.cause,
            })
        })
}
