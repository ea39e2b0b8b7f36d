//! `Accept-Language` (section 12.5.4; RFC 4647): which languages the reader knows, and how gladly.
//!
//! Grammar: `#( language-range [ OWS ";" OWS "q=" qvalue ] )`, where a range is `1*8ALPHA *( "-" 1*8alphanum )` or
//! `*`. Examples: `da, en-gb;q=0.8, en;q=0.7`, `*`.
//!
//! A range meets a tag in two ways, by whole subtags and without case: *filtering* (RFC 4647 section 3.3.1), where
//! `de` meets `de-AT`; and *lookup* (section 3.4), where `de-AT` falls back to `de`, which is closer to what was
//! asked for than nothing but further than what was named. A range with weight 0 does not fall back: who refuses
//! `de-AT` has not refused `de`. Where several ranges meet a tag, the closest tells its weight. Members that cannot
//! be read are passed over; an absent field takes any language alike.

use std::borrow::Cow;

use super::grammar::{Cursor, FULL_WEIGHT, Parameters, list, trim_ows, weight};
use crate::head::Head;

/// How closely a range met a tag. Later is closer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Closeness {
    /// No range met it.
    Nothing,
    /// `*`, or no field at all.
    Any,
    /// The range is narrower than the tag, which has so many of its subtags: `de-AT` met `de`.
    Fallback(u8),
    /// The range is wider than the tag and has so many subtags: `de` met `de-AT`.
    Filtered(u8),
    /// The range is the tag.
    Exact,
}

/// What a reader understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptLanguage<'a>(Option<Cow<'a, [u8]>>);

impl<'a> AcceptLanguage<'a> {
    /// What a request says over all lines of the field.
    pub fn from_head(head: &'a Head) -> AcceptLanguage<'a> {
        AcceptLanguage::of(head.list("accept-language"))
    }

    /// What a combined value says.
    pub fn parse(value: &'a [u8]) -> AcceptLanguage<'a> {
        AcceptLanguage::of(Some(Cow::Borrowed(value)))
    }

    fn of(value: Option<Cow<'a, [u8]>>) -> AcceptLanguage<'a> {
        AcceptLanguage(value.filter(|value| ranges(value).next().is_some()))
    }

    /// Whether the client leaves it to the server: no field, or one that says nothing.
    pub fn is_open(&self) -> bool {
        self.0.is_none()
    }

    /// The weight of a language tag in thousandths, and how closely it was met. 0 means that another language is
    /// better, not that this one must not be sent.
    ///
    /// ```
    /// use candor_semantics::field::accept_language::{AcceptLanguage, Closeness};
    /// let accept = AcceptLanguage::parse(b"de-AT, en;q=0.5");
    /// assert_eq!(accept.quality("de"), (1000, Closeness::Fallback(1)));
    /// assert_eq!(accept.quality("en-GB"), (500, Closeness::Filtered(1)));
    /// assert_eq!(accept.quality("fr"), (0, Closeness::Nothing));
    /// ```
    pub fn quality(&self, tag: &str) -> (u16, Closeness) {
        let Some(value) = &self.0 else { return (FULL_WEIGHT, Closeness::Any) };
        ranges(value)
            .map(|(range, weight)| (closeness(range, weight, tag.as_bytes()), weight))
            .filter(|&(closeness, _)| closeness > Closeness::Nothing)
            .max()
            .map_or((0, Closeness::Nothing), |(closeness, weight)| (weight, closeness))
    }
}

fn closeness(range: &[u8], weight: u16, tag: &[u8]) -> Closeness {
    if range == b"*" {
        Closeness::Any
    } else if range.eq_ignore_ascii_case(tag) {
        Closeness::Exact
    } else if begins(tag, range) {
        Closeness::Filtered(subtags(range))
    } else if weight > 0 && begins(range, tag) {
        Closeness::Fallback(subtags(tag))
    } else {
        Closeness::Nothing
    }
}

/// Whether `long` is `short`, a hyphen and more.
fn begins(long: &[u8], short: &[u8]) -> bool {
    !short.is_empty()
        && long
            .split_at_checked(short.len())
            .is_some_and(|(start, rest)| start.eq_ignore_ascii_case(short) && rest.first() == Some(&b'-'))
}

fn subtags(tag: &[u8]) -> u8 {
    u8::try_from(tag.split(|&b| b == b'-').count()).unwrap_or(u8::MAX)
}

/// The members that can be read, with their weights.
fn ranges(value: &[u8]) -> impl Iterator<Item = (&[u8], u16)> {
    list(value).filter_map(range)
}

fn range(member: &[u8]) -> Option<(&[u8], u16)> {
    let mut cursor = Cursor::new(member);
    let range = cursor.take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'*'));
    if !is_range(range) {
        return None;
    }
    let found = Parameters::new(trim_ows(cursor.rest())).try_fold(FULL_WEIGHT, |found, parameter| {
        parameter.map(|p| if p.is("q") { weight(&p.value) } else { found })
    });
    Some((range, found.ok()?))
}

fn is_range(range: &[u8]) -> bool {
    let mut subtags = range.split(|&b| b == b'-');
    range == b"*"
        || subtags
            .next()
            .is_some_and(|first| matches!(first.len(), 1..=8) && first.iter().all(u8::is_ascii_alphabetic))
            && subtags
                .all(|subtag| matches!(subtag.len(), 1..=8) && subtag.iter().all(u8::is_ascii_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::Closeness::*;
    use super::*;
    use crate::field::tests::head;

    #[test]
    fn filtering_and_lookup() {
        for (value, tag, expected) in [
            ("de", "de", (1000, Exact)),
            ("DE", "de", (1000, Exact)),
            ("de", "de-AT", (1000, Filtered(1))),
            ("de-at", "de-AT-1996", (1000, Filtered(2))),
            ("de-AT", "de", (1000, Fallback(1))),
            ("zh-Hant-CN", "zh-Hant", (1000, Fallback(2))),
            ("de", "deu", (0, Nothing)),
            ("den", "de", (0, Nothing)),
            ("de-AT", "de-CH", (0, Nothing)),
            ("de;q=0.5, de-AT;q=0.9", "de", (500, Exact)),
            ("de;q=0.5, de-AT;q=0.9", "de-AT", (900, Exact)),
            ("de;q=0.5, de-AT;q=0.9", "de-CH", (500, Filtered(1))),
            ("de-AT, *;q=0.5", "de", (1000, Fallback(1))),
            ("de-AT, *;q=0.5", "fr", (500, Any)),
            ("de-AT;q=0", "de", (0, Nothing)),
            ("de-AT;q=0, *", "de", (1000, Any)),
            ("de;q=0, *", "de-AT", (0, Filtered(1))),
            ("zh;q=0.2, zh-Hant;q=0.8", "zh-Hant-TW", (800, Filtered(2))),
            ("en-US, en-GB;q=0.4", "en", (1000, Fallback(1))),
            ("en;q=.5", "en", (1, Exact)),
            ("en ; q=0.5", "en", (500, Exact)),
            ("", "en", (1000, Any)),
            ("en_US, *-CH, 12, toolonglanguage", "en", (1000, Any)),
            ("en_US, de", "en", (0, Nothing)),
            ("xx", "en", (0, Nothing)),
            ("de", "", (0, Nothing)),
        ] {
            assert_eq!(AcceptLanguage::parse(value.as_bytes()).quality(tag), expected, "{value} for {tag}");
        }
    }

    #[test]
    fn lines_combine_and_absence_is_open() {
        let head = head("Accept-Language", &["da", "en-gb;q=0.8, en;q=0.7"]);
        let accept = AcceptLanguage::from_head(&head);
        assert_eq!(accept.quality("en-GB"), (800, Exact));
        assert_eq!(accept.quality("en-AU"), (700, Filtered(1)));
        assert!(
            !accept.is_open() && AcceptLanguage::from_head(&crate::field::tests::head("x", &[])).is_open()
        );
    }
}
