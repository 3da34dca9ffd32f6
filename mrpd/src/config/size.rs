//! Numbers of bytes as people write them: `512KiB`, `25MiB`, `2GiB`.

/// What is allowed, for messages.
pub(crate) const FORM: &str = "a number of bytes such as 64KiB, 25MiB, 2GiB or 1000000";

const UNITS: [(&str, u64); 8] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1000),
    ("B", 1),
];

/// Reads a number of bytes; `None` if it is none.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let unit = UNITS
        .into_iter()
        .find_map(|(unit, size)| Some((text.strip_suffix(unit)?, size)));
    let (number, size) = unit.unwrap_or((text, 1));
    let number = number.trim_end();
    let plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    if !plain {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(size)
}

/// Writes it in its largest whole unit.
pub(crate) fn show(bytes: u64) -> String {
    UNITS
        .into_iter()
        .filter(|(unit, _)| unit.ends_with("iB"))
        .find(|(_, size)| bytes > 0 && bytes.is_multiple_of(*size))
        .map_or_else(
            || bytes.to_string(),
            |(unit, size)| format!("{}{unit}", bytes / size),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written() {
        for (text, bytes, shown) in [
            ("2GiB", 2 << 30, "2GiB"),
            ("1024 KiB", 1 << 20, "1MiB"),
            ("1500", 1500, "1500"),
            ("3MB", 3_000_000, "3000000"),
            ("0", 0, "0"),
        ] {
            assert_eq!(parse(text), Some(bytes), "{text}");
            assert_eq!(show(bytes), shown);
        }
        for text in ["", "MiB", "-1", "1.5GiB", "2 gigs", "99999999999TiB", "+1"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
