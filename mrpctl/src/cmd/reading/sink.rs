//! Messages in the form that was asked for, each whole. Many that come at once are written at once.

use crate::context::Context;
use crate::exit::Failure;
use crate::output::message::{MessageText, bare};
use crate::output::{Output, Shape, Table};
use mrpd_api::client::{Client, RawLine};

/// Bytes that are kept back at most while more messages are at hand.
const ENOUGH: usize = 64 * 1024;

pub(super) struct Sink<'a> {
    output: &'a Output,
    form: Form,
    buffer: Vec<u8>,
}

enum Form {
    /// For people, a message a line.
    Text(MessageText),
    /// The fields that were asked for, a message a line.
    Fields,
    /// One JSON array; how many elements it has by now.
    Array(u64),
    Lines,
    Raw,
    Table(Box<Table>, Cells),
}

/// What stands in a table.
enum Cells {
    /// Every message's place, time, sender, kind and text.
    Whole(MessageText),
    /// The same, for a list: how it stands, and the beginning of its text.
    Listed(MessageText),
    /// The fields that were asked for.
    Fields,
}

impl<'a> Sink<'a> {
    pub(super) fn new(context: &'a Context) -> Self {
        Self::of(context, context.output.shape())
    }

    /// For a list: people get a table.
    pub(super) fn listing(context: &'a Context) -> Self {
        let output = &context.output;
        match output.shape() {
            Shape::Text if output.has_fields() => Self::of(context, Shape::Table),
            Shape::Text | Shape::Table if !output.has_fields() => {
                let text = MessageText::for_lists();
                let table = Box::new(text.list());
                Self::with(output, Form::Table(table, Cells::Listed(text)))
            }
            shape => Self::of(context, shape),
        }
    }

    /// For a file: lines of JSON, unless another form was named.
    pub(super) fn archive(context: &'a Context) -> Self {
        if context.output.is_auto() {
            Self::with(&context.output, Form::Lines)
        } else {
            Self::new(context)
        }
    }

    /// Names the recipients of what was sent, where people read it. Without the daemon's help they go by their keys.
    pub(super) async fn naming(mut self, client: &Client) -> Self {
        if let Form::Text(text) | Form::Table(_, Cells::Whole(text) | Cells::Listed(text)) =
            &mut self.form
        {
            text.know(&client.contacts().await.unwrap_or_default());
        }
        self
    }

    fn of(context: &'a Context, shape: Shape) -> Self {
        let output = &context.output;
        let form = match (shape, output.has_fields()) {
            (Shape::Json, _) => Form::Array(0),
            (Shape::Jsonl, _) => Form::Lines,
            (Shape::Table, true) => {
                Form::Table(Box::new(Table::new(&output.field_names())), Cells::Fields)
            }
            (Shape::Table, false) => {
                let text = MessageText::local();
                Form::Table(Box::new(text.table()), Cells::Whole(text))
            }
            (Shape::Text | Shape::Raw, true) => Form::Fields,
            (Shape::Text, false) => Form::Text(MessageText::local()),
            (Shape::Raw, false) => Form::Raw,
        };
        Self::with(output, form)
    }

    fn with(output: &'a Output, form: Form) -> Self {
        Self {
            output,
            form,
            buffer: Vec::new(),
        }
    }

    /// Takes a message; it is written by [`Sink::flush`] at the latest.
    pub(super) fn take(&mut self, line: &RawLine) -> Result<(), Failure> {
        let raw = line.raw.as_str();
        match &mut self.form {
            Form::Text(text) => {
                let text = self.output.for_stdout(text.line(&line.message()?));
                self.buffer.extend_from_slice(text.as_bytes());
            }
            Form::Fields => self.put(&[&self.output.cells(raw)?.join("\t"), "\n"]),
            Form::Table(table, cells) => table.row(match cells {
                Cells::Whole(text) => text.cells(&line.message()?),
                Cells::Listed(text) => text.list_cells(&line.message()?),
                Cells::Fields => self.output.cells(raw)?,
            }),
            Form::Array(elements) => {
                let before = if *elements == 0 { "[\n" } else { ",\n" };
                *elements += 1;
                self.put(&[before, &self.output.select(raw)?]);
            }
            Form::Lines => match self.output.filtered(raw)? {
                Some(lines) => self.put(&[&lines]),
                None => self.put(&[&self.output.select(raw)?, "\n"]),
            },
            Form::Raw => self.put(&[bare(&line.message()?), "\n"]),
        }
        Ok(())
    }

    fn put(&mut self, parts: &[&str]) {
        for part in parts {
            self.buffer.extend_from_slice(part.as_bytes());
        }
    }

    /// Whether it is time to write.
    pub(super) fn is_full(&self) -> bool {
        self.buffer.len() >= ENOUGH
    }

    /// Writes what was taken.
    pub(super) async fn flush(&mut self) -> Result<(), Failure> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.output.stream(std::mem::take(&mut self.buffer)).await
    }

    /// Writes all, and what belongs behind the last message.
    pub(super) async fn finish(mut self) -> Result<(), Failure> {
        self.close();
        self.flush().await
    }

    fn close(&mut self) {
        match std::mem::replace(&mut self.form, Form::Lines) {
            Form::Array(0) => self.put(&["[]\n"]),
            Form::Array(_) => self.put(&["\n]\n"]),
            Form::Table(table, _) => {
                let text = self.output.for_stdout(table.to_string());
                self.put(&[&text]);
            }
            Form::Text(_) | Form::Fields | Form::Lines | Form::Raw => {}
        }
    }
}

/// An array is closed however the command ends: at Ctrl-C too.
impl Drop for Sink<'_> {
    fn drop(&mut self) {
        if matches!(self.form, Form::Array(_)) {
            self.close();
            // Nobody is left to be told.
            let _ = self.output.bytes(std::mem::take(&mut self.buffer));
        }
    }
}
