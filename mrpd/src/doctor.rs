//! What the daemon finds out about itself: whether relays answer and agree about the time, whether there is room, what is wrong.

use crate::clock;
use crate::config::Transport;
use crate::context::Context;
use crate::roster::{Link, Roster};
use mrp_proto::relay_api::feature;
use mrp_proto::time::Timestamp;
use mrpd_api::body::doctor::Finding;
use mrpd_api::body::{self, SessionState};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::statvfs::statvfs;
use std::path::Path;
use std::time::Duration;
use tokio::task::JoinSet;

/// How long a relay may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How far clocks may be apart, in milliseconds, before it is worth saying. Relays refuse what is signed five minutes off.
const NOTABLE_SKEW: i64 = 30_000;
const REFUSED_SKEW: i64 = 240_000;
/// Room that there should be: bytes, and one part in so many of the whole.
const LEAST_ROOM: u64 = 256 << 20;
const LEAST_PART: u64 = 20;
/// Open files that are enough for many relays and hooks.
const ENOUGH_FILES: u64 = 256;

/// Looks at everything. Bounded in time by the slowest relay's patience.
pub async fn examine(context: &Context, state_dir: &Path) -> Vec<Finding> {
    let mut findings = vec![store(context).await, disk(state_dir), open_files()];
    findings.extend(relays(&context.roster()).await);
    findings.extend(sessions(context));
    findings.extend(warnings(context));
    findings
}

async fn store(context: &Context) -> Finding {
    let trouble = context.store.trouble().borrow().clone();
    if let Some(cause) = trouble {
        return Finding::wrong("store", format!("the store cannot be written: {cause}"))
            .because("messages stay at the relays, and sends are refused")
            .fix("free space, or repair the disk");
    }
    match context.store.probe().await {
        Ok(()) => Finding::ok("store", "the store answers"),
        Err(error) => Finding::wrong("store", format!("the store does not answer: {error}"))
            .because("nothing is received or sent")
            .fix("mrpctl daemon restart"),
    }
}

fn disk(dir: &Path) -> Finding {
    let Ok(disk) = statvfs(dir) else {
        let what = format!("{} cannot be looked at", dir.display());
        return Finding::wrong("disk", what).because("the store is there");
    };
    let unit = disk.fragment_size();
    let (free, all) = (
        disk.blocks_available().saturating_mul(unit),
        disk.blocks().saturating_mul(unit),
    );
    let what = format!("{} MiB free at {}", free >> 20, dir.display());
    if free >= LEAST_ROOM || free >= all / LEAST_PART {
        return Finding::ok("disk", what);
    }
    Finding::wrong("disk", what)
        .because(
            "a full disk stops mail: what cannot be stored stays with the relays until it expires",
        )
        .fix("free some space there")
}

fn open_files() -> Finding {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((u64::MAX, u64::MAX));
    let what = format!("{soft} files may be open at once");
    if soft >= ENOUGH_FILES {
        return Finding::ok("open files", what);
    }
    Finding::wrong("open files", what)
        .because("sessions, hooks and clients each need some")
        .fix(format!(
            "LimitNOFILE={} in the unit, or: ulimit -n",
            hard.min(4096)
        ))
}

/// One finding for each relay, asked all at once; which agent asks makes no difference.
async fn relays(roster: &Roster) -> Vec<Finding> {
    let mut links: Vec<&Link> = Vec::new();
    for link in roster.agents.iter().flat_map(|agent| &agent.links) {
        if links
            .iter()
            .all(|known| known.relay.name != link.relay.name)
        {
            links.push(link);
        }
    }
    let mut asked = JoinSet::new();
    for (place, link) in links.into_iter().cloned().enumerate() {
        asked.spawn(async move { (place, relay(&link).await) });
    }
    let mut findings = asked.join_all().await;
    findings.sort_by_key(|(place, _)| *place);
    findings.into_iter().map(|(_, finding)| finding).collect()
}

async fn relay(link: &Link) -> Finding {
    let name = format!("relay {}", link.relay.name);
    let url = &link.relay.url;
    let asked_at = clock::now();
    let unreachable = |cause: String| {
        Finding::wrong(&name, format!("{url} does not answer: {cause}"))
            .because("what is sent by it waits, and nothing comes from it")
            .fix("look at the network, and at the url in mrpd.toml; what waits is tried again by itself")
    };
    match tokio::time::timeout(PATIENCE, link.client.health()).await {
        Err(_) => unreachable(format!("nothing within {} s", PATIENCE.as_secs())),
        Ok(Err(error)) => unreachable(error.to_string()),
        Ok(Ok(health))
            if link.relay.transport == Transport::Poll
                && !health.features.iter().any(|name| name == feature::ACK) =>
        {
            Finding::wrong(&name, format!("{url} cannot be polled safely"))
                .because("it takes no acknowledgements over HTTP, so what a poll hands out could be lost before it is stored; nothing is taken from it")
                .fix("write transport = \"ws\" for this relay in mrpd.toml")
        }
        Ok(Ok(health)) => {
            let off = skew(asked_at, clock::now(), health.timestamp);
            judge_skew(
                &name,
                &format!("{url} answers, version {}", health.version),
                off,
            )
        }
    }
}

/// By how many milliseconds our clock is ahead of the relay's, at least: the time that the question was under way counts for neither.
fn skew(asked_at: Timestamp, answered_at: Timestamp, theirs: Timestamp) -> i64 {
    let (asked, answered, theirs) = (
        asked_at.unix_millis(),
        answered_at.unix_millis(),
        theirs.unix_millis(),
    );
    if theirs < asked {
        asked - theirs
    } else if theirs > answered {
        answered - theirs
    } else {
        0
    }
}

fn judge_skew(name: &str, answers: &str, skew: i64) -> Finding {
    let seconds = skew.abs() / 1000;
    let side = if skew > 0 { "ahead of" } else { "behind" };
    let what = format!("{answers}; this clock is {seconds} s {side} its clock");
    let why = "relays refuse what is signed more than five minutes off";
    let fix = "timedatectl set-ntp true        (or set the clock by hand)";
    if skew.abs() >= REFUSED_SKEW {
        Finding::wrong(name, what).because(why).fix(fix)
    } else if skew.abs() >= NOTABLE_SKEW {
        Finding::note(name, what).because(why).fix(fix)
    } else {
        Finding::ok(name, answers)
    }
}

fn sessions(context: &Context) -> Vec<Finding> {
    let sessions = context.board.sessions();
    let finding = |session: &mrpd_api::body::Session| {
        let name = format!("{} at {}", session.agent, session.relay);
        match session.state {
            SessionState::Up => {
                let by = match session.transport {
                    Some(body::Transport::Poll) => ", by polls",
                    Some(body::Transport::Ws) | None => "",
                };
                Finding::ok("session", format!("{name} is up{by}"))
            }
            SessionState::Connecting => Finding::note("session", format!("{name} is being made")),
            SessionState::Down => {
                let reason = session.reason.as_deref().unwrap_or("for no known reason");
                Finding::wrong("session", format!("{name} is down: {reason}"))
                    .because("messages for it wait at the relay")
                    .fix("it is tried again by itself; mrpctl status says when")
            }
        }
    };
    if sessions.is_empty() {
        let what = "there is no agent, so there is no session";
        return vec![Finding::note("session", what).fix("mrpctl init --name NAME")];
    }
    sessions.iter().map(finding).collect()
}

fn warnings(context: &Context) -> Vec<Finding> {
    let trouble = context.contacts.trouble();
    let warnings = context.board.warnings().into_iter().chain(trouble);
    let findings: Vec<Finding> = warnings
        .map(|warning| Finding::wrong("configuration", warning))
        .collect();
    if findings.is_empty() {
        return vec![Finding::ok("configuration", "nothing is wrong with it")];
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use mrpd_api::body::doctor::Verdict;

    #[test]
    fn clocks_are_judged_by_what_cannot_be_the_network() {
        let at = Timestamp::from_unix_millis;
        assert_eq!(skew(at(1000), at(9000), at(5000)), 0);
        assert_eq!(skew(at(1000), at(9000), at(400)), 600);
        assert_eq!(skew(at(1000), at(9000), at(9700)), -700);
        for (skew, want) in [
            (0, Verdict::Ok),
            (-29_000, Verdict::Ok),
            (31_000, Verdict::Note),
            (-300_000, Verdict::Wrong),
        ] {
            assert_eq!(judge_skew("relay x", "it answers", skew).verdict, want);
        }
        let finding = judge_skew("relay x", "it answers", -300_000);
        assert!(finding.what.contains("300 s behind"), "{}", finding.what);
    }
}
