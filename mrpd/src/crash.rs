//! Named points at which a crash test kills the process.
//!
//! Without the feature `failpoints` none of it is compiled. With it, `FAILPOINTS="receive.committed=3*off->return"` in the
//! environment makes the process kill itself, as `kill -9` would, the fourth time that it comes to that point. `return(200)` stalls
//! there for 200 ms first: what another task said too early, an ack before its commit, has left the process by then.

/// Every point, in the order of receiving, of sending, of running a hook, of bringing the store's file up to date, and of putting a
/// new store in the place of a damaged one.
#[cfg(feature = "failpoints")]
pub const POINTS: &[&str] = &[
    "receive.read",
    "receive.before-commit",
    "receive.committed",
    "receive.before-ack",
    "receive.acked",
    "receive.before-publish",
    "send.before-commit",
    "send.committed",
    "send.before-post",
    "send.posted",
    "send.before-record",
    "send.recorded",
    "hook.before-queue",
    "hook.queued",
    "hook.begun",
    "hook.exited",
    "hook.replied",
    "hook.recorded",
    "store.before-checkpoint",
    "store.checkpointed",
    "salvage.table-saved",
    "salvage.saved",
    "salvage.set-aside",
    "salvage.installed",
];

/// Marks a point of [`POINTS`].
macro_rules! crash_point {
    ($name:literal) => {{
        #[cfg(feature = "failpoints")]
        {
            const _: () = assert!($crate::crash::is_listed($name), "list the point in POINTS");
            $crate::crash::reach($name);
        }
    }};
}

pub(crate) use crash_point;

/// Whether a name is one of [`POINTS`], for the compiler to ask.
#[cfg(feature = "failpoints")]
pub(crate) const fn is_listed(name: &str) -> bool {
    let mut index = 0;
    while index < POINTS.len() {
        if equal(POINTS[index].as_bytes(), name.as_bytes()) {
            return true;
        }
        index += 1;
    }
    false
}

#[cfg(feature = "failpoints")]
const fn equal(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut index = 0;
    while index < left.len() {
        if left[index] != right[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// Kills the process if the point was armed.
#[cfg(feature = "failpoints")]
pub(crate) fn reach(name: &str) {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    use std::time::Duration;
    let stall = |millis: Option<String>| millis.and_then(|text| text.parse().ok()).unwrap_or(0);
    if let Some(millis) = fail::eval(name, stall) {
        std::thread::sleep(Duration::from_millis(millis));
        let _ = kill(Pid::this(), Signal::SIGKILL);
        loop {
            std::thread::park();
        }
    }
}
