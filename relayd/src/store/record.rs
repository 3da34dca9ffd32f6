//! How records are written: a message's row, its entry in an index, and the tags by which an index is searched.
//!
//! A row is a head of fixed size and the message's content as JSON, body bytes unchanged. The head has what must be known without
//! parsing; what changes when a message is delivered is not in the row at all, so that no body is ever copied for it.

use super::clock::{from_millis, to_millis};
use super::failure::Failure;
use mrp_proto::id::MessageId;
use mrp_proto::message::{Attachment, Draft, Metadata};
use mrp_proto::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// An agent's key, as tables have it.
pub(super) type AgentKey = [u8; 32];

/// The start of an agent's key, by which it is known where its whole key would be long, and a mistake harmless: to make a key that
/// begins as a given one takes 2^96 tries, and two of one's own that begin alike 2^48.
pub(super) type AgentStart = [u8; 12];

pub(super) fn agent_start(agent: &AgentKey) -> AgentStart {
    leading(agent)
}

/// A name for a thread id (or another text) of any length.
pub(super) type TextHash = [u8; 16];

pub(super) fn text_hash(text: &str) -> TextHash {
    leading(&Sha256::digest(text.as_bytes()))
}

/// The first bytes of `bytes`, which has at least that many.
pub(super) fn leading<const N: usize>(bytes: &[u8]) -> [u8; N] {
    std::array::from_fn(|index| bytes.get(index).copied().unwrap_or(0))
}

/// Whether a row still has its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowState {
    Live,
    Expired,
}

/// The head of a message's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) state: RowState,
    pub(super) sender: AgentKey,
    pub(super) recipient: AgentKey,
    pub(super) created: Timestamp,
    pub(super) expires: Timestamp,
    /// Known here only once the row is expired; before that the index of delivered messages has it.
    pub(super) delivered: Option<Timestamp>,
    /// The random part of the message id.
    pub(super) random: [u8; 6],
    /// What the message counts against quotas, for as long as it lives.
    pub(super) size: u32,
    pub(super) thread: Option<TextHash>,
}

impl Head {
    /// Bytes of a written head.
    pub(super) const LENGTH: usize = 1 + 32 + 32 + 8 + 8 + 8 + 6 + 4 + 1 + 16;

    pub(super) fn message_id(&self) -> MessageId {
        MessageId::compose(self.created, self.random)
    }

    /// Writes the head to the beginning of `row`.
    pub(super) fn write(&self, row: &mut [u8]) {
        let state = match self.state {
            RowState::Live => 0,
            RowState::Expired => 1,
        };
        put_all(
            row,
            &[
                &[state],
                &self.sender,
                &self.recipient,
                &to_millis(self.created).to_be_bytes(),
                &to_millis(self.expires).to_be_bytes(),
                &self.delivered.map_or(0, to_millis).to_be_bytes(),
                &self.random,
                &self.size.to_be_bytes(),
                &[u8::from(self.thread.is_some())],
                &self.thread.unwrap_or_default(),
            ],
        );
    }

    /// Reads the head, and what comes behind it: the content.
    pub(super) fn read(row: &[u8]) -> Result<(Self, &[u8]), Failure> {
        let mut fields = Fields(row);
        let state = match fields.take::<1>()? {
            [0] => RowState::Live,
            [1] => RowState::Expired,
            _ => return Err(Failure::corrupt("a message's state")),
        };
        let head = Self {
            state,
            sender: fields.take()?,
            recipient: fields.take()?,
            created: fields.time()?,
            expires: fields.time()?,
            delivered: fields.optional_time()?,
            random: fields.take()?,
            size: fields.number()?,
            thread: match fields.take::<1>()? {
                [0] => {
                    fields.take::<16>()?;
                    None
                }
                _ => Some(fields.take()?),
            },
        };
        Ok((head, fields.0))
    }
}

/// An entry of an index of an inbox: enough to search it without touching the messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) sender: AgentKey,
    pub(super) expires: Timestamp,
    pub(super) delivered: Option<Timestamp>,
    pub(super) thread: TextTag,
    pub(super) reply: TextTag,
    pub(super) size: u32,
}

/// Beginning of a text's hash, zero where there is no text. Not unique: what it finds is compared in full.
pub(super) type TextTag = [u8; 4];

pub(super) fn text_tag(text: Option<&str>) -> TextTag {
    text.map_or([0; 4], |text| leading(&text_hash(text)))
}

impl Entry {
    pub(super) const LENGTH: usize = 32 + 8 + 8 + 4 + 4 + 4;

    pub(super) fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        put_all(
            &mut bytes,
            &[
                &self.sender,
                &to_millis(self.expires).to_be_bytes(),
                &self.delivered.map_or(0, to_millis).to_be_bytes(),
                &self.thread,
                &self.reply,
                &self.size.to_be_bytes(),
            ],
        );
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Result<Self, Failure> {
        let mut fields = Fields(bytes);
        Ok(Self {
            sender: fields.take()?,
            expires: fields.time()?,
            delivered: fields.optional_time()?,
            thread: fields.take()?,
            reply: fields.take()?,
            size: fields.number()?,
        })
    }
}

/// Writes fields one behind the other.
fn put_all(mut record: &mut [u8], fields: &[&[u8]]) {
    for field in fields {
        let (place, behind) = record.split_at_mut(field.len());
        place.copy_from_slice(field);
        record = behind;
    }
}

/// Reads a record field by field.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        let (field, rest) = self
            .0
            .split_first_chunk()
            .ok_or_else(|| Failure::corrupt("a record that is too short"))?;
        self.0 = rest;
        Ok(*field)
    }

    pub(super) fn number(&mut self) -> Result<u32, Failure> {
        Ok(u32::from_be_bytes(self.take()?))
    }

    pub(super) fn count(&mut self) -> Result<u64, Failure> {
        Ok(u64::from_be_bytes(self.take()?))
    }

    pub(super) fn time(&mut self) -> Result<Timestamp, Failure> {
        Ok(from_millis(self.count()?))
    }

    /// Zero stands for none.
    pub(super) fn optional_time(&mut self) -> Result<Option<Timestamp>, Failure> {
        let millis = self.count()?;
        Ok((millis != 0).then(|| from_millis(millis)))
    }
}

/// What the relay passes on without looking at it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Content {
    pub(super) content_type: String,
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) body: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) attachments: Vec<Attachment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) thread_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) in_reply_to: Option<String>,
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub(super) metadata: Metadata,
}

impl Content {
    pub(super) fn of(draft: Draft) -> Self {
        Self {
            content_type: draft.content_type,
            body: draft.body,
            attachments: draft.attachments,
            thread_id: draft.thread_id,
            in_reply_to: draft.in_reply_to,
            metadata: draft.metadata,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("text, raw JSON and maps of text can be written")
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Failure> {
        serde_json::from_slice(bytes).map_err(|_| Failure::corrupt("a message's content"))
    }
}

/// Tells an explicit `null` from an absent field.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

/// A message id of ours as a number: the second in the upper bits, so that new ids come last, the random part in the lower ones.
/// `None` for ids that this relay cannot have made.
pub(super) fn id_number(id: &MessageId) -> Option<u128> {
    let (seconds, hex) = id.as_str().strip_prefix("msg_")?.split_once('_')?;
    let number = id_parts_number(
        seconds.parse().ok()?,
        u64::from_str_radix(hex, 16)
            .ok()
            .filter(|_| hex.len() == 12)?,
    );
    // One spelling only: neither leading zeros nor upper case.
    let random: [u8; 6] = std::array::from_fn(|index| number.to_be_bytes()[10 + index]);
    let created = Timestamp::from_unix_millis(seconds.parse::<i64>().ok()?.checked_mul(1000)?);
    (MessageId::compose(created, random) == *id).then_some(number)
}

/// As [`id_number`], of a row.
pub(super) fn head_id_number(head: &Head) -> u128 {
    let mut random = [0; 8];
    random[2..].copy_from_slice(&head.random);
    let seconds = u64::try_from(head.created.unix_seconds()).unwrap_or(0);
    id_parts_number(seconds, u64::from_be_bytes(random))
}

fn id_parts_number(seconds: u64, random: u64) -> u128 {
    u128::from(seconds) << 48 | u128::from(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head {
            state: RowState::Expired,
            sender: [1; 32],
            recipient: [2; 32],
            created: from_millis(1_772_611_200_123),
            expires: from_millis(1_772_611_260_123),
            delivered: Some(from_millis(1_772_611_201_000)),
            random: [0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6],
            size: 77,
            thread: Some([9; 16]),
        }
    }

    #[test]
    fn a_head_is_read_as_it_was_written() {
        for head in [
            head(),
            Head {
                state: RowState::Live,
                delivered: None,
                thread: None,
                ..head()
            },
        ] {
            let mut row = vec![0; Head::LENGTH + 3];
            head.write(&mut row);
            row[Head::LENGTH..].copy_from_slice(b"xyz");
            assert_eq!(Head::read(&row).unwrap(), (head, b"xyz".as_slice()));
        }
        assert!(Head::read(&[0; Head::LENGTH - 1]).is_err());
        assert!(Head::read(&[2; Head::LENGTH]).is_err());
    }

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        let entry = Entry {
            sender: [1; 32],
            expires: from_millis(5),
            delivered: Some(from_millis(4)),
            thread: [2; 4],
            reply: [3; 4],
            size: 6,
        };
        assert_eq!(Entry::from_bytes(&entry.to_bytes()).unwrap(), entry);
    }

    #[test]
    fn ids_are_found_by_the_one_spelling_they_were_given_out_in() {
        let head = head();
        let id = head.message_id();
        assert_eq!(id.as_str(), "msg_1772611200_a1b2c3d4e5f6");
        assert_eq!(id_number(&id), Some(head_id_number(&head)));
        for other in [
            "msg_1772611200_A1B2C3D4E5F6",
            "msg_01772611200_a1b2c3d4e5f6",
            "msg_1772611200_a1b2c3d4e5f",
            "msg_1772611200_0a1b2c3d4e5f6",
            "msg_x",
            "msg_18446744073709551615_a1b2c3d4e5f6",
        ] {
            assert_eq!(id_number(&other.parse().unwrap()), None, "{other}");
        }
    }

    #[test]
    fn a_null_body_is_kept_apart_from_an_absent_one() {
        for (json, body) in [
            (r#"{"content_type":"a","body":null}"#, Some("null")),
            (r#"{"content_type":"a"}"#, None),
            (
                r#"{"content_type":"a","body": {"x": 1.10}}"#,
                Some(r#"{"x": 1.10}"#),
            ),
        ] {
            let content = Content::decode(json.as_bytes()).unwrap();
            assert_eq!(content.body.as_deref().map(RawValue::get), body);
            let again = Content::decode(&content.encode()).unwrap();
            assert_eq!(again.body.as_deref().map(RawValue::get), body);
        }
    }
}
