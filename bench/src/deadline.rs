//! What ends a scenario that takes too long, and a run that is interrupted.

use crate::{process, scratch};
use anyhow::Context as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// A time after which the servers of a scenario are killed, so that whatever waits for them fails.
#[derive(Debug)]
pub(crate) struct Deadline {
    most: Duration,
    is_over: Arc<AtomicBool>,
    /// Its end is the scenario's.
    _scenario: Sender<()>,
}

/// A scenario may be about to start another one.
const AGAIN: Duration = Duration::from_secs(1);

impl Deadline {
    pub(crate) fn after(most: Duration) -> Self {
        let (scenario, ended) = channel::<()>();
        let is_over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_over);
        std::thread::spawn(move || {
            let mut left = most;
            while ended.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
                told.store(true, Ordering::Relaxed);
                process::kill_all();
                left = AGAIN;
            }
        });
        Self {
            most,
            is_over,
            _scenario: scenario,
        }
    }

    /// What a scenario came to, unless it was ended.
    pub(crate) fn check<T>(self, outcome: anyhow::Result<T>) -> anyhow::Result<T> {
        if self.is_over.load(Ordering::Relaxed) {
            let seconds = self.most.as_secs();
            outcome
                .and_then(|_| anyhow::bail!("ended too late"))
                .with_context(|| format!("took more than {seconds} s (--most-seconds)"))
        } else {
            outcome
        }
    }
}

/// Leaves neither processes nor files behind when the run is told to end.
pub(crate) fn clear_up_when_interrupted() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let _entered = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    drop(_entered);
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        process::kill_all();
        scratch::close();
        std::process::exit(130);
    });
    Ok(())
}
