//! The hosts that a binding allows, as people write them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// `api.example.com`, `*.example.com`, either with a port. Names are compared in the one form that
/// the URL standard gives them, so `API.Example.com` and `0x7f.1` are what they seem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern {
    host: Host<String>,
    /// Matches the names below `host`, at any depth, and not `host` itself.
    below: bool,
    /// None for the scheme's own: 443, or 80 for http.
    port: Option<u16>,
}

/// A text that is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a host that a rule may reach: {reason}. Write `api.example.com`, `*.example.com` for the names below it, or `api.example.com:8443`; without a port it is 443"
)]
pub struct HostPatternError {
    text: String,
    reason: &'static str,
}

impl HostPattern {
    /// Whether a URL's host and port are meant.
    pub fn matches(&self, url: &Url) -> bool {
        let port = match self.port {
            None => url.port().is_none(),
            port => url.port_or_known_default() == port,
        };
        port && url.host().is_some_and(|host| self.matches_host(&host))
    }

    fn matches_host<S: AsRef<str>>(&self, host: &Host<S>) -> bool {
        match (&self.host, host) {
            (Host::Domain(ours), Host::Domain(host)) if self.below => host
                .as_ref()
                .strip_suffix(ours.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|label| !label.is_empty()),
            (Host::Domain(ours), Host::Domain(host)) => ours == host.as_ref(),
            (Host::Ipv4(ours), Host::Ipv4(host)) => ours == host,
            (Host::Ipv6(ours), Host::Ipv6(host)) => ours == host,
            _ => false,
        }
    }
}

impl FromStr for HostPattern {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, HostPatternError> {
        let refused = |reason| HostPatternError {
            text: super::super::text::printable(text, 300),
            reason,
        };
        if text.contains("://") {
            return Err(refused("leave out the scheme"));
        }
        let (rest, below) = match text.strip_prefix("*.") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        if rest.contains('*') {
            return Err(refused("a `*` stands only at the beginning, before a dot"));
        }
        if rest.contains(['/', '?', '#', '\\']) {
            return Err(refused("leave out the path"));
        }
        if rest.contains('@') {
            return Err(refused("leave out the user"));
        }
        // Of another scheme than the one in force, so that no port is taken for the default.
        let url = Url::parse(&format!("ftp://{rest}"));
        let url = url.map_err(|_| refused("it is not a host, or not a port"))?;
        let host = url.host().ok_or_else(|| refused("there is no host"))?;
        let host = host.to_owned();
        let port = match url.port() {
            None if rest.ends_with(":21") => Some(21),
            port => port,
        };
        match &host {
            Host::Domain(name) if below && !name.contains('.') => {
                return Err(refused("that is a whole top-level domain"));
            }
            Host::Domain(name) if name.ends_with('.') => {
                return Err(refused("leave out the dot at the end"));
            }
            Host::Ipv4(_) | Host::Ipv6(_) if below => {
                return Err(refused("an address has no names below it"));
            }
            _ => {}
        }
        if port == Some(0) {
            return Err(refused("there is no port 0"));
        }
        Ok(Self { host, below, port })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.below {
            f.write_str("*.")?;
        }
        write!(f, "{}", self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl TryFrom<String> for HostPattern {
    type Error = HostPatternError;

    fn try_from(text: String) -> Result<Self, HostPatternError> {
        text.parse()
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, url: &str) -> bool {
        let pattern: HostPattern = pattern.parse().unwrap_or_else(|e| panic!("{e}"));
        pattern.matches(&Url::parse(url).unwrap())
    }

    #[test]
    fn a_name_is_meant_exactly() {
        for url in [
            "https://api.example.com/a?b",
            "https://API.Example.COM",
            "https://api.example.com:443/",
            "http://api.example.com:80/",
            "https://user:secret@api.example.com/",
        ] {
            assert!(matches("API.example.com", url), "{url}");
        }
        for url in [
            "https://example.com/",
            "https://b.api.example.com/",
            "https://api.example.com.evil.example/",
            "https://evil.example/api.example.com",
            "https://api.example.com@evil.example/",
            "https://api.example.com:8443/",
            "https://api.example.com./",
            "https://apixexample.com/",
        ] {
            assert!(!matches("api.example.com", url), "{url}");
        }
    }

    #[test]
    fn a_star_is_for_the_names_below_and_not_for_the_name_itself() {
        assert!(matches("*.example.com", "https://a.example.com/"));
        assert!(matches("*.example.com", "https://b.a.example.com/"));
        assert!(!matches("*.example.com", "https://example.com/"));
        assert!(!matches("*.example.com", "https://evilexample.com/"));
        assert!(!matches("*.example.com", "https://.example.com/"));
    }

    #[test]
    fn a_port_is_meant_exactly() {
        assert!(matches(
            "api.example.com:8443",
            "https://api.example.com:8443/"
        ));
        assert!(!matches("api.example.com:8443", "https://api.example.com/"));
        assert!(matches("api.example.com:443", "https://api.example.com/"));
        assert!(!matches("api.example.com:443", "http://api.example.com/"));
        assert!(matches("api.example.com:21", "https://api.example.com:21/"));
    }

    #[test]
    fn addresses_are_compared_as_addresses() {
        assert!(matches("127.0.0.1", "https://0x7f.1/"));
        assert!(matches("127.0.0.1", "https://2130706433/"));
        assert!(matches("[::1]:8443", "https://[0:0:0:0:0:0:0:1]:8443/"));
        assert!(matches("bücher.example", "https://xn--bcher-kva.example/"));
    }

    #[test]
    fn what_is_no_host_reads_what_one_is() {
        for (text, reason) in [
            ("https://api.example.com", "leave out the scheme"),
            ("api.example.com/v1", "leave out the path"),
            ("me@api.example.com", "leave out the user"),
            ("*", "a `*` stands only at the beginning"),
            ("api.*.com", "a `*` stands only at the beginning"),
            ("*.com", "a whole top-level domain"),
            ("*.10.0.0.1", "an address has no names below it"),
            ("api.example.com.", "leave out the dot"),
            ("api.example.com:99999", "not a port"),
            ("api.example.com:0", "there is no port 0"),
            ("", "it is not a host"),
            ("a b", "it is not a host"),
            ("::1", "it is not a host"),
        ] {
            let error = text.parse::<HostPattern>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
            assert!(error.contains("`*.example.com`"), "{error}");
        }
    }

    #[test]
    fn the_written_form_is_read_again() {
        for text in [
            "api.example.com",
            "*.example.com:8443",
            "[::1]:443",
            "10.0.0.7",
        ] {
            let pattern: HostPattern = text.parse().unwrap();
            assert_eq!(pattern.to_string(), text);
            let json = serde_json::to_string(&pattern).unwrap();
            assert_eq!(serde_json::from_str::<HostPattern>(&json).unwrap(), pattern);
        }
        serde_json::from_str::<HostPattern>("\"*\"").unwrap_err();
    }
}
