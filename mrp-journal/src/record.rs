//! What one step changed, row by row, as it goes into the journal.
//!
//! Tables are named where they first occur and then go by a number, so that a record says by itself what it is about.

use super::segment::RECORD_HEAD;

/// What comes next in a record.
const NAME: u8 = 0;
const PUT: u8 = 1;
const REMOVE: u8 = 2;

/// Changes in the order in which they were made.
#[derive(Debug)]
pub struct Record {
    /// Room for what the journal puts before it, then the changes.
    framed: Vec<u8>,
    /// Which tables it has named.
    named: Vec<bool>,
    rows: usize,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            framed: vec![0; RECORD_HEAD],
            named: Vec::new(),
            rows: 0,
        }
    }
}

impl Record {
    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.framed.len() == RECORD_HEAD
    }

    /// Bytes of the changes.
    pub fn len(&self) -> usize {
        self.framed.len() - RECORD_HEAD
    }

    /// How many rows were changed, one as often as it was.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Makes it empty, and keeps its memory up to `most` bytes.
    pub fn clear(&mut self, most: usize) {
        self.framed.truncate(RECORD_HEAD);
        self.framed.shrink_to(most);
        self.named.clear();
        self.rows = 0;
    }

    pub(crate) fn framed(&mut self) -> &mut [u8] {
        &mut self.framed
    }

    /// The changes alone.
    #[cfg(test)]
    pub(crate) fn changes(&self) -> &[u8] {
        &self.framed[RECORD_HEAD..]
    }

    /// Notes a row; the answer is where its value stands.
    pub(crate) fn put(&mut self, table: u8, key: &[u8], value: &[&[u8]]) -> std::ops::Range<usize> {
        self.rows += 1;
        self.framed.extend([PUT, table]);
        self.bytes(key);
        self.length(value.iter().map(|part| part.len()).sum());
        let start = self.framed.len();
        for part in value {
            self.framed.extend_from_slice(part);
        }
        start..self.framed.len()
    }

    pub(crate) fn remove(&mut self, table: u8, key: &[u8]) {
        self.rows += 1;
        self.framed.extend([REMOVE, table]);
        self.bytes(key);
    }

    /// Says which table goes by a number, unless it has said so. Comes before what is noted of that table.
    pub(crate) fn name(&mut self, table: u8, name: &str) {
        let place = usize::from(table);
        if self.named.get(place).is_some_and(|named| *named) {
            return;
        }
        self.named.resize(self.named.len().max(place + 1), false);
        self.named[place] = true;
        self.framed.extend([NAME, table]);
        self.bytes(name.as_bytes());
    }

    /// What [`put`](Self::put) has noted.
    pub(crate) fn value(&self, place: std::ops::Range<usize>) -> &[u8] {
        &self.framed[place]
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.framed.extend_from_slice(bytes);
    }

    fn length(&mut self, length: usize) {
        let length = u32::try_from(length).expect("redb takes no key or value over 3 GiB");
        self.framed.extend(length.to_be_bytes());
    }
}

/// One change, as it is read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change<'a> {
    Put {
        table: &'a str,
        key: &'a [u8],
        value: &'a [u8],
    },
    Remove {
        table: &'a str,
        key: &'a [u8],
    },
}

/// Reads the changes of a record, until there are no more or one makes no sense.
#[derive(Debug)]
pub(crate) struct Changes<'a> {
    rest: &'a [u8],
    names: Vec<Option<&'a str>>,
}

/// A record is whole by its checksum, and yet not as this program writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

impl<'a> Changes<'a> {
    pub(crate) fn of(content: &'a [u8]) -> Self {
        Self {
            rest: content,
            names: Vec::new(),
        }
    }

    pub(crate) fn next(&mut self) -> Result<Option<Change<'a>>, Malformed> {
        loop {
            let Some((&tag, rest)) = self.rest.split_first() else {
                return Ok(None);
            };
            self.rest = rest;
            match tag {
                NAME => {
                    let place = self.number()?;
                    let name = std::str::from_utf8(self.bytes()?).map_err(|_| Malformed)?;
                    self.names.resize(self.names.len().max(place + 1), None);
                    self.names[place] = Some(name);
                }
                PUT => {
                    let (table, key) = (self.table()?, self.bytes()?);
                    let value = self.bytes()?;
                    return Ok(Some(Change::Put { table, key, value }));
                }
                REMOVE => {
                    let (table, key) = (self.table()?, self.bytes()?);
                    return Ok(Some(Change::Remove { table, key }));
                }
                _ => return Err(Malformed),
            }
        }
    }

    fn table(&mut self) -> Result<&'a str, Malformed> {
        let place = self.number()?;
        self.names.get(place).copied().flatten().ok_or(Malformed)
    }

    fn number(&mut self) -> Result<usize, Malformed> {
        let (&number, rest) = self.rest.split_first().ok_or(Malformed)?;
        self.rest = rest;
        Ok(usize::from(number))
    }

    fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let (length, rest) = self.rest.split_first_chunk().ok_or(Malformed)?;
        let length = u32::from_be_bytes(*length) as usize;
        let (bytes, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn changes_are_read_as_they_were_noted() {
        let mut record = Record::default();
        assert!(record.is_empty());
        record.name(3, "a");
        let place = record.put(3, b"k", &[b"one ", b"value"]);
        assert_eq!(record.value(place), b"one value");
        record.name(0, "b");
        record.remove(0, b"");
        record.name(3, "a");
        record.put(3, b"", &[b""]);
        let mut changes = Changes::of(record.changes());
        let mut next = || changes.next().unwrap();
        let put = |table, key, value| Some(Change::Put { table, key, value });
        assert_eq!(next(), put("a", b"k", b"one value"));
        assert_eq!(
            next(),
            Some(Change::Remove {
                table: "b",
                key: b""
            })
        );
        assert_eq!(next(), put("a", b"", b""));
        assert_eq!(next(), None);
        record.clear(64);
        assert!(record.is_empty());
        record.name(0, "b");
        record.remove(0, b"x");
        let mut changes = Changes::of(record.changes());
        assert!(
            changes.next().unwrap().is_some(),
            "it names the table again"
        );
        let mut nameless = Record::default();
        nameless.remove(0, b"x");
        assert_eq!(Changes::of(nameless.changes()).next(), Err(Malformed));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(content: Vec<u8>) {
            let mut changes = Changes::of(&content);
            while let Ok(Some(_)) = changes.next() {}
        }
    }
}
