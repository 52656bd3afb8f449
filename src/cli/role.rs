//! `claimsmith role`.

use clap::Subcommand;
use serde_json::json;

use super::CliError;
use super::open::{OpenOptions, TenantOption};
use super::output::{Output, table};
use crate::admin::{permissions, roles};
use crate::role::{Holder, Permissions, Role};

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Make a role; it holds nothing yet
    Create {
        /// Its name
        name: String,
        /// For people
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// List the tenant's roles
    List {
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Take a role and its permissions away; users keep the name
    Delete {
        /// Its name
        name: String,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Give a role permissions on an API
    ///
    /// Example: claimsmith role grant editor https://orders.acme.example/ read:orders write:orders
    Grant {
        /// The role
        name: String,
        /// The API's `audience`
        audience: String,
        /// Scopes of the API
        #[arg(required = true)]
        scopes: Vec<String>,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Take permissions from a role: these, or all on the API if none is named
    Revoke {
        /// The role
        name: String,
        /// The API's `audience`
        audience: String,
        /// Scopes of the API
        scopes: Vec<String>,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// List what a role holds
    Permissions {
        /// The role
        name: String,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Give a user a role
    Assign {
        /// The role
        name: String,
        /// The `user_id`
        user_id: String,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Take a role from a user
    Unassign {
        /// The role
        name: String,
        /// The `user_id`
        user_id: String,
        #[command(flatten)]
        tenant: TenantOption,
    },
}

pub(super) async fn run(verb: Verb, open: &OpenOptions) -> Result<Output, CliError> {
    let server = open.open_existing().await?;
    match verb {
        Verb::Create {
            name,
            description,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let role = roles::create(&server, &tenant.name, &name, &description).await?;
            Ok(Output::new(&role, table(HEADER, [row(&role)])))
        }
        Verb::List { tenant } => {
            let tenant = tenant.resolve(&server).await?;
            let roles = roles::list(&server, &tenant.name).await?;
            Ok(Output::new(&roles, table(HEADER, roles.iter().map(row))))
        }
        Verb::Delete { name, tenant } => {
            let tenant = tenant.resolve(&server).await?;
            roles::delete(&server, &tenant.name, &name).await?;
            Ok(Output::new(json!({ "name": name }), "the role is gone"))
        }
        Verb::Grant {
            name,
            audience,
            scopes,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let role = Holder::Role(&name);
            let held = permissions::grant(&server, &tenant.name, role, &audience, &scopes).await?;
            Ok(held_on(&[held]))
        }
        Verb::Revoke {
            name,
            audience,
            scopes,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let role = Holder::Role(&name);
            let held = permissions::revoke(&server, &tenant.name, role, &audience, &scopes).await?;
            Ok(held_on(&[held]))
        }
        Verb::Permissions { name, tenant } => {
            let tenant = tenant.resolve(&server).await?;
            let held = permissions::list(&server, &tenant.name, Holder::Role(&name)).await?;
            Ok(held_on(&held))
        }
        Verb::Assign {
            name,
            user_id,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let user = roles::assign(&server, &tenant.name, &user_id, &name).await?;
            Ok(Output::new(&user, format!("{user_id} is `{name}`")))
        }
        Verb::Unassign {
            name,
            user_id,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let user = roles::unassign(&server, &tenant.name, &user_id, &name).await?;
            Ok(Output::new(&user, format!("{user_id} is not `{name}`")))
        }
    }
}

const HEADER: [&str; 3] = ["ROLE", "NAME", "DESCRIPTION"];

fn row(role: &Role) -> [String; 3] {
    [role.id.clone(), role.name.clone(), role.description.clone()]
}

/// What a role or a user holds, by API.
pub(super) fn held_on(held: &[Permissions]) -> Output {
    let rows = held
        .iter()
        .map(|held| [held.audience.clone(), held.scopes.join(" ")]);
    Output::new(held, table(["API", "PERMISSIONS"], rows))
}
