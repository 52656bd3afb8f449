//! A server that is administered over its management API, as a client of the tenant.

mod assertion;
mod credential;
mod profile;
mod session;

use std::path::PathBuf;

pub(super) use self::credential::{Credential, Grant};
pub(super) use self::profile::{Profile, Profiles, usual_name};
pub(super) use self::session::Remote;
use super::CliError;
use super::input::secret_from_terminal;
use crate::clock::{Clock as _, SystemClock};
use crate::http::outgoing::Outgoing;
use crate::rule_host::fetch::read_certificates;
use crate::secret::Secret;

/// Which server, and as whom.
#[derive(clap::Args, Clone, Default)]
pub(super) struct RemoteOptions {
    /// A running server, by the tenant's issuer; the one of the only login there is, if not said
    #[arg(long, env = "CLAIMSMITH_SERVER", value_name = "URL")]
    server: Option<String>,
    /// A login by the name that `claimsmith login` gave it
    #[arg(long, env = "CLAIMSMITH_PROFILE", value_name = "NAME")]
    profile: Option<String>,
    /// The client to ask as, instead of a login
    #[arg(long, env = "CLAIMSMITH_CLIENT_ID", value_name = "ID")]
    client_id: Option<String>,
    /// The client's secret; better in the environment than on the command line
    #[arg(
        long,
        env = "CLAIMSMITH_CLIENT_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    client_secret: Option<String>,
    /// The client's private key, a file (PEM), instead of a secret
    #[arg(
        long,
        env = "CLAIMSMITH_PRIVATE_KEY",
        value_name = "FILE",
        conflicts_with = "client_secret"
    )]
    private_key: Option<PathBuf>,
    /// A file of certificates (PEM) to trust beside those of the operating system
    #[arg(long, env = "CLAIMSMITH_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl RemoteOptions {
    /// Whether a server is meant, rather than a data directory.
    pub(super) fn is_given(&self) -> bool {
        self.server.is_some() || self.profile.is_some()
    }

    /// Gets a token, or takes the one that a login remembers.
    pub(super) async fn connect(&self) -> Result<Remote, CliError> {
        if self.profile.is_none() && self.client_id.is_some() && self.server.is_some() {
            return self.as_client().await;
        }
        let profiles = Profiles::of_user()?;
        let mut profile = profiles.choose(self.profile.as_deref(), self.server.as_deref())?;
        let server = open(&profile.server, self.ca.as_ref().or(profile.ca.as_ref()))?;
        if profile.is_good(SystemClock.now()) {
            let token = Secret::new(profile.token.as_str());
            return Ok(Remote::new(
                server,
                token,
                &profile.issuer,
                &profile.client_id,
            ));
        }
        // The login has ended: renew it with what is at hand.
        let credential = self.renewal(&profile)?;
        let grant = Grant::get(&server, &profile.client_id, &credential).await?;
        profile.take(&grant);
        profiles.write(&profile)?;
        Ok(Remote::new(
            server,
            grant.token,
            &profile.issuer,
            &profile.client_id,
        ))
    }

    /// With no login: for CI, and for whoever says it all.
    async fn as_client(&self) -> Result<Remote, CliError> {
        let base = self.server.as_deref().unwrap_or_default();
        let client_id = self.client_id.as_deref().unwrap_or_default();
        let credential = match self.given() {
            Some(credential) => credential,
            None => Credential::Secret(secret_from_terminal("Client secret").ok_or_else(|| {
                CliError::usage("the client's secret is missing: set CLAIMSMITH_CLIENT_SECRET")
            })?),
        };
        let server = open(base, self.ca.as_ref())?;
        let grant = Grant::get(&server, client_id, &credential).await?;
        Ok(Remote::new(server, grant.token, &grant.issuer, client_id))
    }

    fn given(&self) -> Option<Credential> {
        match (&self.private_key, &self.client_secret) {
            (Some(file), _) => Some(Credential::PrivateKey(file.clone())),
            (None, Some(secret)) => Some(Credential::Secret(Secret::new(secret.as_str()))),
            (None, None) => None,
        }
    }

    fn renewal(&self, profile: &Profile) -> Result<Credential, CliError> {
        // The environment may hold another client's secret.
        let of_this_client = self
            .client_id
            .as_ref()
            .is_none_or(|client_id| *client_id == profile.client_id);
        if of_this_client && let Some(given) = self.given() {
            return Ok(given);
        }
        if let Some(stored) = profile.credential() {
            return Ok(stored);
        }
        let asked = secret_from_terminal(&format!(
            "The login to {} has ended. Secret of client {}",
            profile.server, profile.client_id
        ));
        asked.map(Credential::Secret).ok_or_else(|| {
            CliError::failure(format!(
                "the login to {} has ended; run `claimsmith login --server {}` again, or set CLAIMSMITH_CLIENT_SECRET",
                profile.server, profile.server
            ))
        })
    }
}

/// A server at a URL, with the certificates to trust.
pub(super) fn open(base: &str, ca: Option<&PathBuf>) -> Result<Outgoing, CliError> {
    let extra = match ca {
        None => Vec::new(),
        Some(file) => read_certificates(file).map_err(CliError::usage)?,
    };
    Outgoing::to(base, extra).map_err(CliError::usage)
}
