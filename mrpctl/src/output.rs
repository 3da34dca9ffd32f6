//! Everything that is written. Standard output carries only what was asked for; all else goes to standard error.
//!
//! Text for people is escaped (see [`escape`]) and may be coloured; machine formats are neither, and are the same at a
//! terminal and in a pipe. This is the only place that prints.

pub(crate) mod escape;
mod failure;
mod fields;
pub(crate) mod message;
mod table;

pub(crate) use failure::report_usage;
pub(crate) use table::{Table, pairs};

use crate::cli::{Format, Global, When};
use crate::exit::{Failure, Reason};
use anstream::ColorChoice;
use fields::Fields;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::Serialize;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;

/// How data is written, settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Text,
    Json,
    Jsonl,
    Raw,
    Table,
}

/// What was asked for about output, settled once.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    shape: Shape,
    is_auto: bool,
    fields: Fields,
    quiet: bool,
    verbose: u8,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        match global.color {
            When::Auto => {}
            When::Always => ColorChoice::Always.write_global(),
            When::Never => ColorChoice::Never.write_global(),
        }
        let format = if global.json {
            Format::Json
        } else {
            global.output
        };
        Self {
            shape: settle(format, io::stdout().is_terminal()),
            is_auto: format == Format::Auto,
            fields: Fields::new(&global.fields),
            quiet: global.quiet,
            verbose: global.verbose,
        }
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// Whether no format was named.
    pub(crate) fn is_auto(&self) -> bool {
        self.is_auto
    }

    pub(crate) fn has_fields(&self) -> bool {
        !self.fields.is_empty()
    }

    /// Writes one object. `text` is for people, `raw` the bare content where it has one.
    pub(crate) fn object<T: Serialize>(
        &self,
        value: &T,
        text: impl FnOnce() -> String,
        raw: Option<&str>,
    ) -> Result<(), Failure> {
        match (self.shape, raw) {
            (Shape::Json | Shape::Jsonl, _) => self.bytes(self.json(value)? + "\n"),
            _ if self.has_fields() => self.text(&self.fields.as_text(&self.raw_json(value)?)?),
            (Shape::Raw, Some(raw)) => self.bytes(format!("{raw}\n")),
            (Shape::Raw | Shape::Text | Shape::Table, _) => self.text(&text()),
        }
    }

    /// Writes a list: an array, one object a line, or a table with a row each.
    pub(crate) fn list<T: Serialize>(
        &self,
        values: &[T],
        heads: &[&str],
        row: impl Fn(&T) -> Vec<String>,
    ) -> Result<(), Failure> {
        match self.shape {
            Shape::Json => {
                let objects: Result<Vec<String>, Failure> =
                    values.iter().map(|value| self.json(value)).collect();
                self.bytes(array(&objects?))
            }
            Shape::Jsonl => {
                let lines: Result<Vec<String>, Failure> = values
                    .iter()
                    .map(|value| Ok(self.json(value)? + "\n"))
                    .collect();
                self.bytes(lines?.concat())
            }
            Shape::Text | Shape::Table | Shape::Raw if self.has_fields() => {
                let mut table = Table::new(&self.fields.names());
                for value in values {
                    table.row(self.fields.cells(&self.raw_json(value)?)?);
                }
                self.text(&table.to_string())
            }
            Shape::Text | Shape::Table | Shape::Raw => {
                let mut table = Table::new(heads);
                for value in values {
                    table.row(row(value));
                }
                self.text(&table.to_string())
            }
        }
    }

    /// An object's JSON, with the fields that were asked for.
    pub(crate) fn json<T: Serialize>(&self, value: &T) -> Result<String, Failure> {
        self.select(self.raw_json(value)?)
    }

    /// A JSON object as it is, but for the fields that were not asked for.
    pub(crate) fn select(&self, object: String) -> Result<String, Failure> {
        if self.fields.is_empty() {
            Ok(object)
        } else {
            self.fields.keep(&object)
        }
    }

    /// The chosen fields of a JSON object, a cell each.
    pub(crate) fn cells(&self, object: &str) -> Result<Vec<String>, Failure> {
        self.fields.cells(object)
    }

    pub(crate) fn field_names(&self) -> Vec<&str> {
        self.fields.names()
    }

    fn raw_json<T: Serialize>(&self, value: &T) -> Result<String, Failure> {
        serde_json::to_string(value)
            .map_err(|error| Failure::new(Reason::Internal, error.to_string()))
    }

    /// Writes text for people; its colours go where they are not wanted.
    pub(crate) fn text(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = anstream::stdout().lock();
        let ending = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        let written = write!(stdout, "{text}{ending}").and_then(|()| stdout.flush());
        written.map_err(|error| write_failure(&error))
    }

    /// Writes data as it is.
    pub(crate) fn bytes(&self, data: impl AsRef<[u8]>) -> Result<(), Failure> {
        write_stdout(data.as_ref())
    }

    /// Writes data as it is, without holding up anything else while the reader is slow.
    pub(crate) async fn stream(&self, data: Vec<u8>) -> Result<(), Failure> {
        let written = tokio::task::spawn_blocking(move || write_stdout(&data)).await;
        written.unwrap_or_else(|error| Err(Failure::new(Reason::Internal, error.to_string())))
    }

    /// Writes what a program wrote to its standard error to ours, as it is.
    pub(crate) async fn stream_diagnostics(&self, data: Vec<u8>) -> Result<(), Failure> {
        let written = tokio::task::spawn_blocking(move || {
            let mut stderr = io::stderr().lock();
            let written = stderr.write_all(&data);
            written.map_err(|error| Failure::io(Reason::Io, "write standard error", &error))
        });
        let written = written.await;
        written.unwrap_or_else(|error| Err(Failure::new(Reason::Internal, error.to_string())))
    }

    /// Something worth knowing, on standard error.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            stderr_line(text);
        }
    }

    pub(crate) fn warning(&self, text: &str) {
        if !self.quiet {
            stderr_line(&format!(
                "{WARNING}warning:{WARNING:#} {}",
                escape::line(text)
            ));
        }
    }

    /// What only those want to know who asked for more.
    pub(crate) fn verbose(&self, text: impl FnOnce() -> String) {
        if self.verbose > 0 {
            stderr_line(&escape::line(&text()));
        }
    }

    /// Tells why a command failed, in the style that goes with the output.
    pub(crate) fn failure(&self, failure: &Failure) {
        let audience = match self.shape {
            Shape::Json | Shape::Jsonl if !self.is_auto => failure::Audience::Programs,
            _ => failure::Audience::People,
        };
        if let Some(told) = failure.told() {
            stderr_line(&failure::render(told, audience));
        }
    }

    /// Asks for one line, on standard error.
    pub(crate) fn prompt(&self, text: &str) {
        let mut stderr = anstream::stderr().lock();
        // A person who cannot be reached cannot be told either.
        let _ = write!(stderr, "{text}").and_then(|()| stderr.flush());
    }
}

const WARNING: anstyle::Style = anstyle::AnsiColor::Yellow.on_default().bold();

fn settle(format: Format, at_terminal: bool) -> Shape {
    match format {
        Format::Auto if at_terminal => Shape::Text,
        Format::Auto | Format::Jsonl => Shape::Jsonl,
        Format::Text => Shape::Text,
        Format::Json => Shape::Json,
        Format::Raw => Shape::Raw,
        Format::Table => Shape::Table,
    }
}

/// An array with an element a line.
fn array(objects: &[String]) -> String {
    if objects.is_empty() {
        return "[]\n".to_owned();
    }
    format!("[\n{}\n]\n", objects.join(",\n"))
}

fn write_stdout(data: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(data).and_then(|()| stdout.flush());
    written.map_err(|error| write_failure(&error))
}

fn write_failure(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Failure::OutputClosed
    } else {
        Failure::io(Reason::Io, "write standard output", error)
    }
}

fn stderr_line(text: &str) {
    let mut stderr = anstream::stderr().lock();
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(stderr, "{text}");
}

/// Resolves when nobody reads standard output any more; never, where that cannot be known. It costs a thread for as long as the
/// program runs: call it once.
pub(crate) async fn closed() {
    let watched = tokio::task::spawn_blocking(|| {
        let stdout = io::stdout();
        let mut watched = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
        loop {
            match poll(&mut watched, PollTimeout::NONE) {
                Err(Errno::EINTR) => {}
                Err(_) => return false,
                Ok(_) => {
                    let seen = watched[0].revents().unwrap_or(PollFlags::empty());
                    return seen.intersects(PollFlags::POLLERR | PollFlags::POLLHUP);
                }
            }
        }
    });
    if !watched.await.unwrap_or(false) {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_auto_depends_on_the_terminal() {
        for (format, at_terminal, in_pipe) in [
            (Format::Auto, Shape::Text, Shape::Jsonl),
            (Format::Text, Shape::Text, Shape::Text),
            (Format::Json, Shape::Json, Shape::Json),
            (Format::Jsonl, Shape::Jsonl, Shape::Jsonl),
            (Format::Raw, Shape::Raw, Shape::Raw),
            (Format::Table, Shape::Table, Shape::Table),
        ] {
            assert_eq!(
                (settle(format, true), settle(format, false)),
                (at_terminal, in_pipe)
            );
        }
    }

    #[test]
    fn arrays_are_valid_json() {
        for objects in [
            vec![],
            vec!["{\"a\":1}".to_owned()],
            vec!["{}".to_owned(), "{}".to_owned()],
        ] {
            let read: Vec<serde_json::Value> = serde_json::from_str(&array(&objects)).unwrap();
            assert_eq!(read.len(), objects.len());
        }
    }
}
