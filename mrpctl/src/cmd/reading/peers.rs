//! What others are called here: the contact's name, else the beginning of the key.

use crate::exit::Failure;
use mrpd_api::client::Client;
use std::collections::HashMap;

pub(super) struct Peers(HashMap<String, String>);

impl Peers {
    pub(super) async fn load(client: &Client) -> Result<Self, Failure> {
        let contacts = client.contacts().await?;
        let names = contacts
            .into_iter()
            .map(|contact| (contact.key.to_string(), contact.name));
        Ok(Self(names.collect()))
    }

    /// Of a key, as text.
    pub(super) fn name(&self, key: &str) -> String {
        match self.0.get(key) {
            Some(name) => name.clone(),
            None => key.chars().take(8).collect(),
        }
    }
}
