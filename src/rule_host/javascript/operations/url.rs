//! URLs as browsers and Node read them: the parts of one, or of one with a part changed.

use serde_json::{Value, json};
use url::{Url, quirks};

/// `[url]` or `[url, base]` → the parts, or nothing if it is no URL.
pub(super) fn parse(text: &str) -> Result<String, String> {
    let given: Vec<String> = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let parsed = match given.as_slice() {
        [url] => Url::parse(url),
        [url, base] => Url::parse(base).and_then(|base| base.join(url)),
        _ => return Err("a URL, and perhaps a base".into()),
    };
    Ok(parsed.map_or_else(|_| String::new(), |url| parts(&url)))
}

/// `[url, part, value]` → the parts afterwards. A value that cannot be one changes nothing, but an `href` is nothing then.
pub(super) fn set(text: &str) -> Result<String, String> {
    let (url, part, value): (String, String, String) =
        serde_json::from_str(text).map_err(|e| e.to_string())?;
    let mut url = Url::parse(&url).map_err(|e| e.to_string())?;
    let set = match part.as_str() {
        "href" if quirks::set_href(&mut url, &value).is_err() => return Ok(String::new()),
        "href" => Ok(()),
        "protocol" => quirks::set_protocol(&mut url, &value),
        "username" => quirks::set_username(&mut url, &value),
        "password" => quirks::set_password(&mut url, &value),
        "host" => quirks::set_host(&mut url, &value),
        "hostname" => quirks::set_hostname(&mut url, &value),
        "port" => quirks::set_port(&mut url, &value),
        "pathname" => {
            quirks::set_pathname(&mut url, &value);
            Ok(())
        }
        "search" => {
            quirks::set_search(&mut url, &value);
            Ok(())
        }
        "hash" => {
            quirks::set_hash(&mut url, &value);
            Ok(())
        }
        _ => return Err(format!("a URL has no `{part}`")),
    };
    // The standard's setters say nothing of a value that they do not take.
    let _ = set;
    Ok(parts(&url))
}

fn parts(url: &Url) -> String {
    let parts: Value = json!({
        "href": quirks::href(url),
        "protocol": quirks::protocol(url),
        "username": quirks::username(url),
        "password": quirks::password(url),
        "host": quirks::host(url),
        "hostname": quirks::hostname(url),
        "port": quirks::port(url),
        "pathname": quirks::pathname(url),
        "search": quirks::search(url),
        "hash": quirks::hash(url),
        "origin": quirks::origin(url),
    });
    parts.to_string()
}
