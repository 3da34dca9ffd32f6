//! Who may write to whom (protocol A6, A4.11).

use crate::key::PublicKey;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Whose messages an inbox takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum InboxPolicy {
    /// Only senders with an allow entry.
    Allowlist,
    /// Everyone but senders with a block entry. The default.
    #[default]
    Blocklist,
    /// Everyone.
    Open,
    /// No one, oneself included.
    Closed,
}

/// What an ACL entry says about a peer. There is one entry per owner and peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum EntryType {
    /// Let in under `allowlist`, and into the reserved quarter of the inbox.
    Allow,
    /// Kept out under `blocklist`.
    Block,
}

/// An entry as a relay shows it: what its owner says about a peer. There is one per owner and peer.
///
/// `Peer` is the key or its written form: a relay that shows thousands of keys, all of which it has checked before, does not
/// check them again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AclEntry<Peer = PublicKey> {
    /// A number that no other entry of the relay has; it stays while the owner has an entry for this peer, whatever its type.
    pub id: i64,
    /// Whose list it is in.
    pub owner_key: PublicKey,
    /// Whom it is about.
    pub peer_key: Peer,
    /// What it says.
    pub entry_type: EntryType,
    /// Since when it says that.
    pub created_at: Timestamp,
}

/// The body of `PUT /v1/agents/{key}/acl/{peer}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EntryRequest {
    /// What the entry is to say from now on.
    pub entry_type: EntryType,
}

/// How sender and recipient stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Sender and recipient are the same agent.
    Oneself,
    /// The recipient has no entry for the sender.
    Stranger,
    /// The recipient has this entry for the sender.
    Listed(EntryType),
}

/// The outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The message is taken.
    Accept,
    /// The message is refused with `acl_denied`; the policy that refused it.
    Deny(InboxPolicy),
}

/// Decides whether an inbox under `policy` takes a message.
pub fn decide(policy: InboxPolicy, relation: Relation) -> Verdict {
    let accepted = match (policy, relation) {
        (InboxPolicy::Closed, _) => false,
        (_, Relation::Oneself) | (InboxPolicy::Open, _) => true,
        (InboxPolicy::Allowlist, relation) => relation == Relation::Listed(EntryType::Allow),
        (InboxPolicy::Blocklist, relation) => relation != Relation::Listed(EntryType::Block),
    };
    if accepted {
        Verdict::Accept
    } else {
        Verdict::Deny(policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table() {
        use InboxPolicy::{Allowlist, Blocklist, Closed, Open};
        let allow = Relation::Listed(EntryType::Allow);
        let block = Relation::Listed(EntryType::Block);
        let table = [
            (Open, [true, true, true, true]),
            (Blocklist, [true, true, true, false]),
            (Allowlist, [true, false, true, false]),
            (Closed, [false, false, false, false]),
        ];
        for (policy, expected) in table {
            for (relation, accepted) in [Relation::Oneself, Relation::Stranger, allow, block]
                .into_iter()
                .zip(expected)
            {
                let verdict = if accepted {
                    Verdict::Accept
                } else {
                    Verdict::Deny(policy)
                };
                assert_eq!(decide(policy, relation), verdict, "{policy:?} {relation:?}");
            }
        }
    }
}
