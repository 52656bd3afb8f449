//! An exchange as the driver is shown it: the JSON of [`Exchange`], with the draft as earlier rules left it.

use serde::Serialize;
use serde_json::value::RawValue;

use super::super::draft::{Overlay, Working};
use super::super::exchange::{Api, Client, Exchange, Grant, Request, User};
use crate::clock::Timestamp;

#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    tenant: &'a str,
    grant: Grant,
    now: Timestamp,
    client: &'a Client,
    user: Option<ShownUser<'a>>,
    api: Option<&'a Api>,
    request: &'a Request,
    authentication_methods: &'a [String],
    draft: ShownDraft<'a>,
    shared: Vec<(&'a String, &'a serde_json::Value)>,
}

#[derive(Serialize)]
struct ShownUser<'a> {
    id: &'a str,
    username: Option<&'a str>,
    email: Option<&'a str>,
    email_verified: bool,
    connection: &'a str,
    profile: Option<&'a RawValue>,
    user_metadata: &'a Overlay,
    app_metadata: &'a Overlay,
    roles: &'a [String],
    permissions: &'a [String],
    logins_count: u64,
    created_at: Timestamp,
    last_login: Option<Timestamp>,
    last_password_reset: Option<Timestamp>,
}

#[derive(Serialize)]
struct ShownDraft<'a> {
    scopes: &'a [String],
    access_claims: &'a Overlay,
    id_claims: &'a Overlay,
}

/// The exchange of `draft` as JSON.
pub(in crate::rule_host) fn shown(draft: &Working) -> String {
    let exchange: &Exchange = &draft.exchange;
    let shown = Shown {
        id: &exchange.id,
        tenant: &exchange.tenant,
        grant: exchange.grant,
        now: exchange.now,
        client: &exchange.client,
        user: exchange.user.as_ref().map(|user| shown_user(draft, user)),
        api: exchange.api.as_ref(),
        request: &exchange.request,
        authentication_methods: &exchange.authentication_methods,
        draft: ShownDraft {
            scopes: &draft.scopes,
            access_claims: &draft.access_claims,
            id_claims: &draft.id_claims,
        },
        shared: draft.shared.members().collect(),
    };
    // Writing to a string cannot fail, and every key is text.
    serde_json::to_string(&shown).unwrap_or_default()
}

fn shown_user<'a>(draft: &'a Working, user: &'a User) -> ShownUser<'a> {
    ShownUser {
        id: &user.id,
        username: user.username.as_deref(),
        email: user.email.as_deref(),
        email_verified: user.email_verified,
        connection: &user.connection,
        profile: serde_json::from_str(&draft.profile).ok(),
        user_metadata: &draft.user_metadata,
        app_metadata: &draft.app_metadata,
        roles: &user.roles,
        permissions: &user.permissions,
        logins_count: user.logins_count,
        created_at: user.created_at,
        last_login: user.last_login,
        last_password_reset: user.last_password_reset,
    }
}
