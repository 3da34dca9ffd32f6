//! Python programs of the tests: published clients and tools, each in a virtual environment that `make python` makes from
//! `tests/python/<name>.txt`.

use crate::programs::workspace;
use std::path::PathBuf;
use std::process::Command;

/// The interpreter of an environment, set to run a script of `tests/` in a clean environment.
pub fn script(environment: &str, script: &str) -> Command {
    let mut command = Command::new(program(environment, "python"));
    command
        .env_clear()
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(workspace().join("tests").join(script));
    command
}

/// A program of an environment, set to run in a clean environment.
pub fn isolated(environment: &str, name: &str) -> Command {
    let mut command = Command::new(program(environment, name));
    command.env_clear().env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// A program of an environment.
pub fn program(environment: &str, name: &str) -> PathBuf {
    let made = workspace().join("target/python");
    let folder = std::env::var_os("MRP_TEST_PYTHON").map_or(made, PathBuf::from);
    let program = folder.join(environment).join("bin").join(name);
    assert!(
        program.exists(),
        "{} is not installed; run: make python",
        program.display()
    );
    program
}
