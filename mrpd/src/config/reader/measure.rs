//! Counts, sizes, and what is worth knowing.

use super::{Form, Reader};
use crate::config::Severity;
use crate::config::tree::{Node, Value};
use serde_json::json;
use std::ops::RangeInclusive;

/// What is allowed for a size, for messages.
const SIZE_FORM: &str = "a size such as 4096, 256KiB, 25MiB or 2GiB";

impl<'a> Reader<'a> {
    /// Reads a whole number within bounds.
    pub(crate) fn count(&mut self, key: &'a str, default: u64, bounds: RangeInclusive<u64>) -> u64 {
        self.takes(key, Form::Count(*bounds.start(), *bounds.end()));
        let Some(node) = self.node(key) else {
            self.record_default(key, json!(default));
            return default;
        };
        let number = match node.value {
            Value::Integer(number) => u64::try_from(number).ok(),
            _ => None,
        };
        if let Some(number) = number.filter(|number| bounds.contains(number)) {
            self.record(key, json!(number), node.origin.clone());
            return number;
        }
        let (low, high) = (bounds.start(), bounds.end());
        self.wrong(key, format!("expected a whole number from {low} to {high}"));
        default
    }

    /// Reads a size in bytes, written as a number or with a unit, within bounds.
    pub(crate) fn size(&mut self, key: &'a str, default: u64, bounds: RangeInclusive<u64>) -> u64 {
        self.takes(key, Form::Size);
        let Some(node) = self.node(key) else {
            self.record_default(key, json!(default));
            return default;
        };
        let size = read_size(node);
        if let Some(size) = size.filter(|size| bounds.contains(size)) {
            self.record(key, json!(size), node.origin.clone());
            return size;
        }
        let (low, high) = (bounds.start(), bounds.end());
        let what = format!("expected {SIZE_FORM}, from {low} to {high} bytes");
        self.wrong(key, what);
        default
    }

    /// Whether a key is written at all.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Reports what is right, but worth knowing.
    pub(crate) fn notice(&mut self, key: &'a str, what: impl Into<String>) {
        let origin = self
            .node(key)
            .map_or_else(|| self.origin(), |node| node.origin.clone());
        self.report(Severity::Notice, origin, key, what.into());
    }
}

fn read_size(node: &Node) -> Option<u64> {
    match &node.value {
        Value::Integer(number) => u64::try_from(*number).ok(),
        Value::Text(text) => parse_size(text),
        _ => None,
    }
}

fn parse_size(text: &str) -> Option<u64> {
    const UNITS: &[(&str, u64)] = &[
        ("", 1),
        ("B", 1),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("KB", 1000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
    ];
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let unit = unit.trim();
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        for (text, size) in [
            ("0", Some(0)),
            ("4096", Some(4096)),
            ("256KiB", Some(256 << 10)),
            ("2 GiB", Some(2 << 30)),
            ("1MB", Some(1_000_000)),
            ("", None),
            ("KiB", None),
            ("-1", None),
            ("1 kib", None),
            ("99999999999GiB", None),
        ] {
            assert_eq!(parse_size(text), size, "{text:?}");
        }
    }
}
