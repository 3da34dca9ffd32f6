//! From what is asked for to what is run, and from how that ended to what it means (the exit statuses of the hook contract).

use super::{Answer, Command, End, Ended, ExecutableError, Job, RunError, Runner, environment};
use crate::hooks::invocation::{Invocation, Outcome, Report};
use crate::hooks::notify;
use crate::hooks::program::{Action, Input};
use mrpd_api::hook::{Meaning, body_bytes, content_bytes};
use mrpd_api::message::{Kind, Message};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

impl Runner {
    /// Does what is asked for, and says what came of it. When `stop` is cancelled, what runs is ended.
    pub async fn run(&self, invocation: Invocation, stop: &CancellationToken) -> Report {
        let command = match &invocation.program.action {
            Action::Exec(words) => Command::Exec(words.clone()),
            Action::Shell(text) => Command::Shell(text.clone()),
            Action::Notify { title, body } => {
                return tokio::select! {
                    shown = notify::show(title, body, &invocation.messages) => shown,
                    () = stop.cancelled() => Report {
                        outcome: Outcome::Interrupted,
                        why: "the daemon ends".to_owned(),
                        ..Report::default()
                    },
                };
            }
        };
        let started = self.start(job(&invocation, command), stop).await;
        match started {
            Ok(ended) => report(ended, &invocation),
            Err(error) => refusal(&error),
        }
    }
}

fn job(invocation: &Invocation, command: Command) -> Job {
    let program = &invocation.program;
    let first = invocation.messages.first();
    let asked = first.is_some_and(|message| message.kind == Kind::Request);
    Job {
        command,
        environment: environment::of(invocation),
        stdin: input(program.input, &invocation.messages),
        body: first.map(body_bytes),
        // Only what answers a request has something to say there.
        answer: if asked {
            Answer::OnDescriptor3
        } else {
            Answer::Absent
        },
        timeout: program.timeout,
        kill_after: program.kill_after,
        limits: program.limits,
        sandbox: program.sandbox.clone(),
        readable: invocation.attachments.iter().cloned().collect(),
        keep: program.keep,
    }
}

fn input(form: Input, messages: &[Message]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages {
        match form {
            Input::Nothing => {}
            Input::Json => {
                // A message is a plain tree of texts and numbers, which can always be written.
                bytes.extend(serde_json::to_vec(message).unwrap_or_default());
                bytes.push(b'\n');
            }
            Input::Text => {
                let text = message.text.as_deref().unwrap_or_default();
                bytes.extend_from_slice(text.as_bytes());
                bytes.push(b'\n');
            }
            Input::Body => bytes.extend(content_bytes(message)),
        }
    }
    bytes
}

fn report(ended: Ended, invocation: &Invocation) -> Report {
    let Ended {
        end,
        stdout,
        stderr,
        answer,
        folder,
        notes,
        took: _,
    } = ended;
    let (outcome, mut why) = judge(end, invocation.program.timeout);
    let mut remark = |remark: &str| {
        why.push_str("; ");
        why.push_str(remark);
    };
    for note in &notes {
        remark(note);
    }
    if stdout.cut {
        remark("what it wrote to standard output was cut");
    }
    if stderr.cut {
        remark("what it wrote to standard error was cut");
    }
    if let Some(folder) = folder {
        remark(&format!("its folder is {}", folder.display()));
    }
    Report {
        outcome,
        stdout: stdout.bytes,
        cut: stdout.cut,
        stderr: stderr.bytes,
        answer,
        why,
        status: match end {
            End::Exited(status) => Some(status),
            _ => None,
        },
    }
}

fn judge(end: End, timeout: Duration) -> (Outcome, String) {
    match end {
        End::Exited(status) => (of_status(status), format!("exit status {status}")),
        End::Signalled(signal) => (Outcome::Failed, format!("ended by signal {signal}")),
        End::TimedOut => {
            let seconds = timeout.as_secs_f64();
            (Outcome::Failed, format!("took longer than {seconds} s"))
        }
        End::Flooded => (Outcome::Failed, "wrote without end".to_owned()),
        End::Interrupted => (Outcome::Interrupted, "the daemon ends".to_owned()),
    }
}

fn of_status(status: i32) -> Outcome {
    match Meaning::of_status(status) {
        Meaning::Handled => Outcome::Handled,
        Meaning::HandledAlone => Outcome::HandledAlone,
        Meaning::Later => Outcome::Later,
        Meaning::Dead => Outcome::Dead,
        Meaning::Failed => Outcome::Failed,
    }
}

/// What is not there, or not safe to run, may be repaired while the message waits; what is written wrongly stays wrong.
fn refusal(error: &RunError) -> Report {
    let outcome = match error {
        RunError::Empty | RunError::Executable(ExecutableError::Relative { .. }) => Outcome::Dead,
        RunError::Executable(_)
        | RunError::Folder { .. }
        | RunError::Start { .. }
        | RunError::Refused(_) => Outcome::Failed,
    };
    Report {
        outcome,
        why: error.to_string(),
        ..Report::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use serde_json::value::RawValue;

    #[test]
    fn exit_statuses_mean_what_the_contract_says() {
        let cases = [
            (0, Outcome::Handled),
            (99, Outcome::HandledAlone),
            (75, Outcome::Later),
            (100, Outcome::Dead),
            (1, Outcome::Failed),
        ];
        for (status, outcome) in cases {
            assert_eq!(of_status(status), outcome, "{status}");
        }
        let (outcome, why) = judge(End::TimedOut, Duration::from_millis(1500));
        assert_eq!(
            (outcome, why.as_str()),
            (Outcome::Failed, "took longer than 1.5 s")
        );
    }

    #[test]
    fn each_form_of_input_is_what_it_says() {
        let request = testing::message(r#"{"action":"disk","params":{"path": "/"}}"#);
        let text = |form, messages: &[Message]| String::from_utf8(input(form, messages)).unwrap();
        assert_eq!(
            text(Input::Body, std::slice::from_ref(&request)),
            r#"{"path": "/"}"#
        );
        assert_eq!(
            body_bytes(&request),
            br#"{"action":"disk","params":{"path": "/"}}"#
        );
        assert_eq!(text(Input::Nothing, std::slice::from_ref(&request)), "");
        let lines = text(Input::Json, &[request.clone(), request]);
        assert_eq!(lines.lines().count(), 2);
        assert!(lines.starts_with(r#"{"v":1,"seq":1042,"#), "{lines}");
        let mut said = testing::message(r#"{"text":"hi"}"#);
        said.text = Some("hi".to_owned());
        assert_eq!(text(Input::Text, std::slice::from_ref(&said)), "hi\n");
        said.kind = Kind::Binary;
        said.body = Some(RawValue::from_string("\"AAEC\"".to_owned()).unwrap());
        assert_eq!(body_bytes(&said), [0, 1, 2]);
    }
}
