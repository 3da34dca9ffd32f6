//! The local agents with their keys and relays, as the configuration in force names them.

use crate::config::{self, BoundAuth, Config, KeySource, Problem, Severity};
use crate::identity;
use mrp_client::{Binding, Relay, RelayUrl};
use mrp_proto::key::{PublicKey, SecretKey};
use std::sync::Arc;

/// A local agent, able to sign and to open.
#[derive(Debug, Clone)]
pub struct LocalAgent {
    /// What is configured.
    pub config: config::Agent,
    /// Its private key.
    pub secret: Arc<SecretKey>,
    /// Its address.
    pub public: PublicKey,
    /// Its relays, in order; at least one.
    pub links: Vec<Link>,
}

/// An agent's way to one of its relays.
#[derive(Debug, Clone)]
pub struct Link {
    /// What is configured.
    pub relay: config::Relay,
    /// Signed requests.
    pub client: Relay,
}

/// All of them. One roster is one state of the configuration; a reload makes another.
#[derive(Debug, Default)]
pub struct Roster {
    /// Agents, in order.
    pub agents: Vec<Arc<LocalAgent>>,
    /// Relays, in order.
    pub relays: Vec<config::Relay>,
    default: usize,
}

impl Roster {
    /// Loads the keys and prepares the ways to the relays. Agents and relays of `before` that have not changed are taken over,
    /// with their connections.
    ///
    /// # Errors
    /// The [`Problem`]s of every agent whose key cannot be used.
    pub fn load(config: &Config, before: &Self) -> Result<Self, Vec<Problem>> {
        let mut agents: Vec<Arc<LocalAgent>> = Vec::with_capacity(config.agents.len());
        let mut problems = Vec::new();
        for agent in &config.agents {
            match load_agent(agent, config, before) {
                Ok(loaded) => {
                    let twin = agents.iter().find(|other| other.public == loaded.public);
                    if let Some(twin) = twin {
                        let what = format!("has the same key as agent {:?}", twin.config.name);
                        problems.push(problem(agent, what));
                    }
                    agents.push(loaded);
                }
                Err(what) => problems.push(problem(agent, what)),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let named = config.default_agent.as_deref();
        let default = agents
            .iter()
            .position(|agent| Some(agent.config.name.as_str()) == named)
            .unwrap_or(0);
        Ok(Self {
            agents,
            relays: config.relays.clone(),
            default,
        })
    }

    /// The agent that is meant where none is named; `None` if there is none at all.
    pub fn default_agent(&self) -> Option<&Arc<LocalAgent>> {
        self.agents.get(self.default)
    }

    /// The agent of that name.
    pub fn agent(&self, name: &str) -> Option<&Arc<LocalAgent>> {
        self.agents.iter().find(|agent| agent.config.name == name)
    }

    /// The agent with that address.
    pub fn agent_by_key(&self, key: &str) -> Option<&Arc<LocalAgent>> {
        self.agents
            .iter()
            .find(|agent| agent.public.to_string() == key)
    }
}

#[cfg(test)]
impl Roster {
    /// Of agents that need no configuration.
    pub(crate) fn of(agents: Vec<LocalAgent>) -> Self {
        let relays = agents
            .first()
            .map(|agent| agent.links.iter().map(|link| link.relay.clone()).collect());
        Self {
            relays: relays.unwrap_or_default(),
            agents: agents.into_iter().map(Arc::new).collect(),
            default: 0,
        }
    }
}

impl LocalAgent {
    /// Its way to the relay of that local name.
    pub fn link(&self, relay: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.relay.name == relay)
    }

    /// Its way to the relay at that URL.
    pub fn link_to(&self, url: &RelayUrl) -> Option<&Link> {
        self.links.iter().find(|link| link.relay.url == *url)
    }
}

fn load_agent(
    agent: &config::Agent,
    config: &Config,
    before: &Roster,
) -> Result<Arc<LocalAgent>, String> {
    let secret = load_secret(agent, before)?;
    let public = secret.public();
    let known = before.agents.iter().find(|known| known.public == public);
    let mut links = Vec::with_capacity(agent.relays.len());
    for relay in &config.relays {
        if !agent.relays.contains(&relay.name) {
            continue;
        }
        let binding = match agent.bound_auth {
            BoundAuth::Prefer => Binding::default(),
            BoundAuth::Require => Binding::required(),
        };
        let same = |link: &&Link| link.client.binding().is_required() == binding.is_required();
        let client = match known
            .and_then(|known| known.link_to(&relay.url))
            .filter(same)
        {
            Some(link) => link.client.clone(),
            None => Relay::with_binding(relay.url.clone(), Arc::clone(&secret), binding)
                .map_err(|error| format!("relay {:?}: {error}", relay.name))?,
        };
        links.push(Link {
            relay: relay.clone(),
            client,
        });
    }
    let place = |link: &Link| {
        agent
            .relays
            .iter()
            .position(|name| *name == link.relay.name)
    };
    links.sort_by_key(place);
    Ok(Arc::new(LocalAgent {
        config: agent.clone(),
        secret,
        public,
        links,
    }))
}

/// A program may have asked its user for a passphrase: it is not asked again for the same key.
fn load_secret(agent: &config::Agent, before: &Roster) -> Result<Arc<SecretKey>, String> {
    let known = before
        .agents
        .iter()
        .find(|known| known.config.key == agent.key && matches!(agent.key, KeySource::Command(_)));
    if let Some(known) = known {
        return Ok(Arc::clone(&known.secret));
    }
    let secret = identity::load(&agent.name, &agent.key).map_err(|error| error.to_string())?;
    Ok(Arc::new(secret))
}

fn problem(agent: &config::Agent, what: String) -> Problem {
    Problem {
        severity: Severity::Fatal,
        origin: agent.origin.clone(),
        field: format!("agent.{}", agent.name),
        what,
    }
}
