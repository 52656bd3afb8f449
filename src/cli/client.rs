//! `claimsmith client`.

use clap::Subcommand;
use serde_json::{Value, json};

use super::open::{OpenOptions, TenantOption};
use super::output::{Output, table, word};
use super::refresh_settings::RefreshOptions;
use super::{CliError, client_credential};
use crate::admin::clients::{self, NewClient};
use crate::client::{Client, ClientAuthentication, SenderConstraint};
use crate::grant::GrantRequest;
use crate::secret::Secret;

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Register a client; its secret is printed once
    ///
    /// Example: claimsmith client create "Till 7" --grant password
    Create {
        /// A name for people
        name: String,
        /// How it authenticates
        #[arg(long, value_name = "METHOD", default_value = "client_secret_post")]
        auth: ClientAuthentication,
        /// A grant to switch on: `password`, `password-realm`, `client_credentials` or `refresh_token`;
        /// may be given several times
        #[arg(long = "grant", value_name = "GRANT")]
        grants: Vec<String>,
        /// Somebody else runs it: it never gets a grant that carries a password
        #[arg(long)]
        third_party: bool,
        /// A pair for rules; may be given several times
        #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
        metadata: Vec<(String, String)>,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// List the tenant's clients
    List {
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Switch grants on, in the place of those that were
    SetGrants {
        /// The `client_id`
        client_id: String,
        /// Likewise as for `create`
        #[arg(long = "grant", value_name = "GRANT")]
        grants: Vec<String>,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Say what a client's tokens must be bound to
    ///
    /// Example: claimsmith client bind-tokens 4f0c… dpop
    BindTokens {
        /// The `client_id`
        client_id: String,
        /// `optional`: to a DPoP key if the client proves one
        to: SenderConstraint,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Make a client the resource server of an API, which may introspect the API's access tokens
    ///
    /// Example: claimsmith client set-resource-server CLIENT_ID https://api.acme.example
    SetResourceServer {
        /// The `client_id`
        client_id: String,
        /// The API's identifier; none takes the client's right away
        api: Option<String>,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Believe a client, or not any more, which address its users come from: the header
    /// `auth0-forwarded-for`
    ///
    /// Example: claimsmith client trust-ip-header CLIENT_ID true
    TrustIpHeader {
        /// The `client_id`
        client_id: String,
        /// Whether to believe it
        #[arg(action = clap::ArgAction::Set)]
        trusted: bool,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Say how a client's refresh tokens live; those that are out take it up at their next exchange
    ///
    /// Example: claimsmith client set-refresh-tokens CLIENT_ID --rotation rotating --leeway 10
    SetRefreshTokens {
        /// The `client_id`
        client_id: String,
        #[command(flatten)]
        options: RefreshOptions,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Give a client a new secret, printed once; the old one stays good for a while
    RotateSecret {
        /// The `client_id`
        client_id: String,
        /// For how long the old one stays good
        #[arg(long, value_name = "HOURS", default_value_t = 24)]
        grace_hours: u64,
        /// Refuse the old one from now on
        #[arg(long, conflicts_with = "grace_hours")]
        revoke_previous: bool,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Refuse the secret that was replaced last, whatever is left of its time
    RevokePreviousSecret {
        /// The `client_id`
        client_id: String,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Register, list and remove the public keys of a client that signs assertions
    #[command(subcommand)]
    Credential(client_credential::Verb),
    /// Change how a client authenticates; what proved it before is gone
    SetAuth {
        /// The `client_id`
        client_id: String,
        /// How it authenticates
        method: ClientAuthentication,
        #[command(flatten)]
        tenant: TenantOption,
    },
}

pub(super) async fn run(verb: Verb, open: &OpenOptions) -> Result<Output, CliError> {
    let server = open.open_existing().await?;
    match verb {
        Verb::Create {
            name,
            auth,
            grants,
            third_party,
            metadata,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let new = NewClient {
                name,
                authentication: auth,
                grant_types: wire_names(grants),
                is_first_party: !third_party,
                metadata: metadata.into_iter().collect(),
            };
            let (client, secret) = clients::create(&server, &tenant.name, new).await?;
            Ok(with_secret(&client, secret.as_ref()))
        }
        Verb::List { tenant } => {
            let tenant = tenant.resolve(&server).await?;
            let clients = clients::list(&server, &tenant.name).await?;
            let documents: Vec<Value> = clients.iter().map(document).collect();
            let rows = clients.iter().map(|client| {
                [
                    client.client_id.clone(),
                    client.name.clone(),
                    word(client.token_endpoint_auth_method),
                    client.grant_types.join(" "),
                ]
            });
            Ok(Output::new(
                documents,
                table(["CLIENT_ID", "NAME", "AUTHENTICATION", "GRANTS"], rows),
            ))
        }
        Verb::SetGrants {
            client_id,
            grants,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let grants = wire_names(grants);
            let client = clients::set_grants(&server, &tenant.name, &client_id, grants).await?;
            Ok(with_secret(&client, None))
        }
        Verb::SetRefreshTokens {
            client_id,
            options,
            tenant,
        } => {
            let (tenant, id) = (tenant.resolve(&server).await?.name, &client_id);
            let change = |settings| options.apply(settings);
            let client = clients::set_refresh_token(&server, &tenant, id, change).await?;
            Ok(with_secret(&client, None))
        }
        Verb::BindTokens {
            client_id,
            to,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let client =
                clients::set_sender_constraint(&server, &tenant.name, &client_id, to).await?;
            Ok(with_secret(&client, None))
        }
        Verb::SetResourceServer {
            client_id,
            api,
            tenant,
        } => {
            let (tenant, id) = (tenant.resolve(&server).await?.name, &client_id);
            let client = clients::set_resource_server(&server, &tenant, id, api).await?;
            Ok(with_secret(&client, None))
        }
        Verb::TrustIpHeader {
            client_id,
            trusted,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let client =
                clients::trust_ip_header(&server, &tenant.name, &client_id, trusted).await?;
            Ok(with_secret(&client, None))
        }
        Verb::RotateSecret {
            client_id,
            grace_hours,
            revoke_previous,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let grace_secs = match revoke_previous {
                true => 0,
                false => grace_hours.saturating_mul(3_600),
            };
            let (client, secret) =
                clients::rotate_secret(&server, &tenant.name, &client_id, grace_secs).await?;
            Ok(with_secret(&client, Some(&secret)))
        }
        Verb::RevokePreviousSecret { client_id, tenant } => {
            let tenant = tenant.resolve(&server).await?;
            let client = clients::revoke_previous_secret(&server, &tenant.name, &client_id).await?;
            Ok(with_secret(&client, None))
        }
        Verb::Credential(verb) => client_credential::run(verb, &server).await,
        Verb::SetAuth {
            client_id,
            method,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let (client, secret) =
                clients::set_authentication(&server, &tenant.name, &client_id, method).await?;
            Ok(with_secret(&client, secret.as_ref()))
        }
    }
}

/// `password-realm` is short for a URL that nobody types.
fn wire_names(grants: Vec<String>) -> Vec<String> {
    let wire = |grant: String| match grant.as_str() {
        "password-realm" => GrantRequest::PASSWORD_REALM.to_owned(),
        _ => grant,
    };
    grants.into_iter().map(wire).collect()
}

/// A client without the digests of its secrets, which are nobody's business.
fn document(client: &Client) -> Value {
    let mut document = serde_json::to_value(client).unwrap_or_default();
    if let Some(fields) = document.as_object_mut() {
        fields.remove("secret");
        fields.remove("previous_secret");
        if let Some(previous) = &client.previous_secret {
            let until = json!(previous.expires_at);
            fields.insert("previous_secret_expires_at".to_owned(), until);
        }
    }
    document
}

fn with_secret(client: &Client, secret: Option<&Secret>) -> Output {
    let mut document = document(client);
    let mut rows = vec![
        ["client_id".to_owned(), client.client_id.clone()],
        ["name".to_owned(), client.name.clone()],
        [
            "authentication".to_owned(),
            word(client.token_endpoint_auth_method),
        ],
        ["grants".to_owned(), client.grant_types.join(" ")],
        ["tokens bound".to_owned(), word(client.sender_constraint)],
    ];
    if let Some(api) = &client.resource_server_identifier {
        rows.push(["resource server of".to_owned(), api.clone()]);
    }
    if let Some(secret) = secret {
        if let Some(fields) = document.as_object_mut() {
            fields.insert("client_secret".to_owned(), json!(secret.expose()));
        }
        rows.push([
            "client_secret (shown once)".to_owned(),
            secret.expose().to_owned(),
        ]);
    }
    Output::new(document, table(["FIELD", "VALUE"], rows))
}

fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| "write it as NAME=VALUE".to_owned())
}
