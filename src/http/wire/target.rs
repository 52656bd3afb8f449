//! The request target and the host name (RFC 9112 section 3.2, RFC 3986).

use std::net::Ipv6Addr;

/// A request target this server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// A path, perhaps with a query.
    Path,
    /// `*`, which asks about the server as a whole.
    Asterisk,
    /// A whole URL, as sent to proxies.
    Absolute {
        /// Its host and port.
        authority: &'a str,
    },
}

/// Reads a request target; `None` where it is none, or holds a fragment, a control character or a byte that RFC 3986
/// wants percent-encoded.
#[must_use]
pub fn parse(target: &str) -> Option<Target<'_>> {
    if target == "*" {
        return Some(Target::Asterisk);
    }
    if !is_uri_text(target) {
        return None;
    }
    if target.starts_with('/') {
        return Some(Target::Path);
    }
    let (scheme, rest) = target.split_once("://")?;
    if !(scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")) {
        return None;
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    is_authority(authority).then_some(Target::Absolute { authority })
}

/// Whether the text is a host name, an IPv4 address or a bracketed IPv6 address, with an optional port.
///
/// Narrower than RFC 3986: no user information (phishing), no percent-encoding in the name (two spellings of one
/// tenant), no empty port.
#[must_use]
pub fn is_authority(text: &str) -> bool {
    if let Some(bracketed) = text.strip_prefix('[') {
        return bracketed.split_once(']').is_some_and(|(address, rest)| {
            address.parse::<Ipv6Addr>().is_ok()
                && (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
        });
    }
    match text.split_once(':') {
        Some((name, port)) => is_host_name(name) && is_port(port),
        None => is_host_name(text),
    }
}

/// Dot-separated labels, none empty save after a final dot; at most the 253 characters that DNS can carry.
fn is_host_name(name: &str) -> bool {
    let labels = name.strip_suffix('.').unwrap_or(name);
    labels.len() <= 253
        && labels.split('.').all(|label| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        })
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// Whether every byte may stand in a URI's path or query as it is, and every `%` begins an escape.
fn is_uri_text(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let allowed = match byte {
            b'%' => {
                let mut hex_digit = || bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit());
                hex_digit() && hex_digit()
            }
            _ => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?[]".contains(&byte),
        };
        if !allowed {
            return false;
        }
    }
    !text.is_empty()
}
