//! `[[expect]]`.

use super::{hook, program};
use crate::audience::Groups;
use crate::config::reader::Reader;
use crate::expects::Expect;
use crate::hooks::program::Input;
use mrpd_api::paths::Paths;
use std::time::Duration;

/// The shortest time within which something can be expected.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest: five years.
const LONGEST: Duration = Duration::from_secs(5 * 366 * 24 * 3600);

/// Reads a dead-man switch.
pub(super) fn read(
    mut reader: Reader<'_>,
    name: &str,
    groups: &Groups,
    agents: &[String],
    defaults: &hook::Defaults,
    paths: &Paths,
) -> Option<Expect> {
    let filter = hook::read_filter(&mut reader, groups, agents);
    let program = program::read(&mut reader, &defaults.program, Input::Nothing, paths);
    let every = reader.duration("every", Duration::ZERO);
    if !(SHORTEST..=LONGEST).contains(&every) {
        reader.wrong(
            "every",
            "expected from 1s to 1830d, such as every = \"24h\"",
        );
    }
    let grace = reader.duration("grace", Duration::ZERO);
    if grace > LONGEST {
        reader.wrong("grace", "must be at most 1830d");
    }
    reader.finish();
    Some(Expect {
        name: name.to_owned(),
        filter,
        every,
        grace,
        program: program?,
    })
}
