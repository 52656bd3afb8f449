//! The tenant's log: what happened, in the words of Auth0's event types (contract, section 7.8).

mod countable;
mod event_log;
mod followers;
mod numbers;
mod redaction;
mod settings;

use serde::{Deserialize, Serialize};

pub use self::countable::{Countable, Kind};
pub use self::event_log::{EventLog, Part, older_than};
pub use self::followers::{Follower, StreamLimits, TooManyFollowers};
pub use self::settings::{LogSettings, Personal};
use crate::clock::Timestamp;
use crate::random::{self, NoRandomness};
use crate::rule_host::Report;
use crate::store::{Error, Record, Records, Stored, Table};
use crate::tenant::TenantName;

/// For how many days an event is kept whose tenant chose nothing: Auth0's longest plan keeps them 30.
pub const RETENTION_DAYS: u32 = 30;

/// The type codes that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventType {
    /// A password became a token.
    #[serde(rename = "sepft")]
    TokenIssued,
    /// A password did not become a token.
    #[serde(rename = "fepft")]
    TokenRefused,
    /// A refresh token became a token.
    #[serde(rename = "sertft")]
    Refreshed,
    /// A refresh token did not become a token.
    #[serde(rename = "fertft")]
    RefreshRefused,
    /// A rotating refresh token was used a second time.
    #[serde(rename = "ferrt")]
    RefreshTokenReused,
    /// A refresh token was handed back, or revoked by an administrator.
    #[serde(rename = "srrt")]
    RefreshTokenRevoked,
    /// The password was wrong.
    #[serde(rename = "fp")]
    WrongPassword,
    /// No user answers to the name.
    #[serde(rename = "fu")]
    UnknownUser,
    /// A client's own credentials became a token.
    #[serde(rename = "seccft")]
    MachineTokenIssued,
    /// They did not.
    #[serde(rename = "feccft")]
    MachineTokenRefused,
    /// A login was stopped after too many wrong passwords in a row.
    #[serde(rename = "limit_wc")]
    Blocked,
    /// A login was stopped after too many failures from its address.
    #[serde(rename = "limit_mu")]
    AddressStopped,
    /// A login was stopped after too many of its user from its address.
    #[serde(rename = "limit_sul")]
    TooManyLogins,
    /// The tenant used up what it may use in a second.
    #[serde(rename = "api_limit")]
    RateExceeded,
    /// A block was lifted.
    #[serde(rename = "ublkdu")]
    BlockLifted,
    /// Somebody signed up.
    #[serde(rename = "ss")]
    SignedUp,
    /// Somebody could not sign up.
    #[serde(rename = "fs")]
    SignUpRefused,
    /// Somebody asked for a link to a new password.
    #[serde(rename = "scpr")]
    ChangeRequested,
    /// Such a link could not be sent.
    #[serde(rename = "fcpr")]
    ChangeRequestRefused,
    /// A password was changed with a link.
    #[serde(rename = "scp")]
    PasswordChanged,
    /// A link did not change a password.
    #[serde(rename = "fcp")]
    PasswordChangeRefused,
    /// A user's e-mail address was changed.
    #[serde(rename = "sce")]
    EmailChanged,
    /// A user was deleted.
    #[serde(rename = "sdu")]
    UserDeleted,
    /// A file of users was worked through.
    #[serde(rename = "sui")]
    UsersImported,
    /// It could not be.
    #[serde(rename = "fui")]
    UsersNotImported,
    /// Something that an administrator should look at.
    #[serde(rename = "w")]
    Warning,
    /// A request to the management API changed something.
    #[serde(rename = "sapi")]
    Managed,
    /// An action failed, whether its failure ended the exchange or not.
    #[serde(rename = "actions_execution_failed")]
    ActionFailed,
    /// A second factor was demanded.
    #[serde(rename = "mfar")]
    FactorRequired,
}

impl EventType {
    /// Whether a token was issued.
    pub const fn is_issue(self) -> bool {
        matches!(
            self,
            Self::TokenIssued | Self::Refreshed | Self::MachineTokenIssued
        )
    }
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
    /// Where the user is: the address that the request came from, or the one that a trusted
    /// client said.
    pub ip: String,
    /// Where the client is, if it said where its user is.
    #[serde(default)]
    pub client_ip: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The host name that was asked.
    pub hostname: String,
    /// The exchange; the same id that its rules saw.
    pub exchange_id: String,
    /// What the rules did, and which set what.
    pub rules: Option<Report>,
    /// What was asked of the management API, if that is what happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<ApiRequest>,
    /// Whether nobody looks up what its user is called.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anonymous: bool,
    /// Its place in the order in which events were written; 0 in those of earlier versions.
    #[serde(default)]
    pub number: u64,
}

/// A request to the management API. Without query and body, which may say anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiRequest {
    /// `PATCH`, say.
    pub method: String,
    /// From `/api/v2` on.
    pub path: String,
    /// What was answered.
    pub status: u16,
}

impl Record for LogEvent {
    const TABLE: Table = Table::Log;
}

/// The longest text of a request that an event keeps, in characters.
const MAX_TEXT: usize = 1_000;

impl LogEvent {
    /// An event that no token request caused; what is known of it is filled in.
    pub fn new(event_type: EventType, date: Timestamp) -> Self {
        let log_id = event_id(date);
        Self {
            exchange_id: log_id.clone(),
            log_id,
            event_type,
            date,
            description: None,
            client_id: String::new(),
            user_id: None,
            connection: None,
            grant_type: String::new(),
            audience: None,
            scope: None,
            ip: String::new(),
            client_ip: None,
            user_agent: None,
            hostname: String::new(),
            rules: None,
            request: None,
            anonymous: false,
            number: 0,
        }
    }

    /// Cuts what the request sent, then, step by step and only as far as needed, what rules said:
    /// lines of their logs, values of their effects, effects, and at last the report itself.
    fn shrink_to(&mut self, most: usize) {
        let path = self.request.as_mut().map(|request| &mut request.path);
        let texts = [
            path,
            Some(&mut self.client_id),
            self.audience.as_mut(),
            self.scope.as_mut(),
            self.description.as_mut(),
        ];
        for text in texts.into_iter().flatten() {
            if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
                text.truncate(end);
            }
        }
        for step in [
            Report::keep_ten_lines,
            Report::drop_values,
            Report::drop_lines_and_effects,
        ] {
            if self.size() <= most {
                return;
            }
            if let Some(report) = &mut self.rules {
                step(report);
            }
        }
        if self.size() > most {
            self.rules = None;
        }
    }

    fn size(&self) -> usize {
        serde_json::to_vec(self).map_or(usize::MAX, |json| json.len())
    }
}

/// An identity for an event at `now`, ordered by time.
pub fn event_id(now: Timestamp) -> String {
    // Without randomness two events of one millisecond would share a record: one is lost, which a
    // log that may lag can bear, and no answer depends on it.
    exchange_id(now).unwrap_or_else(|_| time_part(now))
}

/// The same for what must not be another's: it is the `jti` of the token that comes of the exchange.
pub fn exchange_id(now: Timestamp) -> Result<String, NoRandomness> {
    Ok(format!("{}{}", time_part(now), random::id()?))
}

/// Sorts as time does.
fn time_part(at: Timestamp) -> String {
    format!("{:014x}", at.as_millis())
}

/// Counted down, so that the newest events stand first and reading them needs no scan of all.
fn countdown(at: Timestamp) -> String {
    format!("{:016x}", u64::MAX - at.as_millis())
}

/// The event of an identity: when it happened is part of that, so this is one read.
pub async fn find(
    records: &Records,
    tenant: &TenantName,
    log_id: &str,
) -> Result<Option<LogEvent>, Error> {
    let Some(at) = time_of(log_id) else {
        return Ok(None);
    };
    let countdown = countdown(at);
    let parts = [tenant.as_str(), &countdown, log_id];
    let found: Option<Stored<LogEvent>> = records.get(&parts).await?;
    Ok(found.map(|stored| stored.record))
}

/// When the event of an identity happened; none if it is none.
fn time_of(log_id: &str) -> Option<Timestamp> {
    let millis = u64::from_str_radix(log_id.get(..14)?, 16).ok()?;
    Some(Timestamp::from_millis(millis))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule_host::{Level, LogLine, Outcome, RuleReport};
    use crate::store::MAX_VALUE_BYTES;

    fn event(lines: usize, audience: usize) -> LogEvent {
        let line = LogLine {
            level: Level::Info,
            message: "x".repeat(1024),
        };
        let rule = RuleReport {
            rule: "verbose".to_owned(),
            action: None,
            version: 1,
            outcome: Outcome::Allowed,
            effects: Vec::new(),
            logs: vec![line; lines],
            logs_dropped: 3,
            fetches: Vec::new(),
            keys_read: Vec::new(),
            fuel: 0,
            memory_bytes: 0,
            duration_us: 0,
        };
        LogEvent {
            log_id: event_id(Timestamp::from_millis(1)),
            event_type: EventType::TokenRefused,
            date: Timestamp::from_millis(1),
            description: None,
            client_id: "client".to_owned(),
            user_id: None,
            connection: None,
            grant_type: "password".to_owned(),
            audience: Some("ä".repeat(audience)),
            scope: None,
            ip: "::1".to_owned(),
            client_ip: None,
            user_agent: None,
            hostname: "acme.localhost".to_owned(),
            exchange_id: String::new(),
            rules: Some(Report {
                rules: vec![rule],
                provenance: Vec::new(),
                recording: Default::default(),
            }),
            request: None,
            anonymous: false,
            number: 0,
        }
    }

    #[test]
    fn an_event_that_fits_keeps_every_line() {
        let mut small = event(20, 100);
        small.shrink_to(MAX_VALUE_BYTES);
        assert_eq!(
            small
                .rules
                .as_ref()
                .map(|report| report.rules[0].logs.len()),
            Some(20)
        );
    }

    #[test]
    fn an_event_that_does_not_fit_loses_lines_and_says_how_many() {
        let mut large = event(200, 60_000);
        large.shrink_to(MAX_VALUE_BYTES);
        assert!(large.size() <= MAX_VALUE_BYTES);
        assert_eq!(
            large.audience.as_ref().map(|text| text.chars().count()),
            Some(MAX_TEXT)
        );
        let rule = &large.rules.as_ref().unwrap().rules[0];
        assert_eq!((rule.logs.len(), rule.logs_dropped), (10, 193));
        large.shrink_to(1_000);
        assert_eq!(large.rules, None);
    }
}
