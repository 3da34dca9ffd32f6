//! Whom the limits per address hold responsible for a request.

use crate::auth::Entrance;
use crate::config::Network;
use crate::serve::Admission;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// Where a request comes from, as far as limits are concerned, and the connection it came on.
#[derive(Debug, Clone)]
pub(crate) struct ClientAddress {
    source: Source,
    entrance: Entrance,
    connection: Option<Arc<Admission>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// A client, by its own address or by the word of a trusted proxy.
    Remote(IpAddr),
    /// A trusted proxy that names nobody, or a process on this machine through a Unix socket: no limit per address applies.
    Exempt,
}

/// What counts as one place: an IPv4 address, or the /64 of an IPv6 address, which is what one customer gets at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place([u8; 8]);

impl ClientAddress {
    /// The place to count under, if limits apply.
    pub(crate) fn place(&self) -> Option<Place> {
        match self.source {
            Source::Remote(address) => Some(Place::of(address)),
            Source::Exempt => None,
        }
    }

    /// The same client, come in by a listener.
    pub(crate) fn through(self, entrance: Entrance) -> Self {
        Self { entrance, ..self }
    }

    /// The listener that the client came in by. One that stands behind a proxy of this machine is not on it.
    pub(crate) fn entrance(&self) -> Entrance {
        match self.source {
            Source::Remote(address) if !address.to_canonical().is_loopback() => Entrance::Elsewhere,
            Source::Remote(_) | Source::Exempt => self.entrance,
        }
    }

    /// Notes that somebody has authenticated on the connection.
    pub(crate) fn mark_authenticated(&self) {
        if let Some(connection) = &self.connection {
            connection.mark_authenticated();
        }
    }
}

impl Place {
    fn of(address: IpAddr) -> Self {
        let mut bytes = [0; 8];
        match address.to_canonical() {
            // The first four bytes are those of a network that is never routed, so that no IPv6 prefix is the same.
            IpAddr::V4(v4) => bytes[4..].copy_from_slice(&v4.octets()),
            IpAddr::V6(v6) => bytes.copy_from_slice(&v6.octets()[..8]),
        }
        Self(bytes)
    }
}

/// The peer of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Over TCP.
    Remote(IpAddr),
    /// Over a Unix socket.
    Local,
}

impl Peer {
    /// The place to count connections under, if limits apply.
    pub(crate) fn place(self, trusted: &[Network]) -> Option<Place> {
        match self {
            Self::Remote(address) if !self.is_trusted(trusted) => Some(Place::of(address)),
            Self::Remote(_) | Self::Local => None,
        }
    }

    /// Whom a request of this peer comes from, on which connection.
    pub(crate) fn client(
        self,
        trusted: &[Network],
        forwarded_for: &[&str],
        connection: Option<Arc<Admission>>,
    ) -> ClientAddress {
        let source = self.source(trusted, forwarded_for);
        ClientAddress {
            source,
            entrance: Entrance::Elsewhere,
            connection,
        }
    }

    /// Whom a request of this peer comes from. Only a trusted proxy is believed about others: the last address in
    /// `X-Forwarded-For` that is not itself a trusted proxy's (what stands before it, the client can write itself).
    fn source(self, trusted: &[Network], forwarded_for: &[&str]) -> Source {
        if !self.is_trusted(trusted) {
            return match self {
                Self::Remote(address) => Source::Remote(address),
                Self::Local => Source::Exempt,
            };
        }
        for part in forwarded_for
            .iter()
            .rev()
            .flat_map(|header| header.rsplit(','))
        {
            match parse_forwarded(part.trim()) {
                Some(address) if trusted.iter().any(|network| network.contains(address)) => {}
                Some(address) => return Source::Remote(address),
                None => break,
            }
        }
        Source::Exempt
    }

    /// Whether this peer may speak for others.
    fn is_trusted(self, trusted: &[Network]) -> bool {
        match self {
            Self::Remote(address) => trusted.iter().any(|network| network.contains(address)),
            Self::Local => trusted.contains(&Network::Unix),
        }
    }
}

/// Proxies write an address alone, with a port, or an IPv6 address in brackets.
fn parse_forwarded(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address);
    }
    if let Ok(socket) = text.parse::<std::net::SocketAddr>() {
        return Some(socket.ip());
    }
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(text: &str) -> Source {
        Source::Remote(text.parse().unwrap())
    }

    fn place(text: &str) -> Place {
        Place::of(text.parse().unwrap())
    }

    fn peer(text: &str) -> Peer {
        Peer::Remote(text.parse().unwrap())
    }

    #[test]
    fn an_ipv6_customer_is_one_place_and_mapped_addresses_are_ipv4() {
        assert_eq!(place("2001:db8:1:2::1"), place("2001:db8:1:2:ffff::9"));
        assert_ne!(place("2001:db8:1:2::1"), place("2001:db8:1:3::1"));
        assert_eq!(place("192.0.2.7"), place("::ffff:192.0.2.7"));
        assert_ne!(place("192.0.2.7"), place("192.0.2.8"));
        assert_eq!(
            peer("192.0.2.7").place(&["192.0.2.0/24".parse().unwrap()]),
            None
        );
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_about_others() {
        let trusted: Vec<Network> = vec!["10.0.0.0/8".parse().unwrap()];
        assert_eq!(
            peer("192.0.2.1").source(&trusted, &["198.51.100.9"]),
            remote("192.0.2.1")
        );
        assert_eq!(
            peer("10.1.1.1").source(&trusted, &["198.51.100.9"]),
            remote("198.51.100.9")
        );
        assert_eq!(
            peer("10.1.1.1").source(&trusted, &["6.6.6.6, 198.51.100.9, 10.2.2.2"]),
            remote("198.51.100.9")
        );
        assert_eq!(
            peer("10.1.1.1").source(&trusted, &["6.6.6.6", "198.51.100.9:4711"]),
            remote("198.51.100.9")
        );
        assert_eq!(
            peer("10.1.1.1").source(&trusted, &["[2001:db8::1]"]),
            remote("2001:db8::1")
        );
        assert_eq!(peer("10.1.1.1").source(&trusted, &[]), Source::Exempt);
        assert_eq!(
            peer("10.1.1.1").source(&trusted, &["1.2.3.4, nonsense"]),
            Source::Exempt
        );
    }

    #[test]
    fn a_client_behind_a_proxy_of_this_machine_is_not_on_it() {
        let trusted: Vec<Network> = vec!["127.0.0.1".parse().unwrap()];
        let entrance = Entrance::Loopback(([127, 0, 0, 1], 8080).into());
        let through = |forwarded_for: &[&str]| {
            let client = peer("127.0.0.1").client(&trusted, forwarded_for, None);
            client.through(entrance).entrance()
        };
        assert_eq!(through(&[]), entrance);
        assert_eq!(through(&["192.0.2.1"]), Entrance::Elsewhere);
    }

    #[test]
    fn a_unix_socket_is_believed_only_if_configured() {
        assert_eq!(Peer::Local.source(&[], &["192.0.2.1"]), Source::Exempt);
        assert_eq!(
            Peer::Local.source(&[Network::Unix], &["192.0.2.1"]),
            remote("192.0.2.1")
        );
    }
}
