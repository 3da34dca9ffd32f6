//! The sessions there should be, one for each agent and relay: a change of the roster ends and starts only those it concerns.

use crate::clock;
use crate::config;
use crate::context::Context;
use crate::roster::{Link, LocalAgent, Roster};
use crate::session::AgentSession;
use mrpd_api::body::Encrypt;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// For how long after its start a machine counts as just started.
const BOOT: Duration = Duration::from_secs(300);
/// Over which time the sessions are begun then.
const SPREAD: Duration = Duration::from_secs(5);

/// Everything that makes a session another one.
#[derive(Debug, Clone, PartialEq)]
struct Settings {
    agent: config::Agent,
    relay: config::Relay,
    key: String,
}

#[derive(Debug)]
struct Running {
    settings: Settings,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// All sessions.
#[derive(Debug)]
pub(super) struct Sessions {
    context: Context,
    running: HashMap<(String, String), Running>,
    /// How long the sessions of the daemon's start may be put off.
    spread: Duration,
}

impl Sessions {
    pub(super) fn new(context: Context) -> Self {
        Self {
            context,
            running: HashMap::new(),
            spread: spread_at_start(),
        }
    }

    /// Ends the sessions that should not be any more, and starts those that should be.
    pub(super) fn follow(&mut self, roster: &Roster) {
        let mut before = std::mem::take(&mut self.running);
        for agent in &roster.agents {
            for link in &agent.links {
                let name = (agent.config.name.clone(), link.relay.name.clone());
                let settings = settings(agent, link);
                let running = match before.remove(&name) {
                    Some(running) if running.settings == settings => running,
                    other => self.start(agent, link, settings, other),
                };
                self.running.insert(name, running);
            }
        }
        self.spread = Duration::ZERO;
        for gone in before.into_values() {
            gone.stop.cancel();
        }
    }

    /// A session that takes another's place waits for its end: the two would take the messages from each other.
    fn start(
        &self,
        agent: &Arc<LocalAgent>,
        link: &Link,
        settings: Settings,
        before: Option<Running>,
    ) -> Running {
        let stop = self.context.stop.child_token();
        let session = AgentSession::new(
            self.context.clone(),
            Arc::clone(agent),
            link.clone(),
            stop.clone(),
        )
        .delayed(random_part_of(self.spread));
        let task = self.context.tasks.spawn(async move {
            if let Some(before) = before {
                before.stop.cancel();
                let _ = before.task.await;
            }
            session.run().await;
        });
        Running {
            settings,
            stop,
            task,
        }
    }
}

/// Machines that start together, such as after a power cut, must not come to their relay together. A person who starts the daemon
/// waits for it.
fn spread_at_start() -> Duration {
    let up = std::fs::read_to_string("/proc/uptime").ok();
    let up = up.and_then(|text| {
        text.split('.')
            .next()?
            .parse()
            .ok()
            .map(Duration::from_secs)
    });
    let is_fresh = up.is_some_and(|up| up < BOOT);
    if is_fresh && config::is_managed() {
        SPREAD
    } else {
        Duration::ZERO
    }
}

fn random_part_of(whole: Duration) -> Duration {
    let nanos = u64::try_from(whole.as_nanos()).unwrap_or(0);
    Duration::from_nanos(clock::random_number() % (nanos + 1))
}

fn settings(agent: &LocalAgent, link: &Link) -> Settings {
    let mut config = agent.config.clone();
    // Where in the file it is written makes no difference, nor what is put to the relay or decided by message.
    config.origin = config::Origin::Default;
    config.display_name = None;
    config.visibility = None;
    config.inbox_policy = None;
    config.metadata = None;
    config.encrypt = Encrypt::default();
    config.require_encryption = false;
    Settings {
        agent: config,
        relay: link.relay.clone(),
        key: agent.public.to_string(),
    }
}
