//! Path segments, decoded from the raw path: a thread id may hold an escaped slash.

use http::request::Parts;

/// The `n`th segment of the path, percent-decoded; `None` where it is no UTF-8.
pub(super) fn segment(parts: &Parts, n: usize) -> Option<String> {
    percent_decode(parts.uri.path().split('/').nth(n + 1)?)
}

/// Decodes `%41` and the like; `None` for a broken escape and for what is no UTF-8.
pub(super) fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let (high, low) = (hex_digit(rest.next()?)?, hex_digit(rest.next()?)?);
            bytes.push(high << 4 | low);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_once() {
        assert_eq!(
            percent_decode("conv%2F1%20%C3%BC%3Fx").as_deref(),
            Some("conv/1 ü?x")
        );
        assert_eq!(percent_decode("%2525").as_deref(), Some("%25"));
        assert_eq!(percent_decode("a+b").as_deref(), Some("a+b"));
        for broken in ["%", "%2", "%g0", "%ff"] {
            assert_eq!(percent_decode(broken), None, "{broken}");
        }
    }
}
