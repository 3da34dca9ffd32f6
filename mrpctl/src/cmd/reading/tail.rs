//! `mrpctl tail`, `mrpctl recv`: messages, and those that come.

use super::attachments::Saver;
use super::follow::Follow;
use super::id;
use super::sink::Sink;
use crate::cli::reading::Tail as Flags;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::output::Shape;
use mrpd_api::body::MessageQuery;
use mrpd_api::client::Client;
use mrpd_api::message::Direction;

/// What is shown of what is there, where nothing says where to begin.
const LAST: u64 = 10;

/// Whether only what is unread is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    IfAsked,
    Only,
}

pub(super) async fn run(context: &Context, flags: &Flags, unread: Unread) -> Result<(), Failure> {
    if context.output.shape() == Shape::Table && !flags.no_follow && flags.count.is_none() {
        return Err(Failure::new(
            Reason::Usage,
            "a table is drawn when all is known: -o table needs --no-follow or -c N",
        ));
    }
    let is_unread = flags.unread || unread == Unread::Only;
    if is_unread && (flags.sent || flags.all) {
        let message = "what was sent from here is never unread: leave --sent and --all away";
        return Err(Failure::new(Reason::Usage, message));
    }
    let client = context.daemon().await?;
    let mut query = query(context, flags, &client).await?;
    if is_unread {
        query.unread = Some(1);
        // All of it is wanted, unless it was said how much.
        query.last = flags.last;
    }
    let saver = flags.download.clone();
    let sink = Sink::new(context).naming(&client).await;
    Follow::new(context, client, query, sink)
        .remember(flags.cursor.clone())
        .save(saver.map(|folder| Saver::new(context, folder)))
        .run()
        .await
}

async fn query(context: &Context, flags: &Flags, client: &Client) -> Result<MessageQuery, Failure> {
    let after = match (&flags.after, &flags.cursor) {
        (Some(given), _) => Some(id::seq(client, given).await?),
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
