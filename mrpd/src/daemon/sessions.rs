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

/// How long a session that was ended may take before it is taken away: longer than anything in its end is bounded by.
const PARTING: Duration = Duration::from_secs(20);

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
    /// Sessions that were told to end and may not have yet.
    ending: HashMap<(String, String), JoinHandle<()>>,
    /// How long the sessions of the daemon's start may be put off.
    spread: Duration,
}

impl Sessions {
    pub(super) fn new(context: Context) -> Self {
        Self {
            context,
            running: HashMap::new(),
            ending: HashMap::new(),
            spread: spread_at_start(),
        }
    }

    /// Ends the sessions that should not be any more, and starts those that should be.
    pub(super) fn follow(&mut self, roster: &Roster) {
        self.ending.retain(|_, task| !task.is_finished());
        let mut before = std::mem::take(&mut self.running);
        for agent in &roster.agents {
            for link in &agent.links {
                let name = (agent.config.name.clone(), link.relay.name.clone());
                let settings = settings(agent, link);
                let running = match before.remove(&name) {
                    Some(running) if running.settings == settings => running,
                    other => {
                        let before = other
                            .map(Running::end)
                            .or_else(|| self.ending.remove(&name));
                        self.start(agent, link, settings, before)
                    }
                };
                self.running.insert(name, running);
            }
        }
        self.spread = Duration::ZERO;
        for (name, gone) in before {
            self.ending.insert(name, gone.end());
        }
    }

    /// A session that takes another's place waits for its end, also where there was none in between: the two would take the messages
    /// from each other.
    fn start(
        &self,
        agent: &Arc<LocalAgent>,
        link: &Link,
        settings: Settings,
        before: Option<JoinHandle<()>>,
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
                end_of(before, PARTING).await;
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

impl Running {
    /// Tells it to end.
    fn end(self) -> JoinHandle<()> {
        self.stop.cancel();
        self.task
    }
}

/// Waits until a session has ended; one that does not in time is taken away.
async fn end_of(mut task: JoinHandle<()>, limit: Duration) {
    if tokio::time::timeout(limit, &mut task).await.is_err() {
        tracing::warn!("a session did not end by itself");
        task.abort();
        let _ = task.await;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use tokio::sync::oneshot;

    /// Sessions of which one is there that ends when the sender says so or is dropped, and a roster that has it.
    fn one_that_lingers(context: Context) -> (Sessions, Roster, oneshot::Sender<()>) {
        let roster = Roster::of(vec![testing::agent("me", 9)]);
        let mut sessions = Sessions::new(context);
        let (release, released) = oneshot::channel();
        let agent = &roster.agents[0];
        let running = Running {
            settings: settings(agent, &agent.links[0]),
            stop: CancellationToken::new(),
            task: tokio::spawn(async { drop(released.await) }),
        };
        let name = ("me".to_owned(), "home".to_owned());
        sessions.running.insert(name, running);
        (sessions, roster, release)
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_that_is_back_begins_when_the_one_before_has_ended() {
        let dir = tempfile::tempdir().unwrap();
        let context = testing::parts(dir.path(), Vec::new()).await.context;
        let (mut sessions, roster, release) = one_that_lingers(context.clone());
        // The clock goes on when nothing else does.
        for _ in 0..2 {
            sessions.follow(&Roster::default());
            sessions.follow(&roster);
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(context.board.sessions(), []);
        }
        let mut changes = context.board.changes();
        release.send(()).unwrap();
        changes.changed().await.unwrap();
        assert_eq!(context.board.sessions().len(), 1);
        context.stop.cancel();
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_that_does_not_end_is_not_waited_for_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let context = testing::parts(dir.path(), Vec::new()).await.context;
        let (mut sessions, roster, _lingers) = one_that_lingers(context.clone());
        sessions.follow(&Roster::default());
        let mut changes = context.board.changes();
        sessions.follow(&roster);
        changes.changed().await.unwrap();
        assert_eq!(context.board.sessions().len(), 1);
        context.stop.cancel();
    }
}
