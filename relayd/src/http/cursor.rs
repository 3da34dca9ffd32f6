//! Cursors: opaque texts that name a position.

use crate::store::{Place, Sequence};
use mrp_proto::base64url;
use mrp_proto::message::Violation;

/// What a cursor goes through; one of another kind is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listing {
    Inbox = 1,
    Thread = 2,
    Agents = 3,
}

const VERSION: u8 = 1;

/// Writes a position.
pub(super) fn encode(listing: Listing, position: Sequence) -> String {
    let mut bytes = [0; 10];
    bytes[0] = VERSION;
    bytes[1] = listing as u8;
    bytes[2..].copy_from_slice(&position.0.to_be_bytes());
    base64url::encode(&bytes)
}

/// Reads a position back; the empty text is the beginning.
pub(super) fn decode(listing: Listing, text: &str) -> Result<Option<Sequence>, Violation> {
    if text.is_empty() {
        return Ok(None);
    }
    let bytes: Option<[u8; 10]> = base64url::decode_array(text).ok();
    match bytes {
        Some([VERSION, kind, position @ ..]) if kind == listing as u8 => {
            Ok(Some(Sequence(u64::from_be_bytes(position))))
        }
        _ => Err(another_text()),
    }
}

/// Writes a place in the directory.
pub(super) fn encode_place(place: Place) -> String {
    let mut bytes = [0; 2 + Place::LENGTH];
    bytes[0] = VERSION;
    bytes[1] = Listing::Agents as u8;
    bytes[2..].copy_from_slice(&place.to_bytes());
    base64url::encode(&bytes)
}

/// Reads a place in the directory back; the empty text is the beginning.
pub(super) fn decode_place(text: &str) -> Result<Option<Place>, Violation> {
    if text.is_empty() {
        return Ok(None);
    }
    let bytes: Option<[u8; 2 + Place::LENGTH]> = base64url::decode_array(text).ok();
    match bytes {
        Some([VERSION, kind, place @ ..]) if kind == Listing::Agents as u8 => {
            Ok(Some(Place::from_bytes(place)))
        }
        _ => Err(another_text()),
    }
}

fn another_text() -> Violation {
    let rule = "must be a next_cursor that this relay gave for the same listing";
    Violation::new("cursor", rule, "a next_cursor", "another text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_for_its_own_listing_only() {
        let cursor = encode(Listing::Inbox, Sequence(77));
        assert_eq!(decode(Listing::Inbox, &cursor), Ok(Some(Sequence(77))));
        assert!(decode(Listing::Thread, &cursor).is_err());
        assert!(decode(Listing::Inbox, &cursor[1..]).is_err());
        assert!(decode(Listing::Inbox, "77").is_err());
        assert_eq!(decode(Listing::Inbox, ""), Ok(None));
        assert!(decode_place(&cursor).is_err());
        let place = Place::from_bytes([7; Place::LENGTH]);
        assert_eq!(decode_place(&encode_place(place)), Ok(Some(place)));
        assert_eq!(decode_place(""), Ok(None));
        assert!(decode(Listing::Inbox, &encode_place(place)).is_err());
    }
}
