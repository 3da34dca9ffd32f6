//! The one place that writes to standard output.

use crate::rows::Mark;
use std::time::Duration;

/// What a scenario has found.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) lines: Vec<Line>,
    /// What it says about rows of the table.
    pub(crate) marks: Vec<Mark>,
}

impl Outcome {
    pub(crate) fn line(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.lines.push(Line::new(name, value));
    }
}

/// One figure: what it is, and its value with its unit.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Line {
    pub(crate) fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
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

/// How a figure grows with a size: its value at each, and by what it is multiplied where the size is ten times as large.
pub(crate) fn slope(sizes: &[usize], values: &[f64], unit: &str) -> String {
    let texts: Vec<String> = sizes
        .iter()
        .zip(values)
        .map(|(size, value)| format!("{value:.2} {unit} at {}", thousands(*size)))
        .collect();
    let mut text = texts.join(", ");
    if let ([first, .., last], [least, .., most]) = (sizes, values) {
        let tenfolds = (*last as f64 / *first as f64).log10();
        let factor = (most / least).powf(1.0 / tenfolds);
        text += &format!("; {factor:.2}x for ten times as many");
    }
    text
}

/// A whole number, its thousands apart.
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a scenario's figures.
pub(crate) fn print(outcome: &Outcome) {
    for line in &outcome.lines {
        say(format_args!("{:<36} {}", line.name, line.value));
    }
    for mark in &outcome.marks {
        let goal = mark.goal;
        say(format_args!(
            "row {}, {}: {}",
            goal.row,
            goal.what,
            mark.summary()
        ));
    }
}

#[expect(clippy::print_stdout, reason = "figures are what this program is for")]
pub(crate) fn say(text: impl std::fmt::Display) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_is_of_ten_times_as_many() {
        let text = slope(&[10, 1_000], &[1.0, 4.0], "ms");
        assert_eq!(
            text,
            "1.00 ms at 10, 4.00 ms at 1,000; 2.00x for ten times as many"
        );
        assert_eq!(slope(&[10], &[1.0], "ms"), "1.00 ms at 10");
    }

    #[test]
    fn thousands_are_apart() {
        let texts = [0, 999, 1_000, 1_234_567].map(thousands);
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567"]);
    }
}
