//! What agents are found by. A term is a kind and a text; kinds do not mix.
//!
//! Words are runs of letters and digits in lower case; an ideograph is a word of its own, since texts that are written in them have
//! no spaces. Substrings of names are found by their pieces of three characters, beginnings of capabilities by their first three.

use super::Listing;
use std::collections::BTreeSet;

/// A kind, and a text in UTF-8.
pub(super) type Term = Vec<u8>;

const TAG: u8 = b't';
const NAME: u8 = b'n';
const BEGINNING: u8 = b'b';
const WORD: u8 = b'w';
const PIECE: u8 = b'p';

/// Characters of a beginning and of a piece of a name.
pub(super) const SHORT: usize = 3;
/// Different words of an agent, at most: names come first, then tags, then descriptions.
const MAX_WORDS: usize = 512;
/// Characters of a word that count.
const MAX_WORD: usize = 64;

/// A tag, exactly.
pub(super) fn tag(text: &str) -> Term {
    term(TAG, text)
}

/// A capability's name, exactly.
pub(super) fn name(text: &str) -> Term {
    term(NAME, text)
}

/// The first [`SHORT`] characters of a tag or a capability's name.
pub(super) fn beginning(text: &str) -> Term {
    term(BEGINNING, prefix(text, SHORT))
}

/// A word, as [`words`] makes it.
pub(super) fn word(text: &str) -> Term {
    term(WORD, text)
}

/// [`SHORT`] characters in a row of a display name, in lower case; fewer at its end.
pub(super) fn piece(text: &str) -> Term {
    term(PIECE, text)
}

/// All that an agent is found by.
pub(super) fn of(listing: &Listing) -> BTreeSet<Term> {
    let mut terms = BTreeSet::new();
    for capability in &listing.capabilities {
        terms.insert(name(&capability.name));
        terms.insert(beginning(&capability.name));
        for text in &capability.tags {
            terms.insert(tag(text));
            terms.insert(beginning(text));
        }
    }
    if let Some(display_name) = &listing.display_name {
        terms.extend(pieces(&fold(display_name)).map(piece));
    }
    terms.extend(words_of(listing).iter().map(|text| word(text)));
    terms
}

/// The different tags of an agent.
pub(super) fn tags(listing: &Listing) -> BTreeSet<&str> {
    let tags = listing.capabilities.iter().flat_map(|one| &one.tags);
    tags.map(String::as_str).collect()
}

fn words_of(listing: &Listing) -> BTreeSet<String> {
    let capabilities = &listing.capabilities;
    let texts = listing
        .display_name
        .iter()
        .chain(capabilities.iter().map(|one| &one.name))
        .chain(capabilities.iter().flat_map(|one| &one.tags))
        .chain(capabilities.iter().map(|one| &one.description));
    let mut found = BTreeSet::new();
    for text in texts {
        for word in words(text) {
            if found.len() == MAX_WORDS {
                return found;
            }
            found.insert(word);
        }
    }
    found
}

/// The words of a text, in lower case, in order.
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut length = 0;
    for character in text.chars().flat_map(char::to_lowercase) {
        let joins = character.is_alphanumeric() && !is_ideograph(character);
        if !joins && !word.is_empty() {
            words.push(std::mem::take(&mut word));
            length = 0;
        }
        if joins {
            length += 1;
            if length <= MAX_WORD {
                word.push(character);
            }
        } else if character.is_alphanumeric() {
            words.push(character.to_string());
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

/// Han, Hiragana and Katakana.
fn is_ideograph(character: char) -> bool {
    matches!(
        character,
        '\u{3005}'..='\u{3007}'
            | '\u{3040}'..='\u{30ff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{323af}'
    )
}

/// In lower case, each character by itself, so that a part of a text becomes the same part of the whole.
pub(super) fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// What begins at each character of a folded text: [`SHORT`] characters, fewer at the end.
pub(super) fn pieces(folded: &str) -> impl Iterator<Item = &str> {
    folded
        .char_indices()
        .map(|(start, _)| prefix(folded.get(start..).unwrap_or(""), SHORT))
}

/// The first `characters` of a text.
pub(super) fn prefix(text: &str, characters: usize) -> &str {
    match text.char_indices().nth(characters) {
        Some((end, _)) => text.get(..end).unwrap_or(text),
        None => text,
    }
}

/// The terms that begin with `term` are in front of this.
pub(super) fn behind(term: &[u8]) -> Term {
    let mut behind = term.to_vec();
    // UTF-8 has no byte 0xff, so the last one can be raised.
    if let Some(last) = behind.last_mut() {
        *last = last.saturating_add(1);
    }
    behind
}

fn term(kind: u8, text: &str) -> Term {
    let mut term = Vec::with_capacity(1 + text.len());
    term.push(kind);
    term.extend_from_slice(text.as_bytes());
    term
}

#[cfg(test)]
mod tests {
    use super::*;
    use mrp_proto::agent::Capability;

    #[test]
    fn words_are_runs_of_letters_and_digits_in_lower_case() {
        assert_eq!(words("Text:Translate, v2!"), ["text", "translate", "v2"]);
        assert_eq!(words("ÄRGER ΟΔΟΣ"), ["ärger", "οδοσ"]);
        assert_eq!(
            words("翻訳service東京"),
            ["翻", "訳", "service", "東", "京"]
        );
        assert_eq!(words(" -:- 🤖"), [""; 0]);
        assert_eq!(words(&"x".repeat(100)), ["x".repeat(64)]);
    }

    #[test]
    fn a_name_is_cut_at_every_character() {
        let cut: Vec<_> = pieces("añbc").collect();
        assert_eq!(cut, ["añb", "ñbc", "bc", "c"]);
        assert_eq!(pieces("").count(), 0);
    }

    #[test]
    fn the_terms_of_an_agent_are_bounded() {
        let capability = |number: usize| Capability {
            description: (0..150).map(|word| format!("d{number}x{word} ")).collect(),
            tags: (0..20).map(|tag| format!("tag{number}.{tag}")).collect(),
            ..Capability::from_plain(&format!("name{number}"))
        };
        let listing = Listing {
            display_name: Some((0..256_u32).filter_map(char::from_u32).collect()),
            capabilities: (0..20).map(capability).collect(),
        };
        let terms = of(&listing);
        let count = |kind| terms.iter().filter(|term| term[0] == kind).count();
        assert_eq!(count(TAG), 400);
        assert_eq!(count(NAME), 20);
        assert_eq!(count(WORD), MAX_WORDS);
        assert!(terms.len() < 1_600, "{}", terms.len());
    }

    #[test]
    fn what_begins_alike_is_in_front_of_what_is_behind() {
        let beginning = tag("tex");
        for within in ["tex", "text:x", "tex\u{10ffff}"] {
            assert!(tag(within) >= beginning && tag(within) < behind(&beginning));
        }
        assert!(tag("tey") >= behind(&beginning));
        assert!(word("tex") >= behind(&beginning), "another kind");
    }
}
