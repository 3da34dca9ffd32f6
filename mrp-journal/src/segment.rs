//! One file of the journal: a head that says whose it is, then records, each with its length, checksum and number.
//!
//! Room is taken from the file system when the file is made, so that appending changes no metadata and a sync is one write to the
//! disk. What follows the last record is zeros, or a record that a crash cut short.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

const MAGIC: &[u8; 8] = b"mrpjrnl1";
/// Bytes of a file's head: magic, lineage, number of the first record.
pub(crate) const HEAD: usize = 24;
/// Bytes before a record's content: length (4), checksum (4), number (8).
pub(crate) const RECORD_HEAD: usize = 16;
/// Records begin at multiples of this, so that one behind a damaged one can be looked for.
const ALIGNMENT: usize = 8;

/// Bytes that a record takes in a file.
pub(crate) fn footprint(length: usize) -> usize {
    (RECORD_HEAD + length).next_multiple_of(ALIGNMENT)
}

/// A file that is appended to.
#[derive(Debug)]
pub(crate) struct Segment {
    file: File,
    size: usize,
    used: usize,
}

impl Segment {
    /// Makes the file; only its owner may read it. It is on disk with its head, but its name is not: that is for whoever owns the
    /// directory.
    pub(crate) fn create(path: &Path, lineage: u64, first: u64, size: usize) -> io::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        take_room(&file, size)?;
        let mut head = [0; HEAD];
        head[..8].copy_from_slice(MAGIC);
        head[8..16].copy_from_slice(&lineage.to_be_bytes());
        head[16..].copy_from_slice(&first.to_be_bytes());
        file.write_all_at(&head, 0)?;
        file.sync_all()?;
        Ok(Self {
            file,
            size,
            used: HEAD,
        })
    }

    /// Whether a record with content of this length fits.
    pub(crate) fn has_room(&self, length: usize) -> bool {
        self.used + footprint(length) <= self.size
    }

    /// Writes a record: `framed` has [`RECORD_HEAD`] bytes for its head before the content.
    pub(crate) fn append(&mut self, number: u64, framed: &mut [u8]) -> io::Result<()> {
        let (head, content) = framed.split_at_mut(RECORD_HEAD);
        let length = u32::try_from(content.len())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a record over 4 GiB"))?;
        head[..4].copy_from_slice(&length.to_be_bytes());
        head[4..8].copy_from_slice(&checksum(number, content).to_be_bytes());
        head[8..].copy_from_slice(&number.to_be_bytes());
        self.file.write_all_at(framed, self.used as u64)?;
        self.used += footprint(framed.len() - RECORD_HEAD);
        Ok(())
    }

    /// Returns when all that was appended is on disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Has the file system keep room for the file. One that cannot just grows it as it is written.
fn take_room(file: &File, size: usize) -> io::Result<()> {
    use nix::errno::Errno;
    let length = i64::try_from(size).unwrap_or(i64::MAX);
    loop {
        match nix::fcntl::posix_fallocate(file, 0, length) {
            Ok(()) | Err(Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EINVAL) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Over the number too: what an earlier file left in the same place is no record of this one.
fn checksum(number: u64, content: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&number.to_be_bytes());
    hasher.update(content);
    hasher.finalize()
}

/// A file that is read.
#[derive(Debug)]
pub(crate) struct Reader {
    bytes: Vec<u8>,
    /// Whose journal it belongs to.
    pub(crate) lineage: u64,
    /// The number of the next record.
    pub(crate) next: u64,
    place: usize,
}

/// How a file ends behind its last good record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// As it does when nothing was written, or something cut short.
    Clean,
    /// A later record is whole: what stands before it was damaged after it was written.
    Damaged,
}

impl Reader {
    /// Reads a file; `None` if it has no head, because a crash came between.
    pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        File::open(path)?.read_to_end(&mut bytes)?;
        let Some((MAGIC, rest)) = bytes.split_first_chunk() else {
            return Ok(None);
        };
        let (Some(lineage), Some(next)) = (number_at(rest, 0), number_at(rest, 8)) else {
            return Ok(None);
        };
        Ok(Some(Self {
            bytes,
            lineage,
            next,
            place: HEAD,
        }))
    }

    /// The next record.
    pub(crate) fn next(&mut self) -> Option<(u64, &[u8])> {
        let number = self.next;
        let content = whole_record(&self.bytes, self.place, number)?;
        self.place += footprint(content.len());
        self.next += 1;
        Some((number, content))
    }

    /// Looks behind the last record that could be read.
    pub(crate) fn end(&self) -> End {
        /// Records that a file can have lost.
        const AHEAD: u64 = 1 << 32;
        let later = self.next + 1..self.next + AHEAD;
        let mut places = (self.place..self.bytes.len()).step_by(ALIGNMENT);
        let is_whole = |place: usize| {
            number_at(&self.bytes, place + 8)
                .filter(|number| later.contains(number))
                .is_some_and(|number| whole_record(&self.bytes, place, number).is_some())
        };
        if places.any(is_whole) {
            End::Damaged
        } else {
            End::Clean
        }
    }
}

/// The content of the record with this number, if it stands there undamaged.
fn whole_record(bytes: &[u8], place: usize, number: u64) -> Option<&[u8]> {
    let (length, rest) = bytes.get(place..)?.split_first_chunk()?;
    let (sum, rest) = rest.split_first_chunk()?;
    let (found, rest) = rest.split_first_chunk()?;
    if u64::from_be_bytes(*found) != number {
        return None;
    }
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let content = rest.get(..length)?;
    (u32::from_be_bytes(*sum) == checksum(number, content)).then_some(content)
}

fn number_at(bytes: &[u8], place: usize) -> Option<u64> {
    let (number, _) = bytes.get(place..)?.split_first_chunk()?;
    Some(u64::from_be_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const SIZE: usize = 4096;

    fn framed(content: &[u8]) -> Vec<u8> {
        [&[0; RECORD_HEAD], content].concat()
    }

    fn filled(path: &Path, contents: &[&[u8]]) -> Segment {
        let mut segment = Segment::create(path, 7, 5, SIZE).unwrap();
        for (number, content) in (5..).zip(contents) {
            segment.append(number, &mut framed(content)).unwrap();
        }
        segment.sync().unwrap();
        segment
    }

    fn read(path: &Path) -> (Vec<(u64, Vec<u8>)>, End) {
        let mut reader = Reader::open(path).unwrap().unwrap();
        assert_eq!(reader.lineage, 7);
        let mut records = Vec::new();
        while let Some((number, content)) = reader.next() {
            records.push((number, content.to_vec()));
        }
        (records, reader.end())
    }

    #[test]
    fn records_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        filled(&path, &[b"one", b"", b"three!!!!"]);
        let (records, end) = read(&path);
        let expected = [
            (5, b"one".to_vec()),
            (6, vec![]),
            (7, b"three!!!!".to_vec()),
        ];
        assert_eq!(records, expected);
        assert_eq!(end, End::Clean);
        let metadata = path.metadata().unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        assert_eq!(metadata.len(), SIZE as u64, "room was taken");
    }

    #[test]
    fn a_record_cut_short_anywhere_is_the_end_and_no_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        filled(&path, &[b"one", b"two two two"]);
        let whole = std::fs::read(&path).unwrap();
        let second = HEAD + footprint(3);
        for cut in second..second + RECORD_HEAD + 11 {
            let mut torn = whole.clone();
            torn[cut..].fill(0);
            std::fs::write(&path, &torn).unwrap();
            assert_eq!(
                read(&path),
                (vec![(5, b"one".to_vec())], End::Clean),
                "{cut}"
            );
            std::fs::write(&path, &torn[..cut]).unwrap();
            assert_eq!(
                read(&path),
                (vec![(5, b"one".to_vec())], End::Clean),
                "{cut}"
            );
        }
    }

    #[test]
    fn any_bit_that_turns_before_a_whole_record_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        filled(&path, &[b"one", b"two two two", b"three"]);
        let whole = std::fs::read(&path).unwrap();
        let second = HEAD + footprint(3);
        for place in second..second + RECORD_HEAD + 11 {
            let mut turned = whole.clone();
            turned[place] ^= 0x10;
            std::fs::write(&path, &turned).unwrap();
            assert_eq!(
                read(&path),
                (vec![(5, b"one".to_vec())], End::Damaged),
                "{place}"
            );
        }
    }

    #[test]
    fn a_file_without_its_head_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for bytes in [&b""[..], &[0; SIZE], &b"mrpjrnl1short"[..]] {
            std::fs::write(&path, bytes).unwrap();
            assert!(Reader::open(&path).unwrap().is_none());
        }
    }

    #[test]
    fn room_is_counted_with_heads_and_padding() {
        let folder = tempfile::tempdir().unwrap();
        let mut segment = filled(&folder.path().join("a"), &[]);
        let left = SIZE - HEAD - RECORD_HEAD;
        assert!(segment.has_room(left) && !segment.has_room(left + 1));
        segment.append(5, &mut framed(&vec![1; left])).unwrap();
        assert!(!segment.has_room(0));
    }
}
