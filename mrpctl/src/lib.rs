//! `mrpctl`: a shell filter over mrpd.
//!
//! - `cli`: every flag, and the help that goes with it.
//! - `cmd`: one file a command.
//! - `input`: standard input, files that options name, answers to questions; `received`: files that the daemon sends.
//! - `output`: everything that is written, escaped for people and exact for programs.
//! - `exit`: failures and exit statuses.
//! - `context`: what every command has at hand, the daemon among it; `autostart` starts that.
//! - `key_file`: private keys as files; `similar`: what was meant by a mistyped name.
//! - `mcp`: a server for language models over the same inbox.
//! - `candidates`: what can be meant by a value, for completion.
//! - `program`: programs that are run. `follow`: messages as they come, whatever becomes of the daemon meanwhile.
//! - `config`: the environment, and `mrpd.toml` as a file that is edited.
//!
//! It must never know: how the daemon stores anything, or how a relay is spoken to.

mod autostart;
mod candidates;
mod cli;
mod cmd;
mod config;
mod context;
mod exit;
mod follow;
mod input;
mod key_file;
mod mcp;
mod output;
mod program;
mod received;
mod similar;

use config::settings::Settings;
use context::Context;
use exit::{Failure, Reason};
use mrpd_api::paths::Paths;
use output::Output;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

/// Runs the program.
pub fn run() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if config::is_completing() && cli::completion::answer(arguments.clone()) {
        return ExitCode::SUCCESS;
    }
    let paths = Paths::from_process();
    let cli = match read(&arguments, paths.as_ref().ok()) {
        Ok(cli) => cli,
        Err(error) => {
            let variable = config::output_variable();
            let audience = output::Audience::of(&arguments, variable.as_deref());
            return output::report_unread(&error, audience).exit().into();
        }
    };
    let output = match Output::new(&cli.top.global) {
        Ok(output) => output,
        Err(failure) => {
            output::report(&failure, &cli.top.global);
            return failure.exit().into();
        }
    };
    let done = paths.map_err(Failure::from).and_then(|paths| {
        let context = Context::new(cli.top.global, output.clone(), paths);
        match cli.command {
            Some(command) => cmd::run(&context, command),
            None => cmd::tooling::version::run(&context),
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            failure.exit().into()
        }
    }
}

/// The command line with the user's settings. Whoever has no home has none. What helps to mend them works without them.
fn read(arguments: &[OsString], paths: Option<&Paths>) -> Result<cli::Cli, cli::ParseError> {
    let mistake = match read_settled(arguments, paths) {
        Err(cli::ParseError::Settings(mistake)) => mistake,
        read => return read,
    };
    let read = cli::parse_with(arguments.iter().cloned(), &Settings::default());
    let goes_on = match &read {
        Ok(cli) => cli.helps_to_mend(),
        Err(cli::ParseError::NotParsed(error)) => error.is_help(),
        Err(_) => false,
    };
    if !goes_on {
        return Err(cli::ParseError::Settings(mistake));
    }
    if let Some(told) = mistake.told() {
        output::warn(&told.detail.message);
    }
    read
}

fn read_settled(
    arguments: &[OsString],
    paths: Option<&Paths>,
) -> Result<cli::Cli, cli::ParseError> {
    let settings = match paths {
        Some(paths) => Settings::load(&paths.cli_config_file()),
        None => Ok(Settings::default()),
    };
    let settings = settings.map_err(cli::ParseError::Settings)?;
    cli::parse_with(arguments.iter().cloned(), &settings)
}

/// Whether signals end the command from outside, or it ends by itself when one comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signals {
    EndIt,
    ItsOwn,
}

/// Runs a command to its end, to the end of `timeout`, or to a signal. What still reads or writes in a thread is left behind:
/// the process ends.
fn block_on<F>(timeout: Option<Duration>, signals: Signals, command: F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::io(Reason::Internal, "start", &error))?;
    if signals == Signals::EndIt {
        output::end_stuck_filters(move || async move {
            tokio::select! {
                failure = stopped(signals) => failure,
                failure = passed(timeout) => failure,
            }
        });
    }
    let done = runtime.block_on(async {
        tokio::select! {
            biased;
            failure = stopped(signals) => Err(failure),
            done = command => done,
            failure = passed(timeout) => Err(failure),
        }
    });
    runtime.shutdown_background();
    done
}

/// Waits for a signal that ends the command.
async fn stopped(signals: Signals) -> Failure {
    use tokio::signal::unix::{SignalKind, signal};
    if signals == Signals::ItsOwn {
        return std::future::pending().await;
    }
    let listening = signal(SignalKind::interrupt())
        .and_then(|interrupt| Ok((interrupt, signal(SignalKind::terminate())?)));
    let (mut interrupt, mut terminate) = match listening {
        Ok(both) => both,
        Err(error) => return Failure::io(Reason::Internal, "listen for signals", &error),
    };
    tokio::select! {
        _ = interrupt.recv() => Failure::Status(Reason::Interrupted.exit()),
        _ = terminate.recv() => Failure::Status(Reason::Terminated.exit()),
    }
}

async fn passed(timeout: Option<Duration>) -> Failure {
    match timeout {
        None => std::future::pending().await,
        Some(timeout) => {
            tokio::time::sleep(timeout).await;
            timed_out(timeout)
        }
    }
}

fn timed_out(timeout: Duration) -> Failure {
    Failure::new(
        Reason::TimedOut,
        format!("not done within {timeout:?} (--timeout)"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_takes_too_long_ends_with_124() {
        let timeout = Some(Duration::from_millis(5));
        let done = block_on(timeout, Signals::EndIt, std::future::pending());
        assert_eq!(done.unwrap_err().exit(), 124);
    }

    #[test]
    fn a_command_that_ends_in_time_ends_as_it_does() {
        let timeout = Some(Duration::from_secs(60));
        assert_eq!(block_on(timeout, Signals::EndIt, async { Ok(()) }), Ok(()));
        let failed = block_on(timeout, Signals::ItsOwn, async { Err(Failure::Status(9)) });
        assert_eq!(failed.unwrap_err().exit(), 9);
    }
}
