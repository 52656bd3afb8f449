//! Which scopes a grant gives (contract, sections 1.5 and 1.7).

use super::{Error, GrantRequest};
use crate::api::Api;
use crate::client::Client;
use crate::token::OFFLINE_ACCESS;

/// The standard scopes (OpenID Connect Core, section 5.4), in the order they are granted.
pub const STANDARD: [&str; 5] = ["openid", "profile", "email", "address", "phone"];

/// What a user may have of an API through a client.
#[derive(Clone, Debug)]
pub struct Available {
    scopes: Vec<String>,
    only_if_asked: bool,
}

impl Available {
    /// Everything that the API defines.
    pub fn all(api: &Api) -> Self {
        Self {
            scopes: api.scopes.iter().map(|scope| scope.value.clone()).collect(),
            only_if_asked: false,
        }
    }

    /// What is left of it under a client grant. Such scopes must be asked for by name.
    #[must_use]
    pub fn under_client_grant(mut self, granted: &[String]) -> Self {
        self.scopes.retain(|scope| granted.contains(scope));
        self.only_if_asked = true;
        self
    }

    fn contains(&self, scope: &String) -> bool {
        self.scopes.contains(scope)
    }
}

/// Scopes that a policy allowed. Rules may still change them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedScopes(Vec<String>);

impl GrantedScopes {
    /// What a request for `asked` gets of the standard scopes and of what is `available` of an API.
    ///
    /// - Nothing asked: all that is available; without an API, the five standard scopes.
    /// - `openid` alone: the five standard scopes, and all that is available.
    /// - Standard scopes only: those, and all that is available.
    /// - Anything else: what is asked, as far as it is a standard scope or available. A scope that
    ///   is not is left out, and does not count as having asked for none: a misspelt scope must not
    ///   bring all of them.
    /// - `offline_access`: if the client may stay offline.
    pub fn by_policy(
        asked: Option<&[String]>,
        available: Option<&Available>,
        offline: bool,
    ) -> Self {
        let asked = asked.unwrap_or_default();
        let is_standard = |scope: &String| STANDARD.contains(&scope.as_str());
        let mut granted = Vec::new();
        let mut grant = |scope: &str| {
            if !granted.iter().any(|known| known == scope) {
                granted.push(scope.to_owned());
            }
        };

        let openid_alone = !asked.is_empty() && asked.iter().all(|scope| scope == "openid");
        if openid_alone || (asked.is_empty() && available.is_none()) {
            STANDARD.into_iter().for_each(&mut grant);
        }
        for scope in asked {
            let stays = offline && scope == OFFLINE_ACCESS;
            if stays
                || is_standard(scope)
                || available.is_some_and(|available| available.contains(scope))
            {
                grant(scope);
            }
        }
        let asks_api = asked
            .iter()
            .any(|scope| !is_standard(scope) && scope != OFFLINE_ACCESS);
        if let (Some(available), false) = (available, asks_api)
            && !available.only_if_asked
        {
            available.scopes.iter().for_each(|scope| grant(scope));
        }
        Self(granted)
    }

    /// What a client gets for itself of what it was granted: what it asks for, all if it asks for
    /// nothing. Asking for more is an error, since nobody is there to be content with less.
    pub fn of_client_grant(asked: Option<&[String]>, held: Vec<String>) -> Result<Self, Error> {
        let Some(asked) = asked else {
            return Ok(Self(held));
        };
        let missing: Vec<String> = asked
            .iter()
            .filter(|scope| !held.contains(scope))
            .cloned()
            .collect();
        if missing.is_empty() {
            Ok(Self(asked.to_vec()))
        } else {
            Err(Error::ScopesNotGranted(missing))
        }
    }

    /// What is left of them where the scopes of an API must be permissions too.
    #[must_use]
    pub fn only_permitted(mut self, api: &Api, permissions: &[String]) -> Self {
        let permitted = |scope: &String| !api.defines(scope) || permissions.contains(scope);
        self.0.retain(permitted);
        self
    }

    /// What is left of scopes that were granted before: less may be available than was.
    pub(super) fn remembered(mut scopes: Vec<String>, available: Option<&Available>) -> Self {
        scopes.retain(|scope| {
            STANDARD.contains(&scope.as_str())
                || scope == OFFLINE_ACCESS
                || available.is_some_and(|available| available.contains(scope))
        });
        Self(scopes)
    }

    /// The scopes, in order, none twice.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

/// Whether a login may begin a family of refresh tokens, and a family go on: the client may use the
/// grant, and the API allows it. A token for /userinfo alone has no API that could object.
pub(super) fn may_stay_offline(client: &Client, api: Option<&Api>) -> bool {
    client.may_use(GrantRequest::REFRESH_TOKEN) && api.is_none_or(|api| api.allow_offline_access)
}

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
            id: String::new(),
            kept: Default::default(),
            identifier: "https://orders.example/".to_owned(),
            name: "Orders".to_owned(),
            scopes: vec![scope("read:orders"), scope("write:orders")],
            signing_alg: crate::token::SigningAlgorithm::RS256,
            signing_secret: None,
            token_dialect: crate::api::TokenDialect::AccessToken,
            token_lifetime: 60,
            subject_type_authorization: Default::default(),
            enforce_policies: false,
            is_system: false,
            allow_offline_access: true,
            created_at: Timestamp::default(),
        }
    }

    #[track_caller]
    fn check(asked: &str, with_api: bool, granted: &str) {
        let available = with_api.then(|| Available::all(&orders()));
        check_of(asked, available.as_ref(), granted);
    }

    #[track_caller]
    fn check_of(asked: &str, available: Option<&Available>, granted: &str) {
        check_when(false, asked, available, granted);
    }

    #[track_caller]
    fn check_when(offline: bool, asked: &str, available: Option<&Available>, granted: &str) {
        let asked = list(asked);
        let asked = (!asked.is_empty()).then_some(asked.as_slice());
        let scopes = GrantedScopes::by_policy(asked, available, offline);
        assert_eq!(scopes.as_slice().join(" "), granted);
    }

    fn list(scopes: &str) -> Vec<String> {
        scopes.split_whitespace().map(str::to_owned).collect()
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
    fn offline_access_is_granted_to_who_may_have_it_and_asks_nothing_of_the_api() {
        check("offline_access", false, "");
        check_when(true, "offline_access", None, "offline_access");
        let orders = Available::all(&orders());
        let all = "offline_access read:orders write:orders";
        check_when(true, "offline_access", Some(&orders), all);
        check_when(true, "", Some(&orders), "read:orders write:orders");
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

    #[test]
    fn under_a_client_grant_a_user_gets_what_is_asked_and_granted_and_nothing_unasked() {
        let granted = list("read:orders export:orders");
        let available = Available::all(&orders()).under_client_grant(&granted);
        check_of("", Some(&available), "");
        check_of("openid email", Some(&available), "openid email");
        check_of("read:orders write:orders", Some(&available), "read:orders");
        check_of("export:orders", Some(&available), "");
    }

    #[test]
    fn a_user_gets_no_scope_without_the_permission_and_all_permitted_when_asking_for_none() {
        let check = |asked: &str, granted: &str| {
            let asked = list(asked);
            let available = Available::all(&orders());
            let scopes = GrantedScopes::by_policy(Some(&asked), Some(&available), false);
            let held = list("write:orders delete:orders");
            let scopes = scopes.only_permitted(&orders(), &held);
            assert_eq!(scopes.as_slice().join(" "), granted);
        };
        check("", "write:orders");
        check("read:orders write:orders", "write:orders");
        check("read:orders", "");
        check("openid", "openid profile email address phone write:orders");
    }

    #[test]
    fn a_client_gets_what_it_asks_of_its_grant_or_all_of_it_and_is_told_what_it_lacks() {
        let held = || list("read:orders write:orders");
        let ask = |asked: Option<&str>| {
            let asked = asked.map(list);
            GrantedScopes::of_client_grant(asked.as_deref(), held())
        };
        assert_eq!(ask(None).unwrap().0, held());
        assert_eq!(ask(Some("write:orders")).unwrap().0, list("write:orders"));
        for more in ["openid", "write:orders Read:orders delete:orders openid"] {
            let Err(Error::ScopesNotGranted(missing)) = ask(Some(more)) else {
                panic!("`{more}` was granted")
            };
            assert_eq!(missing, list(more.trim_start_matches("write:orders ")));
        }
    }
}
