//! Lines of standard input, a message each. What is none is answered here, so that no client waits for an answer in vain: what is
//! not JSON, and what is larger than a message may be.
//!
//! Standard input is read by a thread, which hands on what may be a message and tells of what is none. It is left behind at the end:
//! nothing else stops a read.

use rmcp::RoleServer;
use rmcp::model::{ErrorData, RequestId};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::transport::async_rw::AsyncRwTransport;
use serde::de::{Deserializer as _, Error as _, IgnoredAny, MapAccess, Visitor};
use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::os::unix::net::UnixStream as Pipe;
use tokio::io::Stdout;
use tokio::net::UnixStream;
use tokio::sync::mpsc;

/// Bytes that a line may have.
const MOST: usize = 16 << 20;
/// Refusals that may wait to be written.
const WAITING: usize = 16;

type Answer = TxJsonRpcMessage<RoleServer>;
type Sending = std::pin::Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// Standard input and output.
pub(super) struct Wire {
    messages: AsyncRwTransport<RoleServer, UnixStream, Stdout>,
    refusals: mpsc::Receiver<Answer>,
    /// Kept, for receiving may be given up in the middle.
    refusing: Option<Sending>,
}

impl Wire {
    pub(super) fn open() -> io::Result<Self> {
        let (ours, theirs) = Pipe::pair()?;
        ours.set_nonblocking(true)?;
        let (refused, refusals) = mpsc::channel(WAITING);
        std::thread::Builder::new()
            .name("mcp-input".to_owned())
            .spawn(move || {
                let refuse = |answer| refused.blocking_send(answer).map_err(io::Error::other);
                // Where it ends, for whatever reason, so does what the other side reads.
                let _ = sort(io::stdin().lock(), theirs, refuse);
            })?;
        let messages = AsyncRwTransport::new(UnixStream::from_std(ours)?, tokio::io::stdout());
        Ok(Self {
            messages: messages.with_max_line_length(usize::MAX),
            refusals,
            refusing: None,
        })
    }
}

impl Transport<RoleServer> for Wire {
    type Error = io::Error;

    fn send(&mut self, item: Answer) -> impl Future<Output = io::Result<()>> + Send + 'static {
        self.messages.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            if let Some(refusing) = &mut self.refusing {
                let written = refusing.await;
                self.refusing = None;
                written.ok()?;
            }
            let refusal = tokio::select! {
                biased;
                Some(refusal) = self.refusals.recv() => refusal,
                message = self.messages.receive() => match message {
                    Some(message) => return Some(message),
                    // What was refused last came before the end.
                    None => self.refusals.recv().await?,
                },
            };
            self.refusing = Some(Box::pin(self.messages.send(refusal)));
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        self.messages.close().await
    }
}

/// Reads lines to the end of `input`: hands on those that may be messages, refuses the others.
fn sort(
    mut input: impl BufRead,
    mut messages: impl Write,
    refuse: impl Fn(Answer) -> io::Result<()>,
) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        (&mut input)
            .take(MOST as u64 + 1)
            .read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(());
        }
        if line.len() > MOST {
            let mut rest = Rest(&mut input);
            let id = id_of(line.as_slice().chain((&mut rest).take(MOST as u64)));
            rest.pass_over()?;
            refuse(too_large(id))?;
            continue;
        }
        match line.trim_ascii() {
            b"" => {}
            text if is_json(text) => {
                messages.write_all(text)?;
                messages.write_all(b"\n")?;
            }
            _ => refuse(no_json())?,
        }
    }
}

fn is_json(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let text = std::str::from_utf8(text);
    text.is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

fn no_json() -> Answer {
    let what = "a line that is not JSON: each message is a JSON object on a line of its own";
    Answer::error(ErrorData::parse_error(what, None), None)
}

fn too_large(id: Option<RequestId>) -> Answer {
    let what = format!("the message has more than {MOST} bytes; larger files go by their path");
    Answer::error(ErrorData::invalid_request(what, None), id)
}

/// What is left of a line.
struct Rest<R>(R);

impl<R: BufRead> Rest<R> {
    fn pass_over(&mut self) -> io::Result<()> {
        io::copy(self, &mut io::sink()).map(drop)
    }
}

impl<R: BufRead> Read for Rest<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.0.fill_buf()?;
        let length = available.len().min(buffer.len());
        let available = &available[..length];
        if let Some(end) = available.iter().position(|byte| *byte == b'\n') {
            buffer[..end].copy_from_slice(&available[..end]);
            // The line's end stays, and is passed over last.
            self.0.consume(end);
            return Ok(end);
        }
        buffer[..length].copy_from_slice(available);
        self.0.consume(length);
        Ok(length)
    }
}

/// The id of a request, wherever it stands in what is read of it; nothing else is kept.
fn id_of(message: impl Read) -> Option<RequestId> {
    struct Seeking<'a>(&'a mut Option<RequestId>);

    impl<'de> Visitor<'de> for Seeking<'_> {
        type Value = ();

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a request")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key::<String>()? {
                if key == "id" {
                    *self.0 = map.next_value()?;
                    return Err(A::Error::custom("the rest does not matter"));
                }
                map.next_value::<IgnoredAny>()?;
            }
            Ok(())
        }
    }

    let mut id = None;
    // It may not be JSON at all: then it has no id that could be told.
    let _ = serde_json::Deserializer::from_reader(message).deserialize_map(Seeking(&mut id));
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::cell::RefCell;

    /// What is handed on, and the refusals.
    fn sorted(input: &[u8]) -> (Vec<u8>, Vec<Value>) {
        let mut messages = Vec::new();
        let refusals = RefCell::new(Vec::new());
        // Pieces of an odd length, as they come through a pipe.
        let reader = io::BufReader::with_capacity(1009, input);
        sort(reader, &mut messages, |answer| {
            refusals.borrow_mut().push(serde_json::to_value(answer)?);
            Ok(())
        })
        .unwrap();
        (messages, refusals.into_inner())
    }

    #[test]
    fn what_may_be_a_message_is_handed_on_and_the_rest_is_answered() {
        let (messages, refusals) = sorted(b"{\"id\":1}\r\n\n  \nhello\n[1]\n{\"id\":2,\n\xff\n{}");
        assert_eq!(messages, b"{\"id\":1}\n[1]\n{}\n");
        let codes: Vec<&Value> = refusals.iter().map(|one| &one["error"]["code"]).collect();
        assert_eq!(codes, [-32700; 3]);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_its_id_is_found() {
        let long = "x".repeat(MOST);
        for (line, id) in [
            (format!("{{\"id\":1,\"params\":\"{long}\"}}"), json!(1)),
            (
                format!("{{\"params\":{{\"id\":2,\"a\":\"{long}\"}},\"id\":\"b\"}}"),
                json!("b"),
            ),
            (format!("{{\"params\":\"{long}\"}}"), Value::Null),
            (long.clone() + "x", Value::Null),
        ] {
            let (messages, refusals) = sorted(format!("{line}\n{{}}\n").as_bytes());
            assert_eq!(messages, b"{}\n");
            assert_eq!(refusals.len(), 1);
            let refusal = &refusals[0];
            assert_eq!(refusal["error"]["code"], -32600);
            assert_eq!(refusal["id"], id);
        }
    }
}
