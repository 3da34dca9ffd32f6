//! Percent-encoding (RFC 3986): for names in paths, and for values in queries and cards.

/// Encodes everything but unreserved characters.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            for digit in [byte >> 4, byte & 0xf] {
                encoded.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
            let at = encoded.len() - 2;
            encoded.insert(at, '%');
        }
    }
    encoded
}

/// Decodes; `None` where `%` is not followed by two hexadecimal digits or the bytes are not UTF-8.
pub fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            bytes.push(hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_read_back() {
        for text in ["", "alice", "a/b?c&d=e%f", "Ünï \n", "-._~"] {
            let encoded = encode(text);
            assert!(
                encoded
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && !b"/?&=#".contains(&byte))
            );
            assert_eq!(decode(&encoded).as_deref(), Some(text));
        }
        assert_eq!(encode("a b/é"), "a%20b%2F%C3%A9");
    }

    #[test]
    fn broken_escapes_are_refused() {
        for text in ["%", "%4", "%zz", "%+1", "%ff"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
