//! Where a request comes from, when others speak for it.
//!
//! Whoever may choose the address that his guesses are counted under has as many guesses as there
//! are addresses. So a header is believed only from who was configured to be believed, and one that
//! cannot be read is no reason for anything but to know less.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, header};
use ipnet::IpNet;

use super::accept::PeerAddr;
use crate::grant::Origin;
use crate::server::Server;

/// The most proxies in a row that are followed.
const MOST_HOPS: usize = 32;

/// Where a client's request came from.
pub(super) fn origin(
    server: &Server,
    peer: PeerAddr,
    headers: &HeaderMap,
    hostname: String,
) -> Origin {
    /// The most characters of a `User-Agent` that are kept.
    const MOST: usize = 1_000;
    let user_agent = headers.get(header::USER_AGENT);
    let user_agent = user_agent.and_then(|value| value.to_str().ok());
    Origin {
        ip: client_address(peer, headers, &server.trusted_proxies),
        client_ip: None,
        asserted_ip: asserted_address(headers),
        user_agent: user_agent.map(|text| text.chars().take(MOST).collect()),
        hostname,
    }
}

/// The address that a request came from: the peer's, or, behind trusted proxies, the first one
/// that is no proxy's. `X-Forwarded-For` is read from its end, where the nearest proxy wrote; what
/// stands before that came from the client and proves nothing.
pub(super) fn client_address(peer: PeerAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let is_proxy = |address: &IpAddr| proxies.iter().any(|network| network.contains(address));
    let mut address = peer.0.ip().to_canonical();
    let values = headers.get_all("x-forwarded-for");
    let mut values: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
    values.reverse();
    let hops = values
        .into_iter()
        .flat_map(|value| value.rsplit(|byte| *byte == b','));
    for hop in hops.take(MOST_HOPS) {
        if !is_proxy(&address) {
            break;
        }
        match std::str::from_utf8(hop).ok().and_then(parse) {
            Some(hop) => address = hop,
            None => break,
        }
    }
    address
}

/// What `auth0-forwarded-for` says: one address, or nothing.
fn asserted_address(headers: &HeaderMap) -> Option<IpAddr> {
    let mut values = headers.get_all("auth0-forwarded-for").iter();
    match (values.next(), values.next()) {
        (Some(only), None) => parse(only.to_str().ok()?),
        _ => None,
    }
}

/// An address, with or without a port, as proxies write it.
fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = text.parse::<IpAddr>().ok();
    let address = address.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    Some(address.or_else(bracketed)?.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn seen(peer: &str, lines: &[&str], proxies: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_str(line).unwrap());
        }
        let proxies: Vec<IpNet> = proxies.iter().map(|net| net.parse().unwrap()).collect();
        let peer = PeerAddr(SocketAddr::new(peer.parse().unwrap(), 1234));
        client_address(peer, &headers, &proxies).to_string()
    }

    #[test]
    fn nobody_is_believed_unless_configured() {
        for line in ["198.51.100.7", "127.0.0.1", "garbage", ""] {
            assert_eq!(seen("192.0.2.1", &[line], &[]), "192.0.2.1");
            assert_eq!(seen("192.0.2.1", &[line], &["10.0.0.0/8"]), "192.0.2.1");
        }
    }

    #[test]
    fn a_proxy_is_believed_and_what_came_before_it_is_not() {
        let proxies = ["10.0.0.0/8", "2001:db8::/32"];
        assert_eq!(
            seen("10.0.0.1", &["198.51.100.7"], &proxies),
            "198.51.100.7"
        );
        assert_eq!(
            seen("10.0.0.1", &["1.1.1.1, 198.51.100.7"], &proxies),
            "198.51.100.7"
        );
        assert_eq!(
            seen("10.0.0.1", &["1.1.1.1,198.51.100.7", "10.2.3.4"], &proxies),
            "198.51.100.7"
        );
        assert_eq!(
            seen("::ffff:10.0.0.1", &["198.51.100.7:443"], &proxies),
            "198.51.100.7"
        );
        assert_eq!(
            seen("2001:db8::1", &["[2001:4860::8]:1"], &proxies),
            "2001:4860::8"
        );
    }

    #[test]
    fn what_cannot_be_read_leaves_the_last_address_that_could() {
        let proxies = ["10.0.0.0/8"];
        for line in [
            "",
            "unknown",
            "198.51.100.7;x",
            "_hidden",
            "1.2.3",
            "\u{e9}",
        ] {
            assert_eq!(seen("10.0.0.1", &[line], &proxies), "10.0.0.1", "{line}");
            let lines = [&format!("{line}, 10.9.9.9")[..]];
            assert_eq!(seen("10.0.0.1", &lines, &proxies), "10.9.9.9", "{line}");
        }
        assert_eq!(seen("10.0.0.1", &["10.0.0.2"], &proxies), "10.0.0.2");
    }

    #[test]
    fn an_assertion_is_one_address() {
        let mut headers = HeaderMap::new();
        assert_eq!(asserted_address(&headers), None);
        headers.append("auth0-forwarded-for", HeaderValue::from_static("192.0.2.9"));
        assert_eq!(asserted_address(&headers).unwrap().to_string(), "192.0.2.9");
        headers.append("auth0-forwarded-for", HeaderValue::from_static("192.0.2.8"));
        assert_eq!(asserted_address(&headers), None);
    }
}
