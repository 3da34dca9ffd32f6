//! Failures inside the store, before it is decided who hears of them.

use super::StoreError;

/// Why an operation could not be carried out, whatever it was.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The engine failed. Nothing can be done with this database until it is opened again.
    #[error("{0}")]
    Engine(#[from] redb::Error),
    /// A record is not as the store writes them.
    #[error("damaged: {0}")]
    Corrupt(&'static str),
    /// The store could, but will not.
    #[error(transparent)]
    Refused(StoreError),
}

impl Failure {
    pub(super) fn corrupt(what: &'static str) -> Self {
        Self::Corrupt(what)
    }

    /// What the caller hears.
    pub(super) fn to_error(&self) -> StoreError {
        match self {
            Self::Engine(_) => StoreError::Unavailable,
            Self::Corrupt(what) => StoreError::Corrupt((*what).to_owned()),
            Self::Refused(error) => error.clone(),
        }
    }
}

/// Why an operation stopped: it was refused for a reason of its own, or it could not be carried out.
#[derive(Debug)]
pub(super) enum Stop<E> {
    Refused(E),
    Failed(Failure),
}

impl<E> From<Failure> for Stop<E> {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The engine has an error type for each step; here they are all one.
macro_rules! engine_errors {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Engine(error.into())
            }
        }

        impl<E> From<$error> for Stop<E> {
            fn from(error: $error) -> Self {
                Self::Failed(error.into())
            }
        }
    )*};
}

engine_errors!(
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::DatabaseError
);
