//! On what the figures were measured, and of which versions they are.

use crate::peer::installed;
use crate::process::{Programs, field};
use crate::scratch;
use std::path::Path;
use std::process::Command;

/// What a reader must know about the machine.
pub(crate) fn machine() -> Vec<(&'static str, String)> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processors = read("/proc/cpuinfo");
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.trim().strip_prefix(':'))
        .map_or("unknown model", str::trim);
    let memory = read("/proc/meminfo");
    let kibibytes = field(&memory, "MemTotal").unwrap_or_default();
    let kibibytes: u64 = kibibytes.trim_end_matches(" kB").parse().unwrap_or(0);
    let disk = scratch::root().and_then(scratch::file_system);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    vec![
        ("processors", format!("{cores} × {model}")),
        ("memory", format!("{} MiB", kibibytes >> 10)),
        (
            "kernel",
            read("/proc/sys/kernel/osrelease").trim().to_owned(),
        ),
        (
            "file system of the data",
            disk.unwrap_or_else(|_| "unknown".to_owned()),
        ),
        ("load before (1 min)", load.to_owned()),
    ]
}

/// The versions of everything that is compared, and of what built ours.
pub(crate) fn versions(programs: &Programs) -> Vec<(&'static str, String)> {
    let ours = |program: anyhow::Result<std::path::PathBuf>| {
        program.map_or_else(
            |error| error.to_string(),
            |program| said(&program, &["--version"]),
        )
    };
    let theirs = |program: &str, arguments: &[&str]| match installed(program) {
        Some(program) => said(&program, arguments),
        None => "missing".to_owned(),
    };
    let postgres = crate::peer::postgres::programs();
    vec![
        ("commit", commit()),
        ("relayd", ours(programs.relayd())),
        ("mrpd", ours(programs.mrpd())),
        ("mrpctl", ours(programs.mrpctl())),
        ("rustc", said(Path::new("rustc"), &["--version"])),
        ("redis", theirs("redis-server", &["--version"])),
        (
            "postgresql",
            postgres.map_or_else(
                || "missing".to_owned(),
                |programs| said(&programs.join("postgres"), &["--version"]),
            ),
        ),
        ("nats", theirs("nats-server", &["--version"])),
        ("mosquitto", theirs("mosquitto", &["-h"])),
        ("nginx", theirs("nginx", &["-v"])),
    ]
}

/// The commit of the sources that this program was built from, and whether they were changed since.
pub(crate) fn commit() -> String {
    let git = |arguments: &[&str]| said(Path::new("git"), &[&["-C", SOURCES], arguments].concat());
    let commit = git(&["rev-parse", "--short=12", "HEAD"]);
    if git(&["status", "--porcelain", "--untracked-files=no"]).is_empty() {
        commit
    } else {
        format!("{commit}, with changes")
    }
}

/// Where the sources of this program are.
pub(crate) const SOURCES: &str = env!("CARGO_MANIFEST_DIR");

/// The first line that a program says.
fn said(program: &Path, arguments: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(arguments).output() else {
        return "unknown".to_owned();
    };
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    text.lines().next().unwrap_or_default().trim().to_owned()
}
