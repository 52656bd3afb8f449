//! APIs: the resource servers that access tokens are for.

use serde_json::{Map, Value};

use super::management_api::management_audience;
use super::sweep::sweep;
use super::{Error, LIST_LIMIT, check_text, keep, page, require_tenant};
use crate::api::{Api, ApiScope, ClientPolicy, SubjectTypeAuthorization, TokenDialect, UserPolicy};
use crate::client_grant::ClientGrant;
use crate::grant::STANDARD_SCOPES;
use crate::random;
use crate::role::Permissions;
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
    create_with(server, tenant, new, Change::default()).await
}

/// The same with settings that are rarely given from the start.
pub async fn create_with(
    server: &Server,
    tenant: &TenantName,
    new: NewApi,
    change: Change,
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
    let mut api = Api {
        id: random::id()?,
        name: new.name.unwrap_or_else(|| new.identifier.clone()),
        identifier: new.identifier,
        scopes: new.scopes,
        signing_alg: SigningAlgorithm::default(),
        signing_secret: None,
        token_dialect: new.token_dialect,
        token_lifetime: new.token_lifetime,
        subject_type_authorization: SubjectTypeAuthorization::default(),
        enforce_policies: false,
        is_system: false,
        allow_offline_access: new.allow_offline_access,
        kept: Map::new(),
        created_at: server.clock.now(),
    };
    let change = Change {
        signing_alg: Some(new.signing_alg),
        ..change
    };
    let secret = apply(server, tenant, &mut api, change)?;
    let batch = Batch::durable().insert(&[tenant.as_str(), &api.identifier], &api);
    let done = server.records.commit(batch).await;
    done.map_err(Error::taken("an API", &api.identifier))?;
    Ok((api, secret))
}

/// Settings to change; none leaves one as it is.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// A name for people.
    pub name: Option<String>,
    /// The scopes it defines, in the place of those that were.
    pub scopes: Option<Vec<ApiScope>>,
    /// What its access tokens are signed with.
    pub signing_alg: Option<SigningAlgorithm>,
    /// The shared key of an HS256 API, in the place of the one it has or would be given.
    pub signing_secret: Option<Secret>,
    /// How long its access tokens are valid, in seconds.
    pub token_lifetime: Option<u64>,
    /// Whether clients may get refresh tokens for it.
    pub allow_offline_access: Option<bool>,
    /// Which clients may have a token about themselves.
    pub client_policy: Option<ClientPolicy>,
    /// Through which clients a user may have a token.
    pub user_policy: Option<UserPolicy>,
    /// Whether a user gets only those scopes that are its permissions.
    pub enforce_policies: Option<bool>,
    /// Which claims and header access tokens have.
    pub token_dialect: Option<TokenDialect>,
    /// Documented fields without a meaning here; null takes one away.
    pub kept: Map<String, Value>,
}

/// Changes an API's settings. Tokens that are out keep what they say.
pub async fn change(
    server: &Server,
    tenant: &TenantName,
    identifier: &str,
    change: Change,
) -> Result<Api, Error> {
    let changed = update(server, tenant, identifier, change).await;
    changed.map(|(api, _)| api)
}

/// The same, with the secret if one was made.
pub async fn update(
    server: &Server,
    tenant: &TenantName,
    identifier: &str,
    change: Change,
) -> Result<(Api, Option<Secret>), Error> {
    let stored = get(server, tenant, identifier).await?;
    let mut api = stored.record.clone();
    check_own(&api)?;
    let secret = apply(server, tenant, &mut api, change)?;
    let batch = Batch::durable().replace(&stored, &api);
    server.records.commit(batch).await?;
    Ok((api, secret))
}

/// Takes an API away, with every client grant for it and every permission on it: one that is made
/// anew under its name begins with neither.
pub async fn delete(server: &Server, tenant: &TenantName, identifier: &str) -> Result<(), Error> {
    let stored = get(server, tenant, identifier).await?;
    check_own(&stored.record)?;
    if super::tenants::get(server, tenant)
        .await?
        .default_audience
        .as_deref()
        == Some(identifier)
    {
        let reason = "it is the tenant's default audience; choose another first";
        return Err(Error::invalid("the API", reason));
    }
    forget(server, tenant, identifier).await?;
    let batch = Batch::durable().delete(&stored);
    server.records.commit(batch).await?;
    // What was made in between.
    forget(server, tenant, identifier).await
}

async fn forget(server: &Server, tenant: &TenantName, audience: &str) -> Result<(), Error> {
    let of = [tenant.as_str()];
    sweep(server, &of, |grant: &ClientGrant| {
        grant.audience == audience
    })
    .await?;
    sweep(server, &of, |held: &Permissions| held.audience == audience).await
}

fn check_own(api: &Api) -> Result<(), Error> {
    match api.is_system {
        false => Ok(()),
        true => Err(Error::invalid("the API", "the server's own is as it is")),
    }
}

/// Changes a record; returns a secret if one was made.
fn apply(
    server: &Server,
    tenant: &TenantName,
    api: &mut Api,
    change: Change,
) -> Result<Option<Secret>, Error> {
    api.name = change.name.unwrap_or_else(|| api.name.clone());
    check_text("the API's name", &api.name, 200)?;
    api.token_lifetime = change.token_lifetime.unwrap_or(api.token_lifetime);
    if !(1..=Api::MAX_TOKEN_LIFETIME).contains(&api.token_lifetime) {
        let most = Api::MAX_TOKEN_LIFETIME;
        return Err(Error::invalid(
            "the token lifetime",
            format!("use 1 to {most} seconds"),
        ));
    }
    api.scopes = change.scopes.unwrap_or_else(|| api.scopes.clone());
    check_scopes(&api.scopes)?;
    let policies = &mut api.subject_type_authorization;
    policies.client.policy = change.client_policy.unwrap_or(policies.client.policy);
    policies.user.policy = change.user_policy.unwrap_or(policies.user.policy);
    api.enforce_policies = change.enforce_policies.unwrap_or(api.enforce_policies);
    api.token_dialect = change.token_dialect.unwrap_or(api.token_dialect);
    let offline = change.allow_offline_access;
    api.allow_offline_access = offline.unwrap_or(api.allow_offline_access);
    keep(&mut api.kept, change.kept);
    api.signing_alg = change.signing_alg.unwrap_or(api.signing_alg);
    set_secret(server, tenant, api, change.signing_secret)
}

/// An HS256 API has a secret, and no other has.
fn set_secret(
    server: &Server,
    tenant: &TenantName,
    api: &mut Api,
    given: Option<Secret>,
) -> Result<Option<Secret>, Error> {
    if api.signing_alg.is_asymmetric() {
        api.signing_secret = None;
        return match given {
            None => Ok(None),
            Some(_) => Err(Error::invalid(
                "the signing secret",
                "only an HS256 API has one",
            )),
        };
    }
    let secret = match (given, &api.signing_secret) {
        (None, Some(_)) => return Ok(None),
        (Some(given), _) => given,
        (None, None) => random::token()?,
    };
    let keyring = &server.keyring;
    api.signing_secret = Some(keyring.seal_api_secret(tenant, &api.identifier, &secret)?);
    Ok(Some(secret))
}

/// An API by its identity or its identifier.
pub async fn find(server: &Server, tenant: &TenantName, id: &str) -> Result<Api, Error> {
    let parts = [tenant.as_str(), id];
    let by_identifier: Option<Stored<Api>> = server.records.get(&parts).await?;
    let found = match by_identifier {
        Some(found) => Some(found),
        None => page::find(server, &[tenant.as_str()], |api: &Api| api.id() == id).await?,
    };
    let found = found.ok_or_else(Error::missing("API", id))?;
    Ok(found.record)
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
