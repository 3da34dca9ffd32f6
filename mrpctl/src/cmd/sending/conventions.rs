//! `mrpctl event` and `mrpctl progress`: messages that programs understand.

use super::courier::Courier;
use super::deliver::Wanted;
use super::files::Files;
use super::recipient::check_recipient;
use super::send::to_each;
use super::{body, letter};
use crate::cli::sending::{Event as EventFlags, Hold, Progress as ProgressFlags};
use crate::context::Context;
use crate::exit::Failure;
use mrp_proto::content::{Event, Progress, Status};
use mrpd_api::body::Send;

pub(crate) async fn event(context: &Context, flags: EventFlags) -> Result<(), Failure> {
    check_recipient("event", &flags.recipient)?;
    let has_data = flags.data.is_some() || !flags.details.is_empty();
    let data = match has_data {
        true => Some(body::data_or_members(flags.data.as_deref(), &flags.details).await?),
        false => None,
    };
    let event = Event {
        event: flags.name,
        data,
    };
    let template = letter::template(context, &flags.envelope);
    let send = Send {
        body: Some(body::checked(event.to_body())?.json),
        content_type: Some(Event::CONTENT_TYPE.to_owned()),
        ..letter::held(letter::threaded(template, &flags.threading), &flags.hold)
    };
    let mut courier = Courier::new(context, Wanted::of(&flags.waiting, &flags.hold)).await?;
    let id = flags.envelope.id.as_deref();
    to_each(
        context,
        &mut courier,
        &[flags.recipient],
        send,
        Files::default(),
        id,
    )
    .await?;
    courier.finish()
}

pub(crate) async fn progress(context: &Context, flags: ProgressFlags) -> Result<(), Failure> {
    check_recipient("progress", &flags.recipient)?;
    let status = Status {
        progress: flags.percent.map(Progress::from_percent),
        stage: flags.stage,
        detail: flags.detail,
    };
    let template = letter::template(context, &flags.envelope);
    let send = Send {
        body: Some(body::checked(status.to_body())?.json),
        content_type: Some(Status::CONTENT_TYPE.to_owned()),
        ..letter::threaded(template, &flags.threading)
    };
    let wanted = Wanted::of(&flags.waiting, &Hold::default());
    let mut courier = Courier::new(context, wanted).await?;
    let id = flags.envelope.id.as_deref();
    to_each(
        context,
        &mut courier,
        &[flags.recipient],
        send,
        Files::default(),
        id,
    )
    .await?;
    courier.finish()
}
