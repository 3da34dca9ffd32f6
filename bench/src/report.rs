//! The one place that writes to standard output.

use std::time::Duration;

/// One figure: what it is, and its value with its unit.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) value: String,
}

impl Line {
    pub(crate) fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self {
            name,
            value: value.into(),
        }
    }
}

/// Bytes as a figure.
pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// A time as a figure.
pub(crate) fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// What such a part of the times, which are in order and not none, does not exceed.
pub(crate) fn quantile(times: &[Duration], part: f64) -> Duration {
    times[((times.len() - 1) as f64 * part) as usize]
}

/// What became of one figure over several rounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of at least one round.
    pub(crate) fn of(rounds: &[f64]) -> Self {
        let mut rounds = rounds.to_vec();
        rounds.sort_unstable_by(f64::total_cmp);
        Self {
            median: rounds[rounds.len() / 2],
            least: rounds[0],
            most: rounds[rounds.len() - 1],
        }
    }

    /// As a figure with its unit.
    pub(crate) fn figure(&self, unit: &str) -> String {
        let Self {
            median,
            least,
            most,
        } = self;
        format!("{median:.2} {unit} ({least:.2} to {most:.2})")
    }

    /// Of what is ours to what is another's, round by round, since what else the machine does changes between them.
    pub(crate) fn of_ratios(ours: &[f64], theirs: &[f64]) -> Self {
        let ratios: Vec<f64> = ours
            .iter()
            .zip(theirs)
            .map(|(ours, theirs)| ours / theirs)
            .collect();
        Self::of(&ratios)
    }
}

#[expect(clippy::print_stdout, reason = "figures are what this program is for")]
pub(crate) fn print(lines: &[Line]) {
    for line in lines {
        println!("{:<36} {}", line.name, line.value);
    }
}
