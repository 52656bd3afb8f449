//! Users from elsewhere, with the hashes of their passwords (contract, section 7.7).

use serde::Serialize;
use serde_json::{Map, Value};

use super::canonical_form;
use crate::admin::{Error, quotas};
use crate::clock::Timestamp;
use crate::connection::Connection;
use crate::credential::foreign::{CustomHash, InvalidCustomHash};
use crate::credential::{PasswordRecord, StoredHash};
use crate::random;
use crate::server::Server;
use crate::store::{self, Batch, Stored};
use crate::tenant::TenantName;
use crate::user::{Deletion, IdentifierRecord, User};

/// What is wrong with a user of an import; it quotes no hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The kind of problem, as Auth0's import names it.
    pub code: &'static str,
    /// What would be right.
    pub message: String,
    /// Which member.
    pub path: String,
}

impl Problem {
    fn new(code: &'static str, path: &str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            path: path.to_owned(),
        }
    }
}

/// What became of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Imported {
    /// It is new.
    Inserted,
    /// It was there, and `upsert` was on.
    Updated,
}

/// Why a user was not imported. Nothing of it was stored.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The user is at fault; the next may be right.
    #[error("the user cannot be imported: {}", .0.message)]
    Refused(Problem),
    /// The import as a whole cannot go on.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<Problem> for ImportError {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<store::Error> for ImportError {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Imports one user into a connection: all of it, or nothing. `upsert` lets the document take the
/// place of a user with the same e-mail address, whose metadata it overwrites.
pub async fn user(
    server: &Server,
    tenant: &TenantName,
    connection: &str,
    document: &Value,
    upsert: bool,
) -> Result<Imported, ImportError> {
    user_with(server, tenant, connection, document, upsert, |_| {
        Batch::durable()
    })
    .await
}

/// The same, stored together with what `begin` puts into the batch, which is told what will have become of
/// the user. A conflict of that reads as one of the user's.
pub async fn user_with(
    server: &Server,
    tenant: &TenantName,
    connection: &str,
    document: &Value,
    upsert: bool,
    begin: impl Fn(Imported) -> Batch,
) -> Result<Imported, ImportError> {
    let found: Option<Stored<Connection>> =
        server.records.get(&[tenant.as_str(), connection]).await?;
    if found.is_none() {
        let message = "there is no such connection";
        return Err(Problem::new("CONNECTION_NOT_FOUND", "connection", message).into());
    }
    let new = Document::parse(document)?;
    let email = canonical(&new.email, "email")?;
    let now = server.clock.now();
    let parts = [tenant.as_str(), connection, &email];
    let owner: Option<Stored<IdentifierRecord>> = server.records.get(&parts).await?;
    match owner {
        None => {
            let batch = begin(Imported::Inserted);
            insert(server, tenant, connection, (new, batch), now).await
        }
        Some(owner) if upsert => {
            let batch = begin(Imported::Updated);
            update(server, tenant, &owner.record.user_id, (new, batch), now).await
        }
        Some(_) => {
            let message = "a user with this e-mail address is there already";
            Err(Problem::new("DUPLICATED_USER", "email", message).into())
        }
    }
}

async fn insert(
    server: &Server,
    tenant: &TenantName,
    connection: &str,
    (new, batch): (Document, Batch),
    now: Timestamp,
) -> Result<Imported, ImportError> {
    let id = match &new.user_id {
        // Exports have the prefix; nobody means it twice.
        Some(id) => id.strip_prefix("auth0|").unwrap_or(id).to_owned(),
        None => random::id().map_err(Error::from)?,
    };
    let mut identifiers = vec![canonical(&new.email, "email")?];
    if let Some(username) = &new.username {
        let username = canonical(username, "username")?;
        if !identifiers.contains(&username) {
            identifiers.push(username);
        }
    }
    let mut user = User {
        user_id: format!("auth0|{id}"),
        connection: connection.to_owned(),
        name: Some(new.email.clone()),
        nickname: new.email.split('@').next().map(str::to_owned),
        created_at: now,
        ..User::default()
    };
    let password = new.password.clone();
    new.write_to(&mut user, now);

    let parts = [tenant.as_str(), &user.user_id];
    super::deletion::make_way(server, tenant, &user.user_id).await?;
    let mut batch = batch.expect_none::<Deletion>(&parts).insert(&parts, &user);
    if let Some(hash) = password {
        batch = batch.insert(&parts, &record(hash, now));
    }
    for identifier in &identifiers {
        let owner = IdentifierRecord {
            user_id: user.user_id.clone(),
        };
        batch = batch.insert(&[tenant.as_str(), connection, identifier], &owner);
    }
    match quotas::commit_new_user(server, tenant, batch).await {
        Ok(()) => Ok(Imported::Inserted),
        Err(Error::Store(error)) => Err(refused_by_store(error)),
        Err(error @ Error::OverQuota { .. }) => {
            Err(Problem::new("NOT_PASSED", "", error.to_string()).into())
        }
        Err(error) => Err(error.into()),
    }
}

async fn update(
    server: &Server,
    tenant: &TenantName,
    user_id: &str,
    (new, batch): (Document, Batch),
    now: Timestamp,
) -> Result<Imported, ImportError> {
    let parts = [tenant.as_str(), user_id];
    let stored: Option<Stored<User>> = server.records.get(&parts).await?;
    let password: Option<Stored<PasswordRecord>> = server.records.get(&parts).await?;
    let stored = stored.ok_or_else(|| Error::missing("user", user_id)())?;
    if new.username.is_some() && new.username != stored.record.username {
        let message = "the user name of a user who is there cannot be changed by an import";
        return Err(Problem::new("CONFLICT_USERNAME", "username", message).into());
    }
    let mut user = stored.record.clone();
    let hash = new.password.clone();
    new.write_to(&mut user, now);
    let mut batch = batch.replace(&stored, &user);
    if let Some(hash) = hash {
        let record = record(hash, now);
        batch = match &password {
            None => batch.insert(&parts, &record),
            Some(old) if matches!(old.record.hash, StoredHash::Imported(_)) => {
                batch.replace(old, &record)
            }
            Some(_) => {
                let message = "the user has logged in since, or chose another password";
                return Err(Problem::new("NOT_PASSED", "custom_password_hash", message).into());
            }
        };
    }
    match server.records.commit(batch).await {
        Ok(()) => Ok(Imported::Updated),
        Err(error) => Err(refused_by_store(error)),
    }
}

fn record(hash: CustomHash, now: Timestamp) -> PasswordRecord {
    PasswordRecord {
        hash: StoredHash::Imported(Box::new(hash)),
        set_at: now,
    }
}

fn refused_by_store(error: store::Error) -> ImportError {
    match error {
        store::Error::Conflict => {
            let message = "the user name, the `user_id` or the address is another user's";
            Problem::new("CONFLICT", "", message).into()
        }
        store::Error::TooLarge { .. } => {
            Problem::new("MAX_LENGTH", "", "the user is too large to be stored").into()
        }
        other => other.into(),
    }
}

fn canonical(identifier: &str, path: &'static str) -> Result<String, Problem> {
    canonical_form(identifier).map_err(|error| Problem::new("FORMAT", path, error.to_string()))
}

/// A user as it stands in a file.
struct Document {
    email: String,
    username: Option<String>,
    user_id: Option<String>,
    texts: Vec<(&'static str, String)>,
    flags: Vec<(&'static str, bool)>,
    app_metadata: Option<Map<String, Value>>,
    user_metadata: Option<Map<String, Value>>,
    password: Option<CustomHash>,
}

/// Members that are text, and how long each may be.
const TEXTS: [(&str, usize); 9] = [
    ("email", 320),
    ("username", 128),
    ("user_id", 200),
    ("phone_number", 16),
    ("given_name", 150),
    ("family_name", 150),
    ("name", 300),
    ("nickname", 300),
    ("picture", 2_048),
];
const FLAGS: [&str; 3] = ["email_verified", "phone_verified", "blocked"];
const OTHERS: [&str; 5] = [
    "password_hash",
    "custom_password_hash",
    "app_metadata",
    "user_metadata",
    "mfa_factors",
];

impl Document {
    fn parse(document: &Value) -> Result<Self, Problem> {
        let Value::Object(members) = document else {
            return Err(Problem::new("INVALID_TYPE", "", "a user is an object"));
        };
        let known = |name: &str| {
            TEXTS.iter().any(|(text, _)| *text == name)
                || FLAGS.contains(&name)
                || OTHERS.contains(&name)
        };
        if let Some(name) = members.keys().find(|name| !known(name)) {
            let name: String = name.chars().take(100).collect();
            return Err(Problem::new("NOT_PASSED", &name, "no such member is known"));
        }
        if members.contains_key("mfa_factors") {
            let message = "second factors are not imported yet; leave them out";
            return Err(Problem::new("MFA_FACTORS_FAILED", "mfa_factors", message));
        }
        let mut texts = Vec::new();
        for (name, most) in TEXTS {
            if let Some(text) = text(members, name, most)? {
                texts.push((name, text));
            }
        }
        let mut flags = Vec::new();
        for name in FLAGS {
            match members.get(name) {
                None | Some(Value::Null) => {}
                Some(Value::Bool(flag)) => flags.push((name, *flag)),
                Some(_) => return Err(Problem::new("INVALID_TYPE", name, "use true or false")),
            }
        }
        let mut take = |wanted: &str| {
            let index = texts.iter().position(|(name, _)| *name == wanted)?;
            Some(texts.remove(index).1)
        };
        let email = take("email")
            .ok_or_else(|| Problem::new("OBJECT_REQUIRED", "email", "a user needs one"))?;
        if !email.contains('@') {
            return Err(Problem::new(
                "FORMAT",
                "email",
                "an e-mail address has an `@`",
            ));
        }
        Ok(Self {
            email,
            username: take("username"),
            user_id: take("user_id"),
            texts,
            flags,
            app_metadata: object(members, "app_metadata")?,
            user_metadata: object(members, "user_metadata")?,
            password: password(members)?,
        })
    }

    /// Overwrites what the document says, metadata as a whole.
    fn write_to(self, user: &mut User, now: Timestamp) {
        let new_address = user.email.as_ref() != Some(&self.email);
        user.email = Some(self.email);
        if new_address {
            user.email_verified = false;
        }
        user.username = self.username.or_else(|| user.username.take());
        for (name, text) in self.texts {
            let text = Some(text);
            match name {
                "phone_number" => user.phone_number = text,
                "given_name" => user.given_name = text,
                "family_name" => user.family_name = text,
                "name" => user.name = text,
                "nickname" => user.nickname = text,
                _ => user.picture = text,
            }
        }
        for (name, flag) in self.flags {
            match name {
                "email_verified" => user.email_verified = flag,
                "phone_verified" => user.phone_verified = flag,
                _ => user.blocked = flag,
            }
        }
        user.app_metadata = self.app_metadata.or_else(|| user.app_metadata.take());
        user.user_metadata = self.user_metadata.or_else(|| user.user_metadata.take());
        user.updated_at = now;
    }
}

fn text(
    members: &Map<String, Value>,
    name: &'static str,
    most: usize,
) -> Result<Option<String>, Problem> {
    let text = match members.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        Some(_) => return Err(Problem::new("INVALID_TYPE", name, "use text")),
    };
    if text.is_empty() {
        return Err(Problem::new("MIN_LENGTH", name, "it is empty"));
    }
    if text.chars().count() > most {
        let message = format!("use at most {most} characters");
        return Err(Problem::new("MAX_LENGTH", name, message));
    }
    if text.chars().any(char::is_control) {
        let message = "it has control characters in it";
        return Err(Problem::new("FORMAT", name, message));
    }
    Ok(Some(text.clone()))
}

fn object(
    members: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<Map<String, Value>>, Problem> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object.clone())),
        Some(_) => Err(Problem::new("INVALID_TYPE", name, "use an object")),
    }
}

fn password(members: &Map<String, Value>) -> Result<Option<CustomHash>, Problem> {
    let (hash, path) = match (
        members.get("password_hash"),
        members.get("custom_password_hash"),
    ) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            let message = "use `password_hash` or `custom_password_hash`, not both";
            return Err(Problem::new("NOT_PASSED", "password_hash", message));
        }
        (Some(bcrypt), None) => {
            let text = bcrypt.as_str().unwrap_or_default();
            (CustomHash::bcrypt(text), "password_hash")
        }
        (None, Some(custom)) => (CustomHash::parse(custom), "custom_password_hash"),
    };
    match hash {
        Ok(hash) => Ok(Some(hash)),
        Err(InvalidCustomHash {
            fault,
            path: within,
            message,
        }) => {
            let path = match (path, within) {
                ("password_hash", _) | (_, "") => path.to_owned(),
                (path, within) => format!("{path}.{within}"),
            };
            Err(Problem::new(fault.code(), &path, message))
        }
    }
}
