//! What is read: standard input, files that options name, and answers to questions.
//!
//! What may take long blocks a thread of its own, so that signals and time limits keep working.

mod passphrase;

pub(crate) use passphrase::{Asking, passphrase};

use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::output::progress::Progress;
use futures_util::stream::{self, Stream};
use mrpd_api::client::Bytes;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{SFlag, fstat};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

/// Bytes of a message's body, at most (protocol A9).
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// Bytes of a line of `--jsonl`: a body and what goes with it.
pub(crate) const MAX_LINE: usize = 2 * MAX_BODY;

/// Bytes of a file of contacts, at most.
const MAX_FILE: usize = 16 * MAX_BODY;

/// Bytes that are read at once.
const PIECE: usize = 64 * 1024;

/// Lines or pieces that are read ahead of what is done with them.
const READ_AHEAD: usize = 64;

/// How to send what is no body.
const AS_FILE: &str = "send it as a file: ... | mrpctl send TO -f - --filename NAME";

/// One line of standard input, or what is wrong with it.
pub(crate) type Line = Result<String, Failure>;

/// What a text is to be: one that cannot be that may still be sent in another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The body of a message.
    Body,
    /// One of many bodies, a line each.
    Line,
    /// Nothing that is sent.
    Other,
}

/// All of standard input, at most `limit` bytes of UTF-8.
pub(crate) async fn standard_input(limit: usize) -> Result<String, Failure> {
    piped(Purpose::Other, limit).await
}

/// What is there already is read at once: most often that is all, and a thread would take longer than the rest.
async fn piped(purpose: Purpose, limit: usize) -> Result<String, Failure> {
    let name = "standard input";
    let mut there = Vec::new();
    let is_whole = read_what_is_there(&mut io::stdin().lock(), &mut there, limit)
        .map_err(|error| Failure::io(Reason::Io, &format!("read {name}"), &error))?;
    if is_whole {
        return read_text(&*there, name, purpose, limit);
    }
    let source = move || io::Cursor::new(there).chain(io::stdin().lock());
    blocking(move || read_text(source(), name, purpose, limit)).await
}

/// Reads as long as that holds up nobody. Answers whether that was all, or more than is wanted.
fn read_what_is_there(
    source: &mut io::StdinLock<'_>,
    bytes: &mut Vec<u8>,
    limit: usize,
) -> io::Result<bool> {
    let kind = SFlag::from_bits_truncate(fstat(source.as_fd())?.st_mode & SFlag::S_IFMT.bits());
    // It always looks ready, and may be on another machine.
    if kind == SFlag::S_IFREG {
        return Ok(false);
    }
    while bytes.len() <= limit {
        let mut waiting = [PollFd::new(source.as_fd(), PollFlags::POLLIN)];
        match poll(&mut waiting, PollTimeout::ZERO) {
            Ok(0) => return Ok(false),
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let piece = match source.fill_buf() {
            Ok([]) => return Ok(true),
            Ok(piece) => piece,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        bytes.extend_from_slice(piece);
        let length = piece.len();
        source.consume(length);
    }
    Ok(true)
}

/// A message's text from standard input, one newline at its end removed.
pub(crate) async fn piped_text(context: &Context) -> Result<String, Failure> {
    if io::stdin().is_terminal() {
        if !context.is_interactive() {
            return Err(Failure::new(
                Reason::NoInput,
                "there is no message: no text was given and standard input is a terminal",
            )
            .fix("mrpctl send TO TEXT, or pipe something into it"));
        }
        context.output.note("Write the message, end with Ctrl-D.");
    }
    let mut text = piped(Purpose::Body, MAX_BODY).await?;
    let ending = if text.ends_with("\r\n") {
        2
    } else {
        usize::from(text.ends_with('\n'))
    };
    text.truncate(text.len() - ending);
    Ok(text)
}

/// What an option names: `-` is standard input, `@file` that file, anything else itself.
pub(crate) async fn argument(given: &str) -> Result<String, Failure> {
    match given.strip_prefix('@') {
        Some(path) => file(path, Purpose::Body, MAX_BODY).await,
        None if given == "-" => piped(Purpose::Body, MAX_BODY).await,
        None => Ok(given.to_owned()),
    }
}

/// A file, or standard input where it is `-`.
pub(crate) async fn file_or_standard_input(given: &str) -> Result<String, Failure> {
    if given == "-" {
        standard_input(MAX_FILE).await
    } else {
        file(given, Purpose::Other, MAX_FILE).await
    }
}

/// A file, or standard input, to be read piece by piece.
#[derive(Debug)]
pub(crate) struct Source {
    file: File,
    /// How much it will be, where that is known.
    pub(crate) length: Option<u64>,
}

/// Opens a file, or standard input where it is `-`. A terminal is no source of files.
pub(crate) async fn open(given: &str) -> Result<Source, Failure> {
    let cannot = |error: io::Error| Failure::io(Reason::NoInput, "read standard input", &error);
    if given != "-" {
        return open_path(Path::new(given)).await;
    }
    if io::stdin().is_terminal() {
        let text = "there is nothing to read: standard input is a terminal";
        return Err(Failure::new(Reason::NoInput, text).fix("name a file, or pipe one into it"));
    }
    let file = io::stdin().as_fd().try_clone_to_owned().map(File::from);
    file.and_then(Source::of).map_err(cannot)
}

/// Opens a file. A pipe that has a name takes until somebody writes into it.
pub(crate) async fn open_path(path: &Path) -> Result<Source, Failure> {
    let path = path.to_owned();
    blocking(move || {
        let file = File::open(&path).and_then(Source::of);
        file.map_err(|error| not_opened(&path, &error))
    })
    .await
}

/// Says why a file cannot be read by the program that it is for. A pipe is left to that one: who opens it has what is in it.
pub(crate) async fn check_readable(path: &Path) -> Result<(), Failure> {
    let path = path.to_owned();
    blocking(move || {
        let is_pipe = std::fs::metadata(&path).is_ok_and(|metadata| metadata.file_type().is_fifo());
        if is_pipe {
            return Ok(());
        }
        let opened = File::open(&path).map(drop);
        opened.map_err(|error| not_opened(&path, &error))
    })
    .await
}

fn not_opened(path: &Path, error: &io::Error) -> Failure {
    let shown = path.display();
    match error.kind() {
        io::ErrorKind::IsADirectory => Failure::new(
            Reason::NoInput,
            format!("cannot read {shown}: it is a folder"),
        )
        .fix("pack it first, for example with tar"),
        _ => Failure::io(Reason::NoInput, &format!("read {shown}"), error),
    }
}

impl Source {
    /// An open file, from where it stands.
    pub(crate) fn of(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(Self {
            length: metadata.is_file().then_some(metadata.len()),
            file,
        })
    }

    /// The bytes as they are taken, which tell how far they have come.
    pub(crate) fn pieces(
        mut self,
        progress: Progress,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let (sender, receiver) = mpsc::channel(READ_AHEAD);
        tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; PIECE];
            loop {
                let read = match self.file.read(&mut piece) {
                    Ok(0) => return,
                    Ok(length) => Ok(Bytes::copy_from_slice(&piece[..length])),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let is_last = read.is_err();
                if sender.blocking_send(read).is_err() || is_last {
                    return;
                }
            }
        });
        // A bar goes with whoever takes the pieces, however that ends: the thread above may be left behind.
        stream::unfold(
            (receiver, Some(progress)),
            async |(mut receiver, progress)| {
                let Some(piece) = receiver.recv().await else {
                    progress.into_iter().for_each(Progress::finish);
                    return None;
                };
                let told = progress.filter(|_| piece.is_ok()).map(|mut progress| {
                    progress.add(piece.as_ref().map_or(0, |piece| piece.len() as u64));
                    progress
                });
                Some((piece, (receiver, told)))
            },
        )
    }
}

async fn file(path: &str, purpose: Purpose, limit: usize) -> Result<String, Failure> {
    let path = path.to_owned();
    blocking(move || {
        let file = std::fs::File::open(&path)
            .map_err(|error| Failure::io(Reason::NoInput, &format!("read {path}"), &error))?;
        read_text(file, &path, purpose, limit)
    })
    .await
}

/// The SHA-256 of all of standard input, however long it is.
pub(crate) async fn standard_input_hash() -> Result<[u8; 32], Failure> {
    blocking(|| {
        let mut hash = Sha256::new();
        let mut source = io::stdin().lock();
        loop {
            let piece = source
                .fill_buf()
                .map_err(|error| Failure::io(Reason::Io, "read standard input", &error))?;
            if piece.is_empty() {
                return Ok(hash.finalize().into());
            }
            hash.update(piece);
            let length = piece.len();
            source.consume(length);
        }
    })
    .await
}

/// A secret from a file or, where it is `-`, from standard input: at most `limit` bytes, wiped when dropped.
pub(crate) async fn secret(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let path = path.to_owned();
    blocking(move || {
        let doing = format!("read {}", path.display());
        // It never grows, so no copy of it stays behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 1));
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        let read = if path == Path::new("-") {
            io::stdin().lock().take(most).read_to_end(&mut bytes)
        } else {
            std::fs::File::open(&path).and_then(|file| file.take(most).read_to_end(&mut bytes))
        };
        read.map_err(|error| Failure::io(Reason::NoInput, &doing, &error))?;
        if bytes.len() > limit {
            let message = format!(
                "{} is too large: at most {limit} bytes are read",
                path.display()
            );
            return Err(Failure::new(Reason::BadData, message));
        }
        Ok(bytes)
    })
    .await
}

/// Refuses a file with a secret that others can read. What is no file, such as standard input or a pipe, is nobody else's to read.
pub(crate) fn check_private(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt as _;
    // A file that is missing is told by whoever reads it.
    let Ok(metadata) = path.metadata() else {
        return Ok(());
    };
    let mode = metadata.mode() & 0o777;
    if !metadata.is_file() || mode & 0o077 == 0 {
        return Ok(());
    }
    let shown = path.display();
    let text = format!("{shown} can be read by others (mode {mode:03o})");
    Err(Failure::new(Reason::NotPermitted, text).fix(format!(
        "chmod 600 {shown}        (if others may have read it, use another secret)"
    )))
}

/// The lines of standard input as they come.
pub(crate) fn lines() -> mpsc::Receiver<Line> {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut source = io::stdin().lock();
        while let Some(line) = next_line(&mut source, MAX_LINE) {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Asks a question on standard error; nothing where there is nobody to ask, or no answer.
pub(crate) async fn ask(context: &Context, question: &str) -> Result<Option<String>, Failure> {
    if !context.may_ask() {
        return Ok(None);
    }
    context.output.prompt(question);
    let answer = blocking(|| {
        let mut answer = String::new();
        io::stdin()
            .lock()
            .read_line(&mut answer)
            .map_err(|error| Failure::io(Reason::Io, "read the answer", &error))?;
        Ok(answer)
    })
    .await?;
    let answer = answer.trim();
    Ok((!answer.is_empty()).then(|| answer.to_owned()))
}

/// Whether a person says yes to what cannot be undone. Where there is nobody to ask, what was typed is meant.
pub(crate) async fn confirmed(context: &Context, question: &str) -> Result<bool, Failure> {
    if !context.may_ask() {
        return Ok(true);
    }
    let answer = ask(context, question).await?;
    let is_meant = answer.is_some_and(|answer| answer.to_lowercase().starts_with('y'));
    if !is_meant {
        context.output.note("nothing was removed");
    }
    Ok(is_meant)
}

/// Has a thread of its own do what takes long.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Failure::new(Reason::Internal, error.to_string())))
}

fn read_text(
    source: impl io::Read,
    name: &str,
    purpose: Purpose,
    limit: usize,
) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    source
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::io(Reason::Io, &format!("read {name}"), &error))?;
    if bytes.len() > limit {
        return Err(too_large(name, purpose, limit));
    }
    String::from_utf8(bytes).map_err(|_| not_text(name, purpose))
}

/// The next line without its newline; a line that cannot be used is passed over whole.
fn next_line(source: &mut impl io::BufRead, limit: usize) -> Option<Line> {
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    match source.by_ref().take(most).read_until(b'\n', &mut bytes) {
        Ok(0) => return None,
        Ok(_) => {}
        Err(error) => return Some(Err(Failure::io(Reason::Io, "read standard input", &error))),
    }
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    } else if bytes.len() > limit {
        let skipped = source.skip_until(b'\n');
        return Some(Err(match skipped {
            Ok(_) => too_large("the line", Purpose::Line, limit),
            Err(error) => Failure::io(Reason::Io, "read standard input", &error),
        }));
    }
    Some(String::from_utf8(bytes).map_err(|_| not_text("the line", Purpose::Line)))
}

pub(crate) fn too_large(name: &str, purpose: Purpose, limit: usize) -> Failure {
    let most = match purpose {
        Purpose::Body | Purpose::Line => "a message's body has",
        Purpose::Other => "it may have",
    };
    let message = format!("{name} is too large: {most} at most {limit} bytes");
    let failure = Failure::new(Reason::BadData, message);
    match purpose {
        Purpose::Body => failure.fix(AS_FILE),
        Purpose::Line => failure.fix("send it in parts, or as a file: mrpctl send TO -f FILE"),
        Purpose::Other => failure,
    }
}

fn not_text(name: &str, purpose: Purpose) -> Failure {
    let failure = Failure::new(Reason::BadData, format!("{name} is not UTF-8 text"));
    match purpose {
        Purpose::Body => failure.fix(AS_FILE),
        Purpose::Line => failure.fix("encode it first, for example with base64"),
        Purpose::Other => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_up_to_the_limit_and_not_beyond() {
        let read = |bytes: &[u8], purpose| read_text(bytes, "x", purpose, 3);
        assert_eq!(read(b"abc", Purpose::Body), Ok("abc".to_owned()));
        for bytes in [&b"abcd"[..], b"\xff"] {
            for (purpose, hint) in [(Purpose::Body, Some(AS_FILE)), (Purpose::Other, None)] {
                let failure = read(bytes, purpose).unwrap_err();
                let detail = &failure.told().unwrap().detail;
                assert_eq!(
                    (detail.exit, detail.hint.as_deref()),
                    (65, hint),
                    "{bytes:?}"
                );
            }
        }
    }

    #[test]
    fn lines_are_cut_and_bad_ones_cost_no_other() {
        let mut source = &b"one\r\n\ntoo long\nb\xffd\nlast"[..];
        let mut read = Vec::new();
        while let Some(line) = next_line(&mut source, 5) {
            read.push(line.map_err(|failure| failure.exit()));
        }
        assert_eq!(
            read,
            [
                Ok("one".to_owned()),
                Ok(String::new()),
                Err(65),
                Err(65),
                Ok("last".to_owned())
            ]
        );
    }

    #[test]
    fn a_line_of_just_the_limit_fits() {
        assert_eq!(
            next_line(&mut &b"12345\n1"[..], 5),
            Some(Ok("12345".to_owned()))
        );
        assert_eq!(
            next_line(&mut &b"12345"[..], 5),
            Some(Ok("12345".to_owned()))
        );
    }
}
