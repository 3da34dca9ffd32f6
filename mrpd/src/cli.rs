//! The command line: runs the daemon, or says how it is configured.

mod generate;
mod manual;

use crate::config::{Loaded, Origins, Severity, Sources, as_json, as_text};
use crate::daemon::{self, DaemonError};
use crate::log;
use crate::socket::Passed;
use crate::store::{self, Depth, Existing, Fault, ReadFrom, RestoreError};
use clap::{Args, Parser, Subcommand};
use mrpd_api::paths::{PathError, Paths, create_private_dir};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::stat::{Mode, umask};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Exit statuses (sysexits).
const SOFTWARE: u8 = 70;
const UNAVAILABLE: u8 = 69;
const IO_ERROR: u8 = 74;
const CONFIG: u8 = 78;
const CANNOT_CREATE: u8 = 73;
const USAGE: u8 = 64;

/// The per-user daemon of the Machine Relay Protocol.
#[derive(Debug, Parser)]
#[command(name = "mrpd", version, about, long_about = None)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Subcommands>,
    /// Leave the terminal's session, as a program that starts the daemon in the background wants it
    #[arg(long)]
    background: bool,
    /// Print the names of the crash points and end.
    #[cfg(feature = "failpoints")]
    #[arg(long)]
    list_failpoints: bool,
}

#[derive(Debug, Args)]
struct Options {
    /// Configuration file, instead of the user's and the system's [env: MRPD_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Socket to listen on [env: MRPD_SOCKET]
    #[arg(long, global = true, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// What is logged, such as info or mrpd=debug [env: MRPD_LOG]
    #[arg(long, global = true, value_name = "FILTER")]
    log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Run the daemon (what happens without a command, too)
    Run,
    /// Say what is wrong with the configuration; ends with 78 if something is
    Check,
    /// Print the configuration in force
    Config(ConfigOptions),
    /// Turn into a hook's program, by the plan on standard input
    #[command(name = crate::hooks::run::SUBCOMMAND, hide = true)]
    RunHook,
    /// Print the OpenAPI document of the local interface
    Openapi,
    /// Print the completion script of a shell
    Completions(generate::CompletionsFlags),
    /// Write the manual pages
    Man(generate::ManFlags),
    /// Put a backup in the store's place, while no daemon runs
    Restore(RestoreOptions),
    /// Look whether a store is damaged
    #[command(name = store::CHECK_COMMAND, hide = true)]
    CheckStore {
        store: PathBuf,
        #[arg(long)]
        everything: bool,
    },
    /// Copy what can be read of a table of a damaged store
    #[command(name = store::SALVAGE_COMMAND, hide = true)]
    SalvageStore {
        from: PathBuf,
        to: PathBuf,
        table: String,
        #[arg(long)]
        backward: bool,
    },
}

#[derive(Debug, Args)]
struct RestoreOptions {
    /// The file that a backup has made
    #[arg(value_name = "FILE")]
    backup: PathBuf,
    /// Replace a store that is there; it is kept under another name
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
struct ConfigOptions {
    /// As one JSON object
    #[arg(long)]
    json: bool,
    /// Say where each value comes from
    #[arg(long)]
    origin: bool,
    /// Print what can be configured instead, as a JSON Schema
    #[arg(long, conflicts_with_all = ["json", "origin"])]
    schema: bool,
}

/// How the daemon was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// By a person, a test, or a service manager: somebody takes what it writes.
    Foreground,
    /// By a program that goes on without it.
    Background,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    #[cfg(feature = "failpoints")]
    if cli.list_failpoints {
        return print(&format!("{}\n", crate::POINTS.join("\n")));
    }
    if matches!(cli.command, Some(Subcommands::RunHook)) {
        return crate::hooks::run::launch();
    }
    let start = if cli.background {
        // It fails only where the process leads a session already, which is what is wanted.
        let _ = nix::unistd::setsid();
        Start::Background
    } else {
        Start::Foreground
    };
    let sources = match sources(&cli.options) {
        Ok(sources) => sources,
        Err(error) => return fail(CONFIG, &error.to_string()),
    };
    match cli.command.unwrap_or(Subcommands::Run) {
        Subcommands::Run => run(sources, start),
        Subcommands::Check => check(&sources),
        Subcommands::Config(options) => show(&sources, &options),
        Subcommands::RunHook => crate::hooks::run::launch(),
        Subcommands::Openapi => print(&crate::api::document()),
        Subcommands::Completions(flags) => generate::completions(&flags),
        Subcommands::Man(flags) => generate::man(&flags),
        Subcommands::Restore(options) => restore(&sources, &options),
        Subcommands::CheckStore { store, everything } => {
            let depth = if everything {
                Depth::Everything
            } else {
                Depth::Ends
            };
            judge(store::check(&store, depth))
        }
        Subcommands::SalvageStore {
            from,
            to,
            table,
            backward,
        } => {
            let begin = if backward {
                ReadFrom::End
            } else {
                ReadFrom::Start
            };
            judge(store::salvage(&from, &to, &table, begin))
        }
    }
}

fn sources(options: &Options) -> Result<Sources, PathError> {
    let mut sources = Sources::from_environment(Paths::from_process()?);
    if let Some(file) = &options.config {
        sources.set_file(file.clone());
    }
    if let Some(socket) = &options.socket {
        sources.set("api.socket", &socket.to_string_lossy(), "--socket");
    }
    if let Some(log) = &options.log {
        sources.set("log", log, "--log");
    }
    Ok(sources)
}

fn run(sources: Sources, start: Start) -> ExitCode {
    // What the daemon was started with beyond its three streams is nobody's: it must not reach the programs that hooks run.
    crate::descriptors::close_inherited(&crate::config::handed_descriptors());
    // Everything this process makes is for its user alone, and its memory holds keys.
    umask(Mode::from_bits_truncate(0o077));
    let passed = Passed::take();
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_dumpable(false);
    let loaded = sources.load();
    let log_file = (start == Start::Background).then(|| sources.paths.log_file());
    log::start(&loaded.config.log, log_file);
    // One worker: what a user's daemon does comes one at a time, and a second would mostly be woken for nothing.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(SOFTWARE, &format!("no runtime: {error}")),
    };
    let ended = runtime.block_on(daemon::run(sources, passed, announce));
    // Threads that wait for nothing of ours, such as name resolution, must not hold up the end.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(status_of(&error), &error.to_string()),
    }
}

/// The line that scripts wait for.
fn announce(socket: &Path) {
    let _ = print(&format!("mrpd ready {}\n", socket.display()));
}

fn status_of(error: &DaemonError) -> u8 {
    match error {
        DaemonError::Config(_) | DaemonError::Path(_) => CONFIG,
        DaemonError::Bind(error) => match error {
            crate::socket::BindError::InUse { .. } => UNAVAILABLE,
            crate::socket::BindError::Io { .. } => IO_ERROR,
            _ => CONFIG,
        },
        DaemonError::Lock(crate::store::LockError::Held { .. }) => UNAVAILABLE,
        DaemonError::Lock(_)
        | DaemonError::Directory { .. }
        | DaemonError::Recover(_)
        | DaemonError::Open(_)
        | DaemonError::Files(_)
        | DaemonError::Store(_) => IO_ERROR,
        DaemonError::System(_) => SOFTWARE,
    }
}

fn check(sources: &Sources) -> ExitCode {
    let loaded = sources.load();
    let mut problems = loaded.problems.clone();
    if loaded.fatal().is_empty() {
        let roster = crate::roster::Roster::load(&loaded.config, &crate::roster::Roster::default());
        problems.extend(roster.err().unwrap_or_default());
    }
    let mut wrong = false;
    for problem in &problems {
        let word = match problem.severity {
            Severity::Fatal | Severity::LeftOut | Severity::Ignored => {
                wrong = true;
                "error"
            }
            Severity::Notice => "warning",
        };
        say(&format!("{word}: {problem}"));
    }
    if wrong {
        return ExitCode::from(CONFIG);
    }
    print(&format!("{}: ok\n", sources.main_file().display()))
}

fn show(sources: &Sources, options: &ConfigOptions) -> ExitCode {
    if options.schema {
        return print(&format!("{:#}\n", crate::config::reference::schema()));
    }
    let Loaded {
        problems,
        effective,
        ..
    } = sources.load();
    let origins = if options.origin {
        Origins::Shown
    } else {
        Origins::Hidden
    };
    let text = if options.json {
        format!("{:#}\n", as_json(&effective, origins))
    } else {
        as_text(&effective, origins)
    };
    let printed = print(&text);
    for problem in &problems {
        say(&format!("warning: {problem}"));
    }
    if problems
        .iter()
        .any(|problem| matches!(problem.severity, Severity::Fatal | Severity::LeftOut))
    {
        return ExitCode::from(CONFIG);
    }
    printed
}

fn restore(sources: &Sources, options: &RestoreOptions) -> ExitCode {
    umask(Mode::from_bits_truncate(0o077));
    let state_dir = sources.paths.state_dir();
    if let Err(error) = create_private_dir(&state_dir) {
        return fail(IO_ERROR, &format!("{}: {error}", state_dir.display()));
    }
    let lock = match store::Lock::take(&sources.paths.lock_file()) {
        Ok(lock) => lock,
        Err(error) => {
            let error = DaemonError::Lock(error);
            return fail(status_of(&error), &error.to_string());
        }
    };
    let existing = if options.force {
        Existing::Replaced
    } else {
        Existing::Kept
    };
    let path = sources.paths.store_file();
    let restored = store::restore(&options.backup, &path, existing);
    // A store that stays as it was is to be looked at as closely as before.
    if restored.is_ok() || lock.last_end() == store::LastEnd::Clean {
        lock.note_clean_end();
    }
    match restored {
        Ok(kept) => {
            if let Some(kept) = kept {
                say(&format!("the store before is kept as {}", kept.display()));
            }
            print(&format!("{}: restored\n", path.display()))
        }
        Err(error) => {
            let status = match &error {
                RestoreError::Exists { .. } => CANNOT_CREATE,
                RestoreError::Damaged { .. } => store::DAMAGED,
                RestoreError::Io { .. } => IO_ERROR,
            };
            fail(status, &error.to_string())
        }
    }
}

/// What a process says that looks at a store for the daemon.
fn judge(examined: Result<(), Fault>) -> ExitCode {
    let (status, text) = match examined {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Fault::Damaged(text)) => (store::DAMAGED, text),
        Err(Fault::Other(text)) => (IO_ERROR, text),
    };
    let _ = print(&text);
    ExitCode::from(status)
}

/// Writes to stdout. A reader that has gone is no error.
fn print(text: &str) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => fail(IO_ERROR, &error.to_string()),
    }
}

fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn fail(status: u8, message: &str) -> ExitCode {
    say(&format!("error: {message}"));
    ExitCode::from(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
        let cli = Cli::try_parse_from(["mrpd", "config", "--origin", "--config", "/x"]).unwrap();
        assert_eq!(cli.options.config.as_deref(), Some(Path::new("/x")));
        assert!(matches!(
            cli.command,
            Some(Subcommands::Config(ConfigOptions {
                origin: true,
                json: false,
                schema: false,
            }))
        ));
    }
}
