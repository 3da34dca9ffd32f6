//! One command of one user: the line as it would be typed, and the run of it.

use super::network::{Network, User};
use crate::config::own_program;
use crate::exit::{Failure, Reason};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

/// No step takes longer unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) user: User,
    pub(super) arguments: &'a [&'a str],
    pub(super) input: Option<&'a str>,
}

impl Step<'_> {
    /// As it would be typed.
    pub(super) fn line(&self) -> String {
        let pipe = self
            .input
            .map_or_else(String::new, |input| format!("echo {} | ", quoted(input)));
        format!(
            "{}$ {pipe}{}",
            self.user.name(),
            typed("mrpctl", self.arguments)
        )
    }

    /// What it wrote to standard output.
    pub(super) async fn run(&self, network: &Network) -> Result<String, Failure> {
        timeout(PATIENCE, self.run_unbounded(network))
            .await
            .unwrap_or_else(|_| {
                Err(self.failure(&format!("has not ended after {} s", PATIENCE.as_secs())))
            })
    }

    async fn run_unbounded(&self, network: &Network) -> Result<String, Failure> {
        let program = own_program()
            .map_err(|error| Failure::io(Reason::Internal, "find this program", &error))?;
        let stdin = if self.input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        };
        let mut child = Command::new(program)
            .args(self.arguments)
            .env_clear()
            .envs(network.variables(self.user))
            .stdin(stdin)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Failure::io(Reason::Internal, "run this program", &error))?;
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), self.input) {
            let written = stdin.write_all(format!("{input}\n").as_bytes()).await;
            written
                .map_err(|error| Failure::io(Reason::Internal, "write into the pipe", &error))?;
        }
        let done = child
            .wait_with_output()
            .await
            .map_err(|error| Failure::io(Reason::Internal, "wait for the step", &error))?;
        if !done.status.success() {
            return Err(self.failure(&format!("failed ({})", done.status)));
        }
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    }

    fn failure(&self, how: &str) -> Failure {
        Failure::new(Reason::Internal, format!("{} {how}", self.line()))
    }
}

/// A command as it would be typed.
pub(super) fn typed(program: &str, arguments: &[impl AsRef<str>]) -> String {
    let quoted = arguments.iter().map(|argument| quoted(argument.as_ref()));
    std::iter::once(program.to_owned())
        .chain(quoted)
        .collect::<Vec<_>>()
        .join(" ")
}

/// As a shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    if word.bytes().any(|byte| b"\"$`\\!".contains(&byte)) {
        return format!("'{}'", word.replace('\'', "'\\''"));
    }
    format!("\"{word}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_shown_as_it_would_be_typed() {
        let step = Step {
            user: User::Laptop,
            arguments: &["send", "server"],
            input: Some("hello from a pipe"),
        };
        assert_eq!(
            step.line(),
            "laptop$ echo \"hello from a pipe\" | mrpctl send server"
        );
        let step = Step {
            user: User::Server,
            arguments: &["tail", "-c", "1"],
            input: None,
        };
        assert_eq!(step.line(), "server$ mrpctl tail -c 1");
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_split_them() {
        for (word, shown) in [
            ("a-b", "a-b"),
            ("a b", "\"a b\""),
            ("$x", "'$x'"),
            ("", "\"\""),
            ("it's $", "'it'\\''s $'"),
        ] {
            assert_eq!(quoted(word), shown);
        }
    }
}
