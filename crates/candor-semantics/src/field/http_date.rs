//! Dates in fields (section 5.6.7), in seconds: `Date`, `Last-Modified`, `Expires` and the preconditions.
//!
//! Grammar: IMF-fixdate, or one of two obsolete forms that a recipient must still read. Examples:
//! `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`. Case counts. The
//! day of the week must be one, but need not be the right one. A 60th second is read as the next minute's first.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::grammar::{Cursor, exact_number};

/// A moment in whole seconds since the start of 1970, UTC. What lies before is read as that start; nothing on
/// the web was changed earlier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HttpDate(u64);

const DAY: u64 = 86_400;
const LAST: u64 = 253_402_300_799; // 9999-12-31T23:59:59, the last date with four digits for its year
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const LONG_DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl HttpDate {
    /// The date so many seconds after the start of 1970; after the year 9999 the last second of that year.
    pub const fn from_unix(seconds: u64) -> HttpDate {
        HttpDate(if seconds > LAST { LAST } else { seconds })
    }

    /// Seconds since the start of 1970.
    pub const fn unix(self) -> u64 {
        self.0
    }

    /// Reads a date in any of the three forms. `now` tells the century of a year with two digits: one that would
    /// lie more than 50 years ahead is the latest such year in the past (section 5.6.7).
    ///
    /// ```
    /// use candor_semantics::field::http_date::HttpDate;
    /// let now = HttpDate::from_unix(1_700_000_000);
    /// let date = HttpDate::from_unix(784_111_777);
    /// assert_eq!(HttpDate::parse(b"Sun, 06 Nov 1994 08:49:37 GMT", now), Some(date));
    /// assert_eq!(HttpDate::parse(b"Sunday, 06-Nov-94 08:49:37 GMT", now), Some(date));
    /// assert_eq!(HttpDate::parse(b"Sun Nov  6 08:49:37 1994", now), Some(date));
    /// assert_eq!(date.to_string(), "Sun, 06 Nov 1994 08:49:37 GMT");
    /// ```
    pub fn parse(value: &[u8], now: HttpDate) -> Option<HttpDate> {
        HttpDate::parse_fixdate(value).or_else(|| rfc850(value, now)).or_else(|| asctime(value))
    }

    /// Reads IMF-fixdate only, where a field allows nothing else.
    pub fn parse_fixdate(value: &[u8]) -> Option<HttpDate> {
        let mut cursor = Cursor::new(value);
        name(&mut cursor, &DAYS)?;
        literal(&mut cursor, b", ")?;
        let day = digits(&mut cursor, 2)?;
        literal(&mut cursor, b" ")?;
        let month = name(&mut cursor, &MONTHS)?;
        literal(&mut cursor, b" ")?;
        let year = digits(&mut cursor, 4)?;
        literal(&mut cursor, b" ")?;
        let time = time_of_day(&mut cursor)?;
        literal(&mut cursor, b" GMT")?;
        cursor.is_end().then(|| moment(year, month, day, time))?
    }

    /// The date as IMF-fixdate.
    pub fn to_fixdate(self) -> [u8; 29] {
        let civil = Civil::of(self.0 / DAY);
        let second = self.0 % DAY;
        let weekday = DAYS.get(usize::try_from((self.0 / DAY + 3) % 7).unwrap_or(0)).unwrap_or(&"Mon");
        let month = MONTHS.get(usize::try_from(civil.month).unwrap_or(0)).unwrap_or(&"Jan");
        let mut text = *b"Mon, 00 Jan 0000 00:00:00 GMT";
        put(&mut text, 0, weekday.as_bytes());
        put(&mut text, 5, &two(civil.day));
        put(&mut text, 8, month.as_bytes());
        put(&mut text, 12, &two(civil.year / 100));
        put(&mut text, 14, &two(civil.year % 100));
        put(&mut text, 17, &two(second / 3600));
        put(&mut text, 20, &two(second / 60 % 60));
        put(&mut text, 23, &two(second % 60));
        text
    }

    /// The date this many seconds later.
    #[must_use]
    pub const fn plus(self, seconds: u64) -> HttpDate {
        HttpDate::from_unix(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to this date; 0 if it is not earlier.
    pub const fn since(self, earlier: HttpDate) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl From<SystemTime> for HttpDate {
    /// Fractions of a second are cut off.
    fn from(time: SystemTime) -> HttpDate {
        HttpDate::from_unix(time.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()))
    }
}

impl From<HttpDate> for SystemTime {
    fn from(date: HttpDate) -> SystemTime {
        UNIX_EPOCH.checked_add(Duration::from_secs(date.0)).unwrap_or(UNIX_EPOCH)
    }
}

impl fmt::Display for HttpDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.to_fixdate()).unwrap_or_default())
    }
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`.
fn rfc850(value: &[u8], now: HttpDate) -> Option<HttpDate> {
    let mut cursor = Cursor::new(value);
    name(&mut cursor, &LONG_DAYS)?;
    literal(&mut cursor, b", ")?;
    let day = digits(&mut cursor, 2)?;
    literal(&mut cursor, b"-")?;
    let month = name(&mut cursor, &MONTHS)?;
    literal(&mut cursor, b"-")?;
    let short = digits(&mut cursor, 2)?;
    literal(&mut cursor, b" ")?;
    let time = time_of_day(&mut cursor)?;
    literal(&mut cursor, b" GMT")?;
    cursor.is_end().then(|| nearest_century(short, month, day, time, now))?
}

/// `Sun Nov  6 08:49:37 1994`.
fn asctime(value: &[u8]) -> Option<HttpDate> {
    let mut cursor = Cursor::new(value);
    name(&mut cursor, &DAYS)?;
    literal(&mut cursor, b" ")?;
    let month = name(&mut cursor, &MONTHS)?;
    literal(&mut cursor, b" ")?;
    let day = if cursor.eat(b' ') { digits(&mut cursor, 1)? } else { digits(&mut cursor, 2)? };
    literal(&mut cursor, b" ")?;
    let time = time_of_day(&mut cursor)?;
    literal(&mut cursor, b" ")?;
    let year = digits(&mut cursor, 4)?;
    cursor.is_end().then(|| moment(year, month, day, time))?
}

/// The latest year ending in these two digits that is not more than 50 years after now, to the second.
fn nearest_century(short: u64, month: u64, day: u64, time: u64, now: HttpDate) -> Option<HttpDate> {
    let today = Civil::of(now.0 / DAY);
    let limit = today.year + 50;
    let year = limit - (limit + 100 - short) % 100;
    let here = (month, day, time);
    let there = (today.month, today.day, now.0 % DAY);
    let year = if year == limit && here > there { year - 100 } else { year };
    moment(year, month, day, time)
}

/// `hour ":" minute ":" second`, as seconds of the day.
fn time_of_day(cursor: &mut Cursor<'_>) -> Option<u64> {
    let hour = digits(cursor, 2)?;
    literal(cursor, b":")?;
    let minute = digits(cursor, 2)?;
    literal(cursor, b":")?;
    let second = digits(cursor, 2)?;
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3600 + minute * 60 + second)
}

fn digits(cursor: &mut Cursor<'_>, count: usize) -> Option<u64> {
    let (digits, rest) = cursor.rest().split_at_checked(count)?;
    *cursor = Cursor::new(rest);
    exact_number(digits)
}

fn literal(cursor: &mut Cursor<'_>, text: &[u8]) -> Option<()> {
    *cursor = Cursor::new(cursor.rest().strip_prefix(text)?);
    Some(())
}

/// The position of the name in `names` that comes next.
fn name(cursor: &mut Cursor<'_>, names: &[&str]) -> Option<u64> {
    let position = names.iter().position(|name| cursor.rest().starts_with(name.as_bytes()))?;
    literal(cursor, names.get(position)?.as_bytes())?;
    u64::try_from(position).ok()
}

/// A date from its parts, `month` from 0; `None` for days that month does not have.
fn moment(year: u64, month: u64, day: u64, time: u64) -> Option<HttpDate> {
    if day == 0 || day > days_in_month(year, month) {
        return None;
    }
    let days = days_before(year, month, day);
    Some(HttpDate::from_unix(days.map_or(0, |days| days * DAY + time)))
}

fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        1 if is_leap(year) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// Days from the start of year 0 to the start of 1970.
const EPOCH_DAYS: u64 = 719_528;

/// Days since the start of 1970; `None` before it.
fn days_before(year: u64, month: u64, day: u64) -> Option<u64> {
    let leaps = year.div_ceil(4) - year.div_ceil(100) + year.div_ceil(400);
    let months: u64 = (0..month).map(|m| days_in_month(year, m)).sum();
    (year * 365 + leaps + months + day - 1).checked_sub(EPOCH_DAYS)
}

/// A day of the calendar; months count from 0, days from 1.
struct Civil {
    year: u64,
    month: u64,
    day: u64,
}

impl Civil {
    /// The day so many days after the start of 1970. Counts years from March, so that the day a leap year adds
    /// is a year's last.
    fn of(days: u64) -> Civil {
        let days = days + EPOCH_DAYS - 60;
        let (era, in_era) = (days / 146_097, days % 146_097);
        let year_of_era = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
        let in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * in_year + 2) / 153;
        let day = in_year - (153 * from_march + 2) / 5 + 1;
        let month = (from_march + 2) % 12;
        let year = era * 400 + year_of_era + u64::from(month < 2);
        Civil { year, month, day }
    }
}

fn two(number: u64) -> [u8; 2] {
    [number / 10 % 10, number % 10].map(|digit| b'0' + u8::try_from(digit).unwrap_or(0))
}

fn put(text: &mut [u8; 29], start: usize, part: &[u8]) {
    for (target, source) in text.iter_mut().skip(start).zip(part) {
        *target = *source;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: HttpDate = HttpDate(1_790_000_000); // 2026-09-21

    #[test]
    fn the_three_forms() {
        let moment = Some(784_111_777);
        for (text, expected) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", moment),
            ("Sunday, 06-Nov-94 08:49:37 GMT", moment),
            ("Sun Nov  6 08:49:37 1994", moment),
            ("Sun Nov 06 08:49:37 1994", moment),
            ("Mon, 06 Nov 1994 08:49:37 GMT", moment),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Wed, 31 Dec 1969 23:59:59 GMT", Some(0)),
            ("Sat, 01 Jan 0000 00:00:00 GMT", Some(0)),
            ("Thu, 31 Dec 2099 23:59:59 GMT", Some(4_102_444_799)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(LAST)),
            ("Thu, 29 Feb 2024 00:00:00 GMT", Some(1_709_164_800)),
            ("Fri, 30 Jun 2023 23:59:60 GMT", Some(1_688_169_600)),
            ("Wed, 29 Feb 2023 00:00:00 GMT", None),
            ("Wed, 29 Feb 2100 00:00:00 GMT", None),
            ("Wed, 31 Apr 2023 00:00:00 GMT", None),
            ("Wed, 00 Apr 2023 00:00:00 GMT", None),
            ("Sun, 06 Nov 1994 24:00:00 GMT", None),
            ("Sun, 06 Nov 1994 08:60:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49:61 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 UTC", None),
            ("Sun, 06 Nov 1994 08:49:37 +0000", None),
            ("Sun, 06 Nov 1994 08:49:37", None),
            ("Sun, 06 Nov 1994 08:49:37 GMT ", None),
            ("Sun, 6 Nov 1994 08:49:37 GMT", None),
            ("sun, 06 nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 94 08:49:37 GMT", None),
            ("Sun, 06-Nov-94 08:49:37 GMT", None),
            ("Sunday, 06-Nov-1994 08:49:37 GMT", None),
            ("Xxx, 06 Nov 1994 08:49:37 GMT", None),
            ("Sun Nov 6 08:49:37 1994", None),
            ("784111777", None),
            ("", None),
            ("nonsense", None),
        ] {
            assert_eq!(HttpDate::parse(text.as_bytes(), NOW).map(HttpDate::unix), expected, "{text}");
        }
    }

    #[test]
    fn years_of_two_digits_lie_at_most_fifty_years_ahead() {
        let now = HttpDate::parse_fixdate(b"Mon, 21 Sep 2026 12:00:00 GMT").unwrap();
        for (text, expected) in [
            ("Monday, 21-Sep-76 12:00:00 GMT", "2076"),
            ("Monday, 21-Sep-76 12:00:01 GMT", "1976"),
            ("Monday, 01-Jan-76 00:00:00 GMT", "2076"),
            ("Monday, 01-Jan-77 00:00:00 GMT", "1977"),
            ("Monday, 01-Jan-26 00:00:00 GMT", "2026"),
            ("Monday, 01-Jan-00 00:00:00 GMT", "2000"),
            ("Monday, 31-Dec-99 00:00:00 GMT", "1999"),
        ] {
            let found = HttpDate::parse(text.as_bytes(), now).unwrap().to_string();
            assert_eq!(found.get(12..16), Some(expected), "{text}");
        }
        let late = HttpDate::parse_fixdate(b"Thu, 01 Jan 2099 00:00:00 GMT").unwrap();
        let found = HttpDate::parse(b"Monday, 01-Jan-05 00:00:00 GMT", late).unwrap().to_string();
        assert_eq!(found.get(12..16), Some("2105"));
    }

    #[test]
    fn the_end_of_time_is_written() {
        assert_eq!(HttpDate::from_unix(u64::MAX).to_string(), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(HttpDate::default().to_string(), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(NOW.plus(10).since(NOW), 10);
        assert_eq!(NOW.since(NOW.plus(10)), 0);
    }

    proptest! {
        #[test]
        fn writing_round_trips_and_agrees_with_a_peer(seconds in 0..=LAST) {
            let date = HttpDate::from_unix(seconds);
            prop_assert_eq!(HttpDate::parse(&date.to_fixdate(), NOW), Some(date));
            let peer = httpdate::fmt_http_date(SystemTime::from(date));
            prop_assert_eq!(date.to_string(), peer);
        }

        #[test]
        fn reading_agrees_with_a_peer(year in 1970_u32..=9999, month in 0_usize..12, day in 1_u32..=31, time in 0_u32..86_400) {
            let text = format!("Mon, {day:02} {} {year:04} {:02}:{:02}:{:02} GMT", MONTHS[month], time / 3600, time / 60 % 60, time % 60);
            if let Some(date) = HttpDate::parse(text.as_bytes(), NOW) {
                prop_assert_eq!(&date.to_string()[5..], &text[5..]);
            } else {
                prop_assert!(day > 28);
            }
        }
    }
}
