//! How long a stored answer lives and how old it is (RFC 9111 section 4.2), and what may be stored at all (section
//! 3). Arithmetic in whole seconds; nothing here has a clock.

use crate::code::Code;
use crate::field::cache_control::CacheControl;
use crate::field::grammar::saturating_number;
use crate::field::http_date::HttpDate;
use crate::field::vary::Vary;
use crate::fields::Fields;
use crate::head::Head;
use crate::method::Method;

/// The most that a lifetime is guessed to be: a day.
const LONGEST_GUESS: u64 = 86_400;

/// What decides whether a stored answer may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The answer's directives.
    pub control: CacheControl,
    /// Seconds for which it is fresh, counted in its age.
    pub lifetime: u64,
    /// Its age in seconds when it was received (section 4.2.3).
    pub initial_age: u64,
    /// When it was received.
    pub received: HttpDate,
    /// When it was last changed, if it says.
    pub last_modified: Option<HttpDate>,
    /// Whether there is anything to validate it by.
    pub has_validator: bool,
}

impl Terms {
    /// Reads them off an answer with this status, asked for and received at these times.
    pub fn of(status: u16, fields: &Fields, asked: HttpDate, received: HttpDate) -> Terms {
        let control = control(fields);
        let date = fields.get("date").and_then(|value| HttpDate::parse(value, received)).unwrap_or(received);
        let age = stated_age(fields);
        let apparent = received.since(date);
        let corrected = age.unwrap_or(0).saturating_add(received.since(asked));
        let last_modified = fields.get("last-modified").and_then(|value| HttpDate::parse(value, received));
        Terms {
            // How old it is, nobody can tell: better too old than too young.
            lifetime: age.map_or(0, |_| lifetime(status, fields, &control, date, last_modified, received)),
            control,
            initial_age: apparent.max(corrected),
            received,
            last_modified,
            has_validator: last_modified.is_some() || fields.has("etag"),
        }
    }

    /// Its age at a time, in seconds (section 4.2.3).
    pub fn age(&self, now: HttpDate) -> u64 {
        self.initial_age.saturating_add(now.since(self.received))
    }

    /// What is left of its lifetime, in seconds; zero or negative where it is stale.
    pub fn ttl(&self, now: HttpDate) -> i64 {
        let lifetime = i64::try_from(self.lifetime).unwrap_or(i64::MAX);
        lifetime.saturating_sub(i64::try_from(self.age(now)).unwrap_or(i64::MAX))
    }

    /// Whether its source forbids to use it past its lifetime (section 4.2.4).
    pub const fn forbids_stale(&self) -> bool {
        self.control.no_cache
            || self.control.must_revalidate
            || self.control.proxy_revalidate
            || self.control.s_maxage.is_some()
    }
}

/// The value of `Age`, 0 where there is none; `None` where it is not one number (RFC 9111 section 5.1).
fn stated_age(fields: &Fields) -> Option<u64> {
    let mut lines = fields.all("age");
    let Some(first) = lines.next() else { return Some(0) };
    saturating_number(first).filter(|_| lines.next().is_none())
}

/// The directives of an answer.
pub fn control(fields: &Fields) -> CacheControl {
    CacheControl::from_lines(fields.all("cache-control").map(|value| &value[..]))
}

/// The directives of a request; `Pragma: no-cache` counts where there are none (section 5.4).
pub fn request_control(head: &Head) -> CacheControl {
    let control = CacheControl::from_lines(head.all("cache-control"));
    match head.has("cache-control") {
        false if head.list("pragma").is_some_and(|pragma| CacheControl::parse(&pragma).no_cache) => {
            CacheControl { no_cache: true, ..control }
        }
        _ => control,
    }
}

/// Section 4.2.1, and a guess where the answer says nothing (section 4.2.2).
fn lifetime(
    status: u16,
    fields: &Fields,
    control: &CacheControl,
    date: HttpDate,
    last_modified: Option<HttpDate>,
    now: HttpDate,
) -> u64 {
    if let Some(seconds) = control.s_maxage.or(control.max_age) {
        return seconds;
    }
    let mut expires = fields.all("expires");
    if let Some(first) = expires.next() {
        // Several, or one that is no date, mean "already expired" (section 5.3).
        let only = expires.next().is_none();
        return HttpDate::parse(first, now).filter(|_| only).map_or(0, |expires| expires.since(date));
    }
    match last_modified {
        Some(modified) if may_guess(status) || control.public => {
            (date.since(modified) / 10).min(LONGEST_GUESS)
        }
        _ => 0,
    }
}

/// Whether a code may be kept without being told so (section 15.1).
fn may_guess(status: u16) -> bool {
    Code::from_number(status).is_some_and(|code| code.row().cacheable)
}

/// Whether an answer may be stored by a shared cache (RFC 9111 sections 3 and 3.5). Only whole answers to GET are.
pub fn may_store(head: &Head, status: u16, fields: &Fields) -> bool {
    let control = control(fields);
    let asked = request_control(head);
    // A cache that knows the code goes by its rules and passes no-store over (section 5.2.2.3).
    let no_store = control.no_store && !(control.must_understand && Code::from_number(status).is_some());
    let unknown = control.must_understand && Code::from_number(status).is_none();
    if !head.is(Method::Get)
        || !(200..=599).contains(&status)
        || matches!(status, 206 | 304)
        || no_store
        || unknown
        || asked.no_store
        || control.private
        || fields.all("vary").any(|value| matches!(Vary::parse(&value[..]), Vary::Any))
    {
        return false;
    }
    let explicit =
        control.public || control.max_age.is_some() || control.s_maxage.is_some() || fields.has("expires");
    if head.has("authorization") && !(control.public || control.must_revalidate || control.s_maxage.is_some())
    {
        return false;
    }
    // What nobody called storable is kept only where it can be validated, and is nobody's own.
    let validated = fields.has("etag") || fields.has("last-modified");
    explicit || (may_guess(status) && validated && !fields.has("set-cookie") && !head.has("range"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::{Scheme, Version};
    use proptest::prelude::*;

    const NOW: HttpDate = HttpDate::from_unix(1_700_000_000);

    fn date(offset: i64) -> String {
        HttpDate::from_unix(NOW.unix().saturating_add_signed(offset)).to_string()
    }

    fn fields(lines: &[(&'static str, &str)]) -> Fields {
        let mut fields = Fields::new();
        lines.iter().for_each(|(name, value)| fields.push(*name, value.to_string()));
        fields
    }

    fn lifetime_of(status: u16, lines: &[(&'static str, &str)]) -> u64 {
        Terms::of(status, &fields(lines), NOW, NOW).lifetime
    }

    #[test]
    fn lifetimes() {
        let (later, before) = (date(50), date(-1000));
        assert_eq!(lifetime_of(200, &[("Cache-Control", "max-age=60")]), 60);
        assert_eq!(lifetime_of(200, &[("Cache-Control", "max-age=60, s-maxage=5")]), 5);
        assert_eq!(lifetime_of(200, &[("Expires", &later)]), 50);
        assert_eq!(lifetime_of(200, &[("Expires", &later), ("Cache-Control", "max-age=1")]), 1);
        assert_eq!(lifetime_of(200, &[("Expires", "0")]), 0);
        assert_eq!(lifetime_of(200, &[("Expires", &later), ("Expires", &later)]), 0);
        assert_eq!(lifetime_of(200, &[("Last-Modified", &before)]), 100);
        assert_eq!(lifetime_of(201, &[("Last-Modified", &before)]), 0);
        assert_eq!(lifetime_of(200, &[]), 0);
        let old = date(-100_000_000);
        assert_eq!(lifetime_of(200, &[("Last-Modified", &old)]), LONGEST_GUESS);
    }

    #[test]
    fn ages() {
        let asked = HttpDate::from_unix(NOW.unix() - 4);
        let sent = date(-10);
        let terms = |lines: &[(&'static str, &str)]| Terms::of(200, &fields(lines), asked, NOW);
        assert_eq!(terms(&[("Date", &sent)]).initial_age, 10);
        assert_eq!(terms(&[("Date", &sent), ("Age", "20")]).initial_age, 24);
        for unclear in ["x", "-1", "0, 0", "7.0", "7;a=1"] {
            let terms = terms(&[("Age", unclear), ("Cache-Control", "max-age=30")]);
            assert_eq!((terms.initial_age, terms.ttl(NOW)), (4, -4), "{unclear}");
        }
        let terms = terms(&[("Date", &sent), ("Cache-Control", "max-age=30")]);
        let later = HttpDate::from_unix(NOW.unix() + 25);
        assert_eq!((terms.age(later), terms.ttl(later)), (35, -5));
    }

    #[test]
    fn what_is_stored() {
        let of = |method: &str, asked: &[(&str, &str)], status, lines: &[(&'static str, &str)]| {
            let head = Head::from_parts(
                method.as_bytes(),
                b"/",
                Version::Http11,
                Scheme::Http,
                asked.iter().copied(),
            );
            may_store(&head, status, &fields(lines))
        };
        let fresh = ("Cache-Control", "max-age=60");
        assert!(of("GET", &[], 200, &[fresh]));
        assert!(of("GET", &[], 299, &[fresh]));
        assert!(of("GET", &[], 404, &[fresh]));
        assert!(of("GET", &[], 200, &[("ETag", "\"a\"")]));
        assert!(of("GET", &[], 200, &[("Cache-Control", "no-cache, max-age=1")]));
        assert!(of("GET", &[("Authorization", "x")], 200, &[("Cache-Control", "s-maxage=60")]));
        assert!(of("GET", &[], 200, &[("Cache-Control", "no-store, must-understand, max-age=1")]));
        for (method, asked, status, lines) in [
            ("HEAD", &[][..], 200, &[fresh][..]),
            ("POST", &[], 200, &[fresh]),
            ("GET", &[], 206, &[fresh]),
            ("GET", &[], 304, &[fresh]),
            ("GET", &[], 200, &[]),
            ("GET", &[], 500, &[("ETag", "\"a\"")]),
            ("GET", &[], 200, &[("Cache-Control", "no-store, max-age=60")]),
            ("GET", &[], 200, &[("Cache-Control", "private, max-age=60")]),
            ("GET", &[], 299, &[("Cache-Control", "must-understand, max-age=60")]),
            ("GET", &[], 200, &[fresh, ("Vary", "*")]),
            ("GET", &[("Cache-Control", "no-store")], 200, &[fresh]),
            ("GET", &[("Authorization", "x")], 200, &[fresh]),
            ("GET", &[], 200, &[("ETag", "\"a\""), ("Set-Cookie", "a=b")]),
        ] {
            assert!(!of(method, asked, status, lines), "{method} {asked:?} {status} {lines:?}");
        }
    }

    proptest! {
        #[test]
        fn age_only_grows(lifetime: u32, age: u32, delay in 0u64..1000, later: u32) {
            let lines = [("Cache-Control", format!("max-age={lifetime}")), ("Age", age.to_string())];
            let lines: Vec<_> = lines.iter().map(|(n, v)| (*n, v.as_str())).collect();
            let asked = HttpDate::from_unix(NOW.unix() - delay);
            let terms = Terms::of(200, &fields(&lines), asked, NOW);
            let then = HttpDate::from_unix(NOW.unix() + u64::from(later));
            prop_assert!(terms.age(then) >= terms.age(NOW));
            prop_assert!(terms.age(NOW) >= delay);
            prop_assert_eq!(terms.ttl(then) > 0, terms.lifetime > terms.age(then));
        }
    }
}
