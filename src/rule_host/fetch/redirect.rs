//! Redirects, followed here so that each hop is checked like the first (RFC 9110, section 15.4).

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{Method, StatusCode};
use url::Url;

use super::answer::Failure;
use super::request::{Redirects, Request};

/// What goes along to another origin. Everything else may be a credential: `Authorization` and
/// `Cookie`, but `X-Api-Key` and its many cousins as well.
const HARMLESS: [HeaderName; 5] = [
    header::ACCEPT,
    header::ACCEPT_LANGUAGE,
    header::CONTENT_LANGUAGE,
    header::CONTENT_TYPE,
    header::USER_AGENT,
];

/// The request to make next, if the response to `request` is a redirect to follow.
pub(super) fn next<B>(
    request: &Request,
    response: &http::Response<B>,
) -> Result<Option<Request>, Failure> {
    let status = response.status();
    let follows = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    if !follows {
        return Ok(None);
    }
    match request.redirects {
        Redirects::Follow => {}
        Redirects::Keep => return Ok(None),
        Redirects::Refuse => {
            return Err(Failure::unreachable(
                "the response is a redirect",
                "the rule asked for none to be followed",
            ));
        }
    }
    let Some(location) = response.headers().get(header::LOCATION) else {
        return Ok(None);
    };
    let location = location.to_str().ok();
    let url = location.and_then(|text| request.url.join(text).ok());
    let mut url = url.ok_or_else(|| {
        Failure::unreachable("a redirect leads nowhere", "its `Location` is not a URL")
    })?;
    url.set_fragment(None);
    let mut next = request.clone();
    if turns_into_get(status, &request.method) {
        next.method = Method::GET;
        next.body = Bytes::new();
        next.headers.remove(header::CONTENT_TYPE);
        next.headers.remove(header::CONTENT_LANGUAGE);
    }
    if !is_same_origin(&request.url, &url) {
        let names: Vec<HeaderName> = next.headers.keys().cloned().collect();
        for name in names.iter().filter(|name| !HARMLESS.contains(name)) {
            next.headers.remove(name);
        }
    }
    // A user in the new URL is the redirecting server's choice, not the rule's.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    next.url = url;
    Ok(Some(next))
}

/// 303 always asks anew; a POST that moved is asked anew by every client there is.
fn turns_into_get(status: StatusCode, method: &Method) -> bool {
    match status {
        StatusCode::SEE_OTHER => *method != Method::HEAD,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => *method == Method::POST,
        _ => false,
    }
}

fn is_same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}

#[cfg(test)]
mod tests {
    use super::super::{FetchLimits, Outgoing};
    use super::*;

    fn request(method: &str) -> Request {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Outgoing {
            method: method.to_owned(),
            url: "https://a.example/x/y".to_owned(),
            headers: vec![
                pair("authorization", "Bearer secret"),
                pair("cookie", "secret"),
                pair("x-api-key", "secret"),
                pair("accept", "application/json"),
                pair("content-type", "text/plain"),
            ],
            body: b"body".to_vec(),
            ..Outgoing::default()
        }
        .check(&FetchLimits::default())
        .unwrap()
    }

    fn follow(method: &str, status: u16, location: &str) -> Option<Request> {
        let response = http::Response::builder()
            .status(status)
            .header("location", location)
            .body(())
            .unwrap();
        next(&request(method), &response).unwrap()
    }

    #[test]
    fn credentials_of_every_kind_stay_with_their_origin() {
        for location in [
            "https://b.example/",
            "//b.example/",
            "https://a.example:8443/",
            "http://a.example/",
            "https://user:secret@b.example/",
        ] {
            let next = follow("GET", 302, location).unwrap();
            let mut names: Vec<&str> = next.headers.keys().map(HeaderName::as_str).collect();
            names.sort_unstable();
            assert_eq!(
                names,
                ["accept", "content-type", "user-agent"],
                "{location}"
            );
            assert_eq!(next.url.username(), "");
        }
        let same = follow("GET", 302, "../z").unwrap();
        assert_eq!(same.url.as_str(), "https://a.example/z");
        assert_eq!(same.headers.len(), 6);
    }

    #[test]
    fn a_post_that_moved_becomes_a_get_and_one_that_must_stay_a_post_does() {
        for (method, status, becomes) in [
            ("POST", 301, "GET"),
            ("POST", 302, "GET"),
            ("POST", 303, "GET"),
            ("PUT", 303, "GET"),
            ("HEAD", 303, "HEAD"),
            ("PUT", 302, "PUT"),
            ("POST", 307, "POST"),
            ("POST", 308, "POST"),
        ] {
            let next = follow(method, status, "/z").unwrap();
            assert_eq!(next.method.as_str(), becomes, "{method} {status}");
            assert_eq!(next.body.is_empty(), becomes == "GET", "{method} {status}");
        }
    }

    #[test]
    fn what_is_no_redirect_is_not_followed() {
        for status in [200, 300, 304, 305, 400] {
            assert!(follow("GET", status, "/z").is_none(), "{status}");
        }
        let mut asked = request("GET");
        asked.redirects = Redirects::Keep;
        let response = http::Response::builder()
            .status(302)
            .header("location", "/z")
            .body(())
            .unwrap();
        assert!(next(&asked, &response).unwrap().is_none());
        asked.redirects = Redirects::Refuse;
        assert!(next(&asked, &response).is_err());
    }
}
