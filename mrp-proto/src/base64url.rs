//! base64url without padding (RFC 4648 section 5), strict: one spelling per value.
//!
//! 43 characters carry 258 bits and 86 carry 516, so a lenient decoder would read four spellings of one key and sixteen of one
//! signature. Here the spare bits must be zero; everything else is an error (protocol A1.3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Why a text is not the base64url form of the bytes that were expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The text has a number of characters that cannot be right.
    #[error("expected {expected} characters of base64url without padding, got {actual}")]
    Length {
        /// Characters expected.
        expected: usize,
        /// Characters given.
        actual: usize,
    },
    /// The text holds padding, a character outside the alphabet, or spare bits that are not zero.
    #[error(
        "not base64url without padding: a wrong character, padding, or spare bits that are not zero"
    )]
    Malformed,
}

/// Encodes bytes as base64url without padding.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes a text of any length.
///
/// # Errors
/// [`DecodeError::Malformed`] if it is not the canonical spelling of some bytes.
pub fn decode(text: &str) -> Result<Vec<u8>, DecodeError> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| DecodeError::Malformed)
}

/// Decodes a text that must hold exactly `N` bytes.
///
/// # Errors
/// [`DecodeError::Length`] if the number of characters is wrong, [`DecodeError::Malformed`] if they are not canonical base64url.
pub fn decode_array<const N: usize>(text: &str) -> Result<[u8; N], DecodeError> {
    let expected = (N * 8).div_ceil(6);
    if text.len() != expected {
        return Err(DecodeError::Length {
            expected,
            actual: text.chars().count(),
        });
    }
    let mut bytes = [0; N];
    match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
        Ok(length) if length == N => Ok(bytes),
        _ => Err(DecodeError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spare_bits_padding_and_foreign_characters_are_refused() {
        let text = encode(&[7; 32]);
        assert_eq!(decode_array::<32>(&text), Ok([7; 32]));
        let mut other = text[..42].to_owned();
        let spellings = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
            .chars()
            .filter(|&last| {
                other.truncate(42);
                other.push(last);
                decode_array::<32>(&other) == Ok([7; 32])
            })
            .count();
        assert_eq!(spellings, 1);
        assert_eq!(
            decode_array::<32>(&format!("{text}=")),
            Err(DecodeError::Length {
                expected: 43,
                actual: 44
            })
        );
        assert_eq!(
            decode_array::<32>(&text.replacen('B', "+", 1)),
            Err(DecodeError::Malformed)
        );
        assert_eq!(decode("A"), Err(DecodeError::Malformed));
    }
}
