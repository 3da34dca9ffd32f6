//! The unit for systemd: understood, and as narrow as it claims.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use tests::programs;
use tests::skip;

/// How far a service may be exposed, in tenths: systemd calls 2.0 and less "OK".
const MOST_EXPOSED: &str = "18";

fn unit() -> PathBuf {
    programs::workspace().join("systemd/relayd.service")
}

fn analyze(arguments: &[&str], file: &std::path::Path) -> Option<Output> {
    let mut command = Command::new("systemd-analyze");
    command.args(arguments).arg(file);
    command.output().ok()
}

fn assert_succeeded(output: &Output) {
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn the_unit_is_understood() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("relayd.service");
    // The program of this build, where the unit names an installed one.
    let text = fs::read_to_string(unit()).expect("the unit");
    let program = programs::path("relayd").display().to_string();
    let here = text.replace("/usr/bin/relayd", &program);
    assert_ne!(here, text);
    fs::write(&file, here).expect("a file");
    let Some(output) = analyze(&["verify", "--man=no"], &file) else {
        return skip("systemd-analyze is not installed");
    };
    assert_succeeded(&output);
    // What it does not know, it only complains of.
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn the_unit_exposes_little() {
    let arguments = ["security", "--offline=true", "--threshold", MOST_EXPOSED];
    let Some(output) = analyze(&arguments, &unit()) else {
        return skip("systemd-analyze is not installed");
    };
    assert_succeeded(&output);
}

#[test]
fn the_unit_and_the_program_mean_the_same() {
    let text = fs::read_to_string(unit()).expect("the unit");
    let says = |line: &str| text.lines().any(|said| said == line);
    // The command that it starts, with the folder that systemd gives it.
    assert!(says("ExecStart=/usr/bin/relayd serve"));
    assert!(says("StateDirectory=relayd"));
    // What the program tells it, and exit statuses that a new start does not mend.
    assert!(says("Type=notify"));
    assert!(says("RestartPreventExitStatus=64 78"));
    assert!(says("Environment=MALLOC_MMAP_THRESHOLD_=131072"));
}
