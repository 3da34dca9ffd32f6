//! One line for each event, whatever a relay has put into the words of an error.

use std::io::{self, Write};
use tracing_subscriber::fmt::MakeWriter;

/// Makes writers that write each event as one line, its control characters escaped.
#[derive(Debug, Clone, Copy)]
pub(super) struct EscapedStderr;

impl<'a> MakeWriter<'a> for EscapedStderr {
    type Writer = Escaped<io::Stderr>;

    fn make_writer(&'a self) -> Self::Writer {
        Escaped(io::stderr())
    }
}

impl<W: Write> Escaped<W> {
    /// To be written there.
    pub(super) fn to(output: W) -> Self {
        Self(output)
    }
}

/// Escapes what it is given to write, but for the line's end. Events come whole.
#[derive(Debug)]
pub(super) struct Escaped<W>(W);

impl<W: Write> Write for Escaped<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let line = escape(&String::from_utf8_lossy(event));
        self.0.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn escape(event: &str) -> String {
    let mut line = String::with_capacity(event.len() + 1);
    for letter in event.trim_end_matches('\n').chars() {
        if letter.is_control() {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_and_commands_no_terminal() {
        let mut written = Vec::new();
        let event = b"error=no\n2026-01-01 ERROR forged \x1b[31m\xc2\x9b31m \xff\xc3\xbc\n";
        assert_eq!(Escaped(&mut written).write(event).unwrap(), event.len());
        assert_eq!(
            String::from_utf8(written).unwrap(),
            "error=no\\n2026-01-01 ERROR forged \\u{1b}[31m\\u{9b}31m \u{fffd}\u{fc}\n"
        );
    }
}
