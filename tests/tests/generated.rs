//! Manual pages and completion scripts in the repository are those that the programs would write, and every page can be read.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use tests::process::Process;
use tests::programs;

/// Of each program and shell the file name of its script.
const SCRIPTS: [(&str, &str, &str); 12] = [
    ("relayd", "bash", "relayd.bash"),
    ("relayd", "fish", "relayd.fish"),
    ("relayd", "zsh", "_relayd"),
    ("mrpd", "bash", "mrpd.bash"),
    ("mrpd", "fish", "mrpd.fish"),
    ("mrpd", "zsh", "_mrpd"),
    ("mrpctl", "bash", "mrpctl.bash"),
    ("mrpctl", "fish", "mrpctl.fish"),
    ("mrpctl", "zsh", "_mrpctl"),
    ("mrpctl", "elvish", "mrpctl.elv"),
    ("mrpctl", "powershell", "mrpctl.ps1"),
    ("mrpctl", "nushell", "mrpctl.nu"),
];
/// The page that is written by hand.
const BY_HAND: &str = "mrp.7";

fn run(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(programs::path(program));
    command
        .env_clear()
        .env("HOME", "/nonexistent")
        .args(arguments);
    Process::start(command, b"").wait().succeeded()
}

/// The pages in a folder, by name.
fn pages(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let pages = entries.filter(|path| path.extension().is_some_and(|extension| extension != "md"));
    pages
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read_to_string(path).unwrap(),
            )
        })
        .collect()
}

#[test]
fn the_manual_is_up_to_date() {
    let home = tempfile::tempdir().unwrap();
    for program in ["relayd", "mrpd", "mrpctl"] {
        run(program, &["man", home.path().to_str().unwrap()]);
    }
    let (fresh, mut kept) = (
        pages(home.path()),
        pages(&programs::workspace().join("man")),
    );
    assert!(kept.remove(BY_HAND).is_some());
    for name in [
        "relayd.8",
        "mrpd.8",
        "mrpctl.1",
        "mrpctl-send.1",
        "mrpd.toml.5",
        "relayd.toml.5",
        "mrp-hooks.7",
        "mrpd-api.7",
    ] {
        assert!(fresh.contains_key(name), "{name}");
    }
    let names = |pages: &BTreeMap<String, String>| pages.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&fresh), names(&kept), "run `make generated`");
    for (name, page) in &fresh {
        assert_eq!(page, &kept[name], "man/{name}: run `make generated`");
    }
    for (program, name) in [
        ("relayd", "relayd.8"),
        ("mrpd", "mrpd.8"),
        ("mrpctl", "mrpctl.1"),
    ] {
        assert_eq!(run(program, &["man"]).trim_end(), fresh[name].trim_end());
    }
}

#[test]
fn the_completion_scripts_are_up_to_date() {
    for (program, shell, file) in SCRIPTS {
        let kept =
            fs::read_to_string(programs::workspace().join("completions").join(file)).unwrap();
        let fresh = run(program, &["completions", shell]);
        assert_eq!(
            fresh.trim_end(),
            kept.trim_end(),
            "completions/{file}: run `make generated`"
        );
    }
}

#[test]
fn every_page_is_rendered_without_a_warning() {
    if Command::new("groff").arg("--version").output().is_err()
        || Command::new("man").arg("--version").output().is_err()
    {
        return tests::skip("man and groff are not installed");
    }
    let folder = programs::workspace().join("man");
    for (name, page) in pages(&folder) {
        let mut command = Command::new("man");
        command
            .args(["--warnings", "-P", "cat", "-l"])
            .arg(folder.join(&name))
            .env("MANWIDTH", "100")
            .env("LC_ALL", "C.UTF-8");
        let ended = Process::start(command, b"").wait();
        assert_eq!(ended.stderr, "", "{name}");
        let text = ended.succeeded();
        assert!(
            text.contains("NAME") && text.lines().count() > 5,
            "{name}: {text}"
        );
        assert!(page.contains(".TH "), "{name}");
    }
}
