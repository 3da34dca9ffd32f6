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
    let max_size = read_size(&mut reader, "max_size", 25 * MIB);
    let dir = reader.text_or("dir", &shown.to_string_lossy());
    let conflict = reader.choice("conflict", CONFLICT, Conflict::Rename);
    let max_outgoing = read_size(&mut reader, "max_outgoing", 100 * MIB);
    let outgoing_bytes = read_size(&mut reader, "outgoing_bytes", 1024 * MIB);
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

fn read_size<'a>(reader: &mut Reader<'a>, key: &'a str, default: u64) -> u64 {
    reader.parsed(
        key,
        "a size such as 512KiB, 25MiB or 2GiB",
        default,
        parse,
        |&size| show(size),
    )
}

const UNITS: &[(&str, u64)] = &[("GiB", 1 << 30), ("MiB", MIB), ("KiB", 1 << 10), ("B", 1)];

fn parse(text: &str) -> Option<u64> {
    let (number, unit) = UNITS
        .iter()
        .find_map(|(unit, size)| Some((text.strip_suffix(unit)?, *size)))
        .unwrap_or((text, 1));
    number.trim().parse::<u64>().ok()?.checked_mul(unit)
}

fn show(size: u64) -> String {
    let unit = UNITS
        .iter()
        .find(|(_, unit)| size >= *unit && size.is_multiple_of(*unit));
    match unit {
        Some((name, unit)) => format!("{}{name}", size / unit),
        None => format!("{size}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_binary_units_and_shown_as_they_are_written() {
        for (text, size) in [("25MiB", 25 * MIB), ("2GiB", 2 << 30), ("7B", 7), ("0B", 0)] {
            assert_eq!(parse(text), Some(size));
            assert_eq!(show(size), text);
        }
        assert_eq!(parse("1024"), Some(1024));
        for wrong in ["", "MiB", "-1", "25MB", "1.5MiB", "99999999999999GiB"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
