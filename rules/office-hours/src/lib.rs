//! No token outside the office hours of the tenant's time zone.

mod hours;

use guest::{Denial, Effect, Exchange, Rule};
use hours::OfficeHours;
use jiff::{Timestamp, tz::TimeZoneDatabase};

struct OfficeHoursOnly;
guest::export!(OfficeHoursOnly);

impl Rule for OfficeHoursOnly {
    fn decide(exchange: Exchange) -> Result<Vec<Effect>, Denial> {
        let hours = guest::required_setting("OFFICE_HOURS")?;
        let Some(hours) = OfficeHours::parse(&hours) else {
            return Err(guest::misconfigured(
                "OFFICE_HOURS",
                "is not like `Mon-Fri 08:00-18:00, Sat 09:00-13:00`",
            ));
        };
        let zone = guest::required_setting("TIME_ZONE")?;
        let Ok(zone) = TimeZoneDatabase::bundled().get(zone.trim()) else {
            return Err(guest::misconfigured(
                "TIME_ZONE",
                "is not an IANA time zone like `Europe/Berlin`",
            ));
        };
        let now = i64::try_from(exchange.now)
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok());
        // What a clock on the office's wall shows: summer time is the zone's business.
        let is_open = now.map(|now| zone.to_datetime(now)).is_some_and(|wall| {
            let day = wall.weekday().to_monday_zero_offset().unsigned_abs();
            let minute = u16::from(wall.hour().unsigned_abs()) * 60
                + u16::from(wall.minute().unsigned_abs());
            hours.contain(day, minute)
        });
        if is_open {
            Ok(vec![])
        } else {
            Err(guest::deny(
                "access_denied",
                "logins are possible during office hours only",
            ))
        }
    }
}
