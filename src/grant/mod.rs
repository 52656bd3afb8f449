//! The token endpoint without HTTP: from a parsed request to a token, in numbered phases.
//!
//! A grant supplies only what is its own (whom the token is about, and how that was proved); the
//! phases are here, once, so that no grant can leave one out.

mod bill;
mod client_authentication;
mod client_credentials;
mod client_grant;
mod error;
mod exchange;
mod introspect;
mod password;
mod password_realm;
mod permissions;
mod record;
mod refresh_token;
mod request;
mod revoke;
mod scope;
mod sender;
mod trail;

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Instant;

pub use self::client_authentication::AuthenticatedClient;
pub use self::error::Error;
pub use self::introspect::{Answer, introspect};
pub use self::request::{
    AboutToken, ClientCredentials, ClientProof, GrantRequest, Origin, PasswordCredentials,
    TokenRequest,
};
pub use self::revoke::revoke;
pub use self::scope::{Available, GrantedScopes, STANDARD as STANDARD_SCOPES};
use tracing::Instrument as _;
use tracing::field::Empty;

use self::trail::Trail;
use crate::api::Api;
use crate::clock::Timestamp;
use crate::credential::{AuthenticatedUser, EarlierLogin};
use crate::rule::chain;
use crate::rule_host::{ApprovedClaims, Changes, Subject, Verdict};
use crate::server::Server;
use crate::store::{self, Batch, Stored};
use crate::tenant::{Denials, Tenant};
use crate::token::claims::Parties;
use crate::token::refresh::Live;
use crate::token::{self, Confirmation, Mint, Offline, TokenResponse, TokenSubject};
use crate::trace::span;
use crate::user::User;

/// Answers a token request, and writes what happened to the tenant's log.
pub async fn issue(server: &Server, request: TokenRequest) -> Result<TokenResponse, Error> {
    let begun = Instant::now();
    let (tenant, grant) = (request.tenant.name.clone(), request.grant.grant_type());
    let mut trail = Trail::begin(server, &request)?;
    let span = span!(
        "exchange",
        claimsmith.tenant = tenant.as_str(),
        claimsmith.exchange.id = trail.id(),
        claimsmith.grant_type = grant,
        claimsmith.outcome = Empty,
    );
    let result = run(server, request, &mut trail)
        .instrument(span.clone())
        .await;
    span.record(
        "claimsmith.outcome",
        result.as_ref().map_or_else(Error::word, |_| "issued"),
    );
    drop(span);
    trail.end(server, &result).await;
    let outcome = result.as_ref().map_or_else(Error::word, |_| "issued");
    let metrics = &server.metrics;
    metrics.token_request(tenant.as_str(), grant, outcome, begun.elapsed());
    result
}

async fn run(
    server: &Server,
    request: TokenRequest,
    trail: &mut Trail,
) -> Result<TokenResponse, Error> {
    let now = server.clock.now();
    let tenant = &request.tenant;
    let (grant_type, kind) = (request.grant.grant_type(), request.grant.kind());

    // 1. Authenticate the client.
    let mut origin = request.origin;
    let presented = &request.client;
    let client = client_authentication::authenticate(server, tenant, presented, origin.ip).await?;
    origin.believe(client.client());
    trail.origin(&origin);

    // 2. Is this grant allowed? Refused before any hashing.
    let for_its_kind = GrantRequest::check_kind(grant_type, client.client()).is_ok();
    if !client.client().may_use(grant_type) || !for_its_kind {
        return Err(Error::GrantNotAllowed { grant_type });
    }
    // Who is no client of the tenant uses none of its quota up.
    server.rates.begin(tenant, now)?;

    // Which key the sender holds: what the tokens will be bound to.
    let possession = &request.possession;
    let confirmation = sender::confirm(server, tenant, client.client(), possession, now).await?;

    // 3. and 4. Whom the token is about, for which API, with which scopes: the grant's own.
    let asked = Asked {
        server,
        tenant,
        client: &client,
        audience: request.audience.as_deref(),
        scope: request.scope.as_deref(),
        address: origin.ip,
        confirmation: confirmation.as_ref(),
        now,
    };
    let established = match request.grant {
        GrantRequest::Password(credentials) => {
            password::establish(&asked, credentials, trail).await?
        }
        GrantRequest::PasswordRealm(credentials, realm) => {
            password_realm::establish(&asked, credentials, &realm, trail).await?
        }
        GrantRequest::ClientCredentials => client_credentials::establish(&asked).await?,
        GrantRequest::RefreshToken(token) => {
            refresh_token::establish(&asked, &token, trail).await?
        }
    };
    let Established {
        subject,
        api,
        scopes,
        gty,
        refreshes,
    } = established;

    let permissions =
        permissions::held(server, &tenant.name, &subject, api.as_ref(), &scopes).await?;
    let scopes = permissions::enforce(scopes, api.as_ref(), &permissions);

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
            gty,
            permissions: &permissions,
        },
        scopes: &scopes,
        subject: &subject,
        kind,
        origin: &origin,
        parameters: request.parameters,
    });
    let failures = subject.rule_failures(tenant);
    let recording = record::begin(server, &tenant.name, &exchange, &chain).await?;
    let bill = bill::Bill::open(server, tenant, chain.len());
    let (verdict, report) = server
        .rule_host
        .run(&chain, subject, exchange, &configuration)
        .instrument(span!("rules"))
        .await;
    bill.settle(&report);
    if let Some(recording) = recording {
        recording.end(server, &tenant.name, &verdict, &report).await;
    }
    trail.report(report);
    let approved = match verdict {
        Verdict::Approved(approved) => approved,
        Verdict::Denied(denial) => return Err(Error::Denied(denial, failures.denials)),
        Verdict::Faulted => return Err(failures.fault),
        Verdict::MfaRequired { .. } => return Err(Error::MfaRequired),
        Verdict::Busy => {
            return Err(Error::Busy {
                retry_after_secs: 1,
            });
        }
    };
    trail.scopes(&approved.changes().scopes);

    // 6. Keep what the rules and the login changed, and mint.
    keep(server, tenant, &approved, &origin).await?;
    // An exchange always says what it granted, as recorded answers of Auth0 do.
    let requested_scopes = match (&refreshes, &request.scope) {
        (None, Some(scopes)) => scopes.as_slice(),
        _ => &[],
    };
    let offline = match &refreshes {
        Some(live) => Offline::Exchange(live),
        None if scope::may_stay_offline(client.client(), api.as_ref()) => {
            Offline::Begin(scopes.as_slice())
        }
        None => Offline::No,
    };
    let minting = Instant::now();
    let response = token::mint(
        Mint {
            records: &server.records,
            keyring: &server.keyring,
            tenant,
            client: client.client(),
            api: api.as_ref(),
            gty,
            jti: trail.id(),
            permissions: &permissions,
            confirmation: confirmation.as_ref(),
            requested_scopes,
            offline,
            now,
        },
        approved,
    )
    .instrument(span!("mint"))
    .await?;
    let metrics = &server.metrics;
    metrics.minted(tenant.name.as_str(), minting.elapsed());
    Ok(response)
}

/// What phases 3 and 4 may know of a request, besides what the grant itself takes.
struct Asked<'a> {
    server: &'a Server,
    tenant: &'a Tenant,
    client: &'a AuthenticatedClient,
    audience: Option<&'a str>,
    scope: Option<&'a [String]>,
    /// Whose guesses these are, if they are guesses.
    address: IpAddr,
    confirmation: Option<&'a Confirmation>,
    now: Timestamp,
}

/// What a grant established before the rules run.
struct Established {
    /// Whom the token is about: somebody who authenticated.
    subject: Principal,
    /// What the access token is for; none when it is good for /userinfo only.
    api: Option<Api>,
    /// By policy.
    scopes: GrantedScopes,
    /// The claim `gty`.
    gty: &'static str,
    /// The refresh token that it was established with.
    refreshes: Option<Live>,
}

/// Whom a token is about.
pub enum Principal {
    /// A user.
    User(Box<AuthenticatedUser>),
    /// A client that acts for itself (RFC 6749, section 4.4).
    Client(AuthenticatedClient),
}

impl Principal {
    /// What a client learns when a rule ends the exchange. A machine typed no password whose being
    /// right could be concealed, and reads what hooks of its kind answer (contract, section 2.1).
    fn rule_failures(&self, tenant: &Tenant) -> RuleFailures {
        match self {
            Self::User(_) => RuleFailures {
                denials: tenant.denials,
                fault: Error::RuleFaulted(tenant.denials),
            },
            Self::Client(_) => RuleFailures {
                denials: Denials::Reveal,
                fault: Error::MachineRuleFaulted,
            },
        }
    }
}

struct RuleFailures {
    denials: Denials,
    fault: Error,
}

impl Subject for Principal {}

impl TokenSubject for Principal {
    /// A machine's name is not a user's: `CLIENT_ID@clients` (contract, section 1.6).
    fn sub(&self) -> Cow<'_, str> {
        match self {
            Self::User(user) => user.user().user_id.as_str().into(),
            Self::Client(client) => format!("{}@clients", client.client().client_id).into(),
        }
    }

    fn user(&self) -> Option<&User> {
        match self {
            Self::User(user) => Some(user.user()),
            Self::Client(_) => None,
        }
    }

    fn login(&self) -> Option<EarlierLogin> {
        match self {
            Self::User(user) => Some(user.remember()),
            Self::Client(_) => None,
        }
    }
}

/// The `audience` of the request, else the tenant's default, else none: then the token is good
/// for /userinfo only.
async fn resolve_api(asked: &Asked<'_>) -> Result<Option<Api>, Error> {
    match asked.audience.or(asked.tenant.default_audience.as_deref()) {
        Some(audience) => Ok(Some(load_api(asked, audience).await?)),
        None => Ok(None),
    }
}

async fn load_api(asked: &Asked<'_>, audience: &str) -> Result<Api, Error> {
    let parts = [asked.tenant.name.as_str(), audience];
    let stored: Option<Stored<Api>> = asked.server.records.get(&parts).await?;
    match stored {
        Some(api) => Ok(api.record),
        None => Err(Error::UnknownAudience(audience.to_owned())),
    }
}

/// Metadata that rules changed is a promise to the tenant: on disk before the token leaves.
/// Counts of logins may lag.
async fn keep(
    server: &Server,
    tenant: &Tenant,
    approved: &ApprovedClaims<Principal>,
    origin: &Origin,
) -> Result<(), Error> {
    let Principal::User(user) = approved.subject() else {
        return Ok(());
    };
    let user_id = user.user().user_id.as_str();
    let parts = [tenant.name.as_str(), user_id];
    let changes = approved.changes();
    if !changes.user_metadata.is_empty() || !changes.app_metadata.is_empty() {
        merge_metadata(server, &parts, changes).await?;
    }
    let Some(stats) = user.record_login(Some(&origin.ip.to_string())) else {
        return Ok(());
    };
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
            Err(store::Error::Conflict) => {}
            done => return Ok(done?),
        }
    }
    Err(Error::Store(store::Error::Conflict))
}
