//! Nobody gets a token without a verified e-mail address whose domain is on the tenant's list.

use guest::{Denial, Effect, Exchange, Rule, User};

struct EmailAllowList;
guest::export!(EmailAllowList);

impl Rule for EmailAllowList {
    fn decide(exchange: Exchange) -> Result<Vec<Effect>, Denial> {
        let allowed = guest::required_setting("ALLOWED_EMAIL_DOMAINS")?;
        let mut allowed = allowed.split([',', ' ', '\t', '\n', '\x0c', '\r']);
        let domain = exchange.user.as_ref().and_then(verified_domain);
        // Whole domains only: neither `sub.example.com` nor `notexample.com` is `example.com`.
        if domain.is_some_and(|domain| allowed.any(|name| name.eq_ignore_ascii_case(domain))) {
            return Ok(vec![]);
        }
        // One text for every reason: the list is not to be guessed from the answers.
        Err(guest::deny(
            "unauthorized",
            "a verified e-mail address of an allowed domain is required",
        ))
    }
}

/// What follows the last `@` (a quoted local part may hold another), if the user showed that the
/// address is theirs.
fn verified_domain(user: &User) -> Option<&str> {
    let (local, domain) = user.email.as_deref()?.rsplit_once('@')?;
    (user.email_verified && !local.is_empty() && !domain.is_empty()).then_some(domain)
}
