//! `claimsmith connection`.

use clap::Subcommand;

use super::CliError;
use super::open::{OpenOptions, TenantOption};
use super::output::{Output, table};
use crate::admin::connections;

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Make a user directory
    ///
    /// Example: claimsmith connection create Employees
    Create {
        /// Letters, digits and `-`
        name: String,
        /// Only this client may use it; may be given several times
        #[arg(long = "client", value_name = "CLIENT_ID")]
        clients: Vec<String>,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// List the tenant's connections
    List {
        #[command(flatten)]
        tenant: TenantOption,
    },
}

pub(super) async fn run(verb: Verb, open: &OpenOptions) -> Result<Output, CliError> {
    let server = open.open_existing().await?;
    match verb {
        Verb::Create {
            name,
            clients,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let made = connections::create(&server, &tenant.name, &name, clients).await?;
            Ok(Output::new(&made, format!("connection {name}")))
        }
        Verb::List { tenant } => {
            let tenant = tenant.resolve(&server).await?;
            let connections = connections::list(&server, &tenant.name).await?;
            let rows = connections.iter().map(|connection| {
                let clients = match connection.enabled_for_all {
                    true => "every client".to_owned(),
                    false => connection.enabled_clients.join(", "),
                };
                [connection.name.clone(), clients]
            });
            Ok(Output::new(
                &connections,
                table(["CONNECTION", "ENABLED FOR"], rows),
            ))
        }
    }
}
