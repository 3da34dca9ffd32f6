//! The output of a command: it passes through as it is, and the last lines of it are kept.

use crate::cli::running::Run as Flags;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{Seek as _, Write as _};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, ChildStderr, ChildStdout};

const PIECE: usize = 16 << 10;
/// Bytes of the last lines together, and so of each of them, at most.
const KEPT: usize = 16 << 10;
/// Bytes of the file with all of the output, at most.
const LARGEST_FILE: u64 = 25 << 20;

pub(super) struct Passing<'a> {
    context: &'a Context,
    stdout: RefCell<Option<ChildStdout>>,
    stderr: RefCell<Option<ChildStderr>>,
    last: RefCell<LastLines>,
    file: RefCell<Option<(File, u64)>>,
}

impl<'a> Passing<'a> {
    pub(super) fn of(
        child: &mut Child,
        context: &'a Context,
        flags: &Flags,
    ) -> Result<Self, Failure> {
        let file = match flags.attach_output {
            true => {
                let file = tempfile::tempfile_in(&context.variables.temporary);
                let file = file.map_err(|error| {
                    Failure::io(Reason::CannotCreate, "write a temporary file", &error)
                })?;
                Some((file, LARGEST_FILE))
            }
            false => None,
        };
        Ok(Self {
            context,
            stdout: RefCell::new(child.stdout.take()),
            stderr: RefCell::new(child.stderr.take()),
            last: RefCell::new(LastLines::new(flags.tail)),
            file: RefCell::new(file),
        })
    }

    /// Passes both outputs on until they are closed.
    pub(super) async fn run(&self) {
        let (stdout, stderr) = (self.stdout.take(), self.stderr.take());
        tokio::join!(
            self.pass(stdout, Stream::Out),
            self.pass(stderr, Stream::Error)
        );
    }

    async fn pass(&self, source: Option<impl AsyncRead + Unpin>, stream: Stream) {
        let Some(mut source) = source else { return };
        let mut piece = vec![0; PIECE];
        // A stream that fails has ended, as far as anybody here can tell.
        while let Ok(read @ 1..) = source.read(&mut piece).await {
            let bytes = &piece[..read];
            self.last.borrow_mut().take(stream, bytes);
            self.keep(bytes);
            let output = &self.context.output;
            // Where nobody reads it any more, the command still runs to its end.
            let _ = match stream {
                Stream::Out => output.stream(bytes.to_vec()).await,
                Stream::Error => output.stream_diagnostics(bytes.to_vec()).await,
            };
        }
    }

    fn keep(&self, bytes: &[u8]) {
        let mut kept = self.file.borrow_mut();
        let Some((file, room)) = kept.as_mut() else {
            return;
        };
        let fitting = bytes
            .len()
            .min(usize::try_from(*room).unwrap_or(usize::MAX));
        *room -= fitting as u64;
        if file.write_all(&bytes[..fitting]).is_err() {
            *room = 0;
        }
    }

    /// The last lines so far.
    pub(super) fn last_lines(&self) -> String {
        self.last.borrow().text()
    }

    /// The file with all of the output, from its beginning.
    pub(super) fn file(&self) -> Option<File> {
        let (mut file, _) = self.file.take()?;
        file.rewind().ok()?;
        Some(file)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Out,
    Error,
}

/// The last lines of two streams, in the order in which they came.
#[derive(Debug)]
struct LastLines {
    most: usize,
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Of each stream, what has no end of line yet.
    open: [Vec<u8>; 2],
}

impl LastLines {
    fn new(most: usize) -> Self {
        Self {
            most,
            lines: VecDeque::new(),
            bytes: 0,
            open: Default::default(),
        }
    }

    fn take(&mut self, stream: Stream, bytes: &[u8]) {
        let place = usize::from(stream == Stream::Error);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            let open = &mut self.open[place];
            let room = KEPT.saturating_sub(open.len());
            open.extend_from_slice(&text[..text.len().min(room)]);
            if ends {
                let line = std::mem::take(open);
                self.push(line);
            }
        }
    }

    fn push(&mut self, line: Vec<u8>) {
        self.bytes += line.len() + 1;
        self.lines.push_back(line);
        while self.lines.len() > self.most || self.bytes > KEPT {
            let Some(line) = self.lines.pop_front() else {
                return;
            };
            self.bytes -= line.len() + 1;
        }
    }

    fn text(&self) -> String {
        let open = self.open.iter().filter(|open| !open.is_empty());
        let all: Vec<&Vec<u8>> = self.lines.iter().chain(open).collect();
        let last = &all[all.len().saturating_sub(self.most)..];
        let lines: Vec<_> = last
            .iter()
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect();
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_both_streams_are_kept_whole() {
        let mut last = LastLines::new(3);
        last.take(Stream::Out, b"one\ntw");
        last.take(Stream::Error, b"warning\n");
        last.take(Stream::Out, b"o\nthree\nfo");
        assert_eq!(last.text(), "two\nthree\nfo");
        let mut none = LastLines::new(0);
        none.take(Stream::Out, b"one\ntwo");
        assert_eq!(none.text(), "");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut last = LastLines::new(1_000_000);
        for _ in 0..10_000 {
            last.take(Stream::Out, b"0123456789\n");
        }
        assert!(last.text().len() <= KEPT);
        last.take(Stream::Out, &vec![b'x'; 1 << 20]);
        assert!(last.text().len() <= 2 * KEPT + 1);
    }
}
