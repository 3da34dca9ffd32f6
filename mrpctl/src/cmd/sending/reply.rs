//! `mrpctl reply`: an answer to a message, by the way it came.

use super::body;
use super::courier::Courier;
use super::deliver::Wanted;
use super::files::Files;
use super::letter::{self, Draft};
use crate::cli::sending::Reply as Flags;
use crate::cmd::reading::id;
use crate::context::Context;
use crate::exit::Failure;
use mrpd_api::body::Send;
use mrpd_api::client::Client;
use mrpd_api::message::{Direction, Message};

pub(crate) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    let mut courier = Courier::new(context, Wanted::of(&flags.waiting, &flags.hold)).await?;
    let answered = id::message(&courier.client, &flags.message).await?.message;
    let body = body::of(context, &flags.content, &flags.words).await?;
    let files = Files::of(&flags.content).await?;
    let template = letter::held(letter::template(context, &flags.envelope), &flags.hold);
    let mut send = Send {
        body: body.map(|body| body.json),
        content_type: flags.content.content_type.clone(),
        ..addressed(&courier.client, template, &answered).await?
    };
    courier.take_along(files, &mut send).await?;
    courier.send(Draft::new(send, flags.envelope.id)?).await?;
    courier.finish()
}

/// To the other end of a message, by the same agent, and by the same relay as long as the agent uses it.
pub(in crate::cmd) async fn addressed(
    client: &Client,
    template: Send,
    answered: &Message,
) -> Result<Send, Failure> {
    let to = match answered.dir {
        Direction::In => answered.from.key,
        Direction::Out => answered.to,
    };
    let agent = template.agent.unwrap_or_else(|| answered.agent.clone());
    let relay = match template.relay {
        Some(relay) => Some(relay),
        None => {
            let agents = client.agents().await?;
            let own = agents.iter().find(|one| one.name == agent);
            own.filter(|own| own.relays.contains(&answered.relay))
                .map(|_| answered.relay.clone())
        }
    };
    Ok(Send {
        to: to.to_string(),
        agent: Some(agent),
        relay,
        thread: answered.thread.clone(),
        reply_to: Some(answered.id.clone()),
        ..template
    })
}
