//! How many uploads may be under way: in all, of one place before it is known who uploads, of one agent afterwards (protocol A5.7).

use crate::client_address::{ClientAddress, Place};
use crate::config::Config;
use mrp_proto::key::PublicKey;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const IN_ALL: usize = 64;
const PER_PLACE: usize = 8;
const PER_AGENT: usize = 4;

/// Too many uploads at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{whose} {limit} uploads at a time; try again when one is done")]
pub(crate) struct Busy {
    whose: &'static str,
    pub(crate) limit: usize,
}

/// The uploads that are under way.
#[derive(Debug, Clone)]
pub(crate) struct Uploads(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    /// A private relay's clients share one address.
    counts_places: bool,
    all: usize,
    places: HashMap<Place, usize>,
    agents: HashMap<PublicKey, usize>,
}

/// One upload's part of the counts.
#[derive(Debug)]
pub(crate) struct Slot {
    uploads: Uploads,
    holder: Holder,
}

#[derive(Debug, Clone, Copy)]
enum Holder {
    /// Of a place that nothing is counted for, if it is none.
    Place(Option<Place>),
    Agent(PublicKey),
}

impl Uploads {
    pub(super) fn new(config: &Config) -> Self {
        Self(Arc::new(Mutex::new(Counts {
            counts_places: !config.is_private(),
            ..Counts::default()
        })))
    }

    /// Lets an upload begin.
    pub(crate) fn begin(&self, client: &ClientAddress) -> Result<Slot, Busy> {
        let mut counts = self.lock();
        if counts.all >= IN_ALL {
            return Err(Busy {
                whose: "this relay takes",
                limit: IN_ALL,
            });
        }
        let place = client.place().filter(|_| counts.counts_places);
        if let Some(place) = place {
            take(&mut counts.places, place, PER_PLACE).map_err(|limit| Busy {
                whose: "an address may have",
                limit,
            })?;
        }
        counts.all += 1;
        Ok(Slot {
            uploads: self.clone(),
            holder: Holder::Place(place),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// It is known now whose upload it is.
    pub(crate) fn assign(&mut self, agent: PublicKey) -> Result<(), Busy> {
        let mut counts = self.uploads.lock();
        take(&mut counts.agents, agent, PER_AGENT).map_err(|limit| Busy {
            whose: "an agent may have",
            limit,
        })?;
        counts.leave(self.holder);
        self.holder = Holder::Agent(agent);
        Ok(())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.uploads.lock();
        counts.leave(self.holder);
        counts.all = counts.all.saturating_sub(1);
    }
}

impl Counts {
    fn leave(&mut self, holder: Holder) {
        match holder {
            Holder::Place(Some(place)) => give_back(&mut self.places, &place),
            Holder::Place(None) => {}
            Holder::Agent(agent) => give_back(&mut self.agents, &agent),
        }
    }
}

/// Counts one more, or says what the limit is.
fn take<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: K, limit: usize) -> Result<(), usize> {
    let count = counts.entry(key).or_default();
    if *count >= limit {
        return Err(limit);
    }
    *count += 1;
    Ok(())
}

fn give_back<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_address::Peer;
    use mrp_proto::key::SecretKey;

    fn uploads(assignment: &str) -> Uploads {
        let mut config = Config::default();
        config.set(assignment).unwrap();
        Uploads::new(&config)
    }

    fn client(address: &str) -> ClientAddress {
        Peer::Remote(address.parse().unwrap()).client(&[], &[], None)
    }

    fn agent(number: u8) -> PublicKey {
        SecretKey::from_seed(&[number; 32]).public()
    }

    #[test]
    fn a_place_has_eight_until_it_is_known_whose_they_are() {
        let uploads = uploads("public_url=https://relay.example.net");
        let customer = |host: u16| client(&format!("2001:db8:1:2::{host}"));
        let mut slots: Vec<_> = (0..8)
            .map(|host| uploads.begin(&customer(host)).unwrap())
            .collect();
        let refused = uploads.begin(&customer(9)).unwrap_err();
        assert_eq!(refused.limit, 8);
        uploads.begin(&client("2001:db8:1:3::1")).unwrap();
        for slot in &mut slots[..4] {
            slot.assign(agent(1)).unwrap();
        }
        assert_eq!(slots[4].assign(agent(1)).unwrap_err().limit, 4);
        slots[4].assign(agent(2)).unwrap();
        slots.extend((0..5).map(|host| uploads.begin(&customer(host)).unwrap()));
        assert!(uploads.begin(&customer(9)).is_err());
        slots.clear();
        let counts = uploads.lock();
        assert!(counts.all == 0 && counts.places.is_empty() && counts.agents.is_empty());
    }

    #[test]
    fn a_relay_has_sixty_four() {
        let uploads = uploads("listen=127.0.0.1:1");
        let slots: Vec<_> = (0..64)
            .map(|_| uploads.begin(&client("127.0.0.1")).unwrap())
            .collect();
        assert_eq!(uploads.begin(&client("127.0.0.2")).unwrap_err().limit, 64);
        drop(slots);
        uploads.begin(&client("127.0.0.1")).unwrap();
    }
}
