//! A request as a rule hands it over, and what is left of it after checking.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use url::Url;

use super::FetchLimits;
use super::answer::{Failure, FetchError};
use crate::rule_host::text::printable;

/// A request of a rule, nothing in it checked.
#[derive(Clone, Debug, Default)]
pub(in crate::rule_host) struct Outgoing {
    pub(in crate::rule_host) method: String,
    pub(in crate::rule_host) url: String,
    pub(in crate::rule_host) headers: Vec<(String, String)>,
    pub(in crate::rule_host) body: Vec<u8>,
    /// None, or nothing, for as long as the host lets a request take.
    pub(in crate::rule_host) timeout: Option<Duration>,
    pub(in crate::rule_host) redirects: Redirects,
}

/// What becomes of a response that points elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::rule_host) enum Redirects {
    /// The request goes there.
    #[default]
    Follow,
    /// The rule gets it as it is.
    Keep,
    /// It is a failure.
    Refuse,
}

/// A request that is well-formed and within the limits; whether it may be sent is another question.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    /// Without user and password: those are in the headers.
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) timeout: Option<Duration>,
    pub(super) redirects: Redirects,
}

/// The methods of RFC 9110 without `CONNECT` and `TRACE`, and `PATCH` (RFC 5789).
const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// Headers that frame a message or belong to the connection. They are the client's to set: a rule
/// that could would say one length and send another (request smuggling), or ask one host in the
/// name of another. Libraries set some of them as a habit, so they are left out, not refused.
const FRAMING: [HeaderName; 10] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
    // Nothing here unpacks: without it, servers answer in plain, and no bomb can unfold.
    header::ACCEPT_ENCODING,
];

impl Outgoing {
    /// Checks all but the permission.
    pub(super) fn check(self, limits: &FetchLimits) -> Result<Request, Failure> {
        let size = self.size();
        if size > limits.request_bytes {
            return Err(Failure::new(
                FetchError::TooLarge,
                format!(
                    "the request has {size} bytes and may have {}",
                    limits.request_bytes
                ),
            ));
        }
        let method = method(&self.method)?;
        let mut url = Url::parse(&self.url).map_err(|error| {
            Failure::malformed(format!(
                "`{}` is not a URL: {error}",
                printable(&self.url, 300)
            ))
        })?;
        let mut headers = headers(&self.headers, limits)?;
        if let Some(credentials) = take_credentials(&mut url) {
            headers.entry(header::AUTHORIZATION).or_insert(credentials);
        }
        url.set_fragment(None);
        Ok(Request {
            method,
            url,
            headers,
            body: self.body.into(),
            timeout: self.timeout.filter(|timeout| !timeout.is_zero()),
            redirects: self.redirects,
        })
    }

    fn size(&self) -> usize {
        let headers = self.headers.iter().map(|(n, v)| n.len() + v.len());
        self.url.len() + headers.sum::<usize>() + self.body.len()
    }
}

/// Case matters in a method (RFC 9110, section 9.1); libraries that write `get` mean `GET`.
fn method(text: &str) -> Result<Method, Failure> {
    METHODS
        .into_iter()
        .find(|method| method.as_str().eq_ignore_ascii_case(text))
        .ok_or_else(|| {
            Failure::malformed(format!(
                "`{}` is not a method that a rule may use; there are GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS",
                printable(text, 50)
            ))
        })
}

fn headers(pairs: &[(String, String)], limits: &FetchLimits) -> Result<HeaderMap, Failure> {
    if pairs.len() > limits.headers {
        return Err(Failure::malformed(format!(
            "the request has {} headers and may have {}",
            pairs.len(),
            limits.headers
        )));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let refused = |what| {
            let name = printable(name, 100);
            Failure::malformed(format!(
                "the {what} of the header `{name}` is not allowed there"
            ))
        };
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused("name"))?;
        // Refuses line ends, with which a value would become a header or a request of its own.
        let value = HeaderValue::from_str(value).map_err(|_| refused("value"))?;
        if !FRAMING.contains(&name) && !is_hop_by_hop(name.as_str()) {
            headers.append(name, value);
        }
    }
    let agent = HeaderValue::from_static(concat!("claimsmith/", env!("CARGO_PKG_VERSION")));
    headers.entry(header::USER_AGENT).or_insert(agent);
    Ok(headers)
}

/// Those without a constant.
fn is_hop_by_hop(name: &str) -> bool {
    matches!(name, "keep-alive" | "proxy-connection" | "http2-settings")
}

/// `https://user:secret@host/`, as `curl -u` would send it. The URL is recorded, so it loses them.
fn take_credentials(url: &mut Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut pair: Vec<u8> = percent_decode_str(url.username()).collect();
    pair.push(b':');
    pair.extend(percent_decode_str(url.password().unwrap_or_default()));
    let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))).ok()?;
    value.set_sensitive(true);
    // Fails only for URLs without a host, which have no user either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing(url: &str) -> Outgoing {
        Outgoing {
            method: "GET".to_owned(),
            url: url.to_owned(),
            ..Outgoing::default()
        }
    }

    fn check(outgoing: Outgoing) -> Result<Request, String> {
        outgoing
            .check(&FetchLimits::default())
            .map_err(|failure| failure.detail)
    }

    fn with_header(name: &str, value: &str) -> Result<Request, String> {
        check(Outgoing {
            headers: vec![(name.to_owned(), value.to_owned())],
            ..outgoing("https://a.example/")
        })
    }

    #[test]
    fn a_line_end_never_gets_into_a_header() {
        for (name, value) in [
            ("x", "a\r\nhost: evil.example"),
            ("x", "a\nb"),
            ("x", "a\0b"),
            ("x\r\ny", "a"),
            ("x:", "a"),
            ("", "a"),
            ("x y", "a"),
        ] {
            let error = with_header(name, value).unwrap_err();
            assert!(error.contains("is not allowed there"), "{error}");
        }
        with_header("x-ok", "a\tb").unwrap();
    }

    #[test]
    fn what_frames_a_message_is_left_out() {
        for name in [
            "Host",
            "Content-Length",
            "transfer-encoding",
            "Connection",
            "Keep-Alive",
            "Proxy-Authorization",
            "TE",
            "Trailer",
            "Upgrade",
            "Expect",
            "Accept-Encoding",
        ] {
            let request = with_header(name, "5").unwrap();
            assert_eq!(request.headers.len(), 1, "{name}");
            assert!(request.headers.contains_key("user-agent"));
        }
    }

    #[test]
    fn methods_that_are_not_for_rules_are_refused() {
        for method in ["CONNECT", "TRACE", "", "GET /", "G\r\nET", "PROPFIND"] {
            let mut request = outgoing("https://a.example/");
            request.method = method.to_owned();
            assert!(check(request).unwrap_err().contains("is not a method"));
        }
        let mut request = outgoing("https://a.example/");
        request.method = "post".to_owned();
        assert_eq!(check(request).unwrap().method, Method::POST);
    }

    #[test]
    fn a_url_s_user_becomes_a_header_and_leaves_the_url() {
        let request = check(outgoing("https://ada:p%40ss@a.example/x#frag")).unwrap();
        assert_eq!(request.url.as_str(), "https://a.example/x");
        assert_eq!(
            request.headers["authorization"],
            format!("Basic {}", STANDARD.encode("ada:p@ss")).as_str()
        );
    }

    #[test]
    fn size_and_number_of_headers_obeyed_and_violated() {
        let limits = FetchLimits::default();
        let url = "https://a.example/";
        for (more, fits) in [(0, true), (1, false)] {
            let sized = Outgoing {
                body: vec![0; limits.request_bytes - url.len() + more],
                ..outgoing(url)
            };
            assert_eq!(check(sized).is_ok(), fits);
            let counted = Outgoing {
                headers: vec![("x".to_owned(), "y".to_owned()); limits.headers + more],
                ..outgoing(url)
            };
            assert_eq!(check(counted).is_ok(), fits);
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for url in [
            "",
            "a.example",
            "/path",
            "https://",
            "https://[::1",
            "https://a b/",
        ] {
            assert!(
                check(outgoing(url)).unwrap_err().contains("is not a URL"),
                "{url}"
            );
        }
    }
}
