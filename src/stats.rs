//! Counts of what happened: for each day, and of the users who were here lately (contract, section 7.8).

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::store::{Record, Table};

/// Over how many days a user who logged in is active, the present one included.
pub const ACTIVE_DAYS: u64 = 30;

/// For how many days counts are kept: two years.
pub const KEPT_DAYS: u64 = 731;

/// The seconds of a day.
pub const DAY_SECS: u64 = 86_400;

/// What happened on a day, in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Daily {
    /// Passwords that became tokens.
    pub logins: u64,
    /// Users who signed up.
    pub signups: u64,
    /// Users whose last login was on this day.
    pub last_seen: u64,
    /// The first event that was counted.
    pub created_at: Timestamp,
    /// The last.
    pub updated_at: Timestamp,
}

impl Record for Daily {
    const TABLE: Table = Table::DailyStats;
}

impl Daily {
    /// A day on which something happened first at this moment.
    pub fn begun(at: Timestamp) -> Self {
        Self {
            logins: 0,
            signups: 0,
            last_seen: 0,
            created_at: at,
            updated_at: at,
        }
    }
}

/// The day of a user's last login that was counted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LastSeen {
    /// As [`day_of`] writes it.
    pub day: String,
}

impl Record for LastSeen {
    const TABLE: Table = Table::LastSeen;
}

/// How far the log has been counted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Counted {
    /// The number of the first event that was not.
    pub next: u64,
}

impl Record for Counted {
    const TABLE: Table = Table::StatsCursor;
}

/// `YYYYMMDD`, which sorts as time does.
pub fn day_of(at: Timestamp) -> String {
    at.to_string()
        .chars()
        .filter(char::is_ascii_digit)
        .take(8)
        .collect()
}

/// Whether a text could be that of a day.
pub fn is_day(text: &str) -> bool {
    let part = |from: usize, to: usize| text.get(from..to).and_then(|part| part.parse::<u8>().ok());
    text.len() == 8
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && part(4, 6).is_some_and(|month| (1..=12).contains(&month))
        && part(6, 8).is_some_and(|day| (1..=31).contains(&day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_eight_digits() {
        assert_eq!(
            day_of(Timestamp::from_millis(1_795_435_200_000)),
            "20261123"
        );
        for (text, is) in [
            ("20261123", true),
            ("2026112", false),
            ("202611230", false),
            ("20261323", false),
            ("20261100", false),
            ("2026112x", false),
            ("2026-1-1", false),
            ("", false),
        ] {
            assert_eq!(is_day(text), is, "{text}");
        }
    }
}
