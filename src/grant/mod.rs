//! The token endpoint without HTTP: from a parsed request to a token, in numbered phases.
//!
//! A grant supplies only what is its own (which connection checks the password); the phases are
//! here, once, so that no grant can leave one out.

mod chain;
mod error;
mod exchange;
mod password;
mod password_realm;
mod request;
mod scope;
mod trail;

pub(crate) use self::chain::MAX_CONFIGURATION_VALUES;
pub use self::error::Error;
pub use self::request::{
    ClientCredentials, GrantRequest, Origin, PasswordCredentials, TokenRequest,
};
pub use self::scope::{GrantedScopes, STANDARD as STANDARD_SCOPES};
use self::trail::Trail;
use crate::api::Api;
use crate::client::{Client, ClientAuthentication};
use crate::credential::{AuthenticatedUser, AuthenticationError};
use crate::rule_host::{ApprovedClaims, Changes, Verdict};
use crate::server::Server;
use crate::store::{Batch, Stored};
use crate::tenant::Tenant;
use crate::token::claims::Parties;
use crate::token::{self, Mint, TokenResponse};
use crate::user::User;

/// A client that proved who it is, or a public one that had nothing to prove.
pub struct AuthenticatedClient(Client);

impl AuthenticatedClient {
    /// Its record.
    pub fn client(&self) -> &Client {
        &self.0
    }
}

/// Answers a token request, and writes what happened to the tenant's log.
pub async fn issue(server: &Server, request: TokenRequest) -> Result<TokenResponse, Error> {
    let mut trail = Trail::begin(server, &request);
    let result = run(server, request, &mut trail).await;
    trail.end(server, &result).await;
    result
}

async fn run(
    server: &Server,
    request: TokenRequest,
    trail: &mut Trail,
) -> Result<TokenResponse, Error> {
    let now = server.clock.now();
    let tenant = &request.tenant;

    // 1. Authenticate the client.
    let client = authenticate_client(server, tenant, &request.client).await?;

    // 2. Is this grant allowed, and for which API? Refused before any hashing.
    let (grant_type, kind) = (request.grant.grant_type(), request.grant.kind());
    if !client.client().may_use(grant_type) || !client.client().is_first_party {
        return Err(Error::GrantNotAllowed { grant_type });
    }
    let api = resolve_api(server, tenant, request.audience.as_deref()).await?;

    // 3. Verify the password.
    let (connection, credentials) = match request.grant {
        GrantRequest::Password(credentials) => (
            password::connection(server, tenant, client.client(), &credentials).await?,
            credentials,
        ),
        GrantRequest::PasswordRealm(credentials, ref realm) => (
            password_realm::connection(server, tenant, client.client(), realm).await?,
            credentials,
        ),
    };
    trail.connection(&connection.name);
    let user = server
        .passwords
        .authenticate(
            &server.records,
            &tenant.name,
            &connection.name,
            &credentials.username,
            credentials.password,
            now,
        )
        .await
        .map_err(refusal)?;
    trail.user(user.user());

    // 4. Scopes by policy.
    let scopes = GrantedScopes::by_policy(request.scope.as_deref(), api.as_ref());

    // 5. Run the tenant's rules in order.
    let chain = chain::load(server, &tenant.name, kind).await?;
    let configuration = chain::configuration(server, &tenant.name, &chain).await?;
    let exchange = exchange::describe(exchange::Facts {
        id: trail.id(),
        now,
        parties: Parties {
            tenant,
            client: client.client(),
            api: api.as_ref(),
            gty: GTY,
        },
        scopes: &scopes,
        user: &user,
        kind,
        origin: &request.origin,
        parameters: request.parameters,
    });
    let (verdict, report) = server
        .rule_host
        .run(&chain, user, exchange, &configuration)
        .await;
    trail.report(report);
    let approved = match verdict {
        Verdict::Approved(approved) => approved,
        Verdict::Denied(denial) => return Err(Error::Denied(denial, tenant.denials)),
        Verdict::Faulted => return Err(Error::RuleFaulted(tenant.denials)),
        Verdict::MfaRequired { .. } => return Err(Error::MfaRequired),
    };
    trail.scopes(&approved.changes().scopes);

    // 6. Keep what the rules and the login changed, and mint.
    keep(server, tenant, &approved, &request.origin).await?;
    let response = token::mint(
        Mint {
            records: &server.records,
            keyring: &server.keyring,
            tenant,
            client: client.client(),
            api: api.as_ref(),
            gty: GTY,
            requested_scopes: request.scope.as_deref().unwrap_or_default(),
            now,
        },
        approved,
    )
    .await?;
    Ok(response)
}

/// Both password grants have it (contract, section 8, row 31).
const GTY: &str = "password";

async fn authenticate_client(
    server: &Server,
    tenant: &Tenant,
    presented: &ClientCredentials,
) -> Result<AuthenticatedClient, Error> {
    let refused = Error::ClientAuthentication;
    let stored: Option<Stored<Client>> = server
        .records
        .get(&[tenant.name.as_str(), &presented.client_id])
        .await?;
    let Some(Stored { record: client, .. }) = stored else {
        return Err(refused("there is no such client"));
    };
    match (
        client.token_endpoint_auth_method,
        &client.secret,
        &presented.secret,
    ) {
        (ClientAuthentication::None, _, None) => Ok(AuthenticatedClient(client)),
        (ClientAuthentication::None, _, Some(_)) => {
            Err(refused("a public client presented a secret"))
        }
        (_, _, None) => Err(refused("a confidential client presented no secret")),
        (_, Some(digest), Some(secret)) if digest.matches(secret) => {
            Ok(AuthenticatedClient(client))
        }
        (_, _, Some(_)) => Err(refused("the secret is wrong")),
    }
}

/// The `audience` of the request, else the tenant's default, else none: then the token is good
/// for /userinfo only.
async fn resolve_api(
    server: &Server,
    tenant: &Tenant,
    audience: Option<&str>,
) -> Result<Option<Api>, Error> {
    let Some(audience) = audience.or(tenant.default_audience.as_deref()) else {
        return Ok(None);
    };
    let stored: Option<Stored<Api>> = server
        .records
        .get(&[tenant.name.as_str(), audience])
        .await?;
    match stored {
        Some(api) => Ok(Some(api.record)),
        None => Err(Error::UnknownAudience(audience.to_owned())),
    }
}

fn refusal(error: AuthenticationError) -> Error {
    match error {
        AuthenticationError::Rejected(reason) => Error::WrongCredentials(reason),
        AuthenticationError::Blocked => Error::UserBlocked,
        AuthenticationError::Busy { retry_after_secs } => Error::Busy { retry_after_secs },
        AuthenticationError::Store(error) => Error::Store(error),
        failed @ AuthenticationError::Failed(_) => Error::Internal(failed.to_string()),
    }
}

/// Metadata that rules changed is a promise to the tenant: on disk before the token leaves.
/// Counts of logins may lag.
async fn keep(
    server: &Server,
    tenant: &Tenant,
    approved: &ApprovedClaims<AuthenticatedUser>,
    origin: &Origin,
) -> Result<(), Error> {
    let user = approved.subject();
    let user_id = user.user().user_id.as_str();
    let parts = [tenant.name.as_str(), user_id];
    let changes = approved.changes();
    if !changes.user_metadata.is_empty() || !changes.app_metadata.is_empty() {
        merge_metadata(server, &parts, changes).await?;
    }
    let stats = user.record_login(Some(&origin.ip));
    let batch = Batch::relaxed().put(&parts, &stats);
    Ok(server.records.commit(batch).await?)
}

async fn merge_metadata(server: &Server, parts: &[&str], changes: &Changes) -> Result<(), Error> {
    // Somebody else may write the same user; a merge of single keys can simply be made again.
    for _ in 0..8 {
        let Some(stored) = server.records.get::<User>(parts).await? else {
            return Err(Error::Internal(
                "the user was deleted during its login".to_owned(),
            ));
        };
        let mut user = stored.record.clone();
        user.merge_metadata(&changes.user_metadata, &changes.app_metadata);
        user.updated_at = server.clock.now();
        match server
            .records
            .commit(Batch::durable().replace(&stored, &user))
            .await
        {
            Err(crate::store::Error::Conflict) => {}
            done => return Ok(done?),
        }
    }
    Err(Error::Store(crate::store::Error::Conflict))
}
