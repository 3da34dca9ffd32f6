//! Local HTTP to messages: a listener for each address that an `[[ingress]]` names, and a message for each request that proves
//! itself.
//!
//! - `listener`: one address, its connections, and their bounds. `proof`: who may post. `content`: from a request to a message.
//! - `deliver`: the message is durable before the request is answered.

mod content;
mod deliver;
mod listener;
mod proof;

pub use content::FIELDS;

use crate::config::{Ingress, Listen};
use crate::context::Context;
use crate::socket::PassedError;
use listener::Listener;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long to wait before an address that could not be taken is tried again.
const AGAIN: Duration = Duration::from_secs(30);

/// The listeners by address.
type Listeners = BTreeMap<Listen, Listener>;

/// What is posted to one address.
type Served = Arc<Vec<Ingress>>;

/// Listens where the configuration says, and follows it: an address that stays keeps its connections.
pub async fn run(context: Context) {
    let mut config = context.config.clone();
    let mut listeners = Listeners::new();
    loop {
        let wanted = by_address(&config.borrow_and_update().ingresses.items);
        let failed = follow(&context, &mut listeners, wanted).await;
        let again = async {
            match failed {
                true => tokio::time::sleep(AGAIN).await,
                false => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = config.changed() => if changed.is_err() { break },
            () = again => {}
            () = context.stop.cancelled() => break,
        }
    }
    for (_, listener) in listeners {
        listener.end().await;
    }
}

fn by_address(ingresses: &[Ingress]) -> BTreeMap<Listen, Vec<Ingress>> {
    let mut wanted: BTreeMap<Listen, Vec<Ingress>> = BTreeMap::new();
    for ingress in ingresses {
        let here = wanted.entry(ingress.listen.clone()).or_default();
        here.push(ingress.clone());
    }
    wanted
}

/// Ends listeners that are not wanted, changes those that are, begins the others; says whether one could not begin.
async fn follow(
    context: &Context,
    listeners: &mut Listeners,
    wanted: BTreeMap<Listen, Vec<Ingress>>,
) -> bool {
    let gone: Vec<Listen> = listeners
        .keys()
        .filter(|listen| !wanted.contains_key(listen))
        .cloned()
        .collect();
    for listen in gone {
        if let Some(listener) = listeners.remove(&listen) {
            tracing::info!(%listen, "no ingress listens here any more");
            listener.end().await;
        }
    }
    let mut troubles = twins(&wanted);
    let mut failed = false;
    for (listen, ingresses) in wanted {
        let served: Served = Arc::new(ingresses);
        if let Some(listener) = listeners.get(&listen) {
            listener.serve(served);
            continue;
        }
        let (sender, receiver) = watch::channel(served);
        match Listener::begin(context.clone(), &listen, sender, receiver).await {
            Ok(listener) => {
                tracing::info!(%listen, "an ingress listens");
                listeners.insert(listen, listener);
            }
            // Nothing is passed to a process that runs.
            Err(error @ (PassedError::Missing { .. } | PassedError::Api)) => {
                troubles.push(format!("ingress: cannot listen on {listen}: {error}"));
            }
            Err(PassedError::Io(error)) => {
                failed = true;
                troubles.push(format!(
                    "ingress: cannot listen on {listen}: {error}; it is tried again every {} s",
                    AGAIN.as_secs()
                ));
            }
        }
    }
    for trouble in &troubles {
        tracing::warn!("{trouble}");
    }
    context.board.warn("ingress", troubles);
    failed
}

/// Of two with the same address and path only the first is ever reached.
fn twins(wanted: &BTreeMap<Listen, Vec<Ingress>>) -> Vec<String> {
    let mut found = Vec::new();
    for (listen, ingresses) in wanted {
        for (index, ingress) in ingresses.iter().enumerate() {
            let twin = ingresses[..index]
                .iter()
                .find(|other| other.path == ingress.path);
            if let Some(twin) = twin {
                found.push(format!(
                    "ingress {:?} is never reached: {:?} has {listen} and the path {} as well",
                    ingress.name, twin.name, ingress.path
                ));
            }
        }
    }
    found
}
