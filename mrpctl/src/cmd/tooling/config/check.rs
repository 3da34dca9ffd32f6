//! What the daemon's program finds in a configuration file, before it becomes the one in force.

use crate::config::document;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::input;
use crate::output::escape;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

/// What was found, for programs: mistakes are a failure, and told as one.
#[derive(Serialize)]
struct Checked<'a> {
    valid: bool,
    warnings: &'a [String],
}

/// Passes on what the daemon's program says.
pub(super) async fn check(context: &Context, file: Option<&Path>) -> Result<(), Failure> {
    if let Some(file) = file {
        input::check_readable(file).await?;
    }
    let found = run_check(context, file).await?;
    tell_warnings(context, &found);
    if found.is_right {
        let text = escape::block(&found.answer);
        if context.output.is_bare() {
            return context.output.text(&text);
        }
        let checked = Checked {
            valid: true,
            warnings: &found.warnings,
        };
        return context.output.object(&checked, || text, None);
    }
    let mut mistakes = found.mistakes.into_iter();
    let first = mistakes.next().unwrap_or_else(|| "it is wrong".to_owned());
    Err(Failure::new(Reason::Config, first).note("also", mistakes.collect()))
}

/// What is found is told of the file that the draft is for.
pub(super) async fn check_draft(context: &Context, draft: &Draft) -> Result<(), Failure> {
    let mut found = run_check(context, Some(&draft.path)).await?;
    for line in found.warnings.iter_mut().chain(&mut found.mistakes) {
        *line = line.replace(
            &*draft.path.to_string_lossy(),
            &draft.target.to_string_lossy(),
        );
    }
    tell_warnings(context, &found);
    if found.is_right {
        return Ok(());
    }
    Err(Failure::new(
        Reason::Config,
        "the configuration would be wrong; it stays as it was",
    )
    .note("found", found.mistakes))
}

/// A file beside the configuration, gone when it is no longer needed unless it is kept.
pub(super) struct Draft {
    pub(super) path: PathBuf,
    /// The file that it is to become.
    target: PathBuf,
    is_kept: bool,
}

impl Draft {
    pub(super) fn write(beside: &Path, text: &str) -> Result<Self, Failure> {
        let path = beside.with_extension(format!("{}.draft.toml", std::process::id()));
        let draft = Self {
            path,
            target: beside.to_path_buf(),
            is_kept: false,
        };
        document::replace(&draft.path, text.as_bytes()).map_err(|error| {
            Failure::io(
                Reason::CannotCreate,
                &format!("write {}", draft.path.display()),
                &error,
            )
        })?;
        Ok(draft)
    }

    /// Leaves it where it is, for what is written in it.
    pub(super) fn keep(&mut self) {
        self.is_kept = true;
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.is_kept {
            // What cannot be removed is a copy of the configuration, for its owner's eyes only.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// What the daemon's program found in a configuration file.
struct Found {
    is_right: bool,
    /// Its standard output.
    answer: String,
    warnings: Vec<String>,
    mistakes: Vec<String>,
}

async fn run_check(context: &Context, file: Option<&Path>) -> Result<Found, Failure> {
    let mut command = Command::new(context.mrpd()?);
    command.arg("check").stdin(Stdio::null()).kill_on_drop(true);
    if let Some(file) = file {
        command.arg("--config").arg(file);
    }
    let done = command
        .output()
        .await
        .map_err(|error| Failure::io(Reason::Unavailable, "run mrpd", &error))?;
    let (warnings, mistakes) = findings(&String::from_utf8_lossy(&done.stderr));
    Ok(Found {
        is_right: done.status.success(),
        answer: String::from_utf8_lossy(&done.stdout).into_owned(),
        warnings,
        mistakes,
    })
}

/// Warnings and mistakes, a line each.
fn findings(said: &str) -> (Vec<String>, Vec<String>) {
    let mut warnings = Vec::new();
    let mut mistakes = Vec::new();
    for line in said.lines() {
        match line.strip_prefix("warning: ") {
            Some(warning) => warnings.push(warning.to_owned()),
            None => mistakes.push(line.strip_prefix("error: ").unwrap_or(line).to_owned()),
        }
    }
    (warnings, mistakes)
}

fn tell_warnings(context: &Context, found: &Found) {
    for warning in &found.warnings {
        context.output.warning(warning);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_told_apart_from_mistakes() {
        let (warnings, mistakes) = findings("warning: x:1: a\nerror: x:2: b\nc\n");
        assert_eq!(warnings, ["x:1: a"]);
        assert_eq!(mistakes, ["x:2: b", "c"]);
    }

    #[test]
    fn a_draft_is_private_and_goes() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let draft = Draft::write(&folder.path().join("mrpd.toml"), "log = \"info\"\n").unwrap();
        let path = draft.path.clone();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(path.extension(), Some("toml".as_ref()));
        drop(draft);
        assert!(!path.exists());
    }
}
