//! What others ask of the engine, and what it says of a hook.

use super::hook::Hook;
use crate::store::{HookRecord, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// How long an answer may take: a run that begins never holds the engine up, but a disk can.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a hook stands.
#[derive(Debug, Clone)]
pub struct HookState {
    /// What is configured.
    pub hook: Arc<Hook>,
    /// What is kept of it.
    pub record: HookRecord,
    /// Messages before it.
    pub queued: usize,
    /// Runs at this moment.
    pub running: usize,
}

/// Why the engine did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HookError {
    /// There is no such hook.
    #[error("there is no hook {name:?}")]
    Unknown {
        /// Its name.
        name: String,
    },
    /// It is switched off, and would look at nothing.
    #[error(
        "the hook {name:?} is switched off; switch it on before it is to look at anything again"
    )]
    Disabled {
        /// Its name.
        name: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It does not answer.
    #[error("the hooks do not answer: the disk is slow, or the daemon is going away")]
    Silent,
}

/// What is asked of the engine.
#[derive(Debug)]
pub(super) enum Command {
    /// How do all hooks stand?
    List(oneshot::Sender<Vec<HookState>>),
    /// Switch one on or off.
    Switch {
        hook: String,
        disabled: bool,
        answer: oneshot::Sender<Result<Option<HookState>, StoreError>>,
    },
    /// Have one look again at what is behind a place.
    Replay {
        hook: String,
        cursor: u64,
        answer: oneshot::Sender<Result<Option<HookState>, StoreError>>,
    },
    /// Try a message again that was given up.
    Revive {
        hook: String,
        seq: u64,
        answer: oneshot::Sender<Result<bool, StoreError>>,
    },
}

/// Whether a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// It does. What came while it did not is not made up for.
    On,
    /// It does not; what it has before it waits.
    Off,
}

/// The way to the engine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hooks {
    commands: mpsc::Sender<Command>,
    changes: watch::Receiver<Overview>,
}

/// Numbers of all hooks together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overview {
    /// Hooks in force.
    pub configured: usize,
    /// Those among them that are switched off.
    pub disabled: usize,
    /// Messages before them.
    pub queued: usize,
    /// Runs at this moment.
    pub running: usize,
    /// Grows with each entry of the log.
    pub logged: u64,
}

impl Hooks {
    pub(super) fn new(commands: mpsc::Sender<Command>, changes: watch::Receiver<Overview>) -> Self {
        Self { commands, changes }
    }

    /// How all of them stand; changes with that, and whenever there is something new in the hook log.
    pub fn changes(&self) -> watch::Receiver<Overview> {
        self.changes.clone()
    }

    /// All hooks, in order.
    ///
    /// # Errors
    /// [`HookError::Silent`].
    pub async fn list(&self) -> Result<Vec<HookState>, HookError> {
        self.ask(Command::List).await
    }

    /// One hook.
    ///
    /// # Errors
    /// A [`HookError`].
    pub async fn find(&self, name: &str) -> Result<HookState, HookError> {
        let all = self.list().await?;
        all.into_iter()
            .find(|state| state.hook.name == name)
            .ok_or_else(|| unknown(name))
    }

    /// Switches a hook on or off; that outlives the daemon.
    ///
    /// # Errors
    /// A [`HookError`].
    pub async fn switch(&self, name: &str, switch: Switch) -> Result<HookState, HookError> {
        self.find(name).await?;
        let hook = name.to_owned();
        let disabled = switch == Switch::Off;
        let command = |answer| Command::Switch {
            hook,
            disabled,
            answer,
        };
        self.ask(command).await??.ok_or_else(|| unknown(name))
    }

    /// Has a hook look again at all messages behind a place.
    ///
    /// # Errors
    /// A [`HookError`].
    pub async fn replay(&self, name: &str, cursor: u64) -> Result<HookState, HookError> {
        if self.find(name).await?.record.disabled {
            let name = name.to_owned();
            return Err(HookError::Disabled { name });
        }
        let hook = name.to_owned();
        let command = |answer| Command::Replay {
            hook,
            cursor,
            answer,
        };
        self.ask(command).await??.ok_or_else(|| unknown(name))
    }

    /// Has a hook try a message again that it has given up; says whether there was one.
    ///
    /// # Errors
    /// A [`HookError`].
    pub async fn revive(&self, name: &str, seq: u64) -> Result<bool, HookError> {
        let hook = name.to_owned();
        let command = |answer| Command::Revive { hook, seq, answer };
        Ok(self.ask(command).await??)
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, HookError> {
        let (sender, answer) = oneshot::channel();
        let ask = async {
            self.commands
                .send(command(sender))
                .await
                .map_err(|_| HookError::Silent)?;
            answer.await.map_err(|_| HookError::Silent)
        };
        tokio::time::timeout(PATIENCE, ask)
            .await
            .unwrap_or(Err(HookError::Silent))
    }
}

fn unknown(name: &str) -> HookError {
    HookError::Unknown {
        name: name.to_owned(),
    }
}
