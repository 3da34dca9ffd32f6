//! How far something long has come, on standard error: a bar for people at a terminal, lines of JSON for programs that ask for
//! them, nothing for anybody else.

use super::{Output, stderr_line};
use crate::cli::ProgressWhen;
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde::Serialize;
use std::fmt;
use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

/// Lines of JSON come at most so often, beside the first and the last.
const PACE: Duration = Duration::from_millis(250);

/// Letters of what is being done that stand beside a bar: with it they fit into the usual 80 columns.
const LABEL: usize = 16;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unit {
    Bytes,
    Messages,
}

/// Something that takes its time, and how far it has come.
#[derive(Debug)]
pub(crate) struct Progress {
    form: Form,
    report: Report,
    told_at: Instant,
}

#[derive(Debug)]
enum Form {
    Nothing,
    Bar(ProgressBar),
    Lines,
}

/// One line of JSON.
#[derive(Debug, Serialize)]
struct Report {
    /// What is being done, such as `export`, or a file's name.
    progress: String,
    unit: Unit,
    done: u64,
    /// How much it will be, where that is known.
    total: Option<u64>,
    finished: bool,
}

impl Progress {
    /// Begins to tell how far `what` has come.
    pub(crate) fn new(output: &Output, what: &str, unit: Unit, total: Option<u64>) -> Self {
        let for_people = io::stderr().is_terminal() && !output.quiet;
        let form = match output.progress {
            ProgressWhen::Json => Form::Lines,
            ProgressWhen::Auto if for_people => Form::Bar(bar(what, unit, total)),
            ProgressWhen::Auto | ProgressWhen::Never => Form::Nothing,
        };
        let progress = Self {
            form,
            report: Report {
                progress: what.to_owned(),
                unit,
                done: 0,
                total,
                finished: false,
            },
            told_at: Instant::now(),
        };
        progress.tell();
        progress
    }

    /// So much more is done.
    pub(crate) fn add(&mut self, more: u64) {
        self.report.done += more;
        if let Form::Bar(bar) = &self.form {
            bar.set_position(self.report.done);
        } else if self.told_at.elapsed() >= PACE {
            self.tell();
            self.told_at = Instant::now();
        }
    }

    /// How much it will be has become known.
    pub(crate) fn expect(&mut self, total: u64) {
        self.report.total = Some(total);
        if let Form::Bar(bar) = &self.form {
            bar.set_length(total);
            bar.set_style(style(self.report.unit, self.report.total));
        }
    }

    /// All is done. A bar goes; without this, it goes too, and no line says that it was finished.
    pub(crate) fn finish(mut self) {
        self.report.finished = true;
        self.tell();
    }

    fn tell(&self) {
        if matches!(self.form, Form::Lines)
            && let Ok(line) = serde_json::to_string(&self.report)
        {
            stderr_line(&line);
        }
    }
}

/// A bar that goes by itself when nobody holds it any more.
fn bar(what: &str, unit: Unit, total: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    bar.set_style(style(unit, total));
    bar.set_message(label(what));
    bar
}

/// What is being done, as far as there is room for it beside the bar.
fn label(what: &str) -> String {
    let what = super::escape::line(what);
    match what.char_indices().nth(LABEL) {
        Some((end, _)) => format!("{}…", &what[..end]),
        None => what,
    }
}

fn style(unit: Unit, total: Option<u64>) -> ProgressStyle {
    let template = match (unit, total) {
        (Unit::Bytes, Some(_)) => {
            "{msg} {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} to go"
        }
        (Unit::Bytes, None) => "{msg} {bytes}, {bytes_per_sec}",
        (Unit::Messages, Some(_)) => "{msg} {wide_bar} {pos} of {len}, {pace}, {eta} to go",
        (Unit::Messages, None) => "{msg} {pos}, {pace}",
    };
    ProgressStyle::with_template(template)
        .expect("the template is sound")
        .with_key(
            "pace",
            |state: &ProgressState, text: &mut dyn fmt::Write| {
                // A bar that cannot be written is nothing to fail for.
                let _ = text.write_str(&pace(state.per_sec()));
            },
        )
}

/// How many in a second: parts of one are of no use to anybody.
fn pace(per_second: f64) -> String {
    format!("{}/s", HumanCount(per_second.round() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_sound() {
        for unit in [Unit::Bytes, Unit::Messages] {
            for total in [None, Some(3)] {
                let bar = bar("x", unit, total);
                assert_eq!((bar.length(), bar.position()), (total, 0));
            }
        }
    }

    #[test]
    fn a_pace_is_a_whole_number() {
        assert_eq!(pace(2_125.298_8), "2,125/s");
        assert_eq!(pace(0.4), "0/s");
        assert_eq!(pace(f64::NAN), "0/s");
    }

    #[test]
    fn a_label_leaves_room_for_the_bar() {
        assert_eq!(label("report.pdf"), "report.pdf");
        assert_eq!(label("sixteen letters."), "sixteen letters.");
        assert_eq!(label("seventeen letters"), "seventeen letter…");
        assert_eq!(label("\u{202e}x"), "\\u{202e}x");
    }

    #[test]
    fn a_line_has_what_programs_need() {
        let report = Report {
            progress: "export".into(),
            unit: Unit::Messages,
            done: 2,
            total: Some(3),
            finished: false,
        };
        insta::assert_snapshot!(serde_json::to_string(&report).unwrap(), @r#"{"progress":"export","unit":"messages","done":2,"total":3,"finished":false}"#);
    }
}
