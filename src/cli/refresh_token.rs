//! `claimsmith refresh-token`: what keeps a user logged in, listed and revoked.

use clap::Subcommand;
use serde_json::json;

use super::CliError;
use super::open::{OpenOptions, TenantOption};
use super::output::{Output, table};
use crate::admin::refresh_tokens::{self, RefreshTokenInfo};

#[derive(Subcommand)]
pub(super) enum Verb {
    /// List a user's refresh tokens; never the tokens themselves
    List {
        /// The `user_id`
        user_id: String,
        /// Only those of this client
        #[arg(long, value_name = "CLIENT_ID")]
        client: Option<String>,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Revoke one, with all that it was and will be exchanged for
    Revoke {
        /// Its name, as `list` shows it
        refresh_token: String,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Revoke all of a user
    RevokeAll {
        /// The `user_id`
        user_id: String,
        /// Only those of this client
        #[arg(long, value_name = "CLIENT_ID")]
        client: Option<String>,
        #[command(flatten)]
        tenant: TenantOption,
    },
}

pub(super) async fn run(verb: Verb, open: &OpenOptions) -> Result<Output, CliError> {
    let server = open.open_existing().await?;
    match verb {
        Verb::List {
            user_id,
            client,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let listed =
                refresh_tokens::list(&server, &tenant.name, &user_id, client.as_deref()).await?;
            Ok(Output::new(&listed, table(HEADER, listed.iter().map(row))))
        }
        Verb::Revoke {
            refresh_token,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let revoked = refresh_tokens::revoke(&server, &tenant.name, &refresh_token).await?;
            Ok(Output::new(&revoked, format!("{refresh_token} is revoked")))
        }
        Verb::RevokeAll {
            user_id,
            client,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let client = client.as_deref();
            let revoked =
                refresh_tokens::revoke_all(&server, &tenant.name, &user_id, client).await?;
            Ok(Output::new(
                json!({ "revoked": revoked }),
                format!("{revoked} revoked"),
            ))
        }
    }
}

const HEADER: [&str; 6] = ["REFRESH TOKEN", "CLIENT", "API", "KIND", "LOGIN", "ENDS"];

fn row(token: &RefreshTokenInfo) -> [String; 6] {
    let apis = token.resource_servers.iter();
    let ends = [token.expires_at, token.idle_expires_at];
    let end = ends.into_iter().flatten().map(|moment| moment.0).min();
    [
        token.id.clone(),
        token.client_id.clone(),
        apis.map(|api| api.audience.as_str())
            .collect::<Vec<_>>()
            .join(" "),
        if token.rotating { "rotating" } else { "fixed" }.to_owned(),
        token.created_at.0.to_string(),
        end.map_or_else(|| "when revoked".to_owned(), |end| end.to_string()),
    ]
}
