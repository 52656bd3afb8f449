//! Connections: the user directories of a tenant; a `realm` on the wire.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::credential::policy::PasswordPolicy;
use crate::store::{Record, Table};

/// A user directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Connection {
    /// Its identity within the tenant, and a realm; never changes.
    pub name: String,
    /// Further realms that select it.
    pub realms: Vec<String>,
    /// Whether every client may use it; otherwise only those of `enabled_clients`.
    pub enabled_for_all: bool,
    /// The clients that may use it.
    pub enabled_clients: Vec<String>,
    /// Whether wrong passwords in a row block; the tenant says after how many.
    pub brute_force_protection: bool,
    /// Whether strangers may not make themselves users.
    pub disable_signup: bool,
    /// Whether a user needs a user name beside the address.
    pub requires_username: bool,
    /// Whether users may not ask for a link to a new password.
    pub disable_self_service_change_password: bool,
    /// What new passwords must be like.
    pub password_policy: PasswordPolicy,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            name: String::new(),
            realms: Vec::new(),
            enabled_for_all: false,
            enabled_clients: Vec::new(),
            brute_force_protection: true,
            disable_signup: false,
            requires_username: false,
            disable_self_service_change_password: false,
            password_policy: PasswordPolicy::default(),
            created_at: Timestamp::default(),
        }
    }
}

impl Connection {
    /// Whether `realm` selects this connection.
    pub fn answers_to(&self, realm: &str) -> bool {
        self.name == realm || self.realms.iter().any(|known| known == realm)
    }

    /// Whether a client may use it.
    pub fn is_enabled_for(&self, client_id: &str) -> bool {
        self.enabled_for_all || self.enabled_clients.iter().any(|id| id == client_id)
    }
}

impl Record for Connection {
    const TABLE: Table = Table::Connection;
}
