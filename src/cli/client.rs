//! `claimsmith client`.

use clap::Subcommand;
use serde_json::{Value, json};

use super::CliError;
use super::open::{OpenOptions, TenantOption};
use super::output::{Output, table, word};
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
        /// A grant to switch on: `password`, `password-realm` or `client_credentials`; may be given
        /// several times
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
    /// Give a client a new secret, printed once; the old one is refused from then on
    RotateSecret {
        /// The `client_id`
        client_id: String,
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
        Verb::RotateSecret { client_id, tenant } => {
            let tenant = tenant.resolve(&server).await?;
            let (client, secret) =
                clients::rotate_secret(&server, &tenant.name, &client_id).await?;
            Ok(with_secret(&client, Some(&secret)))
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

/// A client without the digest of its secret, which is nobody's business.
fn document(client: &Client) -> Value {
    let mut document = serde_json::to_value(client).unwrap_or_default();
    if let Some(fields) = document.as_object_mut() {
        fields.remove("secret");
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
