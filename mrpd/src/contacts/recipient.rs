//! Whom a text means: a contact's name, a key, a card, the beginning of a contact's key, or `me`.

use super::{Book, parse_key};
use mrp_proto::key::PublicKey;
use mrpd_api::card::Card;

/// Characters of a key's beginning that are enough, if they fit one contact alone.
const PREFIX_LENGTH: usize = 8;

/// The sender's own address.
pub const ME: &str = "me";

/// Who is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The address.
    pub key: PublicKey,
    /// A relay's URL, where a card named one.
    pub relay: Option<String>,
}

/// Why a text means nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Nobody.
    #[error("no contact is called {text:?}, and it is no key or card")]
    Unknown {
        /// The text.
        text: String,
        /// What to do about it.
        hint: String,
    },
    /// It looks like a key or card, and is none.
    #[error("{text:?} is not usable: {why}")]
    Malformed {
        /// The text.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// More than one.
    #[error("{text:?} fits several contacts: {}", names.join(", "))]
    Ambiguous {
        /// The text.
        text: String,
        /// Their names.
        names: Vec<String>,
    },
}

/// Reads a recipient. A whole key always means that key, even if a contact has it for a name.
///
/// # Errors
/// A [`ResolveError`].
pub fn resolve(text: &str, book: &Book, own: &PublicKey) -> Result<Recipient, ResolveError> {
    let text = text.trim();
    let found = |key| Ok(Recipient { key, relay: None });
    if text == ME {
        return found(*own);
    }
    if let Ok(key) = text.parse() {
        return found(key);
    }
    if Card::is_card(text) || text.contains(':') {
        return match parse_key(text) {
            Ok(card) => Ok(Recipient {
                key: card.key,
                relay: card.relay,
            }),
            Err(error) => Err(ResolveError::Malformed {
                text: text.to_owned(),
                why: error.to_string(),
            }),
        };
    }
    if let Some(entry) = book.by_name(text) {
        return found(entry.key);
    }
    by_prefix(text, book)
}

fn by_prefix(text: &str, book: &Book) -> Result<Recipient, ResolveError> {
    let fitting: Vec<_> = book
        .entries()
        .filter(|entry| text.len() >= PREFIX_LENGTH && entry.key.to_string().starts_with(text))
        .collect();
    match fitting.as_slice() {
        [only] => Ok(Recipient {
            key: only.key,
            relay: None,
        }),
        [] => Err(ResolveError::Unknown {
            text: text.to_owned(),
            hint: hint(text, book),
        }),
        several => Err(ResolveError::Ambiguous {
            text: text.to_owned(),
            names: several.iter().map(|entry| entry.name.clone()).collect(),
        }),
    }
}

fn hint(text: &str, book: &Book) -> String {
    if text.starts_with('@') {
        return format!("a message goes to one; GET /v1/recipients/{text} names the members");
    }
    if text.starts_with('-') {
        return format!(
            "a name does not begin with -; of a contact's key, {PREFIX_LENGTH} characters are enough"
        );
    }
    let folded = text.to_lowercase();
    let near = book.entries().find(|entry| {
        let name = entry.name.to_lowercase();
        name.starts_with(&folded) || folded.starts_with(&name)
    });
    match near {
        Some(entry) => format!("did you mean {:?}?", entry.name),
        None => format!("add one with: mrpctl contact add {text} KEY"),
    }
}
