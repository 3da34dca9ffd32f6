//! Follows the frames that come, below the library: where they end, and into how many a message is cut.
//!
//! The library puts fragments together and does not count them, so that a message in crumbs would cost far more than its size.

/// Frames of one message, at most.
const MAX_FRAGMENTS: usize = 1024;

/// Bytes of a frame's header, at most (RFC 6455 section 5.2).
const MAX_HEADER: usize = 14;
const FINAL: u8 = 0x80;
const CONTROL: u8 = 0x08;
const MASKED: u8 = 0x80;

/// A message in more than [`MAX_FRAGMENTS`] frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message may have {MAX_FRAGMENTS} fragments, this one has more")]
pub(super) struct TooManyFragments;

/// The frames of one connection, as far as their bytes have passed by.
#[derive(Debug, Default)]
pub(super) struct Frames {
    header: [u8; MAX_HEADER],
    /// Bytes of the header that are there.
    known: usize,
    /// Bytes of the payload that are not there.
    payload: u64,
    /// Frames of the message that is not whole.
    fragments: usize,
    whole: u64,
}

impl Frames {
    /// Takes note of the next bytes.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> Result<(), TooManyFragments> {
        while let Some((first, rest)) = bytes.split_first() {
            if self.payload > 0 {
                let skipped = usize::try_from(self.payload)
                    .map_or(bytes.len(), |payload| payload.min(bytes.len()));
                self.payload -= skipped as u64;
                bytes = &bytes[skipped..];
            } else {
                self.header[self.known] = *first;
                self.known += 1;
                bytes = rest;
                if let Some(payload) = self.payload_length() {
                    self.payload = payload;
                    self.count_fragment()?;
                }
            }
            self.end_frame();
        }
        Ok(())
    }

    /// How many messages, control frames included, are whole; `None` in the middle of one.
    pub(super) fn whole(&self) -> Option<u64> {
        (self.known == 0 && self.fragments == 0).then_some(self.whole)
    }

    /// What a whole header says.
    fn payload_length(&self) -> Option<u64> {
        let [_, second, ..] = self.header;
        let extension = match second & !MASKED {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if second & MASKED == 0 { 0 } else { 4 };
        if self.known < 2 || self.known < 2 + extension + mask {
            return None;
        }
        let length = self.header[2..2 + extension].iter();
        Some(match extension {
            0 => u64::from(second & !MASKED),
            _ => length.fold(0, |length, byte| length << 8 | u64::from(*byte)),
        })
    }

    fn count_fragment(&mut self) -> Result<(), TooManyFragments> {
        if self.header[0] & CONTROL == 0 {
            self.fragments += 1;
        }
        if self.fragments > MAX_FRAGMENTS {
            return Err(TooManyFragments);
        }
        Ok(())
    }

    fn end_frame(&mut self) {
        if self.payload > 0 || self.payload_length().is_none() {
            return;
        }
        self.known = 0;
        let first = self.header[0];
        if first & CONTROL != 0 {
            self.whole += 1;
        } else if first & FINAL != 0 {
            self.whole += 1;
            self.fragments = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: u8 = 1;
    const CONTINUATION: u8 = 0;
    const PING: u8 = 9;

    /// A masked frame; the header is as long as its length needs.
    fn frame(first: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match length {
            0..=125 => frame.push(MASKED | u8::try_from(length).unwrap()),
            126..=65_535 => {
                frame.push(MASKED | 126);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(MASKED | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend([0xff; 4]);
        frame.resize(frame.len() + length, 0xff);
        frame
    }

    #[test]
    fn frames_end_where_they_end_in_whatever_pieces_they_come() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let bytes = frame(FINAL | TEXT, length);
            for piece in [1, 3, 1000, bytes.len() + 1] {
                let mut frames = Frames::default();
                frames.pass(&frame(FINAL | PING, 5)).unwrap();
                for piece in bytes[..bytes.len() - 1].chunks(piece) {
                    frames.pass(piece).unwrap();
                }
                assert_eq!(frames.whole(), None, "{length} in pieces of {piece}");
                frames.pass(&bytes[bytes.len() - 1..]).unwrap();
                assert_eq!(frames.whole(), Some(2), "{length} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn a_message_has_so_many_fragments_and_no_more_whatever_comes_between() {
        let mut frames = Frames::default();
        for _ in 0..2 {
            frames.pass(&frame(TEXT, 1)).unwrap();
            for _ in 2..MAX_FRAGMENTS {
                frames.pass(&frame(FINAL | PING, 0)).unwrap();
                frames.pass(&frame(CONTINUATION, 0)).unwrap();
            }
            assert_eq!(frames.whole(), None);
            frames.pass(&frame(FINAL | CONTINUATION, 0)).unwrap();
        }
        assert_eq!(frames.whole(), Some(2 * (MAX_FRAGMENTS as u64 - 1)));
        for _ in 0..MAX_FRAGMENTS {
            frames.pass(&frame(CONTINUATION, 0)).unwrap();
        }
        let last = frames.pass(&frame(FINAL | CONTINUATION, 0));
        assert_eq!(last, Err(TooManyFragments));
    }
}
