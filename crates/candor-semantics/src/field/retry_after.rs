//! `Retry-After` (section 10.2.3): when to come back.
//!
//! Grammar: `HTTP-date / 1*DIGIT`. Examples: `Retry-After: 120`, `Retry-After: Fri, 31 Dec 1999 23:59:59 GMT`. candor
//! writes seconds only.

use bytes::Bytes;

use super::grammar::saturating_number;
use super::http_date::HttpDate;

/// When to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// After so many seconds.
    Seconds(u64),
    /// At a moment.
    Date(HttpDate),
}

impl RetryAfter {
    /// Reads a field value; `None` if it is neither form.
    ///
    /// ```
    /// use candor_semantics::field::{http_date::HttpDate, retry_after::RetryAfter};
    /// let now = HttpDate::from_unix(1_700_000_000);
    /// assert_eq!(RetryAfter::parse(b"120", now), Some(RetryAfter::Seconds(120)));
    /// assert_eq!(RetryAfter::parse(b"soon", now), None);
    /// ```
    pub fn parse(value: &[u8], now: HttpDate) -> Option<RetryAfter> {
        saturating_number(value)
            .map(RetryAfter::Seconds)
            .or_else(|| HttpDate::parse(value, now).map(RetryAfter::Date))
    }

    /// Seconds from now; 0 for a date that has passed.
    pub fn delay(self, now: HttpDate) -> u64 {
        match self {
            RetryAfter::Seconds(seconds) => seconds,
            RetryAfter::Date(date) => date.since(now),
        }
    }
}

/// The field value for so many seconds.
pub fn write(seconds: u64) -> Bytes {
    seconds.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        let now = HttpDate::parse_fixdate(b"Fri, 31 Dec 1999 23:59:00 GMT").unwrap();
        for (value, delay) in [
            ("120", Some(120)),
            ("0", Some(0)),
            ("99999999999999999999", Some(u64::MAX)),
            ("Fri, 31 Dec 1999 23:59:59 GMT", Some(59)),
            ("Wed, 01 Dec 1999 00:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
            ("1.5", None),
            ("120, 240", None),
            ("", None),
        ] {
            assert_eq!(RetryAfter::parse(value.as_bytes(), now).map(|r| r.delay(now)), delay, "{value}");
        }
        assert_eq!(RetryAfter::parse(&write(7), now), Some(RetryAfter::Seconds(7)));
    }
}
