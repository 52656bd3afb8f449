//! What an API's policy and the client grants let a client have of it (contract, sections 1.5, 1.7).

use super::{Asked, Available, Error};
use crate::api::{Api, ClientPolicy, UserPolicy};
use crate::client_grant::{ClientGrant, SubjectType};

/// The scopes that a client may have for itself.
pub(super) async fn for_client(asked: &Asked<'_>, api: &Api) -> Result<Vec<String>, Error> {
    match api.subject_type_authorization.client.policy {
        ClientPolicy::RequireClientGrant => granted(asked, api, SubjectType::Client).await,
        ClientPolicy::DenyAll => Err(Error::NoClientGrant(api.identifier.clone())),
    }
}

/// The scopes that the client may have for a user.
pub(super) async fn available(asked: &Asked<'_>, api: &Api) -> Result<Available, Error> {
    let all = Available::all(api);
    match api.subject_type_authorization.user.policy {
        UserPolicy::AllowAll => Ok(all),
        UserPolicy::RequireClientGrant => {
            let granted = granted(asked, api, SubjectType::User).await?;
            Ok(all.under_client_grant(&granted))
        }
        UserPolicy::DenyAll => Err(Error::NoClientGrant(api.identifier.clone())),
    }
}

async fn granted(
    asked: &Asked<'_>,
    api: &Api,
    subject_type: SubjectType,
) -> Result<Vec<String>, Error> {
    let client_id = &asked.client.client().client_id;
    let tenant = asked.tenant.name.as_str();
    let parts = ClientGrant::parts(tenant, client_id, subject_type, &api.identifier);
    match asked.server.records.get::<ClientGrant>(&parts).await? {
        Some(stored) => Ok(stored.record.scopes_of(api)),
        None => Err(Error::NoClientGrant(api.identifier.clone())),
    }
}
