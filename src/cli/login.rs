//! `claimsmith login` and `logout`: what later verbs need to know of a running server.

use std::path::PathBuf;

use serde_json::json;

use super::input::{first_line, secret_from_terminal};
use super::remote::{Credential, Grant, Profile, Profiles, open, usual_name};
use super::{CliError, Output};
use crate::secret::Secret;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The server, by the tenant's issuer
    #[arg(long, env = "CLAIMSMITH_SERVER", value_name = "URL")]
    server: String,
    /// What to call the login; the server's host if not said
    #[arg(long, env = "CLAIMSMITH_PROFILE", value_name = "NAME")]
    profile: Option<String>,
    /// A client with a client grant for the management API, `URL/api/v2/`
    #[arg(long, env = "CLAIMSMITH_CLIENT_ID", value_name = "ID")]
    client_id: Option<String>,
    /// Read the client's secret from the first line of the standard input
    #[arg(long, conflicts_with = "private_key")]
    secret_stdin: bool,
    /// The client's private key, a file (PEM), instead of a secret; it is read again whenever the login is renewed
    #[arg(long, env = "CLAIMSMITH_PRIVATE_KEY", value_name = "FILE")]
    private_key: Option<PathBuf>,
    /// Keep the secret in the login's file, in plain: whoever reads that file is the client, until the secret is rotated
    #[arg(long)]
    keep_secret: bool,
    /// A file of certificates (PEM) to trust beside those of the operating system
    #[arg(long, env = "CLAIMSMITH_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
}

pub(super) async fn login(args: Args) -> Result<Output, CliError> {
    let server = open(&args.server, args.ca.as_ref())?;
    let client_id = match &args.client_id {
        Some(client_id) => client_id.clone(),
        None => super::input::line_from_terminal("Client id")
            .ok_or_else(|| CliError::usage("which client? Say --client-id ID"))?,
    };
    let credential = credential(&args)?;
    let grant = Grant::get(&server, &client_id, &credential).await?;
    let kept = match &credential {
        Credential::Secret(secret) if args.keep_secret => Some(secret.expose().to_owned()),
        _ => None,
    };
    let absolute = |file: &PathBuf| std::path::absolute(file).map_err(CliError::failure);
    let profile = Profile {
        name: args.profile.unwrap_or_else(|| usual_name(&args.server)),
        server: args.server,
        issuer: grant.issuer.clone(),
        client_id,
        token: grant.token.expose().to_owned(),
        expires_at: grant.expires_at,
        client_secret: kept,
        private_key: args.private_key.as_ref().map(absolute).transpose()?,
        ca: args.ca.as_ref().map(absolute).transpose()?,
    };
    let file = Profiles::of_user()?.write(&profile)?;
    let renewed = match (&profile.private_key, &profile.client_secret) {
        (Some(_), _) => "renewed with the private key",
        (None, Some(_)) => "renewed with the secret, which is in that file in plain",
        (None, None) => "then asked for the secret again",
    };
    let text = format!(
        "logged in to {} as client {}, until {}, {renewed}\nin {}",
        profile.issuer,
        profile.client_id,
        profile.expires_at,
        file.display()
    );
    let document = json!({
        "profile": profile.name,
        "issuer": profile.issuer,
        "client_id": profile.client_id,
        "scope": grant.scope,
        "expires_at": profile.expires_at.to_string(),
    });
    Ok(Output::new(document, text))
}

fn credential(args: &Args) -> Result<Credential, CliError> {
    if let Some(file) = &args.private_key {
        return Ok(Credential::PrivateKey(file.clone()));
    }
    let secret = match args.secret_stdin {
        true => Some(first_line()?),
        false => std::env::var("CLAIMSMITH_CLIENT_SECRET")
            .ok()
            .map(Secret::new),
    };
    let secret = secret.or_else(|| secret_from_terminal("Client secret"));
    secret
        .filter(|secret| !secret.expose().is_empty())
        .map(Credential::Secret)
        .ok_or_else(|| {
            CliError::usage(
                "the client's secret is missing: say --secret-stdin, set CLAIMSMITH_CLIENT_SECRET, or use --private-key FILE",
            )
        })
}

#[derive(clap::Args)]
pub(super) struct LogoutArgs {
    /// Which login; the only one if not said
    #[arg(long, env = "CLAIMSMITH_PROFILE", value_name = "NAME")]
    profile: Option<String>,
    /// All logins
    #[arg(long, conflicts_with = "profile")]
    all: bool,
}

/// Forgets. The token stays good until it ends: the server keeps no list of those that are out.
pub(super) fn logout(args: &LogoutArgs) -> Result<Output, CliError> {
    let profiles = Profiles::of_user()?;
    let names = match args.all {
        true => profiles.names()?,
        false => vec![profiles.chosen_name(args.profile.as_deref())?],
    };
    for name in &names {
        profiles.remove(name)?;
    }
    let text = match names.as_slice() {
        [] => "there was no login".to_owned(),
        names => format!("forgot {}", names.join(", ")),
    };
    Ok(Output::new(json!({ "forgotten": names }), text))
}
