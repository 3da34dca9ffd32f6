//! Messages in the form that was asked for, each written whole before the next.

use crate::context::Context;
use crate::exit::Failure;
use crate::output::message::{MessageText, bare};
use crate::output::{Output, Shape, Table};
use mrpd_api::client::MessageLine;

pub(super) struct Sink<'a> {
    output: &'a Output,
    form: Form,
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
    Table(Box<Table>, Option<MessageText>),
}

impl<'a> Sink<'a> {
    pub(super) fn new(context: &'a Context) -> Self {
        let output = &context.output;
        let form = match (output.shape(), output.has_fields()) {
            (Shape::Json, _) => Form::Array(0),
            (Shape::Jsonl, _) => Form::Lines,
            (Shape::Table, true) => Form::Table(Box::new(Table::new(&output.field_names())), None),
            (Shape::Table, false) => {
                let text = MessageText::local();
                Form::Table(Box::new(text.table()), Some(text))
            }
            (Shape::Text | Shape::Raw, true) => Form::Fields,
            (Shape::Text, false) => Form::Text(MessageText::local()),
            (Shape::Raw, false) => Form::Raw,
        };
        Self { output, form }
    }

    pub(super) async fn write(&mut self, line: &MessageLine) -> Result<(), Failure> {
        let MessageLine { raw, message } = line;
        let data = match &mut self.form {
            Form::Text(text) => return self.output.text(&text.line(message)),
            Form::Fields => return self.output.text(&self.output.cells(raw)?.join("\t")),
            Form::Table(table, text) => {
                table.row(match text {
                    Some(text) => text.cells(message),
                    None => self.output.cells(raw)?,
                });
                return Ok(());
            }
            Form::Array(elements) => {
                let before = if *elements == 0 { "[" } else { "," };
                *elements += 1;
                format!("{before}\n{}", self.output.select(raw.clone())?)
            }
            Form::Lines => self.output.select(raw.clone())? + "\n",
            Form::Raw => format!("{}\n", bare(message)),
        };
        self.output.stream(data.into_bytes()).await
    }

    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        match std::mem::replace(&mut self.form, Form::Lines) {
            Form::Array(0) => self.output.bytes("[]\n"),
            Form::Array(_) => self.output.bytes("\n]\n"),
            Form::Table(table, _) => self.output.text(&table.to_string()),
            Form::Text(_) | Form::Fields | Form::Lines | Form::Raw => Ok(()),
        }
    }
}

/// An array is closed however the command ends: at Ctrl-C too.
impl Drop for Sink<'_> {
    fn drop(&mut self) {
        if matches!(self.form, Form::Array(_)) {
            // Nobody is left to be told.
            let _ = self.finish();
        }
    }
}
