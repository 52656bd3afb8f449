//! Which scopes a password grant gives (contract, section 1.5).

use crate::api::Api;

/// The standard scopes (OpenID Connect Core, section 5.4), in the order they are granted.
pub const STANDARD: [&str; 5] = ["openid", "profile", "email", "address", "phone"];

/// Scopes that a policy allowed. Rules may still change them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedScopes(Vec<String>);

impl GrantedScopes {
    /// What a request for `asked` gets of the standard scopes and of `api`'s.
    ///
    /// - Nothing asked: all of the API's; without an API, the five standard scopes.
    /// - `openid` alone: the five standard scopes, and all of the API's.
    /// - Standard scopes only: those, and all of the API's.
    /// - Anything else: what is asked, as far as it is a standard scope or the API defines it. A
    ///   scope that nobody defines is left out, and does not count as having asked for none: a
    ///   misspelt scope must not bring all of them.
    pub fn by_policy(asked: Option<&[String]>, api: Option<&Api>) -> Self {
        let asked = asked.unwrap_or_default();
        let is_standard = |scope: &String| STANDARD.contains(&scope.as_str());
        let mut granted = Vec::new();
        let mut grant = |scope: &str| {
            if !granted.iter().any(|known| known == scope) {
                granted.push(scope.to_owned());
            }
        };

        let openid_alone = !asked.is_empty() && asked.iter().all(|scope| scope == "openid");
        if openid_alone || (asked.is_empty() && api.is_none()) {
            STANDARD.into_iter().for_each(&mut grant);
        }
        for scope in asked {
            if is_standard(scope) || api.is_some_and(|api| api.defines(scope)) {
                grant(scope);
            }
        }
        let asks_api = asked
            .iter()
            .any(|scope| !is_standard(scope) && scope != OFFLINE_ACCESS);
        if let (Some(api), false) = (api, asks_api) {
            api.scopes.iter().for_each(|scope| grant(&scope.value));
        }
        Self(granted)
    }

    /// The scopes, in order, none twice.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

/// Asks for a refresh token rather than for an API's scope. There are none yet, so it is not
/// granted, and the `scope` of the answer says so.
const OFFLINE_ACCESS: &str = "offline_access";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ApiScope;
    use crate::clock::Timestamp;

    fn orders() -> Api {
        let scope = |value: &str| ApiScope {
            value: value.to_owned(),
            description: String::new(),
        };
        Api {
            identifier: "https://orders.example/".to_owned(),
            name: "Orders".to_owned(),
            scopes: vec![scope("read:orders"), scope("write:orders")],
            signing_alg: crate::token::SigningAlgorithm::RS256,
            signing_secret: None,
            token_dialect: crate::api::TokenDialect::AccessToken,
            token_lifetime: 60,
            created_at: Timestamp::default(),
        }
    }

    #[track_caller]
    fn check(asked: &str, with_api: bool, granted: &str) {
        let asked: Vec<String> = asked.split_whitespace().map(str::to_owned).collect();
        let api = with_api.then(orders);
        let asked = (!asked.is_empty()).then_some(asked.as_slice());
        let scopes = GrantedScopes::by_policy(asked, api.as_ref());
        assert_eq!(scopes.as_slice().join(" "), granted);
    }

    #[test]
    fn an_api_gives_all_its_scopes_when_none_of_them_is_asked() {
        check("", true, "read:orders write:orders");
        check(
            "profile openid",
            true,
            "profile openid read:orders write:orders",
        );
        check("offline_access", true, "read:orders write:orders");
    }

    #[test]
    fn openid_alone_gives_the_five_standard_scopes() {
        check("openid", false, "openid profile email address phone");
        check(
            "openid",
            true,
            "openid profile email address phone read:orders write:orders",
        );
    }

    #[test]
    fn nothing_asked_without_an_api_gives_the_five_standard_scopes() {
        check("", false, "openid profile email address phone");
    }

    #[test]
    fn what_is_asked_is_granted_in_the_order_asked_and_once() {
        check(
            "write:orders openid write:orders",
            true,
            "write:orders openid",
        );
    }

    #[test]
    fn a_scope_that_nobody_defines_is_left_out_and_brings_nothing() {
        check("extra-scope", false, "");
        check("extra-scope", true, "");
        check("openid read:invoices", true, "openid");
    }
}
