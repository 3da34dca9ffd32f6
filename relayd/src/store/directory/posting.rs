//! Sets of agents' numbers, in chunks: a row of the index is one chunk of one term's set.
//!
//! A sparse chunk is a list of offsets, two bytes each; one with more is a bit for every number. Which of the two a row is, its
//! length tells.

use super::super::failure::Failure;

/// Numbers in a chunk.
const CHUNK: u32 = 8_192;
const WORDS: usize = CHUNK as usize / 64;
/// Bytes of a chunk as bits; a list is always shorter.
const BITS_LENGTH: usize = WORDS * 8;
/// Rows that are read one after another while one is looked up.
const SCATTERED: usize = 8;

/// The chunk that a number is in, and its place there.
pub(super) fn locate(number: u32) -> (u32, u16) {
    let offset = number % CHUNK;
    (number / CHUNK, u16::try_from(offset).unwrap_or(u16::MAX))
}

/// How dense a set seems to be of which this is the first row, in thousandths of a number in a chunk.
pub(super) fn density(chunk: u32, row: &[u8]) -> usize {
    let count = match row.len() {
        BITS_LENGTH => row.iter().map(|byte| byte.count_ones() as usize).sum(),
        length => length / 2,
    };
    count * 1_000 / (chunk as usize + 1)
}

/// A chunk in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bits(Box<[u64; WORDS]>);

impl Bits {
    pub(super) fn new() -> Self {
        Self(Box::new([0; WORDS]))
    }

    /// Adds what a row has.
    pub(super) fn unite(&mut self, row: &[u8]) -> Result<(), Failure> {
        if row.len() == BITS_LENGTH {
            for (word, bytes) in self.0.iter_mut().zip(row.as_chunks::<8>().0) {
                *word |= u64::from_be_bytes(*bytes);
            }
            return Ok(());
        }
        let (offsets, rest) = row.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(Failure::corrupt("a row of the directory"));
        }
        for offset in offsets {
            self.put(u16::from_be_bytes(*offset), true);
        }
        Ok(())
    }

    pub(super) fn put(&mut self, offset: u16, present: bool) {
        let (word, bit) = (usize::from(offset) / 64, 1_u64 << (offset % 64));
        if let Some(word) = self.0.get_mut(word) {
            *word = if present { *word | bit } else { *word & !bit };
        }
    }

    fn has(&self, offset: u16) -> bool {
        let word = self.0.get(usize::from(offset) / 64);
        word.is_some_and(|word| word & (1 << (offset % 64)) != 0)
    }

    /// Whether anything is left.
    fn intersect(&mut self, other: &Self) -> bool {
        let mut left = 0;
        for (word, other) in self.0.iter_mut().zip(other.0.iter()) {
            *word &= other;
            left |= *word;
        }
        left != 0
    }

    fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Loops instead of an iterator, for most words of most chunks are empty.
    fn for_each(&self, mut each: impl FnMut(u16)) {
        for (index, word) in (0_u16..).zip(self.0.iter()) {
            let mut rest = *word;
            while rest != 0 {
                // At most 63.
                each(index * 64 + rest.trailing_zeros() as u16);
                rest &= rest - 1;
            }
        }
    }

    /// The row for this chunk; an empty one has none.
    pub(super) fn to_row(&self) -> Option<Vec<u8>> {
        match self.len() {
            0 => None,
            count if count * 2 < BITS_LENGTH => {
                let mut row = Vec::with_capacity(count * 2);
                self.for_each(|offset| row.extend(offset.to_be_bytes()));
                Some(row)
            }
            _ => Some(self.0.iter().flat_map(|word| word.to_be_bytes()).collect()),
        }
    }
}

/// A set of numbers in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Set(Vec<Option<Bits>>);

impl Set {
    /// Adds a row of the index.
    pub(super) fn unite(&mut self, chunk: u32, row: &[u8]) -> Result<(), Failure> {
        let chunk = usize::try_from(chunk).unwrap_or(usize::MAX);
        if self.0.len() <= chunk {
            self.0.resize(chunk.saturating_add(1), None);
        }
        match self.0.get_mut(chunk) {
            Some(place) => place.get_or_insert_with(Bits::new).unite(row),
            None => Ok(()),
        }
    }

    /// Keeps what another set has, too, which says what it has of a chunk.
    pub(super) fn intersect<E>(
        &mut self,
        mut other: impl FnMut(u32) -> Result<Option<Bits>, E>,
    ) -> Result<(), E> {
        for (chunk, place) in (0..).zip(&mut self.0) {
            let Some(bits) = place else {
                continue;
            };
            // An empty chunk is not asked for again.
            if !other(chunk)?.is_some_and(|other| bits.intersect(&other)) {
                *place = None;
            }
        }
        Ok(())
    }

    /// The last chunk that has any.
    pub(super) fn last_chunk(&self) -> Option<u32> {
        let last = self.0.iter().rposition(Option::is_some)?;
        u32::try_from(last).ok()
    }

    /// Whether so few chunks up to the last have any that it is cheaper to look up each than to read all of another set.
    pub(super) fn is_scattered(&self) -> bool {
        let chunks = self.0.iter().flatten().count();
        let last = self.last_chunk();
        last.is_some_and(|last| chunks * SCATTERED <= last as usize)
    }

    pub(super) fn take(&mut self, chunk: u32) -> Option<Bits> {
        self.0.get_mut(usize::try_from(chunk).ok()?)?.take()
    }

    pub(super) fn has(&self, number: u32) -> bool {
        let (chunk, offset) = locate(number);
        let bits = usize::try_from(chunk)
            .ok()
            .and_then(|chunk| self.0.get(chunk)?.as_ref());
        bits.is_some_and(|bits| bits.has(offset))
    }

    pub(super) fn len(&self) -> usize {
        self.0.iter().flatten().map(Bits::len).sum()
    }

    /// Goes through all numbers, in order.
    pub(super) fn for_each(&self, mut each: impl FnMut(u32)) {
        for (base, bits) in (0..).step_by(CHUNK as usize).zip(&self.0) {
            if let Some(bits) = bits {
                bits.for_each(|offset| each(base + u32::from(offset)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn bits(offsets: impl IntoIterator<Item = u16>) -> Bits {
        let mut bits = Bits::new();
        for offset in offsets {
            bits.put(offset, true);
        }
        bits
    }

    #[test]
    fn a_chunk_is_read_as_it_was_written_sparse_or_dense() {
        for count in [1, 2, 511, 512, 513, 8_192] {
            let chunk = bits((0..count).map(|index| index * (8_192 / count)));
            let row = chunk.to_row().unwrap();
            assert_eq!(row.len(), usize::from(count * 2).min(BITS_LENGTH));
            let mut read = Bits::new();
            read.unite(&row).unwrap();
            assert_eq!(read, chunk, "{count}");
        }
        assert_eq!(bits([]).to_row(), None);
        assert!(Bits::new().unite(&[1, 2, 3]).is_err());
    }

    #[test]
    fn sets_are_united_and_intersected_across_chunks() {
        let numbers = |step: usize| (0..30_000_u32).step_by(step).collect::<BTreeSet<_>>();
        let set = |numbers: &BTreeSet<u32>| {
            let mut set = Set::default();
            for &number in numbers {
                let (chunk, offset) = locate(number);
                let row = bits([offset]).to_row().unwrap();
                set.unite(chunk, &row).unwrap();
            }
            set
        };
        let (threes, fives) = (numbers(3), numbers(5));
        let mut both = set(&threes);
        let mut other = set(&fives);
        assert_eq!(both.len(), threes.len());
        both.intersect(|chunk| Ok::<_, Failure>(other.take(chunk)))
            .unwrap();
        let expected: Vec<_> = threes.intersection(&fives).copied().collect();
        let mut found = Vec::new();
        both.for_each(|number| found.push(number));
        assert_eq!(found, expected);
        assert!(both.has(15) && !both.has(3) && !both.has(40_000));
    }
}
