//! What the tests of whole programs share: processes with a sealed environment, bounded in time, gone when the test is.
//!
//! - [`programs`]: the programs under test, built once.
//! - [`process`]: one process: started, awaited with a deadline, killed at the latest when dropped.
//! - [`python`]: published clients and tools in their virtual environments.
//! - [`sdk`]: a peer that is the published Python SDK.
//! - [`crafted`]: messages that no honest program makes, keys that are seldom made.
//! - [`disk`]: a file system small enough to be filled.
//! - [`document`]: blocks of code in documents.
//! - [`agent`]: an agent that speaks HTTP byte by byte.
//! - [`relay`]: a relay of the test's own.
//! - [`proxy`]: a proxy before it that knows no WebSockets.
//! - [`terminal`]: a terminal that a test sits at.
//! - [`user`]: a user with a home of their own.
//! - [`clock`]: a wall clock that a test sets.
//! - [`wire`]: an agent that speaks to a relay by hand.

pub mod agent;
pub mod clock;
pub mod crafted;
pub mod disk;
pub mod document;
pub mod process;
pub mod programs;
pub mod proxy;
pub mod python;
pub mod relay;
pub mod sdk;
pub mod terminal;
pub mod user;
pub mod wire;

use std::io::Write as _;
use std::time::Duration;

/// How long anything in a test may take before the test gives up: generous, since test machines are slow and shared.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Names what is skipped where whoever runs the tests sees it: the test runner keeps what is merely printed to itself.
pub fn skip(why: &str) {
    assert!(
        std::env::var_os("CI").is_none(),
        "{why}, and this machine is one that must run every test"
    );
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "skipped {test}: {why}");
}
