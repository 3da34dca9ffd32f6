//! The per-user daemon of the Machine Relay Protocol: it holds the sessions with the relays, keeps inbox and outbox, and
//! answers programs on a Unix socket.
//!
//! Its one rule: store before ack. A message is acknowledged to the relay only once it is in the inbox, and a send is answered
//! only once the draft is in the outbox. Every crash then means "again", never "gone", and ids make "again" harmless.
//!
//! Rooms, from the outside in:
//! - [`cli`]: the command line. [`config`]: `mrpd.toml`, its layers, and what is wrong with it.
//! - [`daemon`]: what runs, and who owns it. [`context`]: what all of it works with. [`shutdown`]: how it ends.
//! - [`board`]: how things stand. [`doctor`]: what is well and what is not. [`events`]: what happens.
//! - [`metrics`]: its figures.
//! - [`socket`], [`api`]: the local interface.
//! - [`session`], [`inbox`]: what comes in. [`outbox`]: what goes out.
//! - [`attachments`]: the files that travel along, both ways.
//! - [`topics`], [`desk`]: subscriptions, and requests that are answered. [`fanout`]: one message to many. [`ingress`], [`spool`]: local HTTP
//!   and files to messages.
//! - [`identity`], [`roster`]: own keys, and the agents that have them. [`contacts`]: others' keys.
//! - [`audience`]: who may. [`expression`]: conditions and templates over messages.
//! - [`hooks`]: programs that are run when a message comes. [`expects`]: and when none does.
//! - [`schedules`]: messages that are sent at certain times.
//! - [`store`]: one file with a journal before it, one writer, whole transactions. `leases`: work that comes back. `upkeep`: what goes.
//! - [`watch`]: noticing that files have changed. `folders`: what the system tells of them. `log`: how the log is written.
//! - `descriptors`: which files a program begins with.
//! - `crash`: points at which crash tests kill the process. `clock`: the time and random numbers.
//!
//! It must never know: how people are shown anything (that is mrpctl), or how a relay works inside.

pub mod api;
pub mod attachments;
pub mod audience;
pub mod board;
pub mod cli;
mod clock;
pub mod config;
pub mod contacts;
pub mod context;
mod crash;
pub mod daemon;
mod descriptors;
pub mod desk;
pub mod doctor;
pub mod events;
pub mod expects;
pub mod expression;
pub mod fanout;
mod folders;
pub mod hooks;
pub mod identity;
pub mod inbox;
pub mod ingress;
mod leases;
mod log;
pub mod metrics;
pub mod outbox;
pub mod roster;
pub mod schedules;
pub mod session;
pub mod shutdown;
pub mod socket;
pub mod spool;
pub mod store;
#[cfg(test)]
mod testing;
pub mod topics;
mod upkeep;
pub mod watch;

#[cfg(feature = "failpoints")]
pub use crash::POINTS;
