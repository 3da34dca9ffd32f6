//! Hooks: programs that are run when a message comes.
//!
//! - `hook`: which messages, and how often at once. `program`: what is done. `invocation`: one run, and what came of it.

mod hook;
pub mod invocation;
pub mod program;

pub use hook::{Filter, Hook, Rate, ReplyForm, Retry};
