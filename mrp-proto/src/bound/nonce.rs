//! What makes a bound signature the only one of its kind.

use std::fmt;
use std::str::FromStr;

/// A text that its signer uses once: 16 to 64 visible ASCII characters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Nonce(String);

/// Why a text is no nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a nonce has {} to {} visible ASCII characters", Nonce::LENGTH.0, Nonce::LENGTH.1)]
pub struct NotANonce;

impl Nonce {
    /// Characters: at least, at most.
    pub const LENGTH: (usize, usize) = (16, 64);

    /// Of fresh randomness, as 22 characters.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(crate::base64url::encode(&bytes))
    }

    /// As it stands in the signature.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Nonce {
    type Err = NotANonce;

    fn from_str(text: &str) -> Result<Self, NotANonce> {
        let (least, most) = Self::LENGTH;
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_visible && (least..=most).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotANonce)
        }
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Without the text: it is part of what lets a request in.
impl fmt::Debug for Nonce {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Nonce(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_has_sixteen_to_sixty_four_visible_characters() {
        for good in [
            "a".repeat(16),
            "~".repeat(64),
            r#"!"\abcdefghijklmn"#.to_owned(),
        ] {
            assert_eq!(good.parse::<Nonce>().unwrap().as_str(), good);
        }
        for bad in [
            "a".repeat(15),
            "a".repeat(65),
            format!("{} ", "a".repeat(16)),
            "ü".repeat(16),
            "a\n".repeat(9),
        ] {
            assert_eq!(bad.parse::<Nonce>(), Err(NotANonce), "{bad:?}");
        }
        let random = Nonce::from_random([0xff; 16]);
        assert_eq!(random.as_str().parse(), Ok(random));
    }
}
