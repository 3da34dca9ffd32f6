//! `mrpctl publish`, `subscribe` and `unsubscribe`.

use crate::cli::running::{Publish as PublishFlags, Subscribe as SubscribeFlags, Unsubscribe};
use crate::cmd::sending::{body, letter};
use crate::context::Context;
use crate::exit::{Failure, Reason, is_refused_as};
use crate::input;
use crate::output::escape;
use mrpd_api::body::Sealing;
use mrpd_api::body::services::{Publish, Published, Subscribe, Subscription};
use mrpd_api::client::ClientError;
use mrpd_api::error::Code;

pub(super) async fn publish(context: &Context, flags: PublishFlags) -> Result<(), Failure> {
    let mut publish = Publish {
        expires_in: flags.expires.map(letter::seconds),
        sealing: if flags.plain {
            Sealing::Plain
        } else {
            Sealing::Default
        },
        ..Publish::default()
    };
    match (flags.words.as_slice(), &flags.data) {
        ([], Some(data)) => {
            publish.body = Some(body::from_json(&input::argument(data).await?)?.json);
        }
        ([], None) => publish.text = Some(piped(context).await?),
        (words, _) => publish.text = Some(words.join(" ")),
    }
    let id = flags.id.map_or_else(letter::random_id, Ok)?;
    let client = context.daemon().await?;
    let published = client.publish(&flags.topic, &publish, &id).await;
    let published = published.map_err(no_topic)?;
    let count = published.subscribers.map(|count| count.to_string());
    context
        .output
        .object(&published, || told(&published), count.as_deref())
}

/// Of topics the daemon says only that there is no such path.
pub(super) fn no_topic(error: ClientError) -> Failure {
    match &error {
        ClientError::Refused { detail, .. } if is_refused_as(&error, Code::NotFound) => {
            Failure::new(Reason::NothingFound, detail.message.as_str())
                .fix("topics are configured in mrpd.toml, [[topic]]; then: mrpctl hook reload")
        }
        _ => error.into(),
    }
}

async fn piped(context: &Context) -> Result<String, Failure> {
    let text = input::piped_text(context).await?;
    if text.is_empty() {
        return Err(Failure::new(
            Reason::NoInput,
            "standard input is empty: nothing was published",
        ));
    }
    Ok(text)
}

fn told(published: &Published) -> String {
    match published.subscribers {
        Some(1) => "published to 1 subscriber\n".to_owned(),
        Some(count) => format!("published to {count} subscribers\n"),
        None => "published before, under the same id\n".to_owned(),
    }
}

pub(super) async fn subscribe(context: &Context, flags: SubscribeFlags) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let subscription = client
        .subscribe(&Subscribe {
            who: flags.who,
            topic: flags.topic,
            agent: context.global.agent.clone(),
        })
        .await?;
    let id = subscription.request.clone();
    context
        .output
        .object(&subscription, || asked(&subscription), Some(&id))
}

fn asked(subscription: &Subscription) -> String {
    let who = match &subscription.name {
        Some(name) => escape::line(name),
        None => subscription.key.short(),
    };
    let topic = subscription.topic.as_deref().unwrap_or("its only topic");
    format!(
        "asked {who} for {}; its answer is awaited\n",
        escape::line(topic)
    )
}

pub(super) async fn unsubscribe(context: &Context, flags: &Unsubscribe) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let agent = context.global.agent.clone();
    client
        .unsubscribe(&flags.who, flags.topic.as_deref(), agent)
        .await?;
    Ok(())
}
