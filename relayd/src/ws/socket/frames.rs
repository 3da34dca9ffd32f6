//! Follows the frames that come, below the library: where they end, and into how many a message is cut.
//!
//! The library puts fragments together and does not count them, so that a message in crumbs would cost far more than its size. And it
//! keeps one limit of size for good, while there is a smaller one for those who have not said who they are.

use mrp_proto::frame::MAX_AUTH_FRAME;

/// Frames of one message, at most.
const MAX_FRAGMENTS: usize = 1024;

/// Bytes of a frame's header, at most (RFC 6455 section 5.2).
const MAX_HEADER: usize = 14;
const FINAL: u8 = 0x80;
const CONTROL: u8 = 0x08;
const MASKED: u8 = 0x80;

/// A message that is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Excess {
    /// In more than [`MAX_FRAGMENTS`] frames.
    #[error("a message may have {MAX_FRAGMENTS} fragments, this one has more")]
    Fragments,
    /// Larger than may come now; with as much as was announced of it.
    #[error("a message of {0} bytes is too large")]
    Bytes(u64),
}

/// The frames of one connection, as far as their bytes have passed by.
#[derive(Debug)]
pub(super) struct Frames {
    header: [u8; MAX_HEADER],
    /// Bytes of the header that are there.
    known: usize,
    /// Bytes of the payload that are not there.
    payload: u64,
    /// Frames of the message that is not whole.
    fragments: usize,
    /// Bytes of it, as its frames announce them.
    message: u64,
    whole: u64,
    limit: u64,
}

impl Default for Frames {
    fn default() -> Self {
        Self {
            header: [0; MAX_HEADER],
            known: 0,
            payload: 0,
            fragments: 0,
            message: 0,
            whole: 0,
            limit: MAX_AUTH_FRAME as u64,
        }
    }
}

impl Frames {
    /// From now on the peer is known, and its messages are as large as the library takes them.
    pub(super) fn admit_large(&mut self) {
        self.limit = u64::MAX;
    }

    /// The beginning of a connection, or of the rest of one, with the same limit.
    pub(super) fn restarted(&self) -> Self {
        Self {
            limit: self.limit,
            ..Self::default()
        }
    }

    /// Takes note of the next bytes.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> Result<(), Excess> {
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
                    self.count_fragment(payload)?;
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

    fn count_fragment(&mut self, payload: u64) -> Result<(), Excess> {
        if self.header[0] & CONTROL == 0 {
            self.fragments += 1;
            self.message = self.message.saturating_add(payload);
        }
        if self.fragments > MAX_FRAGMENTS {
            return Err(Excess::Fragments);
        }
        if self.message > self.limit {
            return Err(Excess::Bytes(self.message));
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
            self.message = 0;
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
                frames.admit_large();
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
        assert_eq!(last, Err(Excess::Fragments));
    }

    #[test]
    fn a_message_is_small_until_large_ones_are_admitted_in_whatever_pieces_it_comes() {
        let mut frames = Frames::default();
        frames.pass(&frame(FINAL | TEXT, MAX_AUTH_FRAME)).unwrap();
        frames.pass(&frame(TEXT, MAX_AUTH_FRAME)).unwrap();
        frames.pass(&frame(FINAL | PING, 5)).unwrap();
        // The announcement is enough.
        let announced = frames.pass(&frame(CONTINUATION, 1)[..6]);
        assert_eq!(announced, Err(Excess::Bytes(MAX_AUTH_FRAME as u64 + 1)));
        let mut frames = Frames::default();
        frames.admit_large();
        let mut frames = frames.restarted();
        frames
            .pass(&frame(FINAL | TEXT, MAX_AUTH_FRAME + 1))
            .unwrap();
    }
}
