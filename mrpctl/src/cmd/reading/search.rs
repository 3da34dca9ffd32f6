//! `mrpctl search`: messages by their words.

use super::inbox::write;
use super::sink::Sink;
use crate::cli::reading::Search as Flags;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use mrpd_api::body::MessageQuery;
use mrpd_api::message::Direction;

pub(super) async fn run(context: &Context, flags: &Flags) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let query = MessageQuery {
        text: Some(flags.words.join(" ")),
        dir: flags.sent.then_some(Direction::Out),
        limit: Some(flags.limit),
        ..flags.filters.query(context.global.agent.as_deref())
    };
    let stream = client.search(&query).await?;
    let found = write(
        stream,
        Sink::listing(context).naming(&client).await,
        flags.limit,
    )
    .await?;
    match found.count {
        0 => Err(Failure::Status(Reason::NothingFound.exit())),
        _ => Ok(()),
    }
}
