//! Actions as a tenant keeps them (contract, section 3): a draft, and behind it the versions of a rule
//! that deployments of it made.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::rule::GRANTS_WITH_A_USER;
use crate::rule_host::{Dialect, Grant, OnFault, Permissions};
use crate::store::{Record, Table};
use crate::tenant::TenantName;
use crate::token::Sealed;

/// An action: what it would be if it were deployed now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Action {
    /// A UUID. Also the name of the rule whose versions its deployments are.
    pub id: String,
    /// No two of a tenant have the same.
    pub name: String,
    /// The SHA-256 of the draft's source, where its bytes are stored; none until there is one.
    pub code: Option<String>,
    /// What else the draft is made of.
    pub makeup: Makeup,
    /// The version that is deployed.
    pub deployed: Option<u32>,
    /// What it may do beyond deciding, whichever version runs.
    #[serde(default)]
    pub permissions: Permissions,
    /// What becomes of the login when it fails, whichever version runs.
    #[serde(default)]
    pub on_fault: OnFault,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed or deployed.
    pub updated_at: Timestamp,
    /// When its source was last checked, and found to be one.
    pub built_at: Option<Timestamp>,
}

impl Record for Action {
    const TABLE: Table = Table::Action;
}

/// Which action has a name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ActionName {
    /// The action's identity.
    pub id: String,
}

impl Record for ActionName {
    const TABLE: Table = Table::ActionName;
}

/// What an action is made of beside its source: of the draft, and of each version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Makeup {
    /// What it is for.
    pub trigger: SupportedTrigger,
    /// The runtime of Node that it was written for. It runs in this server's engine all the same.
    pub runtime: String,
    /// The modules that it says it needs.
    pub dependencies: Vec<Dependency>,
    /// What only it reads.
    pub secrets: Vec<SecretName>,
}

/// A module of npm, in the version that its author asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The module.
    pub name: String,
    /// Kept and returned; the engine has one version of each module.
    pub version: String,
}

/// That there is a secret. What it is stands in an [`ActionSecret`] that never changes, so that a version
/// keeps the value it was deployed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretName {
    /// The name that the action reads it under.
    pub name: String,
    /// When the value was set.
    pub updated_at: Timestamp,
    /// Which value.
    pub key: String,
}

/// A value of an action's secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ActionSecret {
    /// [`SecretName::key`].
    pub key: String,
    /// The value.
    pub value: Sealed,
}

impl Record for ActionSecret {
    const TABLE: Table = Table::ActionSecret;
}

impl ActionSecret {
    /// The place that a value is sealed to.
    pub fn seal_context<'a>(tenant: &'a TenantName, action: &'a str, key: &'a str) -> [&'a str; 4] {
        ["action's secret", tenant.as_str(), action, key]
    }
}

/// What a version has that was made by deploying an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionVersion {
    /// A UUID.
    pub id: String,
    /// What the action was called then: by that name logs and exchanges call it.
    pub name: String,
    /// What it was made of.
    pub makeup: Makeup,
}

/// A trigger, in the version that the author asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupportedTrigger {
    /// The trigger.
    pub id: Trigger,
    /// `v3`, say. All run as the newest.
    pub version: String,
}

/// What an action is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// A user logs in.
    PostLogin,
    /// A client asks for itself.
    CredentialsExchange,
}

impl Trigger {
    /// All that there are here.
    pub const ALL: [Self; 2] = [Self::PostLogin, Self::CredentialsExchange];

    /// Those of the contract that nothing on this server could set off.
    pub const ELSEWHERE: [&str; 13] = [
        "pre-user-registration",
        "post-user-registration",
        "post-change-password",
        "send-phone-message",
        "password-reset-post-challenge",
        "login-post-identifier",
        "signup-post-identifier",
        "custom-token-exchange",
        "custom-email-provider",
        "custom-phone-provider",
        "event-stream",
        "password-hash-migration",
        "mcp-tool",
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PostLogin => "post-login",
            Self::CredentialsExchange => "credentials-exchange",
        }
    }

    /// The trigger of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trigger| trigger.name() == name)
    }

    /// Its versions, the current one last.
    pub const fn versions(self) -> &'static [&'static str] {
        match self {
            Self::PostLogin => &["v1", "v2", "v3"],
            Self::CredentialsExchange => &["v1", "v2"],
        }
    }

    /// The grants that set it off.
    pub fn grants(self) -> Vec<Grant> {
        match self {
            Self::PostLogin => GRANTS_WITH_A_USER.to_vec(),
            Self::CredentialsExchange => vec![Grant::ClientCredentials],
        }
    }

    /// The function that an action exports for it.
    pub const fn handler(self) -> &'static str {
        match self {
            Self::PostLogin => "onExecutePostLogin",
            Self::CredentialsExchange => "onExecuteCredentialsExchange",
        }
    }

    /// Whether a source of this dialect exports that function.
    pub const fn is_handled_by(self, dialect: Option<Dialect>) -> bool {
        matches!(
            (self, dialect),
            (_, Some(Dialect::Action))
                | (Self::PostLogin, Some(Dialect::PostLogin))
                | (
                    Self::CredentialsExchange,
                    Some(Dialect::CredentialsExchange)
                )
        )
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How often the bindings of a trigger were set: what two who set them at the same time both write.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TriggerBindings {
    /// So often.
    pub times: u64,
}

impl Record for TriggerBindings {
    const TABLE: Table = Table::TriggerBindings;
}

/// What a binding has that puts an action to use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundAction {
    /// The trigger it is bound to.
    pub trigger: Trigger,
    /// What the binding is called.
    pub display_name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
