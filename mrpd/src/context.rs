//! What every part of the daemon works with. Cheap to clone; what a reload changes is read from it each time anew.

use crate::attachments::{Downloads, Uploads};
use crate::board::Board;
use crate::config::Config;
use crate::contacts::Contacts;
use crate::desk::Desk;
use crate::events::Events;
use crate::fanout::Fanout;
use crate::hooks::Hooks;
use crate::hooks::run::Runner;
use crate::outbox::Outbox;
use crate::roster::Roster;
use crate::socket::Passed;
use crate::store::Store;
use mrp_proto::key::PublicKey;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The daemon's parts, as they see each other.
#[derive(Debug, Clone)]
pub struct Context {
    /// Everything that is durable.
    pub store: Store,
    /// The way out.
    pub outbox: Outbox,
    /// Files that wait to go out.
    pub uploads: Uploads,
    /// Files that come in.
    pub downloads: Downloads,
    /// The way out to many.
    pub fanout: Fanout,
    /// What reads requests.
    pub desk: Desk,
    /// Names.
    pub contacts: Contacts,
    /// Agents and relays in force.
    pub roster: watch::Receiver<Arc<Roster>>,
    /// The configuration in force.
    pub config: watch::Receiver<Arc<Config>>,
    /// What is run when a message comes.
    pub hooks: Hooks,
    /// What runs programs.
    pub runner: Runner,
    /// How things stand.
    pub board: Board,
    /// What happens, for those who listen.
    pub events: Events,
    /// Sockets that the service manager has passed.
    pub passed: Passed,
    /// Cancelled when the daemon ends: every task ends then.
    pub stop: CancellationToken,
    /// The owner of all tasks; the end of the daemon waits for them.
    pub tasks: TaskTracker,
}

impl Context {
    /// The configuration in force now.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.borrow())
    }

    /// Agents and relays in force now.
    pub fn roster(&self) -> Arc<Roster> {
        Arc::clone(&self.roster.borrow())
    }

    /// Who `me` is: the local agent of a name, or the default one; nobody while there is none.
    pub fn own_key(&self, agent: Option<&str>) -> Option<PublicKey> {
        let roster = self.roster();
        let own = match agent {
            Some(name) => roster.agent(name),
            None => roster.default_agent(),
        };
        own.map(|own| own.public)
    }
}
