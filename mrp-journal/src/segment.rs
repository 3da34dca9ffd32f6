//! One file of the journal: a head that says whose it is, then records, each with its length, checksum and number.
//!
//! Room is taken from the file system when the file is made, and written once, so that appending changes no metadata and a sync is
//! one write to the disk: blocks that are only reserved are noted one by one as they are written. What follows the last record is
//! zeros, records of an earlier journal file that this one was, or a record that a crash cut short.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::ops::Range;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

const MAGIC: &[u8; 8] = b"mrpjrnl1";
/// Bytes of a file's head: magic, lineage, number of the first record, checksum of these, and room.
pub(crate) const HEAD: usize = 32;
/// Bytes of it that the checksum is over.
const HEAD_SUMMED: usize = 24;
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
    lineage: u64,
    size: usize,
    used: usize,
}

impl Segment {
    /// Makes the file; only its owner may read it. It is on disk with its head, but its name is not: that is for whoever owns the
    /// directory. One that is `kept` is written once all over.
    pub(crate) fn create(
        path: &Path,
        lineage: u64,
        first: u64,
        size: usize,
        kept: bool,
    ) -> io::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        take_room(&file, size)?;
        if kept {
            write_once(&file, size)?;
        }
        Self::begin(file, lineage, first, size)
    }

    /// Makes a file of another whose records, all of them of this lineage and before `first`, nobody needs any more. It is on disk
    /// under its new name already: under the old one, its new head would stand before records that come before it.
    pub(crate) fn reuse(path: &Path, lineage: u64, first: u64) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).open(path)?;
        let size = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        Self::begin(file, lineage, first, size)
    }

    fn begin(file: File, lineage: u64, first: u64, size: usize) -> io::Result<Self> {
        let mut head = [0; HEAD];
        head[..8].copy_from_slice(MAGIC);
        head[8..16].copy_from_slice(&lineage.to_be_bytes());
        head[16..24].copy_from_slice(&first.to_be_bytes());
        let sum = crc32fast::hash(&head[..HEAD_SUMMED]);
        head[24..28].copy_from_slice(&sum.to_be_bytes());
        file.write_all_at(&head, 0)?;
        file.sync_all()?;
        Ok(Self {
            file,
            lineage,
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
        head[4..8].copy_from_slice(&checksum(self.lineage, number, content).to_be_bytes());
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

/// Writes zeros all over the file.
fn write_once(file: &File, size: usize) -> io::Result<()> {
    let zeros = vec![0; size.min(256 << 10)];
    let mut place = 0;
    while place < size {
        let part = &zeros[..zeros.len().min(size - place)];
        file.write_all_at(part, place as u64)?;
        place += part.len();
    }
    Ok(())
}

/// Has the file system keep room for the file. One that cannot grows it as it is written.
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

/// Over the number too: what an earlier file left in the same place is no record of this one. And over the lineage, which nobody
/// outside knows: what a peer has written into a message cannot be made to look like a record.
fn checksum(lineage: u64, number: u64, content: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&lineage.to_be_bytes());
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

/// What a file turns out to be.
#[derive(Debug)]
pub(crate) enum Opened {
    Ready(Reader),
    /// A crash came before its head was on disk, so it has no record that anybody was answered for.
    Unbegun,
    /// Its head was damaged after it was written.
    Damaged,
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
    /// Reads a file.
    pub(crate) fn open(path: &Path) -> io::Result<Opened> {
        let mut bytes = Vec::new();
        File::open(path)?.read_to_end(&mut bytes)?;
        let Some((head, _)) = bytes.split_first_chunk::<HEAD>() else {
            return Ok(Opened::Unbegun);
        };
        if *head == [0; HEAD] {
            return Ok(Opened::Unbegun);
        }
        let sum = crc32fast::hash(&head[..HEAD_SUMMED]).to_be_bytes();
        let (true, Some(lineage), Some(next)) = (
            head.starts_with(MAGIC) && head[HEAD_SUMMED..].starts_with(&sum),
            number_at(head, 8),
            number_at(head, 16),
        ) else {
            return Ok(Opened::Damaged);
        };
        Ok(Opened::Ready(Self {
            bytes,
            lineage,
            next,
            place: HEAD,
        }))
    }

    /// Goes on behind damage at a record that is not needed: at the first whole one up to number `most`. `false` if there is none.
    pub(crate) fn pass_damage(&mut self, most: u64) -> bool {
        let found = self.later(self.next + 1..most.saturating_add(1));
        if let Some((place, number)) = found {
            self.place = place;
            self.next = number;
        }
        found.is_some()
    }

    /// The next record.
    pub(crate) fn next(&mut self) -> Option<(u64, &[u8])> {
        let number = self.next;
        let content = whole_record(&self.bytes, self.place, self.lineage, number)?;
        self.place += footprint(content.len());
        self.next += 1;
        Some((number, content))
    }

    /// Looks behind the last record that could be read.
    pub(crate) fn end(&self) -> End {
        /// Records that a file can have lost.
        const AHEAD: u64 = 1 << 32;
        match self.later(self.next + 1..self.next.saturating_add(AHEAD)) {
            Some(_) => End::Damaged,
            None => End::Clean,
        }
    }

    /// The first place where a whole record with one of these numbers stands.
    fn later(&self, numbers: Range<u64>) -> Option<(usize, u64)> {
        let mut places = (self.place..self.bytes.len()).step_by(ALIGNMENT);
        places.find_map(|place| {
            let number =
                number_at(&self.bytes, place + 8).filter(|number| numbers.contains(number))?;
            whole_record(&self.bytes, place, self.lineage, number).map(|_| (place, number))
        })
    }
}

/// The content of the record with this number, if it stands there undamaged.
fn whole_record(bytes: &[u8], place: usize, lineage: u64, number: u64) -> Option<&[u8]> {
    let (length, rest) = bytes.get(place..)?.split_first_chunk()?;
    let (sum, rest) = rest.split_first_chunk()?;
    let (found, rest) = rest.split_first_chunk()?;
    if u64::from_be_bytes(*found) != number {
        return None;
    }
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let content = rest.get(..length)?;
    (u32::from_be_bytes(*sum) == checksum(lineage, number, content)).then_some(content)
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
        let mut segment = Segment::create(path, 7, 5, SIZE, true).unwrap();
        for (number, content) in (5..).zip(contents) {
            segment.append(number, &mut framed(content)).unwrap();
        }
        segment.sync().unwrap();
        segment
    }

    fn read(path: &Path) -> (Vec<(u64, Vec<u8>)>, End) {
        let Opened::Ready(mut reader) = Reader::open(path).unwrap() else {
            panic!()
        };
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
    fn a_file_without_its_head_is_unbegun_and_one_with_another_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for bytes in [&b""[..], &[0; SIZE], &b"mrpjrnl1short"[..]] {
            std::fs::write(&path, bytes).unwrap();
            assert!(matches!(Reader::open(&path).unwrap(), Opened::Unbegun));
        }
        filled(&folder.path().join("b"), &[b"one"]);
        let whole = std::fs::read(folder.path().join("b")).unwrap();
        for place in 0..HEAD_SUMMED + 4 {
            let mut turned = whole.clone();
            turned[place] ^= 0x10;
            std::fs::write(&path, &turned).unwrap();
            assert!(matches!(Reader::open(&path).unwrap(), Opened::Damaged));
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
