//! APIs: the resource servers that access tokens are for.

use super::management_api::management_audience;
use super::{Error, LIST_LIMIT, check_text, require_tenant};
use crate::api::{Api, ApiScope, ClientPolicy, SubjectTypeAuthorization, TokenDialect, UserPolicy};
use crate::grant::STANDARD_SCOPES;
use crate::random;
use crate::secret::Secret;
use crate::server::Server;
use crate::store::{Batch, Stored};
use crate::tenant::TenantName;
use crate::token::SigningAlgorithm;

/// The most scopes of one API: Auth0's own bound.
const MAX_SCOPES: usize = 1_000;

/// An API to register.
#[derive(Clone, Debug)]
pub struct NewApi {
    /// The `audience`: a URL or another name that will never change.
    pub identifier: String,
    /// A name for people; the identifier if none.
    pub name: Option<String>,
    /// The scopes it defines.
    pub scopes: Vec<ApiScope>,
    /// What its access tokens are signed with.
    pub signing_alg: SigningAlgorithm,
    /// Which claims and header its access tokens have.
    pub token_dialect: TokenDialect,
    /// How long its access tokens are valid, in seconds.
    pub token_lifetime: u64,
    /// Whether clients may get refresh tokens for it.
    pub allow_offline_access: bool,
}

/// Registers an API. An HS256 API's secret is returned once and stored sealed.
pub async fn create(
    server: &Server,
    tenant: &TenantName,
    new: NewApi,
) -> Result<(Api, Option<Secret>), Error> {
    let issuer = super::tenants::get(server, tenant).await?.issuer;
    check_text("the identifier", &new.identifier, 600)?;
    // Tokens for /userinfo would open it without having asked for `openid`.
    if [issuer.endpoint("userinfo"), management_audience(&issuer)].contains(&new.identifier) {
        return Err(Error::invalid(
            "the identifier",
            "this is an API of the server's own",
        ));
    }
    if !(1..=Api::MAX_TOKEN_LIFETIME).contains(&new.token_lifetime) {
        let most = Api::MAX_TOKEN_LIFETIME;
        return Err(Error::invalid(
            "the token lifetime",
            format!("use 1 to {most} seconds"),
        ));
    }
    check_scopes(&new.scopes)?;
    let name = new.name.unwrap_or_else(|| new.identifier.clone());
    check_text("the API's name", &name, 200)?;
    let secret = match new.signing_alg {
        SigningAlgorithm::HS256 => Some(random::token()?),
        _ => None,
    };
    let signing_secret = match &secret {
        Some(secret) => Some(
            server
                .keyring
                .seal_api_secret(tenant, &new.identifier, secret)?,
        ),
        None => None,
    };
    let api = Api {
        identifier: new.identifier,
        name,
        scopes: new.scopes,
        signing_alg: new.signing_alg,
        signing_secret,
        token_dialect: new.token_dialect,
        token_lifetime: new.token_lifetime,
        subject_type_authorization: SubjectTypeAuthorization::default(),
        enforce_policies: false,
        is_system: false,
        allow_offline_access: new.allow_offline_access,
        created_at: server.clock.now(),
    };
    let batch = Batch::durable().insert(&[tenant.as_str(), &api.identifier], &api);
    let done = server.records.commit(batch).await;
    done.map_err(Error::taken("an API", &api.identifier))?;
    Ok((api, secret))
}

/// Settings to change; none leaves one as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Which clients may have a token about themselves.
    pub client_policy: Option<ClientPolicy>,
    /// Through which clients a user may have a token.
    pub user_policy: Option<UserPolicy>,
    /// Whether a user gets only those scopes that are its permissions.
    pub enforce_policies: Option<bool>,
    /// Which claims and header access tokens have.
    pub token_dialect: Option<TokenDialect>,
}

/// Changes an API's settings. Tokens that are out keep what they say.
pub async fn change(
    server: &Server,
    tenant: &TenantName,
    identifier: &str,
    change: Change,
) -> Result<Api, Error> {
    let stored = get(server, tenant, identifier).await?;
    let mut api = stored.record.clone();
    if api.is_system {
        return Err(Error::invalid("the API", "the server's own is as it is"));
    }
    let policies = &mut api.subject_type_authorization;
    policies.client.policy = change.client_policy.unwrap_or(policies.client.policy);
    policies.user.policy = change.user_policy.unwrap_or(policies.user.policy);
    api.enforce_policies = change.enforce_policies.unwrap_or(api.enforce_policies);
    api.token_dialect = change.token_dialect.unwrap_or(api.token_dialect);
    let batch = Batch::durable().replace(&stored, &api);
    server.records.commit(batch).await?;
    Ok(api)
}

/// An API, as it is stored.
pub(super) async fn get(
    server: &Server,
    tenant: &TenantName,
    identifier: &str,
) -> Result<Stored<Api>, Error> {
    let stored = server.records.get(&[tenant.as_str(), identifier]).await?;
    stored.ok_or_else(Error::missing("API", identifier))
}

/// All APIs of a tenant, by identifier.
pub async fn list(server: &Server, tenant: &TenantName) -> Result<Vec<Api>, Error> {
    require_tenant(server, tenant).await?;
    let stored = server.records.list(&[tenant.as_str()], LIST_LIMIT).await?;
    Ok(stored.into_iter().map(|stored| stored.record).collect())
}

fn check_scopes(scopes: &[ApiScope]) -> Result<(), Error> {
    let invalid = |reason: String| Err(Error::invalid("the scopes", reason));
    if scopes.len() > MAX_SCOPES {
        return invalid(format!("at most {MAX_SCOPES}"));
    }
    let mut seen = std::collections::BTreeSet::new();
    for ApiScope { value, .. } in scopes {
        // RFC 6749, section 3.3.
        let allowed = |b: u8| matches!(b, b'!' | b'#'..=b'[' | b']'..=b'~');
        if value.is_empty() || value.len() > 280 || !value.bytes().all(allowed) {
            return invalid(format!("`{}` is not a scope", value.escape_debug()));
        }
        if STANDARD_SCOPES.contains(&value.as_str()) || value == "offline_access" {
            return invalid(format!(
                "`{value}` is a standard scope and cannot be an API's"
            ));
        }
        if !seen.insert(value) {
            return invalid(format!("`{value}` stands there twice"));
        }
    }
    Ok(())
}
