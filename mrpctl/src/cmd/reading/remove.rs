//! `mrpctl rm`: every message is tried.

use super::{each, id};
use crate::cli::reading::Remove;
use crate::context::Context;
use crate::exit::Failure;
use crate::input;
use mrpd_api::client::Client;
use mrpd_api::message::State;

pub(super) async fn run(context: &Context, flags: &Remove) -> Result<(), Failure> {
    let client = context.daemon().await?;
    if context.may_ask() {
        let question = match unread(&client, &flags.ids).await {
            0 => None,
            1 => Some("One message is unread. Remove it for good? [y/N] ".to_owned()),
            many => Some(format!(
                "{many} messages are unread. Remove them for good? [y/N] "
            )),
        };
        if let Some(question) = question
            && !input::confirmed(context, &question).await?
        {
            return Ok(());
        }
    }
    each(context, &flags.ids, async |given| {
        let id = id::resolve(&client, given).await?;
        client.remove_message(&id).await?;
        Ok(())
    })
    .await
}

/// How many are unread. What cannot be found is told when it is to be removed.
async fn unread(client: &Client, ids: &[String]) -> usize {
    let mut count = 0;
    for given in ids {
        let Ok(id) = id::resolve(client, given).await else {
            continue;
        };
        if let Ok(line) = client.message(&id).await {
            count += usize::from(line.message.state == State::New);
        }
    }
    count
}
