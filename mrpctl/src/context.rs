//! What every command has at hand: the flags, the places, the output, and the daemon.

use crate::autostart;
use crate::cli::Global;
use crate::config::Variables;
use crate::config::document::Document;
use crate::exit::{Failure, Reason};
use crate::output::Output;
use mrpd_api::client::{Attempt, AttemptFailure, Client, ClientError};
use mrpd_api::paths::{Paths, SocketCandidate};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) output: Output,
    pub(crate) paths: Paths,
    pub(crate) variables: Variables,
    started: Instant,
}

impl Context {
    pub(crate) fn new(global: Global, output: Output, paths: Paths) -> Self {
        Self {
            global,
            output,
            paths,
            variables: Variables::from_process(),
            started: Instant::now(),
        }
    }

    /// The daemon; it is started if nothing speaks against it.
    pub(crate) async fn daemon(&self) -> Result<Client, Failure> {
        match Client::find(&self.sockets()).await {
            Ok(client) => {
                self.output
                    .verbose(|| format!("mrpd answers at {}", client.socket().display()));
                Ok(client)
            }
            Err(error) if self.may_start(&error) => autostart::start(self).await,
            Err(error) => Err(self.unreachable(error)),
        }
    }

    /// The daemon, if it is running.
    pub(crate) async fn running_daemon(&self) -> Result<Client, Failure> {
        Client::find(&self.sockets())
            .await
            .map_err(|error| self.unreachable(error))
    }

    /// Where the daemon may be.
    pub(crate) fn sockets(&self) -> Vec<SocketCandidate> {
        let option = self.global.socket.as_deref();
        let configured = match (option, &self.paths.environment().socket) {
            (None, None) => self.configured_socket(),
            _ => None,
        };
        self.paths.client_sockets(option, configured.as_deref())
    }

    /// The daemon's configuration file, whether or not it exists.
    pub(crate) fn config_file(&self) -> PathBuf {
        self.variables.config_file(&self.paths)
    }

    /// What is left of `--timeout`.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        let timeout = self.global.timeout?;
        Some(timeout.saturating_sub(self.started.elapsed()))
    }

    /// Whether a person is there and is to be asked; else the usual answer holds.
    pub(crate) fn may_ask(&self) -> bool {
        self.is_interactive() && !self.global.yes
    }

    /// Whether there is a person to speak to.
    pub(crate) fn is_interactive(&self) -> bool {
        use std::io::IsTerminal as _;
        !self.global.no_input && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Says whether the daemon may be started by us: never beside one that is there but cannot be used, never where a socket was
    /// named by an option, never where systemd does it.
    fn may_start(&self, error: &ClientError) -> bool {
        let ClientError::Unreachable { tried } = error else {
            return false;
        };
        let is_absent = |attempt: &Attempt| match &attempt.failure {
            AttemptFailure::Io(_) => !attempt.is_forbidden(),
            AttemptFailure::Unusable(_) | AttemptFailure::Foreign { .. } | AttemptFailure::Deaf => {
                false
            }
        };
        tried.iter().all(is_absent)
            && self.global.socket.is_none()
            && !self.global.no_autostart
            && self.variables.allows_autostart()
            && !autostart::is_managed(&self.paths)
    }

    fn unreachable(&self, error: ClientError) -> Failure {
        let is_absent = matches!(error.code(), mrpd_api::error::Code::DaemonUnreachable);
        let failure = Failure::from(error);
        if is_absent && autostart::is_managed(&self.paths) {
            failure.fix("systemctl --user start mrpd        (or: mrpctl daemon start)")
        } else {
            failure
        }
    }

    /// `[api] socket` of the user's file. A mistake in that file is the daemon's to tell.
    fn configured_socket(&self) -> Option<PathBuf> {
        let document = Document::load(&self.config_file()).ok()?;
        document
            .string(&["api", "socket"])
            .filter(|text| !text.is_empty())
            .map(PathBuf::from)
    }

    /// A program of this workspace.
    pub(crate) fn program(&self, name: &str, named: Option<&Path>) -> Result<PathBuf, Failure> {
        self.variables.program(name, named).ok_or_else(|| {
            Failure::new(
                Reason::Unavailable,
                format!("the program {name} is not installed"),
            )
            .fix(format!(
                "install it beside mrpctl or on $PATH, or name it in {}_BIN",
                name.to_uppercase()
            ))
        })
    }

    /// The daemon's program.
    pub(crate) fn mrpd(&self) -> Result<PathBuf, Failure> {
        self.program("mrpd", self.variables.mrpd.as_deref())
    }
}
