//! The two signatures of a delivery (protocol A7.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use mrp_proto::id::DeliveryId;
use mrp_proto::relay_api::WebhookSecret;
use sha2::Sha256;
use std::fmt::Write as _;

/// Headers' values.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signatures {
    /// The published one: over the body, lower-case hexadecimal.
    pub(super) published: String,
    /// Of the Standard Webhooks specification: over id, time and body, so that a receiver can refuse what is old.
    pub(super) standard: String,
}

/// Signs a body that is posted at a time, in Unix seconds.
pub(super) fn sign(
    secret: &WebhookSecret,
    id: &DeliveryId,
    unix_seconds: i64,
    body: &[u8],
) -> Signatures {
    let key = secret.hmac_key();
    let mac = || Hmac::<Sha256>::new_from_slice(&key).expect("an HMAC key has any length");
    let code = mac().chain_update(body).finalize().into_bytes();
    let mut published = String::with_capacity(64);
    for byte in code {
        write!(published, "{byte:02x}").expect("writing to a String does not fail");
    }
    let code = mac()
        .chain_update(format!("{id}.{unix_seconds}."))
        .chain_update(body)
        .finalize()
        .into_bytes();
    Signatures {
        published,
        standard: format!("v1,{}", STANDARD.encode(code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected values are those of Python's `hmac` and `base64` modules.
    #[test]
    fn signatures_are_those_of_another_implementation() {
        let sign = |secret: &str| {
            let secret = WebhookSecret::new(secret.to_owned());
            let id: DeliveryId = "dlv_a1b2c3d4e5f6".parse().unwrap();
            sign(&secret, &id, 1_772_712_000, r#"{"a":"ü"}"#.as_bytes())
        };
        assert_eq!(
            sign("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
            Signatures {
                published: "8d8f17cc904651548d888e0352e13a8cb3592df35a084a9e51a16b6a31bf3b0d"
                    .to_owned(),
                standard: "v1,ERO5kHMqYiLFx4vIQ3CqXIS9F0gpNCC8O661VRedGTU=".to_owned(),
            }
        );
        assert_eq!(
            sign("a secret that is a phrase"),
            Signatures {
                published: "4cd861534e8f0e569efe238df23e4d4dc855158ff1933a40483227ffaabb0243"
                    .to_owned(),
                standard: "v1,GROCuoVADMLWsVmtdEEppEbnZQqXDWGQ2awH3qxLDZs=".to_owned(),
            }
        );
    }
}
