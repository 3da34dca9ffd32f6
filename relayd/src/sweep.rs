//! Freeing what time has passed by: in bounded batches, so that a large one holds up nobody (protocol A4.8).

use crate::app::App;
use crate::clock::Jump;
use crate::store::{StoreError, Swept};
use std::time::{Duration, Instant};

/// Between two sweeps that found nothing left to do.
const PAUSE: Duration = Duration::from_secs(15);
/// Records of one batch, at most.
const BATCH: usize = 500;
/// How long a batch goes on at first. Sends that come meanwhile wait so long and longer, and the more is freed in a second, the more
/// often the database has to follow the journal.
const TIME: Duration = Duration::from_micros(250);
/// How long it stays at that, which is about what half a million messages take that expire at once. Then it doubles each minute in which
/// there is always more.
const CALM: Duration = Duration::from_secs(3 * 60);
/// How long a batch goes on at most: two thirds of the time.
const LONGEST: Duration = Duration::from_millis(5);
/// Between two batches, so that sends come in between.
pub(crate) const BREATH: Duration = Duration::from_micros(2_500);

/// Sweeps until the relay ends, and looks at the clock meanwhile.
pub(crate) async fn run(app: &App) {
    let mut pause = PAUSE;
    // How long there was always more; half of it is kept when there is none, since what comes as fast comes again.
    let mut late = Duration::ZERO;
    loop {
        let begun = Instant::now();
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = app.shutdown.begun() => return,
        }
        watch_clock(app);
        pause = match batch(app, time_after(late)).await {
            Ok(swept) if swept.more => {
                late = late.saturating_add(begun.elapsed());
                BREATH
            }
            Ok(_) => {
                late /= 2;
                PAUSE
            }
            Err(error) => {
                tracing::warn!(%error, "sweep failed; it is tried again");
                PAUSE
            }
        };
    }
}

/// How long a batch goes on when there was more for so long.
fn time_after(late: Duration) -> Duration {
    let Some(longer) = late.checked_sub(CALM) else {
        return TIME;
    };
    let doublings = u32::try_from(longer.as_secs() / 60 + 1).unwrap_or(u32::MAX);
    TIME.saturating_mul(2_u32.saturating_pow(doublings))
        .min(LONGEST)
}

/// One batch.
pub(crate) async fn batch(app: &App, time: Duration) -> Result<Swept, StoreError> {
    let swept = app.store.sweep_within(app.now(), BATCH, time).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_that_stays_behind_frees_more_at_a_time() {
        let after = |seconds| time_after(Duration::from_secs(seconds)).as_micros();
        let times = [0, 179, 180, 240, 360, 420].map(after);
        assert_eq!(times, [250, 250, 500, 1_000, 4_000, 5_000]);
        assert_eq!(time_after(Duration::MAX), LONGEST);
    }
}
