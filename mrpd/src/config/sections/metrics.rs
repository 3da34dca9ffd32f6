//! `[metrics]`.

use crate::config::Metrics;
use crate::config::reader::Reader;
use mrpd_api::paths::Paths;
use std::path::Path;
use std::time::Duration;

/// How often the file is written where nothing else is said.
const INTERVAL: Duration = Duration::from_secs(60);
/// The shortest such time.
const SHORTEST: Duration = Duration::from_secs(1);

/// Reads the section.
pub(super) fn read(top: &mut Reader<'_>, paths: &Paths) -> Metrics {
    let mut reader = top.child("metrics");
    let textfile = reader
        .text("textfile")
        .filter(|text| !text.is_empty())
        .map(|text| paths.expand(Path::new(&text)));
    let mut interval = reader.duration("interval", INTERVAL);
    if interval < SHORTEST {
        reader.wrong("interval", "must be at least 1s");
        interval = INTERVAL;
    }
    reader.finish();
    Metrics { textfile, interval }
}
