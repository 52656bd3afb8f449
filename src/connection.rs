//! Connections: the user directories of a tenant; a `realm` on the wire.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
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
