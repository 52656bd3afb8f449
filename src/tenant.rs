//! The tenant: an issuer of its own, with its own users, clients, APIs, rules and settings.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::quota::Quotas;
use crate::store::{Record, Table};

/// A tenant's name, its identity in the store and the first label of its host name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TenantName(String);

impl TenantName {
    /// Accepts what is safe as a DNS label: 1 to 63 of `a-z`, `0-9` and `-`, no `-` at either end.
    pub fn parse(name: &str) -> Result<Self, InvalidTenantName> {
        let fits = (1..=63).contains(&name.len())
            && name
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && !name.starts_with('-')
            && !name.ends_with('-');
        fits.then(|| Self(name.to_owned()))
            .ok_or_else(|| InvalidTenantName(name.chars().take(80).collect()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for TenantName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TenantName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::parse(&name).map_err(serde::de::Error::custom)
    }
}

/// A name that no tenant can have.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` cannot be a tenant's name: use 1 to 63 of a-z, 0-9 and `-`, with no `-` at either end"
)]
pub struct InvalidTenantName(String);

/// The `iss` of a tenant's tokens: `http(s)://host[:port]/`.
///
/// It comes from configuration only, never from a request (a forged `Host` would otherwise choose
/// what is signed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Issuer(String);

impl Issuer {
    /// Accepts a URL of scheme, host and port, and adds the final slash where it is missing.
    /// Tenants are told apart by host name, so an issuer with a path could not be reached.
    pub fn parse(text: &str) -> Result<Self, InvalidIssuer> {
        let invalid = |reason| InvalidIssuer(text.chars().take(200).collect(), reason);
        let url = url::Url::parse(text).map_err(|_| invalid("it is not an absolute URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("its scheme is neither http nor https"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("it has a query or a fragment"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("it has credentials in it"));
        }
        if url.path() != "/" {
            return Err(invalid(
                "it has a path; give each tenant a host name of its own",
            ));
        }
        Ok(Self(url.into()))
    }

    /// The URL, with its final slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL of an endpoint: `endpoint("userinfo")`.
    pub fn endpoint(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// The host name in the issuer, in lower case, without the port.
    pub fn host(&self) -> String {
        let host = url::Url::parse(&self.0).ok();
        host.and_then(|url| url.host_str().map(str::to_owned))
            .unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Issuer {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A URL that cannot be an issuer.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` cannot be an issuer: {1}")]
pub struct InvalidIssuer(String, &'static str);

/// How errors of the token endpoint look where Auth0's catalogue and RFC 6749, section 5.2 differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorProfile {
    /// The catalogue's codes, statuses and texts, save that a failed client authentication is
    /// `invalid_client` as the RFC asks.
    #[default]
    Catalogue,
    /// The catalogue without that exception: what fielded Auth0 tenants answer.
    Auth0,
    /// The codes and statuses of RFC 6749, section 5.2, and its character set.
    Rfc6749,
}

/// What a client learns when a rule denies a login (decision 0002).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Denials {
    /// The rule's own code and description.
    #[default]
    Reveal,
    /// The answer to a wrong password, so that a denial does not confirm a guessed one.
    Conceal,
}

/// Whether a tenant is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It is.
    #[default]
    Active,
    /// Nothing of it answers until it is resumed; nothing of it is lost.
    Suspended,
    /// It is being deleted, and cannot come back. What was cut short goes on when a server starts.
    Deleting,
}

/// A tenant's settings.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tenant {
    /// Its identity; never changes.
    pub name: TenantName,
    /// A name for people.
    pub friendly_name: String,
    /// What its tokens name as `iss`. A tenant that was asked under a domain of its own is read with that
    /// domain's issuer.
    pub issuer: Issuer,
    /// The issuer in its settings, if it was read with another.
    #[serde(skip)]
    pub home: Option<Issuer>,
    /// Whether it is served.
    #[serde(default)]
    pub status: Status,
    /// Whether its management API administers all tenants.
    #[serde(default)]
    pub is_operator: bool,
    /// Further host names that lead to it, each with an issuer of its own.
    #[serde(default)]
    pub domains: Vec<String>,
    /// How much it may have and use.
    #[serde(default)]
    pub quotas: Quotas,
    /// The `audience` of a request that names none.
    pub default_audience: Option<String>,
    /// The connection of a password grant that names no realm.
    pub default_directory: Option<String>,
    /// How its errors look.
    #[serde(default)]
    pub errors: ErrorProfile,
    /// What a client learns of a denial.
    #[serde(default)]
    pub denials: Denials,
    /// After how many days a signing key is replaced by the next; none leaves that to the
    /// administrator.
    #[serde(default)]
    pub key_rotation_days: Option<u32>,
    /// Whether a DPoP proof must hold a nonce of this server (RFC 9449, section 8).
    #[serde(default)]
    pub require_dpop_nonce: bool,
    /// Whether handing back one refresh token ends all of its user, client and API (Auth0's flag of
    /// that name).
    #[serde(default)]
    pub revoke_refresh_token_grant: bool,
    /// Whether refresh tokens stay good when their user's password is changed.
    #[serde(default)]
    pub refresh_tokens_outlive_password: bool,
    /// Documented settings of the management API without a meaning here, as they were set.
    #[serde(default)]
    pub kept: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Record for Tenant {
    const TABLE: Table = Table::Tenant;
}

impl Tenant {
    /// A tenant with the settings that one begins with.
    pub fn new(name: TenantName, issuer: Issuer, created_at: Timestamp) -> Self {
        Self {
            friendly_name: name.to_string(),
            name,
            issuer,
            home: None,
            status: Status::Active,
            is_operator: false,
            domains: Vec::new(),
            quotas: Quotas::default(),
            default_audience: None,
            default_directory: None,
            errors: ErrorProfile::default(),
            denials: Denials::default(),
            key_rotation_days: None,
            require_dpop_nonce: false,
            revoke_refresh_token_grant: false,
            refresh_tokens_outlive_password: false,
            kept: Map::new(),
            created_at,
        }
    }

    /// The issuer in its settings, under whichever host name it was asked: the management API's name
    /// is made of it.
    pub fn home(&self) -> &Issuer {
        self.home.as_ref().unwrap_or(&self.issuer)
    }

    /// The same tenant under another host name of its own.
    #[must_use]
    pub fn under(self, domain: Issuer) -> Self {
        Self {
            home: Some(self.issuer),
            issuer: domain,
            ..self
        }
    }

    /// The schedule of key rotation, in seconds.
    pub fn rotate_keys_after_secs(&self) -> Option<u64> {
        self.key_rotation_days.map(|days| u64::from(days) * 86_400)
    }
}

/// Which tenant a host name belongs to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HostBinding {
    /// The tenant.
    pub tenant: TenantName,
    /// What tokens name as `iss` that are issued under it, if it is not the tenant's first.
    #[serde(default)]
    pub issuer: Option<Issuer>,
}

impl Record for HostBinding {
    const TABLE: Table = Table::Host;
}
