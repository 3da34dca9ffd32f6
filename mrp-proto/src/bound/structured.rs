//! Structured fields (RFC 9651), as far as signatures need them: dictionaries of items and inner lists.
//!
//! Stricter than the standard in two points: a key that is repeated is refused rather than overwritten, and so is base64 in any
//! but its canonical spelling. What has one reading has one spelling.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Members of a dictionary, items of an inner list and parameters of either, at most.
const MOST: usize = 32;

/// Why a text is no dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at character {at}")]
pub struct Malformed {
    /// What would have been right.
    pub expected: &'static str,
    /// Where it would have been, counted from 1.
    pub at: usize,
}

/// A value without parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bare {
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
    /// A decimal, token, boolean, date or display string: well-formed, and nothing that a signature of ours has.
    Other,
}

/// By name, in the order given.
pub(super) type Parameters = Vec<(String, Bare)>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) value: Bare,
    pub(super) parameters: Parameters,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Member {
    Item(Item),
    List(Vec<Item>, Parameters),
}

/// Reads a dictionary (RFC 9651 section 4.2.2).
pub(super) fn dictionary(text: &str) -> Result<Vec<(String, Member)>, Malformed> {
    let mut reader = Reader { text, at: 0 };
    let mut members = Vec::new();
    reader.skip(b" ");
    while !reader.is_done() {
        let key = reader.new_key(&members)?;
        let member = if reader.take(b'=') {
            reader.member()?
        } else {
            Member::Item(Item {
                value: Bare::Other,
                parameters: reader.parameters()?,
            })
        };
        members.push((key, member));
        reader.skip(b" \t");
        if reader.is_done() {
            break;
        }
        reader.expect(b',', "a comma")?;
        reader.skip(b" \t");
        if reader.is_done() {
            return Err(reader.expected("another member after the comma"));
        }
    }
    Ok(members)
}

/// Writes a text (RFC 9651 section 4.1.6). It must be visible ASCII and spaces, as every text that was read is.
pub(super) fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
}

/// Writes bytes (RFC 9651 section 4.1.8).
pub(super) fn write_bytes(out: &mut String, bytes: &[u8]) {
    out.push(':');
    STANDARD.encode_string(bytes, out);
    out.push(':');
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn is_done(&self) -> bool {
        self.at >= self.text.len()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn skip(&mut self, bytes: &[u8]) {
        self.take_while(|byte| bytes.contains(&byte));
    }

    fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| belongs(**byte)).count();
        self.at += length;
        &rest[..length]
    }

    fn expected(&self, expected: &'static str) -> Malformed {
        let at = self.at + 1;
        Malformed { expected, at }
    }

    fn expect(&mut self, byte: u8, name: &'static str) -> Result<(), Malformed> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(self.expected(name))
        }
    }

    /// A key that is not among those of `known`, which has room for it.
    fn new_key<T>(&mut self, known: &[(String, T)]) -> Result<String, Malformed> {
        if known.len() >= MOST {
            return Err(self.expected("no more than 32 keys"));
        }
        if !matches!(self.peek(), Some(b'a'..=b'z' | b'*')) {
            return Err(self.expected("a key"));
        }
        let start = self.at;
        let key = self.take_while(
            |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*'),
        );
        let key = String::from_utf8_lossy(key).into_owned();
        if known.iter().any(|(other, _)| *other == key) {
            self.at = start;
            return Err(self.expected("a key that was not given before"));
        }
        Ok(key)
    }

    fn member(&mut self) -> Result<Member, Malformed> {
        if !self.take(b'(') {
            return self.item().map(Member::Item);
        }
        let mut items = Vec::new();
        loop {
            self.skip(b" ");
            if self.take(b')') {
                return Ok(Member::List(items, self.parameters()?));
            }
            if items.len() >= MOST {
                return Err(self.expected("no more than 32 items"));
            }
            items.push(self.item()?);
            if !matches!(self.peek(), Some(b' ' | b')')) {
                return Err(self.expected("a space or a closing parenthesis"));
            }
        }
    }

    fn item(&mut self) -> Result<Item, Malformed> {
        Ok(Item {
            value: self.bare()?,
            parameters: self.parameters()?,
        })
    }

    fn parameters(&mut self) -> Result<Parameters, Malformed> {
        let mut parameters = Vec::new();
        while self.take(b';') {
            self.skip(b" ");
            let key = self.new_key(&parameters)?;
            let value = if self.take(b'=') {
                self.bare()?
            } else {
                Bare::Other
            };
            parameters.push((key, value));
        }
        Ok(parameters)
    }

    fn bare(&mut self) -> Result<Bare, Malformed> {
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'"') => self.string(),
            Some(b':') => self.bytes(),
            Some(b'?') => self.boolean(),
            Some(b'@') => {
                self.at += 1;
                match self.number()? {
                    Bare::Integer(_) => Ok(Bare::Other),
                    _ => Err(self.expected("a date in whole seconds")),
                }
            }
            Some(b'%') => self.display_string(),
            Some(b'*' | b'A'..=b'Z' | b'a'..=b'z') => {
                self.take_while(|byte| {
                    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte)
                });
                Ok(Bare::Other)
            }
            _ => Err(self.expected("a value")),
        }
    }

    /// RFC 9651 section 4.2.4: 15 digits, or 12 and up to 3 behind a point.
    fn number(&mut self) -> Result<Bare, Malformed> {
        let sign = if self.take(b'-') { -1 } else { 1 };
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        let value = std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| digits.parse::<i64>().ok())
            .filter(|_| digits.len() <= 15)
            .ok_or_else(|| self.expected("a number of at most 15 digits"))?;
        if !self.take(b'.') {
            return Ok(Bare::Integer(sign * value));
        }
        let fraction = self.take_while(|byte| byte.is_ascii_digit());
        if digits.len() <= 12 && (1..=3).contains(&fraction.len()) {
            Ok(Bare::Other)
        } else {
            Err(self.expected("a decimal of at most 12 and 3 digits"))
        }
    }

    fn string(&mut self) -> Result<Bare, Malformed> {
        self.expect(b'"', "a quotation mark")?;
        let mut text = String::new();
        loop {
            let plain = self
                .take_while(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\');
            text.push_str(&String::from_utf8_lossy(plain));
            if self.take(b'"') {
                return Ok(Bare::Text(text));
            }
            self.expect(b'\\', "visible ASCII and a closing quotation mark")?;
            match self.peek() {
                Some(escaped @ (b'"' | b'\\')) => text.push(char::from(escaped)),
                _ => return Err(self.expected("\\ or a quotation mark after \\")),
            }
            self.at += 1;
        }
    }

    fn bytes(&mut self) -> Result<Bare, Malformed> {
        self.expect(b':', "a colon")?;
        let encoded = self.take_while(|byte| byte != b':');
        let bytes = STANDARD
            .decode(encoded)
            .map_err(|_| self.expected("base64 with padding before this"))?;
        self.expect(b':', "a closing colon")?;
        Ok(Bare::Bytes(bytes))
    }

    fn boolean(&mut self) -> Result<Bare, Malformed> {
        self.expect(b'?', "a boolean")?;
        if self.take(b'0') || self.take(b'1') {
            Ok(Bare::Other)
        } else {
            Err(self.expected("0 or 1"))
        }
    }

    fn display_string(&mut self) -> Result<Bare, Malformed> {
        self.expect(b'%', "a display string")?;
        self.expect(b'"', "a quotation mark")?;
        let mut bytes = Vec::new();
        loop {
            bytes.extend(
                self.take_while(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'%'),
            );
            if self.take(b'"') {
                break;
            }
            self.expect(b'%', "visible ASCII and a closing quotation mark")?;
            let digits = self.text.as_bytes().get(self.at..self.at + 2);
            let byte = digits.and_then(|digits| {
                let [high, low] = [digits[0], digits[1]].map(hexadecimal);
                Some(high? << 4 | low?)
            });
            bytes.push(byte.ok_or_else(|| self.expected("two lower-case hexadecimal digits"))?);
            self.at += 2;
        }
        match String::from_utf8(bytes) {
            Ok(_) => Ok(Bare::Other),
            Err(_) => Err(self.expected("UTF-8 before this")),
        }
    }
}

fn hexadecimal(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn item(value: Bare) -> Member {
        let parameters = Vec::new();
        Member::Item(Item { value, parameters })
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let text = r#" a=1, b=-15;x, c="q\"\\ ",	d=:AQI=:,e, f=?0, g=@1659578233, h=%"f%c3%bc", i=tok/en:*, j=1.5, k=( "a";p=1  b )"#;
        let members = dictionary(text).unwrap();
        let values: Vec<_> = members.iter().map(|(_, member)| member.clone()).collect();
        assert_eq!(values[0], item(Bare::Integer(1)));
        let Member::Item(negative) = &values[1] else {
            panic!()
        };
        assert_eq!(negative.value, Bare::Integer(-15));
        assert_eq!(negative.parameters, [("x".to_owned(), Bare::Other)]);
        assert_eq!(values[2], item(Bare::Text("q\"\\ ".to_owned())));
        assert_eq!(values[3], item(Bare::Bytes(vec![1, 2])));
        assert!(
            values[4..10]
                .iter()
                .all(|value| *value == item(Bare::Other))
        );
        let Member::List(items, parameters) = &values[10] else {
            panic!()
        };
        assert_eq!((items.len(), parameters.len()), (2, 0));
        assert_eq!(items[0].value, Bare::Text("a".to_owned()));
        assert_eq!(items[0].parameters, [("p".to_owned(), Bare::Integer(1))]);
        assert_eq!(dictionary(""), Ok(Vec::new()));
        assert_eq!(dictionary("a=1 ").map(|members| members.len()), Ok(1));
    }

    #[test]
    fn what_is_no_dictionary_is_refused_where_it_ends_to_be_one() {
        for (text, at) in [
            ("A=1", 1),
            ("a=", 3),
            ("a=1,", 5),
            ("a=1 b=2", 5),
            ("a=1, a=2", 6),
            ("a=1;p;p", 7),
            ("a=\"x", 5),
            ("a=\"\\x\"", 5),
            ("a=\"\u{e9}\"", 4),
            ("a=\"\t\"", 4),
            ("a=:AQI:", 7),
            ("a=:AQJ=:", 8),
            ("a=:AQI=", 8),
            ("a=1234567890123456", 19),
            ("a=1.", 5),
            ("a=1.2345", 9),
            ("a=-", 4),
            ("a=?2", 4),
            ("a=@1.5", 7),
            ("a=%\"%C3\"", 6),
            ("a=%\"%c3\"", 9),
            ("a=%\"%c", 6),
            ("a=(\"x\"\"y\")", 7),
            ("a=(\"x\"", 7),
            ("a=(", 4),
            ("a=()x", 5),
            ("a=1; =2", 6),
            ("\u{fc}=1", 1),
        ] {
            let error = dictionary(text).unwrap_err();
            assert_eq!(error.at, at, "{text}: {error}");
        }
    }

    #[test]
    fn what_may_be_repeated_is_bounded() {
        let many = |count: usize| {
            let keys: Vec<_> = (0..count).map(|number| format!("k{number}")).collect();
            keys.join(",")
        };
        assert!(dictionary(&many(MOST)).is_ok());
        assert!(dictionary(&many(MOST + 1)).is_err());
        let listed = |count: usize| dictionary(&format!("a=({})", "1 ".repeat(count)));
        assert!(listed(MOST).is_ok());
        assert!(listed(MOST + 1).is_err());
    }

    proptest! {
        #[test]
        fn nothing_panics(text in r#"[a-c=,;()" \\:%@?*.\-0-9üA\t]{0,40}"#) {
            let _ = dictionary(&text);
        }

        #[test]
        fn what_is_written_is_read_back(text in "[ -~]{0,40}", bytes: Vec<u8>) {
            let mut written = "t=".to_owned();
            write_text(&mut written, &text);
            written.push_str(",b=");
            write_bytes(&mut written, &bytes);
            let read = dictionary(&written).unwrap();
            prop_assert_eq!(&read[0].1, &item(Bare::Text(text)));
            prop_assert_eq!(&read[1].1, &item(Bare::Bytes(bytes)));
        }
    }
}
