//! Where deliveries may go (protocol A7.4): only to public unicast addresses, whatever a name server says.
//!
//! A URL comes from whoever has a key, and the relay sits where its owner's other machines may be reached. So the relay resolves a
//! name by itself, refuses it unless every address is public, and connects to an address that it has judged, never to the name.

use super::target::{Destination, Target};
use crate::config::Network;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::sync::Arc;

/// Addresses of one name that are looked at. A name with more is refused, since all must be judged.
const MOST_ADDRESSES: usize = 32;

/// Why a host's addresses cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum LookupError {
    #[error("must name a host that can be resolved")]
    Unresolved,
    /// Which address it was is not said: names inside the relay's network are nobody's business.
    #[error(
        "must lead to public addresses only, unless the relay's configuration lets a network through"
    )]
    Refused,
}

impl LookupError {
    /// One word for it.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Unresolved => "unresolved",
            Self::Refused => "address_refused",
        }
    }
}

/// Looks names up, on a thread that may block.
#[derive(Clone)]
pub(super) struct Resolver(Arc<Lookup>);

type Lookup = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

impl Resolver {
    /// As the system does.
    pub(super) fn system() -> Self {
        Self::of(|name| {
            let found = (name, 0).to_socket_addrs()?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }

    pub(super) fn of(
        lookup: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(lookup))
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Resolver")
    }
}

/// Judges addresses.
#[derive(Debug)]
pub(super) struct Guard {
    allowed: Vec<Network>,
    resolver: Resolver,
}

impl Guard {
    pub(super) fn new(allowed: Vec<Network>, resolver: Resolver) -> Self {
        Self { allowed, resolver }
    }

    /// The addresses to connect to; all of them may be connected to, or there are none. `held` is kept until the lookup is over,
    /// which may be long after nobody waits for it any more: it bounds the threads that lookups take.
    pub(super) async fn resolve(
        &self,
        target: &Target,
        held: impl Send + 'static,
    ) -> Result<Vec<SocketAddr>, LookupError> {
        let mut found = match target.host() {
            Destination::Address(address) => vec![*address],
            Destination::Name(name) => {
                let (lookup, name) = (Arc::clone(&self.resolver.0), name.clone());
                let looking = tokio::task::spawn_blocking(move || {
                    let _held = held;
                    lookup(&name)
                });
                let found = looking.await.map_err(|_| LookupError::Unresolved)?;
                found.map_err(|_| LookupError::Unresolved)?
            }
        };
        let mut seen = Vec::with_capacity(found.len().min(MOST_ADDRESSES));
        found.retain(|address| {
            let is_new = !seen.contains(address) && seen.len() <= MOST_ADDRESSES;
            if is_new {
                seen.push(*address);
            }
            is_new
        });
        if found.is_empty() {
            return Err(LookupError::Unresolved);
        }
        if found.len() > MOST_ADDRESSES || !found.iter().all(|address| self.lets_through(*address))
        {
            return Err(LookupError::Refused);
        }
        let port = target.port();
        let addresses = found.into_iter();
        Ok(addresses
            .map(|address| SocketAddr::new(address, port))
            .collect())
    }

    /// Whether an address, and the one inside it if there is one, may be connected to.
    fn lets_through(&self, address: IpAddr) -> bool {
        let allowed = |address: IpAddr| self.allowed.iter().any(|net| net.contains(address));
        let fine = |address: IpAddr| allowed(address) || (is_public(address) && !is_own(address));
        fine(address) && embedded(address).is_none_or(|inner| fine(IpAddr::V4(inner)))
    }
}

/// Whether an address is one that anyone in the internet may have.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// All that the registry of special-purpose addresses (RFC 6890) has, and what is not unicast or not given out.
const SPECIAL_V4: [([u8; 4], u32); 15] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    // With the broadcast address.
    ([240, 0, 0, 0], 4),
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_in = |(network, bits): &([u8; 4], u32)| {
        let difference = Ipv4Addr::from(*network).to_bits() ^ address.to_bits();
        difference.leading_zeros() >= *bits
    };
    !SPECIAL_V4.iter().any(is_in)
}

/// What lies in 2000::/3 and is special all the same: protocol assignments with Teredo and the benchmarks, documentation, 6to4.
const SPECIAL_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Only 2000::/3 is given out for the internet. That leaves out all that maps or translates IPv4, and all that is local.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let is_in = |(network, bits): &(Ipv6Addr, u32)| {
        (network.to_bits() ^ address.to_bits()).leading_zeros() >= *bits
    };
    is_in(&(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3)) && !SPECIAL_V6.iter().any(is_in)
}

/// The IPv4 address that an IPv6 address leads to: mapped, compatible, translated (RFC 6052, RFC 8215), 6to4 or Teredo. Where the
/// configuration lets such a network through, this one must be fine, too.
fn embedded(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else {
        return None;
    };
    let bytes = address.octets();
    let at = |index: usize| {
        Some(Ipv4Addr::from(std::array::from_fn(|offset| {
            bytes[index + offset]
        })))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, _] if high != 0 => at(12),
        [0x64, 0xff9b, 0 | 1, ..] => at(12),
        [0x2002, ..] => at(2),
        [0x2001, 0, ..] => at(12).map(|client| Ipv4Addr::from_bits(!client.to_bits())),
        _ => None,
    }
}

/// Whether an address is this machine's own: then it would be the source of what is sent to it. Nothing is sent to find out.
fn is_own(address: IpAddr) -> bool {
    let any: IpAddr = match address {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let source = UdpSocket::bind((any, 0)).map(|socket| {
        // Without a route there is no source, and no connection either.
        let routed = socket.connect((address, 9));
        routed.and_then(|()| socket.local_addr()).ok()
    });
    match source {
        Ok(source) => source.is_some_and(|source| source.ip() == address),
        // A family that this machine does not have cannot be its own; anything else is not known, and refused.
        Err(error) => error.kind() != io::ErrorKind::Unsupported && !is_no_family(&error),
    }
}

fn is_no_family(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(nix::errno::Errno::from_raw);
    matches!(
        code,
        Some(nix::errno::Errno::EAFNOSUPPORT | nix::errno::Errno::EADDRNOTAVAIL)
    )
}

#[cfg(test)]
mod tests;
