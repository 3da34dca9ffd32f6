//! `mrpctl tail`: messages, and those that come.
//!
//! A stream that breaks is taken up again behind the last message that was written, so that a daemon can be restarted under it.

mod sink;

use crate::cli::reading::Tail as Flags;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::output::{Shape, closed};
use futures_util::{FutureExt as _, StreamExt as _};
use mrpd_api::body::{Cursor, MessageQuery};
use mrpd_api::client::{Client, ClientError, MessageLine, MessageStream};
use mrpd_api::error::Code;
use mrpd_api::message::Direction;
use sink::Sink;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// What is shown of what is there, where nothing says where to begin.
const LAST: u64 = 10;
/// A cursor is put at least once in so many messages, and whenever there is nothing more to show at the moment.
const CURSOR_EVERY: u64 = 64;
/// How long a daemon that went away is waited for.
const AWAY_PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(250);

pub(crate) async fn run(context: &Context, flags: &Flags) -> Result<(), Failure> {
    if context.output.shape() == Shape::Table && !flags.no_follow && flags.count.is_none() {
        return Err(Failure::new(
            Reason::Usage,
            "a table is drawn when all is known: -o table needs --no-follow or -c N",
        ));
    }
    let client = context.daemon().await?;
    let query = query(context, flags, &client).await?;
    let mut tail = Tail {
        context,
        flags,
        client,
        query,
        begun_behind: None,
        sink: Sink::new(context),
        shown: 0,
        unsaved: 0,
        newest: None,
    };
    let ended = tokio::select! {
        ended = tail.follow() => ended,
        () = closed() => Err(Failure::OutputClosed),
    };
    tail.save_cursor().await?;
    ended?;
    tail.sink.finish()
}

struct Tail<'a> {
    context: &'a Context,
    flags: &'a Flags,
    client: Client,
    query: MessageQuery,
    /// Where the last message of all stood at the beginning, if the last few were asked for: what comes behind it is new, and
    /// is not missed if the stream breaks before anything was written.
    begun_behind: Option<u64>,
    sink: Sink<'a>,
    /// Messages that were written.
    shown: u64,
    /// Messages that were written, and that the cursor does not know of.
    unsaved: u64,
    /// `seq` of the last one that was written.
    newest: Option<u64>,
}

impl Tail<'_> {
    async fn follow(&mut self) -> Result<(), Failure> {
        loop {
            let ended = match self.open().await {
                Ok(stream) => self.show(stream).await?,
                Err(error) => Ended::Broken(error),
            };
            match ended {
                Ended::Done => return Ok(()),
                Ended::ByDaemon if self.flags.no_follow => return Ok(()),
                Ended::ByDaemon => self.wait_for_daemon(None).await?,
                Ended::Broken(error) if is_worth_waiting(&error) && !self.flags.no_follow => {
                    self.wait_for_daemon(Some(error)).await?;
                }
                Ended::Broken(error) => return Err(error.into()),
            }
            self.go_on_behind_newest();
        }
    }

    async fn open(&mut self) -> Result<MessageStream, ClientError> {
        if self.begun_behind.is_none() && self.query.last.is_some() && !self.flags.no_follow {
            self.begun_behind = Some(self.client.status().await?.inbox.newest);
        }
        let stream = self.client.messages(&self.query).await?;
        let output = &self.context.output;
        output.verbose(|| "mrpd hands out messages as they come".to_owned());
        Ok(stream)
    }

    /// Writes what comes, until enough has come or nothing more does.
    async fn show(&mut self, mut stream: MessageStream) -> Result<Ended, Failure> {
        loop {
            let next = match stream.next().now_or_never() {
                Some(next) => next,
                None => {
                    self.save_cursor().await?;
                    stream.next().await
                }
            };
            match next {
                None => return Ok(Ended::ByDaemon),
                Some(Err(error)) => return Ok(Ended::Broken(error)),
                Some(Ok(line)) => self.write(&line).await?,
            }
            if self.flags.count.is_some_and(|count| self.shown >= count) {
                return Ok(Ended::Done);
            }
        }
    }

    async fn write(&mut self, line: &MessageLine) -> Result<(), Failure> {
        self.sink.write(line).await?;
        self.shown += 1;
        self.unsaved += 1;
        self.newest = Some(line.message.seq);
        if self.unsaved >= CURSOR_EVERY {
            self.save_cursor().await?;
        }
        Ok(())
    }

    /// Only what was written is behind the cursor: what is lost between here and there comes again.
    async fn save_cursor(&mut self) -> Result<(), Failure> {
        let (Some(name), Some(seq), 1..) = (&self.flags.cursor, self.newest, self.unsaved) else {
            return Ok(());
        };
        self.client.put_cursor(name, Cursor { seq }).await?;
        self.unsaved = 0;
        Ok(())
    }

    fn go_on_behind_newest(&mut self) {
        if let Some(seq) = self.newest.or(self.begun_behind) {
            self.query.after = Some(seq);
            self.query.last = None;
            self.query.since = None;
        }
        self.query.limit = self.flags.count.map(|count| count - self.shown);
    }

    async fn wait_for_daemon(&mut self, error: Option<ClientError>) -> Result<(), Failure> {
        self.context
            .output
            .note("mrpd went away; waiting for it to come back");
        let deadline = Instant::now() + AWAY_PATIENCE;
        loop {
            sleep(LOOK_AGAIN).await;
            match self.context.running_daemon().await {
                Ok(client) => {
                    self.client = client;
                    return Ok(());
                }
                Err(failure) if Instant::now() >= deadline => {
                    return Err(error.map_or(failure, Failure::from));
                }
                Err(_) => {}
            }
        }
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

fn is_worth_waiting(error: &ClientError) -> bool {
    match error {
        ClientError::Connection { .. } | ClientError::Unreachable { .. } => true,
        ClientError::Refused { .. } => crate::exit::is_refused_as(error, Code::ShuttingDown),
        _ => false,
    }
}

async fn query(context: &Context, flags: &Flags, client: &Client) -> Result<MessageQuery, Failure> {
    let after = match (&flags.after, &flags.cursor) {
        (Some(id), _) => Some(seq_of(client, id).await?),
        (None, Some(name)) => Some(client.cursor(name).await?.seq),
        (None, None) => None,
    };
    let begins_somewhere = after.is_some() || flags.since.is_some();
    let last = match flags.last {
        Some(last) => Some(last),
        None if begins_somewhere => None,
        None => Some(flags.count.map_or(LAST, |count| count.min(LAST))),
    };
    Ok(MessageQuery {
        after,
        since: flags.since,
        last,
        limit: flags.count,
        follow: (!flags.no_follow).then_some(1),
        dir: flags.sent.then_some(Direction::Out),
        all: flags.all.then_some(1),
        ..flags.filters.query(context.global.agent.as_deref())
    })
}

/// A message's place in the order: given as such, or looked up by its id.
async fn seq_of(client: &Client, id: &str) -> Result<u64, Failure> {
    match id.parse() {
        Ok(seq) => Ok(seq),
        Err(_) => Ok(client.message(id).await?.message.seq),
    }
}
