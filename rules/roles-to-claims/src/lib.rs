//! The names of the user's roles as a claim of the access token and of the ID token.

use guest::{Claim, Denial, Effect, Exchange, Rule};

const DEFAULT_NAMESPACE: &str = "https://claimsmith.example/";

struct RolesToClaims;
guest::export!(RolesToClaims);

impl Rule for RolesToClaims {
    fn decide(exchange: Exchange) -> Result<Vec<Effect>, Denial> {
        // A machine has no roles.
        let Some(user) = exchange.user else {
            return Ok(vec![]);
        };
        // Without roles the claim is an empty array, so that an API need not tell "none" from "unknown".
        let claim = Claim {
            name: claim_name()?,
            value: guest::string_array(user.roles.iter().map(String::as_str)),
        };
        Ok(vec![
            Effect::SetAccessClaim(claim.clone()),
            Effect::SetIdClaim(claim),
        ])
    }
}

/// `<namespace>/roles`. The bare name `roles` is reserved, so a namespace there must be, and a URL
/// is what keeps two parties from choosing the same name (RFC 7519, section 4.2).
fn claim_name() -> Result<String, Denial> {
    let namespace = guest::setting("CLAIMS_NAMESPACE").unwrap_or_else(|| DEFAULT_NAMESPACE.into());
    let namespace = namespace.trim().trim_end_matches('/');
    let host = namespace
        .strip_prefix("https://")
        .or_else(|| namespace.strip_prefix("http://"));
    if host.is_none_or(str::is_empty) {
        return Err(guest::misconfigured(
            "CLAIMS_NAMESPACE",
            "is not an http or https URL",
        ));
    }
    Ok([namespace, "/roles"].concat())
}
