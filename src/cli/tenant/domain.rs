//! `claimsmith tenant domain`.

use clap::Subcommand;

use super::show;
use crate::admin::tenants;
use crate::cli::CliError;
use crate::cli::open::OpenOptions;
use crate::cli::output::Output;
use crate::tenant::TenantName;

#[derive(Subcommand)]
pub(in crate::cli) enum Verb {
    /// Let a tenant answer under a host name, as the issuer `https://DOMAIN/`
    ///
    /// Example: claimsmith tenant domain add acme login.acme.example
    Add {
        /// The tenant
        name: String,
        /// The host name, without scheme and port
        domain: String,
    },
    /// End that; tokens that name the domain as their issuer are no good from then on
    Remove {
        /// The tenant
        name: String,
        /// The host name
        domain: String,
    },
}

pub(super) async fn run(verb: Verb, open: &OpenOptions) -> Result<Output, CliError> {
    let (Verb::Add { name, .. } | Verb::Remove { name, .. }) = &verb;
    let name = TenantName::parse(name).map_err(CliError::usage)?;
    let server = open.open_existing().await?;
    show(&match verb {
        Verb::Add { domain, .. } => tenants::add_domain(&server, &name, &domain).await?,
        Verb::Remove { domain, .. } => tenants::remove_domain(&server, &name, &domain).await?,
    })
}
