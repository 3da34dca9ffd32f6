//! An address as one line of text, to be handed on by mail, chat or QR code: `mrp:<key>?name=<petname>&relay=<url>`.

use crate::percent;
use mrp_proto::key::{KeyError, PublicKey};
use std::fmt;
use std::str::FromStr;

/// What every card begins with.
pub const SCHEME: &str = "mrp:";

/// Longest card that is read, in bytes.
pub const MAX_LENGTH: usize = 4096;

/// Why a text is not a card.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// It begins with something else.
    #[error("a card begins with mrp:")]
    Scheme,
    /// It is longer than [`MAX_LENGTH`].
    #[error("a card has at most {MAX_LENGTH} bytes")]
    TooLong,
    /// What follows the scheme is not a key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A value's percent-encoding is broken.
    #[error("the card's field {0} is not percent-encoded UTF-8")]
    Encoding(String),
    /// A field is there twice.
    #[error("the card has the field {0} twice")]
    Repeated(&'static str),
}

/// An address, with what its owner suggests. Nothing on a card is proven but the key, which proves itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// The address.
    pub key: PublicKey,
    /// The name its owner suggests.
    pub name: Option<String>,
    /// URL of a relay where the owner can be reached.
    pub relay: Option<String>,
}

impl Card {
    /// Whether a text means to be a card.
    pub fn is_card(text: &str) -> bool {
        text.get(..SCHEME.len())
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
    }
}

/// Fields it does not know are passed over: later versions may add some. One that is empty says nothing.
impl FromStr for Card {
    type Err = CardError;

    fn from_str(text: &str) -> Result<Self, CardError> {
        if text.len() > MAX_LENGTH {
            return Err(CardError::TooLong);
        }
        if !Self::is_card(text) {
            return Err(CardError::Scheme);
        }
        let rest = &text[SCHEME.len()..];
        let (key, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut card = Self {
            key: key.parse()?,
            name: None,
            relay: None,
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (field, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (known, slot) = match field {
                "name" => ("name", &mut card.name),
                "relay" => ("relay", &mut card.relay),
                _ => continue,
            };
            let value =
                percent::decode(value).ok_or_else(|| CardError::Encoding(known.to_owned()))?;
            if slot.replace(value).is_some() {
                return Err(CardError::Repeated(known));
            }
        }
        for slot in [&mut card.name, &mut card.relay] {
            slot.take_if(|value| value.trim().is_empty());
        }
        Ok(card)
    }
}

impl fmt::Display for Card {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{SCHEME}{}", self.key)?;
        let fields = [("name", &self.name), ("relay", &self.relay)];
        let given = fields
            .iter()
            .filter_map(|(field, value)| value.as_ref().map(|value| (field, value)));
        for (number, (field, value)) in given.enumerate() {
            let mark = if number == 0 { '?' } else { '&' };
            write!(formatter, "{mark}{field}={}", percent::encode(value))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mrp_proto::key::SecretKey;

    fn key() -> PublicKey {
        SecretKey::from_seed(&[1; 32]).public()
    }

    #[test]
    fn cards_are_read_back() {
        for (name, relay) in [
            (None, None),
            (Some("Ann & Bob"), None),
            (None, Some("https://relay.example.net:8443/x?y=z")),
            (Some("laptop"), Some("http://127.0.0.1:8080")),
        ] {
            let card = Card {
                key: key(),
                name: name.map(str::to_owned),
                relay: relay.map(str::to_owned),
            };
            assert_eq!(card.to_string().parse(), Ok(card));
        }
    }

    #[test]
    fn a_written_card_looks_as_documented() {
        let card = Card {
            key: key(),
            name: Some("my laptop".into()),
            relay: Some("http://127.0.0.1:8080".into()),
        };
        assert_eq!(
            card.to_string(),
            format!(
                "mrp:{}?name=my%20laptop&relay=http%3A%2F%2F127.0.0.1%3A8080",
                key()
            )
        );
    }

    #[test]
    fn a_field_that_is_empty_is_absent() {
        for fields in ["name=", "name&relay", "relay=&name=%20"] {
            let card: Card = format!("mrp:{}?{fields}", key()).parse().unwrap();
            assert_eq!((card.name, card.relay), (None, None), "{fields}");
        }
    }

    #[test]
    fn unknown_fields_are_passed_over_and_unescaped_urls_are_read() {
        let text = format!("MRP:{}?v=2&relay=http://127.0.0.1:8080", key());
        let card: Card = text.parse().unwrap();
        assert_eq!(card.relay.as_deref(), Some("http://127.0.0.1:8080"));
        assert_eq!(card.name, None);
    }

    #[test]
    fn what_is_no_card_is_refused_with_the_reason() {
        let key = key();
        for (text, error) in [
            (key.to_string(), CardError::Scheme),
            (
                format!("mrp:{key}?name=%zz"),
                CardError::Encoding("name".into()),
            ),
            (
                format!("mrp:{key}?name=a&name=b"),
                CardError::Repeated("name"),
            ),
            (
                format!("mrp:{key}?name={}", "x".repeat(MAX_LENGTH)),
                CardError::TooLong,
            ),
        ] {
            assert_eq!(text.parse::<Card>(), Err(error), "{text}");
        }
        assert!(matches!(
            "mrp:short".parse::<Card>(),
            Err(CardError::Key(_))
        ));
        assert!(matches!("mr".parse::<Card>(), Err(CardError::Scheme)));
    }
}
