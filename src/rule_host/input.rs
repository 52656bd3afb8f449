//! An exchange as one rule is shown it: borrowed from the chain's state, so that a rule that reads
//! little costs little.

use super::bindings::types;
use super::draft::Working;
use super::exchange::{Client, Exchange, Grant, User};

/// The lists of an exchange, which the interface wants as lists of borrowed text.
pub(super) struct Input<'a> {
    draft: &'a Working,
    client_metadata: Vec<(&'a str, &'a str)>,
    roles: Vec<&'a str>,
    permissions: Vec<&'a str>,
    api_scopes: Vec<&'a str>,
    parameters: Vec<(&'a str, &'a str)>,
    authentication_methods: Vec<&'a str>,
    scopes: Vec<&'a str>,
    shared: Vec<(&'a str, &'a String)>,
}

impl<'a> Input<'a> {
    /// Of `draft`, whose texts are fresh.
    pub(super) fn of(draft: &'a Working) -> Self {
        let exchange = &draft.exchange;
        let user = exchange.user.as_ref();
        Self {
            client_metadata: pairs(&exchange.client.metadata),
            roles: user.map(|u| texts(&u.roles)).unwrap_or_default(),
            permissions: user.map(|u| texts(&u.permissions)).unwrap_or_default(),
            api_scopes: exchange
                .api
                .as_ref()
                .map(|a| texts(&a.scopes))
                .unwrap_or_default(),
            parameters: pairs(&exchange.request.parameters),
            authentication_methods: texts(&exchange.authentication_methods),
            scopes: texts(&draft.scopes),
            shared: draft
                .shared
                .each()
                .iter()
                .map(|(name, value)| (name.as_str(), value))
                .collect(),
            draft,
        }
    }

    /// In the interface's form.
    pub(super) fn exchange(&self) -> types::Exchange<'_> {
        let exchange: &Exchange = &self.draft.exchange;
        types::Exchange {
            id: &exchange.id,
            tenant: &exchange.tenant,
            grant: grant(exchange.grant),
            now: exchange.now.as_millis(),
            client: self.client(&exchange.client),
            user: exchange.user.as_ref().map(|user| self.user(user)),
            api: exchange.api.as_ref().map(|api| types::Api {
                identifier: &api.identifier,
                scopes: &self.api_scopes,
            }),
            request: types::Request {
                ip: &exchange.request.ip,
                user_agent: exchange.request.user_agent.as_deref(),
                hostname: &exchange.request.hostname,
                parameters: &self.parameters,
            },
            authentication_methods: &self.authentication_methods,
            draft: types::Draft {
                scopes: &self.scopes,
                access_claims: self.draft.access_claims.text(),
                id_claims: self.draft.id_claims.text(),
            },
            shared: &self.shared,
        }
    }

    fn client(&'a self, client: &'a Client) -> types::Client<'a> {
        types::Client {
            id: &client.id,
            name: &client.name,
            metadata: &self.client_metadata,
        }
    }

    fn user<'s>(&'s self, user: &'s User) -> types::User<'s> {
        types::User {
            id: &user.id,
            username: user.username.as_deref(),
            email: user.email.as_deref(),
            email_verified: user.email_verified,
            connection: &user.connection,
            profile: &self.draft.profile_text,
            user_metadata: self.draft.user_metadata.text(),
            app_metadata: self.draft.app_metadata.text(),
            roles: &self.roles,
            permissions: &self.permissions,
            logins_count: user.logins_count,
            created_at: user.created_at.as_millis(),
            last_login: user.last_login.map(|t| t.as_millis()),
            last_password_reset: user.last_password_reset.map(|t| t.as_millis()),
        }
    }
}

fn texts(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

fn pairs(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

fn grant(grant: Grant) -> types::Grant {
    match grant {
        Grant::Password => types::Grant::Password,
        Grant::PasswordRealm => types::Grant::PasswordRealm,
        Grant::RefreshToken => types::Grant::RefreshToken,
        Grant::ClientCredentials => types::Grant::ClientCredentials,
        Grant::MfaOtp => types::Grant::MfaOtp,
        Grant::MfaOob => types::Grant::MfaOob,
        Grant::MfaRecoveryCode => types::Grant::MfaRecoveryCode,
    }
}
