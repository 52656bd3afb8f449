//! Rules as a tenant keeps them: immutable versions, and the binding that puts one to use.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::identity;
use crate::rule_host::{Dialect, Grant, Manifest, OnFault, Permissions};
use crate::store::{Record, Table};
use crate::tenant::TenantName;
use crate::token::Sealed;

/// One upload of a rule. Never changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RuleVersion {
    /// The rule's name within the tenant.
    pub rule: String,
    /// 1, 2, 3… in the order of uploads.
    pub version: u32,
    /// The SHA-256 of the component, or of the source in JavaScript, in hexadecimal: where its bytes
    /// are stored.
    pub digest: String,
    /// Its length in bytes.
    pub size: u64,
    /// How it is written, if it is JavaScript; none for a component.
    #[serde(default)]
    pub dialect: Option<Dialect>,
    /// When it was uploaded.
    pub uploaded_at: Timestamp,
    /// What it may do; none allows all that the interface offers.
    #[serde(default)]
    pub manifest: Option<Manifest>,
}

impl RuleVersion {
    /// The last part of its key: versions sort by number.
    pub fn key_part(version: u32) -> String {
        format!("{version:010}")
    }
}

impl Record for RuleVersion {
    const TABLE: Table = Table::RuleVersion;
}

/// A tenant's use of a rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Binding {
    /// `rul_` and 24 hexadecimal digits; empty in records of a time before there were any, see
    /// [`Binding::id`].
    #[serde(default)]
    pub id: String,
    /// The rule's name within the tenant.
    pub rule: String,
    /// Which version runs.
    pub version: u32,
    /// Rules run in ascending order; equal orders by name.
    pub order: u32,
    /// Whether it runs at all.
    pub enabled: bool,
    /// The grants that it runs on.
    pub grants: Vec<Grant>,
    /// What becomes of the login when the rule fails.
    pub on_fault: OnFault,
    /// What it may do beyond deciding; nothing in stores that knew no permissions.
    #[serde(default)]
    pub permissions: Permissions,
}

impl Binding {
    /// The rule's identity in the management API.
    pub fn id(&self) -> String {
        match self.id.as_str() {
            "" => format!("rul_{}", identity::derived("rule", &self.rule)),
            id => id.to_owned(),
        }
    }
}

impl Record for Binding {
    const TABLE: Table = Table::Binding;
}

/// A value that the tenant's rules may read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConfigurationValue {
    /// The name that rules ask for.
    pub key: String,
    /// The value, sealed: it may be somebody's API key.
    pub value: Sealed,
}

impl Record for ConfigurationValue {
    const TABLE: Table = Table::Configuration;
}

impl ConfigurationValue {
    /// The place that a value is sealed to: elsewhere it does not open.
    pub fn seal_context(tenant: &TenantName, key: &str) -> [String; 3] {
        [
            "configuration".to_owned(),
            tenant.to_string(),
            key.to_owned(),
        ]
    }
}
