//! Figures of relayd, mrpd and mrpctl, beside those of other systems. `bench/README.md` says how to read them.

mod clock;
mod daemon;
mod discovery;
mod idle_sockets;
mod load;
mod mrpctl_send;
mod mrpd_idle;
mod mrpd_inbox;
mod peer;
mod process;
mod publish;
mod recovery;
mod relay;
mod report;
mod startup;
mod system;
mod wire;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Figures of relayd, mrpd and mrpctl, beside those of other systems")]
struct Arguments {
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
    /// Finding agents among many, by every kind of filter
    Discovery(discovery::Options),
    /// Resident memory of authenticated WebSockets that do nothing
    IdleSockets(idle_sockets::Options),
    /// Messages until they are accepted, beside Redis, PostgreSQL, NATS and mosquitto
    Publish(publish::Options),
    /// A start with many messages after kill -9, beside Redis
    Recovery(recovery::Options),
    /// A start with nothing, beside mosquitto
    Startup(startup::Options),
    /// One message from a script, beside mosquitto's
    MrpctlSend(mrpctl_send::Options),
    /// Memory and wake-ups of a daemon with one session that does nothing
    MrpdIdle(mrpd_idle::Options),
    /// First pages of a large inbox, by every kind of filter, over the daemon's socket
    MrpdInbox(mrpd_inbox::Options),
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let lines = match arguments.scenario {
        Scenario::Discovery(options) => runtime.block_on(discovery::run(&options))?,
        Scenario::IdleSockets(options) => runtime.block_on(idle_sockets::run(&options))?,
        Scenario::Publish(options) => runtime.block_on(publish::run(&options))?,
        Scenario::Recovery(options) => runtime.block_on(recovery::run(&options))?,
        Scenario::Startup(options) => startup::run(&options)?,
        Scenario::MrpctlSend(options) => runtime.block_on(mrpctl_send::run(&options))?,
        Scenario::MrpdIdle(options) => runtime.block_on(mrpd_idle::run(&options))?,
        Scenario::MrpdInbox(options) => runtime.block_on(mrpd_inbox::run(&options))?,
    };
    report::print(&lines);
    Ok(())
}
