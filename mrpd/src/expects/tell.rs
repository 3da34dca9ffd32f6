//! Telling that nothing came: the program is run until it has done its work, or has failed often enough.

use crate::clock;
use crate::context::Context;
use crate::hooks::Retry;
use crate::hooks::invocation::{Invocation, Outcome};
use crate::hooks::program::Program;
use mrp_proto::time::Timestamp;
use tokio::sync::mpsc;

/// What came of telling.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) name: String,
    /// Since when nothing had come.
    pub(super) since: Timestamp,
    pub(super) missed: u64,
    pub(super) outcome: Option<String>,
}

/// Runs the program, and reports to `done` what came of it; nothing where the daemon ended first.
pub(super) async fn tell(
    context: Context,
    mut program: Program,
    mut told: Told,
    done: mpsc::Sender<Told>,
) {
    let mut say = |name: &str, value: String| program.environment.insert(name.to_owned(), value);
    say("MRP_EXPECT_SINCE", told.since.to_string());
    say("MRP_EXPECT_MISSED", told.missed.to_string());
    let invocation = Invocation {
        name: told.name.clone(),
        program,
        messages: Vec::new(),
        attempt: 1,
        socket: context.runner.socket().to_path_buf(),
        attachments: None,
    };
    told.outcome = attempt(&context, invocation).await;
    // Nobody waits for it any more when the daemon ends.
    let _ = done.send(told).await;
}

/// Says how the last attempt ended, unless the daemon did.
async fn attempt(context: &Context, mut invocation: Invocation) -> Option<String> {
    let retry = Retry::default();
    loop {
        let report = context.runner.run(invocation.clone(), &context.stop).await;
        tracing::info!(expect = invocation.name, attempt = invocation.attempt, outcome = ?report.outcome, why = report.why, "told");
        let again = match report.outcome {
            Outcome::Interrupted => return None,
            Outcome::Handled | Outcome::HandledAlone | Outcome::Dead => false,
            Outcome::Later | Outcome::Failed => invocation.attempt < retry.max_attempts,
        };
        if !again {
            return Some(report.why);
        }
        let pause = retry.pause(invocation.attempt, clock::random_number());
        tokio::select! {
            () = tokio::time::sleep(pause) => invocation.attempt += 1,
            () = context.stop.cancelled() => return None,
        }
    }
}
