//! `claimsmith protection`.

use std::net::IpAddr;

use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::CliError;
use super::open::{OpenOptions, TenantOption};
use super::output::{Output, table};
use crate::admin::protection;

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Show how guessing is stopped
    Show {
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Change settings: a JSON object with only what changes
    ///
    /// Example: claimsmith protection set '{"brute_force_protection": {"max_attempts": 5}}'
    Set {
        /// The changes, in the form that `show` prints
        #[arg(value_name = "JSON", value_parser = object)]
        changes: Map<String, Value>,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// List where somebody is blocked after too many wrong passwords
    Blocks {
        /// An e-mail address or user name
        identifier: String,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Lift somebody's blocks
    Unblock {
        /// An e-mail address or user name
        identifier: String,
        /// Only the block at this address
        #[arg(long, value_name = "IP")]
        address: Option<IpAddr>,
        #[command(flatten)]
        tenant: TenantOption,
    },
}

pub(super) async fn run(verb: Verb, open: &OpenOptions) -> Result<Output, CliError> {
    let server = open.open_existing().await?;
    match verb {
        Verb::Show { tenant } => {
            let tenant = tenant.resolve(&server).await?;
            let settings = protection::get(&server, &tenant.name).await?;
            Ok(document(&settings))
        }
        Verb::Set { changes, tenant } => {
            let tenant = tenant.resolve(&server).await?;
            let settings = protection::change(&server, &tenant.name, &changes).await?;
            Ok(document(&settings))
        }
        Verb::Blocks { identifier, tenant } => {
            let tenant = tenant.resolve(&server).await?;
            let blocks = protection::blocks(&server, &tenant.name, &identifier).await?;
            let rows = blocks
                .iter()
                .map(|block| [block.ip.clone(), block.connection.clone()]);
            let text = table(["BLOCKED AT", "CONNECTION"], rows);
            Ok(Output::new(json!({ "blocked_for": blocks }), text))
        }
        Verb::Unblock {
            identifier,
            address,
            tenant,
        } => {
            let tenant = tenant.resolve(&server).await?;
            let lifted = protection::unblock(&server, &tenant.name, &identifier, address).await?;
            Ok(Output::new(
                json!({ "lifted": lifted }),
                format!("{lifted} lifted"),
            ))
        }
    }
}

/// The settings are read and written in one form.
fn document(settings: &crate::credential::guard::Protection) -> Output {
    let text = serde_json::to_string_pretty(settings).unwrap_or_default();
    Output::new(settings, text)
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("not a JSON object: {error}"))
}
