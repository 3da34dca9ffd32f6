//! Everything that is written. Standard output carries only what was asked for; all else goes to standard error.
//!
//! Text for people is escaped (see [`escape`]) and may be coloured; machine formats are neither, and are the same at a
//! terminal and in a pipe. This is the only place that prints.

pub(crate) mod escape;
mod failure;
mod fields;
mod filter;
pub(crate) mod message;
pub(crate) mod progress;
pub(crate) mod qr;
mod table;

pub(crate) use failure::{Audience, report_unread};
pub(crate) use filter::guard::end_stuck_filters;
pub(crate) use table::{Table, pairs};

use crate::cli::{Format, Global, ProgressWhen, When};
use crate::exit::{Failure, Reason};
use anstream::ColorChoice;
use fields::Fields;
use filter::Filter;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;

/// Longest line that is taken apart.
pub(crate) const MOST_LINE: usize = 8 * 1024 * 1024;

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
    progress: ProgressWhen,
    /// `--jq` or `--format`. Then the shape is lines, for that is what they write.
    filter: Option<Filter>,
    audience: Audience,
    quiet: bool,
    verbose: u8,
}

impl Output {
    /// # Errors
    /// A mistake in `--jq` or `--format`.
    pub(crate) fn new(global: &Global) -> Result<Self, Failure> {
        match global.color {
            When::Auto => {}
            When::Always => ColorChoice::Always.write_global(),
            When::Never => ColorChoice::Never.write_global(),
        }
        let format = format_of(global);
        let audience = audience(format);
        let filter = Filter::new(global.jq.as_deref(), global.format.as_deref(), audience)?;
        let shape = match filter {
            Some(_) => Shape::Jsonl,
            None => settle(format, Place::of_stdout()),
        };
        Ok(Self {
            shape,
            is_auto: format == Format::Auto && filter.is_none(),
            fields: Fields::new(&global.fields),
            progress: global.progress,
            filter,
            audience,
            quiet: global.quiet,
            verbose: global.verbose,
        })
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// Whether no format was named.
    pub(crate) fn is_auto(&self) -> bool {
        self.is_auto
    }

    /// Whether nothing at all was said of how data is to be written: then what is made to be piped on is written as it is.
    pub(crate) fn is_bare(&self) -> bool {
        self.is_auto && !self.has_form()
    }

    /// Whether something is drawn for people where that was asked for: at a terminal and in a pipe, but in no form and no other
    /// format than text.
    pub(crate) fn draws(&self) -> bool {
        !self.has_form() && (self.is_auto || self.shape == Shape::Text)
    }

    /// Whether JSON is wanted in another form than it has: some fields of it, filtered, or as a template says.
    pub(crate) fn has_form(&self) -> bool {
        self.filter.is_some() || self.has_fields()
    }

    /// JSON that came as it is, in the form that is wanted: of a list each element, as of every list.
    pub(crate) fn json_document(&self, document: &[u8]) -> Result<(), Failure> {
        let unreadable = |error: serde_json::Error| {
            let what = format!("the answer is not JSON: {error}");
            Failure::new(Reason::Internal, what)
        };
        let is_list = document.trim_ascii_start().starts_with(b"[");
        let elements: Vec<&RawValue> = if is_list {
            serde_json::from_slice(document).map_err(unreadable)?
        } else {
            vec![serde_json::from_slice(document).map_err(unreadable)?]
        };
        for element in elements {
            self.bytes(self.line(element.get())?)?;
        }
        Ok(())
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
            (Shape::Json | Shape::Jsonl, _) => self.bytes(self.json_line(value)?),
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
                for value in values {
                    self.bytes(self.json_line(value)?)?;
                }
                Ok(())
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

    /// An object as a line of JSON, or what `--jq` or `--format` make of it.
    pub(crate) fn json_line<T: Serialize>(&self, value: &T) -> Result<String, Failure> {
        self.line(&self.raw_json(value)?)
    }

    /// An object's JSON, with the fields that were asked for.
    fn json<T: Serialize>(&self, value: &T) -> Result<String, Failure> {
        Ok(self.select(&self.raw_json(value)?)?.into_owned())
    }

    /// A JSON object as a line, or the lines that `--jq` or `--format` make of it.
    pub(crate) fn line(&self, object: &str) -> Result<String, Failure> {
        match self.filtered(object)? {
            Some(lines) => Ok(lines),
            None => Ok(self.select(object)?.into_owned() + "\n"),
        }
    }

    /// What `--jq` or `--format` make of a JSON object, if one of them was given.
    pub(crate) fn filtered(&self, object: &str) -> Result<Option<String>, Failure> {
        let apply = |filter: &Filter| filter.apply(&self.select(object)?);
        self.filter.as_ref().map(apply).transpose()
    }

    /// A JSON object as it is, but for the fields that were not asked for.
    pub(crate) fn select<'a>(&self, object: &'a str) -> Result<Cow<'a, str>, Failure> {
        if self.fields.is_empty() {
            Ok(Cow::Borrowed(object))
        } else {
            Ok(Cow::Owned(self.fields.keep(object)?))
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

    /// Text for people as it goes to standard output: without its colours where they are not wanted.
    pub(crate) fn for_stdout(&self, text: String) -> String {
        match anstream::AutoStream::choice(&io::stdout()) {
            ColorChoice::Never => anstream::adapter::strip_str(&text).to_string(),
            ColorChoice::Auto | ColorChoice::AlwaysAnsi | ColorChoice::Always => text,
        }
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
            warn(text);
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
        tell(failure, self.audience);
    }

    /// Asks for one line, on standard error.
    pub(crate) fn prompt(&self, text: &str) {
        let mut stderr = anstream::stderr().lock();
        // A person who cannot be reached cannot be told either.
        let _ = write!(stderr, "{text}").and_then(|()| stderr.flush());
    }
}

/// Something is wrong, and it goes on.
pub(crate) fn warn(text: &str) {
    stderr_line(&format!(
        "{WARNING}warning:{WARNING:#} {}",
        escape::line(text)
    ));
}

/// Tells why nothing was begun, where the output is not settled.
pub(crate) fn report(failure: &Failure, global: &Global) {
    tell(failure, audience(format_of(global)));
}

fn tell(failure: &Failure, audience: Audience) {
    if let Some(told) = failure.told() {
        stderr_line(&failure::render(told, audience));
    }
}

fn format_of(global: &Global) -> Format {
    if global.json {
        Format::Json
    } else {
        global.output
    }
}

/// Who named a format for programs has a program read the errors too.
fn audience(format: Format) -> Audience {
    match format {
        Format::Json | Format::Jsonl => Audience::Programs,
        _ => Audience::People,
    }
}

const WARNING: anstyle::Style = anstyle::AnsiColor::Yellow.on_default().bold();

/// Where standard output leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Terminal,
    Pipe,
}

impl Place {
    fn of_stdout() -> Self {
        if io::stdout().is_terminal() {
            Self::Terminal
        } else {
            Self::Pipe
        }
    }
}

fn settle(format: Format, place: Place) -> Shape {
    match (format, place) {
        (Format::Auto, Place::Terminal) | (Format::Text, _) => Shape::Text,
        (Format::Auto, Place::Pipe) | (Format::Jsonl, _) => Shape::Jsonl,
        (Format::Json, _) => Shape::Json,
        (Format::Raw, _) => Shape::Raw,
        (Format::Table, _) => Shape::Table,
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
                (settle(format, Place::Terminal), settle(format, Place::Pipe)),
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
