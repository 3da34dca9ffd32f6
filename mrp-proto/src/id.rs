//! Identifiers: texts with a shape of their own, so that one is never taken for another.

use crate::hexadecimal;
use crate::time::Timestamp;
use std::fmt;
use std::str::FromStr;

/// Why a text is not an identifier of the kind that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind}: expected {expected}")]
pub struct IdError {
    /// What was expected, as a noun.
    pub kind: &'static str,
    /// The shape it has.
    pub expected: &'static str,
}

/// The common surface of the text identifiers: parse, show, compare, serialise.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(IdError { kind: $kind, expected: $expected })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(&self.0)
            }
        }

        crate::serde_as_text!($name);
    };
}

text_id! {
    /// A message's name on its relay. Ours are `msg_<unix seconds>_<12 hex>` (protocol A4.3); clients accept what other relays
    /// make, as long as it is `msg_` and up to 124 letters, digits, `_` or `-`.
    MessageId, "message id", "msg_ and 1 to 124 letters, digits, _ or -",
    |text| text.strip_prefix("msg_").is_some_and(|rest| {
        (1..=124).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    })
}

text_id! {
    /// A blob's name on its relay. Ours are `blob_<64 hex>`, the SHA-256 of the bytes (protocol A5.1); other relays use shorter ones.
    BlobId, "blob id", "blob_ and 12 to 64 lower-case hexadecimal digits",
    |text| text.strip_prefix("blob_").is_some_and(|rest| {
        (12..=64).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

text_id! {
    /// The name of a webhook delivery, the same however often it is tried.
    DeliveryId, "delivery id", "dlv_ and 12 lower-case hexadecimal digits",
    |text| text.strip_prefix("dlv_").is_some_and(|rest| {
        rest.len() == 12 && rest.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

text_id! {
    /// The sender's own name for a message, inside the envelope: a ULID. It outlives relays, so copies can be told (protocol A10).
    EnvelopeId, "envelope id", "a ULID: 26 upper-case characters of Crockford base 32",
    |text| ulid::Ulid::from_string(text).is_ok_and(|ulid| ulid.to_string() == text)
}

impl MessageId {
    /// Composes a relay's id from the second it was accepted in and 48 random bits.
    pub fn compose(accepted: Timestamp, random: [u8; 6]) -> Self {
        Self(format!(
            "msg_{}_{}",
            accepted.unix_seconds(),
            hexadecimal::encode(&random)
        ))
    }
}

impl BlobId {
    /// The id of bytes with this SHA-256.
    pub fn of_digest(digest: &[u8; 32]) -> Self {
        Self(format!("blob_{}", hexadecimal::encode(digest)))
    }

    /// The SHA-256 that the id stands for; `None` for the shorter ids of other relays.
    pub fn digest(&self) -> Option<[u8; 32]> {
        hexadecimal::decode_array(self.0.strip_prefix("blob_")?)
    }

    /// The digits behind the prefix.
    pub fn hex(&self) -> &str {
        self.0.trim_start_matches("blob_")
    }
}

impl DeliveryId {
    /// Composes an id from 48 bits.
    pub fn compose(bits: [u8; 6]) -> Self {
        Self(format!("dlv_{}", hexadecimal::encode(&bits)))
    }
}

impl EnvelopeId {
    /// Composes a ULID from a point in time and 80 random bits.
    pub fn from_parts(time: Timestamp, random: [u8; 10]) -> Self {
        let mut bits = [0; 16];
        bits[6..].copy_from_slice(&random);
        let millis = u64::try_from(time.unix_millis()).unwrap_or(0);
        Self(ulid::Ulid::from_parts(millis, u128::from_be_bytes(bits)).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_id_is_the_hash_of_the_bytes() {
        let digest: [u8; 32] = std::array::from_fn(|index| 7 * index as u8);
        let id = BlobId::of_digest(&digest);
        assert_eq!(id.as_str().len(), 69);
        assert_eq!(id.hex(), &id.as_str()[5..]);
        assert_eq!(id.as_str().parse::<BlobId>(), Ok(id.clone()));
        assert_eq!(id.digest(), Some(digest));
        let short: BlobId = "blob_0123456789ab".parse().unwrap();
        assert_eq!(short.digest(), None);
    }

    #[test]
    fn ids_have_the_shapes_of_the_published_ones() {
        let accepted: Timestamp = "2026-03-04T08:00:00Z".parse().unwrap();
        let id = MessageId::compose(accepted, [0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6]);
        assert_eq!(id.as_str(), "msg_1772611200_a1b2c3d4e5f6");
        assert_eq!(id.as_str().parse::<MessageId>(), Ok(id));
        let delivery = DeliveryId::compose([0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6]);
        assert_eq!(delivery.as_str(), "dlv_a1b2c3d4e5f6");
        assert_eq!(delivery.as_str().parse::<DeliveryId>(), Ok(delivery));
        assert!("dlv_A1b2c3d4e5f6".parse::<DeliveryId>().is_err());
        let envelope = EnvelopeId::from_parts(accepted, [0xff; 10]);
        assert_eq!(envelope.as_str().len(), 26);
        assert!(envelope.as_str().ends_with("ZZZZZZZZZZZZZZZZ"));
        assert!(
            envelope
                .as_str()
                .to_lowercase()
                .parse::<EnvelopeId>()
                .is_err()
        );
    }
}
