//! What a binding lets a rule do beyond deciding.

use serde::{Deserialize, Serialize};
use url::Url;

use super::fetch::HostPattern;

/// What a rule may do. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Permissions {
    /// The hosts that it may send requests to.
    pub hosts: Vec<HostPattern>,
    /// Whether it may send them without TLS.
    pub allow_http: bool,
}

impl Permissions {
    /// Whether a request may be sent to `url`.
    pub fn allow(&self, url: &Url) -> bool {
        let scheme = match url.scheme() {
            "https" => true,
            "http" => self.allow_http,
            _ => false,
        };
        scheme && self.hosts.iter().any(|host| host.matches(url))
    }

    /// What both allow: a binding's permissions within what the rule's manifest asks for.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut hosts: Vec<HostPattern> = Vec::new();
        for (ours, theirs) in self
            .hosts
            .iter()
            .flat_map(|ours| other.hosts.iter().map(move |theirs| (ours, theirs)))
        {
            // Of two patterns one covers the other, or no host matches both.
            let narrower = match (ours.covers(theirs), theirs.covers(ours)) {
                (true, _) => theirs,
                (_, true) => ours,
                (false, false) => continue,
            };
            if !hosts.contains(narrower) {
                hosts.push(narrower.clone());
            }
        }
        Self {
            hosts,
            allow_http: self.allow_http && other.allow_http,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn permissions(hosts: &[&str], allow_http: bool) -> Permissions {
        Permissions {
            hosts: hosts.iter().map(|host| host.parse().unwrap()).collect(),
            allow_http,
        }
    }

    #[test]
    fn nothing_is_allowed_unless_it_is_said() {
        let url = Url::parse("https://api.example.com/").unwrap();
        assert!(!Permissions::default().allow(&url));
        assert!(permissions(&["api.example.com"], false).allow(&url));
    }

    #[test]
    fn http_takes_a_choice_of_its_own_and_other_schemes_none() {
        let hosts = ["api.example.com"];
        for (url, without, with) in [
            ("https://api.example.com/", true, true),
            ("http://api.example.com/", false, true),
            ("ftp://api.example.com/", false, false),
            ("file:///etc/passwd", false, false),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(permissions(&hosts, false).allow(&url), without, "{url}");
            assert_eq!(permissions(&hosts, true).allow(&url), with, "{url}");
        }
    }

    #[test]
    fn permissions_of_older_stores_are_none() {
        let read: Permissions = serde_json::from_str("{}").unwrap();
        assert_eq!(read, Permissions::default());
    }

    fn any_permissions() -> impl Strategy<Value = Permissions> {
        let host = prop::sample::select(vec![
            "a.example.com",
            "*.example.com",
            "*.a.example.com",
            "*.a.example.com:8443",
            "b.a.example.com:8443",
            "b.a.example.com:443",
            "example.com",
            "203.0.113.7",
        ]);
        (prop::collection::vec(host, 0..4), any::<bool>())
            .prop_map(|(hosts, http)| permissions(&hosts, http))
    }

    proptest! {
        #[test]
        fn an_intersection_allows_exactly_what_both_allow(
            ours in any_permissions(),
            theirs in any_permissions(),
            url in prop::sample::select(vec![
                "https://example.com/", "https://a.example.com/", "http://a.example.com/",
                "https://b.a.example.com/", "https://b.a.example.com:8443/", "https://203.0.113.7/",
                "http://b.a.example.com:8443/", "http://b.a.example.com:443/", "http://b.a.example.com/",
            ]),
        ) {
            let url = Url::parse(url).unwrap();
            let both = ours.allow(&url) && theirs.allow(&url);
            prop_assert_eq!(ours.intersection(&theirs).allow(&url), both);
        }
    }
}
