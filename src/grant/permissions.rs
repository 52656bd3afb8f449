//! What a subject holds on the API it asks for, and scopes held to that (contract, section 1.5).

use super::{Error, GrantedScopes, Principal};
use crate::api::Api;
use crate::role::{Holder, Permissions};
use crate::server::Server;
use crate::tenant::TenantName;
use crate::user::User;

/// All permissions on the API, in the API's order: a user's own and those of its roles; of a
/// machine the scopes that it was granted.
pub(super) async fn held(
    server: &Server,
    tenant: &TenantName,
    subject: &Principal,
    api: Option<&Api>,
    scopes: &GrantedScopes,
) -> Result<Vec<String>, Error> {
    match (subject, api) {
        (_, None) => Ok(Vec::new()),
        (Principal::User(user), Some(api)) => of_user(server, tenant, user.user(), api).await,
        (Principal::Client(_), Some(_)) => Ok(scopes.as_slice().to_vec()),
    }
}

async fn of_user(
    server: &Server,
    tenant: &TenantName,
    user: &User,
    api: &Api,
) -> Result<Vec<String>, Error> {
    let roles = user.roles.iter().map(|role| Holder::Role(role));
    let mut held: Vec<String> = Vec::new();
    for holder in roles.chain([Holder::User(&user.user_id)]) {
        let parts = Permissions::on(tenant.as_str(), holder, &api.identifier);
        if let Some(stored) = server.records.get::<Permissions>(&parts).await? {
            held.extend(stored.record.scopes);
        }
    }
    // What the API does not define any more is no permission on it.
    let defined = api.scopes.iter().map(|scope| &scope.value);
    Ok(defined
        .filter(|scope| held.contains(scope))
        .cloned()
        .collect())
}

/// Where the API enforces its policies, no scope of it is granted without the permission. Rules come
/// later and may grant what they like.
pub(super) fn enforce(
    scopes: GrantedScopes,
    api: Option<&Api>,
    permissions: &[String],
) -> GrantedScopes {
    match api {
        Some(api) if api.enforce_policies => scopes.only_permitted(api, permissions),
        _ => scopes,
    }
}
