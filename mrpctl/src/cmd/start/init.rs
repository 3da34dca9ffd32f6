//! `mrpctl init`: a key, a configuration, a running daemon. What is there is kept; running it twice does no harm.

mod plan;

use crate::autostart;
use crate::cli::start::Init as Flags;
use crate::cmd::tooling::{service, systemd};
use crate::config::document::Document;
use crate::context::Context;
use crate::exit::Failure;
use crate::key_file;
use crate::output::pairs;
use mrp_proto::key::PublicKey;
use mrpd_api::card::Card;
use serde::Serialize;
use std::path::Path;

/// What was made and what was found.
#[derive(Serialize)]
struct Report {
    agent: String,
    key: PublicKey,
    card: String,
    key_file: String,
    key_created: bool,
    config: String,
    config_changed: bool,
    relay: Option<RelayReport>,
    daemon: Daemon,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct RelayReport {
    name: String,
    url: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Daemon {
    /// It was running, and has read the configuration.
    Reloaded,
    /// It was started.
    Started,
    /// It is not running, and was not to be started.
    Stopped,
}

pub(crate) async fn run(context: &Context, flags: Flags) -> Result<(), Failure> {
    let mut document = Document::edit(&context.config_file()).await?;
    let plan = plan::make(context, &flags, &document).await?;
    let key = key_file::load_or_create(&plan.key_file)?;
    plan.apply(&mut document, &context.paths);
    let config_changed = document.is_changed();
    crate::cmd::tooling::config::save_checked(context, &mut document).await?;
    if flags.service {
        service::install_for_user(context).await?;
        if flags.linger {
            systemd::enable_linger().await?;
        }
    }
    let daemon = start_or_reload(context, &flags).await?;
    let relay = plan::relay_in_use(&document, &plan.agent);
    let card = Card {
        key: key.public,
        name: Some(plan.agent.clone()),
        relay: relay.as_ref().map(|relay| relay.url.clone()),
    };
    let report = Report {
        agent: plan.agent,
        key: key.public,
        card: card.to_string(),
        key_file: shown(context, &plan.key_file),
        key_created: key.is_new,
        config: shown(context, document.path()),
        config_changed,
        relay,
        daemon,
    };
    let bare = report.key.to_string();
    context
        .output
        .object(&report, || text(&report), Some(&bare))?;
    context.output.note(&next_steps(&report));
    Ok(())
}

/// The rules are those of every command that needs the daemon, but that it is not an error if it must not be started.
async fn start_or_reload(context: &Context, flags: &Flags) -> Result<Daemon, Failure> {
    if let Ok(client) = context.running_daemon().await {
        client.reload().await?;
        return Ok(Daemon::Reloaded);
    }
    if context.global.no_autostart || !context.variables.allows_autostart() {
        return Ok(Daemon::Stopped);
    }
    if autostart::is_managed(&context.paths) && !flags.no_service {
        crate::cmd::tooling::daemon::start_unit().await?;
    } else {
        autostart::start(context).await?;
    }
    Ok(Daemon::Started)
}

fn shown(context: &Context, path: &Path) -> String {
    context.paths.contract(path).display().to_string()
}

fn text(report: &Report) -> String {
    let key_file = if report.key_created {
        "made now"
    } else {
        "it was there"
    };
    let config = if report.config_changed {
        "written"
    } else {
        "nothing to change"
    };
    let daemon = match report.daemon {
        Daemon::Reloaded => "running, and has read the configuration",
        Daemon::Started => "started",
        Daemon::Stopped => "not running: mrpctl daemon start",
    };
    let relay = report
        .relay
        .as_ref()
        .map_or_else(String::new, |relay| format!("{} {}", relay.name, relay.url));
    pairs(&[
        ("agent", report.agent.clone()),
        ("key", report.key.to_string()),
        ("relay", relay),
        ("key file", format!("{} ({key_file})", report.key_file)),
        ("config", format!("{} ({config})", report.config)),
        ("daemon", daemon.to_owned()),
    ])
}

fn next_steps(report: &Report) -> String {
    let key = report.key;
    format!(
        "\nNEXT\n  echo hi | mrpctl send me       a message to yourself\n  mrpctl tail                    messages as they come\n  mrpctl contact add NAME KEY    a name for somebody; you are {key}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use mrp_proto::key::SecretKey;

    #[test]
    fn the_report_tells_what_was_made_and_what_was_there() {
        let key = SecretKey::from_seed(&[1; 32]).public();
        let report = Report {
            agent: "laptop".into(),
            key,
            card: "mrp:x".into(),
            key_file: "~/.mrp/keys/laptop.key".into(),
            key_created: true,
            config: "~/.config/mrp/mrpd.toml".into(),
            config_changed: false,
            relay: Some(RelayReport {
                name: "local".into(),
                url: "http://127.0.0.1:8080".into(),
            }),
            daemon: Daemon::Started,
        };
        insta::assert_snapshot!(text(&report), @r"
        agent     laptop
        key       iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w
        relay     local http://127.0.0.1:8080
        key file  ~/.mrp/keys/laptop.key (made now)
        config    ~/.config/mrp/mrpd.toml (nothing to change)
        daemon    started
        ");
        assert_eq!(next_steps(&report).matches("\n  ").count(), 3);
    }
}
