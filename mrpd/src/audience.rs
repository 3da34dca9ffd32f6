//! Who may: a list of contact names, keys, `@groups` or `*`, and what it says of a sender.
//!
//! Who sent a message is the relay's word unless it is proven. So a list lets in what is proven, unless it says otherwise; and
//! never an unproven message of a peer who was ever seen proving theirs.

use crate::contacts::{Book, ME, Names};
use mrp_proto::key::PublicKey;
use mrpd_api::message::Trust;
use std::collections::{BTreeMap, BTreeSet};

/// What stands before a group's name.
pub const GROUP: char = '@';
/// What stands for everybody.
pub const EVERYBODY: &str = "*";

/// Groups by name, without the `@`: the entries of each.
pub type Groups = BTreeMap<String, Vec<String>>;

/// Why a list of people cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AudienceError {
    /// There is no such group.
    #[error("there is no group \"@{name}\"; {}", those_there_are(known))]
    UnknownGroup {
        /// Its name.
        name: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// The group is a member of itself.
    #[error("the group \"@{name}\" is a member of itself")]
    Circle {
        /// Its name.
        name: String,
    },
    /// Neither a name nor a key.
    #[error("{text:?} is not allowed; expected a contact's name, a key, a @group or \"*\"")]
    Malformed {
        /// What was written.
        text: String,
    },
}

/// What is known of who sent a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The seal or a signature proves it.
    Verified,
    /// Nothing proves it, and nothing ever did for this sender.
    Unverified,
    /// Nothing proves it, although this sender's messages are known to be proven.
    Lapsed,
}

/// What a list says of a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// They may.
    Admitted,
    /// They are not meant.
    NotNamed,
    /// They are no contact, and the list does not say that everybody may.
    Unknown,
    /// They would be let in if it were proven that they are who they are said to be.
    Unverified,
    /// It is not proven, although it always was.
    Lapsed,
}

/// People who may. Contact names are looked up at the time of use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audience {
    everybody: bool,
    known: bool,
    oneself: bool,
    keys: BTreeSet<String>,
    names: BTreeSet<String>,
    accepts_unverified: bool,
}

impl Default for Audience {
    fn default() -> Self {
        Self::known()
    }
}

impl Audience {
    /// All contacts: what is meant where nothing is written.
    pub fn known() -> Self {
        Self {
            everybody: false,
            known: true,
            oneself: false,
            keys: BTreeSet::new(),
            names: BTreeSet::new(),
            accepts_unverified: false,
        }
    }

    /// Reads a list. An empty one lets nobody in.
    ///
    /// # Errors
    /// An [`AudienceError`] for the first entry that cannot be used.
    pub fn parse(entries: &[String], groups: &Groups) -> Result<Self, AudienceError> {
        let mut audience = Self {
            known: false,
            ..Self::known()
        };
        for entry in entries {
            audience.add(entry, groups, &mut Vec::new())?;
        }
        Ok(audience)
    }

    /// The same, but for unproven messages too (`unverified = true`).
    #[must_use]
    pub fn accepting_unverified(mut self) -> Self {
        self.accepts_unverified = true;
        self
    }

    /// Whether everybody is meant.
    pub fn is_everybody(&self) -> bool {
        self.everybody
    }

    /// What it says of a message's sender, by their key.
    pub fn admits(&self, key: &str, proof: Proof, names: &Names) -> Admission {
        if self.everybody {
            return match proof {
                Proof::Lapsed if !self.accepts_unverified => Admission::Lapsed,
                _ => Admission::Admitted,
            };
        }
        let Some(peer) = names.peer(key) else {
            return Admission::Unknown;
        };
        let named = self.keys.contains(key) || (self.oneself && names.is_own(key));
        if !named {
            let folded = peer.name.as_ref().map(|name| name.to_lowercase());
            let by_name = folded.is_some_and(|name| self.names.contains(&name));
            if !by_name && !(self.known) {
                return Admission::NotNamed;
            }
            if peer.trust < Trust::Known {
                return Admission::Unknown;
            }
        }
        match proof {
            Proof::Verified => Admission::Admitted,
            Proof::Lapsed => Admission::Lapsed,
            Proof::Unverified if self.accepts_unverified => Admission::Admitted,
            Proof::Unverified => Admission::Unverified,
        }
    }

    fn add<'a>(
        &mut self,
        entry: &'a str,
        groups: &'a Groups,
        inside: &mut Vec<&'a str>,
    ) -> Result<(), AudienceError> {
        let text = entry.trim();
        if text == EVERYBODY {
            self.everybody = true;
            return Ok(());
        }
        if let Some(name) = text.strip_prefix(GROUP) {
            if inside.contains(&name) {
                let name = name.to_owned();
                return Err(AudienceError::Circle { name });
            }
            let Some(members) = groups.get(name) else {
                return Err(AudienceError::UnknownGroup {
                    name: name.to_owned(),
                    known: groups.keys().cloned().collect(),
                });
            };
            inside.push(name);
            for member in members {
                self.add(member, groups, inside)?;
            }
            inside.pop();
            return Ok(());
        }
        if text == ME {
            self.oneself = true;
        } else if let Ok(card) = crate::contacts::parse_key(text) {
            self.keys.insert(card.key.to_string());
        } else if text.is_empty() || text.contains(':') {
            return Err(AudienceError::Malformed {
                text: text.to_owned(),
            });
        } else {
            self.names.insert(text.to_lowercase());
        }
        Ok(())
    }

    /// The keys of everybody who is named, for sending to them: contacts' as they are now, and `own` where `me` is among them.
    /// Names that nobody bears are given beside them.
    pub fn members(&self, book: &Book, own: Option<PublicKey>) -> (Vec<PublicKey>, Vec<String>) {
        let mut keys: Vec<PublicKey> = self
            .keys
            .iter()
            .filter_map(|key| key.parse().ok())
            .collect();
        keys.extend(own.filter(|own| self.oneself && !keys.contains(own)));
        let mut missing = Vec::new();
        for name in &self.names {
            match book.by_name(name) {
                Some(entry) if keys.contains(&entry.key) => {}
                Some(entry) => keys.push(entry.key),
                None => missing.push(name.clone()),
            }
        }
        (keys, missing)
    }
}

fn those_there_are(known: &[String]) -> String {
    if known.is_empty() {
        return "there are none: they are made in [groups] of mrpd.toml".to_owned();
    }
    format!("known: {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contacts::Contacts;
    use crate::roster::Roster;
    use crate::store::Store;
    use crate::testing;
    use mrp_proto::key::SecretKey;
    use std::sync::Arc;

    fn key(seed: u8) -> String {
        SecretKey::from_seed(&[seed; 32]).public().to_string()
    }

    /// Alice (1) and Bob (2) are contacts, the key of 9 is a local agent's, nobody knows 3.
    async fn names() -> (tempfile::TempDir, Names) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store")).unwrap();
        let file = dir.path().join("contacts.json");
        let text = format!(
            r#"{{"contacts":[{{"name":"Alice","public_key":"{}"}},{{"name":"bob","public_key":"{}"}}]}}"#,
            key(1),
            key(2)
        );
        std::fs::write(&file, text).unwrap();
        let contacts = Contacts::open(file, store).await.unwrap();
        let roster = Roster::of(vec![testing::agent("own", 9)]);
        let names = contacts.names(&Arc::new(roster));
        (dir, names)
    }

    fn audience(entries: &[&str]) -> Audience {
        let groups = Groups::from([
            ("ops".to_owned(), vec!["alice".to_owned(), key(3)]),
            ("all".to_owned(), vec!["@ops".to_owned(), "bob".to_owned()]),
        ]);
        let entries: Vec<String> = entries.iter().map(|&entry| entry.to_owned()).collect();
        Audience::parse(&entries, &groups).unwrap()
    }

    #[tokio::test]
    async fn names_keys_groups_and_everybody() {
        use Admission::{Admitted, NotNamed, Unknown};
        let (_dir, names) = names().await;
        let says = |audience: &Audience, seed| audience.admits(&key(seed), Proof::Verified, &names);
        for (entries, expected) in [
            (&["alice"][..], [Admitted, NotNamed, NotNamed]),
            (&["@ops"], [Admitted, NotNamed, Admitted]),
            (&["@all"], [Admitted, Admitted, Admitted]),
            (&["*"], [Admitted, Admitted, Admitted]),
            (&[], [NotNamed, NotNamed, NotNamed]),
        ] {
            let audience = audience(entries);
            let got = [1, 2, 3].map(|seed| says(&audience, seed));
            assert_eq!(got, expected, "{entries:?}");
        }
        let contacts = Audience::known();
        assert_eq!(
            [1, 2, 3, 9].map(|seed| says(&contacts, seed)),
            [Admitted, Admitted, Unknown, Admitted]
        );
        let oneself = audience(&["me"]);
        let got = [1, 2, 3, 9].map(|seed| says(&oneself, seed));
        assert_eq!(got, [NotNamed, NotNamed, NotNamed, Admitted]);
        let own = key(9).parse().unwrap();
        let (keys, missing) = oneself.members(&Book::default(), Some(own));
        assert_eq!((keys, missing), (vec![own], Vec::new()));
        let card = format!("mrp:{}", key(3));
        assert_eq!(says(&audience(&[&card]), 3), Admitted);
    }

    #[tokio::test]
    async fn who_is_named_must_be_proven() {
        let (_dir, names) = names().await;
        let alice = key(1);
        let named = audience(&["alice"]);
        let says = |audience: &Audience, proof| audience.admits(&alice, proof, &names);
        assert_eq!(says(&named, Proof::Unverified), Admission::Unverified);
        assert_eq!(
            says(&Audience::known(), Proof::Unverified),
            Admission::Unverified
        );
        assert_eq!(
            says(&audience(&["*"]), Proof::Unverified),
            Admission::Admitted
        );
        let everybody = audience(&["*"]);
        assert_eq!(says(&everybody, Proof::Lapsed), Admission::Lapsed);
        let everything = everybody.accepting_unverified();
        assert_eq!(says(&everything, Proof::Lapsed), Admission::Admitted);
        let open = named.accepting_unverified();
        assert_eq!(says(&open, Proof::Unverified), Admission::Admitted);
        assert_eq!(says(&open, Proof::Lapsed), Admission::Lapsed);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let groups = Groups::from([
            ("a".to_owned(), vec!["@b".to_owned()]),
            ("b".to_owned(), vec!["@a".to_owned()]),
        ]);
        let error = |entry: &str| {
            Audience::parse(&[entry.to_owned()], &groups)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(error("@a"), "the group \"@a\" is a member of itself");
        assert_eq!(error("@c"), "there is no group \"@c\"; known: a, b");
        let none = Audience::parse(&["@c".to_owned()], &Groups::new());
        assert_eq!(
            none.unwrap_err().to_string(),
            "there is no group \"@c\"; there are none: they are made in [groups] of mrpd.toml"
        );
        assert!(error("ed25519:short").starts_with("\"ed25519:short\" is not allowed"));
    }
}
