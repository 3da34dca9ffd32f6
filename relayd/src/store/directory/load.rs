//! Loading the order by activity at the start, beside everything else: the relay serves meanwhile, and searches wait.

use super::super::clock::from_millis;
use super::super::engine::{Shared, View};
use super::super::failure::Failure;
use super::super::record::AgentKey;
use super::super::tables::ACTIVITY;
use super::NUMBERS;
use super::recency::Place;
use redb::ReadableTableMetadata as _;
use std::ops::Bound;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Agents that are read at a time: the database is let go of in between, so that it can be closed.
const SLICE: usize = 16_384;
/// Between attempts while the database is away.
const PAUSE: Duration = Duration::from_millis(100);

/// Loads the order: at once where nobody is listed, else on a thread of its own.
pub(in crate::store) fn load(shared: &Arc<Shared>) -> std::io::Result<()> {
    if nobody_is_listed(shared).unwrap_or(false) {
        shared.recency.load(Vec::new());
        return Ok(());
    }
    let shared = Arc::downgrade(shared);
    std::thread::Builder::new()
        .name("store-directory".to_owned())
        .spawn(move || load_in_slices(&shared))?;
    Ok(())
}

fn nobody_is_listed(shared: &Shared) -> Result<bool, Failure> {
    let database = shared.database().map_err(Failure::Refused)?;
    let view = View::of(shared, &database)?;
    Ok(view.transaction.open_table(NUMBERS)?.is_empty()?)
}

/// Ends early if the store is dropped.
fn load_in_slices(shared: &Weak<Shared>) {
    let mut places = Vec::new();
    let mut last = None;
    while let Some(shared) = shared.upgrade() {
        match read_slice(&shared, last, &mut places) {
            Ok(None) => {
                shared.recency.load(places);
                return;
            }
            Ok(next) => last = next,
            Err(failure) => {
                drop(shared);
                tracing::debug!(%failure, "the directory cannot be loaded yet");
                std::thread::sleep(PAUSE);
            }
        }
    }
}

/// Reads on behind an agent; the answer is the last one that was read, `None` at the end.
fn read_slice(
    shared: &Shared,
    last: Option<AgentKey>,
    places: &mut Vec<Place>,
) -> Result<Option<AgentKey>, Failure> {
    let database = shared.database().map_err(Failure::Refused)?;
    let view = View::of(shared, &database)?;
    let numbers = view.transaction.open_table(NUMBERS)?;
    let activity = view.transaction.open_table(ACTIVITY)?;
    let begin = last.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    let range = numbers.range::<&AgentKey>((begin, Bound::Unbounded))?;
    let mut next = None;
    for (index, entry) in range.take(SLICE).enumerate() {
        let (agent, number) = entry?;
        let millis = activity.get(agent.value())?.map_or(0, |time| time.value());
        places.push(Place::new(from_millis(millis), number.value()));
        next = (index + 1 == SLICE).then(|| *agent.value());
    }
    Ok(next)
}
