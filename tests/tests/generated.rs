//! Manual pages and completion scripts in the repository are those that the programs would write.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use tests::process::Process;
use tests::programs;

/// Of each shell the file name of its script.
const SCRIPTS: [(&str, &str); 3] = [
    ("bash", "relayd.bash"),
    ("fish", "relayd.fish"),
    ("zsh", "_relayd"),
];

fn relayd(arguments: &[&str]) -> String {
    let mut command = Command::new(programs::path("relayd"));
    command.env_clear().args(arguments);
    Process::start(command, b"").wait().succeeded()
}

/// The pages of one program in a folder, by name.
fn pages(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let pages = entries.filter(|path| path.extension().is_some_and(|extension| extension == "8"));
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
    relayd(&["man", home.path().to_str().unwrap()]);
    let (fresh, kept) = (
        pages(home.path()),
        pages(&programs::workspace().join("man")),
    );
    assert!(fresh.contains_key("relayd.8") && fresh.contains_key("relayd-serve.8"));
    let names = |pages: &BTreeMap<String, String>| pages.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&fresh), names(&kept), "run `make generated`");
    for (name, page) in &fresh {
        assert_eq!(page, &kept[name], "man/{name}: run `make generated`");
    }
    assert_eq!(relayd(&["man"]).trim_end(), fresh["relayd.8"].trim_end());
}

#[test]
fn the_completion_scripts_are_up_to_date() {
    for (shell, file) in SCRIPTS {
        let kept =
            fs::read_to_string(programs::workspace().join("completions").join(file)).unwrap();
        let fresh = relayd(&["completions", shell]);
        assert_eq!(
            fresh.trim_end(),
            kept.trim_end(),
            "completions/{file}: run `make generated`"
        );
    }
}
