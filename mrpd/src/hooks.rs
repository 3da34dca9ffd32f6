//! Hooks: programs that are run when a message comes.
//!
//! - `hook`: which messages, and how often at once. `program`: what is done. `invocation`: one run, and what came of it.
//! - `run`: how it is done. `notify`: notes on the desktop.

mod hook;
pub mod invocation;
mod notify;
pub mod program;
pub mod run;

pub use hook::{Filter, Hook, Rate, ReplyForm, Retry};
