//! The forms that a private key comes in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mrp_proto::key::SecretKey;
use mrp_proto::{base64url, hexadecimal};
use zeroize::Zeroizing;

/// More than any of them has.
pub(super) const LONGEST_FORM: usize = 1024;

/// What stands before the seed in the PKCS #8 form of an Ed25519 key without attributes (RFC 8410).
const PKCS8_HEAD: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// 32 raw bytes, their hexadecimal or base64url text, or a PEM.
pub(super) fn read(content: &[u8]) -> Option<SecretKey> {
    if let Ok(secret) = SecretKey::from_file_content(content) {
        return Some(secret);
    }
    let text = std::str::from_utf8(content).ok()?.trim();
    let seed = base64url::decode_array::<32>(text)
        .ok()
        .or_else(|| hexadecimal::decode_array(text))
        .map(Zeroizing::new)
        .or_else(|| pem(text))?;
    Some(SecretKey::from_seed(&seed))
}

fn pem(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let body = text
        .strip_prefix("-----BEGIN PRIVATE KEY-----")?
        .strip_suffix("-----END PRIVATE KEY-----")?;
    let body: Zeroizing<String> = Zeroizing::new(body.split_whitespace().collect());
    let bytes = Zeroizing::new(STANDARD.decode(body.as_bytes()).ok()?);
    let seed = bytes.strip_prefix(PKCS8_HEAD.as_slice())?;
    Some(Zeroizing::new(seed.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 8410, section 10.3, and its public half of section 10.1.
    #[test]
    fn a_pem_is_read() {
        let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
        let public = read(pem.as_bytes()).unwrap().public();
        assert_eq!(
            public.to_string(),
            "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"
        );
    }

    #[test]
    fn a_key_is_read_in_every_form_and_nothing_else_is() {
        let public = SecretKey::from_seed(b"0123456789abcdef0123456789abcdef").public();
        for form in [
            "0123456789abcdef0123456789abcdef",
            " 3031323334353637383961626364656630313233343536373839616263646566\n",
            "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\n",
        ] {
            assert_eq!(read(form.as_bytes()).unwrap().public(), public, "{form}");
        }
        for form in [
            "",
            "0123456789abcdef0123456789abcde",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "-----BEGIN OPENSSH PRIVATE KEY-----\n-----END OPENSSH PRIVATE KEY-----\n",
        ] {
            assert!(read(form.as_bytes()).is_none(), "{form}");
        }
    }
}
