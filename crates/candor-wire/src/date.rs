//! The `Date` of answers, made once a second on each thread (RFC 9110 section 6.6.1).

use std::cell::RefCell;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;

/// The current `Date` value and until when it holds.
struct Stamp {
    value: Bytes,
    until: Instant,
}

thread_local! {
    static STAMP: RefCell<Option<Stamp>> = const { RefCell::new(None) };
}

/// The value of `Date` at this moment, at most one second late. `now` is the caller's latest look at the clock,
/// so that an answer asks it no more than once.
pub fn date(now: Instant) -> Bytes {
    STAMP.with_borrow_mut(|stamp| match stamp {
        Some(stamp) if now < stamp.until => stamp.value.clone(),
        _ => {
            let value = Bytes::from(httpdate::fmt_http_date(SystemTime::now()));
            *stamp = Some(Stamp { value: value.clone(), until: now + until_next_second() });
            value
        }
    })
}

/// What is left of the current second of the system's clock.
fn until_next_second() -> Duration {
    let fraction = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    Duration::from_nanos(u64::from(1_000_000_000u32.saturating_sub(fraction)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_date_of_this_second_and_cached() {
        let now = Instant::now();
        let first = date(now);
        let parsed = httpdate::parse_http_date(std::str::from_utf8(&first).unwrap()).unwrap();
        assert!(SystemTime::now().duration_since(parsed).unwrap() < Duration::from_secs(3));
        let later = date(now + Duration::from_secs(2));
        assert_eq!(later.len(), 29);
    }
}
