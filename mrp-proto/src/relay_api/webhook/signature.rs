//! The two signatures of a delivery (protocol A7.2): made by relays, checked by whoever receives them.

use super::WebhookSecret;
use crate::hexadecimal;
use crate::time::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::time::Duration;

/// How old a delivery may be, or how far ahead, where nothing else is said: what Standard Webhooks recommends.
pub const DELIVERY_TOLERANCE: Duration = Duration::from_secs(300);

/// What the standard signature's text begins with.
const VERSION: &str = "v1,";

/// Headers' values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliverySignatures {
    /// The published one: over the body, lower-case hexadecimal.
    pub published: String,
    /// Of the Standard Webhooks specification: over id, time and body, so that a receiver can refuse what is old.
    pub standard: String,
}

impl DeliverySignatures {
    /// Signs a body that is posted at a time, in Unix seconds.
    pub fn of(secret: &WebhookSecret, id: &str, unix_seconds: i64, body: &[u8]) -> Self {
        let published = published(secret, body).finalize().into_bytes();
        let code = standard(secret, id, &unix_seconds.to_string(), body)
            .finalize()
            .into_bytes();
        Self {
            published: hexadecimal::encode(&published),
            standard: format!("{VERSION}{}", STANDARD.encode(code)),
        }
    }
}

/// What a receiver is given to judge a delivery by.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeliveryHeaders<'a> {
    /// [`WEBHOOK_SIGNATURE_HEADER`](super::WEBHOOK_SIGNATURE_HEADER).
    pub published: Option<&'a str>,
    /// [`STANDARD_ID_HEADER`](super::STANDARD_ID_HEADER).
    pub id: Option<&'a str>,
    /// [`STANDARD_TIMESTAMP_HEADER`](super::STANDARD_TIMESTAMP_HEADER).
    pub timestamp: Option<&'a str>,
    /// [`STANDARD_SIGNATURE_HEADER`](super::STANDARD_SIGNATURE_HEADER).
    pub standard: Option<&'a str>,
}

/// What a signature that is right covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Covered {
    /// Id, time and body: it is neither old nor under another id.
    Everything,
    /// The body alone: it may be an old delivery, sent again by anybody who saw it.
    BodyAlone,
}

/// Why a delivery is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// It carries no signature.
    #[error(
        "the delivery is not signed: neither webhook-signature nor x-m2m-webhook-signature is there"
    )]
    Unsigned,
    /// A part of what was signed is missing.
    #[error("the delivery has webhook-signature, but not {0}")]
    Missing(&'static str),
    /// The signature is of other bytes, or made with another secret.
    #[error("the signature does not match the secret and the delivery")]
    Signature,
    /// It is right, but too far from this machine's clock.
    #[error(
        "the delivery is {distance:?} away from this machine's clock, at most {tolerance:?} are allowed"
    )]
    Clock {
        /// How far.
        distance: Duration,
        /// How far is allowed.
        tolerance: Duration,
    },
}

impl<'a> DeliveryHeaders<'a> {
    /// Takes them from wherever headers are found by their names, which are given in small letters.
    pub fn find(header: impl Fn(&str) -> Option<&'a str>) -> Self {
        Self {
            published: header(super::WEBHOOK_SIGNATURE_HEADER),
            id: header(super::STANDARD_ID_HEADER),
            timestamp: header(super::STANDARD_TIMESTAMP_HEADER),
            standard: header(super::STANDARD_SIGNATURE_HEADER),
        }
    }

    /// Checks a delivery, in constant time. Where the standard signature is there it decides, for it covers more.
    ///
    /// # Errors
    /// Any [`DeliveryError`].
    pub fn verify(
        &self,
        secret: &WebhookSecret,
        body: &[u8],
        now: Timestamp,
        tolerance: Duration,
    ) -> Result<Covered, DeliveryError> {
        if let Some(signatures) = self.standard {
            return self.verify_standard(signatures, secret, body, now, tolerance);
        }
        let given = self.published.ok_or(DeliveryError::Unsigned)?;
        let code: [u8; 32] = hexadecimal::decode_array(given).ok_or(DeliveryError::Signature)?;
        published(secret, body)
            .verify_slice(&code)
            .map_err(|_| DeliveryError::Signature)?;
        Ok(Covered::BodyAlone)
    }

    /// Several signatures may stand there with spaces between them, while a secret is being changed.
    fn verify_standard(
        &self,
        signatures: &str,
        secret: &WebhookSecret,
        body: &[u8],
        now: Timestamp,
        tolerance: Duration,
    ) -> Result<Covered, DeliveryError> {
        let id = self.id.ok_or(DeliveryError::Missing("webhook-id"))?;
        let timestamp = self
            .timestamp
            .ok_or(DeliveryError::Missing("webhook-timestamp"))?;
        let is_right = |signature: &str| {
            let code = signature.strip_prefix(VERSION)?;
            let code = STANDARD.decode(code).ok()?;
            let mac = standard(secret, id, timestamp, body);
            mac.verify_slice(&code).ok()
        };
        if !signatures.split(' ').any(|one| is_right(one).is_some()) {
            return Err(DeliveryError::Signature);
        }
        let posted: i64 = timestamp.parse().map_err(|_| DeliveryError::Signature)?;
        let distance = now.unix_seconds().abs_diff(posted);
        if distance > tolerance.as_secs() {
            let distance = Duration::from_secs(distance);
            return Err(DeliveryError::Clock {
                distance,
                tolerance,
            });
        }
        Ok(Covered::Everything)
    }
}

fn mac(secret: &WebhookSecret) -> Hmac<Sha256> {
    Hmac::new_from_slice(&secret.hmac_key()).expect("an HMAC key has any length")
}

fn published(secret: &WebhookSecret, body: &[u8]) -> Hmac<Sha256> {
    mac(secret).chain_update(body)
}

fn standard(secret: &WebhookSecret, id: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    mac(secret)
        .chain_update(format!("{id}.{timestamp}."))
        .chain_update(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "dlv_a1b2c3d4e5f6";
    const POSTED: i64 = 1_772_712_000;
    const BODY: &str = r#"{"a":"ü"}"#;

    fn secret(text: &str) -> WebhookSecret {
        WebhookSecret::new(text.to_owned())
    }

    /// The expected values are those of Python's `hmac` and `base64` modules.
    #[test]
    fn signatures_are_those_of_another_implementation() {
        let sign = |text: &str| DeliverySignatures::of(&secret(text), ID, POSTED, BODY.as_bytes());
        assert_eq!(
            sign("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
            DeliverySignatures {
                published: "8d8f17cc904651548d888e0352e13a8cb3592df35a084a9e51a16b6a31bf3b0d"
                    .to_owned(),
                standard: "v1,ERO5kHMqYiLFx4vIQ3CqXIS9F0gpNCC8O661VRedGTU=".to_owned(),
            }
        );
        assert_eq!(
            sign("a secret that is a phrase"),
            DeliverySignatures {
                published: "4cd861534e8f0e569efe238df23e4d4dc855158ff1933a40483227ffaabb0243"
                    .to_owned(),
                standard: "v1,GROCuoVADMLWsVmtdEEppEbnZQqXDWGQ2awH3qxLDZs=".to_owned(),
            }
        );
    }

    #[test]
    fn what_was_signed_is_believed_and_nothing_else() {
        let right = secret("a secret that is a phrase");
        let signed = DeliverySignatures::of(&right, ID, POSTED, BODY.as_bytes());
        let several = format!("v1,AAAA v2,x {}", signed.standard);
        let standard = DeliveryHeaders {
            id: Some(ID),
            timestamp: Some("1772712000"),
            standard: Some(&several),
            ..DeliveryHeaders::default()
        };
        let published = DeliveryHeaders {
            published: Some(&signed.published),
            ..DeliveryHeaders::default()
        };
        let verify = |headers: DeliveryHeaders<'_>, secret: &WebhookSecret, body: &str, at: i64| {
            let now = Timestamp::from_unix_millis(at * 1000);
            headers.verify(secret, body.as_bytes(), now, DELIVERY_TOLERANCE)
        };
        assert_eq!(
            verify(standard, &right, BODY, POSTED + 300),
            Ok(Covered::Everything)
        );
        assert_eq!(
            verify(published, &right, BODY, POSTED + 9_999),
            Ok(Covered::BodyAlone)
        );
        let other = secret("another secret, as long");
        let renamed = DeliveryHeaders {
            id: Some("dlv_000000000000"),
            ..standard
        };
        let later = DeliveryHeaders {
            timestamp: Some("1772712001"),
            ..standard
        };
        let short = DeliveryHeaders {
            published: Some(&signed.published[..62]),
            ..published
        };
        for (headers, secret, body) in [
            (standard, &other, BODY),
            (published, &other, BODY),
            (standard, &right, "{}"),
            (published, &right, "{}"),
            (renamed, &right, BODY),
            (later, &right, BODY),
            (short, &right, BODY),
        ] {
            let verdict = verify(headers, secret, body, POSTED);
            assert_eq!(verdict, Err(DeliveryError::Signature), "{headers:?}");
        }
        for at in [POSTED - 301, POSTED + 301] {
            let verdict = verify(standard, &right, BODY, at);
            assert!(matches!(verdict, Err(DeliveryError::Clock { .. })));
        }
        let anonymous = DeliveryHeaders {
            id: None,
            ..standard
        };
        assert_eq!(
            verify(anonymous, &right, BODY, POSTED),
            Err(DeliveryError::Missing("webhook-id"))
        );
        assert_eq!(
            verify(DeliveryHeaders::default(), &right, BODY, POSTED),
            Err(DeliveryError::Unsigned)
        );
    }
}
