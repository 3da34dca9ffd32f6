//! Open files that a program was started with and knows nothing of: they are closed, so that nothing leaks into what it starts.

use std::ops::Range;
use std::path::Path;

/// Closes everything above standard error that is open, but for the descriptors in `kept`. To be called before anything is opened.
pub(crate) fn close_inherited(kept: &Range<i32>) {
    let Ok(entries) = Path::new("/dev/fd").read_dir() else {
        return;
    };
    // The list holds the folder's own descriptor as well, which is closed by then: that closing fails does no harm.
    let numbers: Vec<i32> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for number in numbers {
        if number > 2 && !kept.contains(&number) {
            let _ = nix::unistd::close(number);
        }
    }
}
