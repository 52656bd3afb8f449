//! `claimsmith tenant`.

mod domain;
mod quota;

use clap::Subcommand;

use super::CliError;
use super::open::OpenOptions;
use super::output::{Output, table};
use crate::admin::tenants::{self, Change};
use crate::tenant::{Denials, ErrorProfile, Issuer, Status, Tenant, TenantName};

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Make a tenant with its signing keys and a first connection
    ///
    /// Example: claimsmith tenant create acme --issuer https://login.acme.example/
    Create {
        /// 1 to 63 of a-z, 0-9 and `-`
        name: String,
        /// What tokens name as `iss`; its host name leads to the tenant
        #[arg(long, value_name = "URL")]
        issuer: Option<String>,
    },
    /// List all tenants
    List,
    /// Show one tenant
    Show {
        /// Its name
        name: String,
    },
    /// Change settings of a tenant; what is not named stays
    ///
    /// Example: claimsmith tenant set acme --default-audience https://orders.acme.example/
    Set {
        /// Its name
        name: String,
        /// A name for people
        #[arg(long, value_name = "TEXT")]
        friendly_name: Option<String>,
        /// What new tokens name as `iss`
        #[arg(long, value_name = "URL")]
        issuer: Option<String>,
        /// The API of requests that name none; empty text removes it
        #[arg(long, value_name = "IDENTIFIER")]
        default_audience: Option<String>,
        /// The connection of requests that name no realm; empty text removes it
        #[arg(long, value_name = "CONNECTION")]
        default_directory: Option<String>,
        /// How errors of the token endpoint look
        #[arg(long)]
        errors: Option<ErrorProfile>,
        /// What a client learns when a rule denies
        #[arg(long)]
        denials: Option<Denials>,
        /// Let the next signing keys sign after so many days, 7 at least; 0 for by hand only
        #[arg(long, value_name = "DAYS")]
        rotate_keys_every: Option<u32>,
        /// Whether DPoP proofs must hold a nonce of this server, `true` or `false`
        #[arg(long, value_name = "BOOL")]
        require_dpop_nonce: Option<bool>,
        /// Whether handing back one refresh token ends all of its user, client and API
        #[arg(long, value_name = "BOOL")]
        revoke_refresh_token_grant: Option<bool>,
        /// Whether refresh tokens stay good when their user's password is changed
        #[arg(long, value_name = "BOOL")]
        refresh_tokens_outlive_password: Option<bool>,
        /// Whether its management API administers all tenants of the server
        #[arg(long, value_name = "BOOL")]
        operator: Option<bool>,
    },
    /// Let nothing of a tenant answer until it is resumed
    Suspend {
        /// Its name
        name: String,
    },
    /// Let a suspended tenant answer again
    Resume {
        /// Its name
        name: String,
    },
    /// Delete a tenant with everything that is its own; there is no way back
    Delete {
        /// Its name
        name: String,
        /// That this is meant
        #[arg(long)]
        yes: bool,
    },
    /// Set how much a tenant may have and use; what is not named stays
    ///
    /// Example: claimsmith tenant set-quota acme --users 10000 --exchanges-per-second 50
    SetQuota(quota::Args),
    /// Host names of a tenant's own, beside the one of its issuer
    #[command(subcommand)]
    Domain(domain::Verb),
}

pub(super) async fn run(verb: Verb, open: &OpenOptions) -> Result<Output, CliError> {
    match verb {
        Verb::Create { name, issuer } => {
            let server = open.open().await?;
            let name = TenantName::parse(&name).map_err(CliError::usage)?;
            let issuer = issuer.unwrap_or_else(|| default_issuer(&name));
            let issuer = Issuer::parse(&issuer).map_err(CliError::usage)?;
            show(&tenants::create(&server, name, issuer).await?)
        }
        Verb::List => {
            let tenants = tenants::list(open.open_existing().await?.as_ref()).await?;
            let rows = tenants.iter().map(|tenant| {
                [
                    tenant.name.to_string(),
                    tenant.issuer.as_str().to_owned(),
                    tenant.friendly_name.clone(),
                    status(tenant),
                ]
            });
            Ok(Output::new(
                &tenants,
                table(["TENANT", "ISSUER", "NAME", "STATUS"], rows),
            ))
        }
        Verb::Show { name } => {
            let name = TenantName::parse(&name).map_err(CliError::usage)?;
            show(&tenants::get(open.open_existing().await?.as_ref(), &name).await?)
        }
        Verb::Set {
            name,
            friendly_name,
            issuer,
            default_audience,
            default_directory,
            errors,
            denials,
            rotate_keys_every,
            require_dpop_nonce,
            revoke_refresh_token_grant,
            refresh_tokens_outlive_password,
            operator,
        } => {
            let name = TenantName::parse(&name).map_err(CliError::usage)?;
            let issuer = issuer.as_deref().map(Issuer::parse).transpose();
            let change = Change {
                friendly_name,
                issuer: issuer.map_err(CliError::usage)?,
                default_audience,
                default_directory,
                errors,
                denials,
                key_rotation_days: rotate_keys_every,
                require_dpop_nonce,
                revoke_refresh_token_grant,
                refresh_tokens_outlive_password,
                ..Change::default()
            };
            let server = open.open_existing().await?;
            let mut tenant = tenants::change(&server, &name, change).await?;
            if let Some(is_operator) = operator {
                tenant = tenants::set_operator(&server, &name, is_operator).await?;
            }
            show(&tenant)
        }
        Verb::Suspend { name } => set_suspended(&name, true, open).await,
        Verb::Resume { name } => set_suspended(&name, false, open).await,
        Verb::Delete { name, yes } => delete(&name, yes, open).await,
        Verb::SetQuota(args) => quota::run(args, open).await,
        Verb::Domain(verb) => domain::run(verb, open).await,
    }
}

async fn set_suspended(
    name: &str,
    suspended: bool,
    open: &OpenOptions,
) -> Result<Output, CliError> {
    let name = TenantName::parse(name).map_err(CliError::usage)?;
    let server = open.open_existing().await?;
    show(&tenants::set_suspended(&server, &name, suspended).await?)
}

async fn delete(name: &str, yes: bool, open: &OpenOptions) -> Result<Output, CliError> {
    let name = TenantName::parse(name).map_err(CliError::usage)?;
    if !yes {
        return Err(CliError::usage(format!(
            "this deletes `{name}` with all its users, rules, keys and logs, for good; say --yes if that is meant"
        )));
    }
    let server = open.open_existing().await?;
    tenants::delete(&server, &name).await?;
    Ok(Output::new(
        serde_json::json!({ "deleted": name }),
        format!("{name} is deleted"),
    ))
}

/// Works without any set-up: resolvers send every name under `localhost` to this machine.
pub(super) fn default_issuer(name: &TenantName) -> String {
    format!("http://{name}.localhost:8080/")
}

fn status(tenant: &Tenant) -> String {
    let status = match tenant.status {
        Status::Active => "active",
        Status::Suspended => "suspended",
        Status::Deleting => "being deleted",
    };
    match tenant.is_operator {
        true => format!("{status}, the operator's"),
        false => status.to_owned(),
    }
}

fn show(tenant: &Tenant) -> Result<Output, CliError> {
    let none = || "(none)".to_owned();
    let rows = [
        ["tenant".to_owned(), tenant.name.to_string()],
        ["name".to_owned(), tenant.friendly_name.clone()],
        ["issuer".to_owned(), tenant.issuer.as_str().to_owned()],
        ["domains".to_owned(), tenant.domains.join(" ")],
        ["status".to_owned(), status(tenant)],
        ["quotas".to_owned(), quota::text(tenant.quotas)],
        [
            "default audience".to_owned(),
            tenant.default_audience.clone().unwrap_or_else(none),
        ],
        [
            "default directory".to_owned(),
            tenant.default_directory.clone().unwrap_or_else(none),
        ],
        ["errors".to_owned(), super::output::word(tenant.errors)],
        ["denials".to_owned(), super::output::word(tenant.denials)],
        [
            "DPoP nonce".to_owned(),
            if tenant.require_dpop_nonce {
                "required"
            } else {
                "not required"
            }
            .to_owned(),
        ],
        [
            "keys rotate".to_owned(),
            match tenant.key_rotation_days {
                Some(days) => format!("every {days} days"),
                None => "by hand".to_owned(),
            },
        ],
    ];
    Ok(Output::new(tenant, table(["SETTING", "VALUE"], rows)))
}
