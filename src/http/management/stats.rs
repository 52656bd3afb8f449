//! `/api/v2/stats` (contract, section 7.8).

use serde_json::{Value, json};

use super::endpoint::{Answer, Call, Endpoint, Gives, Resource};
use super::shape::{Field, Shape};
use crate::admin::stats;
use crate::http::error::management::Refused;
use crate::stats::{Daily, is_day};

const READ: &[&str] = &["read:stats"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/stats/active-users",
        "Returns how many users logged in within the last 30 days",
        READ,
        Gives::Number,
        |call| Box::pin(active_users(call)),
    ),
    Endpoint::get(
        "/stats/daily",
        "Lists what was counted on each day, in UTC; days of which there is nothing are left out",
        READ,
        Gives::All(&DAILY),
        |call| Box::pin(daily(call)),
    )
    .query(&[DAYS]),
];

const DAYS: &[Field] = &[
    Field::input(
        "from",
        Shape::Text(8),
        "The first day, as YYYYMMDD; 29 days ago if not said.",
    ),
    Field::input("to", Shape::Text(8), "The last day; today if not said."),
];

static DAILY: Resource = Resource {
    name: "DailyStats",
    fields: &[
        Field::output("date", Shape::Moment, "The day's beginning."),
        Field::output(
            "logins",
            Shape::Whole(0, i64::MAX),
            "Passwords that became tokens.",
        ),
        Field::output("signups", Shape::Whole(0, i64::MAX), "Users who signed up."),
        Field::output(
            "leaked_passwords",
            Shape::Whole(0, i64::MAX),
            "Always 0: this server does not look for them.",
        ),
        Field::output(
            "created_at",
            Shape::Moment,
            "The first event that was counted.",
        ),
        Field::output("updated_at", Shape::Moment, "The last."),
    ],
};

async fn active_users(call: Call) -> Result<Answer, Refused> {
    let count = stats::active_users(&call.server, &call.tenant.name).await?;
    Ok(Answer::One(count.into()))
}

async fn daily(call: Call) -> Result<Answer, Refused> {
    let (from, to) = (day(&call, "from")?, day(&call, "to")?);
    let found = stats::daily(&call.server, &call.tenant.name, from, to).await?;
    let days = found.iter().map(|(day, daily)| document(day, daily));
    Ok(Answer::All(days.collect()))
}

fn day<'a>(call: &'a Call, name: &str) -> Result<Option<&'a str>, Refused> {
    match call.query.text(name) {
        Some(text) if !is_day(text) => {
            let message = format!(
                "Query validation error: 'Not a day, such as 20261231' on property {name}."
            );
            Err(Refused::invalid_query(message))
        }
        text => Ok(text),
    }
}

fn document(day: &str, daily: &Daily) -> Value {
    let (month, date) = day.split_at_checked(6).unwrap_or((day, ""));
    let (year, month) = month.split_at_checked(4).unwrap_or((month, ""));
    json!({
        "date": format!("{year}-{month}-{date}T00:00:00.000Z"),
        "logins": daily.logins,
        "signups": daily.signups,
        "leaked_passwords": 0,
        "created_at": daily.created_at.to_string(),
        "updated_at": daily.updated_at.to_string(),
    })
}
