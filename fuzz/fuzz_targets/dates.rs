//! Dates in all forms, at any time.
#![no_main]

use candor_semantics::field::{
    accept_datetime, http_date::HttpDate, if_range::IfRange, retry_after::RetryAfter,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, &[u8])| {
    let (now, value) = input;
    let now = HttpDate::from_unix(now);
    let fixdate = now.to_fixdate();
    assert_eq!(HttpDate::parse(&fixdate, HttpDate::default()), Some(now));
    assert_eq!(accept_datetime::parse(&fixdate), Some(now));
    if let Some(date) = HttpDate::parse(value, now) {
        assert_eq!(HttpDate::parse(&date.to_fixdate(), now), Some(date));
        assert_eq!(IfRange::parse(value, now), IfRange::Date(date));
    }
    if let Some(when) = RetryAfter::parse(value, now) {
        let _ = when.delay(now);
    }
});
