//! Which names a rule may give to a claim.

use unicode_normalization::UnicodeNormalization;
use url::{Host, Url};

use super::text::{deceives, printable};

/// Claims that only the server sets, in order. Whoever can set one of them can be somebody else, or
/// be somebody for longer; `roles`, `groups`, `permissions` and `entitlements` are what resource
/// servers authorise by, and reach a token only under a namespace. Auth0's list, to the
/// letter, in lower case: names are compared without regard to it.
pub const RESERVED_CLAIMS: [&str; 60] = [
    "acr",
    "act",
    "active",
    "amr",
    "at_hash",
    "ath",
    "attest",
    "aud",
    "auth_time",
    "authorization_details",
    "azp",
    "c_hash",
    "client_id",
    "cnf",
    "cty",
    "dest",
    "entitlements",
    "events",
    "exp",
    "groups",
    "gty",
    "htm",
    "htu",
    "iat",
    "internalservice",
    "iss",
    "jcard",
    "jku",
    "jti",
    "jwe",
    "jwk",
    "kid",
    "may_act",
    "mky",
    "nbf",
    "nonce",
    "object_id",
    "org_id",
    "org_name",
    "orig",
    "origid",
    "permissions",
    "roles",
    "rph",
    "s_hash",
    "sid",
    "sip_callid",
    "sip_cseq_num",
    "sip_date",
    "sip_from_tag",
    "sip_via_branch",
    "sub",
    "sub_jwk",
    "toe",
    "txn",
    "typ",
    "uuid",
    "vot",
    "vtm",
    "x5t#s256",
];

/// Hosts whose URLs, and whose subdomains' URLs, Auth0 keeps for itself.
const AUTH0_HOSTS: [&str; 3] = ["auth0.com", "webtask.io", "webtask.run"];

/// Accepts a name, or says why a rule may not use it.
pub(super) fn check(name: &str, max_bytes: usize) -> Result<(), String> {
    plain(name, max_bytes)?;
    let canonical = canonical(name);
    if canonical == "scope" {
        return Err("`scope` is reserved: use `add-scope` and `remove-scope`".into());
    }
    if RESERVED_CLAIMS.binary_search(&canonical.as_str()).is_ok() {
        return Err(if canonical == name {
            format!("`{name}` is reserved: only the server sets it; use a namespaced name")
        } else {
            format!(
                "`{}` is too much like `{canonical}`, which only the server sets",
                printable(name, max_bytes)
            )
        });
    }
    if is_auth0s(&canonical) {
        return Err(format!(
            "`{}` is in a namespace that Auth0 keeps for itself: use a URL of your own",
            printable(name, max_bytes)
        ));
    }
    Ok(())
}

/// Whether a name is one that only the server sets, or would be read as one by a careless verifier:
/// `Sub`, `sub ` or `sub` with a zero byte. The mint asks again before it signs.
#[must_use]
pub fn is_reserved_claim(name: &str) -> bool {
    let seen = |c: &char| !c.is_whitespace() && !c.is_control();
    let canonical = canonical(&name.chars().filter(seen).collect::<String>());
    canonical == "scope" || RESERVED_CLAIMS.binary_search(&canonical.as_str()).is_ok()
}

/// Accepts what may be a name at all: not empty, not too long, and no more than what is seen of it.
pub(super) fn plain(name: &str, max_bytes: usize) -> Result<(), String> {
    if name.is_empty() {
        return Err("the name is empty".into());
    }
    if name.len() > max_bytes {
        return Err(format!(
            "the name has {} bytes and may have {max_bytes}",
            name.len()
        ));
    }
    if name.trim() != name || name.chars().any(deceives) {
        return Err(format!(
            "`{}` begins or ends with a space, or contains a character that cannot be seen",
            printable(name, max_bytes)
        ));
    }
    Ok(())
}

/// What a careless reader of tokens would take the name for: case, and characters that merely look
/// like others, do not count.
fn canonical(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    let folded: String = name.nfkc().flat_map(char::to_lowercase).collect();
    folded.trim().to_owned()
}

fn is_auth0s(canonical: &str) -> bool {
    if canonical.starts_with("urn:auth0") {
        return true;
    }
    if !canonical.starts_with("http:") && !canonical.starts_with("https:") {
        return false;
    }
    // A URL parser sees the host where a token's reader would: behind credentials, `\` and dots.
    let Ok(url) = Url::parse(canonical) else {
        return false;
    };
    let Some(Host::Domain(host)) = url.host() else {
        return false;
    };
    let host = host.trim_end_matches('.');
    AUTH0_HOSTS.iter().any(|own| {
        host.strip_suffix(own)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_refused(name: &str) -> bool {
        check(name, 256).is_err()
    }

    #[test]
    fn the_list_is_in_order_so_that_it_can_be_searched() {
        assert!(RESERVED_CLAIMS.is_sorted());
    }

    #[test]
    fn profile_claims_and_namespaced_ones_are_a_rules_to_set() {
        for name in [
            "email",
            "nickname",
            "tier",
            "https://example.com/roles",
            "http://notauth0.com/x",
            "https://auth0.com.example.org/x",
            "urn:example:sub",
        ] {
            assert_eq!(check(name, 256), Ok(()), "{name}");
        }
    }

    #[test]
    fn namespaces_of_auth0_are_refused_however_they_are_written() {
        for name in [
            "https://auth0.com/roles",
            "HTTPS://Tenant.Auth0.com/roles",
            "https://user@auth0.com/x",
            "https://auth0.com./x",
            "https:\\\\auth0.com/x",
            "http://webtask.io",
            "https://a.b.webtask.run/",
            "urn:auth0:roles",
            "URN:auth0",
        ] {
            assert!(is_refused(name), "{name}");
        }
    }

    #[test]
    fn a_name_of_exactly_the_limit_is_accepted_and_one_more_byte_is_not() {
        assert_eq!(check(&"x".repeat(256), 256), Ok(()));
        assert!(is_refused(&"x".repeat(257)));
        assert!(is_refused(""));
    }

    proptest! {
        #[test]
        fn no_disguise_gets_a_reserved_name_through(
            at in 0..RESERVED_CLAIMS.len(),
            upper in any::<u64>(),
            wide in any::<u64>(),
            before in "[ \t\n\r\u{0}\u{200b}\u{feff}\u{2028}]{0,2}",
            after in "[ \t\n\r\u{0}\u{200b}\u{feff}\u{2028}]{0,2}",
        ) {
            let disguised: String = RESERVED_CLAIMS[at]
                .chars()
                .enumerate()
                .map(|(i, c)| if upper >> i & 1 == 1 { c.to_ascii_uppercase() } else { c })
                // The full-width forms of ASCII, which NFKC folds back.
                .enumerate()
                .map(|(i, c)| if wide >> i & 1 == 1 {
                    char::from_u32(u32::from(c) + 0xfee0).unwrap()
                } else { c })
                .collect();
            let name = format!("{before}{disguised}{after}");
            prop_assert!(is_refused(&name), "{}", name);
        }
    }
}
