//! Hooks: programs that are run when a message comes.
//!
//! - `hook`: which messages, and how often at once. `program`: what is done. `invocation`: one run, and what came of it.
//! - `matching`, `look`: which messages are for which hooks. `queue`: what may begin when. `engine`: the task that all hooks belong to.
//! - `work`: one run and its record. `trial`: one by hand. `reply`: what it answers.
//! - `run`: how it is done. `contract`: the same in words. `notify`: notes on the desktop.
//!
//! A message is a hook's until its end is recorded: a daemon that dies in between runs the hook again, and the hook sees by
//! `MRP_ATTEMPT` that it may have been there before. Hooks are readers of their own: what they do with a message is no business of
//! the inbox, and a message that no hook can take holds up neither the inbox nor other hooks.

mod answer;
pub(crate) mod contract;
mod engine;
mod hook;
pub mod invocation;
mod look;
mod matching;
mod notify;
pub mod program;
mod queue;
mod reply;
pub mod run;
mod state;
mod trial;
mod work;

use crate::audience::Proof;
use crate::contacts::Names;
use mrpd_api::message::Message;

pub use mrpd_api::hook::automatic;

pub use engine::Engine;
pub(crate) use engine::proof_of;
pub use hook::{Filter, Hook, Rate, ReplyForm, Retry};
pub use matching::remedy;
pub(crate) use matching::{Verdict, judge};
pub use state::{HookError, HookState, Hooks, Overview, Switch};
pub use trial::Trial;

/// Whether a hook will be run for a message.
pub(crate) fn takes(hook: &Hook, message: &Message, proof: Proof, names: &Names) -> bool {
    matching::judge(&hook.filter, message, proof, names) == matching::Verdict::Run
}
