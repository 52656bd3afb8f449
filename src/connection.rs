//! Connections: the user directories of a tenant; a `realm` on the wire.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::credential::policy::PasswordPolicy;
use crate::identity;
use crate::store::{Record, Table};

/// A user directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Connection {
    /// `con_` and 24 hexadecimal digits; empty in records of a time before there were any, see
    /// [`Connection::id`].
    pub id: String,
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
    /// Documented fields of the management API without a meaning here, as they were set; those of its
    /// `options` under that name.
    pub kept: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            id: String::new(),
            kept: Map::new(),
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
    /// Its identity in the management API.
    pub fn id(&self) -> String {
        match self.id.as_str() {
            "" => format!("con_{}", identity::derived("connection", &self.name)),
            id => id.to_owned(),
        }
    }

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
