//! Files that travel with messages.
//!
//! Out: `uploads` takes a file in, sealed on the disk while it streams, and durable before that is answered; `bring` gets it to the relay
//! before its message is posted. In: `downloads` decides what is fetched, `fetch` reads, opens and checks it, `folder` puts it where the
//! user finds it, under a name that `mrpd_api::filename` makes of what the sender wrote. A file is never whole in memory.

mod bring;
mod downloads;
mod fetch;
mod folder;
mod uploads;

pub use bring::BringError;
pub use downloads::{DemandError, Downloads};
pub use fetch::FetchError;
pub use uploads::{Description, ReceiveError, Uploads};

pub(crate) use bring::{clear, upload};
