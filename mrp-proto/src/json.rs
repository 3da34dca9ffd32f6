//! JSON from strangers: bounds on its structure, and the one canonical form that two programs agree on.
//!
//! Bodies travel as raw text and are never rebuilt, so nothing that parses them has bounded them yet: [`check_structure`] does,
//! without recursion. What is signed in clear is signed in canonical form (RFC 8785), which is defined only for I-JSON (RFC
//! 7493): [`canonicalize`] refuses everything else rather than signing what two readers would read differently.

use serde::Deserialize;
use serde::de::{Error as _, IgnoredAny};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashSet;

/// Levels of arrays and objects that a text may nest.
pub const MAX_DEPTH: usize = 64;

/// Object keys that a text may hold, counted over all its objects.
pub const MAX_KEYS: usize = 10_000;

/// Characters of a [`describe`]d error, at most.
const MAX_DESCRIPTION: usize = 200;

/// Characters of what a [`NotIJson`] repeats, at most.
const MAX_EXCERPT: usize = 64;

/// Reads a JSON object into a struct, and nothing but an object.
///
/// Derived readers also take an array, for the list of the members' values: a second spelling that nobody meant to allow.
///
/// # Errors
/// What serde says, or that it is not an object.
pub fn from_object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, serde_json::Error> {
    if !text.trim_start().starts_with('{') {
        return Err(serde_json::Error::custom("expected a JSON object"));
    }
    serde_json::from_str(text)
}

/// Has a type written and read as its text: by `Display`, and by `FromStr`, whose error becomes the reader's.
#[macro_export]
macro_rules! serde_as_text {
    ($type:ty) => {
        impl ::serde::Serialize for $type {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $type {
            fn deserialize<D: ::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                let text = ::std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(::serde::de::Error::custom)
            }
        }
    };
}

/// What a reader objects to, fit for a log or an answer: at most 200 characters, and nothing of the text that was read.
///
/// serde repeats the string that it did not want, however long it is, and it may be what somebody wrote to somebody else.
pub fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let spared = match (text.find('"'), text.rfind('"')) {
        (Some(start), Some(end)) if start < end => {
            format!("{}\"…\"{}", &text[..start], &text[end + 1..])
        }
        _ => match (
            text.strip_prefix("unknown variant `"),
            text.rfind("`, expected"),
        ) {
            (Some(_), Some(end)) => format!("unknown variant `…{}", &text[end..]),
            _ => text,
        },
    };
    excerpt(&spared, MAX_DESCRIPTION)
}

/// The start of a text that somebody else chose the length of.
pub(crate) fn excerpt(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

/// Why the structure of a JSON text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StructureError {
    /// Arrays and objects are nested too deeply.
    #[error("JSON nested {actual} levels deep, at most {limit} are allowed")]
    TooDeep {
        /// Levels allowed.
        limit: usize,
        /// Levels found.
        actual: usize,
    },
    /// There are too many object keys.
    #[error("JSON with {actual} object keys, at most {limit} are allowed")]
    TooManyKeys {
        /// Keys allowed.
        limit: usize,
        /// Keys found.
        actual: usize,
    },
}

/// Why a JSON text has no canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotIJson {
    /// The text is not JSON at all.
    #[error("not JSON")]
    Syntax,
    /// The text is nested too deeply to be looked at.
    #[error(transparent)]
    Structure(#[from] StructureError),
    /// An object holds the same key twice (after unescaping), so readers may differ on its value.
    #[error("an object repeats the key {key:?}")]
    RepeatedKey {
        /// The key, cut to 64 characters.
        key: String,
    },
    /// A number is not the shortest decimal of any double, so readers may differ on its value.
    #[error("the number {literal} is not exact as a double")]
    InexactNumber {
        /// The number as written, cut to 64 characters.
        literal: String,
    },
    /// A string holds half of a surrogate pair or a code point that is not a character.
    #[error("a string holds a lone surrogate or a code point that is not a character")]
    NotCharacters,
}

/// Bounds nesting and the number of object keys of a text that is already known to be JSON.
///
/// A raw value may be nested to any depth; a parser further down the road recurses. This does not, and needs no memory. On a
/// text that is not JSON the verdict means nothing.
///
/// # Errors
/// [`StructureError`] with the limit and the count.
pub fn check_structure(
    text: &str,
    max_depth: usize,
    max_keys: usize,
) -> Result<(), StructureError> {
    let (mut depth, mut deepest, mut keys) = (0_usize, 0, 0);
    for token in Tokens::new(text) {
        match token {
            Token::Open => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            Token::Close => depth = depth.saturating_sub(1),
            Token::Colon => keys += 1,
            Token::String(_) | Token::Number(_) => {}
        }
    }
    if deepest > max_depth {
        return Err(StructureError::TooDeep {
            limit: max_depth,
            actual: deepest,
        });
    }
    if keys > max_keys {
        return Err(StructureError::TooManyKeys {
            limit: max_keys,
            actual: keys,
        });
    }
    Ok(())
}

/// The canonical form (RFC 8785) of a text that is I-JSON (RFC 7493).
///
/// A number counts as exact when its decimal value is that of a shortest decimal that reads back as the same double: `0.1`,
/// `1.10` and `1e30` are, `9007199254740993` and `1e400` are not. (`18446744073709551616` is a double, but would be written
/// `18446744073709552000`: it is refused too, since what is signed must say what was written.)
///
/// # Errors
/// [`NotIJson`], with the first thing found.
pub fn canonicalize(text: &str) -> Result<String, NotIJson> {
    parse_i_json(text).map(|value| canonical_form(&value))
}

/// Parses a text that is I-JSON.
pub(crate) fn parse_i_json(text: &str) -> Result<Value, NotIJson> {
    serde_json::from_str::<IgnoredAny>(text).map_err(|_| NotIJson::Syntax)?;
    check_structure(text, MAX_DEPTH, usize::MAX)?;
    check_i_json(text)?;
    serde_json::from_str(text).map_err(|_| NotIJson::Syntax)
}

/// The canonical form of a value that came from [`parse_i_json`] or was put together from such values and strings.
pub(crate) fn canonical_form(value: &Value) -> String {
    serde_json_canonicalizer::to_string(value)
        .expect("a value has string keys and finite numbers only")
}

fn check_i_json(text: &str) -> Result<(), NotIJson> {
    let mut open: Vec<HashSet<Cow<'_, str>>> = Vec::new();
    let mut last_string = Cow::Borrowed("");
    for token in Tokens::new(text) {
        match token {
            Token::Open => open.push(HashSet::new()),
            Token::Close => {
                open.pop();
            }
            Token::String(quoted) => last_string = characters(quoted)?,
            Token::Colon => {
                let key = std::mem::take(&mut last_string);
                let keys = open.last_mut().ok_or(NotIJson::Syntax)?;
                if keys.contains(&key) {
                    return Err(NotIJson::RepeatedKey {
                        key: excerpt(&key, MAX_EXCERPT),
                    });
                }
                keys.insert(key);
            }
            Token::Number(literal) if !is_exact(literal) => {
                return Err(NotIJson::InexactNumber {
                    literal: excerpt(literal, MAX_EXCERPT),
                });
            }
            Token::Number(_) => {}
        }
    }
    Ok(())
}

/// What a quoted string stands for, if all of it is characters.
fn characters(quoted: &str) -> Result<Cow<'_, str>, NotIJson> {
    let inner = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .ok_or(NotIJson::Syntax)?;
    let text = if inner.contains('\\') {
        serde_json::from_str::<String>(quoted)
            .map(Cow::Owned)
            .map_err(|_| NotIJson::NotCharacters)?
    } else {
        Cow::Borrowed(inner)
    };
    if text.chars().any(is_noncharacter) {
        return Err(NotIJson::NotCharacters);
    }
    Ok(text)
}

fn is_noncharacter(character: char) -> bool {
    let code = u32::from(character);
    (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
}

/// Whether the literal's decimal value is that of a shortest decimal of the double it reads as. There may be two, equally near to
/// it: the canonical form takes the even one, and some writers take the other.
fn is_exact(literal: &str) -> bool {
    let Ok(double) = literal.parse::<f64>() else {
        return false;
    };
    if !double.is_finite() {
        return false;
    }
    let Some(written) = Decimal::of(literal) else {
        return false;
    };
    let shortest = [canonical_form(&Value::from(double)), format!("{double:e}")];
    shortest
        .iter()
        .any(|text| Decimal::of(text).as_ref() == Some(&written))
}

/// A decimal number in normal form: `0.digits` times ten to the `exponent`, no zero at either end of `digits`.
#[derive(PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// `None` if the exponent is absurd or the text is no number.
    fn of(literal: &str) -> Option<Self> {
        let (mantissa, exponent) = literal.split_once(['e', 'E']).unwrap_or((literal, "0"));
        let (negative, magnitude) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, ""));
        let all = format!("{whole}{fraction}");
        let significant = all.trim_start_matches('0');
        if significant.is_empty() {
            return Some(Self {
                negative: false,
                digits: String::new(),
                exponent: 0,
            });
        }
        let leading_zeros = all.len() - significant.len();
        let point = i64::try_from(whole.len()).ok()? - i64::try_from(leading_zeros).ok()?;
        Some(Self {
            negative,
            digits: significant.trim_end_matches('0').to_owned(),
            exponent: exponent.parse::<i64>().ok()?.checked_add(point)?,
        })
    }
}

/// The parts of a JSON text that carry structure. On valid JSON a [`Token::Colon`] always follows the string that is the key.
enum Token<'a> {
    Open,
    Close,
    Colon,
    /// With its quotes, still escaped.
    String(&'a str),
    Number(&'a str),
}

/// Cuts a JSON text into [`Token`]s without recursion. Never fails: the text was accepted as JSON before.
struct Tokens<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Tokens<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    /// The end of the string that opens at `start`: one past its closing quote.
    fn string_end(&self, start: usize) -> usize {
        let bytes = self.text.as_bytes();
        let mut position = start + 1;
        while let Some(rest) = bytes.get(position..) {
            // Most of a text is neither, so the step to what is comes first.
            match rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
                Some(found) if rest[found] == b'"' => return position + found + 1,
                Some(found) => position += found + 2,
                None => break,
            }
        }
        bytes.len()
    }

    fn number_end(&self, start: usize) -> usize {
        self.text.as_bytes()[start..]
            .iter()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .map_or(self.text.len(), |length| start + length)
    }

    fn slice(&mut self, start: usize, end: usize) -> &'a str {
        self.position = end;
        self.text.get(start..end).unwrap_or("")
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        while let Some(&byte) = self.text.as_bytes().get(self.position) {
            let start = self.position;
            self.position += 1;
            return Some(match byte {
                b'{' | b'[' => Token::Open,
                b'}' | b']' => Token::Close,
                b':' => Token::Colon,
                b'"' => {
                    let end = self.string_end(start);
                    Token::String(self.slice(start, end))
                }
                b'-' | b'0'..=b'9' => {
                    let end = self.number_end(start);
                    Token::Number(self.slice(start, end))
                }
                _ => continue,
            });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_and_keys_are_counted_and_strings_are_not_structure() {
        let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
        assert_eq!(
            check_structure(&deep, 64, 10),
            Err(StructureError::TooDeep {
                limit: 64,
                actual: 65
            })
        );
        assert_eq!(check_structure(&deep, 65, 10), Ok(()));
        assert_eq!(check_structure(&"[[]],".repeat(100), 2, 0), Ok(()));
        assert_eq!(
            check_structure(r#"{"a":{"b":1},"c":2}"#, 2, 2),
            Err(StructureError::TooManyKeys {
                limit: 2,
                actual: 3
            })
        );
        assert_eq!(check_structure(r#"{"[{:\"[{\\":":::"}"#, 1, 1), Ok(()));
    }

    #[test]
    fn nesting_without_end_is_refused_without_recursion() {
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        assert_eq!(
            canonicalize(&deep),
            Err(NotIJson::Structure(StructureError::TooDeep {
                limit: MAX_DEPTH,
                actual: 1_000_000
            }))
        );
    }

    #[test]
    fn numbers_pass_exactly_when_a_double_says_what_was_written() {
        for literal in [
            "0",
            "-0",
            "0.0",
            "0e999999999999999999999",
            "1",
            "-1",
            "0.1",
            "1.10",
            "1e30",
            "1E+2",
            "100e-2",
            "9007199254740992",
            "9007199254740994",
            "1e23",
            "5e-324",
            "1.7976931348623157e308",
            "123456789012345680000",
            "0.000001",
            // Half way between two decimals of the shortest length: both are written.
            "971907617205002.2",
            "971907617205002.3",
            "-182220725399367.12",
        ] {
            assert!(is_exact(literal), "{literal}");
        }
        for literal in [
            "9007199254740993",
            "1e400",
            "-1e400",
            "1e-400",
            "3.141592653589793238462643383279",
            "18446744073709551616",
            "18446744073709551615",
            "0.1000000000000000055511151231257827",
            "1e99999999999999999999",
            "1e-99999999999999999999",
            "2e-324",
            "971907617205002.25",
        ] {
            assert!(!is_exact(literal), "{literal}");
        }
    }

    #[test]
    fn the_canonical_form_is_that_of_rfc_8785() {
        // The sample of RFC 8785 section 3.2.2, but for the one number in it that a double cannot hold as written.
        let given = r#"{
            "numbers": [333333333.3333333, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
            "literals": [null, true, false]
        }"#;
        assert_eq!(
            canonicalize(given).unwrap(),
            "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
             \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"
        );
        // Keys are ordered by UTF-16 code units (section 3.2.3): the emoji sorts before U+FB33.
        let given =
            r#"{"\ufb33":1,"\ud83d\ude00":2,"\u00f6":3,"1":4,"\r":5,"\u20ac":6,"\u0080":7}"#;
        assert_eq!(
            canonicalize(given).unwrap(),
            "{\"\\r\":5,\"1\":4,\"\u{80}\":7,\"ö\":3,\"€\":6,\"😀\":2,\"\u{fb33}\":1}"
        );
    }

    #[test]
    fn doubles_are_read_to_the_last_bit() {
        // Without serde_json's `float_roundtrip` this one comes out as 31.24527019143944, and the signature covers that.
        assert_eq!(
            canonicalize("[31.245270191439438]").unwrap(),
            "[31.245270191439438]"
        );
    }

    #[test]
    fn descriptions_are_short_and_repeat_nothing() {
        let wanted = |text: &str| {
            #[derive(Deserialize)]
            struct Number {
                #[expect(dead_code, reason = "it is never read successfully")]
                n: u32,
                #[serde(rename = "s")]
                _status: Option<crate::message::Status>,
            }
            describe(&from_object::<Number>(text).err().unwrap())
        };
        let long = "x\\\"y".repeat(10_000);
        assert_eq!(
            wanted(&format!("{{\"n\":\"{long}\"}}")),
            "invalid type: string \"…\", expected u32 at line 1 column 40007"
        );
        assert_eq!(
            wanted(r#"{"n":1,"s":"a secret`, expected`b"}"#),
            "unknown variant `…`, expected one of `sent`, `delivered`, `expired` at line 1 column 34"
        );
        assert_eq!(
            wanted(r#"{"n":true}"#),
            "invalid type: boolean `true`, expected u32 at line 1 column 9"
        );
        assert!(wanted(r#"{"n":1e308}"#).chars().count() <= MAX_DESCRIPTION);
    }

    #[test]
    fn what_two_readers_may_read_differently_has_no_canonical_form() {
        let repeated = |key: &str| NotIJson::RepeatedKey {
            key: key.to_owned(),
        };
        for (text, error) in [
            (r#"{"a":1,"a":1}"#, repeated("a")),
            (r#"{"a":1,"\u0061":2}"#, repeated("a")),
            (r#"[{"b":{"":0,"":0}}]"#, repeated("")),
            (
                r#"[1,9007199254740993]"#,
                NotIJson::InexactNumber {
                    literal: "9007199254740993".to_owned(),
                },
            ),
            (r#"["\ud800"]"#, NotIJson::NotCharacters),
            (r#"{"\udc00":1}"#, NotIJson::NotCharacters),
            (r#"["\uffff"]"#, NotIJson::NotCharacters),
            ("[\"\u{fdd0}\"]", NotIJson::NotCharacters),
            (r#"{"a":1"#, NotIJson::Syntax),
            ("", NotIJson::Syntax),
            ("NaN", NotIJson::Syntax),
            ("1 2", NotIJson::Syntax),
        ] {
            assert_eq!(canonicalize(text), Err(error), "{text}");
        }
        // The same key in two objects, or as a value, is no repetition.
        assert!(canonicalize(r#"{"a":{"a":"a"},"b":[{"a":1},{"a":2}]}"#).is_ok());
    }
}
