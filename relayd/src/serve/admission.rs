//! How many connections there may be: in all, of one place, and of one place without anybody having authenticated.

use crate::client_address::{Peer, Place};
use crate::config::{Config, Network};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Counts connections.
#[derive(Debug)]
pub(super) struct Admissions {
    room: Arc<Semaphore>,
    limits: Option<PlaceLimits>,
    trusted: Vec<Network>,
    counts: Mutex<HashMap<Place, Counts>>,
}

/// 0 switches one off.
#[derive(Debug, Clone, Copy)]
struct PlaceLimits {
    connections: usize,
    unauthenticated: usize,
}

#[derive(Debug, Default)]
struct Counts {
    connections: usize,
    unauthenticated: usize,
}

/// A connection's part of the counts; dropping it gives that back.
#[derive(Debug)]
pub(crate) struct Admission {
    admissions: Arc<Admissions>,
    place: Option<Place>,
    authenticated: AtomicBool,
    unread: AtomicBool,
    /// Goes up when a request comes and when its answer is through: odd while one is under way.
    phase: AtomicUsize,
}

/// A place has as many connections as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this address has {limit} {what} already, which is as many as it may have; close some, or come again later"
)]
pub(super) struct TooMany {
    limit: usize,
    what: &'static str,
}

impl Admissions {
    pub(super) fn new(config: &Config, capacity: usize) -> Self {
        let limits = &config.limits;
        let connections = if limits.connections == 0 {
            capacity
        } else {
            limits.connections
        };
        Self {
            room: Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS))),
            limits: (!config.is_private()).then_some(PlaceLimits {
                connections: limits.connections_per_ip,
                unauthenticated: limits.unauthenticated_connections_per_ip,
            }),
            trusted: config.access.trusted_proxies.clone(),
            counts: Mutex::default(),
        }
    }

    /// Waits until there is room for another connection.
    pub(super) async fn room(&self) -> OwnedSemaphorePermit {
        let room = Arc::clone(&self.room).acquire_owned().await;
        room.expect("the semaphore is never closed")
    }

    /// Counts a connection, unless its place has too many.
    pub(super) fn admit(self: &Arc<Self>, peer: Peer) -> Result<Arc<Admission>, TooMany> {
        let place = peer.place(&self.trusted);
        if let (Some(place), Some(limits)) = (place, self.limits) {
            let mut counts = self.lock();
            let counts = counts.entry(place).or_default();
            for (actual, limit, what) in [
                (counts.connections, limits.connections, "connections"),
                (
                    counts.unauthenticated,
                    limits.unauthenticated,
                    "connections on which nobody has authenticated",
                ),
            ] {
                if limit != 0 && actual >= limit {
                    return Err(TooMany { limit, what });
                }
            }
            counts.connections += 1;
            counts.unauthenticated += 1;
        }
        Ok(Arc::new(Admission {
            admissions: Arc::clone(self),
            place: place.filter(|_| self.limits.is_some()),
            authenticated: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            phase: AtomicUsize::new(0),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Place, Counts>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, place: Place, change: impl FnOnce(&mut Counts)) {
        if let Entry::Occupied(mut entry) = self.lock().entry(place) {
            change(entry.get_mut());
            if entry.get().connections == 0 {
                entry.remove();
            }
        }
    }
}

impl Admission {
    /// Notes that somebody has authenticated on this connection.
    pub(crate) fn mark_authenticated(&self) {
        if let Some(place) = self.place
            && !self.authenticated.swap(true, Ordering::Relaxed)
        {
            self.admissions
                .change(place, |counts| counts.unauthenticated -= 1);
        }
    }
}

impl Admission {
    /// Notes that a request was answered whose body may not have been read to its end.
    pub(super) fn mark_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    /// Notes that a request has come.
    pub(super) fn mark_begun(&self) {
        self.phase.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that its answer is through.
    pub(super) fn mark_answered(&self) {
        self.phase.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of the pause after a request that the connection is in: what comes now is the head of another.
    pub(super) fn pause(&self) -> Option<usize> {
        let phase = self.phase.load(Ordering::Relaxed);
        (phase > 0 && phase.is_multiple_of(2)).then_some(phase)
    }

    /// Whether the peer may still be sending what nobody reads.
    pub(super) fn is_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let Some(place) = self.place else {
            return;
        };
        let unauthenticated = usize::from(!*self.authenticated.get_mut());
        self.admissions.change(place, |counts| {
            counts.connections -= 1;
            counts.unauthenticated -= unauthenticated;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admissions(assignments: &[&str]) -> Arc<Admissions> {
        let mut config = Config::default();
        for assignment in assignments {
            config.set(assignment).unwrap();
        }
        Arc::new(Admissions::new(&config, 10))
    }

    fn peer(address: &str) -> Peer {
        Peer::Remote(address.parse().unwrap())
    }

    #[test]
    fn each_limit_holds_at_the_limit_and_gives_back_what_ends() {
        let admissions = admissions(&[
            "public_url=https://relay.example.net",
            "limits.connections_per_ip=3",
            "limits.unauthenticated_connections_per_ip=2",
        ]);
        let first = admissions.admit(peer("192.0.2.1")).unwrap();
        let _second = admissions.admit(peer("192.0.2.1")).unwrap();
        let refused = admissions.admit(peer("192.0.2.1")).unwrap_err();
        assert_eq!(
            (refused.limit, refused.what),
            (2, "connections on which nobody has authenticated")
        );
        first.mark_authenticated();
        first.mark_authenticated();
        let third = admissions.admit(peer("192.0.2.1")).unwrap();
        third.mark_authenticated();
        let refused = admissions.admit(peer("192.0.2.1")).unwrap_err();
        assert_eq!((refused.limit, refused.what), (3, "connections"));
        assert!(admissions.admit(peer("192.0.2.2")).is_ok());
        drop(third);
        assert!(admissions.admit(peer("192.0.2.1")).is_ok());
        drop((first, _second));
        assert!(admissions.lock().is_empty());
    }

    #[test]
    fn a_private_relay_and_a_trusted_proxy_have_no_limit_per_address() {
        for assignments in [
            &["limits.connections_per_ip=1"][..],
            &[
                "public_url=https://r.example.net",
                "limits.connections_per_ip=1",
                "access.trusted_proxies=127.0.0.0/8",
            ],
        ] {
            let admissions = admissions(assignments);
            let held: Vec<_> = (0..3)
                .map(|_| admissions.admit(peer("127.0.0.1")).unwrap())
                .collect();
            drop(held);
            assert!(admissions.lock().is_empty());
        }
    }

    #[tokio::test]
    async fn there_is_room_for_as_many_as_configured() {
        let admissions = admissions(&["limits.connections=2"]);
        let _first = admissions.room().await;
        let second = admissions.room().await;
        assert_eq!(admissions.room.available_permits(), 0);
        drop(second);
        let _second = admissions.room().await;
    }
}
