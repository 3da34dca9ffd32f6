//! `[attachments]`.

use crate::config::reader::Reader;
use crate::config::{Attachments, Conflict, Whose};
use mrpd_api::paths::Paths;
use std::path::Path;

const MIB: u64 = 1 << 20;
const WHOSE: &[(&str, Whose)] = &[
    ("never", Whose::Nobody),
    ("known", Whose::Known),
    ("trusted", Whose::Trusted),
    ("always", Whose::Everybody),
];
const CONFLICT: &[(&str, Conflict)] = &[
    ("rename", Conflict::Rename),
    ("skip", Conflict::Skip),
    ("overwrite", Conflict::Overwrite),
];

/// Reads the section.
pub(super) fn read(top: &mut Reader<'_>, paths: &Paths) -> Attachments {
    let default_dir = paths.attachments_dir();
    let shown = paths.contract(&default_dir);
    let mut reader = top.child("attachments");
    let download = reader.choice("download", WHOSE, Whose::Known);
    let max_size = reader.size("max_size", 25 * MIB, 0..=u64::MAX);
    let dir = reader.text_or("dir", &shown.to_string_lossy());
    let conflict = reader.choice("conflict", CONFLICT, Conflict::Rename);
    let max_outgoing = reader.size("max_outgoing", 100 * MIB, 0..=u64::MAX);
    let outgoing_bytes = reader.size("outgoing_bytes", 1024 * MIB, 0..=u64::MAX);
    reader.finish();
    Attachments {
        download,
        max_size,
        dir: paths.expand(Path::new(&dir)),
        conflict,
        max_outgoing,
        outgoing_bytes,
    }
}
