//! What every operation of the store can fail with.

use std::path::PathBuf;

/// Why the store did not do what it was asked, whatever it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk failed, and the store is opening its database again. Whether the operation took effect is not known: the caller
    /// tries again later, with the same idempotency key.
    #[error("the store is not available; it is unknown whether the operation took effect")]
    Unavailable,
    /// Too much is waiting. Nothing was done: try again in a second.
    #[error("the store has too much to do")]
    Overloaded,
    /// A record is not as the store writes them. Nothing was done.
    #[error("the store holds a damaged record: {0}")]
    Corrupt(String),
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the database open.
    #[error("{path}: the database is in use by another process; stop that one first")]
    InUse {
        /// The database's file.
        path: PathBuf,
    },
    /// The database was written by a newer version.
    #[error(
        "{path}: the database has layout {found}, this program knows up to {known}; start the newer program"
    )]
    Newer {
        /// The database's file.
        path: PathBuf,
        /// The layout of the database.
        found: u64,
        /// The newest layout known.
        known: u64,
    },
    /// The file cannot be opened, read or repaired.
    #[error("{path}: cannot open the database: {cause}")]
    Failed {
        /// The database's file.
        path: PathBuf,
        /// What the engine or the system says.
        cause: String,
    },
    /// What was written last cannot be brought into the database.
    #[error("the journal: {0}")]
    Journal(Box<mrp_journal::OpenError>),
}

/// The store gave up: it could not open its database again. The process is to end, so that its supervisor starts a new one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store failed and could not be opened again: {cause}")]
pub struct Fatal {
    /// The last failure.
    pub cause: String,
}
