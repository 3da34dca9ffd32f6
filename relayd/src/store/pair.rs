//! Keys of two parts that are written without asking for memory.
//!
//! redb's own pairs, byte for byte and by name, so that a table does not notice; but those are written into memory of their own each
//! time, and a message that is accepted comes with a score of them.

use redb::{Key, TypeName, Value};
use std::cmp::Ordering;
use std::marker::PhantomData;

/// Bytes of the longest pair here: two agents' keys.
const LONGEST: usize = 64;

/// Two parts of fixed width, in [`LONGEST`] bytes at most, ordered by the first and then by the second.
#[derive(Debug)]
pub(super) struct Pair<A, B>(PhantomData<(A, B)>);

/// A pair as it is written.
#[derive(Debug)]
pub(super) struct PairBytes {
    bytes: [u8; LONGEST],
    length: usize,
}

impl PairBytes {
    fn of(first: &[u8], second: &[u8]) -> Self {
        let mut bytes = [0; LONGEST];
        let length = first.len() + second.len();
        bytes[..first.len()].copy_from_slice(first);
        bytes[first.len()..length].copy_from_slice(second);
        Self { bytes, length }
    }
}

impl AsRef<[u8]> for PairBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl<A: Key, B: Key> Value for Pair<A, B> {
    type SelfType<'a>
        = (A::SelfType<'a>, B::SelfType<'a>)
    where
        Self: 'a;
    type AsBytes<'a>
        = PairBytes
    where
        Self: 'a;

    fn fixed_width() -> Option<usize> {
        Some(A::fixed_width()? + B::fixed_width()?)
    }

    fn from_bytes<'a>(data: &'a [u8]) -> Self::SelfType<'a>
    where
        Self: 'a,
    {
        let (first, second) = split::<A>(data);
        (A::from_bytes(first), B::from_bytes(second))
    }

    fn as_bytes<'a, 'b: 'a>(value: &'a Self::SelfType<'b>) -> PairBytes
    where
        Self: 'b,
    {
        let (first, second) = value;
        PairBytes::of(A::as_bytes(first).as_ref(), B::as_bytes(second).as_ref())
    }

    fn type_name() -> TypeName {
        <(A, B)>::type_name()
    }
}

impl<A: Key, B: Key> Key for Pair<A, B> {
    fn compare(left: &[u8], right: &[u8]) -> Ordering {
        let (left, right) = (split::<A>(left), split::<A>(right));
        A::compare(left.0, right.0).then_with(|| B::compare(left.1, right.1))
    }
}

fn split<A: Value>(pair: &[u8]) -> (&[u8], &[u8]) {
    pair.split_at(A::fixed_width().expect("the parts of a pair are of fixed width"))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Ours = Pair<&'static [u8; 3], u64>;
    type Theirs = (&'static [u8; 3], u64);

    #[test]
    fn two_keys_of_agents_are_the_longest_pair() {
        type Keys = Pair<&'static [u8; 32], &'static [u8; 32]>;
        assert_eq!(Keys::fixed_width(), Some(LONGEST));
        let keys = (&[1; 32], &[2; 32]);
        assert_eq!(Keys::as_bytes(&keys).as_ref(), [[1; 32], [2; 32]].concat());
        assert_eq!(Keys::from_bytes(Keys::as_bytes(&keys).as_ref()), keys);
    }

    #[test]
    fn a_pair_is_what_the_engine_makes_of_it() {
        assert_eq!(Ours::type_name(), Theirs::type_name());
        assert_eq!(Ours::fixed_width(), Theirs::fixed_width());
        let pairs = [
            (b"abc", 0_u64),
            (b"abc", 255),
            (b"abc", 256),
            (b"abd", 1),
            (b"zzz", u64::MAX),
        ];
        for left in &pairs {
            let written = Ours::as_bytes(left);
            assert_eq!(written.as_ref(), Theirs::as_bytes(left).as_slice());
            assert_eq!(Ours::from_bytes(written.as_ref()), *left);
            for right in &pairs {
                let right = Ours::as_bytes(right);
                assert_eq!(
                    Ours::compare(written.as_ref(), right.as_ref()),
                    Theirs::compare(written.as_ref(), right.as_ref())
                );
            }
        }
    }
}
