//! What an operator can choose when a server starts, after validation.

use std::path::PathBuf;
use std::sync::Arc;

use ipnet::IpNet;

use crate::checker::UploadChecks;
use crate::credential::{HashSettings, PoolSettings};
use crate::log::StreamLimits;
use crate::mail::{LogOnly, Mailer};
use crate::rule_host::Limits;
use crate::rule_host::fetch::NetworkOptions;
use crate::secret::Secret;
use crate::webhook::WebhookSettings;

/// Settings of the process; everything else is a tenant's and lives in the store.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data directory: the store, the master key, compiled code.
    pub data: PathBuf,
    /// Where compiled rules are kept; they can be made again, so it may be deleted at any time. Whoever
    /// can write there can run code as the server.
    pub compiled: PathBuf,
    /// The master key's text, if it comes from the environment rather than from a file.
    pub master_key: Option<Secret>,
    /// Writes are refused when less than this is free on the disk.
    pub reserve_bytes: u64,
    /// The cost of new password hashes.
    pub hashing: HashSettings,
    /// How many hashes are made at once, and how many may wait.
    pub hashing_pool: PoolSettings,
    /// What a rule may use.
    pub limits: Limits,
    /// How what is uploaded is checked. Without a program to check with, nothing can be uploaded.
    pub uploads: UploadChecks,
    /// Who sends e-mail.
    pub mailer: Arc<dyn Mailer>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// How many may follow a tenant's log, and how.
    pub streams: StreamLimits,
    /// How events are delivered to webhooks.
    pub webhooks: WebhookSettings,
    /// What rules may reach beside the public internet, and whom they trust.
    pub network: NetworkOptions,
}

impl Config {
    /// 256 MiB: enough for the store to be compacted and for an administrator to work in.
    pub const DEFAULT_RESERVE_BYTES: u64 = 256 * 1024 * 1024;

    /// The defaults, for a data directory.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        let data = data.into();
        Self {
            compiled: data.join("cache"),
            data,
            master_key: None,
            reserve_bytes: Self::DEFAULT_RESERVE_BYTES,
            hashing: HashSettings::default(),
            hashing_pool: PoolSettings::default(),
            limits: Limits::default(),
            uploads: UploadChecks::default(),
            mailer: Arc::new(LogOnly),
            trusted_proxies: Vec::new(),
            streams: StreamLimits::default(),
            webhooks: WebhookSettings::default(),
            network: NetworkOptions::default(),
        }
    }
}
