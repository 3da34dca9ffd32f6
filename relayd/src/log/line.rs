//! What a line of the log looks like, and that it is one.

use std::fmt;
use std::io::{self, Write};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

/// Writes one event, which comes at once and ends with a line break, and escapes every other control character in it.
#[derive(Debug)]
pub(super) struct OneLine<W> {
    inner: W,
    /// The library's own colours begin with an escape character; in what it is given it escapes that itself.
    is_coloured: bool,
}

impl<W: Write> OneLine<W> {
    pub(super) fn new(inner: W, is_coloured: bool) -> Self {
        Self { inner, is_coloured }
    }

    fn is_plain(&self, character: char) -> bool {
        !character.is_control() && !is_bidirectional(character)
            || (self.is_coloured && character == '\u{1b}')
    }
}

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        if line.chars().all(|character| self.is_plain(character)) {
            self.inner.write_all(event)?;
            return Ok(event.len());
        }
        let mut escaped = String::with_capacity(text.len() + 16);
        for character in line.chars() {
            if self.is_plain(character) {
                escaped.push(character);
            } else {
                // As JSON has it, so that a line of JSON stays one.
                escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
        }
        escaped.push('\n');
        self.inner.write_all(escaped.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Characters that change the order in which others are shown.
fn is_bidirectional(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Lines for the journal: each begins with its priority (sd-daemon(3)).
#[derive(Debug)]
pub(super) struct JournalLines<F>(pub(super) F);

impl<S, N, F> FormatEvent<S, N> for JournalLines<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        write!(writer, "<{}>", priority(*event.metadata().level()))?;
        self.0.format_event(context, writer, event)
    }
}

/// As syslog counts: 3 is an error, 7 is for finding faults.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::fmt::format::Format;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Kept {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn written(line: &str, is_coloured: bool) -> String {
        let kept = Kept::default();
        let mut writer = OneLine::new(kept.clone(), is_coloured);
        assert_eq!(writer.write(line.as_bytes()).unwrap(), line.len());
        kept.text()
    }

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(written("plain ü €\n", false), "plain ü €\n");
        assert_eq!(
            written("a\nb\rc\td\n", false),
            "a\\u000ab\\u000dc\\u0009d\n"
        );
        assert_eq!(
            written("x\u{1b}[2Jy\u{9b}z\u{7f}\n", false),
            "x\\u001b[2Jy\\u009bz\\u007f\n"
        );
        assert_eq!(written("a\u{202e}b\n", false), "a\\u202eb\n");
        assert_eq!(
            written("\u{1b}[31mred\u{1b}[0m\n", true),
            "\u{1b}[31mred\u{1b}[0m\n"
        );
        assert_eq!(
            written("\u{1b}[31mred\nnot\n", true),
            "\u{1b}[31mred\\u000anot\n"
        );
    }

    #[test]
    fn what_a_peer_says_cannot_make_a_second_line() {
        let hostile = "bad\n{\"level\":\"ERROR\"}\n\u{1b}[2J";
        let kept = Kept::default();
        let out = kept.clone();
        let text = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || OneLine::new(out.clone(), false))
            .finish();
        tracing::subscriber::with_default(text, || tracing::info!(error = %hostile, "{hostile}"));
        let out = kept.clone();
        let json = tracing_subscriber::fmt()
            .json()
            .with_writer(move || OneLine::new(out.clone(), false))
            .finish();
        tracing::subscriber::with_default(json, || tracing::info!(error = %hostile, "{hostile}"));
        let text = kept.text();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        let event: serde_json::Value = serde_json::from_str(lines[1]).unwrap();
        assert_eq!(event["fields"]["error"], hostile);
    }

    #[test]
    fn the_journal_gets_priorities_and_no_times() {
        let kept = Kept::default();
        let out = kept.clone();
        let lines = JournalLines(Format::default().without_time().with_ansi(false));
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .event_format(lines)
            .with_writer(move || out.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::error!("one");
            tracing::info!("two");
        });
        let text = kept.text();
        let lines: Vec<_> = text.lines().collect();
        assert!(
            lines[0].starts_with("<3>ERROR ") && lines[0].ends_with("one"),
            "{text}"
        );
        assert!(
            lines[1].starts_with("<6> INFO ") && lines[1].ends_with("two"),
            "{text}"
        );
    }
}
