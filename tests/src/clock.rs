//! A wall clock that a test sets, for the programs that are started with its variables. The clocks that nobody sets stay real.

use std::path::{Path, PathBuf};

/// The clock.
#[derive(Debug)]
pub struct Clock {
    file: PathBuf,
    library: String,
}

impl Clock {
    /// One that shows the real time, kept in this folder; `None` where libfaketime is not installed: without the library the loader
    /// only warns, and no clock jumps.
    pub fn new(folder: &Path) -> Option<Self> {
        let library = ["x86_64", "aarch64"]
            .map(|machine| format!("/usr/lib/{machine}-linux-gnu/faketime/libfaketime.so.1"))
            .into_iter()
            .find(|library| Path::new(library).exists())?;
        let clock = Self {
            file: folder.join("offset"),
            library,
        };
        clock.set(0);
        Some(clock)
    }

    /// Sets it to so many seconds ahead of the real time, or behind.
    pub fn set(&self, seconds: i64) {
        let new = self.file.with_extension("new");
        std::fs::write(&new, format!("{seconds:+}")).expect("the offset is written");
        // Whoever reads it meanwhile must not find half of it.
        std::fs::rename(&new, &self.file).expect("the clock is set");
    }

    /// The variables of programs that have this clock.
    pub fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("LD_PRELOAD", self.library.clone()),
            (
                "FAKETIME_TIMESTAMP_FILE",
                self.file.to_string_lossy().into_owned(),
            ),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }
}
