//! `mrpctl demo`: a private network on this machine, to see that everything works and to try things.
//!
//! What is shown is what runs: the very commands a user would type, in homes of their own.

mod network;
mod step;

use crate::cli::start::Demo as Flags;
use crate::context::Context;
use crate::exit::{Failure, Reason};
use crate::output::Output;
use network::{Network, User};
use std::time::Duration;
use step::{Step, typed};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

const TEXT: &str = "hello from a pipe";
/// How long the message may take from the pipe to the other end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything is ended and removed on every way out: [`Network`] does so when it is dropped.
pub(crate) async fn run(context: &Context, flags: &Flags) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let mut network = Network::new(context)?;
    tokio::select! {
        biased;
        failure = signals.stop() => return Err(failure),
        played = play(context, &mut network) => played?,
    }
    if flags.once || !is_watched() {
        return Ok(());
    }
    context.output.text(&invitation(&network))?;
    tokio::select! {
        _ = signals.stop() => context.output.note("\nending the network and removing its folder"),
        ended = network.relay_ended() => return Err(ended),
    }
    Ok(())
}

async fn play(context: &Context, network: &mut Network) -> Result<(), Failure> {
    let output = &context.output;
    say(
        output,
        "a relay and two users, each with a home of their own, below",
        &network.folder().display().to_string(),
    )?;
    output.text(&format!(
        "\n$ {}\n",
        typed("relayd", &network.relay_arguments())
    ))?;
    let url = network.start_relay(context).await?;
    say(output, "the relay is ready at", &url)?;
    let laptop_key = set_up(output, network, User::Laptop, &url).await?;
    let server_key = set_up(output, network, User::Server, &url).await?;
    step(
        output,
        network,
        User::Laptop,
        &["contact", "add", "server", &server_key],
        None,
    )
    .await?;
    step(
        output,
        network,
        User::Server,
        &["contact", "add", "laptop", &laptop_key],
        None,
    )
    .await?;
    let arrived = timeout(PATIENCE, async {
        step(
            output,
            network,
            User::Laptop,
            &["send", "server"],
            Some(TEXT),
        )
        .await?;
        step(
            output,
            network,
            User::Server,
            &["tail", "-c", "1", "-o", "jsonl"],
            None,
        )
        .await
    });
    let line = arrived.await.map_err(|_| not_arrived("nothing came"))??;
    check_arrived(&line)?;
    output.text("\nThe message has arrived: sealed at the laptop, opened at the server, and unreadable in between.\n")
}

/// A user as everybody begins; the user's key.
async fn set_up(
    output: &Output,
    network: &Network,
    user: User,
    url: &str,
) -> Result<String, Failure> {
    network.daemon_starts(user);
    step(
        output,
        network,
        user,
        &["init", "--quiet", "--name", user.name(), "--relay", url],
        None,
    )
    .await?;
    network.daemon_runs(user);
    let key = step(output, network, user, &["whoami", "-o", "raw"], None).await?;
    Ok(key.trim().to_owned())
}

/// Runs one command, and shows the line and what came of it.
async fn step(
    output: &Output,
    network: &Network,
    user: User,
    arguments: &[&str],
    input: Option<&str>,
) -> Result<String, Failure> {
    let step = Step {
        user,
        arguments,
        input,
    };
    output.text(&format!("\n{}\n", step.line()))?;
    let said = step.run(network).await?;
    output.text(&crate::output::escape::block(&said))?;
    Ok(said)
}

fn check_arrived(line: &str) -> Result<(), Failure> {
    let message: serde_json::Value =
        serde_json::from_str(line).map_err(|error| not_arrived(&error.to_string()))?;
    if message["text"] != TEXT {
        return Err(not_arrived("another message came"));
    }
    if message["encrypted"] != true || message["verified"] != true {
        return Err(not_arrived("it came, but not sealed by a proven sender"));
    }
    Ok(())
}

fn not_arrived(why: &str) -> Failure {
    Failure::new(
        Reason::Internal,
        format!("the message did not arrive: {why}"),
    )
}

fn say(output: &Output, what: &str, which: &str) -> Result<(), Failure> {
    output.text(&format!("# {what} {which}\n"))
}

fn is_watched() -> bool {
    use std::io::IsTerminal as _;
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

fn invitation(network: &Network) -> String {
    let mut text = String::from(
        "\nThe network stays up until Ctrl-C. To be one of the users, in another terminal:\n\n",
    );
    for user in User::ALL {
        text.push_str(&format!(
            "  . {}        # be the {}\n",
            network.script(user).display(),
            user.name()
        ));
    }
    text.push_str("\n  mrpctl tail\n  mrpctl send server \"and back?\"\n  mrpctl status\n\n");
    text
}

/// Ctrl-C, SIGTERM, or the terminal is gone: listened for before there is anything to be removed.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let on = |kind| {
            signal(kind)
                .map_err(|error| Failure::io(Reason::Internal, "listen for signals", &error))
        };
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
            hangup: on(SignalKind::hangup())?,
        })
    }

    async fn stop(&mut self) -> Failure {
        const HUNG_UP: u8 = 129;
        tokio::select! {
            _ = self.interrupt.recv() => Failure::Status(Reason::Interrupted.exit()),
            _ = self.terminate.recv() => Failure::Status(Reason::Terminated.exit()),
            _ = self.hangup.recv() => Failure::Status(HUNG_UP),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sealed_and_proven_message_counts() {
        let line = |text: &str, encrypted: bool, verified: bool| {
            serde_json::json!({ "text": text, "encrypted": encrypted, "verified": verified })
                .to_string()
        };
        assert_eq!(check_arrived(&line(TEXT, true, true)), Ok(()));
        for line in [
            String::new(),
            line("something else", true, true),
            line(TEXT, false, true),
            line(TEXT, true, false),
        ] {
            assert_eq!(check_arrived(&line).unwrap_err().exit(), 70, "{line}");
        }
    }
}
