//! Jobs: work on many users that goes on after the answer, and over a restart (contract, section 7.7).
//!
//! How far a job has come is part of its record, and changes in the commit that also holds what was done.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::store::{Key, Record, Table};

/// How long a job and its files are kept, from its beginning.
pub const KEPT_SECS: u64 = 24 * 3_600;

/// A job that takes longer has failed.
pub const LONGEST_SECS: u64 = 2 * 3_600;

/// How many jobs of a tenant are under way at a time.
pub const AT_A_TIME: usize = 2;

/// The largest file of users that is taken in. Auth0's bound is 500 KB; this is what arrives in the time that a
/// body has.
pub const MAX_UPLOAD_BYTES: u64 = 10 * 1024 * 1024;

/// The largest file that is written.
pub const MAX_EXPORT_BYTES: u64 = 1024 * 1024 * 1024;

/// How large each part of a file is, but the last.
pub const PART_BYTES: usize = 64 * 1024;

/// A job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// `job_` and 24 hexadecimal digits.
    pub id: String,
    /// How it stands.
    pub status: Status,
    /// Why it failed, or will have when its file is cleared away.
    pub status_details: Option<String>,
    /// What is to be done, and how much of it is.
    pub work: Work,
    /// When it was asked for.
    pub created_at: Timestamp,
}

impl Record for Job {
    const TABLE: Table = Table::Job;
}

impl Job {
    /// When nothing of it is kept any longer.
    pub fn expires_at(&self) -> Timestamp {
        self.created_at.plus_secs(KEPT_SECS)
    }

    /// Whether there is still something to do.
    pub fn is_under_way(&self) -> bool {
        matches!(self.status, Status::Pending | Status::Clearing)
    }
}

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is being done, or waits for its turn.
    Pending,
    /// The work is done; the file that was sent, with hashes of passwords, is being deleted.
    Clearing,
    /// It was done.
    Completed,
    /// It was not.
    Failed,
}

/// What a job does.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Makes or changes the users of a file.
    Import(Import),
    /// Writes users into a file.
    Export(Export),
}

/// A connection, by both its names.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Directory {
    /// Its identity.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// An import, and how far it has come.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Import {
    /// Where the users go.
    pub connection: Directory,
    /// Whether a user who is there is overwritten.
    pub upsert: bool,
    /// What whoever asked calls the job.
    pub external_id: Option<String>,
    /// The file's size.
    pub bytes: u64,
    /// How much of it is done.
    pub offset: u64,
    /// How many users that was.
    pub lines: u64,
    /// Those that are new.
    pub inserted: u64,
    /// Those that were there.
    pub updated: u64,
    /// Those that were refused.
    pub failed: u64,
}

/// An export, and how far it has come.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Export {
    /// Whose users; all of the tenant if there is none.
    pub connection: Option<Directory>,
    /// The file's form.
    pub format: Format,
    /// The most users.
    pub limit: Option<u64>,
    /// Which members; all if there are none.
    pub fields: Vec<Column>,
    /// The last user that was looked at.
    pub behind: Option<String>,
    /// How many are in the file.
    pub users: u64,
    /// How many parts the file has.
    pub parts: u64,
    /// Its size.
    pub bytes: u64,
}

/// The form of a file of users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One document a line (NDJSON).
    #[default]
    Json,
    /// RFC 4180.
    Csv,
}

/// A member of each user, and what it is called in the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// A name, or a path such as `app_metadata.plan` or `identities[0].connection`.
    pub name: String,
    /// The same if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_as: Option<String>,
}

impl Column {
    /// What it is called in the file.
    pub fn title(&self) -> &str {
        self.export_as.as_deref().unwrap_or(&self.name)
    }
}

/// What became of a line of an import: written by the commit that holds the user, so that no line is worked on
/// twice. Those that went well are counted into the job, and gone then.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    /// What became of it.
    pub outcome: Outcome,
}

impl Record for Line {
    const TABLE: Table = Table::JobLine;
}

/// What became of a line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The user is new.
    Inserted,
    /// The user was there.
    Updated,
    /// The user was refused.
    Failed(Failure),
}

/// A user that was refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// What tells whom: never a hash, and no metadata.
    pub user: Map<String, Value>,
    /// What was wrong.
    pub errors: Vec<Fault>,
}

/// What is wrong with a user, in Auth0's codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The kind.
    pub code: String,
    /// What would be right.
    pub message: String,
    /// Which member.
    pub path: String,
}

/// The jobs of a tenant that are under way.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Places {
    /// At most [`AT_A_TIME`] that still count.
    pub taken: Vec<Place>,
}

impl Record for Places {
    const TABLE: Table = Table::JobPlaces;
}

/// One of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Place {
    /// The job's identity.
    pub id: String,
    /// Whether it is an import.
    pub imports: bool,
    /// When it counts no more, whatever became of it.
    pub until: Timestamp,
}

/// The key of a line; keys are in the order of lines.
pub fn numbered(number: u64) -> String {
    format!("{number:012}")
}

/// The key of a part of a job's file.
pub fn part_key(tenant: &str, id: &str, number: u64) -> Key {
    Key::new(Table::JobPart, &[tenant, id, &numbered(number)])
}
