//! Agents' access lists (protocol A6).
//!
//! One row an entry. Entries are shown in the order of their *turns*: a new entry takes the next turn, and one whose type changes
//! takes the next turn again, with a new time but under its old id. A PUT that changes nothing leaves the entry where it is.
//!
//! The row of an owner with itself, which is never an entry, holds how many entries there are, so that the limit is checked
//! without counting them.

use super::claims::{self, ReplayClaim};
use super::clock::{from_millis, to_millis};
use super::failure::{Failure, Stop};
use super::pair::Pair;
use super::queue::Admission;
use super::record::{AgentKey, Fields};
use super::tables::{ACL, ACL_ALLOW, ACL_BLOCK, KeyBytes, Tables, meta};
use super::{Store, StoreError};
use mrp_proto::acl::{AclEntry, EntryType};
use mrp_proto::base64url;
use mrp_proto::key::PublicKey;
use mrp_proto::time::Timestamp;
use redb::ReadableTable;

/// Why an access list was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AclError {
    /// The signature took effect before.
    #[error("the signature was used before")]
    Replay,
    /// There is no entry for this peer.
    #[error("this agent's access list says nothing about that peer")]
    NotFound,
    /// There is no room for another entry.
    #[error(
        "an access list may have {limit} entries, with this one {actual}; delete some that are not needed"
    )]
    Full {
        /// The limit.
        limit: u64,
        /// What it would be with this entry.
        actual: u64,
    },
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Makes an agent's entry for a peer, or changes the one there is. `most` is how many entries the agent may have, 0 for any
    /// number. `peer` is another agent than `owner`.
    ///
    /// # Errors
    /// [`AclError`]; nothing is changed then, unless it is [`StoreError::Unavailable`].
    pub async fn put_acl_entry(
        &self,
        owner: PublicKey,
        peer: PublicKey,
        entry_type: EntryType,
        most: u64,
        claim: ReplayClaim,
        now: Timestamp,
    ) -> Result<AclEntry, AclError> {
        let claim = claims::Key::of(&claim);
        let row = self
            .write(Admission::Other, move |tables| {
                let now = tables.clock.observe(now);
                claims::refuse_used(tables, &claim, AclError::Replay)?;
                let row = put(
                    tables,
                    owner.as_bytes(),
                    peer.as_bytes(),
                    entry_type,
                    most,
                    now,
                )?;
                claims::store(tables, &claim)?;
                Ok::<_, Stop<AclError>>(row)
            })
            .await?;
        Ok(row.entry(owner, peer))
    }

    /// Removes an agent's entry for a peer.
    ///
    /// # Errors
    /// [`AclError`]; nothing is changed then, unless it is [`StoreError::Unavailable`].
    pub async fn delete_acl_entry(
        &self,
        owner: PublicKey,
        peer: PublicKey,
        claim: ReplayClaim,
        now: Timestamp,
    ) -> Result<(), AclError> {
        let claim = claims::Key::of(&claim);
        self.write(Admission::Other, move |tables| {
            tables.clock.observe(now);
            claims::refuse_used(tables, &claim, AclError::Replay)?;
            delete(tables, owner.as_bytes(), peer.as_bytes())?;
            Ok(claims::store(tables, &claim)?)
        })
        .await
    }

    /// An agent's entry for a peer, if there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn acl_entry(
        &self,
        owner: PublicKey,
        peer: PublicKey,
    ) -> Result<Option<AclEntry>, StoreError> {
        let row = self
            .read(move |view| {
                let acl = view.transaction.open_table(ACL)?;
                find(&acl, owner.as_bytes(), peer.as_bytes())
            })
            .await?;
        Ok(row.map(|row| row.entry(owner, peer)))
    }

    /// An agent's entries, all or those of a type, the newest last.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn acl_entries(
        &self,
        owner: PublicKey,
        entry_type: Option<EntryType>,
    ) -> Result<Vec<AclEntry<String>>, StoreError> {
        self.read(move |view| {
            let acl = view.transaction.open_table(ACL)?;
            let mut rows = Vec::new();
            for found in acl.range(all_of(owner.as_bytes()))? {
                let (key, value) = found?;
                let (_, peer) = key.value();
                if peer == owner.as_bytes() {
                    continue;
                }
                let row = Row::read(value.value())?;
                if entry_type.is_none_or(|wanted| wanted == row.entry_type) {
                    rows.push((row, *peer));
                }
            }
            rows.sort_unstable_by_key(|(row, _)| row.turn);
            // The keys were checked when they were put in.
            let entry = |(row, peer): (Row, AgentKey)| row.entry(owner, base64url::encode(&peer));
            Ok(rows.into_iter().map(entry).collect())
        })
        .await
    }
}

/// How many entries an agent has.
pub(super) fn count(
    acl: &impl ReadableTable<Pair<KeyBytes, KeyBytes>, &'static [u8]>,
    owner: &AgentKey,
) -> Result<u64, Failure> {
    match acl.get((owner, owner))? {
        None => Ok(0),
        Some(row) => Ok(u64::from_be_bytes(Fields(row.value()).take()?)),
    }
}

/// The keys of everything that an agent has in the table.
pub(super) fn all_of(owner: &AgentKey) -> std::ops::RangeInclusive<(&AgentKey, &'static AgentKey)> {
    (owner, &[0; 32])..=(owner, &[0xff; 32])
}

/// The value of an entry; its key has owner and peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    entry_type: EntryType,
    id: u64,
    turn: u64,
    since: Timestamp,
}

impl Row {
    fn read(bytes: &[u8]) -> Result<Self, Failure> {
        let mut fields = Fields(bytes);
        Ok(Self {
            entry_type: match fields.take()? {
                [ACL_ALLOW] => EntryType::Allow,
                [ACL_BLOCK] => EntryType::Block,
                _ => return Err(Failure::corrupt("an access entry")),
            },
            id: u64::from_be_bytes(fields.take()?),
            turn: u64::from_be_bytes(fields.take()?),
            since: from_millis(u64::from_be_bytes(fields.take()?)),
        })
    }

    fn write(&self) -> Vec<u8> {
        let entry_type = match self.entry_type {
            EntryType::Allow => ACL_ALLOW,
            EntryType::Block => ACL_BLOCK,
        };
        let numbers = [self.id, self.turn, to_millis(self.since)];
        let mut bytes = vec![entry_type];
        bytes.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
        bytes
    }

    fn entry<Peer>(self, owner_key: PublicKey, peer_key: Peer) -> AclEntry<Peer> {
        AclEntry {
            id: self.id.cast_signed(),
            owner_key,
            peer_key,
            entry_type: self.entry_type,
            created_at: self.since,
        }
    }
}

fn find(
    acl: &impl ReadableTable<Pair<KeyBytes, KeyBytes>, &'static [u8]>,
    owner: &AgentKey,
    peer: &AgentKey,
) -> Result<Option<Row>, Failure> {
    if owner == peer {
        return Ok(None);
    }
    let found = acl.get((owner, peer))?;
    found.map(|row| Row::read(row.value())).transpose()
}

fn put(
    tables: &mut Tables<'_>,
    owner: &AgentKey,
    peer: &AgentKey,
    entry_type: EntryType,
    most: u64,
    now: Timestamp,
) -> Result<Row, Stop<AclError>> {
    let row = match find(&tables.acl, owner, peer)? {
        Some(row) if row.entry_type == entry_type => return Ok(row),
        Some(row) => Row {
            entry_type,
            turn: next_number(tables)?,
            since: now,
            ..row
        },
        None => {
            let actual = count(&tables.acl, owner)? + 1;
            if most != 0 && actual > most {
                let limit = most;
                return Err(Stop::Refused(AclError::Full { limit, actual }));
            }
            set_count(tables, owner, actual)?;
            let number = next_number(tables)?;
            Row {
                entry_type,
                id: number,
                turn: number,
                since: now,
            }
        }
    };
    tables.acl.insert((owner, peer), row.write().as_slice())?;
    Ok(row)
}

fn delete(
    tables: &mut Tables<'_>,
    owner: &AgentKey,
    peer: &AgentKey,
) -> Result<(), Stop<AclError>> {
    if find(&tables.acl, owner, peer)?.is_none() {
        return Err(Stop::Refused(AclError::NotFound));
    }
    tables.acl.remove((owner, peer))?;
    let left = count(&tables.acl, owner)?.saturating_sub(1);
    Ok(set_count(tables, owner, left)?)
}

fn set_count(tables: &mut Tables<'_>, owner: &AgentKey, count: u64) -> Result<(), Failure> {
    if count == 0 {
        tables.acl.remove((owner, owner))?;
    } else {
        let bytes = count.to_be_bytes();
        tables.acl.insert((owner, owner), bytes.as_slice())?;
    }
    Ok(())
}

/// Ids and turns are of one series, so that none is used twice on this relay.
fn next_number(tables: &mut Tables<'_>) -> Result<u64, Failure> {
    let last = tables.meta.get(meta::ACL_NUMBER)?.map(|last| last.value());
    let next = last.unwrap_or(0) + 1;
    tables.meta.insert(meta::ACL_NUMBER, next)?;
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::super::{AcceptError, Acceptance};
    use super::*;
    use mrp_proto::acl::InboxPolicy;

    const MOST: u64 = 3;

    async fn put(
        store: &Store,
        owner: u8,
        peer: u8,
        entry_type: EntryType,
        seconds: u64,
    ) -> Result<AclEntry, AclError> {
        let (owner, now) = (agent(owner), at(seconds));
        let claim = claim(owner, now);
        store
            .put_acl_entry(owner, agent(peer), entry_type, MOST, claim, now)
            .await
    }

    async fn delete(store: &Store, owner: u8, peer: u8) -> Result<(), AclError> {
        let owner = agent(owner);
        let claim = claim(owner, at(9));
        store
            .delete_acl_entry(owner, agent(peer), claim, at(9))
            .await
    }

    async fn peers(store: &Store, owner: u8, entry_type: Option<EntryType>) -> Vec<String> {
        let entries = store.acl_entries(agent(owner), entry_type).await.unwrap();
        entries.into_iter().map(|entry| entry.peer_key).collect()
    }

    fn keys(numbers: &[u8]) -> Vec<String> {
        numbers
            .iter()
            .map(|number| agent(*number).to_string())
            .collect()
    }

    async fn send_to_2(store: &Store, sender: u8) -> Result<Acceptance, AcceptError> {
        let submission = send(agent(sender), agent(2), "1", at(0));
        store.accept_message(submission).await
    }

    #[tokio::test]
    async fn the_newest_is_last_and_a_change_of_type_makes_an_entry_new() {
        let store = empty_store();
        let mut ids = Vec::new();
        for peer in [5, 3, 4] {
            ids.push(put(&store, 1, peer, EntryType::Allow, 1).await.unwrap().id);
        }
        assert_eq!(peers(&store, 1, None).await, keys(&[5, 3, 4]));
        let same = put(&store, 1, 5, EntryType::Allow, 7).await.unwrap();
        assert_eq!((same.id, same.created_at), (ids[0], at(1)));
        assert_eq!(peers(&store, 1, None).await, keys(&[5, 3, 4]));
        let changed = put(&store, 1, 5, EntryType::Block, 8).await.unwrap();
        assert_eq!((changed.id, changed.created_at), (ids[0], at(8)));
        assert_eq!(peers(&store, 1, None).await, keys(&[3, 4, 5]));
        assert_eq!(
            peers(&store, 1, Some(EntryType::Allow)).await,
            keys(&[3, 4])
        );
        assert_eq!(peers(&store, 1, Some(EntryType::Block)).await, keys(&[5]));
        let found = store.acl_entry(agent(1), agent(5)).await.unwrap();
        assert_eq!(found, Some(changed));
    }

    #[tokio::test]
    async fn ids_are_the_relays_and_none_is_used_twice() {
        let store = empty_store();
        let mut ids = std::collections::HashSet::new();
        for owner in [1, 2] {
            for _ in 0..2 {
                let entry = put(&store, owner, 7, EntryType::Allow, 0).await.unwrap();
                assert!(ids.insert(entry.id), "{entry:?}");
                delete(&store, owner, 7).await.unwrap();
            }
        }
    }

    #[tokio::test]
    async fn a_full_list_takes_changes_but_no_more_entries() {
        let store = empty_store();
        for peer in [2, 3, 4] {
            put(&store, 1, peer, EntryType::Allow, 0).await.unwrap();
        }
        let full = Err(AclError::Full {
            limit: 3,
            actual: 4,
        });
        assert_eq!(put(&store, 1, 5, EntryType::Allow, 0).await, full);
        assert!(put(&store, 1, 4, EntryType::Block, 0).await.is_ok());
        assert!(put(&store, 9, 5, EntryType::Allow, 0).await.is_ok());
        assert_eq!(delete(&store, 1, 5).await, Err(AclError::NotFound));
        delete(&store, 1, 2).await.unwrap();
        assert!(put(&store, 1, 5, EntryType::Allow, 0).await.is_ok());
        assert_eq!(put(&store, 1, 2, EntryType::Allow, 0).await, full);
        assert_eq!(peers(&store, 1, None).await.len(), 3);
    }

    #[tokio::test]
    async fn nobody_has_an_entry_for_itself() {
        let store = empty_store();
        put(&store, 1, 2, EntryType::Allow, 0).await.unwrap();
        assert_eq!(store.acl_entry(agent(1), agent(1)).await, Ok(None));
        assert_eq!(delete(&store, 1, 1).await, Err(AclError::NotFound));
        assert_eq!(peers(&store, 1, None).await, keys(&[2]));
    }

    #[tokio::test]
    async fn a_signature_changes_a_list_once() {
        let store = empty_store();
        let claim = claim(agent(1), at(0));
        let put = |entry_type| {
            store.put_acl_entry(agent(1), agent(2), entry_type, 0, claim.clone(), at(0))
        };
        put(EntryType::Allow).await.unwrap();
        assert_eq!(put(EntryType::Block).await, Err(AclError::Replay));
        let deleting = store.delete_acl_entry(agent(1), agent(2), claim.clone(), at(0));
        assert_eq!(deleting.await, Err(AclError::Replay));
        let entry = store.acl_entry(agent(1), agent(2)).await.unwrap().unwrap();
        assert_eq!(entry.entry_type, EntryType::Allow);
    }

    #[tokio::test]
    async fn the_next_message_meets_the_list_as_it_is() {
        let store = empty_store();
        let denied = Err(AcceptError::Denied(InboxPolicy::Blocklist));
        assert!(send_to_2(&store, 3).await.is_ok());
        put(&store, 2, 3, EntryType::Block, 0).await.unwrap();
        assert_eq!(send_to_2(&store, 3).await, denied);
        assert!(send_to_2(&store, 4).await.is_ok());
        put(&store, 2, 3, EntryType::Allow, 0).await.unwrap();
        assert!(send_to_2(&store, 3).await.is_ok());
        put(&store, 2, 3, EntryType::Block, 0).await.unwrap();
        delete(&store, 2, 3).await.unwrap();
        assert!(send_to_2(&store, 3).await.is_ok());
        assert_eq!(waiting(&store, agent(2), at(0)).await.len(), 4);
    }

    #[tokio::test]
    async fn a_deleted_agent_leaves_no_entry_and_no_count() {
        let store = empty_store();
        for peer in [2, 3, 4] {
            put(&store, 1, peer, EntryType::Block, 0).await.unwrap();
        }
        let deleting = store.delete_agent(agent(1), claim(agent(1), at(0)), at(0));
        deleting.await.unwrap();
        assert!(peers(&store, 1, None).await.is_empty());
        for peer in [5, 6, 7] {
            assert!(put(&store, 1, peer, EntryType::Allow, 0).await.is_ok());
        }
    }
}
