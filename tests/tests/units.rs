//! The units for systemd: understood, and as narrow as they claim.

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

/// The units of mrpd in a folder, with the program of this build.
fn units_of_mrpd() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let program = programs::path("mrpd").display().to_string();
    for name in [
        "mrpd.socket",
        "mrpd.service",
        "mrpd@.socket",
        "mrpd@.service",
    ] {
        let text = fs::read_to_string(programs::workspace().join("systemd").join(name));
        let here = text.expect("the unit").replace("/usr/bin/mrpd", &program);
        fs::write(folder.path().join(name), here).expect("a file");
    }
    folder
}

#[test]
fn the_units_of_a_user_are_understood() {
    let folder = units_of_mrpd();
    // With the drop-in for hooks that need sudo, as `systemctl --user edit` puts it.
    let drop_ins = folder.path().join("mrpd.service.d");
    fs::create_dir(&drop_ins).expect("a folder");
    let drop_in = programs::workspace().join("systemd/mrpd-sudo.conf");
    fs::copy(drop_in, drop_ins.join("override.conf")).expect("a drop-in");
    for (name, arguments) in [
        ("mrpd.service", &["verify", "--man=no", "--user"][..]),
        ("mrpd.socket", &["verify", "--man=no", "--user"][..]),
        ("mrpd@.service", &["verify", "--man=no"][..]),
        ("mrpd@.socket", &["verify", "--man=no"][..]),
    ] {
        let mut command = Command::new("systemd-analyze");
        command
            .args(arguments)
            .arg(folder.path().join(name))
            .env("XDG_RUNTIME_DIR", folder.path());
        let Ok(output) = command.output() else {
            return skip("systemd-analyze is not installed");
        };
        assert_succeeded(&output);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{name}");
    }
}

#[test]
fn the_daemon_that_the_system_runs_exposes_little() {
    let folder = units_of_mrpd();
    let arguments = ["security", "--offline=true", "--threshold", "20"];
    let Some(output) = analyze(&arguments, &folder.path().join("mrpd@.service")) else {
        return skip("systemd-analyze is not installed");
    };
    assert_succeeded(&output);
}

#[test]
fn the_units_and_the_daemon_mean_the_same() {
    let says = |unit: &str, line: &str| {
        let text = fs::read_to_string(programs::workspace().join("systemd").join(unit));
        let said = text.expect("the unit").lines().any(|said| said == line);
        assert!(said, "{unit}: {line}");
    };
    for unit in ["mrpd.service", "mrpd@.service"] {
        says(unit, "Type=notify");
        says(unit, "RestartPreventExitStatus=64 78");
        says(unit, "UMask=0077");
    }
    // Where mrpctl looks for it.
    says("mrpd.socket", "ListenStream=%t/mrp/mrpd.sock");
    says("mrpd@.socket", "ListenStream=/run/mrp/%i/mrpd.sock");
    for unit in ["mrpd.socket", "mrpd@.socket"] {
        says(unit, "FileDescriptorName=api");
        says(unit, "SocketMode=0600");
    }
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
