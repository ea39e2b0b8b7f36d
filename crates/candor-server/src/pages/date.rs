//! Times as people and programs read them: RFC 3339, always UTC.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SECONDS_PER_DAY: i64 = 86_400;

/// A moment, to the second, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    year: i64,
    month: i64,
    day: i64,
    /// Second of the day.
    second: i64,
}

impl Moment {
    /// The moment of a system time; fractions of a second are dropped.
    pub fn of(time: SystemTime) -> Moment {
        let seconds = match time.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds),
        };
        let (year, month, day) = civil(seconds.div_euclid(SECONDS_PER_DAY));
        Moment { year, month, day, second: seconds.rem_euclid(SECONDS_PER_DAY) }
    }

    /// Date and minute for the eye, such as "2026-11-24 23:17".
    pub fn to_minute(self) -> String {
        let Moment { year, month, day, second } = self;
        format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", second / 3600, second / 60 % 60)
    }

    /// The date alone, such as "2026-11-24".
    pub fn to_day(self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// RFC 3339, such as `2026-11-24T23:17:05Z`.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Moment { year, month, day, second } = self;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar. Counted in eras of 400 years
/// that begin in March, so that the leap day is the last of its year.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day.saturating_add(719_468);
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// A wait in words: "45 seconds", "about 12 minutes", "about 3 hours", "about 2 days".
pub fn wait(wait: Duration) -> String {
    let seconds = wait.as_secs();
    let (number, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7_200 => (seconds.div_ceil(60), "minute"),
        7_200..172_800 => (seconds.div_ceil(3_600), "hour"),
        _ => (seconds.div_ceil(86_400), "day"),
    };
    let about = if unit == "second" { "" } else { "about " };
    let plural = if number == 1 { "" } else { "s" };
    format!("{about}{number} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_calendar() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (1_795_562_225, "2026-11-24T23:17:05Z"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(Moment::of(UNIX_EPOCH + Duration::from_secs(seconds)).to_string(), expected);
        }
        assert_eq!(Moment::of(UNIX_EPOCH - Duration::from_secs(1)).to_string(), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn agrees_with_the_date_field_of_http() {
        for day in (0..60_000).step_by(37) {
            let time = UNIX_EPOCH + Duration::from_secs(day * 86_400);
            assert_eq!(Moment::of(time).to_day(), day_by_httpdate(time));
        }
    }

    /// The day by way of the `httpdate` crate, as an independent witness.
    fn day_by_httpdate(time: SystemTime) -> String {
        let text = httpdate::fmt_http_date(time);
        let parts: Vec<&str> = text.split(' ').collect();
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let month = months.iter().position(|&month| month == parts[2]).unwrap() + 1;
        format!("{}-{month:02}-{}", parts[3], parts[1])
    }

    #[test]
    fn waits_in_words() {
        let words = |seconds| wait(Duration::from_secs(seconds));
        assert_eq!(words(0), "0 seconds");
        assert_eq!(words(1), "1 second");
        assert_eq!(words(119), "119 seconds");
        assert_eq!(words(120), "about 2 minutes");
        assert_eq!(words(7_200), "about 2 hours");
        assert_eq!(words(172_801), "about 3 days");
    }
}
