//! The API that each tenant's management will be (contract, section 7.1), so that clients can be
//! granted its scopes. It is the server's own: made when it is first granted, never edited, and no
//! user gets a token for it, since whoever may log in would then administer the tenant.

use super::{Error, tenants};
use crate::api::{Api, ApiScope, Authorization, ClientPolicy, SubjectTypeAuthorization};
use crate::api::{TokenDialect, UserPolicy};
use crate::server::Server;
use crate::store::{self, Batch, Stored};
use crate::tenant::{Issuer, TenantName};
use crate::token::SigningAlgorithm;

/// The `audience` of a tenant's management.
pub(super) fn management_audience(issuer: &Issuer) -> String {
    issuer.endpoint("api/v2/")
}

/// Makes the management API if `audience` is its name and there is none yet.
pub(super) async fn ensure(
    server: &Server,
    tenant: &TenantName,
    audience: &str,
) -> Result<(), Error> {
    let issuer = tenants::get(server, tenant).await?.issuer;
    if audience != management_audience(&issuer) {
        return Ok(());
    }
    let parts = [tenant.as_str(), audience];
    let found: Option<Stored<Api>> = server.records.get(&parts).await?;
    if let Some(found) = found {
        // A tenant may have called an API so under an earlier issuer. Nobody shall administer it
        // with what was granted for something else.
        let reason = "an API of yours has the name of the tenant's management";
        let own = found.record.is_system;
        return own
            .then_some(())
            .ok_or_else(|| Error::invalid("the audience", reason));
    }
    let api = Api {
        identifier: audience.to_owned(),
        name: "Management API".to_owned(),
        scopes: scopes(),
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

const READ: &str = "read";
const WRITE: [&str; 3] = ["create", "update", "delete"];

/// What there is to manage, and what may be done with it besides reading.
const OBJECTS: [(&str, &[&str]); 23] = [
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
    ("logs", &[]),
    ("logs_users", &[]),
    ("stats", &[]),
    ("tenant_settings", &["update"]),
    ("signing_keys", &["create", "update"]),
    ("attack_protection", &["update"]),
    ("mfa_policies", &["update"]),
    ("grants", &["delete"]),
    ("device_credentials", &["delete"]),
    ("refresh_tokens", &["delete"]),
];

fn scopes() -> Vec<ApiScope> {
    let of = |(object, further): &(&str, &[&str])| {
        let verbs = [&[READ], *further].concat();
        let scope = |verb: &str| ApiScope {
            value: format!("{verb}:{object}"),
            description: String::new(),
        };
        verbs.into_iter().map(scope).collect::<Vec<_>>()
    };
    OBJECTS.iter().flat_map(of).collect()
}
