//! What `claimsmith login` remembers: one file for each login, for its owner's eyes only.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{CliError, Credential, Grant};
use crate::clock::Timestamp;
use crate::secret::Secret;

/// A login.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Profile {
    /// Its name, which is the file's.
    #[serde(skip)]
    pub(in crate::cli) name: String,
    /// Where the server is, as it was said.
    pub(in crate::cli) server: String,
    /// The tenant's issuer, as the server says.
    pub(in crate::cli) issuer: String,
    pub(in crate::cli) client_id: String,
    /// An access token for the management API.
    pub(in crate::cli) token: String,
    pub(in crate::cli) expires_at: Timestamp,
    /// The client's secret, if `--keep-secret` asked for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) client_secret: Option<String>,
    /// Where the client's private key is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) private_key: Option<PathBuf>,
    /// Certificates to trust beside those of the operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) ca: Option<PathBuf>,
}

/// A token that ends within this is as good as ended: what it is for may take a while.
const MARGIN_SECS: u64 = 60;

impl Profile {
    pub(in crate::cli) fn is_good(&self, now: Timestamp) -> bool {
        self.expires_at > now.plus_secs(MARGIN_SECS)
    }

    pub(in crate::cli) fn take(&mut self, grant: &Grant) {
        grant.token.expose().clone_into(&mut self.token);
        self.issuer.clone_from(&grant.issuer);
        self.expires_at = grant.expires_at;
    }

    /// What it can be renewed with.
    pub(in crate::cli) fn credential(&self) -> Option<Credential> {
        if let Some(file) = &self.private_key {
            return Some(Credential::PrivateKey(file.clone()));
        }
        let secret = self.client_secret.as_deref()?;
        Some(Credential::Secret(Secret::new(secret)))
    }
}

/// The logins of a user of this machine.
pub(in crate::cli) struct Profiles(PathBuf);

impl Profiles {
    pub(in crate::cli) fn of_user() -> Result<Self, CliError> {
        let user = directories_next::ProjectDirs::from("", "", "claimsmith");
        let user = user.ok_or_else(|| CliError::failure("this user has no home directory"))?;
        Ok(Self(user.config_dir().join("logins")))
    }

    /// The one that is meant: by name, by server, or the only one.
    pub(in crate::cli) fn choose(
        &self,
        name: Option<&str>,
        server: Option<&str>,
    ) -> Result<Profile, CliError> {
        if let Some(name) = name {
            let profile = self.read(name)?;
            return match server {
                Some(server) if !same(server, &profile.server) => Err(CliError::usage(format!(
                    "the login `{name}` is to {}, not to {server}",
                    profile.server
                ))),
                _ => Ok(profile),
            };
        }
        let mut found = Vec::new();
        for name in self.names()? {
            let profile = self.read(&name)?;
            if server.is_none_or(|server| same(server, &profile.server)) {
                found.push(profile);
            }
        }
        let mut found = found.into_iter();
        match (found.next(), found.next(), server) {
            (Some(only), None, _) => Ok(only),
            (None, _, None) => Err(CliError::usage(
                "no server is known: run `claimsmith login --server URL`, or set CLAIMSMITH_SERVER, CLAIMSMITH_CLIENT_ID and CLAIMSMITH_CLIENT_SECRET",
            )),
            (None, _, Some(server)) => Err(CliError::usage(format!(
                "there is no login to {server}: run `claimsmith login --server {server}`, or set CLAIMSMITH_CLIENT_ID and CLAIMSMITH_CLIENT_SECRET"
            ))),
            (Some(one), Some(other), _) => Err(CliError::usage(format!(
                "there is more than one login, `{}` and `{}` among them; say which with --profile NAME",
                one.name, other.name
            ))),
        }
    }

    /// The name of the one that is meant, though it may not be readable.
    pub(in crate::cli) fn chosen_name(&self, name: Option<&str>) -> Result<String, CliError> {
        let names = self.names()?;
        match (name, names.as_slice()) {
            (Some(name), names) if names.iter().any(|known| known == name) => Ok(name.to_owned()),
            (Some(name), _) => Err(CliError::usage(format!(
                "there is no login `{}`",
                name.escape_debug()
            ))),
            (None, [only]) => Ok(only.clone()),
            (None, []) => Err(CliError::usage("there is no login")),
            (None, names) => Err(CliError::usage(format!(
                "there is more than one login ({}); say which with --profile NAME, or --all",
                names.join(", ")
            ))),
        }
    }

    /// The names of all, in order.
    pub(in crate::cli) fn names(&self) -> Result<Vec<String>, CliError> {
        let entries = match std::fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(&self.0, &error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(|error| failed(&self.0, &error))?.file_name();
            let name = name.to_string_lossy();
            names.extend(name.strip_suffix(".json").map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    fn read(&self, name: &str) -> Result<Profile, CliError> {
        let file = self.file(name)?;
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(CliError::usage(format!(
                    "there is no login `{name}`: run `claimsmith login --profile {name} --server URL`"
                )));
            }
            Err(error) => return Err(failed(&file, &error)),
        };
        check_private(&file)?;
        let profile: Profile = serde_json::from_slice(&bytes).map_err(|error| {
            CliError::invalid(format!(
                "`{}`: {error}; delete it and log in again",
                file.display()
            ))
        })?;
        Ok(Profile {
            name: name.to_owned(),
            ..profile
        })
    }

    /// Writes one whole or not at all, readable for its owner only from the first byte on.
    pub(in crate::cli) fn write(&self, profile: &Profile) -> Result<PathBuf, CliError> {
        let file = self.file(&profile.name)?;
        make_private(&self.0).map_err(|error| failed(&self.0, &error))?;
        let text = serde_json::to_vec_pretty(profile).map_err(CliError::failure)?;
        let written = tempfile::NamedTempFile::new_in(&self.0).and_then(|mut new| {
            new.write_all(&text)?;
            new.as_file().sync_all()?;
            new.persist(&file).map_err(|error| error.error)
        });
        written.map_err(|error| failed(&file, &error))?;
        Ok(file)
    }

    pub(in crate::cli) fn remove(&self, name: &str) -> Result<(), CliError> {
        let file = self.file(name)?;
        std::fs::remove_file(&file).map_err(|error| failed(&file, &error))
    }

    fn file(&self, name: &str) -> Result<PathBuf, CliError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.chars().all(fits) {
            return Err(CliError::usage(format!(
                "`{}` is no name for a login; use letters, digits, `-`, `_` and `.`",
                name.escape_debug()
            )));
        }
        Ok(self.0.join(format!("{name}.json")))
    }
}

/// What a login to a server is called if nobody says: its host and port.
pub(in crate::cli) fn usual_name(server: &str) -> String {
    let url = url::Url::parse(server).ok();
    let authority = url.as_ref().map_or("", url::Url::authority);
    authority.replace(
        |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '.'),
        "_",
    )
}

fn same(a: &str, b: &str) -> bool {
    let origin = |url: &str| url::Url::parse(url).map(|url| url.origin());
    match (origin(a), origin(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

fn failed(file: &Path, error: &std::io::Error) -> CliError {
    CliError::failure(format!("`{}`: {error}", file.display()))
}

#[cfg(unix)]
fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}

/// A token that others can read is not used on: somebody opened it up, or copied it.
#[cfg(unix)]
fn check_private(file: &Path) -> Result<(), CliError> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = std::fs::metadata(file).map_err(|error| failed(file, &error))?;
    match metadata.permissions().mode() & 0o077 {
        0 => Ok(()),
        _ => Err(CliError::failure(format!(
            "others can read `{0}`, and there is a token in it: run `chmod 600 {0}`, or log in again with a new secret",
            file.display()
        ))),
    }
}

#[cfg(not(unix))]
fn check_private(_: &Path) -> Result<(), CliError> {
    Ok(())
}
