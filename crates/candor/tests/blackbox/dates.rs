//! HTTP dates (section 5.6.7) for the harness: the three forms, and counting in seconds.

use std::time::{SystemTime, UNIX_EPOCH};

const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Seconds since 1970, now.
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

/// The preferred form: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn imf(seconds: i64) -> String {
    let d = Parts::of(seconds);
    let (day, month) = (&DAYS[d.weekday][..3], MONTHS[d.month]);
    format!("{day}, {:02} {month} {:04} {:02}:{:02}:{:02} GMT", d.day, d.year, d.hour, d.minute, d.second)
}

/// The obsolete RFC 850 form: `Sunday, 06-Nov-94 08:49:37 GMT`.
pub(crate) fn rfc850(seconds: i64) -> String {
    let d = Parts::of(seconds);
    let (day, month, year) = (DAYS[d.weekday], MONTHS[d.month], d.year % 100);
    format!("{day}, {:02}-{month}-{year:02} {:02}:{:02}:{:02} GMT", d.day, d.hour, d.minute, d.second)
}

/// The form of C's `asctime`: `Sun Nov  6 08:49:37 1994`.
pub(crate) fn asctime(seconds: i64) -> String {
    let d = Parts::of(seconds);
    let (day, month) = (&DAYS[d.weekday][..3], MONTHS[d.month]);
    format!("{day} {month} {:2} {:02}:{:02}:{:02} {:04}", d.day, d.hour, d.minute, d.second, d.year)
}

/// RFC 3339, as configuration files write times: `1994-11-06T08:49:37Z`.
pub(crate) fn rfc3339(seconds: i64) -> String {
    let d = Parts::of(seconds);
    format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", d.year, d.month + 1, d.day, d.hour, d.minute, d.second)
}

/// Reads the preferred form, and only exactly that.
pub(crate) fn parse_imf(text: &str) -> Option<i64> {
    let numbers = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let month = MONTHS.iter().position(|m| text.get(8..11) == Some(m))? as i64 + 1;
    let (day, year) = (numbers(5..7)?, numbers(12..16)?);
    let days = days_from_civil(year, month, day);
    let seconds = days * 86400 + numbers(17..19)? * 3600 + numbers(20..22)? * 60 + numbers(23..25)?;
    (imf(seconds) == text).then_some(seconds)
}

struct Parts {
    year: i64,
    month: usize,
    day: i64,
    weekday: usize,
    hour: i64,
    minute: i64,
    second: i64,
}

impl Parts {
    fn of(seconds: i64) -> Parts {
        let (days, rest) = (seconds.div_euclid(86400), seconds.rem_euclid(86400));
        let year = (1970..).find(|&y| days_from_civil(y + 1, 1, 1) > days).unwrap();
        let month = (1..=12).rev().find(|&m| days_from_civil(year, m, 1) <= days).unwrap();
        Parts {
            year,
            month: month as usize - 1,
            day: days - days_from_civil(year, month, 1) + 1,
            weekday: days.rem_euclid(7) as usize,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
        }
    }
}

/// Days from 1970-01-01 to this date, which is not before it.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let leap = |y: i64| y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let years: i64 = (1970..year).map(|y| 365 + i64::from(leap(y))).sum();
    years + lengths.iter().take(month as usize - 1).sum::<i64>() + day - 1
}

#[test]
fn the_standards_example_in_all_forms() {
    let seconds = 784_111_777;
    assert_eq!(imf(seconds), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(rfc850(seconds), "Sunday, 06-Nov-94 08:49:37 GMT");
    assert_eq!(asctime(seconds), "Sun Nov  6 08:49:37 1994");
    assert_eq!(rfc3339(seconds), "1994-11-06T08:49:37Z");
    assert_eq!(parse_imf("Sun, 06 Nov 1994 08:49:37 GMT"), Some(seconds));
    assert_eq!(parse_imf("Mon, 06 Nov 1994 08:49:37 GMT"), None);
}
