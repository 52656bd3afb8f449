//! What a clock on the wall shows in a time zone. The zones are those this server was built with, so that a past
//! exchange comes out the same on every machine.

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use serde_json::json;

/// `[zone, milliseconds since the Unix epoch]` → the clock, or nothing if there is no such zone.
pub(super) fn zone(text: &str) -> Result<String, String> {
    let (zone, milliseconds): (String, i64) =
        serde_json::from_str(text).map_err(|e| e.to_string())?;
    let Ok(zone) = TimeZoneDatabase::bundled().get(&zone) else {
        return Ok(String::new());
    };
    let at = Timestamp::from_millisecond(milliseconds).map_err(|e| e.to_string())?;
    let clock = at.to_zoned(zone);
    let offset = clock.offset();
    let name = clock.strftime("%Z").to_string();
    let shown = json!({
        "year": clock.year(),
        "month": clock.month(),
        "day": clock.day(),
        "weekday": clock.weekday().to_sunday_zero_offset(),
        "hour": clock.hour(),
        "minute": clock.minute(),
        "second": clock.second(),
        "millisecond": clock.millisecond(),
        "offset": offset.seconds() / 60,
        "name": name,
    });
    Ok(shown.to_string())
}
