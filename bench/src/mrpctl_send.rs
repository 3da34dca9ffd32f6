//! What one message from a script takes: the program's start, the daemon's answer, its end. Beside it, what the same takes with
//! mosquitto, and a program that does nothing.

use crate::daemon::{Daemon, Home};
use crate::peer::mosquitto::Mosquitto;
use crate::process::{self, Programs, quiet};
use crate::relay::Relay;
use crate::report::{Line, Outcome, Spread, millis, quantile};
use crate::rows::{self, Mark};
use crate::system::Kind;
use crate::wire::fresh_key;
use anyhow::{Context as _, ensure};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Rounds; each ratio is the median over them
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Messages of each kind in a round, in turn
    #[arg(long, default_value_t = 50)]
    messages: usize,
    /// Lines through one `send --jsonl`
    #[arg(long, default_value_t = 10_000)]
    lines: usize,
}

/// One of those that are compared.
struct Contestant<'a> {
    name: &'static str,
    command: Box<dyn Fn() -> Command + 'a>,
    /// The median of each round, in milliseconds.
    medians: Vec<f64>,
}

impl<'a> Contestant<'a> {
    fn new(name: &'static str, command: impl Fn() -> Command + 'a) -> Self {
        Self {
            name,
            command: Box::new(command),
            medians: Vec::new(),
        }
    }
}

pub(crate) async fn run(options: &Options, programs: &Programs) -> anyhow::Result<Outcome> {
    let relay = Relay::start(programs)?;
    let home = Home::with_relay(&relay)?;
    let daemon = Daemon::start(programs, home.path())?;
    daemon.session().await?;
    let mrpctl = Mrpctl {
        program: programs.mrpctl()?,
        socket: daemon.socket(),
        home: home.path(),
    };
    let broker = Mosquitto::start()?;
    let recipient = fresh_key()?.public().to_string();
    let mut contestants = vec![
        Contestant::new("a program that does nothing", || Command::new("true")),
        Contestant::new("mrpctl send --async (on disk)", || {
            mrpctl.send(&["--async", &recipient, "hello"])
        }),
        Contestant::new("mrpctl send (accepted by the relay)", || {
            mrpctl.send(&[&recipient, "hello"])
        }),
    ];
    if let Some(broker) = &broker {
        let publish = || broker.publish("hello");
        contestants.push(Contestant::new("mosquitto_pub -q 1 (in memory)", publish));
    }
    for _ in 0..options.rounds {
        round(&mut contestants, options.messages)?;
    }
    let mut lines = report(&contestants, broker.is_some());
    lines.extend(stream(&mrpctl, &daemon, options.lines)?);
    let marks = vec![mark(&contestants, broker.is_some())];
    Ok(Outcome { lines, marks })
}

/// Every contestant so often, in turn, so that what else the machine does is shared.
fn round(contestants: &mut [Contestant<'_>], messages: usize) -> anyhow::Result<()> {
    let mut taken = vec![Vec::with_capacity(messages); contestants.len()];
    for _ in 0..messages {
        for (contestant, taken) in contestants.iter().zip(&mut taken) {
            taken.push(time((contestant.command)())?);
        }
    }
    for (contestant, mut taken) in contestants.iter_mut().zip(taken) {
        taken.sort_unstable();
        let median = quantile(&taken, 0.5);
        contestant.medians.push(median.as_secs_f64() * 1e3);
    }
    Ok(())
}

/// From before a program's start to after its end.
fn time(mut command: Command) -> anyhow::Result<Duration> {
    quiet(&mut command);
    let begun = Instant::now();
    let status = command.status();
    let elapsed = begun.elapsed();
    let program = command.get_program().display();
    let status = status.with_context(|| format!("cannot start {program}"))?;
    ensure!(status.success(), "{program} ended with {status}");
    Ok(elapsed)
}

/// Each one's median, least and greatest round, and its ratio to the last, round by round.
fn report(contestants: &[Contestant<'_>], is_compared: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    for contestant in contestants {
        let mut value = Spread::of(&contestant.medians).figure("ms");
        if let Some(peer) = contestants.last().filter(|_| is_compared) {
            let ratio = Spread::of_ratios(&contestant.medians, &peer.medians).median;
            value += &format!(", ratio {ratio:.2}");
        }
        lines.push(Line::new(contestant.name, value));
    }
    if !is_compared {
        lines.push(Line::new("mosquitto", "missing: bench/README.md"));
    }
    lines
}

/// The send that ends when the message is in the outbox, against the last contestant.
fn mark(contestants: &[Contestant<'_>], is_compared: bool) -> Mark {
    let (ours, last) = (&contestants[1].medians, &contestants[contestants.len() - 1]);
    if !is_compared {
        return Mark::missing(&rows::ONE_SHOT, Kind::Mosquitto.missing());
    }
    let (own, other) = (Spread::of(ours).median, Spread::of(&last.medians).median);
    let text = format!("mrpctl {own:.2} ms (on disk); mosquitto_pub {other:.2} ms (in memory)");
    Mark::new(
        &rows::ONE_SHOT,
        Spread::of_ratios(ours, &last.medians),
        text,
    )
}

/// Many messages from one program, each on disk when its line is answered.
fn stream(mrpctl: &Mrpctl<'_>, daemon: &Daemon, lines: usize) -> anyhow::Result<Vec<Line>> {
    let mut command = mrpctl.send(&["--jsonl", "--async"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let before = process::cpu(daemon.id())?;
    let begun = Instant::now();
    let mut process = command.spawn()?;
    let mut input = process.stdin.take().context("stdin is piped")?;
    // Recipients are many, so that no inbox fills up.
    let recipients: Vec<String> = (0..100)
        .map(|_| Ok(fresh_key()?.public().to_string()))
        .collect::<anyhow::Result<_>>()?;
    let writing = std::thread::spawn(move || -> std::io::Result<()> {
        for (number, recipient) in (0..lines).zip(recipients.iter().cycle()) {
            writeln!(
                input,
                r#"{{"to":"{recipient}","text":"this is line {number}"}}"#
            )?;
        }
        Ok(())
    });
    let output = process.wait_with_output()?;
    let elapsed = begun.elapsed();
    let cpu = process::cpu(daemon.id())? - before;
    writing
        .join()
        .map_err(|_| anyhow::anyhow!("the lines were not written"))??;
    let answered = output.stdout.iter().filter(|&&byte| byte == b'\n').count();
    ensure!(output.status.success() && answered == lines, "{answered}");
    let rate = lines as f64 / elapsed.as_secs_f64();
    let each = cpu.as_micros() as f64 / lines as f64;
    Ok(vec![
        Line::new("mrpctl send --jsonl, lines", lines.to_string()),
        Line::new("all on disk after", millis(elapsed)),
        Line::new("rate", format!("{rate:.0} messages/s")),
        Line::new("daemon CPU", format!("{each:.0} us/message")),
    ])
}

/// The command line as a script calls it.
struct Mrpctl<'a> {
    program: PathBuf,
    socket: &'a Path,
    home: &'a Path,
}

impl Mrpctl<'_> {
    fn send(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("HOME", self.home)
            .arg("--socket")
            .arg(self.socket)
            .arg("send")
            .args(arguments);
        command
    }
}
