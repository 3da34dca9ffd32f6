//! Every row of the table in one run, and what came of it in a file.

use crate::machine;
use crate::process::Programs;
use crate::report::{self, Outcome, say};
use crate::rows::{GOALS, Mark, Measured};
use crate::{Arguments, Scenario, clock};
use clap::Parser as _;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Small sizes and few rounds: shows that everything works, not how fast it is
    #[arg(long)]
    quick: bool,
    /// Where the figures go; bench/RESULTS.md of the sources where absent
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
}

/// What is run, at full size and quickly.
const PLAN: [(&str, &str); 11] = [
    ("publish", "publish --rounds 3 --seconds 1"),
    (
        "publish --connections 1",
        "publish --connections 1 --rounds 3 --seconds 1",
    ),
    ("latency", "latency --rounds 3 --seconds 1"),
    ("idle-sockets", "idle-sockets --sockets 500 --rounds 2"),
    ("startup", "startup --rounds 5"),
    ("recovery", "recovery --mebibytes 32 --rounds 3"),
    (
        "mrpctl-send",
        "mrpctl-send --rounds 3 --messages 10 --lines 500",
    ),
    ("growth", "growth --sizes 1000,10000 --rounds 2"),
    ("backlog", "backlog --messages 2000 --pages 10 --rounds 3"),
    ("expiry", "expiry --messages 20000 --seconds 1 --parts 3"),
    ("blob", "blob --mebibytes 16 --rounds 3"),
];

/// One scenario of the plan.
struct Part {
    command: &'static str,
    seconds: f64,
    outcome: anyhow::Result<Outcome>,
}

pub(crate) fn run(
    options: &Options,
    programs: &Programs,
    measure: impl Fn(&Scenario) -> anyhow::Result<Outcome>,
) -> anyhow::Result<()> {
    let begun = clock::now();
    let facts = [machine::machine(), machine::versions(programs)].concat();
    let mut parts = Vec::new();
    for (full, quick) in PLAN {
        let command = if options.quick { quick } else { full };
        say(format_args!("== {command}"));
        let arguments = Arguments::try_parse_from(format!("bench {command}").split(' '))?;
        let clock = Instant::now();
        let outcome = measure(&arguments.scenario);
        let seconds = clock.elapsed().as_secs_f64();
        match &outcome {
            Ok(outcome) => report::print(outcome),
            Err(error) => say(format_args!("failed: {error:#}")),
        }
        parts.push(Part {
            command,
            seconds,
            outcome,
        });
    }
    let default = Path::new(machine::SOURCES).join("RESULTS.md");
    let file = options.results.as_deref().unwrap_or(&default);
    std::fs::write(
        file,
        document(&begun.to_string(), options.quick, &facts, &parts)?,
    )?;
    say(format_args!("== {}", file.display()));
    let failed = parts.iter().filter(|part| part.outcome.is_err()).count();
    anyhow::ensure!(failed == 0, "{failed} scenarios failed");
    Ok(())
}

fn document(
    begun: &str,
    is_quick: bool,
    facts: &[(&str, String)],
    parts: &[Part],
) -> Result<String, std::fmt::Error> {
    let mut text = String::from("# Results\n\n");
    writeln!(
        text,
        "Written by `bench all`, which README.md explains; begun at {begun}.\n"
    )?;
    if is_quick {
        text += "**Quick: small sizes and few rounds. These figures show that everything works, not how fast it is.**\n\n";
    }
    text += "| | |\n|---|---|\n";
    for (name, value) in facts {
        writeln!(text, "| {name} | {} |", cell(value))?;
    }
    text += "\n## Rows\n\n\
        Each measured number is a median, with the least and the greatest round behind it. A ratio is ours to the peer's, round by\n\
        round. \"On disk\" says whether what was acknowledged was on disk by then.\n\n\
        | # | what | figures (medians) | measured | must | aim | must met | aim met |\n|---|---|---|---|---|---|---|---|\n";
    let marks = parts.iter().flat_map(|part| part.outcome.iter());
    let marks: Vec<&Mark> = marks.flat_map(|outcome| &outcome.marks).collect();
    for goal in GOALS {
        let missing = Mark::missing(goal, "its scenario failed");
        let mark = marks.iter().find(|mark| std::ptr::eq(mark.goal, *goal));
        let mark = mark.copied().unwrap_or(&missing);
        let yes = |met: Option<bool>| match met {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "?",
        };
        let verdict = mark.verdict();
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            goal.row,
            goal.what,
            cell(&mark.figures),
            cell(&mark.measured_text()),
            goal.must(),
            goal.aim(),
            yes(verdict.map(|(must, _)| must)),
            yes(verdict.map(|(_, aim)| aim)),
        )?;
    }
    let reached = |which: fn((bool, bool)) -> bool| {
        let met = marks.iter().filter_map(|mark| mark.verdict());
        met.filter(|&verdict| which(verdict)).count()
    };
    let measured = marks
        .iter()
        .filter(|mark| matches!(mark.measured, Measured::Spread(_)));
    writeln!(
        text,
        "\nOf {} figures {} were measured; {} are as they must be, {} as they are aimed at.",
        GOALS.len(),
        measured.count(),
        reached(|(must, _)| must),
        reached(|(_, aim)| aim),
    )?;
    text += "\n## All figures\n";
    for part in parts {
        writeln!(text, "\n`bench {}` ({:.0} s)\n", part.command, part.seconds)?;
        match &part.outcome {
            Ok(outcome) => {
                for line in &outcome.lines {
                    writeln!(text, "- {}: {}", line.name, line.value.trim())?;
                }
            }
            Err(error) => writeln!(text, "failed: {error:#}")?,
        }
    }
    Ok(text)
}

/// What may stand in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
