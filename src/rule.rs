//! Rules as a tenant keeps them: immutable versions, and the binding that puts one to use.

pub(crate) mod chain;

use serde::{Deserialize, Serialize};

use crate::action::{ActionVersion, BoundAction};
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
    /// Who uploaded it: the `client_id` whose token it was, or [`COMMAND_LINE`]; none in versions of a
    /// time before that was kept.
    #[serde(default)]
    pub author: Option<String>,
    /// What its author said of it.
    #[serde(default)]
    pub note: Option<String>,
    /// What it may do; none allows all that the interface offers.
    #[serde(default)]
    pub manifest: Option<Manifest>,
    /// What it has as a version of an action; none if it is a rule's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionVersion>,
}

/// The author of what came by the command line on the data directory. No `client_id` has a space.
pub const COMMAND_LINE: &str = "command line";

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
    /// What ran before, the newest last: what a rollback goes back to.
    #[serde(default)]
    pub earlier: Vec<Earlier>,
    /// What it has as the binding of an action; none if it is a rule's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<BoundAction>,
}

/// What a binding ran before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// The version.
    pub version: u32,
    /// What its failure meant: a manifest may ask for something, so that follows the version.
    pub on_fault: OnFault,
}

impl Binding {
    /// How many earlier versions are remembered.
    const MAX_EARLIER: usize = 50;

    /// Where in the chain: rules before actions (contract, section 3.1), each in their order.
    pub fn place(&self) -> (bool, u32, &str) {
        (self.action.is_some(), self.order, &self.rule)
    }

    /// Lets another version run. What runs already is not remembered twice.
    pub fn run(&mut self, version: &RuleVersion, on_fault: Option<OnFault>) {
        if self.version != version.version && self.version != 0 {
            self.earlier.push(Earlier {
                version: self.version,
                on_fault: self.on_fault,
            });
            let over = self.earlier.len().saturating_sub(Self::MAX_EARLIER);
            self.earlier.drain(..over);
        }
        self.version = version.version;
        if self.grants.is_empty() {
            self.grants = default_grants(version.dialect);
        }
        let asked = version.manifest.as_ref().and_then(|asked| asked.on_fault);
        self.on_fault = on_fault.or(asked).unwrap_or(self.on_fault);
    }

    /// Lets run what ran before, and forgets what runs now; false if nothing did.
    pub fn roll_back(&mut self) -> bool {
        let Some(Earlier { version, on_fault }) = self.earlier.pop() else {
            return false;
        };
        self.version = version;
        self.on_fault = on_fault;
        true
    }

    /// Whether it runs a version, or may be rolled back to it.
    pub fn needs(&self, version: u32) -> bool {
        self.version == version || self.earlier.iter().any(|one| one.version == version)
    }

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

/// The grants that a rule runs on unless its binding says otherwise: those with a user, unless it is
/// written for the one without.
pub fn default_grants(dialect: Option<Dialect>) -> Vec<Grant> {
    match dialect {
        Some(Dialect::ClientCredentialsExchange | Dialect::CredentialsExchange) => {
            vec![Grant::ClientCredentials]
        }
        Some(Dialect::Action) => {
            let all = GRANTS_WITH_A_USER.into_iter();
            all.chain([Grant::ClientCredentials]).collect()
        }
        Some(Dialect::Classic | Dialect::PasswordExchange | Dialect::PostLogin) | None => {
            GRANTS_WITH_A_USER.to_vec()
        }
    }
}

/// The grants with a user.
pub const GRANTS_WITH_A_USER: [Grant; 6] = [
    Grant::Password,
    Grant::PasswordRealm,
    Grant::RefreshToken,
    Grant::MfaOtp,
    Grant::MfaOob,
    Grant::MfaRecoveryCode,
];
