//! `mrpctl relay add`, `rm` and `use`: changes of mrpd.toml, which the daemon then reads.

use crate::cmd::own::OwnConfig;
use crate::cmd::own_agent;
use crate::cmd::tooling::config::put_in_force;
use crate::config::document::{Document, text_of};
use crate::config::relay_url::RelayUrl;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::similar;

/// The local identity uses it from now on; one that names no relays uses all of them anyway.
pub(super) async fn add(context: &Context, name: &str, url: &RelayUrl) -> Result<(), Failure> {
    let mut own = OwnConfig::load(context).await?;
    if let Some(warning) = url.warning() {
        context.output.warning(&warning);
    }
    let entry = own.document.entry("relay", name);
    let known = entry.map(|entry| text_of(entry, "url").unwrap_or_default().to_owned());
    match known {
        Some(known) if RelayUrl::parse(&known).as_ref() != Ok(url) => {
            return Err(Failure::new(
                Reason::BadData,
                format!("{name} is the name of another relay: {known}"),
            )
            .fix(format!("choose another name, or: mrpctl relay rm {name}")));
        }
        Some(_) => {}
        None => {
            let fields = [("name", name.into()), ("url", url.as_str().into())];
            own.document.push("relay", &fields);
        }
    }
    if own.entry()?.get("relays").is_some() {
        let agent = own.agent.clone();
        own.document.append("agent", &agent, "relays", name);
    }
    own.put_in_force(context).await
}

/// Where it was the only one of an identity the daemon's program says so, and nothing is changed.
pub(super) async fn remove(context: &Context, name: &str) -> Result<(), Failure> {
    let mut document = Document::edit(&context.config_file()).await?;
    if !document.remove_entry("relay", name) {
        let path = document.path().display().to_string();
        let relays = document.entries("relay");
        let names = relays.iter().filter_map(|entry| text_of(*entry, "name"));
        return Err(
            unknown(format!("there is no relay {name} in {path}"), name, names)
                .with_exit(Reason::NothingFound.exit()),
        );
    }
    document.take_out("agent", "relays", name);
    put_in_force(context, &mut document).await
}

pub(super) async fn put_first(context: &Context, name: &str) -> Result<(), Failure> {
    let client = context.daemon().await?;
    let known = client.relays().await?;
    let names = known.iter().map(|relay| relay.name.as_str());
    if !names.clone().any(|known| known == name) {
        return Err(unknown(format!("there is no relay {name}"), name, names));
    }
    let agent = own_agent(context, &client).await?;
    let others = agent.relays.into_iter().filter(|other| other != name);
    let order: Vec<String> = std::iter::once(name.to_owned()).chain(others).collect();
    let mut own = OwnConfig::of(context, agent.name).await?;
    own.document.set_list("agent", &own.agent, "relays", &order);
    own.put_in_force(context).await
}

fn unknown<'a>(message: String, name: &str, names: impl IntoIterator<Item = &'a str>) -> Failure {
    let failure = Failure::new(Reason::Config, message);
    match similar::closest(name, names) {
        Some(close) => failure.fix(format!("did you mean {close}?")),
        None => failure.fix("mrpctl relay ls; or mrpctl relay add NAME URL"),
    }
}
