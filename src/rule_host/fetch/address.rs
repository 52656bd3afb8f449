//! Which addresses a rule may reach: those of the public internet, and what an operator opened.
//!
//! A tenant's host name may answer with any address, on purpose (server-side request forgery) or
//! with another one the second time (rebinding). So every answer is checked here, and the connection
//! is made to the very address that passed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use ipnet::IpNet;

/// Of IPv4 everything is public but these (IANA's special-purpose registry, RFC 6890 and later).
const SPECIAL_V4: [(&str, &str); 18] = [
    ("0.0.0.0/8", "this network"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared by a carrier's customers"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local, clouds' metadata among it"),
    ("168.63.129.16/32", "Azure's metadata"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "for protocols"),
    ("192.0.2.0/24", "documentation"),
    ("192.31.196.0/24", "AS112"),
    ("192.52.193.0/24", "AMT"),
    ("192.88.99.0/24", "6to4 relays"),
    ("192.168.0.0/16", "private"),
    ("192.175.48.0/24", "AS112"),
    ("198.18.0.0/15", "benchmarks"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/3", "multicast, reserved or broadcast"),
];

/// Of IPv6 nothing is public but 2000::/3, and of that not these: some carry an IPv4 address that
/// a gateway would unpack behind our back. Everything else (loopback, link-local, unique local,
/// IPv4-compatible, NAT64's 64:ff9b::/96, multicast) lies outside.
const SPECIAL_V6: [(&str, &str); 6] = [
    ("2001::/23", "for protocols, Teredo among them"),
    ("2001:db8::/32", "documentation"),
    ("2002::/16", "6to4, with an IPv4 address inside"),
    ("2620:4f:8000::/48", "AS112"),
    ("3ffe::/16", "the old 6bone"),
    ("3fff::/20", "documentation"),
];

static V4: LazyLock<Vec<(IpNet, &str)>> = LazyLock::new(|| table(&SPECIAL_V4));
static V6: LazyLock<Vec<(IpNet, &str)>> = LazyLock::new(|| table(&SPECIAL_V6));

/// A test holds that every line is read.
fn table(lines: &'static [(&str, &str)]) -> Vec<(IpNet, &'static str)> {
    lines
        .iter()
        .filter_map(|(net, what)| Some((net.parse().ok()?, *what)))
        .collect()
}

/// Says why a rule may not reach an address; none if it may.
pub(super) fn refusal(address: IpAddr, may_reach: &[IpNet]) -> Option<&'static str> {
    // `::ffff:127.0.0.1` is 127.0.0.1 to the kernel.
    let address = address.to_canonical();
    if may_reach.iter().any(|net| net.contains(&address)) {
        return None;
    }
    match address {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => special_v6(v6),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    find(&V4, address.into())
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let [first, ..] = address.octets();
    if first >> 5 != 0b001 {
        return Some("not of the public internet");
    }
    find(&V6, address.into())
}

fn find(table: &[(IpNet, &'static str)], address: IpAddr) -> Option<&'static str> {
    table
        .iter()
        .find_map(|(net, what)| net.contains(&address).then_some(*what))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(address: &str) -> bool {
        refusal(address.parse().unwrap(), &[]).is_some()
    }

    #[test]
    fn every_line_of_the_tables_is_read() {
        assert_eq!(V4.len(), SPECIAL_V4.len());
        assert_eq!(V6.len(), SPECIAL_V6.len());
    }

    #[test]
    fn addresses_of_this_machine_and_its_neighbours_are_refused() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b:1::a9fe:a9fe",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::1",
            "3fff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(refused(address), "{address}");
        }
    }

    #[test]
    fn addresses_of_the_public_internet_are_not() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "223.255.255.255",
            "::ffff:1.1.1.1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00::1",
        ] {
            assert!(!refused(address), "{address}");
        }
    }

    #[test]
    fn an_operator_opens_exactly_what_it_names() {
        let open = [
            "10.1.0.0/16".parse().unwrap(),
            "fd00:1::/32".parse().unwrap(),
        ];
        let refused = |address: &str| refusal(address.parse().unwrap(), &open).is_some();
        assert!(!refused("10.1.2.3"));
        assert!(!refused("::ffff:10.1.2.3"));
        assert!(!refused("fd00:1::7"));
        assert!(refused("10.2.0.0"));
        assert!(refused("fd00:2::1"));
        assert!(refused("127.0.0.1"));
    }

    proptest! {
        /// However an IPv4 address is wrapped, it is no more reachable than it is bare.
        #[test]
        fn wrapping_an_address_opens_nothing(bits in any::<u32>()) {
            let v4 = Ipv4Addr::from_bits(bits);
            let bare = refusal(v4.into(), &[]);
            prop_assert_eq!(refusal(v4.to_ipv6_mapped().into(), &[]), bare);
            let [a, b, c, d] = v4.octets();
            let pair = |x: u8, y: u8| u16::from_be_bytes([x, y]);
            for wrapped in [
                Ipv6Addr::new(0, 0, 0, 0, 0, 0, pair(a, b), pair(c, d)),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, pair(a, b), pair(c, d)),
                Ipv6Addr::new(0x2002, pair(a, b), pair(c, d), 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, !pair(a, b), !pair(c, d)),
            ] {
                prop_assert!(refusal(wrapped.into(), &[]).is_some(), "{}", wrapped);
            }
        }
    }
}
