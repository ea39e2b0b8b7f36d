//! Whether a stored answer may be used: fresh, while it is validated, or in place of an upstream that fails
//! (questions 53 to 55, and fallback F of the rules).

use super::freshness::Terms;
use crate::field::cache_control::CacheControl;
use crate::field::cache_status::Forward;
use crate::field::http_date::HttpDate;

/// What a stored answer is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// As it is.
    Fresh,
    /// Past its lifetime, because its source allows that while it is validated (RFC 5861 section 3), or because the
    /// client does (RFC 9111 section 5.2.1.2). The flag tells whether to validate it meanwhile.
    Stale {
        /// Validate it in the background.
        validate: bool,
    },
    /// Only after the upstream confirmed it.
    Validate(Forward),
}

/// What a stored answer is good for at a time, under the directives of a request.
pub fn usable(terms: &Terms, asked: &CacheControl, now: HttpDate) -> Use {
    let ttl = terms.ttl(now);
    let too_old = asked.max_age.is_some_and(|most| terms.age(now) > most);
    let too_short = asked.min_fresh.is_some_and(|least| i64::try_from(least).unwrap_or(i64::MAX) > ttl);
    if terms.control.no_cache {
        return Use::Validate(Forward::Stale);
    }
    if asked.no_cache || (ttl > 0 && (too_old || too_short)) {
        return Use::Validate(Forward::Request);
    }
    if ttl > 0 {
        return Use::Fresh;
    }
    let past = ttl.unsigned_abs();
    if terms.forbids_stale() || too_old || too_short {
        return Use::Validate(Forward::Stale);
    }
    match terms.control.stale_while_revalidate {
        Some(window) if past < window => Use::Stale { validate: true },
        _ if asked.max_stale.is_some_and(|window| past <= window) => Use::Stale { validate: false },
        _ => Use::Validate(Forward::Stale),
    }
}

/// Why a fallback is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The contact with the upstream failed.
    Contact,
    /// The upstream answered 500, 502, 503 or 504.
    Status,
}

/// Whether a stored answer stands in for an upstream in trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// It does.
    Use,
    /// It is there, but its source wants it validated before use: 504 where the contact failed.
    Forbidden,
    /// Nothing allows it.
    Unused,
}

/// Fallback F. `stale` tells whether the route uses what it has when there is no contact.
pub fn fallback(
    terms: &Terms,
    asked: &CacheControl,
    now: HttpDate,
    trouble: Trouble,
    stale: bool,
) -> Fallback {
    if terms.forbids_stale() {
        return Fallback::Forbidden;
    }
    if asked.no_cache {
        return Fallback::Unused;
    }
    let past = terms.ttl(now).min(0).unsigned_abs();
    let covers = |window: Option<u64>| window.is_some_and(|window| past <= window);
    let told =
        covers(terms.control.stale_if_error) || covers(asked.stale_if_error) || covers(asked.max_stale);
    match trouble {
        Trouble::Contact if stale || told => Fallback::Use,
        Trouble::Status if told => Fallback::Use,
        Trouble::Contact | Trouble::Status => Fallback::Unused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: HttpDate = HttpDate::from_unix(1_700_000_000);

    fn terms(control: &str, age: u64) -> Terms {
        let control = CacheControl::parse(control.as_bytes());
        Terms {
            control,
            lifetime: control.s_maxage.or(control.max_age).unwrap_or(0),
            initial_age: age,
            received: NOW,
            last_modified: None,
            has_validator: true,
        }
    }

    #[test]
    fn what_it_is_good_for() {
        use Use::{Fresh, Stale, Validate};
        let stale = Validate(Forward::Stale);
        let request = Validate(Forward::Request);
        for (control, age, asked, wanted) in [
            ("max-age=60", 59, "", Fresh),
            ("max-age=60", 60, "", stale),
            ("max-age=60", 1, "no-cache", request),
            ("max-age=60", 11, "max-age=10", request),
            ("max-age=60", 10, "max-age=10", Fresh),
            ("max-age=60", 55, "min-fresh=10", request),
            ("max-age=60, no-cache", 1, "", stale),
            ("max-age=60", 70, "max-stale=10", Stale { validate: false }),
            ("max-age=60", 71, "max-stale=10", stale),
            ("max-age=60", 7000, "max-stale", Stale { validate: false }),
            ("max-age=60, must-revalidate", 61, "max-stale", stale),
            ("max-age=60, proxy-revalidate", 61, "max-stale", stale),
            ("s-maxage=60", 61, "max-stale", stale),
            ("max-age=60, stale-while-revalidate=5", 64, "", Stale { validate: true }),
            ("max-age=60, stale-while-revalidate=5", 65, "", stale),
            ("max-age=60, stale-while-revalidate=5", 61, "max-age=10", stale),
            ("max-age=60, stale-while-revalidate=5, must-revalidate", 61, "", stale),
        ] {
            let found = usable(&terms(control, age), &CacheControl::parse(asked.as_bytes()), NOW);
            assert_eq!(found, wanted, "{control} at {age}, asked {asked:?}");
        }
    }

    #[test]
    fn when_it_stands_in() {
        use Fallback::{Forbidden, Unused, Use};
        use Trouble::{Contact, Status};
        for (control, asked, trouble, stale, wanted) in [
            ("max-age=1", "", Contact, true, Use),
            ("max-age=1", "", Contact, false, Unused),
            ("max-age=1", "", Status, true, Unused),
            ("max-age=1, stale-if-error=100", "", Status, false, Use),
            ("max-age=1, stale-if-error=100", "", Contact, false, Use),
            ("max-age=1, stale-if-error=3", "", Status, true, Unused),
            ("max-age=1", "max-stale", Status, false, Use),
            ("max-age=1", "no-cache", Contact, true, Unused),
            ("max-age=1, must-revalidate", "", Contact, true, Forbidden),
            ("max-age=1, no-cache, stale-if-error=9", "", Status, true, Forbidden),
            ("s-maxage=1", "max-stale", Contact, true, Forbidden),
        ] {
            let found =
                fallback(&terms(control, 11), &CacheControl::parse(asked.as_bytes()), NOW, trouble, stale);
            assert_eq!(found, wanted, "{control}, asked {asked:?}, {trouble:?}, {stale}");
        }
    }
}
