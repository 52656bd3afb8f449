//! `claimsmith client credential`.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use super::CliError;
use super::open::TenantOption;
use super::output::{Output, table, word};
use crate::admin::client_credentials::{self, NewCredential};
use crate::client::Credential;
use crate::server::Server;
use crate::token::AssertionAlgorithm;

#[derive(Subcommand)]
pub(super) enum Verb {
    /// Register a public key
    ///
    /// Example: claimsmith client credential add CLIENT_ID key.pem --alg ES256
    Add {
        /// The `client_id`
        client_id: String,
        /// A file with the key: PEM that begins with `-----BEGIN PUBLIC KEY-----`, or a JWK
        key: PathBuf,
        /// What it is used with; the JWK's own `alg` if left out
        #[arg(long, value_name = "ALG")]
        alg: Option<AssertionAlgorithm>,
        /// A name for people
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        /// What assertions name it by; the JWK's own, or its thumbprint, if left out
        #[arg(long, value_name = "TEXT")]
        kid: Option<String>,
        /// Refuse it after so many days
        #[arg(long, value_name = "DAYS")]
        days: Option<u32>,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// List a client's keys
    List {
        /// The `client_id`
        client_id: String,
        #[command(flatten)]
        tenant: TenantOption,
    },
    /// Take a key away; what it signed is refused from now on
    Remove {
        /// The `client_id`
        client_id: String,
        /// The credential's `id` or `kid`
        credential: String,
        #[command(flatten)]
        tenant: TenantOption,
    },
}

pub(super) async fn run(verb: Verb, server: &Server) -> Result<Output, CliError> {
    match verb {
        Verb::Add {
            client_id,
            key,
            alg,
            name,
            kid,
            days,
            tenant,
        } => {
            let tenant = tenant.resolve(server).await?;
            let until = |days: u32| server.clock.now().plus_secs(u64::from(days) * 86_400);
            let new = NewCredential {
                public_key: read(&key)?,
                alg,
                name,
                kid,
                expires_at: days.map(until),
            };
            let added = client_credentials::add(server, &tenant.name, &client_id, new).await?;
            Ok(Output::new(&added, table(HEADER, [row(&added)])))
        }
        Verb::List { client_id, tenant } => {
            let tenant = tenant.resolve(server).await?;
            let all = client_credentials::list(server, &tenant.name, &client_id).await?;
            Ok(Output::new(&all, table(HEADER, all.iter().map(row))))
        }
        Verb::Remove {
            client_id,
            credential,
            tenant,
        } => {
            let tenant = tenant.resolve(server).await?;
            client_credentials::remove(server, &tenant.name, &client_id, &credential).await?;
            Ok(Output::new(
                json!({ "client_id": client_id, "credential": credential }),
                "the key is gone",
            ))
        }
    }
}

fn read(path: &Path) -> Result<String, CliError> {
    let failed = |error| CliError::invalid(format!("cannot read `{}`: {error}", path.display()));
    std::fs::read_to_string(path).map_err(failed)
}

const HEADER: [&str; 5] = ["CREDENTIAL", "NAME", "KID", "ALGORITHM", "EXPIRES"];

fn row(credential: &Credential) -> [String; 5] {
    let expires = credential.expires_at.map(|end| end.to_string());
    [
        credential.id.clone(),
        credential.name.clone(),
        credential.kid.clone(),
        word(credential.alg),
        expires.unwrap_or_else(|| "never".to_owned()),
    ]
}
