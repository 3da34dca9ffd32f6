//! Messages as they come, for all commands that go on with them.
//!
//! A stream that breaks is taken up again behind the last message that was written, so that a daemon can be restarted under it.

use super::attachments::Saver;
use super::sink::Sink;
use crate::context::Context;
use crate::exit::Failure;
use crate::follow::{is_worth_waiting, returned};
use crate::output::closed;
use futures_util::{FutureExt as _, StreamExt as _};
use mrpd_api::body::{Cursor, MessageQuery};
use mrpd_api::client::{Client, ClientError, RawLine, RawStream};
use mrpd_api::message::Message;

/// A reader of messages, and where it stands.
pub(super) struct Follow<'a> {
    context: &'a Context,
    client: Client,
    query: MessageQuery,
    /// How many are to be written.
    count: Option<u64>,
    /// Whether it goes on behind what is there.
    goes_on: bool,
    /// Name of the cursor that remembers what was written.
    cursor: Option<String>,
    /// Puts attachments into files before their message is written.
    saver: Option<Saver<'a>>,
    /// Where the last message of all stood at the beginning, if the last few were asked for: what comes behind it is new, and
    /// is not missed if the stream breaks before anything was written.
    begun_behind: Option<u64>,
    sink: Sink<'a>,
    /// Messages that were taken to be written.
    taken: u64,
    /// `seq` of the last one that was taken.
    newest: Option<u64>,
    /// The same, as the cursor knows it.
    saved: Option<u64>,
}

impl<'a> Follow<'a> {
    pub(super) fn new(
        context: &'a Context,
        client: Client,
        query: MessageQuery,
        sink: Sink<'a>,
    ) -> Self {
        Self {
            context,
            client,
            count: query.limit,
            goes_on: query.follow == Some(1),
            query,
            cursor: None,
            saver: None,
            begun_behind: None,
            sink,
            taken: 0,
            newest: None,
            saved: None,
        }
    }

    /// Remembers what was written under this name.
    pub(super) fn remember(mut self, cursor: Option<String>) -> Self {
        self.cursor = cursor;
        self
    }

    /// Saves attachments as well.
    pub(super) fn save(mut self, saver: Option<Saver<'a>>) -> Self {
        self.saver = saver;
        self
    }

    /// Writes messages until there is an end, or nobody reads them any more.
    pub(super) async fn run(mut self) -> Result<(), Failure> {
        let ended = tokio::select! {
            ended = self.follow() => ended,
            () = closed() => Err(Failure::OutputClosed),
        };
        ended?;
        self.sink.finish().await?;
        self.saver.map_or(Ok(()), Saver::finish)
    }

    async fn follow(&mut self) -> Result<(), Failure> {
        loop {
            let ended = match self.open().await {
                Ok(stream) => self.show(stream).await?,
                Err(error) => Ended::Broken(error),
            };
            match ended {
                Ended::Done => return Ok(()),
                Ended::ByDaemon if !self.goes_on => return Ok(()),
                Ended::ByDaemon => self.client = returned(self.context, None).await?,
                Ended::Broken(error) if is_worth_waiting(&error) && self.goes_on => {
                    self.client = returned(self.context, Some(error)).await?;
                }
                Ended::Broken(error) => return Err(error.into()),
            }
            self.go_on_behind_newest();
        }
    }

    async fn open(&mut self) -> Result<RawStream, ClientError> {
        if self.begun_behind.is_none() && self.query.last.is_some() && self.goes_on {
            self.begun_behind = Some(self.client.status().await?.inbox.newest);
        }
        let stream = self.client.messages(&self.query).await?.raw();
        let output = &self.context.output;
        output.verbose(|| "mrpd hands out messages as they come".to_owned());
        Ok(stream)
    }

    /// Writes what comes, until enough has come or nothing more does.
    async fn show(&mut self, mut stream: RawStream) -> Result<Ended, Failure> {
        let ended = loop {
            let next = match stream.next().now_or_never() {
                Some(next) => next,
                None => {
                    self.flush().await?;
                    stream.next().await
                }
            };
            match next {
                None => break Ended::ByDaemon,
                Some(Err(error)) => break Ended::Broken(error),
                Some(Ok(line)) => self.take(line).await?,
            }
            if self.count.is_some_and(|count| self.taken >= count) {
                break Ended::Done;
            }
        };
        if self.goes_on && !matches!(ended, Ended::Done) {
            // The daemon is not there to be told how far it came: that is done when it is back.
            self.sink.flush().await?;
        } else {
            self.flush().await?;
        }
        Ok(ended)
    }

    async fn take(&mut self, line: RawLine) -> Result<(), Failure> {
        if self.saver.is_some() {
            self.save_attachments(&line.message()?).await?;
        }
        self.sink.take(&line)?;
        self.taken += 1;
        self.newest = Some(line.seq);
        if self.sink.is_full() {
            self.flush().await?;
        }
        Ok(())
    }

    /// What was taken before does not wait for files to be saved.
    async fn save_attachments(&mut self, message: &Message) -> Result<(), Failure> {
        if message.attachments.is_empty() {
            return Ok(());
        }
        self.flush().await?;
        if let Some(saver) = &mut self.saver {
            saver.save(&self.client, message).await;
        }
        Ok(())
    }

    /// Only what was written is behind the cursor: what is lost between here and there comes again.
    async fn flush(&mut self) -> Result<(), Failure> {
        self.sink.flush().await?;
        if let (Some(name), Some(seq)) = (&self.cursor, self.newest)
            && self.saved != self.newest
        {
            self.client.put_cursor(name, Cursor { seq }).await?;
            self.saved = self.newest;
        }
        Ok(())
    }

    fn go_on_behind_newest(&mut self) {
        if let Some(seq) = self.newest.or(self.begun_behind) {
            self.query.after = Some(seq);
            self.query.last = None;
            self.query.since = None;
        }
        self.query.limit = self.count.map(|count| count - self.taken);
    }
}

/// How a stream came to its end.
enum Ended {
    /// As many have come as were asked for.
    Done,
    /// The daemon had no more, or is going away.
    ByDaemon,
    /// In the middle.
    Broken(ClientError),
}
