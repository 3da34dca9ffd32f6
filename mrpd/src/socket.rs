//! The Unix socket: bound where only its user can reach it, and served to nobody else.
//!
//! The directory is the guard (some systems ignore a socket's mode): it is the user's own, for the user alone, and no link. Each
//! connection's user is checked as well.

mod passed;
mod place;
mod serve;

pub use passed::{API_SOCKET, Listener, Passed, PassedError};
pub use place::{BindError, Bound};
pub use serve::{Permitted, serve};

pub(crate) use serve::{converse, is_permitted};
