//! The programs under test. Cargo is asked once per test program whether they are up to date, so that no test runs a stale one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Path of one of our programs.
pub fn path(program: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let build = ["build", "--locked", "--quiet", "--workspace"];
        let failpoints = ["--bin", "mrpd-failpoints", "--features", "mrpd/failpoints"];
        cargo(&[&build[..], &["--bins"]].concat());
        // Of the whole workspace too, so that its libraries are those of the other programs.
        cargo(&[&build[..], &failpoints].concat());
    });
    let path = directory().join(program);
    assert!(path.exists(), "{} was not built", path.display());
    path
}

/// The root of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is in the workspace")
}

/// Test programs are in `<profile>/deps`, ours in `<profile>`.
fn directory() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let deps = test.parent().expect("a program is in a folder");
    deps.parent()
        .expect("deps is in the profile's folder")
        .to_owned()
}

fn cargo(arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO"));
    // What cargo tells a test of its package would be taken for settings by build scripts that watch for changes of them, ring's among
    // them: it and all that rests on it would be built again, here and with the next build from outside.
    for (name, _) in std::env::vars_os() {
        let is_of_package =
            |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(is_of_package) {
            command.env_remove(name);
        }
    }
    let status = command.args(arguments).current_dir(workspace()).status();
    assert!(
        status.expect("cargo runs").success(),
        "cargo {arguments:?} failed"
    );
}
