//! The API that each tenant's management is (contract, section 7.1), so that clients can be
//! granted its scopes. It is the server's own: made when it is first granted, never edited, and no
//! user gets a token for it, since whoever may log in would then administer the tenant.

use serde_json::Map;

use super::{Error, tenants};
use crate::api::{Api, ApiScope, Authorization, ClientPolicy, SubjectTypeAuthorization};
use crate::api::{TokenDialect, UserPolicy};
use crate::client::Client;
use crate::client_grant::{ClientGrant, SubjectType};
use crate::random;
use crate::server::Server;
use crate::store::{self, Batch, Stored};
use crate::tenant::{Issuer, Tenant, TenantName};
use crate::token::SigningAlgorithm;
use crate::token::management::ManagementAccess;

/// Which of the scopes of its token a client may still use: a client that was deleted none, and else
/// those that its client grant has today. A token lives for a day, and whoever takes an
/// administrator's right away does not mean tomorrow.
pub async fn scopes_of(
    server: &Server,
    tenant: &Tenant,
    access: &ManagementAccess,
) -> Result<Vec<String>, Error> {
    let (name, client_id) = (tenant.name.as_str(), access.client_id());
    let audience = management_audience(tenant.home());
    let parts = ClientGrant::parts(name, client_id, SubjectType::Client, &audience);
    let client: Option<Stored<Client>> = server.records.get(&[name, client_id]).await?;
    let api: Option<Stored<Api>> = server.records.get(&[name, &audience]).await?;
    let grant: Option<Stored<ClientGrant>> = server.records.get(&parts).await?;
    let (Some(_), Some(api), Some(grant)) = (client, api, grant) else {
        return Ok(Vec::new());
    };
    // An API that a tenant made under this name, before the name was the management's.
    if !api.record.is_system {
        return Ok(Vec::new());
    }
    let mut scopes = grant.record.scopes_of(&api.record);
    scopes.retain(|scope| {
        let is_operators = OPERATOR.contains(&scope.as_str());
        access.scopes().contains(scope) && (tenant.is_operator || !is_operators)
    });
    Ok(scopes)
}

/// The `audience` of a tenant's management.
pub fn management_audience(issuer: &Issuer) -> String {
    issuer.endpoint("api/v2/")
}

/// Makes the management API if `audience` is its name and there is none yet.
pub(super) async fn ensure(
    server: &Server,
    tenant: &TenantName,
    audience: &str,
) -> Result<(), Error> {
    let Tenant {
        issuer,
        is_operator,
        ..
    } = tenants::get(server, tenant).await?;
    if audience != management_audience(&issuer) {
        return Ok(());
    }
    let parts = [tenant.as_str(), audience];
    let found: Option<Stored<Api>> = server.records.get(&parts).await?;
    if let Some(found) = found {
        // A tenant may have called an API so under an earlier issuer. Nobody shall administer it
        // with what was granted for something else.
        let reason = "an API of yours has the name of the tenant's management";
        if !found.record.is_system {
            return Err(Error::invalid("the audience", reason));
        }
        return bring_up_to_date(server, found, is_operator).await;
    }
    let api = Api {
        id: random::id()?,
        kept: Map::new(),
        identifier: audience.to_owned(),
        name: "Management API".to_owned(),
        scopes: scopes_for(is_operator),
        signing_alg: SigningAlgorithm::RS256,
        signing_secret: None,
        token_dialect: TokenDialect::AccessToken,
        token_lifetime: Api::DEFAULT_TOKEN_LIFETIME,
        subject_type_authorization: SubjectTypeAuthorization {
            client: Authorization {
                policy: ClientPolicy::RequireClientGrant,
            },
            user: Authorization {
                policy: UserPolicy::DenyAll,
            },
        },
        enforce_policies: false,
        is_system: true,
        allow_offline_access: false,
        created_at: server.clock.now(),
    };
    match server
        .records
        .commit(Batch::durable().insert(&parts, &api))
        .await
    {
        // Somebody else made it in the meantime.
        Err(store::Error::Conflict) => Ok(()),
        done => Ok(done?),
    }
}

/// An earlier version of the server may have made the API, with fewer scopes.
async fn bring_up_to_date(
    server: &Server,
    found: Stored<Api>,
    is_operator: bool,
) -> Result<(), Error> {
    let scopes = scopes_for(is_operator);
    if found.record.scopes == scopes {
        return Ok(());
    }
    let api = Api {
        scopes,
        ..found.record.clone()
    };
    match server
        .records
        .commit(Batch::durable().replace(&found, &api))
        .await
    {
        // Somebody else did.
        Err(store::Error::Conflict) => Ok(()),
        done => Ok(done?),
    }
}

const READ: &str = "read";
const WRITE: [&str; 3] = ["create", "update", "delete"];

/// What there is to manage, and what may be done with it besides reading.
const OBJECTS: [(&str, &[&str]); 26] = [
    ("rules", &WRITE),
    ("actions", &WRITE),
    ("clients", &WRITE),
    ("client_grants", &WRITE),
    ("resource_servers", &WRITE),
    ("connections", &WRITE),
    ("users", &WRITE),
    ("roles", &WRITE),
    ("rules_configs", &["update", "delete"]),
    ("client_keys", &WRITE),
    ("users_app_metadata", &WRITE),
    ("client_credentials", &WRITE),
    ("role_members", &["create", "delete"]),
    ("exchanges", &[]),
    ("logs", &[]),
    ("logs_users", &[]),
    ("log_streams", &WRITE),
    ("stats", &[]),
    ("tenant_settings", &["update"]),
    ("signing_keys", &["create", "update"]),
    ("attack_protection", &["update"]),
    ("mfa_policies", &["update"]),
    ("grants", &["delete"]),
    ("device_credentials", &["delete"]),
    ("refresh_tokens", &["delete"]),
    ("sessions", &["delete"]),
];

/// What the operator's tenant may besides: administer all tenants. Another tenant that was granted them
/// has nothing of it.
const OPERATOR: [&str; 5] = [
    "read:tenants",
    "create:tenants",
    "update:tenants",
    "delete:tenants",
    "create:tenant_administrators",
];

/// All scopes of the management API, those of the operator's tenant included.
pub fn scopes() -> Vec<ApiScope> {
    scopes_for(true)
}

fn scopes_for(is_operator: bool) -> Vec<ApiScope> {
    let of = |(object, further): &(&str, &[&str])| {
        let verbs = [&[READ], *further].concat();
        let scope = |verb: &str| format!("{verb}:{object}");
        verbs.into_iter().map(scope).collect::<Vec<_>>()
    };
    let operators = OPERATOR.iter().filter(|_| is_operator);
    let values = OBJECTS.iter().flat_map(of);
    values
        .chain(operators.map(|&scope| scope.to_owned()))
        .map(|value| ApiScope {
            value,
            description: String::new(),
        })
        .collect()
}
