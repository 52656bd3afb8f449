//! `Mon-Fri 08:00-18:00, Sat 09:00-13:00`: which minutes of the week these are.

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MINUTES_OF_A_DAY: u16 = 24 * 60;

pub(crate) struct OfficeHours(Vec<Shift>);

/// The same hours on some days. They end on the next day if they end no later than they start.
struct Shift {
    /// The first and the last day, 0 is Monday; `Sat-Mon` is three days.
    days: (u8, u8),
    /// Minutes since midnight; the last one is no longer part of it.
    opens: u16,
    closes: u16,
}

impl OfficeHours {
    /// Reads shifts separated by commas; none if any of them is malformed.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        text.split(',')
            .map(Shift::parse)
            .collect::<Option<Vec<_>>>()
            .map(Self)
    }

    /// Whether the office is open at this minute of this day (0 is Monday).
    pub(crate) fn contain(&self, day: u8, minute: u16) -> bool {
        self.0.iter().any(|shift| shift.contains(day, minute))
    }
}

impl Shift {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let (days, hours, None) = (words.next()?, words.next()?, words.next()) else {
            return None;
        };
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        let (opens, closes) = hours.split_once('-')?;
        let (opens, closes) = (parse_minute(opens)?, parse_minute(closes)?);
        // `08:00-08:00` may mean always or never, and nobody opens at `24:00`.
        if opens == closes || opens == MINUTES_OF_A_DAY {
            return None;
        }
        Some(Self {
            days: (parse_day(first)?, parse_day(last)?),
            opens,
            closes,
        })
    }

    fn contains(&self, day: u8, minute: u16) -> bool {
        if self.opens < self.closes {
            return self.starts_on(day) && (self.opens..self.closes).contains(&minute);
        }
        // Over midnight: the small hours belong to the day before.
        let yesterday = (day + 6) % 7;
        self.starts_on(day) && minute >= self.opens
            || self.starts_on(yesterday) && minute < self.closes
    }

    fn starts_on(&self, day: u8) -> bool {
        let (first, last) = self.days;
        if first <= last {
            (first..=last).contains(&day)
        } else {
            day >= first || day <= last
        }
    }
}

fn parse_day(name: &str) -> Option<u8> {
    let day = DAYS.iter().position(|day| day.eq_ignore_ascii_case(name))?;
    u8::try_from(day).ok()
}

/// `HH:MM`, from `00:00` to `24:00`, as minutes since midnight.
fn parse_minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let minutes =
        parse_two_digits(hour)? * 60 + parse_two_digits(minute).filter(|minute| *minute < 60)?;
    (minutes <= MINUTES_OF_A_DAY).then_some(minutes)
}

fn parse_two_digits(text: &str) -> Option<u16> {
    // `u16::from_str` alone would take `+8`.
    let is_two_digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_two_digits.then(|| text.parse().ok()).flatten()
}
