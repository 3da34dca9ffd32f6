//! Figures of relayd, mrpd and mrpctl, beside those of other systems. `bench/README.md` says how to read them.

mod all;
mod backlog;
mod blob;
mod clock;
mod crowd;
mod daemon;
mod deadline;
mod discovery;
mod expiry;
mod filling;
mod growth;
mod idle_sockets;
mod latency;
mod load;
mod machine;
mod mrpctl_send;
mod mrpd_idle;
mod mrpd_inbox;
mod peer;
mod process;
mod publish;
mod recovery;
mod relay;
mod report;
mod rows;
mod scratch;
mod socket;
mod startup;
mod stored;
mod system;
mod wire;

use clap::{Parser, Subcommand};
use deadline::Deadline;
use process::Programs;
use report::Outcome;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Parser)]
#[command(about = "Figures of relayd, mrpd and mrpctl, beside those of other systems")]
struct Arguments {
    #[command(flatten)]
    programs: Programs,
    /// Where the data of everything that runs is; on a disk. `bench-data` beside the builds where absent
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Seconds that one scenario may take, at most
    #[arg(long, global = true, default_value_t = 1_800)]
    most_seconds: u64,
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Debug, Subcommand)]
enum Scenario {
    /// Every row of the table, into bench/RESULTS.md
    All(all::Options),
    /// The first page of a full inbox, by poll and by WebSocket
    Backlog(backlog::Options),
    /// A large file up and down, beside nginx
    Blob(blob::Options),
    /// Finding agents among many, by every kind of filter
    Discovery(discovery::Options),
    /// Sends while very many messages expire
    Expiry(expiry::Options),
    /// How costs grow with the number of agents and of stored messages
    Growth(growth::Options),
    /// Resident memory of connections that do nothing, beside Redis, NATS and mosquitto
    IdleSockets(idle_sockets::Options),
    /// From a sender to a recipient that is connected, beside Redis, NATS and mosquitto
    Latency(latency::Options),
    /// Messages until they are accepted, beside Redis, PostgreSQL, NATS and mosquitto
    Publish(publish::Options),
    /// A start with many messages after kill -9, beside Redis
    Recovery(recovery::Options),
    /// A start with nothing, beside mosquitto
    Startup(startup::Options),
    /// Memory and sends with very many messages in the store
    Stored(stored::Options),
    /// One message from a script, beside mosquitto's
    MrpctlSend(mrpctl_send::Options),
    /// Memory and wake-ups of a daemon with one session that does nothing
    MrpdIdle(mrpd_idle::Options),
    /// First pages of a large inbox, by every kind of filter, over the daemon's socket
    MrpdInbox(mrpd_inbox::Options),
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    scratch::open(arguments.data.as_deref())?;
    deadline::clear_up_when_interrupted()?;
    let outcome = run(&arguments);
    scratch::close();
    outcome
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let most = Duration::from_secs(arguments.most_seconds);
    let measure = |scenario: &Scenario| {
        let deadline = Deadline::after(most);
        let outcome = measure(scenario, &arguments.programs);
        deadline.check(outcome)
    };
    match &arguments.scenario {
        Scenario::All(options) => all::run(options, &arguments.programs, measure),
        scenario => {
            report::print(&measure(scenario)?);
            Ok(())
        }
    }
}

fn measure(scenario: &Scenario, programs: &Programs) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match scenario {
            Scenario::All(_) => anyhow::bail!("all is not a part of itself"),
            Scenario::Backlog(options) => backlog::run(options, programs).await,
            Scenario::Blob(options) => blob::run(options, programs).await,
            Scenario::Discovery(options) => discovery::run(options, programs).await,
            Scenario::Expiry(options) => expiry::run(options, programs).await,
            Scenario::Growth(options) => growth::run(options, programs).await,
            Scenario::IdleSockets(options) => idle_sockets::run(options, programs).await,
            Scenario::Latency(options) => latency::run(options, programs).await,
            Scenario::Publish(options) => publish::run(options, programs).await,
            Scenario::Recovery(options) => recovery::run(options, programs).await,
            Scenario::Startup(options) => startup::run(options, programs),
            Scenario::Stored(options) => stored::run(options, programs).await,
            Scenario::MrpctlSend(options) => mrpctl_send::run(options, programs).await,
            Scenario::MrpdIdle(options) => mrpd_idle::run(options, programs).await,
            Scenario::MrpdInbox(options) => mrpd_inbox::run(options, programs).await,
        }
    })
}
