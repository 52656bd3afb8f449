//! `claimsmith tenant`.

use clap::Subcommand;

use super::CliError;
use super::open::OpenOptions;
use super::output::{Output, table};
use crate::admin::tenants::{self, Change};
use crate::tenant::{Denials, ErrorProfile, Issuer, Tenant, TenantName};

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
    },
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
                ]
            });
            Ok(Output::new(
                &tenants,
                table(["TENANT", "ISSUER", "NAME"], rows),
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
            show(&tenants::change(open.open_existing().await?.as_ref(), &name, change).await?)
        }
    }
}

/// Works without any set-up: resolvers send every name under `localhost` to this machine.
pub(super) fn default_issuer(name: &TenantName) -> String {
    format!("http://{name}.localhost:8080/")
}

fn show(tenant: &Tenant) -> Result<Output, CliError> {
    let none = || "(none)".to_owned();
    let rows = [
        ["tenant".to_owned(), tenant.name.to_string()],
        ["name".to_owned(), tenant.friendly_name.clone()],
        ["issuer".to_owned(), tenant.issuer.as_str().to_owned()],
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
