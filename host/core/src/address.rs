//! Which network addresses lie on the public internet. Whatever the host fetches or sends for
//! somebody else goes only there, unless the operator names more.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use thiserror::Error;

/// The IPv4 networks that are not the public internet (IANA's special-purpose registry, RFC 6890),
/// and one public address at which a cloud answers its own machines.
const SPECIAL_V4: [(Ipv4Addr, u8, &str); 17] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, "an unspecified"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "a private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "a carrier's internal"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "a loopback"),
    (Ipv4Addr::new(168, 63, 129, 16), 32, "a cloud metadata"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "a link-local"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "a private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "a reserved"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "a documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "a tunnel relay's"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "a private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "a benchmarking"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "a documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "a documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "a multicast"),
    (Ipv4Addr::new(255, 255, 255, 255), 32, "a broadcast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "a reserved"),
];

/// The IPv6 networks that are not the public internet, the narrower first.
const SPECIAL_V6: [(Ipv6Addr, u8, &str); 13] = [
    (Ipv6Addr::UNSPECIFIED, 128, "an unspecified"),
    (Ipv6Addr::LOCALHOST, 128, "a loopback"),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, "a translated"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "a documentation"),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, "a tunnelled"),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "a reserved"),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "a tunnelled"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "a documentation"),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, "a private"),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, "a link-local"),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, "a private"),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, "a multicast"),
    (Ipv6Addr::new(0x5f00, 0, 0, 0, 0, 0, 0, 0), 16, "a reserved"),
];

/// Why an address is not one of the public internet, as the words before `address`; `None` if it
/// is. An IPv4 address within an IPv6 address counts as what it is.
pub fn special(address: IpAddr) -> Option<&'static str> {
    match plain(address) {
        IpAddr::V4(v4) => SPECIAL_V4
            .iter()
            .find(|(network, length, _)| contains(IpAddr::V4(*network), *length, IpAddr::V4(v4)))
            .map(|(_, _, kind)| *kind),
        IpAddr::V6(v6) => SPECIAL_V6
            .iter()
            .find(|(network, length, _)| contains(IpAddr::V6(*network), *length, IpAddr::V6(v6)))
            .map(|(_, _, kind)| *kind)
            // Everything public that was ever given out begins with 001.
            .or_else(|| {
                (v6.segments().first().is_none_or(|s| s >> 13 != 1)).then_some("a reserved")
            }),
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped (RFC 4291) or translated by the
/// well-known prefix (RFC 6052).
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return v4.into();
    }
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)).into()
        }
        _ => address,
    }
}

fn contains(network: IpAddr, length: u8, address: IpAddr) -> bool {
    let (network, address, width) = match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            (u128::from(network.to_bits()), u128::from(address.to_bits()), 32)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => (network.to_bits(), address.to_bits(), 128),
        _ => return false,
    };
    let apart = (network ^ address).checked_shr(width - u32::from(length).min(width));
    apart.unwrap_or(0) == 0
}

/// Something that may be reached although it is not on the public internet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    who: Who,
    /// `None` means every port.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Who {
    Network(IpAddr, u8),
    /// In lower case; whatever addresses it has.
    Name(String),
}

/// Text that names nothing that could be allowed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not an address, a network or a host name; write one such as \"127.0.0.1:9000\", \"10.0.0.0/8\" or \"hooks.example.com\""
)]
pub struct InvalidAllowed(String);

impl Allowed {
    /// Whether this names `address`, at which a host of this name was found.
    pub fn names(&self, host: &str, address: SocketAddr) -> bool {
        let right_port = self.port.is_none_or(|port| port == address.port());
        right_port
            && match &self.who {
                Who::Network(network, length) => contains(*network, *length, plain(address.ip())),
                Who::Name(name) => host.trim_end_matches('.').eq_ignore_ascii_case(name),
            }
    }
}

impl FromStr for Allowed {
    type Err = InvalidAllowed;

    fn from_str(text: &str) -> Result<Self, InvalidAllowed> {
        let invalid = || InvalidAllowed(text.to_owned());
        let text = text.trim();
        if let Some((address, length)) = text.split_once('/') {
            let address: IpAddr = address.parse().map_err(|_| invalid())?;
            let width = if address.is_ipv4() { 32 } else { 128 };
            let length = length.parse().ok().filter(|length| *length <= width);
            let who = Who::Network(address, length.ok_or_else(invalid)?);
            return Ok(Self { who, port: None });
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self { who: one(address.ip()), port: Some(address.port()) });
        }
        if let Ok(address) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Ok(Self { who: one(address), port: None });
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().map_err(|_| invalid())?)),
            None => (text, None),
        };
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if !is_name(&name) {
            return Err(invalid());
        }
        Ok(Self { who: Who::Name(name), port })
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.who, self.port) {
            (Who::Network(address, 32), Some(port)) if address.is_ipv4() => {
                SocketAddr::new(*address, port).fmt(f)
            }
            (Who::Network(address, 128), Some(port)) => SocketAddr::new(*address, port).fmt(f),
            (Who::Network(address, length), _) => write!(f, "{address}/{length}"),
            (Who::Name(name), Some(port)) => write!(f, "{name}:{port}"),
            (Who::Name(name), None) => f.write_str(name),
        }
    }
}

fn one(address: IpAddr) -> Who {
    Who::Network(address, if address.is_ipv4() { 32 } else { 128 })
}

/// Whether this can be the name of a host: ASCII, as IDNA writes it.
pub(crate) fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        (1..=63).contains(&label.len()) && label.chars().all(allowed)
    };
    name.len() <= 253 && name.trim_end_matches('.').split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_internet_are_plain() {
        for (address, kind) in [
            ("1.1.1.1", None),
            ("8.8.8.8", None),
            ("100.63.255.255", None),
            ("100.128.0.0", None),
            ("172.15.255.255", None),
            ("172.32.0.0", None),
            ("192.0.1.1", None),
            ("223.255.255.255", None),
            ("2606:4700::1111", None),
            ("2a00:1450:4001:82f::200e", None),
            ("64:ff9b::8.8.8.8", None),
            ("::ffff:8.8.8.8", None),
            ("0.0.0.0", Some("an unspecified")),
            ("0.1.2.3", Some("an unspecified")),
            ("10.0.0.1", Some("a private")),
            ("100.64.0.1", Some("a carrier's internal")),
            ("100.100.100.200", Some("a carrier's internal")),
            ("127.0.0.1", Some("a loopback")),
            ("127.255.255.254", Some("a loopback")),
            ("168.63.129.16", Some("a cloud metadata")),
            ("169.254.169.254", Some("a link-local")),
            ("172.16.0.1", Some("a private")),
            ("172.31.255.255", Some("a private")),
            ("192.0.0.192", Some("a reserved")),
            ("192.0.2.1", Some("a documentation")),
            ("192.88.99.1", Some("a tunnel relay's")),
            ("192.168.1.1", Some("a private")),
            ("198.18.0.1", Some("a benchmarking")),
            ("198.19.255.255", Some("a benchmarking")),
            ("198.51.100.1", Some("a documentation")),
            ("203.0.113.1", Some("a documentation")),
            ("224.0.0.1", Some("a multicast")),
            ("240.0.0.1", Some("a reserved")),
            ("255.255.255.255", Some("a broadcast")),
            ("::", Some("an unspecified")),
            ("::1", Some("a loopback")),
            ("::127.0.0.1", Some("a reserved")),
            ("::ffff:127.0.0.1", Some("a loopback")),
            ("::ffff:169.254.169.254", Some("a link-local")),
            ("::ffff:0:10.0.0.1", Some("a reserved")),
            ("64:ff9b::10.0.0.1", Some("a private")),
            ("64:ff9b:1::1", Some("a translated")),
            ("100::1", Some("a reserved")),
            ("2001::1", Some("a tunnelled")),
            ("2001:20::1", Some("a reserved")),
            ("2001:db8::1", Some("a documentation")),
            ("2002:7f00:1::", Some("a tunnelled")),
            ("3fff::1", Some("a documentation")),
            ("5f00::1", Some("a reserved")),
            ("fc00::1", Some("a private")),
            ("fd00:ec2::254", Some("a private")),
            ("fe80::1", Some("a link-local")),
            ("fec0::1", Some("a private")),
            ("ff02::1", Some("a multicast")),
        ] {
            assert_eq!(special(address.parse().unwrap()), kind, "{address}");
        }
    }

    #[test]
    fn what_is_allowed_names_addresses_networks_or_hosts() {
        for (allowed, host, address, named) in [
            ("127.0.0.1:9000", "x", "127.0.0.1:9000", true),
            ("127.0.0.1:9000", "x", "[::ffff:127.0.0.1]:9000", true),
            ("127.0.0.1:9000", "x", "127.0.0.1:9001", false),
            ("127.0.0.1", "x", "127.0.0.1:1", true),
            ("127.0.0.1", "x", "127.0.0.2:1", false),
            ("10.0.0.0/8", "x", "10.255.0.1:80", true),
            ("10.0.0.0/8", "x", "11.0.0.1:80", false),
            ("0.0.0.0/0", "x", "11.0.0.1:80", true),
            ("0.0.0.0/0", "x", "[fd00::1]:80", false),
            ("::/0", "x", "[fd00::1]:80", true),
            ("[::1]:9000", "x", "[::1]:9000", true),
            ("::1", "x", "[::1]:1", true),
            ("fd00::/8", "x", "[fd12::1]:1", true),
            ("hooks.example.com", "HOOKS.example.com.", "10.0.0.1:80", true),
            ("hooks.example.com", "other.example.com", "10.0.0.1:80", false),
            ("hooks.example.com:8443", "hooks.example.com", "10.0.0.1:8443", true),
            ("hooks.example.com:8443", "hooks.example.com", "10.0.0.1:443", false),
        ] {
            let rule: Allowed = allowed.parse().unwrap();
            assert_eq!(rule.names(host, address.parse().unwrap()), named, "{allowed} {address}");
            assert_eq!(rule.to_string().parse(), Ok(rule), "{allowed}");
        }
        for bad in ["", "10.0.0.0/33", "x/8", "a b", "http://x", "x:99999", "ü.example", "*.com"] {
            assert!(bad.parse::<Allowed>().is_err(), "{bad}");
        }
    }
}
