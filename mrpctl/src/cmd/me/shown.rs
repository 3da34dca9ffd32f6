//! Waiting until relays show what was configured: the daemon tells them, a moment after it has read the file.

use crate::context::Context;
use mrp_proto::agent::AgentInfo;
use mrpd_api::body::relays::{ProfileAt, Way};
use mrpd_api::client::Client;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long relays may take before it is said that they do not show it yet: as long as a send waits for them.
const PATIENCE: Duration = Duration::from_secs(10);
/// The first pause; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Waits until all relays show it. It is no failure where they do not: it is configured, and the daemon goes on telling them.
pub(super) async fn wait(
    context: &Context,
    client: &Client,
    is_shown: impl Fn(&AgentInfo) -> bool,
) {
    let way = Way {
        agent: context.global.agent.clone(),
        relay: None,
    };
    let end = Instant::now() + PATIENCE;
    let mut pause = FIRST_PAUSE;
    loop {
        let Ok(mut places) = client.profile(&way).await else {
            return context
                .output
                .warning("it is configured, but the daemon does not say whether relays show it");
        };
        places.retain(|at| !at.profile.as_ref().is_some_and(&is_shown));
        if places.is_empty() {
            return;
        }
        let is_hopeless = places.iter().all(|at| at.error.is_some());
        if is_hopeless || Instant::now() >= end {
            return places.iter().for_each(|at| tell(context, at));
        }
        sleep(pause).await;
        pause *= 2;
    }
}

fn tell(context: &Context, at: &ProfileAt) {
    let why = match &at.error {
        Some(error) => format!(": {}", error.message),
        None => String::new(),
    };
    context.output.warning(&format!(
        "the relay {} does not show it yet{why}; it is configured, and the daemon goes on telling it (mrpctl status)",
        at.relay
    ));
}
