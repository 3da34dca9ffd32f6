//! `mrpctl send`: done when the message is durable in the outbox.
//!
//! From then on it is the daemon's, and the exit status says so: a script that tried again would send it twice.

mod lines;

use super::courier::Courier;
use super::deliver::Wanted;
use super::files::Files;
use super::letter::{self, Draft};
use super::recipient::is_group;
use super::{body, group, recipient};
use crate::cli::sending::Send as Flags;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use mrpd_api::body::Send;

pub(crate) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    let address = recipient::address(&flags)?;
    let template = Send {
        content_type: flags.content.content_type.clone(),
        ..letter::template(context, &flags.envelope)
    };
    let template = letter::held(letter::threaded(template, &flags.threading), &flags.hold);
    let wanted = Wanted::of(&flags.waiting, &flags.hold);
    if flags.lines || flags.jsonl {
        return lines::run(context, &flags, address, template, wanted).await;
    }
    if address.recipients.is_empty() {
        return Err(
            Failure::new(Reason::Usage, "the recipient is missing").fix("mrpctl send TO [TEXT]...")
        );
    }
    let body = body::of(context, &flags.content, &address.words).await?;
    let files = Files::of(&flags.content).await?;
    let send = Send {
        body: body.map(|body| body.json),
        ..template
    };
    let mut courier = Courier::new(context, wanted).await?;
    to_each(
        context,
        &mut courier,
        &address.recipients,
        send,
        files,
        flags.envelope.id.as_deref(),
    )
    .await?;
    courier.finish()
}

/// Sends the same to each recipient, and tells what has become of it.
pub(super) async fn to_each(
    context: &Context,
    courier: &mut Courier<'_>,
    recipients: &[String],
    mut send: Send,
    files: Files,
    id: Option<&str>,
) -> Result<(), Failure> {
    if let [to] = recipients
        && !is_group(to)
    {
        courier.take_along(files, &mut send).await?;
        let to = to.clone();
        return courier
            .send(Draft::new(Send { to, ..send }, id.map(str::to_owned))?)
            .await;
    }
    let recipients = group::expand(context, &courier.client, &send, recipients).await?;
    courier.take_along(files, &mut send).await?;
    courier.bracket("[")?;
    for one in recipients {
        let id = id.map(|id| one.key_of(id));
        let send = Send {
            to: one.to,
            ..send.clone()
        };
        courier.send_one_of_many(Draft::new(send, id)?).await?;
    }
    courier.bracket("]")
}
