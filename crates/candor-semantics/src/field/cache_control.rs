//! `Cache-Control` (RFC 9111 section 5.2): what caches may do with this.
//!
//! Grammar: `#( token [ "=" ( token / quoted-string ) ] )`. Examples: `max-age=60, must-revalidate`, `no-store`,
//! `private="set-cookie"`. Requests and answers share one type; each uses its own directives.
//!
//! Read with care for freshness: named twice, the first counts (section 4.2.1); a lifetime that cannot be read is
//! 0, which is stale; so is a negative one. `no-cache` and `private` for certain fields only are read as if they
//! were for all, which section 5.2.2.4 allows and nobody is harmed by. `max-stale` without a number is any.

use std::fmt;

use bytes::Bytes;

use super::grammar::{Cursor, list, saturating_number};

/// The directives, all times in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheControl {
    /// Section 5.2.1.1 and 5.2.2.1.
    pub max_age: Option<u64>,
    /// Section 5.2.2.10: instead of `max-age`, in shared caches.
    pub s_maxage: Option<u64>,
    /// Section 5.2.1.2; `u64::MAX` where no number is given.
    pub max_stale: Option<u64>,
    /// Section 5.2.1.3.
    pub min_fresh: Option<u64>,
    /// RFC 5861 section 3.
    pub stale_while_revalidate: Option<u64>,
    /// RFC 5861 section 4.
    pub stale_if_error: Option<u64>,
    /// Sections 5.2.1.4 and 5.2.2.4.
    pub no_cache: bool,
    /// Sections 5.2.1.5 and 5.2.2.5.
    pub no_store: bool,
    /// Sections 5.2.1.6 and 5.2.2.6.
    pub no_transform: bool,
    /// Section 5.2.1.7.
    pub only_if_cached: bool,
    /// Section 5.2.2.2.
    pub must_revalidate: bool,
    /// Section 5.2.2.3.
    pub must_understand: bool,
    /// Section 5.2.2.7.
    pub private: bool,
    /// Section 5.2.2.8.
    pub proxy_revalidate: bool,
    /// Section 5.2.2.9.
    pub public: bool,
    /// RFC 8246.
    pub immutable: bool,
}

impl CacheControl {
    /// The directives in a combined field value.
    ///
    /// ```
    /// use candor_semantics::field::cache_control::CacheControl;
    /// let control = CacheControl::parse(b"max-age=60, no-cache=\"set-cookie\"");
    /// assert_eq!((control.max_age, control.no_cache), (Some(60), true));
    /// assert_eq!(control.to_string(), "no-cache, max-age=60");
    /// ```
    pub fn parse(value: &[u8]) -> CacheControl {
        CacheControl::from_lines([value])
    }

    /// The directives of several lines, as of a head: `CacheControl::from_lines(head.all("cache-control"))`.
    pub fn from_lines<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> CacheControl {
        let mut control = CacheControl::default();
        for member in lines.into_iter().flat_map(list) {
            control.read(member);
        }
        control
    }

    fn read(&mut self, member: &[u8]) {
        let mut cursor = Cursor::new(member);
        let Some(name) = cursor.token() else { return };
        let argument = if cursor.eat(b'=') { cursor.word() } else { None };
        let clean = cursor.is_end();
        let seconds = argument.as_deref().filter(|_| clean).and_then(saturating_number);
        let mut name = name.to_ascii_lowercase();
        name.truncate(32);
        match &*name {
            b"max-age" => first(&mut self.max_age, seconds.or(Some(0))),
            b"s-maxage" => first(&mut self.s_maxage, seconds.or(Some(0))),
            b"max-stale" if argument.is_none() && clean => first(&mut self.max_stale, Some(u64::MAX)),
            b"max-stale" => first(&mut self.max_stale, seconds),
            b"min-fresh" => first(&mut self.min_fresh, seconds),
            b"stale-while-revalidate" => first(&mut self.stale_while_revalidate, seconds),
            b"stale-if-error" => first(&mut self.stale_if_error, seconds),
            // These restrict; what follows them does not make them weaker.
            b"no-cache" => self.no_cache = true,
            b"no-store" => self.no_store = true,
            b"no-transform" => self.no_transform = true,
            b"only-if-cached" => self.only_if_cached = true,
            b"must-revalidate" => self.must_revalidate = true,
            b"must-understand" => self.must_understand = true,
            b"private" => self.private = true,
            b"proxy-revalidate" => self.proxy_revalidate = true,
            b"public" => self.public = true,
            b"immutable" => self.immutable = true,
            _ => {}
        }
    }

    /// The field value; `None` where there is nothing to say.
    pub fn to_bytes(&self) -> Option<Bytes> {
        let text = self.to_string();
        (!text.is_empty()).then(|| text.into())
    }
}

fn first(place: &mut Option<u64>, seconds: Option<u64>) {
    if place.is_none() {
        *place = seconds;
    }
}

/// The field value, in a fixed order.
impl fmt::Display for CacheControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = [
            (self.no_store, "no-store"),
            (self.no_cache, "no-cache"),
            (self.private, "private"),
            (self.public, "public"),
            (self.no_transform, "no-transform"),
            (self.only_if_cached, "only-if-cached"),
            (self.must_understand, "must-understand"),
            (self.must_revalidate, "must-revalidate"),
            (self.proxy_revalidate, "proxy-revalidate"),
            (self.immutable, "immutable"),
        ];
        let times = [
            (self.max_age, "max-age"),
            (self.s_maxage, "s-maxage"),
            (self.max_stale, "max-stale"),
            (self.min_fresh, "min-fresh"),
            (self.stale_while_revalidate, "stale-while-revalidate"),
            (self.stale_if_error, "stale-if-error"),
        ];
        let mut separator = "";
        for name in flags.into_iter().filter_map(|(set, name)| set.then_some(name)) {
            write!(f, "{separator}{name}")?;
            separator = ", ";
        }
        for (seconds, name) in times.into_iter().filter_map(|(time, name)| Some((time?, name))) {
            write!(f, "{separator}{name}")?;
            separator = ", ";
            if (name, seconds) != ("max-stale", u64::MAX) {
                write!(f, "={seconds}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn directives() {
        let none = CacheControl::default();
        for (value, expected) in [
            ("", none),
            ("foo, bar=\"a, no-store\"", none),
            ("No-Store", CacheControl { no_store: true, ..none }),
            ("no-store=x", CacheControl { no_store: true, ..none }),
            ("max-age=60", CacheControl { max_age: Some(60), ..none }),
            ("max-age=\"60\"", CacheControl { max_age: Some(60), ..none }),
            ("max-age=60, max-age=10", CacheControl { max_age: Some(60), ..none }),
            ("max-age=x", CacheControl { max_age: Some(0), ..none }),
            ("max-age=-1", CacheControl { max_age: Some(0), ..none }),
            ("max-age", CacheControl { max_age: Some(0), ..none }),
            ("max-age=60 x", CacheControl { max_age: Some(0), ..none }),
            ("max-age=99999999999999999999", CacheControl { max_age: Some(u64::MAX), ..none }),
            ("s-maxage=5, public", CacheControl { s_maxage: Some(5), public: true, ..none }),
            ("max-stale", CacheControl { max_stale: Some(u64::MAX), ..none }),
            ("max-stale=5", CacheControl { max_stale: Some(5), ..none }),
            ("max-stale=x", none),
            ("min-fresh=x", none),
            ("private=\"a,b\", no-cache=\"c\"", CacheControl { private: true, no_cache: true, ..none }),
            (
                "stale-if-error=9, stale-while-revalidate=8",
                CacheControl { stale_if_error: Some(9), stale_while_revalidate: Some(8), ..none },
            ),
        ] {
            assert_eq!(CacheControl::parse(value.as_bytes()), expected, "{value}");
        }
        let lines = [&b"max-age=1"[..], b"no-store"];
        assert_eq!(
            CacheControl::from_lines(lines),
            CacheControl { max_age: Some(1), no_store: true, ..none }
        );
        assert_eq!(none.to_bytes(), None);
    }

    proptest! {
        #[test]
        fn writing_round_trips(times: [Option<u64>; 6], flags: [bool; 10]) {
            let [max_age, s_maxage, max_stale, min_fresh, stale_while_revalidate, stale_if_error] = times;
            let [no_cache, no_store, no_transform, only_if_cached, must_revalidate, must_understand, private, proxy_revalidate, public, immutable] = flags;
            let control = CacheControl {
                max_age, s_maxage, max_stale, min_fresh, stale_while_revalidate, stale_if_error, no_cache, no_store, no_transform,
                only_if_cached, must_revalidate, must_understand, private, proxy_revalidate, public, immutable,
            };
            prop_assert_eq!(CacheControl::parse(control.to_string().as_bytes()), control);
        }
    }
}
