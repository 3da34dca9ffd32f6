//! A write-ahead journal in front of redb: the storage below both daemons.
//!
//! redb copies a page for every change of a commit, and syncs twice: dear, if each message is to be on disk before it is
//! acknowledged. So changes are made in a write transaction that stays open over many acknowledgements, and what makes them last is
//! a journal: one record for each group of operations, appended and synced, before anybody is answered. The database is brought up
//! to date in larger steps. What redb has and what the journal has beyond it are always the whole truth.
//!
//! - [`Transaction`] and [`Table`]: redb's, but every change is written down as it is made ([`Transaction::take_record`]).
//! - [`Journal`]: files that records are appended to and read back from. It says in the database up to where that one has them, in a
//!   [checkpoint](Journal::checkpoint); files whose records the database has all of are used again from then on.
//! - [`Visibility`] and [`show`]: whether readers see what was answered, and having them see it.
//! - [`Journal::open`] replays what the database lacks, so what a start costs after a crash is bounded by what was written since the
//!   last checkpoint, whatever the size of the database.
//!
//! - [`salvage`]: as much of it where the files are damaged, for whoever then moves them away.
//!
//! A record holds rows, not operations: applying one twice is the same as once, and a newer program can replay an older one's.
//!
//! The crate knows neither the daemons' tables nor their operations, and it starts no thread.

#![deny(missing_docs)]

mod journal;
mod record;
mod replay;
mod segment;
mod tables;
mod visibility;

pub use journal::{Journal, OpenError, Options, Salvaged, TABLE, adopt, salvage};
pub use record::Record;
pub use replay::{Replay, ReplayError};
pub use tables::{Table, Transaction};
pub use visibility::{Visibility, show};
