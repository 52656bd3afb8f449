//! `claimsmith client-grant`.

use clap::{Args, Subcommand};
use serde_json::json;

use super::CliError;
use super::open::{OpenOptions, TenantOption};
use super::output::{Output, table, word};
use crate::admin::client_grants::{self, NewClientGrant};
use crate::client_grant::{ClientGrant, SubjectType};

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Let a client have scopes of an API
    ///
    /// Example: claimsmith client-grant create CLIENT_ID https://orders.acme.example/ --scope read:orders
    Create {
        #[command(flatten)]
        of: Of,
        /// A scope; may be given several times
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        /// Every scope of the API, also those that come later
        #[arg(long, conflicts_with = "scopes")]
        all_scopes: bool,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Grant other scopes, in the place of those that were
    SetScopes {
        #[command(flatten)]
        of: Of,
        /// Likewise as for `create`
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// List what clients are granted
    List {
        /// Of this client only
        #[arg(long, value_name = "CLIENT_ID")]
        client: Option<String>,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Take a grant back; tokens that are out stay valid until they end
    Delete {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        tenant: TenantOption,
    },
}

/// Which client grant a verb is about.
#[derive(Args)]
pub(super) struct Of {
    /// The `client_id`
    client_id: String,
    /// The API's `audience`
    audience: String,
    /// Whom the tokens are about: the client itself, or a user of it
    #[arg(long, value_name = "SUBJECT", default_value = "client")]
    subject_type: SubjectType,
}

impl Of {
    fn as_key(&self) -> (&str, SubjectType, &str) {
        (&self.client_id, self.subject_type, &self.audience)
    }
}

pub(super) async fn run(verb: Verb, open: &OpenOptions) -> Result<Output, CliError> {
    let server = open.open_existing().await?;
    match verb {
        Verb::Create {
            of,
            scopes,
            all_scopes,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let new = NewClientGrant {
                client_id: of.client_id,
                audience: of.audience,
                scope: scopes,
                allow_all_scopes: all_scopes,
                subject_type: of.subject_type,
                ..NewClientGrant::default()
            };
            let grant = client_grants::create(&server, &tenant.name, new).await?;
            Ok(Output::new(&grant, table(HEADER, [row(&grant)])))
        }
        Verb::SetScopes { of, scopes, tenant } => {
            let tenant = tenant.resolve(&server).await?;
            let name = &tenant.name;
            let grant = client_grants::set_scope(&server, name, of.as_key(), scopes).await?;
            Ok(Output::new(&grant, table(HEADER, [row(&grant)])))
        }
        Verb::List { client, tenant } => {
            let tenant = tenant.resolve(&server).await?;
            let grants = client_grants::list(&server, &tenant.name, client.as_deref()).await?;
            Ok(Output::new(&grants, table(HEADER, grants.iter().map(row))))
        }
        Verb::Delete { of, tenant } => {
            let tenant = tenant.resolve(&server).await?;
            client_grants::delete(&server, &tenant.name, of.as_key()).await?;
            Ok(Output::new(
                json!({ "client_id": of.client_id, "audience": of.audience }),
                "the client grant is gone",
            ))
        }
    }
}

const HEADER: [&str; 4] = ["CLIENT_ID", "API", "TOKENS ABOUT", "SCOPES"];

fn row(grant: &ClientGrant) -> [String; 4] {
    [
        grant.client_id.clone(),
        grant.audience.clone(),
        word(grant.subject_type),
        match grant.allow_all_scopes {
            true => "all".to_owned(),
            false => grant.scope.join(" "),
        },
    ]
}
