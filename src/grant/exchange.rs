//! Describes an exchange to rules: what they may know of the records, and nothing else.

use super::{GrantedScopes, Origin, Principal};
use crate::clock::Timestamp;
use crate::credential::AuthenticatedUser;
use crate::rule_host::{Exchange, Grant, exchange};
use crate::token::TokenSubject;
use crate::token::claims::{self, Parties};

/// What an exchange is about.
pub(super) struct Facts<'a> {
    pub id: &'a str,
    pub now: Timestamp,
    pub parties: Parties<'a>,
    pub scopes: &'a GrantedScopes,
    pub subject: &'a Principal,
    pub kind: Grant,
    pub origin: &'a Origin,
    pub parameters: Vec<(String, String)>,
}

/// The exchange as rules see it.
pub(super) fn describe(facts: Facts<'_>) -> Exchange {
    let Parties {
        tenant,
        client,
        api,
        permissions,
        ..
    } = facts.parties;
    let user = match facts.subject {
        Principal::User(user) => Some(user.as_ref()),
        Principal::Client(_) => None,
    };
    Exchange {
        id: facts.id.to_owned(),
        tenant: tenant.name.to_string(),
        grant: facts.kind,
        now: facts.now,
        client: exchange::Client {
            id: client.client_id.clone(),
            name: client.name.clone(),
            metadata: client.metadata.clone().into_iter().collect(),
        },
        user: user.map(|user| describe_user(user, permissions)),
        api: api.map(|api| exchange::Api {
            identifier: api.identifier.clone(),
            scopes: api.scopes.iter().map(|scope| scope.value.clone()).collect(),
        }),
        request: exchange::Request {
            ip: facts.origin.ip.to_string(),
            user_agent: facts.origin.user_agent.clone(),
            hostname: facts.origin.hostname.clone(),
            parameters: facts.parameters,
        },
        authentication_methods: user
            .map(|user| user.methods().iter().map(|&m| m.to_owned()).collect())
            .unwrap_or_default(),
        draft: claims::draft(
            &facts.parties,
            &facts.subject.sub(),
            facts.subject.user(),
            facts.scopes.as_slice(),
        ),
        shared: Vec::new(),
    }
}

/// The scopes of the claims that make up the profile; e-mail has fields of its own.
const PROFILE_SCOPES: [&str; 2] = ["profile", "phone"];

fn describe_user(authenticated: &AuthenticatedUser, permissions: &[String]) -> exchange::User {
    let user = authenticated.user();
    let stats = authenticated.stats();
    exchange::User {
        id: user.user_id.clone(),
        username: user.username.clone(),
        email: user.email.clone(),
        email_verified: user.email_verified,
        connection: user.connection.clone(),
        profile: claims::profile(user, &PROFILE_SCOPES.map(str::to_owned)),
        user_metadata: user.user_metadata.clone().unwrap_or_default(),
        app_metadata: user.app_metadata.clone().unwrap_or_default(),
        roles: user.roles.clone(),
        permissions: permissions.to_vec(),
        logins_count: authenticated.logins_count(),
        created_at: user.created_at,
        last_login: stats.last_login,
        last_password_reset: authenticated.last_password_reset(),
    }
}
