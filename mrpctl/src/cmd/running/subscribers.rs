//! `mrpctl subscribers`.

use crate::cli::running::Subscribers;
use crate::context::Context;
use crate::exit::Failure;
use crate::output::message::MessageText;

const HEADS: [&str; 4] = ["name", "key", "since", "note"];

pub(crate) async fn run(context: &Context, flags: &Subscribers) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let subscribers = client.subscribers(&flags.topic).await;
    let subscribers = subscribers.map_err(super::topics::no_topic)?;
    let times = MessageText::local();
    context.output.list(&subscribers, &HEADS, |subscriber| {
        vec![
            subscriber.name.clone().unwrap_or_default(),
            subscriber.key.to_string(),
            times.time(subscriber.since),
            subscriber
                .error
                .as_ref()
                .map(|error| format!("{} given up: {}", subscriber.failed, error.message))
                .unwrap_or_default(),
        ]
    })
}
