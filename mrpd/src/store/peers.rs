//! What is remembered about others: the user's settings beside the shared contacts file, who seals, which profiles were put, which
//! signatures relays take.

use super::record::{decode, encode};
use super::schema::{BINDABLE, CONTACTS, PROFILES, SEALERS, VERIFIED};
use super::{Store, StoreError};
use mrp_client::{Bindable, RelayUrl};
use mrpd_api::body::Encrypt;
use mrpd_api::message::Trust;
use redb::ReadableTable as _;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What the shared contacts file has no room for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContactExtras {
    /// Whether messages are sealed.
    pub encrypt: Option<Encrypt>,
    /// How far the contact is trusted.
    pub trust: Option<Trust>,
    /// Relay that its card named.
    pub relay: Option<String>,
}

impl Store {
    /// All of them, by key.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn contact_extras(&self) -> Result<HashMap<String, ContactExtras>, StoreError> {
        self.read(|transaction| {
            let mut all = HashMap::new();
            for entry in transaction.open_table(CONTACTS)?.iter()? {
                let (key, bytes) = entry?;
                all.insert(key.value().to_owned(), decode(bytes.value())?);
            }
            Ok(all)
        })
        .await
    }

    /// Remembers settings, or drops them.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn put_contact_extras(
        &self,
        key: String,
        extras: Option<ContactExtras>,
    ) -> Result<(), StoreError> {
        self.write(move |transaction| {
            let mut contacts = transaction.tables().open_table(CONTACTS)?;
            match extras {
                Some(extras) => contacts.insert(key.as_str(), encode(&extras)?.as_slice())?,
                None => contacts.remove(key.as_str())?,
            };
            Ok(())
        })
        .await
    }

    /// Whether a key was ever seen sealing, or saying that it can.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn is_sealer(&self, key: String) -> Result<bool, StoreError> {
        self.read(move |transaction| {
            let sealers = transaction.open_table(SEALERS)?;
            Ok(sealers.get(key.as_str())?.is_some())
        })
        .await
    }

    /// Remembers that a key can open what is sealed. No relay can talk it down.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn remember_sealer(&self, key: String) -> Result<(), StoreError> {
        self.write(move |transaction| {
            let mut sealers = transaction.tables().open_table(SEALERS)?;
            sealers.insert(key.as_str(), ())?;
            Ok(())
        })
        .await
    }

    /// Whether a message of this key was ever verified, by its seal or its signature. From then on what only a relay says to come
    /// from it is not taken for its word. It is remembered for ever, longer than the messages themselves.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn was_verified(&self, key: String) -> Result<bool, StoreError> {
        self.read(move |transaction| {
            let verified = transaction.open_table(VERIFIED)?;
            Ok(verified.get(key.as_str())?.is_some())
        })
        .await
    }

    /// The profile that an agent last put to a relay.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn profile(&self, whose: String) -> Result<Option<String>, StoreError> {
        self.read(move |transaction| {
            let profiles = transaction.open_table(PROFILES)?;
            let text = profiles.get(whose.as_str())?;
            Ok(text.map(|text| text.value().to_owned()))
        })
        .await
    }

    /// Remembers the profile that an agent put to a relay.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn put_profile(&self, whose: String, profile: String) -> Result<(), StoreError> {
        self.write(move |transaction| {
            let mut profiles = transaction.tables().open_table(PROFILES)?;
            profiles.insert(whose.as_str(), profile.as_str())?;
            Ok(())
        })
        .await
    }

    /// Which bound signatures a relay was ever known to take.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn bindable(&self, relay: &RelayUrl) -> Result<Bindable, StoreError> {
        let relay = relay.to_string();
        self.read(move |transaction| {
            let bindable = transaction.open_table(BINDABLE)?;
            match bindable.get(relay.as_str())? {
                Some(bytes) => decode(bytes.value()),
                None => Ok(Bindable::default()),
            }
        })
        .await
    }

    /// Remembers which bound signatures a relay takes. It is not to be talked down, so nothing is ever taken back.
    ///
    /// # Errors
    /// A [`StoreError`].
    pub async fn remember_bindable(
        &self,
        relay: &RelayUrl,
        bindable: Bindable,
    ) -> Result<(), StoreError> {
        let relay = relay.to_string();
        self.write(move |transaction| {
            let mut table = transaction.tables().open_table(BINDABLE)?;
            let known = match table.get(relay.as_str())? {
                Some(bytes) => decode(bytes.value())?,
                None => Bindable::default(),
            };
            table.insert(relay.as_str(), encode(&known.or(bindable))?.as_slice())?;
            Ok(())
        })
        .await
    }
}
