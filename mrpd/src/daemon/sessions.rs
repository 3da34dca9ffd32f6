//! The sessions there should be, one for each agent and relay: a change of the roster ends and starts only those it concerns.

use crate::config;
use crate::context::Context;
use crate::roster::{Link, LocalAgent, Roster};
use crate::session::AgentSession;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

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
}

impl Sessions {
    pub(super) fn new(context: Context) -> Self {
        Self {
            context,
            running: HashMap::new(),
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
        );
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

fn settings(agent: &LocalAgent, link: &Link) -> Settings {
    let mut config = agent.config.clone();
    // Where in the file it is written makes no difference.
    config.origin = config::Origin::Default;
    Settings {
        agent: config,
        relay: link.relay.clone(),
        key: agent.public.to_string(),
    }
}
