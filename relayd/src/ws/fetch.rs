//! Reading on in the inbox: from what the store found to what a session pushes.

use crate::hub::{Attachment, Claim, Scan};
use crate::store::{Room, Stored};
use mrp_proto::message::{Attachment as Blob, Message};
use mrp_proto::relay_api::MAX_PAGE;
use mrp_proto::session::relay::{Fetched, Settings};

/// Messages that are read from the store at once, at most, as by a poll: none is pushed before all of them are read.
const MOST_MESSAGES: usize = MAX_PAGE;
/// What a frame has beside its texts and its body, generously: names of fields, keys, id, times, punctuation.
const FRAME_OVERHEAD: usize = 512;
/// What an attachment has beside its texts.
const BLOB_OVERHEAD: usize = 256;
/// What a byte of text becomes in JSON at most: `\u00xx`.
const ESCAPED: usize = 6;

/// A fetch that the session's machine asked for, as far as it got.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fetch {
    pub(super) scan: Scan,
    bytes: usize,
    /// Nothing waits to be written, so one message may be as large as it is.
    is_whole: bool,
}

/// What came of reading.
#[derive(Debug)]
pub(super) enum Progress {
    /// The answer to the machine.
    Done(Fetched),
    /// All that was found is another session's, or was read too early: read on.
    Again,
}

impl Fetch {
    /// Begins, or goes on, where `place` stands.
    pub(super) fn begin(place: &Attachment, bytes: usize, settings: &Settings) -> Self {
        Self {
            scan: place.scan(),
            bytes,
            is_whole: bytes >= settings.unsent_limit,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What to ask of the store.
    pub(super) fn room(&self) -> Room {
        Room {
            messages: MOST_MESSAGES,
            bytes: self.bytes,
        }
    }

    /// Takes what the store found behind the scan's position.
    pub(super) fn take(self, place: &Attachment, mut found: Vec<Stored>) -> Progress {
        if found.is_empty() {
            return Progress::Done(Fetched::default());
        }
        let fitting = self.fitting(&found);
        if fitting == 0 {
            let messages = Vec::new();
            return Progress::Done(Fetched {
                messages,
                more: true,
            });
        }
        found.truncate(fitting);
        let senders: Vec<_> = found
            .iter()
            .map(|stored| (stored.sequence, stored.message.sender_key))
            .collect();
        let Claim::Decided(mine) = place.claim(self.scan, &senders) else {
            return Progress::Again;
        };
        let messages: Vec<_> = found
            .into_iter()
            .zip(mine)
            .filter_map(|(stored, mine)| mine.then_some(stored.message))
            .collect();
        if messages.is_empty() {
            return Progress::Again;
        }
        Progress::Done(Fetched {
            messages,
            more: true,
        })
    }

    /// How many of the first messages go into the room as frames.
    fn fitting(&self, found: &[Stored]) -> usize {
        let mut left = self.bytes;
        let fits = |stored: &&Stored| {
            let size = most_frame(&stored.message);
            let fits = size <= left;
            left = left.saturating_sub(size);
            fits
        };
        let fitting = found.iter().take_while(fits).count();
        fitting.max(usize::from(self.is_whole))
    }
}

/// The bytes of a message's frame, at most.
fn most_frame(message: &Message) -> usize {
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let metadata: usize = message
        .metadata
        .iter()
        .map(|(key, value)| key.len() + value.len() + 1)
        .sum();
    let texts = message.content_type.len()
        + length(&message.thread_id)
        + length(&message.in_reply_to)
        + metadata;
    let blob = |blob: &Blob| {
        let optional = [
            &blob.filename,
            &blob.content_type,
            &blob.hash,
            &blob.dek_enc,
            &blob.dek_ct,
        ];
        let texts = blob.blob_id.len() + optional.into_iter().map(length).sum::<usize>();
        BLOB_OVERHEAD + ESCAPED * texts
    };
    let blobs: usize = message.attachments.iter().map(blob).sum();
    let body = message.body.as_ref().map_or(0, |body| body.get().len());
    FRAME_OVERHEAD + ESCAPED * texts + blobs + body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Sequence;
    use mrp_proto::frame::ServerFrame;
    use mrp_proto::key::SecretKey;
    use mrp_proto::message::Status;
    use mrp_proto::time::Timestamp;
    use serde_json::value::to_raw_value;

    fn message(body: &str) -> Message {
        let key = SecretKey::from_seed(&[1; 32]).public();
        Message {
            message_id: "msg_1800000000_0123456789ab".parse().unwrap(),
            sender_key: key,
            recipient_key: key,
            content_type: "application/json".to_owned(),
            body: Some(to_raw_value(body).unwrap()),
            attachments: Vec::new(),
            status: Status::Sent,
            thread_id: None,
            in_reply_to: None,
            metadata: Default::default(),
            created_at: Timestamp::from_unix_millis(1_800_000_000_000),
            expires_at: Timestamp::from_unix_millis(1_800_000_600_000),
            delivered_at: None,
        }
    }

    fn frame(message: &Message) -> usize {
        ServerFrame::Message(Box::new(message.clone()))
            .encode()
            .len()
    }

    fn found(bodies: &[usize]) -> Vec<Stored> {
        let stored = |(sequence, length): (u64, &usize)| Stored {
            sequence: Sequence(sequence),
            message: message(&"x".repeat(*length)),
        };
        (1..).zip(bodies).map(stored).collect()
    }

    #[test]
    fn what_fits_is_taken_and_a_message_that_is_too_large_waits_for_an_empty_buffer() {
        let fetch = |bytes, is_whole| Fetch {
            scan: Scan::default(),
            bytes,
            is_whole,
        };
        let found = found(&[1_000, 1_000, 300_000, 10]);
        let two = 2 * most_frame(&found[0].message);
        assert_eq!(fetch(two, false).fitting(&found), 2);
        assert_eq!(fetch(two - 1, false).fitting(&found), 1);
        assert_eq!(fetch(262_144, true).fitting(&found), 2);
        assert_eq!(fetch(100_000, false).fitting(&found[2..]), 0);
        assert_eq!(fetch(262_144, true).fitting(&found[2..]), 1);
    }

    #[test]
    fn no_frame_is_larger_than_it_is_counted() {
        let mut large = message(&"x".repeat(10_000));
        let nasty = || "\u{1}".repeat(128);
        large.content_type = nasty();
        large.thread_id = Some(nasty());
        large.in_reply_to = Some(nasty());
        large.metadata = (0..16)
            .map(|index| (format!("{index}"), "\u{1}".repeat(256)))
            .collect();
        large.attachments = (0..10)
            .map(|_| Blob {
                blob_id: format!("blob_{}", "0".repeat(64)),
                filename: Some("é".repeat(255)),
                content_type: Some(nasty()),
                size: Some(u64::MAX),
                hash: Some(nasty()),
                encrypted: Some(false),
                dek_enc: Some("\u{1}".repeat(43)),
                dek_ct: Some("\u{1}".repeat(64)),
            })
            .collect();
        // Nothing in it that is counted for more than it takes.
        let bare = Message {
            attachments: Vec::new(),
            metadata: Default::default(),
            delivered_at: Some(Timestamp::from_unix_millis(1_800_000_000_001)),
            status: Status::Delivered,
            ..large.clone()
        };
        for message in [message(""), bare, large] {
            assert!(frame(&message) <= most_frame(&message));
        }
    }
}
