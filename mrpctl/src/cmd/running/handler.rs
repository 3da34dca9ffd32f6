//! A program that is run for a message, by the contract that the daemon's hooks have ([`mrpd_api::hook`]). It runs in the folder that
//! mrpctl was started in: that is where a command line's paths were meant.

use crate::config::inherited_environment;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::program::{self, End, Ended, Output};
use mrpd_api::hook::{self, Meaning};
use mrpd_api::message::Message;
use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// Has a shell open descriptor 3, and turn into the command. What it opens and what it runs are no part of the script.
const WITH_DESCRIPTOR_3: &str = r#"exec "$@" 3>>"$0""#;

/// What is run for each message.
pub(in crate::cmd) struct Handler<'a> {
    pub(in crate::cmd) context: &'a Context,
    /// What it finds as `MRP_HOOK`.
    pub(in crate::cmd) name: &'a str,
    pub(in crate::cmd) words: &'a [OsString],
    pub(in crate::cmd) limit: Duration,
    /// Where the daemon answers, if it has to do with this.
    pub(in crate::cmd) socket: Option<PathBuf>,
}

/// What came of a run for a request.
pub(in crate::cmd) struct Answered {
    pub(in crate::cmd) ended: Ended,
    /// What was written to descriptor 3.
    pub(in crate::cmd) told: Vec<u8>,
}

/// What it means how a program ended.
pub(in crate::cmd) fn meaning(end: End) -> Meaning {
    match end {
        End::Exited(status) => Meaning::of_status(status),
        End::Signalled(_) | End::TimedOut => Meaning::Failed,
    }
}

impl Handler<'_> {
    /// Runs the program for a message; its output is ours.
    pub(in crate::cmd) async fn handle(
        &self,
        message: &Message,
        line: &str,
        attempt: u32,
    ) -> Result<Ended, Failure> {
        let scratch = Scratch::make(self.context, message)?;
        let command = program::command(self.words, self.environment(message, attempt, &scratch));
        let input = format!("{line}\n").into_bytes();
        let ended = program::run(command, input, Output::Passed, self.limit).await;
        ended.map_err(|error| self.not_started(&error))
    }

    /// Runs the program for a request: it reads the parameters, and can say on descriptor 3 what is wrong.
    pub(in crate::cmd) async fn answer(
        &self,
        message: &Message,
        attempt: u32,
    ) -> Result<Answered, Failure> {
        let scratch = Scratch::make(self.context, message)?;
        let mut words: Vec<OsString> = ["/bin/sh", "-c", WITH_DESCRIPTOR_3].map(Into::into).into();
        words.push(scratch.answer.clone().into());
        words.extend(self.words.iter().cloned());
        let command = program::command(&words, self.environment(message, attempt, &scratch));
        let input = hook::content_bytes(message);
        let ended = program::run(command, input, Output::Kept, self.limit).await;
        let ended = ended.map_err(|error| self.not_started(&error))?;
        Ok(Answered {
            ended,
            told: scratch.told(),
        })
    }

    fn not_started(&self, error: &std::io::Error) -> Failure {
        program::not_started(&program::shown(self.words), error)
    }

    fn environment(
        &self,
        message: &Message,
        attempt: u32,
        scratch: &Scratch,
    ) -> Vec<(OsString, OsString)> {
        let mut environment: Vec<(OsString, OsString)> = inherited_environment()
            .filter(|(name, _)| name.to_str().is_some_and(hook::is_passed_on))
            .collect();
        let mut put = |name: &str, value: OsString| environment.push((name.into(), value));
        put("MRP_HOOK", self.name.into());
        put("MRP_ATTEMPT", attempt.to_string().into());
        if let Some(socket) = &self.socket {
            put("MRPD_SOCKET", socket.clone().into());
        }
        for (name, value) in hook::variables(message) {
            put(name, value.into());
        }
        let saved = message
            .attachments
            .iter()
            .find_map(|attachment| Path::new(attachment.path.as_deref()?).parent());
        let folder = saved.unwrap_or(Path::new(""));
        put("MRP_ATTACHMENTS_DIR", folder.into());
        put("MRP_BODY_FILE", scratch.body.clone().into());
        environment
    }
}

/// The private files of one run; they go with it.
struct Scratch {
    _folder: TempDir,
    body: PathBuf,
    answer: PathBuf,
}

impl Scratch {
    fn make(context: &Context, message: &Message) -> Result<Self, Failure> {
        let place = &context.variables.temporary;
        let made = || {
            let folder = tempfile::Builder::new()
                .prefix("mrpctl-")
                .tempdir_in(place)?;
            let body = folder.path().join("body");
            let mut options = std::fs::OpenOptions::new();
            let mut file = options
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&body)?;
            file.write_all(&hook::body_bytes(message))?;
            let answer = folder.path().join("answer");
            Ok(Self {
                _folder: folder,
                body,
                answer,
            })
        };
        made().map_err(|error| {
            let doing = format!("write below {}", place.display());
            Failure::io(Reason::CannotCreate, &doing, &error)
        })
    }

    fn told(&self) -> Vec<u8> {
        let mut told = Vec::new();
        if let Ok(file) = std::fs::File::open(&self.answer) {
            // What cannot be read was not said.
            let _ = file.take(hook::OUTPUT as u64).read_to_end(&mut told);
        }
        told
    }
}
