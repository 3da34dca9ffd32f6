//! Spans of time as people write them: `20s`, `1h30m`, `7d`.

use std::time::Duration;

/// What is allowed, for messages.
pub(crate) const FORM: &str = "a span of time such as 500ms, 20s, 5m, 1h30m, 7d or 2w";

/// Reads a span; `None` if it is none. Units: ms, s, m, h, d, w.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at(letters);
        let number: u64 = number.parse().ok()?;
        let millis = number.checked_mul(unit_millis(unit)?)?;
        total = total.checked_add(Duration::from_millis(millis))?;
        rest = tail.trim_start();
    }
    Some(total)
}

/// Writes a span in its largest whole unit.
pub(crate) fn show(span: Duration) -> String {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let (unit, size) = ["d", "h", "m", "s"]
        .into_iter()
        .filter_map(|unit| Some((unit, unit_millis(unit)?)))
        .find(|(_, size)| millis > 0 && millis.is_multiple_of(*size))
        .unwrap_or(("ms", 1));
    format!("{}{unit}", millis / size)
}

fn unit_millis(unit: &str) -> Option<u64> {
    const SECOND: u64 = 1000;
    match unit {
        "ms" => Some(1),
        "s" => Some(SECOND),
        "m" => Some(60 * SECOND),
        "h" => Some(3600 * SECOND),
        "d" => Some(24 * 3600 * SECOND),
        "w" => Some(7 * 24 * 3600 * SECOND),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written() {
        for (text, seconds, shown) in [
            ("20s", 20, "20s"),
            ("1h30m", 5400, "90m"),
            ("1h 30m", 5400, "90m"),
            ("7d", 604_800, "7d"),
            ("2w", 1_209_600, "14d"),
            ("0s", 0, "0ms"),
        ] {
            let span = parse(text).unwrap();
            assert_eq!(span.as_secs(), seconds, "{text}");
            assert_eq!(show(span), shown);
        }
        assert_eq!(parse("1500ms"), Some(Duration::from_millis(1500)));
        for bad in [
            "",
            "20",
            "s",
            "1x",
            "-1s",
            "1.5s",
            "99999999999999999999s",
            "1 s x",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
