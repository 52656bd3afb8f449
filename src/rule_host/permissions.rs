//! What a binding lets a rule do beyond deciding.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use url::Url;

use super::Manifest;
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
}

/// Where a rule may send requests: what its binding allows and, if it has one, its manifest lists.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    pub(super) binding: Permissions,
    pub(super) manifest: Option<Arc<Manifest>>,
}

impl Reach {
    /// Whether a request may be sent to `url`; if not, the advice that its tenant reads. `host` is
    /// what would have to be allowed.
    pub(super) fn check(&self, url: &Url, host: &str) -> Result<(), String> {
        if !self.binding.allow(url) {
            return Err(match url.scheme() {
                "https" => format!("if that is meant, bind it with `--allow-host {host}`"),
                "http" => {
                    format!("if that is meant, bind it with `--allow-host {host} --allow-http`")
                }
                _ => "rules send requests by https, and by http if that is allowed".to_owned(),
            });
        }
        // The scheme is the tenant's choice alone.
        let listed = |manifest: &Arc<Manifest>| manifest.hosts.iter().any(|host| host.matches(url));
        match self.manifest.as_ref().is_none_or(listed) {
            true => Ok(()),
            false => Err(format!(
                "its binding allows that, but its manifest does not: add `{host}` to `hosts` in rule.toml"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_manifest_has_to_list_what_the_binding_allows_and_the_advice_says_which_of_them_does_not() {
        let manifest = |hosts: &str| {
            let text = format!("name = \"a\"\nversion = \"1\"\nhosts = [{hosts}]");
            Some(Arc::new(Manifest::parse(&text).unwrap()))
        };
        let url = Url::parse("http://a.example.com:8080/").unwrap();
        let check = |hosts: &[&str], http, manifest| {
            let reach = Reach {
                binding: permissions(hosts, http),
                manifest,
            };
            reach.check(&url, "a.example.com:8080").err()
        };
        let host = ["*.example.com:8080"];
        assert_eq!(check(&host, true, None), None);
        assert_eq!(check(&host, true, manifest("\"a.example.com:8080\"")), None);
        for (refused, advice) in [
            (
                check(&[], true, None),
                "--allow-host a.example.com:8080 --allow-http",
            ),
            (check(&host, false, None), "--allow-http"),
            (check(&host, true, manifest("")), "to `hosts` in rule.toml"),
            (
                check(&host, true, manifest("\"a.example.com\"")),
                "to `hosts` in rule.toml",
            ),
            (
                check(&[], true, manifest("\"*.example.com:8080\"")),
                "--allow-host",
            ),
        ] {
            assert!(refused.as_ref().unwrap().contains(advice), "{refused:?}");
        }
    }
}
