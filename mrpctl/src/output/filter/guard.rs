//! A filter of the user's may go on for ever, and nothing else runs meanwhile: nobody looks at signals or at the clock. Then the
//! program is ended from outside.

use crate::exit::Failure;
use crate::output::{Audience, tell};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long a filter may go on once the program is to end. Most have ended by then, and the program ends as it always does.
const PATIENCE: Duration = Duration::from_millis(500);

/// How often a filter was begun and ended: odd while one runs.
static TURNS: AtomicU64 = AtomicU64::new(0);

/// Who reads why the program ends, once there is a filter that may keep it from ending.
static AUDIENCE: OnceLock<Audience> = OnceLock::new();

/// There is a filter.
pub(super) fn announce(audience: Audience) {
    AUDIENCE.get_or_init(|| audience);
}

/// Runs it.
pub(super) fn watched<T>(filter: impl FnOnce() -> T) -> T {
    TURNS.fetch_add(1, Ordering::Relaxed);
    let done = filter();
    TURNS.fetch_add(1, Ordering::Relaxed);
    done
}

/// Ends the program for the reason that `ending` gives, if a filter keeps it from ending for that reason by itself. It costs a thread,
/// where there is a filter.
pub(crate) fn end_stuck_filters<F>(ending: impl FnOnce() -> F + Send + 'static)
where
    F: Future<Output = Failure>,
{
    let Some(audience) = AUDIENCE.get().copied() else {
        return;
    };
    std::thread::spawn(move || {
        // Without it filters are as they are, and only they: nothing is lost.
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
        else {
            return;
        };
        runtime.block_on(async {
            let failure = ending().await;
            loop {
                let turn = TURNS.load(Ordering::Relaxed);
                tokio::time::sleep(PATIENCE).await;
                if turn % 2 == 1 && TURNS.load(Ordering::Relaxed) == turn {
                    tell(&failure, audience);
                    std::process::exit(failure.exit().into());
                }
            }
        });
    });
}
