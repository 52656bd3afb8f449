//! The tenant's log: what happened, in the words of Auth0's event types (contract, section 7.8).

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::random;
use crate::rule_host::Report;
use crate::store::{Batch, Error, Record, Records, Stored, Table};
use crate::tenant::TenantName;

/// How long an event is kept: Auth0's longest plan keeps them 30 days.
pub const RETENTION_SECS: u64 = 30 * 86_400;

/// The type codes that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventType {
    /// A password became a token.
    #[serde(rename = "sepft")]
    TokenIssued,
    /// A password did not become a token.
    #[serde(rename = "fepft")]
    TokenRefused,
    /// The password was wrong.
    #[serde(rename = "fp")]
    WrongPassword,
    /// No user answers to the name.
    #[serde(rename = "fu")]
    UnknownUser,
    /// A second factor was demanded.
    #[serde(rename = "mfar")]
    FactorRequired,
}

/// One event. Never holds a credential.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogEvent {
    /// Its identity; later events have greater ones.
    pub log_id: String,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// When.
    pub date: Timestamp,
    /// For people; more than the client was told.
    pub description: Option<String>,
    /// Who asked.
    pub client_id: String,
    /// About whom, if that is known.
    pub user_id: Option<String>,
    /// The connection that was asked, if it came so far.
    pub connection: Option<String>,
    /// The grant's wire name.
    pub grant_type: String,
    /// The API asked for.
    pub audience: Option<String>,
    /// The scopes granted, or those asked for if none were.
    pub scope: Option<String>,
    /// The peer's address.
    pub ip: String,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The host name that was asked.
    pub hostname: String,
    /// The exchange; the same id that its rules saw.
    pub exchange_id: String,
    /// What the rules did, and which set what.
    pub rules: Option<Report>,
}

impl Record for LogEvent {
    const TABLE: Table = Table::Log;
}

/// An identity for an event at `now`, ordered by time.
pub fn event_id(now: Timestamp) -> String {
    // Without randomness two events of one millisecond would share a record: one is lost, which a
    // log that may lag can bear, and no answer depends on it.
    let unique = random::id().unwrap_or_default();
    format!("{:014x}{unique}", now.as_millis())
}

/// Writes an event. It may lag by half a second, and is gone after [`RETENTION_SECS`].
pub async fn write(records: &Records, tenant: &TenantName, event: &LogEvent) -> Result<(), Error> {
    let expires_at = event.date.plus_secs(RETENTION_SECS);
    // Counted down, so that the newest events stand first and reading them needs no scan of all.
    let countdown = format!("{:016x}", u64::MAX - event.date.as_millis());
    let parts = [tenant.as_str(), &countdown, &event.log_id];
    let batch = Batch::relaxed().put_until(&parts, event, expires_at);
    records.commit(batch).await
}

/// The tenant's newest events, newest first: at most `limit`.
pub async fn newest(
    records: &Records,
    tenant: &TenantName,
    limit: usize,
) -> Result<Vec<LogEvent>, Error> {
    let newest: Vec<Stored<LogEvent>> = records.list(&[tenant.as_str()], limit).await?;
    Ok(newest.into_iter().map(|stored| stored.record).collect())
}
