//! The kinds of values that a configuration has: addresses, networks, durations, sizes.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Where a relay listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// Address and port; port 0 is any that is free.
    Tcp(SocketAddr),
    /// A Unix socket, written `unix:/path`.
    Unix(PathBuf),
}

impl ListenAddress {
    /// Whether only this machine reaches it.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

/// What a listen address must look like.
pub(super) const LISTEN: &str =
    "an address with a port such as \"127.0.0.1:8080\" or \"[::]:443\", or \"unix:/path\"";

/// A text that is not of its kind; says what would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct NotOfKind(&'static str);

impl FromStr for ListenAddress {
    type Err = NotOfKind;

    fn from_str(text: &str) -> Result<Self, NotOfKind> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return if path.is_absolute() {
                Ok(Self::Unix(path))
            } else {
                Err(NotOfKind(LISTEN))
            };
        }
        if let Some(port) = text.strip_prefix("localhost:") {
            let port = port.parse().map_err(|_| NotOfKind(LISTEN))?;
            return Ok(Self::Tcp(([127, 0, 0, 1], port).into()));
        }
        text.parse().map(Self::Tcp).map_err(|_| NotOfKind(LISTEN))
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(formatter, "http://{address}"),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

/// Addresses that are trusted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// A prefix, such as `10.0.0.0/8`.
    Prefix {
        /// Any address of it.
        address: IpAddr,
        /// Bits that count.
        bits: u8,
    },
    /// Whoever connects through a Unix socket.
    Unix,
}

/// What a network must look like.
pub(super) const NETWORK: &str =
    "a network such as \"10.0.0.0/8\" or \"fd00::/8\", a single address, or \"unix\"";

impl Network {
    /// Whether the address belongs to it.
    pub fn contains(&self, candidate: IpAddr) -> bool {
        let Self::Prefix { address, bits } = *self else {
            return false;
        };
        match (address, candidate.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let difference = ours.to_bits() ^ theirs.to_bits();
                difference.leading_zeros() >= u32::from(bits)
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let difference = ours.to_bits() ^ theirs.to_bits();
                difference.leading_zeros() >= u32::from(bits)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = NotOfKind;

    fn from_str(text: &str) -> Result<Self, NotOfKind> {
        if text == "unix" {
            return Ok(Self::Unix);
        }
        let (address, bits) = text
            .split_once('/')
            .map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| NotOfKind(NETWORK))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| {
            bits.parse().map_err(|_| NotOfKind(NETWORK))
        })?;
        if bits > most {
            return Err(NotOfKind(NETWORK));
        }
        Ok(Self::Prefix { address, bits })
    }
}

/// Reads `1h30m` and the like: whole numbers, each with a unit, the larger first.
pub(super) fn duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 5] = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("ms", 1),
        ("m", 60_000),
        ("s", 1000),
    ];
    let mut rest = text;
    let mut total = 0_u64;
    let mut last = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let (unit, millis) = UNITS.into_iter().find(|(unit, _)| tail.starts_with(unit))?;
        if millis >= last {
            return None;
        }
        last = millis;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(millis)?)?;
        rest = &tail[unit.len()..];
    }
    (last != u64::MAX).then(|| Duration::from_millis(total))
}

/// What a size must look like.
pub(super) const SIZE: &str =
    "a size such as \"64KiB\", \"1MiB\" or \"1GiB\", or a number of bytes";

/// Reads `1MiB` and the like.
pub(super) fn size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim_start() {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_strictly() {
        let seconds = |text: &str| duration(text).map(|duration| duration.as_secs());
        assert_eq!(seconds("5m"), Some(300));
        assert_eq!(seconds("1h30m"), Some(5400));
        assert_eq!(seconds("7d"), Some(604_800));
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(seconds("0s"), Some(0));
        for wrong in [
            "",
            "5",
            "m",
            "5 m",
            "-5m",
            "5m1h",
            "5m5m",
            "5w",
            "99999999999999999999d",
            "18446744073709551615d",
        ] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
        assert_eq!(size("256MiB"), Some(256 << 20));
        assert_eq!(size("1 GiB"), Some(1 << 30));
        assert_eq!(size("1000"), Some(1000));
        for wrong in ["", "MiB", "1mib", "1.5MiB", "-1", "99999999999GiB"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn addresses_and_networks_are_read_strictly() {
        assert!("localhost:80".parse::<ListenAddress>().unwrap().is_local());
        assert!(!"[::]:80".parse::<ListenAddress>().unwrap().is_local());
        assert!(
            "[::ffff:127.0.0.1]:80"
                .parse::<ListenAddress>()
                .unwrap()
                .is_local()
        );
        for wrong in [
            "127.0.0.1",
            ":80",
            "unix:relative",
            "example.net:80",
            "127.0.0.1:99999",
        ] {
            assert!(wrong.parse::<ListenAddress>().is_err(), "{wrong}");
        }
        let contains = |network: &str, address: &str| {
            network
                .parse::<Network>()
                .unwrap()
                .contains(address.parse().unwrap())
        };
        assert!(contains("10.0.0.0/8", "10.255.0.1"));
        assert!(contains("10.0.0.0/8", "::ffff:10.255.0.1"));
        assert!(!contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("0.0.0.0/0", "192.0.2.1"));
        assert!(!contains("0.0.0.0/0", "::1"));
        assert!(contains("::1", "::1"));
        assert!(!contains("unix", "127.0.0.1"));
        for wrong in ["10.0.0.0/33", "10.0.0/8", "::/129", "proxy"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
