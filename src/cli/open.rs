//! The options that say which data directory to open, and how.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use ipnet::IpNet;

use super::CliError;
use crate::checker::UploadChecks;
use crate::config::Config;
use crate::credential::HashSettings;
use crate::rule_host::Limits;
use crate::rule_host::fetch::{NetworkOptions, read_certificates};
use crate::secret::Secret;
use crate::server::Server;
use crate::tenant::{Status, Tenant, TenantName};

/// Global options of every verb that opens a data directory.
#[derive(Args, Clone)]
pub(super) struct OpenOptions {
    /// The data directory
    #[arg(long, global = true, env = "CLAIMSMITH_DATA", value_name = "DIR")]
    data: Option<PathBuf>,

    /// The master key, base64 or hexadecimal of 32 bytes, instead of `master.key` in the data
    /// directory. Better in the environment than on the command line.
    #[arg(
        long,
        global = true,
        env = "CLAIMSMITH_MASTER_KEY",
        value_name = "KEY",
        hide_env_values = true
    )]
    master_key: Option<String>,

    /// Refuse writes when less than this is free on the disk, in MiB
    #[arg(long, global = true, value_name = "MIB", default_value_t = Config::DEFAULT_RESERVE_BYTES >> 20)]
    reserve_mib: u64,

    /// Argon2id: memory for one new password hash, in KiB
    #[arg(long, global = true, value_name = "KIB", default_value_t = HashSettings::default().memory_kib)]
    argon2_memory_kib: u32,

    /// Argon2id: passes over the memory
    #[arg(long, global = true, value_name = "N", default_value_t = HashSettings::default().passes)]
    argon2_passes: u32,

    /// Argon2id: lanes
    #[arg(long, global = true, value_name = "N", default_value_t = HashSettings::default().lanes)]
    argon2_lanes: u32,

    /// The largest component of a rule, in MiB, up to 32. Above 4 it lets in rules that bring a whole
    /// language along (Python: 18): compiling one takes two cores ten seconds or more, so only where those who
    /// upload are known
    #[arg(long, global = true, env = "CLAIMSMITH_MAX_RULE_MIB", value_name = "MIB", default_value_t = 4,
        value_parser = clap::value_parser!(u8).range(1..=32))]
    max_rule_mib: u8,
}

impl OpenOptions {
    /// Where the data is unless `--data` says otherwise.
    const DEFAULT_DATA: &str = "claimsmith-data";

    /// The data directory of this command.
    pub(super) fn data_or(&self, default: &str) -> PathBuf {
        self.data.clone().unwrap_or_else(|| default.into())
    }

    /// Opens the data directory.
    pub(super) async fn open(&self) -> Result<Arc<Server>, CliError> {
        self.open_at(&self.data_or(Self::DEFAULT_DATA), |_| {})
            .await
    }

    /// Opens a data directory that has been set up; a mistyped `--data` must not make a new one.
    pub(super) async fn open_existing(&self) -> Result<Arc<Server>, CliError> {
        self.open_existing_with(|_| {}).await
    }

    /// The same with further settings.
    pub(super) async fn open_existing_with(
        &self,
        set: impl FnOnce(&mut Config),
    ) -> Result<Arc<Server>, CliError> {
        let data = self.data_or(Self::DEFAULT_DATA);
        if !data.join("store").is_dir() {
            return Err(CliError::usage(format!(
                "there is no data in `{}`; run `claimsmith init` first, or choose another directory with --data",
                data.display()
            )));
        }
        self.open_at(&data, set).await
    }

    pub(super) async fn open_at(
        &self,
        data: &Path,
        set: impl FnOnce(&mut Config),
    ) -> Result<Arc<Server>, CliError> {
        let mut config = Config {
            master_key: self.master_key.clone().map(Secret::new),
            reserve_bytes: self.reserve_mib << 20,
            hashing: HashSettings {
                memory_kib: self.argon2_memory_kib,
                passes: self.argon2_passes,
                lanes: self.argon2_lanes,
            },
            limits: Limits {
                component_bytes: usize::from(self.max_rule_mib) << 20,
                ..Limits::default()
            },
            uploads: UploadChecks {
                program: own_program(),
                ..UploadChecks::default()
            },
            ..Config::new(data)
        };
        set(&mut config);
        Ok(Arc::new(Server::open(&config).await?))
    }
}

/// The program that runs now: on Linux even when another one has taken its place on the disk.
fn own_program() -> Option<PathBuf> {
    let running = Path::new("/proc/self/exe");
    match running.exists() {
        true => Some(running.to_owned()),
        false => std::env::current_exe().ok(),
    }
}

/// What an operator decides about the network that rules see.
#[derive(Args, Clone)]
pub(super) struct NetworkArgs {
    /// A network that rules may reach although it is not of the public internet, for example
    /// `10.20.0.0/16` for APIs of your own; every tenant's rules may, if their bindings allow the host
    #[arg(
        long,
        env = "CLAIMSMITH_RULES_MAY_REACH",
        value_name = "CIDR",
        value_delimiter = ','
    )]
    rules_may_reach: Vec<IpNet>,
    /// Certificates (PEM) that rules' requests trust beside those of the operating system
    #[arg(long, env = "CLAIMSMITH_RULES_CA", value_name = "FILE")]
    rules_ca: Vec<PathBuf>,
}

impl NetworkArgs {
    pub(super) fn options(&self) -> Result<NetworkOptions, CliError> {
        let mut extra_roots = Vec::new();
        for path in &self.rules_ca {
            let read = read_certificates(path);
            extra_roots.extend(read.map_err(|e| CliError::invalid(format!("--rules-ca {e}")))?);
        }
        Ok(NetworkOptions {
            may_reach: self.rules_may_reach.clone(),
            extra_roots,
            ..NetworkOptions::default()
        })
    }
}

/// Which tenant a verb is about.
#[derive(Args, Clone)]
pub(super) struct TenantOption {
    /// The tenant; may be left out while there is only one
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
}

impl TenantOption {
    /// The tenant that was named, or the only one there is.
    pub(super) async fn resolve(&self, server: &Server) -> Result<Tenant, CliError> {
        if let Some(name) = &self.tenant {
            let name = TenantName::parse(name).map_err(CliError::usage)?;
            let tenant = crate::admin::tenants::get(server, &name).await?;
            if tenant.status == Status::Deleting {
                return Err(CliError::usage(format!(
                    "the tenant `{name}` is being deleted; `claimsmith tenant delete {name} --yes` goes on with it"
                )));
            }
            return Ok(tenant);
        }
        let mut tenants = crate::admin::tenants::list(server).await?.into_iter();
        match (tenants.next(), tenants.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err(CliError::usage(
                "there is no tenant yet; make one with `claimsmith init` or `claimsmith tenant create NAME`",
            )),
            (Some(_), Some(_)) => Err(CliError::usage(
                "there is more than one tenant; say which with --tenant NAME",
            )),
        }
    }
}
