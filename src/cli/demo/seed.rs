//! Makes what the demo logs in to; a second run finds it, and renews its secrets.

use crate::admin::apis::{self, NewApi};
use crate::admin::clients::{self, NewClient};
use crate::admin::rules::{self, NewBinding};
use crate::admin::tenants::{self, Change, FIRST_CONNECTION};
use crate::admin::users::{self, NewUser};
use crate::api::{Api, ApiScope, TokenDialect};
use crate::cli::CliError;
use crate::cli::progress::Step;
use crate::client::ClientAuthentication;
use crate::grant::GrantRequest;
use crate::random;
use crate::rule_host::Manifest;
use crate::secret::Secret;
use crate::server::Server;
use crate::tenant::{Issuer, TenantName};
use crate::token::SigningAlgorithm;

use super::rules::SHIPPED;

const TENANT: &str = "demo";
const USERNAME: &str = "ada@acme.example";
const CLIENT: &str = "Demo client";
const AUDIENCE: &str = "https://orders.acme.example/";

/// What a client needs to ask for a token.
pub(super) struct Seeded {
    pub(super) tenant: TenantName,
    pub(super) username: &'static str,
    pub(super) password: Secret,
    pub(super) client_id: String,
    pub(super) client_secret: Secret,
    pub(super) audience: &'static str,
    pub(super) scope: &'static str,
}

/// Makes what is missing and renews the secrets, which are stored as hashes only.
pub(super) async fn seed(server: &Server, issuer: Issuer, step: &Step) -> Result<Seeded, CliError> {
    let tenant = TenantName::parse(TENANT).map_err(CliError::failure)?;
    step.now("making the tenant's keys");
    if server.tenant(&tenant).await?.is_none() {
        tenants::create(server, tenant.clone(), issuer.clone()).await?;
    }
    let change = Change {
        issuer: Some(issuer),
        ..Change::default()
    };
    tenants::change(server, &tenant, change).await?;
    api(server, &tenant).await?;
    let (client_id, client_secret) = client(server, &tenant).await?;
    step.now("hashing the user's password");
    let password = user(server, &tenant).await?;
    bind_rules(server, &tenant, &client_id, step).await?;
    Ok(Seeded {
        tenant,
        username: USERNAME,
        password,
        client_id,
        client_secret,
        audience: AUDIENCE,
        scope: "openid profile email read:orders",
    })
}

async fn api(server: &Server, tenant: &TenantName) -> Result<(), CliError> {
    let scope = |value: &str, description: &str| ApiScope {
        value: value.to_owned(),
        description: description.to_owned(),
    };
    let api = NewApi {
        identifier: AUDIENCE.to_owned(),
        name: Some("Orders".to_owned()),
        scopes: vec![
            scope("read:orders", "Read orders"),
            scope("write:orders", "Place and change orders"),
            scope(EXTRA_SCOPE, "Export all orders"),
        ],
        signing_alg: SigningAlgorithm::RS256,
        token_dialect: TokenDialect::AccessToken,
        token_lifetime: Api::DEFAULT_TOKEN_LIFETIME,
        allow_offline_access: true,
    };
    match apis::create(server, tenant, api).await {
        Ok(_) | Err(crate::admin::Error::AlreadyExists { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn client(server: &Server, tenant: &TenantName) -> Result<(String, Secret), CliError> {
    let known = clients::list(server, tenant).await?;
    if let Some(client) = known.into_iter().find(|client| client.name == CLIENT) {
        let (client, secret) = clients::rotate_secret(server, tenant, &client.client_id, 0).await?;
        return Ok((client.client_id, secret));
    }
    let new = NewClient {
        name: CLIENT.to_owned(),
        authentication: ClientAuthentication::ClientSecretPost,
        grant_types: GrantRequest::ALL.map(str::to_owned).to_vec(),
        is_first_party: true,
        metadata: [("channel".to_owned(), "demo".to_owned())].into(),
    };
    let (client, secret) = clients::create(server, tenant, new).await?;
    let secret = secret.ok_or_else(|| CliError::failure("a confidential client got no secret"))?;
    Ok((client.client_id, secret))
}

async fn user(server: &Server, tenant: &TenantName) -> Result<Secret, CliError> {
    let password = random::token().map_err(CliError::failure)?;
    if let Some(user) = users::find(server, tenant, FIRST_CONNECTION, USERNAME).await? {
        users::set_password(server, tenant, &user.user_id, password.clone()).await?;
        return Ok(password);
    }
    let new = NewUser {
        connection: FIRST_CONNECTION.to_owned(),
        email: Some(USERNAME.to_owned()),
        email_verified: true,
        name: Some("Ada Lovelace".to_owned()),
        roles: vec!["editor".to_owned(), "shift-lead".to_owned()],
        ..NewUser::default()
    };
    users::create(server, tenant, new, password.clone()).await?;
    Ok(password)
}

const EXTRA_SCOPE: &str = "export:orders";

async fn bind_rules(
    server: &Server,
    tenant: &TenantName,
    client_id: &str,
    step: &Step,
) -> Result<(), CliError> {
    let configuration = [
        ("ALLOWED_EMAIL_DOMAINS", "acme.example"),
        ("TIME_ZONE", "Europe/Berlin"),
        // Whoever tries the demo at night shall see a token too.
        ("OFFICE_HOURS", "Mon-Sun 00:00-24:00"),
        ("CLAIMS_NAMESPACE", AUDIENCE),
        ("EXTRA_SCOPE", EXTRA_SCOPE),
        ("EXTRA_SCOPE_CLIENT_ID", client_id),
    ];
    for (key, value) in configuration {
        rules::configure(server, tenant, key, &Secret::new(value)).await?;
    }
    for (order, rule) in (1u32..).zip(SHIPPED) {
        step.now(&format!("compiling the rule {}", rule.name));
        let manifest = Manifest::parse(rule.manifest).map_err(CliError::failure)?;
        let component = rule.component.to_vec();
        rules::upload(server, tenant, rule.name, component, Some(manifest)).await?;
        let binding = NewBinding {
            version: None,
            order: Some(order),
            grants: Vec::new(),
            on_fault: None,
            permissions: None,
        };
        rules::bind(server, tenant, rule.name, binding).await?;
    }
    Ok(())
}
