//! `claimsmith user-permission`: what users hold besides what their roles bring.

use clap::Subcommand;

use super::CliError;
use super::open::{OpenOptions, TenantOption};
use super::output::{Output, table};
use super::role::held_on;
use crate::admin::permissions;
use crate::role::Holder;

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Give a user permissions on an API, whatever its roles
    Grant {
        /// The `user_id`
        user_id: String,
        /// The API's `audience`
        audience: String,
        /// Scopes of the API
        #[arg(required = true)]
        scopes: Vec<String>,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Take such permissions back: these, or all on the API if none is named
    Revoke {
        /// The `user_id`
        user_id: String,
        /// The API's `audience`
        audience: String,
        /// Scopes of the API
        scopes: Vec<String>,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// List all that a user holds, and where it comes from
    List {
        /// The `user_id`
        user_id: String,
        #[command(flatten)]
        tenant: TenantOption,
    },
}

pub(super) async fn run(verb: Verb, open: &OpenOptions) -> Result<Output, CliError> {
    let server = open.open_existing().await?;
    match verb {
        Verb::Grant {
            user_id,
            audience,
            scopes,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let user = Holder::User(&user_id);
            let held = permissions::grant(&server, &tenant.name, user, &audience, &scopes).await?;
            Ok(held_on(&[held]))
        }
        Verb::Revoke {
            user_id,
            audience,
            scopes,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let user = Holder::User(&user_id);
            let held = permissions::revoke(&server, &tenant.name, user, &audience, &scopes).await?;
            Ok(held_on(&[held]))
        }
        Verb::List { user_id, tenant } => {
            let tenant = tenant.resolve(&server).await?;
            let all = permissions::of_user(&server, &tenant.name, &user_id).await?;
            let rows = all.iter().map(|held| {
                [
                    held.audience.clone(),
                    held.scope.clone(),
                    held.role.clone().unwrap_or_else(|| "(its own)".to_owned()),
                ]
            });
            Ok(Output::new(
                &all,
                table(["API", "PERMISSION", "BY ROLE"], rows),
            ))
        }
    }
}
