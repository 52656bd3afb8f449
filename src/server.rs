//! What a running server is made of, opened once from a data directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::credential::Passwords;
use crate::rule_host::RuleHost;
use crate::store::sled::{SledOptions, SledStore};
use crate::store::{self, Records, Stored};
use crate::tenant::{HostBinding, Tenant, TenantName};
use crate::token::{Keyring, MasterKey};

/// The parts that requests and administration work with.
pub struct Server {
    /// Everything that is stored.
    pub records: Records,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The hashing of passwords.
    pub passwords: Passwords,
    /// The engine that runs rules.
    pub rule_host: Arc<RuleHost>,
    /// The keys that tokens are signed with.
    pub keyring: Keyring,
    store: Arc<SledStore>,
}

/// Why a data directory could not be opened: one sentence for the administrator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be used.
    #[error("cannot use the data directory `{}`: {reason}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The master key cannot be read or made.
    #[error(transparent)]
    MasterKey(#[from] crate::token::MasterKeyError),
    /// The engine cannot be built on this machine.
    #[error(transparent)]
    Engine(#[from] crate::rule_host::Error),
    /// The hashing threads cannot be started.
    #[error(transparent)]
    Passwords(#[from] crate::credential::StartError),
}

impl Server {
    /// Opens a data directory, making what is not there yet.
    pub fn open(config: &Config) -> Result<Self, OpenError> {
        Self::open_at(config, Arc::new(SystemClock))
    }

    /// The same with a clock of the caller's choice.
    pub fn open_at(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        make_directory(&config.data)?;
        let store = SledStore::open(
            &config.data.join("store"),
            SledOptions {
                clock: Arc::clone(&clock),
                reserve_bytes: config.reserve_bytes,
                ..SledOptions::default()
            },
        )?;
        let master = match &config.master_key {
            Some(text) => MasterKey::from_env_text(text)?,
            None => MasterKey::load_or_create(&config.data.join("master.key"))?,
        };
        let records = Records::new(Arc::clone(&store) as Arc<dyn store::Store>);
        let cache = config.data.join("cache");
        Ok(Self {
            keyring: Keyring::new(master),
            passwords: Passwords::start(config.hashing, config.hashing_pool)?,
            rule_host: Arc::new(RuleHost::new(config.limits.clone(), Some(&cache))?),
            records,
            clock,
            store,
        })
    }

    /// The tenant that a host name belongs to. `host` is in lower case and without a port.
    ///
    /// A host that a tenant claimed is its own; `NAME.localhost` needs no set-up; a server with
    /// one tenant answers on any host.
    pub async fn tenant_at(&self, host: &str) -> Result<Option<Tenant>, store::Error> {
        if let Some(Stored { record, .. }) = self.records.get::<HostBinding>(&[host]).await? {
            return self.tenant(&record.tenant).await;
        }
        if let Some(name) = host.strip_suffix(".localhost")
            && let Ok(name) = TenantName::parse(name)
            && let Some(tenant) = self.tenant(&name).await?
        {
            return Ok(Some(tenant));
        }
        let mut first_two = self.records.list::<Tenant>(&[], 2).await?.into_iter();
        match (first_two.next(), first_two.next()) {
            (Some(only), None) => Ok(Some(only.record)),
            _ => Ok(None),
        }
    }

    /// The tenant of a name.
    pub async fn tenant(&self, name: &TenantName) -> Result<Option<Tenant>, store::Error> {
        let stored = self.records.get(&[name.as_str()]).await?;
        Ok(stored.map(|stored: Stored<Tenant>| stored.record))
    }

    /// Writes what is still in memory and lets go of the data directory.
    pub fn close(&self) {
        self.store.close();
    }
}

/// Everything in it is the server's own business: nobody else may look in.
fn make_directory(path: &Path) -> Result<(), OpenError> {
    let failed = |error: std::io::Error| OpenError::Directory {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(failed)
}
