//! Users: the resource owners, and what is known of their logins.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::store::{Record, Table};

/// A person or a machine with a password. The password's hash is a record of its own
/// ([`crate::credential::PasswordRecord`]), so that nothing that reads a user can leak it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct User {
    /// The `sub` of its tokens: `auth0|` and 24 hexadecimal digits. Never used again for another.
    pub user_id: String,
    /// The name of its connection.
    pub connection: String,
    /// As it was given, for display; compared by [`crate::credential::canonical`] only.
    pub username: Option<String>,
    /// As it was given, likewise.
    pub email: Option<String>,
    /// Whether the address was shown to be the user's.
    #[serde(default)]
    pub email_verified: bool,
    /// In the form of E.164.
    pub phone_number: Option<String>,
    /// Whether the number was shown to be the user's.
    #[serde(default)]
    pub phone_verified: bool,
    /// The full name.
    pub name: Option<String>,
    /// The short name.
    pub nickname: Option<String>,
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
    /// The URL of a picture.
    pub picture: Option<String>,
    /// What the user may have written; none until set.
    pub user_metadata: Option<Map<String, Value>>,
    /// What only the tenant writes; none until set.
    pub app_metadata: Option<Map<String, Value>>,
    /// Names of roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Whether an administrator shut it out.
    #[serde(default)]
    pub blocked: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its record last changed, logins aside.
    pub updated_at: Timestamp,
}

impl Record for User {
    const TABLE: Table = Table::User;
}

/// That a user was deleted, until all that was its own is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deletion {
    /// Who it was.
    pub user_id: String,
    /// The connection it was of.
    pub connection: String,
}

impl Record for Deletion {
    const TABLE: Table = Table::UserDeletion;
}

/// Which user an identifier of a connection belongs to. Its key makes identifiers unique.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IdentifierRecord {
    /// The user.
    pub user_id: String,
}

impl Record for IdentifierRecord {
    const TABLE: Table = Table::Identifier;
}

/// Counts and times of a user's logins. A record of its own: it is written at every login, and
/// may lag by half a second.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LoginStats {
    /// How many logins succeeded.
    pub logins_count: u64,
    /// The last that did.
    pub last_login: Option<Timestamp>,
    /// Where it came from.
    pub last_ip: Option<String>,
}

impl Record for LoginStats {
    const TABLE: Table = Table::LoginStats;
}

impl User {
    /// Merges into both metadata maps, first level only; null deletes a key.
    pub fn merge_metadata(&mut self, user: &Map<String, Value>, app: &Map<String, Value>) {
        merge(&mut self.user_metadata, user);
        merge(&mut self.app_metadata, app);
    }
}

fn merge(target: &mut Option<Map<String, Value>>, patch: &Map<String, Value>) {
    if patch.is_empty() {
        return;
    }
    let target = target.get_or_insert_default();
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            target.insert(key.clone(), value.clone());
        }
    }
}
