//! What a `[[hook]]`, a `[[capability]]` or an `[[expect]]` does: `exec`, `shell` or `notify`, and the bounds of it.

use crate::config::reader::Reader;
use crate::expression::{MESSAGE_FIELDS, Template};
use crate::hooks::program::{Action, Input, KILL_AFTER, Keep, Limits, Program, Sandbox, TIMEOUT};
use mrpd_api::paths::Paths;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Bytes that `limits.memory` and `limits.file_size` may allow.
const LIMITS: std::ops::RangeInclusive<u64> = 4096..=1 << 50;

/// What holds where a hook says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Defaults {
    pub(super) timeout: Duration,
    pub(super) kill_after: Duration,
    pub(super) passed: Vec<String>,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            timeout: TIMEOUT,
            kill_after: KILL_AFTER,
            passed: Vec::new(),
        }
    }
}

/// Reads what is done; `None` if nothing is that can be done.
pub(super) fn read(
    reader: &mut Reader<'_>,
    defaults: &Defaults,
    input: Input,
    paths: &Paths,
) -> Option<Program> {
    const INPUTS: &[(&str, Input)] = &[
        ("json", Input::Json),
        ("text", Input::Text),
        ("body", Input::Body),
        ("none", Input::Nothing),
    ];
    let action = read_action(reader, paths);
    let keep = if reader.switch("keep_dir", false) {
        Keep::Folder
    } else {
        Keep::Nothing
    };
    let environment = reader.pairs("env").unwrap_or_default();
    let passed = reader.texts("pass_env");
    let passed = passed.unwrap_or_else(|| defaults.passed.clone());
    for name in environment.keys() {
        check_variable(reader, "env", name);
    }
    if environment.values().any(|value| value.contains('\0')) {
        reader.wrong("env", "a value must have no NUL in it");
    }
    for name in &passed {
        check_variable(reader, "pass_env", name);
    }
    let program = Program {
        action: action?,
        input: reader.choice("stdin", INPUTS, input),
        environment,
        passed,
        timeout: reader.duration("timeout", defaults.timeout),
        kill_after: reader.duration("kill_after", defaults.kill_after),
        limits: read_limits(reader),
        keep,
        sandbox: read_sandbox(reader, paths),
    };
    if program.timeout.is_zero() {
        reader.wrong("timeout", "must be longer than nothing");
    }
    Some(program)
}

fn read_action(reader: &mut Reader<'_>, paths: &Paths) -> Option<Action> {
    let exec = reader.texts("exec");
    let shell = reader.text("shell");
    let notify = reader.has("notify").then(|| read_notify(reader));
    let given = [exec.is_some(), shell.is_some(), notify.is_some()];
    if given.into_iter().filter(|given| *given).count() > 1 {
        reader.wrong("exec", "write only one of exec, shell and notify");
        return None;
    }
    match (exec, shell, notify) {
        (Some(exec), _, _) => read_exec(reader, exec, paths),
        (_, Some(shell), _) if shell.trim().is_empty() || shell.contains('\0') => {
            reader.wrong("shell", "expected a line for /bin/sh");
            None
        }
        (_, Some(shell), _) => Some(Action::Shell(shell)),
        (_, _, Some(notify)) => notify,
        (None, None, None) => {
            let what = "nothing is done; write exec = [\"/path/to/program\"], shell = \"...\" or notify = { title = \"...\" }";
            reader.wrong("exec", what);
            None
        }
    }
}

fn read_exec(reader: &mut Reader<'_>, mut exec: Vec<String>, paths: &Paths) -> Option<Action> {
    let Some(program) = exec.first_mut().filter(|program| !program.is_empty()) else {
        reader.wrong("exec", "expected a program and its arguments");
        return None;
    };
    if program.starts_with("~/") {
        *program = paths
            .expand(Path::new(&*program))
            .to_string_lossy()
            .into_owned();
    }
    if program.contains('/') && !program.starts_with('/') {
        let what =
            format!("{program:?} is neither a whole path nor the name of a program on the PATH");
        reader.wrong("exec", what);
        return None;
    }
    if exec.iter().any(|argument| argument.contains('\0')) {
        reader.wrong("exec", "an argument must have no NUL in it");
        return None;
    }
    Some(Action::Exec(exec))
}

fn read_notify(reader: &mut Reader<'_>) -> Option<Action> {
    let mut notify = reader.child("notify");
    let title = template(&mut notify, "title", "{{ from.name or from.short }}");
    let body = template(&mut notify, "body", "{{ text | truncate(200) }}");
    notify.finish();
    Some(Action::Notify {
        title: title?,
        body: body?,
    })
}

/// Reads a template over a message.
fn template<'a>(reader: &mut Reader<'a>, key: &'a str, default: &str) -> Option<Template> {
    let source = reader.text_or(key, default);
    match Template::parse(&source, MESSAGE_FIELDS) {
        Ok(template) => Some(template),
        Err(error) => {
            reader.wrong(key, error.to_string());
            None
        }
    }
}

fn read_limits(reader: &mut Reader<'_>) -> Limits {
    let mut limits = reader.child("limits");
    let mut read = |key| {
        limits
            .has(key)
            .then(|| limits.size(key, *LIMITS.end(), LIMITS))
    };
    let (memory, file_size) = (read("memory"), read("file_size"));
    limits.finish();
    Limits { memory, file_size }
}

fn read_sandbox(reader: &mut Reader<'_>, paths: &Paths) -> Option<Sandbox> {
    if !reader.has("sandbox") {
        return None;
    }
    let mut sandbox = reader.child("sandbox");
    let mut read = |key| -> Vec<PathBuf> {
        let texts = sandbox.texts(key).unwrap_or_default();
        let expanded: Vec<PathBuf> = texts
            .iter()
            .map(|text| paths.expand(Path::new(text)))
            .collect();
        if expanded.iter().any(|path| !path.is_absolute()) {
            sandbox.wrong(key, "expected whole paths, such as [\"/usr\", \"~/data\"]");
        }
        expanded
    };
    let (read, write) = (read("read"), read("write"));
    sandbox.finish();
    Some(Sandbox { read, write })
}

fn check_variable(reader: &mut Reader<'_>, key: &str, name: &str) {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let digit_first = name.starts_with(|letter: char| letter.is_ascii_digit());
    if name.is_empty() || digit_first || !name.chars().all(plain) {
        let what = format!("{name:?} is no name of a variable; expected letters, digits and _");
        reader.wrong(key, what);
    }
}
