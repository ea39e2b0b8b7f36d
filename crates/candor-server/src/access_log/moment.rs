//! Moments as lines spell them. The second is spelled once and kept, since many lines fall into one.

use std::time::{Duration, SystemTime};

/// A second in both spellings, in UTC.
#[derive(Debug, Default)]
pub(super) struct Moment {
    second: Option<u64>,
    clf: String,
    rfc3339: String,
}

impl Moment {
    /// Turns to `time`; gives what is beyond the full second. Moments before 1970 are taken for its beginning.
    pub(super) fn turn_to(&mut self, time: SystemTime) -> Duration {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        if self.second != Some(since.as_secs()) {
            self.spell(since.as_secs());
        }
        Duration::from_nanos(u64::from(since.subsec_nanos()))
    }

    fn spell(&mut self, second: u64) {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let (year, month, day) = civil(second / 86_400);
        let (hour, minute, rest) = (second / 3600 % 24, second / 60 % 60, second % 60);
        let name = MONTHS.get(month.saturating_sub(1)).unwrap_or(&"Jan");
        self.clf = format!("{day:02}/{name}/{year:04}:{hour:02}:{minute:02}:{rest:02} +0000");
        self.rfc3339 = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{rest:02}");
        self.second = Some(second);
    }

    /// As the common log format has it: `03/Oct/2026:12:00:00 +0000`.
    pub(super) fn clf(&self) -> &str {
        &self.clf
    }

    /// As RFC 3339 has it, up to the full second and without a zone: `2026-10-03T12:00:00`.
    pub(super) fn rfc3339(&self) -> &str {
        &self.rfc3339
    }
}

/// Year, month and day of a number of days since 1970-01-01 in the Gregorian calendar. Years are counted from
/// March here, so that the leap day is the last of a year, and in cycles of 400, which all have the same length.
fn civil(days: u64) -> (u64, usize, u64) {
    const CYCLE: u64 = 146_097;
    let days = days.saturating_add(719_468);
    let (cycle, day) = (days / CYCLE, days % CYCLE);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = cycle * 400 + year + u64::from(month <= 2);
    (year, month as usize, day - (153 * from_march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        for (second, clf, rfc3339) in [
            (0, "01/Jan/1970:00:00:00 +0000", "1970-01-01T00:00:00"),
            (784_111_777, "06/Nov/1994:08:49:37 +0000", "1994-11-06T08:49:37"),
            (951_782_400, "29/Feb/2000:00:00:00 +0000", "2000-02-29T00:00:00"),
            (1_709_251_199, "29/Feb/2024:23:59:59 +0000", "2024-02-29T23:59:59"),
            (4_107_542_400, "01/Mar/2100:00:00:00 +0000", "2100-03-01T00:00:00"),
            (253_402_300_799, "31/Dec/9999:23:59:59 +0000", "9999-12-31T23:59:59"),
        ] {
            let mut moment = Moment::default();
            let time = SystemTime::UNIX_EPOCH + Duration::new(second, 123_456_789);
            assert_eq!(moment.turn_to(time), Duration::from_nanos(123_456_789));
            assert_eq!((moment.clf(), moment.rfc3339()), (clf, rfc3339));
        }
    }

    #[test]
    fn every_day_agrees_with_another_calendar() {
        let mut moment = Moment::default();
        for day in 0..80_000u64 {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(day * 86_400);
            moment.turn_to(time);
            // Sun, 06 Nov 1994 08:49:37 GMT
            let known = httpdate::fmt_http_date(time);
            let expected = format!("{}/{}/{}:00:00:00 +0000", &known[5..7], &known[8..11], &known[12..16]);
            assert_eq!(moment.clf(), expected);
        }
    }

    #[test]
    fn a_moment_before_the_epoch_is_no_harm() {
        let mut moment = Moment::default();
        moment.turn_to(SystemTime::UNIX_EPOCH - Duration::from_secs(5));
        assert_eq!(moment.rfc3339(), "1970-01-01T00:00:00");
    }
}
