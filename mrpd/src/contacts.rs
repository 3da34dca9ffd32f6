//! Contacts: names for keys, in a file that is shared with the published clients, and the settings it has no room for.

mod book;
mod file;
mod recipient;

pub use book::{Book, BookError, Entry};
pub use recipient::{ME, Recipient, ResolveError, resolve};

use crate::roster::Roster;
use crate::store::{ContactExtras, Store, StoreError};
use mrp_proto::key::PublicKey;
use mrpd_api::body::{Contact, ContactChange};
use mrpd_api::card::Card;
use mrpd_api::message::{Peer, Trust};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Keys that are kept in decoded form.
const DECODED_KEYS: usize = 4096;

/// Why a change of the contacts was not made.
#[derive(Debug, thiserror::Error)]
pub enum ContactError {
    /// There is no such contact.
    #[error("there is no contact {name:?}")]
    Unknown {
        /// The name.
        name: String,
    },
    /// The name or the key belongs to another contact.
    #[error("{what}")]
    Exists {
        /// Which, and whose.
        what: String,
    },
    /// A field is missing or breaks a rule.
    #[error("{what}")]
    Invalid {
        /// Which, and what is right.
        what: String,
    },
    /// The shared file cannot be read or written.
    #[error(transparent)]
    Book(#[from] BookError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The contacts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Contacts {
    store: Store,
    state: Arc<Mutex<State>>,
    // One change at a time; held over the write of the file, never by those who only read.
    writing: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug)]
struct State {
    path: PathBuf,
    book: Arc<Book>,
    stamp: Option<file::Stamp>,
    trouble: Option<String>,
    extras: Arc<HashMap<String, ContactExtras>>,
    keys: HashMap<String, PublicKey>,
}

impl Contacts {
    /// Reads the settings beside the file; the file itself is read when it is needed.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn open(path: PathBuf, store: Store) -> Result<Self, StoreError> {
        let extras = Arc::new(store.contact_extras().await?);
        let state = State {
            path,
            book: Arc::default(),
            stamp: None,
            trouble: None,
            extras,
            keys: HashMap::new(),
        };
        Ok(Self {
            store,
            state: Arc::new(Mutex::new(state)),
            writing: Arc::default(),
        })
    }

    /// Uses another file from now on.
    pub fn set_path(&self, path: PathBuf) {
        let mut state = self.state();
        if state.path != path {
            state.path = path;
            state.stamp = None;
        }
    }

    /// The contacts as the file has them now. A file that cannot be read leaves the last ones in force.
    pub fn book(&self) -> Arc<Book> {
        let mut state = self.state();
        state.refresh();
        Arc::clone(&state.book)
    }

    /// What is wrong with the file.
    pub fn trouble(&self) -> Option<String> {
        let mut state = self.state();
        state.refresh();
        state.trouble.clone()
    }

    /// Names and trust for keys, as of now.
    pub fn names(&self, roster: &Arc<Roster>) -> Names {
        let book = self.book();
        Names {
            book,
            extras: Arc::clone(&self.state().extras),
            roster: Arc::clone(roster),
            contacts: self.clone(),
        }
    }

    /// The settings of a contact.
    pub fn extras(&self, key: &PublicKey) -> ContactExtras {
        let extras = Arc::clone(&self.state().extras);
        extras.get(&key.to_string()).cloned().unwrap_or_default()
    }

    /// All contacts, in the file's order.
    pub fn list(&self) -> Vec<Contact> {
        let book = self.book();
        let extras = Arc::clone(&self.state().extras);
        book.entries()
            .map(|entry| contact(entry, &extras))
            .collect()
    }

    /// One contact by its name.
    ///
    /// # Errors
    /// [`ContactError::Unknown`].
    pub fn find(&self, name: &str) -> Result<Contact, ContactError> {
        let book = self.book();
        let entry = book.by_name(name).ok_or_else(|| unknown(name))?;
        let extras = Arc::clone(&self.state().extras);
        Ok(contact(entry, &extras))
    }

    /// Makes a contact, or changes what is given in one that exists. The key of one that exists is never changed.
    ///
    /// # Errors
    /// A [`ContactError`].
    pub async fn put(&self, name: &str, change: ContactChange) -> Result<Contact, ContactError> {
        check_name(name)?;
        let card = change.key.as_deref().map(parse_key).transpose()?;
        let _writing = self.writing.lock().await;
        let known = self.book().by_name(name).cloned();
        if known.is_none() {
            check_new_name(name)?;
        }
        let key = match (&known, &card) {
            (Some(known), Some(card)) if known.key != card.key => {
                let (name, short) = (&known.name, known.key.short());
                return Err(ContactError::Exists {
                    what: format!(
                        "the contact {name:?} has another key ({short}…); remove it first if this one takes its place"
                    ),
                });
            }
            (Some(known), _) => known.key,
            (None, Some(card)) => card.key,
            (None, None) => {
                return Err(ContactError::Invalid {
                    what: format!("there is no contact {name:?} yet; give its key"),
                });
            }
        };
        if known.is_none() || change.note.is_some() {
            let (name, note) = (name.to_owned(), change.note.clone());
            self.rewrite(move |book| book.put(&name, key, note.clone()))
                .await?;
        }
        let mut extras = self.extras(&key);
        extras.encrypt = change.encrypt.or(extras.encrypt);
        extras.trust = change.trust.or(extras.trust);
        extras.relay = card.and_then(|card| card.relay).or(extras.relay);
        self.put_extras(key, extras).await?;
        self.find(name)
    }

    /// Gives a contact another name.
    ///
    /// # Errors
    /// A [`ContactError`].
    pub async fn rename(&self, name: &str, new_name: &str) -> Result<(), ContactError> {
        check_new_name(new_name)?;
        let _writing = self.writing.lock().await;
        let (name, new_name) = (name.to_owned(), new_name.to_owned());
        self.rewrite(move |book| book.rename(&name, &new_name))
            .await
    }

    /// Removes a contact and its settings.
    ///
    /// # Errors
    /// A [`ContactError`].
    pub async fn remove(&self, name: &str) -> Result<(), ContactError> {
        let _writing = self.writing.lock().await;
        let entry = self.book().by_name(name).cloned();
        let key = entry.ok_or_else(|| unknown(name))?.key;
        let name = name.to_owned();
        self.rewrite(move |book| book.remove(&name)).await?;
        self.put_extras(key, ContactExtras::default()).await
    }

    async fn put_extras(&self, key: PublicKey, extras: ContactExtras) -> Result<(), ContactError> {
        let key = key.to_string();
        let kept = Some(extras).filter(|extras| *extras != ContactExtras::default());
        self.store
            .put_contact_extras(key.clone(), kept.clone())
            .await?;
        let mut state = self.state();
        let all = Arc::make_mut(&mut state.extras);
        match kept {
            Some(extras) => all.insert(key, extras),
            None => all.remove(&key),
        };
        Ok(())
    }

    /// Changes the file as it is now, which another program may have changed since it was last read.
    async fn rewrite(
        &self,
        change: impl Fn(&mut Book) -> Result<(), ContactError> + Send + 'static,
    ) -> Result<(), ContactError> {
        let path = self.state().path.clone();
        let rewritten = tokio::task::spawn_blocking(move || Book::rewrite(&path, change)).await;
        self.state().stamp = None;
        rewritten.unwrap_or(Err(ContactError::Store(StoreError::Closed)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn refresh(&mut self) {
        let stamp = file::stamp(&self.path);
        if self.stamp.is_some() && self.stamp == Some(stamp) {
            return;
        }
        self.stamp = Some(stamp);
        match Book::load(&self.path) {
            Ok(book) => {
                self.trouble = book.trouble();
                self.book = Arc::new(book);
            }
            Err(error) => self.trouble = Some(error.to_string()),
        }
    }
}

/// Who is behind a key, by the user's own word: contacts and local agents, never what a peer says of itself.
#[derive(Debug, Clone)]
pub struct Names {
    book: Arc<Book>,
    extras: Arc<HashMap<String, ContactExtras>>,
    roster: Arc<Roster>,
    contacts: Contacts,
}

impl Names {
    /// Who is behind a key; `None` if the text is none.
    pub fn peer(&self, key: &str) -> Option<Peer> {
        let address = self.key(key)?;
        let own = self.roster.agent_by_key(key);
        let entry = self.book.by_key(&address);
        let trust = match (own, entry) {
            (Some(_), _) => Trust::Trusted,
            (None, Some(_)) => self
                .extras
                .get(key)
                .and_then(|extras| extras.trust)
                .unwrap_or(Trust::Known),
            (None, None) => Trust::Unknown,
        };
        let name = entry
            .map(|entry| entry.name.clone())
            .or_else(|| own.map(|own| own.config.name.clone()));
        Some(Peer {
            key: address,
            name,
            short: address.short(),
            trust,
        })
    }

    /// Whether a key is a local agent's.
    pub fn is_own(&self, key: &str) -> bool {
        self.roster.agent_by_key(key).is_some()
    }

    /// A key from its text. Making points is slow, and the same few keys come again and again.
    pub fn key(&self, text: &str) -> Option<PublicKey> {
        if let Some(key) = self.contacts.state().keys.get(text) {
            return Some(*key);
        }
        let key = text.parse().ok()?;
        let mut state = self.contacts.state();
        if state.keys.len() >= DECODED_KEYS {
            state.keys.clear();
        }
        state.keys.insert(text.to_owned(), key);
        Some(key)
    }
}

/// A key as people write it: bare, with its algorithm, or on a card.
pub(crate) fn parse_key(text: &str) -> Result<Card, ContactError> {
    let invalid = |what: String| ContactError::Invalid { what };
    let text = text.trim();
    if Card::is_card(text) {
        let card: Card = text
            .parse()
            .map_err(|error| invalid(format!("key: {error}")))?;
        if let Some(relay) = card.relay.as_ref().filter(|relay| !is_relay(relay)) {
            let what = format!("key: the card's relay {relay:?} is no http or https URL");
            return Err(invalid(what));
        }
        return Ok(card);
    }
    let bare = text.strip_prefix(book::PREFIX).unwrap_or(text);
    let key = bare
        .parse()
        .map_err(|error| invalid(format!("key: {error}")))?;
    Ok(Card {
        key,
        name: None,
        relay: None,
    })
}

fn is_relay(url: &str) -> bool {
    let scheme = url.split("://").next().unwrap_or_default();
    ["http", "https"]
        .iter()
        .any(|one| scheme.eq_ignore_ascii_case(one))
}

fn contact(entry: &Entry, extras: &HashMap<String, ContactExtras>) -> Contact {
    let settings = extras.get(&entry.key.to_string()).cloned();
    let settings = settings.unwrap_or_default();
    Contact {
        name: entry.name.clone(),
        key: entry.key,
        note: entry.note.clone(),
        encrypt: settings.encrypt,
        trust: settings.trust.unwrap_or(Trust::Known),
        relay: settings.relay,
    }
}

fn check_name(name: &str) -> Result<(), ContactError> {
    book::check_name(name).map_err(|what| ContactError::Invalid { what })
}

/// A new name must not mean somebody else already, nor anything else where a name is written: a group, an option, a folder. What
/// other programs have written into the file is taken as it is.
fn check_new_name(name: &str) -> Result<(), ContactError> {
    check_name(name)?;
    let what = if name == recipient::ME || name.parse::<PublicKey>().is_ok() {
        format!("name: {name:?} means a key already; choose another one")
    } else if name.starts_with(['@', '-']) {
        format!("name: {name:?} must not begin with @, as groups do, nor with -, as options do")
    } else if matches!(name, "." | "..") || name.contains(['/', '\\']) {
        format!(
            "name: {name:?} must be usable as the name of a folder: no slashes, and not . or .."
        )
    } else {
        return Ok(());
    };
    Err(ContactError::Invalid { what })
}

fn unknown(name: &str) -> ContactError {
    ContactError::Unknown {
        name: name.to_owned(),
    }
}

#[cfg(test)]
mod tests;
