//! Webhooks: how an agent registers one, and what a relay then posts to it (protocol A7).

use crate::base64url;
use crate::id::DeliveryId;
use crate::message::{Message, Violation, check_length};
use crate::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use zeroize::Zeroizing;

mod signature;

pub use signature::*;

/// Header of a delivery: HMAC-SHA256 over the body, lower-case hexadecimal.
pub const WEBHOOK_SIGNATURE_HEADER: &str = "x-m2m-webhook-signature";
/// Header of a delivery: when it was posted, RFC 3339. The published signature does not cover it.
pub const WEBHOOK_TIMESTAMP_HEADER: &str = "x-m2m-webhook-timestamp";
/// Header of a delivery: its id, the same however often it is tried.
pub const DELIVERY_ID_HEADER: &str = "x-m2m-delivery-id";
/// Header of a delivery in the form of the Standard Webhooks specification: the delivery's id.
pub const STANDARD_ID_HEADER: &str = "webhook-id";
/// Header of a delivery in the form of the Standard Webhooks specification: when it was posted, Unix seconds.
pub const STANDARD_TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// Header of a delivery in the form of the Standard Webhooks specification: `v1,` and HMAC-SHA256 over
/// `<id>.<timestamp>.<body>`, in padded base64.
pub const STANDARD_SIGNATURE_HEADER: &str = "webhook-signature";

/// Characters of a webhook's URL, at most.
pub const MAX_WEBHOOK_URL: usize = 2_048;
/// Characters of a webhook's secret, at least.
pub const MIN_WEBHOOK_SECRET: usize = 16;
/// Characters of a webhook's secret, at most.
pub const MAX_WEBHOOK_SECRET: usize = 256;

/// What a relay and a receiver share. Never shown, never written out; wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Zeroizing<String>);

impl WebhookSecret {
    /// Takes a secret over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, as it was registered.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The key of the HMAC (protocol A7.2): the decoded bytes where the text is base64url of exactly 32 bytes (43 characters, or 44
    /// with the padding), the text's own bytes otherwise.
    pub fn hmac_key(&self) -> Zeroizing<Vec<u8>> {
        let bare = match self.0.strip_suffix('=') {
            Some(bare) if self.0.len() == 44 => bare,
            _ => self.0.as_str(),
        };
        match base64url::decode_array::<32>(bare) {
            Ok(bytes) => Zeroizing::new(Zeroizing::new(bytes).to_vec()),
            Err(_) => Zeroizing::new(self.0.as_bytes().to_vec()),
        }
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WebhookSecret(..)")
    }
}

impl<'de> Deserialize<'de> for WebhookSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// The body of `PUT /v1/agents/{key}/webhook`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookRequest {
    /// Where to post.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 1, max_length = 2048, pattern = "^https?://")
    )]
    pub url: String,
    /// What the signatures are made with.
    #[cfg_attr(feature = "openapi", schema(value_type = String, min_length = 16, max_length = 256))]
    pub secret: WebhookSecret,
}

impl WebhookRequest {
    /// Checks the lengths; whether the URL leads anywhere is for the relay to say.
    ///
    /// # Errors
    /// The first [`Violation`].
    pub fn check(&self) -> Result<(), Violation> {
        check_length("url", &self.url, 1, MAX_WEBHOOK_URL)?;
        check_length(
            "secret",
            self.secret.expose(),
            MIN_WEBHOOK_SECRET,
            MAX_WEBHOOK_SECRET,
        )
    }
}

/// What an agent is shown of its webhook. The secret is not part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookInfo {
    /// Where the relay posts.
    pub url: String,
    /// Whether it does. A webhook that was disabled is enabled again by registering it again.
    pub enabled: bool,
    /// Attempts that failed since the last one that did not.
    pub consecutive_failures: u32,
    /// When it was registered, the last time.
    pub created_at: Timestamp,
    /// What the last attempt failed of, by class and status alone; absent when it did not fail. An extension of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, extensions(("x-mrp-extension" = json!(true)))))]
    pub last_error: Option<String>,
}

/// What is posted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WebhookDelivery {
    /// The delivery's name, the same however often it is tried.
    pub delivery_id: DeliveryId,
    /// The message, its body's bytes unchanged.
    pub message: Message,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> WebhookSecret {
        WebhookSecret::new(text.to_owned())
    }

    #[test]
    fn a_secret_of_32_bytes_is_decoded_and_any_other_is_text() {
        let encoded = base64url::encode(&[7; 32]);
        assert_eq!(*secret(&encoded).hmac_key(), [7; 32]);
        assert_eq!(*secret(&format!("{encoded}=")).hmac_key(), [7; 32]);
        for text in [
            "a secret that is a phrase",
            // 31 and 33 bytes, spare bits that are not zero, the other alphabet, padding where none belongs.
            &base64url::encode(&[7; 31]),
            &base64url::encode(&[7; 33]),
            &format!("{}B", &encoded[..42]),
            &format!("+{}", &encoded[1..]),
            &format!("{encoded}=="),
            &format!("{}=", base64url::encode(&[7; 31])),
        ] {
            assert_eq!(*secret(text).hmac_key(), text.as_bytes(), "{text}");
        }
    }

    #[test]
    fn a_secret_is_not_written_out() {
        let request: WebhookRequest =
            serde_json::from_str(r#"{"url":"https://a.example/","secret":"sixteen letters!"}"#)
                .unwrap();
        assert!(!format!("{request:?}").contains("sixteen"));
        assert_eq!(request.check(), Ok(()));
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        let check = |url: usize, secret_length: usize| {
            let request = WebhookRequest {
                url: "ü".repeat(url),
                secret: secret(&"ü".repeat(secret_length)),
            };
            request.check().map_err(|violation| violation.field)
        };
        assert_eq!(check(MAX_WEBHOOK_URL, MIN_WEBHOOK_SECRET), Ok(()));
        assert_eq!(check(MAX_WEBHOOK_URL, MAX_WEBHOOK_SECRET), Ok(()));
        let refused = |field: &str| Err(field.to_owned());
        assert_eq!(
            check(MAX_WEBHOOK_URL + 1, MIN_WEBHOOK_SECRET),
            refused("url")
        );
        assert_eq!(check(1, MIN_WEBHOOK_SECRET - 1), refused("secret"));
        assert_eq!(check(1, MAX_WEBHOOK_SECRET + 1), refused("secret"));
    }
}
