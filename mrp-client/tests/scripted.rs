//! The client against peers that say exactly what a test wants said: refusals, nonsense, silence, and things in the worst order.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helper fails its test by panicking"
)]

#[path = "scripted/http.rs"]
mod http;
#[path = "scripted/http_relay.rs"]
mod http_relay;
#[path = "scripted/session.rs"]
mod session;
#[path = "scripted/session_relay.rs"]
mod session_relay;

use std::future::Future;
use std::time::Duration;

/// What should happen at once may take this long on a busy machine; what takes longer does not happen.
const DEADLINE: Duration = Duration::from_secs(20);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .expect("it did not happen in time")
}
