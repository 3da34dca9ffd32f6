//! Messages as they come: one JSON object a line, cut out of the answer's chunks.

use super::error::ClientError;
use crate::message::Message;
use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::Stream;
use hyper::body::{Body as _, Incoming};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Longest line that is read. A message of protocol A4 with its largest body stays well below.
const MAX_LINE: usize = 8 * 1024 * 1024;

/// A message, with its text as the daemon wrote it: that has the fields which this version does not know.
#[derive(Debug, Clone)]
pub struct MessageLine {
    /// The JSON, without a newline.
    pub raw: String,
    /// What it says.
    pub message: Message,
}

impl MessageLine {
    /// Reads a line.
    ///
    /// # Errors
    /// [`ClientError::Nonsense`].
    pub fn parse(line: &[u8]) -> Result<Self, ClientError> {
        let raw = text(line)?;
        let message = serde_json::from_str(raw).map_err(|error| unreadable(&error.to_string()))?;
        Ok(Self {
            raw: raw.to_owned(),
            message,
        })
    }
}

/// A message as the daemon wrote it, of which only its place is read: that is all one needs to pass it on.
#[derive(Debug, Clone)]
pub struct RawLine {
    /// The JSON, without a newline.
    pub raw: String,
    /// The message's place in the local order.
    pub seq: u64,
}

/// What is read of a message that is passed on.
#[derive(Deserialize)]
struct Place {
    seq: u64,
}

impl RawLine {
    fn parse(line: &[u8]) -> Result<Self, ClientError> {
        let raw = text(line)?.to_owned();
        let Place { seq } =
            serde_json::from_str(&raw).map_err(|error| unreadable(&error.to_string()))?;
        Ok(Self { raw, seq })
    }

    /// What it says.
    ///
    /// # Errors
    /// [`ClientError::Nonsense`].
    pub fn message(&self) -> Result<Message, ClientError> {
        serde_json::from_str(&self.raw).map_err(|error| unreadable(&error.to_string()))
    }
}

fn text(line: &[u8]) -> Result<&str, ClientError> {
    let text = std::str::from_utf8(line).map_err(|error| unreadable(&error.to_string()))?;
    Ok(text.trim())
}

fn unreadable(what: &str) -> ClientError {
    ClientError::Nonsense {
        what: format!("a message that cannot be read: {what}"),
    }
}

/// Lines, cut out of the chunks they come in. Empty ones only keep the connection alive, and are left out.
#[derive(Debug)]
struct Lines {
    body: Incoming,
    buffer: BytesMut,
    /// Where to go on looking for the end of the line.
    searched: usize,
    ended: bool,
}

impl Lines {
    fn new(body: Incoming) -> Self {
        Self {
            body,
            buffer: BytesMut::new(),
            searched: 0,
            ended: false,
        }
    }

    /// A whole line, if the buffer holds one; the last may lack its newline.
    fn line(&mut self) -> Option<BytesMut> {
        let newline = self.buffer[self.searched..]
            .iter()
            .position(|&byte| byte == b'\n');
        if let Some(found) = newline {
            let line = self.buffer.split_to(self.searched + found);
            self.buffer.advance(1);
            self.searched = 0;
            return Some(line);
        }
        self.searched = self.buffer.len();
        if self.ended && !self.buffer.is_empty() {
            self.searched = 0;
            return Some(self.buffer.split());
        }
        None
    }

    /// Called when the buffer holds no whole line.
    fn take(&mut self, chunk: &Bytes) -> Result<(), ClientError> {
        let newline = chunk.iter().position(|&byte| byte == b'\n');
        if self.buffer.len() + newline.unwrap_or(chunk.len()) > MAX_LINE {
            return Err(ClientError::Nonsense {
                what: format!("a line of more than {MAX_LINE} bytes"),
            });
        }
        self.buffer.extend_from_slice(chunk);
        Ok(())
    }

    /// Nothing more is read behind what went wrong.
    fn end(&mut self) {
        self.ended = true;
        self.buffer.clear();
    }

    /// The next line, as `parse` reads it.
    fn poll_parsed<T>(
        &mut self,
        context: &mut Context<'_>,
        parse: impl Fn(&[u8]) -> Result<T, ClientError>,
    ) -> Poll<Option<Result<T, ClientError>>> {
        let parsed = match ready!(self.poll_line(context)) {
            None => return Poll::Ready(None),
            Some(line) => line.and_then(|line| parse(&line)),
        };
        if parsed.is_err() {
            self.end();
        }
        Poll::Ready(Some(parsed))
    }

    fn poll_line(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<BytesMut, ClientError>>> {
        loop {
            while let Some(line) = self.line() {
                if !line.trim_ascii().is_empty() {
                    return Poll::Ready(Some(Ok(line)));
                }
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                None => self.ended = true,
                Some(Err(error)) => return Poll::Ready(Some(Err(ClientError::broken(error)))),
                Some(Ok(frame)) => {
                    if let Ok(chunk) = frame.into_data()
                        && let Err(error) = self.take(&chunk)
                    {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
            }
        }
    }
}

/// The messages of a query, one after the other. It ends where the daemon ends it.
#[derive(Debug)]
pub struct MessageStream(Lines);

impl MessageStream {
    pub(super) fn new(body: Incoming) -> Self {
        Self(Lines::new(body))
    }

    /// The same messages for whoever passes them on, which costs much less than to read them.
    pub fn raw(self) -> RawStream {
        RawStream(self.0)
    }
}

impl Stream for MessageStream {
    type Item = Result<MessageLine, ClientError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_parsed(context, MessageLine::parse)
    }
}

/// The messages of a [`MessageStream`], each as the daemon wrote it.
#[derive(Debug)]
pub struct RawStream(Lines);

impl Stream for RawStream {
    type Item = Result<RawLine, ClientError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_parsed(context, RawLine::parse)
    }
}

/// JSON objects that are no messages, one after the other.
#[derive(Debug)]
pub struct Objects<T> {
    lines: Lines,
    of: PhantomData<fn() -> T>,
}

impl<T> Objects<T> {
    pub(super) fn new(body: Incoming) -> Self {
        Self {
            lines: Lines::new(body),
            of: PhantomData,
        }
    }
}

impl<T: DeserializeOwned> Stream for Objects<T> {
    type Item = Result<T, ClientError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.lines.poll_parsed(context, |line| {
            serde_json::from_slice(line).map_err(|error| ClientError::Nonsense {
                what: format!("a line that cannot be read: {error}"),
            })
        })
    }
}
