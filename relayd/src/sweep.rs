//! Freeing what time has passed by: in bounded batches, so that a large one holds up nobody (protocol A4.8).

use crate::app::App;
use crate::clock::Jump;
use crate::store::{StoreError, Swept};
use std::time::Duration;

/// Between two sweeps that found nothing left to do.
const PAUSE: Duration = Duration::from_secs(15);
/// Records of one batch, at most.
const BATCH: usize = 500;
/// How long a batch goes on. Sends that come meanwhile wait so long and longer.
const TIME: Duration = Duration::from_millis(1);
/// Between two batches: some thousand messages a second are freed so. With more the database would have to follow the journal so often
/// that sends feel it.
pub(crate) const BREATH: Duration = Duration::from_millis(9);

/// Sweeps until the relay ends, and looks at the clock meanwhile.
pub(crate) async fn run(app: &App) {
    let mut pause = PAUSE;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = app.shutdown.begun() => return,
        }
        watch_clock(app);
        pause = match batch(app).await {
            Ok(swept) if swept.more => BREATH,
            Ok(_) => PAUSE,
            Err(error) => {
                tracing::warn!(%error, "sweep failed; it is tried again");
                PAUSE
            }
        };
    }
}

/// One batch.
pub(crate) async fn batch(app: &App) -> Result<Swept, StoreError> {
    let swept = app.store.sweep_within(app.now(), BATCH, TIME).await?;
    app.metrics.swept(&swept);
    Ok(swept)
}

fn watch_clock(app: &App) {
    match app.clock.jump() {
        None => {}
        Some(Jump::Forward(by)) => {
            tracing::warn!(
                seconds = by.as_secs_f64(),
                "the system's clock jumped forward, or the machine slept"
            );
        }
        Some(Jump::Back(by)) => tracing::warn!(
            seconds = by.as_secs_f64(),
            "the system's clock was set back; the relay's own time waits until it is caught up, and refuses signatures \
             meanwhile if the step was large. If the earlier time was wrong, restart the relay"
        ),
    }
}
