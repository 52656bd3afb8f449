//! Roles, and the permissions that roles and users hold (contract, section 7.6).

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::store::{Record, Table};

/// What a tenant calls a set of permissions. Users have roles by name: a name without a record is
/// as good for rules, and holds no permission.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Role {
    /// `rol_` and 24 hexadecimal digits.
    pub id: String,
    /// Its name; never changes.
    pub name: String,
    /// For people.
    pub description: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Role {
    /// The most roles of a tenant.
    pub const MAX: usize = 1_000;
    /// The most roles of one user.
    pub const MAX_OF_USER: usize = 50;
}

impl Record for Role {
    const TABLE: Table = Table::Role;
}

/// Who holds permissions.
#[derive(Clone, Copy, Debug)]
pub enum Holder<'a> {
    /// A role, by name.
    Role(&'a str),
    /// A user, by `user_id`, whatever its roles.
    User(&'a str),
}

/// Scopes of one API that a role or a user holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Permissions {
    /// The API.
    pub audience: String,
    /// Its scopes.
    pub scopes: Vec<String>,
}

impl Permissions {
    /// The most permissions of one holder, over all APIs.
    pub const MAX: usize = 1_000;

    /// Where all of a holder's are stored.
    pub const fn of<'a>(tenant: &'a str, holder: Holder<'a>) -> [&'a str; 3] {
        match holder {
            Holder::Role(name) => [tenant, "role", name],
            Holder::User(user_id) => [tenant, "user", user_id],
        }
    }

    /// Where those on one API are stored.
    pub const fn on<'a>(tenant: &'a str, holder: Holder<'a>, audience: &'a str) -> [&'a str; 4] {
        let [tenant, kind, name] = Self::of(tenant, holder);
        [tenant, kind, name, audience]
    }
}

impl Record for Permissions {
    const TABLE: Table = Table::Permissions;
}
