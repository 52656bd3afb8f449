//! `claimsmith key`.

use clap::Subcommand;

use super::CliError;
use super::open::{OpenOptions, TenantOption};
use super::output::{Output, table, word};
use crate::admin::keys::{self, KeyInfo, Moment};
use crate::token::{Notice, SigningAlgorithm};

#[derive(Subcommand)]
pub(super) enum Verb {
    /// List the tenant's signing keys
    List {
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Let the next keys sign; the current ones go on verifying until they are revoked
    ///
    /// Example: claimsmith key rotate --alg RS256
    Rotate {
        /// Of this algorithm only
        #[arg(long, value_name = "ALG")]
        alg: Option<SigningAlgorithm>,
        /// Even if verifiers that keep the key set may not know the next key yet. For when the
        /// current key is in the wrong hands
        #[arg(long)]
        now: bool,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Refuse whatever a previous key signed
    Revoke {
        /// The key's name, as `list` shows it; it may begin with `-`
        #[arg(allow_hyphen_values = true)]
        kid: String,
        #[command(flatten)]
        tenant: TenantOption,
    },
}

pub(super) async fn run(verb: Verb, open: &OpenOptions) -> Result<Output, CliError> {
    let server = open.open_existing().await?;
    match verb {
        Verb::List { tenant } => {
            let tenant = tenant.resolve(&server).await?;
            Ok(show(&keys::list(&server, &tenant.name).await?))
        }
        Verb::Rotate { alg, now, tenant } => {
            let tenant = tenant.resolve(&server).await?;
            let notice = if now { Notice::Waived } else { Notice::Given };
            Ok(show(
                &keys::rotate(&server, &tenant.name, alg, notice).await?,
            ))
        }
        Verb::Revoke { kid, tenant } => {
            let tenant = tenant.resolve(&server).await?;
            let key = keys::revoke(&server, &tenant.name, &kid).await?;
            Ok(show(std::slice::from_ref(&key)))
        }
    }
}

fn show(keys: &[KeyInfo]) -> Output {
    let date = |moment: Option<Moment>| moment.map_or(String::new(), |at| at.0.to_string());
    let rows = keys.iter().map(|key| {
        let state = [
            (key.current, "current"),
            (key.next, "next"),
            (key.previous, "previous"),
            (key.revoked, "revoked"),
        ];
        let state = state
            .iter()
            .find(|(is, _)| *is)
            .map_or("", |(_, name)| name);
        [
            key.kid.clone(),
            word(key.alg),
            state.to_owned(),
            date(Some(key.created_at)),
            date(key.current_since),
            date(key.revoked_at.or(key.current_until)),
        ]
    });
    let header = [
        "KID",
        "ALGORITHM",
        "STATE",
        "PUBLISHED",
        "SIGNS SINCE",
        "UNTIL",
    ];
    Output::new(keys, table(header, rows))
}
