//! The one place that writes to standard output.

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

#[expect(clippy::print_stdout, reason = "figures are what this program is for")]
pub(crate) fn print(lines: &[Line]) {
    for line in lines {
        println!("{:<36} {}", line.name, line.value);
    }
}
