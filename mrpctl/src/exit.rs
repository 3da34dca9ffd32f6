//! How the program ends: the exit statuses, and the one type of failure that every command returns.
//!
//! A failure is what programs read ([`ErrorDetail`]) and what people read beside it: the places that were tried. Nothing is
//! printed here; see [`crate::output`].

use mrpd_api::client::{Attempt, ClientError};
use mrpd_api::error::{Code, ErrorDetail, plain_words};
use mrpd_api::paths::{PathError, SocketSource};
use std::io;

/// One table makes the enum, its texts and its exit statuses.
macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $exit:literal;)+) => {
        /// Why the program itself failed, where the daemon has no code for it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Reason {
            $($(#[$doc])* $name,)+
        }

        impl Reason {
            fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            pub(crate) fn exit(self) -> u8 {
                match self { $(Self::$name => $exit,)+ }
            }
        }
    };
}

reasons! {
    /// Nothing matched, as grep says it.
    NothingFound = "nothing_found", 1;
    /// The peer answered, with an error.
    PeerError = "peer_error", 3;
    /// The command line is wrong.
    Usage = "usage", 64;
    /// Data that was given is wrong.
    BadData = "invalid_data", 65;
    /// There is nothing to read.
    NoInput = "no_input", 66;
    /// A program that is needed is not installed, or does not start.
    Unavailable = "unavailable", 69;
    /// A program that was started does what it should not.
    Internal = "internal", 70;
    /// A file cannot be made.
    CannotCreate = "cannot_create", 73;
    /// A file cannot be read or written.
    Io = "io_error", 74;
    /// Not yet.
    TryAgain = "try_again", 75;
    /// Not allowed.
    NotPermitted = "not_permitted", 77;
    /// The configuration is wrong.
    Config = "invalid_config", 78;
    /// Time ran out.
    TimedOut = "timed_out", 124;
    /// Ctrl-C.
    Interrupted = "interrupted", 130;
    /// SIGTERM.
    Terminated = "terminated", 143;
}

/// Why a command ends without having done what it should.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// To be told, and to end with its exit status.
    Told(Box<Told>),
    /// Whoever read the output has gone: no failure at all.
    OutputClosed,
    /// All has been told already; only the exit status is left.
    Status(u8),
}

/// A failure with all there is to say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// For programs.
    pub(crate) detail: ErrorDetail,
    /// For people, beside it.
    pub(crate) notes: Vec<Note>,
}

/// Lines under a label, such as the places that were tried.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) label: &'static str,
    pub(crate) lines: Vec<String>,
}

impl Failure {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        let detail = ErrorDetail {
            code: reason.as_str().to_owned(),
            message: plain_words(&message.into()),
            exit: reason.exit(),
            retryable: matches!(
                reason,
                Reason::TryAgain | Reason::TimedOut | Reason::Unavailable
            ),
            hint: None,
            request_id: None,
        };
        detail.into()
    }

    /// Says what to do about it.
    pub(crate) fn fix(mut self, hint: impl Into<String>) -> Self {
        if let Self::Told(told) = &mut self {
            told.detail.hint = Some(hint.into());
        }
        self
    }

    /// Ends with another status than its reason has.
    pub(crate) fn with_exit(mut self, exit: u8) -> Self {
        if let Self::Told(told) = &mut self {
            told.detail.exit = exit;
        }
        self
    }

    /// Of a line of input.
    pub(crate) fn at_line(mut self, number: usize) -> Self {
        if let Self::Told(told) = &mut self {
            told.detail.message = format!("line {number}: {}", told.detail.message);
        }
        self
    }

    /// Tells more, under a label.
    pub(crate) fn note(mut self, label: &'static str, lines: Vec<String>) -> Self {
        if let Self::Told(told) = &mut self
            && !lines.is_empty()
        {
            told.notes.push(Note { label, lines });
        }
        self
    }

    pub(crate) fn exit(&self) -> u8 {
        match self {
            Self::Told(told) => told.detail.exit,
            Self::OutputClosed => 0,
            Self::Status(status) => *status,
        }
    }

    /// Of an error while `doing` something, such as `read /etc/x`.
    pub(crate) fn io(reason: Reason, doing: &str, error: &io::Error) -> Self {
        let reason = match error.kind() {
            io::ErrorKind::PermissionDenied => Reason::NotPermitted,
            _ => reason,
        };
        let failure = Self::new(reason, format!("cannot {doing}: {}", plain(error)));
        match error.kind() {
            io::ErrorKind::StorageFull => failure.fix("the disk is full: make room and try again"),
            io::ErrorKind::ReadOnlyFilesystem => failure.fix("the file system is read-only"),
            _ => failure,
        }
    }

    pub(crate) fn told(&self) -> Option<&Told> {
        match self {
            Self::Told(told) => Some(told),
            Self::OutputClosed | Self::Status(_) => None,
        }
    }
}

impl From<ErrorDetail> for Failure {
    fn from(detail: ErrorDetail) -> Self {
        Self::Told(Box::new(Told {
            detail,
            notes: Vec::new(),
        }))
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let mut detail = error.detail();
        detail.exit = error.exit();
        let failure = Self::from(detail);
        match &error {
            ClientError::Unreachable { tried } => failure.note("tried", tried_lines(tried)),
            _ => failure,
        }
    }
}

impl From<PathError> for Failure {
    fn from(error: PathError) -> Self {
        let hint = match &error {
            PathError::NoHome => "set HOME",
            PathError::SocketTooLong { .. } => {
                "choose a shorter path with --socket or $MRPD_SOCKET"
            }
        };
        Self::new(Reason::Config, error.to_string()).fix(hint)
    }
}

/// An unset variable is a place that was tried too: people look there first.
fn tried_lines(tried: &[Attempt]) -> Vec<String> {
    let mut lines = Vec::new();
    if !tried
        .iter()
        .any(|attempt| attempt.candidate.source.is_explicit())
    {
        lines.push("$MRPD_SOCKET (unset)".to_owned());
    }
    lines.extend(tried.iter().map(|attempt| {
        let named_by = match attempt.candidate.source {
            SocketSource::Option => "--socket ",
            SocketSource::Environment => "$MRPD_SOCKET ",
            SocketSource::Config => "[api] socket ",
            _ => "",
        };
        format!(
            "{named_by}{} ({})",
            attempt.candidate.path.display(),
            attempt.failure
        )
    }));
    lines
}

/// Without `(os error 2)`.
pub(crate) fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::AlreadyExists => "it exists already".to_owned(),
        _ => {
            let text = error.to_string();
            match text.find(" (os error ") {
                Some(end) => text[..end].to_lowercase(),
                None => text,
            }
        }
    }
}

/// Whether a daemon's refusal is of this kind.
pub(crate) fn is_refused_as(error: &ClientError, code: Code) -> bool {
    matches!(error, ClientError::Refused { detail, .. } if detail.code == code.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mrpd_api::client::AttemptFailure;
    use mrpd_api::paths::SocketCandidate;

    fn unreachable_at(source: SocketSource) -> Failure {
        let candidate = SocketCandidate {
            path: "/run/user/1000/mrp/mrpd.sock".into(),
            source,
        };
        let failure = AttemptFailure::Io(io::ErrorKind::NotFound.into());
        ClientError::Unreachable {
            tried: vec![Attempt { candidate, failure }],
        }
        .into()
    }

    #[test]
    fn an_unreachable_daemon_tells_where_it_was_looked_for() {
        let failure = unreachable_at(SocketSource::RuntimeDir);
        let told = failure.told().unwrap();
        assert_eq!(
            told.notes[0].lines,
            [
                "$MRPD_SOCKET (unset)",
                "/run/user/1000/mrp/mrpd.sock (no such file)"
            ]
        );
        assert_eq!(
            (failure.exit(), told.detail.code.as_str()),
            (69, "daemon_unreachable")
        );
        let failure = unreachable_at(SocketSource::Environment);
        assert_eq!(
            failure.told().unwrap().notes[0].lines,
            ["$MRPD_SOCKET /run/user/1000/mrp/mrpd.sock (no such file)"]
        );
    }

    #[test]
    fn a_refusal_ends_with_the_daemons_status() {
        let detail = ErrorDetail::new(Code::RateLimited, "slow down", None);
        let error = ClientError::Refused {
            status: 429,
            detail: Box::new(detail.clone()),
        };
        let failure = Failure::from(error);
        assert_eq!(failure.exit(), 75);
        assert_eq!(failure.told().unwrap().detail, detail);
    }

    #[test]
    fn file_errors_are_told_apart() {
        for (kind, exit) in [
            (io::ErrorKind::PermissionDenied, 77),
            (io::ErrorKind::NotFound, 66),
            (io::ErrorKind::StorageFull, 66),
        ] {
            assert_eq!(
                Failure::io(Reason::NoInput, "read x", &kind.into()).exit(),
                exit,
                "{kind}"
            );
        }
        let full = Failure::io(
            Reason::CannotCreate,
            "write x",
            &io::Error::from_raw_os_error(28),
        );
        assert_eq!(full.exit(), 73);
        let told = full.told().unwrap();
        assert_eq!(
            told.detail.message,
            "cannot write x: no space left on device"
        );
        assert!(told.detail.hint.as_deref().unwrap().contains("make room"));
    }

    #[test]
    fn a_closed_output_is_no_failure() {
        assert_eq!(Failure::OutputClosed.exit(), 0);
        assert_eq!(Failure::Status(3).exit(), 3);
    }
}
