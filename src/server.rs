//! What a running server is made of, opened once from a data directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::checker::Checker;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::credential::Passwords;
use crate::credential::guard::Guard;
use crate::log::EventLog;
use crate::mail::Outbox;
use crate::metrics::Metrics;
use crate::quota::Rates;
use crate::rule_host::RuleHost;
use crate::store::sled::{SledOptions, SledStore};
use crate::store::{self, Batch, Record, Records, Store, Stored, Table};
use crate::tenant::{HostBinding, Tenant, TenantName};
use crate::token::{Keyring, MasterKey, Sealed};
use crate::webhook::WebhookSettings;

/// The parts that requests and administration work with.
pub struct Server {
    /// Everything that is stored.
    pub records: Records,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The hashing of passwords.
    pub passwords: Passwords,
    /// What is counted and measured.
    pub metrics: Arc<Metrics>,
    /// What stops guessing.
    pub guard: Guard,
    /// The tenants' logs.
    pub log: EventLog,
    /// What tenants used of the rates that they have quotas for.
    pub rates: Rates,
    /// Where e-mail goes out.
    pub outbox: Outbox,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The engine that runs rules.
    pub rule_host: Arc<RuleHost>,
    /// Checks what is uploaded before that engine sees it.
    pub checker: Checker,
    /// The keys that tokens are signed with.
    pub keyring: Keyring,
    /// How events are delivered to webhooks.
    pub webhooks: WebhookSettings,
    /// Told when a log stream was changed.
    pub couriers: Notify,
    /// Told when a tenant keeps its log for less.
    pub sweepers: Notify,
    /// Told when there is a job to do.
    pub workers: Notify,
    /// Whether it is about to stop.
    stopping: AtomicBool,
    /// The store, if this server opened it and so has to close it.
    own_store: Option<Arc<SledStore>>,
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
    /// The data directory has a store and no key to it.
    #[error("`{}` is missing: put back the master key that this data directory was made with, or set CLAIMSMITH_MASTER_KEY to it", path.display())]
    MasterKeyLost {
        /// Where it should be.
        path: PathBuf,
    },
    /// The master key is another one.
    #[error("the master key does not fit this data directory: {0}")]
    WrongMasterKey(crate::token::SealError),
    /// The engine cannot be built on this machine.
    #[error(transparent)]
    Engine(#[from] crate::rule_host::Error),
    /// The hashing threads cannot be started.
    #[error(transparent)]
    Passwords(#[from] crate::credential::StartError),
}

impl Server {
    /// Opens a data directory, making what is not there yet.
    pub async fn open(config: &Config) -> Result<Self, OpenError> {
        Self::open_at(config, Arc::new(SystemClock)).await
    }

    /// The same with a clock of the caller's choice.
    pub async fn open_at(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        make_directory(&config.data)?;
        // Before the store is made: see `master_key`.
        let master = master_key(config)?;
        let store = SledStore::open(
            &config.data.join("store"),
            SledOptions {
                clock: Arc::clone(&clock),
                reserve_bytes: config.reserve_bytes,
                ..SledOptions::default()
            },
        )?;
        let shared = Arc::clone(&store) as Arc<dyn Store>;
        let server = Self::build(config, clock, master, shared).await?;
        Ok(Self {
            own_store: Some(store),
            ..server
        })
    }

    /// The same on a store that is open already, and that other servers may share. Its owner closes
    /// it.
    pub async fn open_on(
        config: &Config,
        clock: Arc<dyn Clock>,
        store: Arc<dyn Store>,
    ) -> Result<Self, OpenError> {
        make_directory(&config.data)?;
        Self::build(config, clock, master_key(config)?, store).await
    }

    async fn build(
        config: &Config,
        clock: Arc<dyn Clock>,
        master: MasterKey,
        store: Arc<dyn Store>,
    ) -> Result<Self, OpenError> {
        let metrics = Arc::<Metrics>::default();
        let records = Records::new(store).measured(Arc::clone(&metrics));
        check_master_key(&records, &master).await?;
        let rule_host = RuleHost::with_network(
            config.limits.clone(),
            Some(&config.compiled),
            config.network.clone(),
        )?;
        let rule_host = Arc::new(rule_host.measured(Arc::clone(&metrics)));
        Ok(Self {
            keyring: Keyring::new(master),
            passwords: Passwords::start_measured(
                config.hashing,
                config.hashing_pool,
                Arc::clone(&metrics),
            )?,
            guard: Guard::start(records.clone()),
            log: EventLog::new(records.clone(), config.streams),
            rates: Rates::default(),
            outbox: Outbox::start_measured(Arc::clone(&config.mailer), Arc::clone(&metrics)),
            trusted_proxies: config.trusted_proxies.clone(),
            checker: Checker::new(
                config.uploads.clone(),
                Arc::clone(&rule_host),
                config.compiled.clone(),
            ),
            rule_host,
            metrics,
            webhooks: config.webhooks,
            couriers: Notify::new(),
            sweepers: Notify::new(),
            workers: Notify::new(),
            stopping: AtomicBool::new(false),
            records,
            clock,
            own_store: None,
        })
    }

    /// The tenant that a host name belongs to. `host` is in lower case and without a port.
    ///
    /// A host that a tenant claimed is its own; `NAME.localhost` needs no set-up; a server with
    /// one tenant answers on any host.
    pub async fn tenant_at(&self, host: &str) -> Result<Option<Tenant>, store::Error> {
        if let Some(Stored { record, .. }) = self.records.get::<HostBinding>(&[host]).await? {
            let tenant = self.tenant(&record.tenant).await?;
            return Ok(match record.issuer {
                None => tenant,
                Some(issuer) => tenant.map(|tenant| tenant.under(issuer)),
            });
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

    /// Says that requests in flight are the last ones.
    pub fn stop_soon(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether it does its work: a balancer sends it requests only then.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub async fn ready(&self) -> Result<(), String> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err("the server is stopping".to_owned());
        }
        let store = self.records.store().health();
        store.map_err(|error| error.to_string())?;
        // A tenant has keys from its first moment: without them no token can be signed.
        let tenants = self.records.list::<Tenant>(&[], 1).await;
        let Some(tenant) = tenants
            .map_err(|error| error.to_string())?
            .into_iter()
            .next()
        else {
            return Ok(());
        };
        let name = tenant.record.name;
        let keys = self.keyring.list(&self.records, &name).await;
        match keys.map_err(|error| error.to_string())?.is_empty() {
            true => Err(format!("the tenant `{name}` has no signing keys")),
            false => Ok(()),
        }
    }

    /// Writes what is still in memory and lets go of the data directory.
    pub fn close(&self) {
        if let Some(store) = &self.own_store {
            store.close();
        }
    }
}

/// The key comes before the store: so a store without a key is one whose key was lost, and a new
/// key, with which nothing in it opens, is not made behind the administrator's back.
fn master_key(config: &Config) -> Result<MasterKey, OpenError> {
    if let Some(text) = &config.master_key {
        return Ok(MasterKey::from_env_text(text)?);
    }
    let path = config.data.join("master.key");
    if !path.exists() && config.data.join("store").exists() {
        return Err(OpenError::MasterKeyLost { path });
    }
    Ok(MasterKey::load_or_create(&path)?)
}

/// A value sealed when the store was made, to try the master key on: a wrong one is noticed at the
/// start rather than at the first login.
#[derive(Serialize, Deserialize)]
struct MasterKeyCheck {
    sealed: Sealed,
}

impl Record for MasterKeyCheck {
    const TABLE: Table = Table::Meta;
}

async fn check_master_key(records: &Records, master: &MasterKey) -> Result<(), OpenError> {
    const PLACE: [&str; 2] = ["", "master key"];
    if let Some(Stored { record, .. }) = records.get::<MasterKeyCheck>(&PLACE).await? {
        let opened = record.sealed.open(master, &PLACE);
        return opened.map(drop).map_err(OpenError::WrongMasterKey);
    }
    let sealed = Sealed::seal(master, &PLACE, b"").map_err(OpenError::WrongMasterKey)?;
    let batch = Batch::durable().put(&PLACE, &MasterKeyCheck { sealed });
    Ok(records.commit(batch).await?)
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
