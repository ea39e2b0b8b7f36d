//! `Accept` (section 12.5.1): which media types the client takes, and how gladly.
//!
//! Grammar: `#( ( "*/*" / type "/*" / type "/" subtype ) parameters [ ";" OWS "q=" qvalue ] )`. Examples:
//! `text/html, application/xml;q=0.9, */*;q=0.8`, `text/*;q=0.3, text/plain;format=flowed`.
//!
//! Where several ranges meet a type, the most specific one tells its weight; among equally specific ones the
//! highest. An absent or empty field takes anything, and so does one of whose members none can be read. A member
//! that cannot be read is passed over; one whose weight cannot be read has [`LEAST_WEIGHT`].
//!
//! Looser than the standard, for clients that exist: `*` is read as `*/*`; a `charset` that the range names and
//! the type does not is no difference; types that only differ in name, and `+json` and `+xml` under the plain
//! type, meet as [`Specificity::Kin`].
//!
//! [`LEAST_WEIGHT`]: super::grammar::LEAST_WEIGHT

use std::borrow::Cow;

use super::grammar::{Cursor, FULL_WEIGHT, Parameters, list, trim_ows, weight};
use super::media_type::MediaType;
use crate::head::Head;

/// How closely a range met a type. Later is closer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Specificity {
    /// No range met it.
    #[default]
    Nothing,
    /// `*/*`, or no field at all.
    Any,
    /// `type/*`.
    Type,
    /// Another name of the same type, or the type of its structured syntax suffix.
    Kin,
    /// `type/subtype`.
    Exact,
    /// `type/subtype` with so many parameters.
    Parameters(u8),
}

/// What a client takes. Read anew for each type it is asked about: that allocates nothing, and most requests ask
/// once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept<'a>(Option<Cow<'a, [u8]>>);

impl<'a> Accept<'a> {
    /// What a request says over all lines of the field.
    pub fn from_head(head: &'a Head) -> Accept<'a> {
        Accept::of(head.list("accept"))
    }

    /// What a combined value says.
    pub fn parse(value: &'a [u8]) -> Accept<'a> {
        Accept::of(Some(Cow::Borrowed(value)))
    }

    fn of(value: Option<Cow<'a, [u8]>>) -> Accept<'a> {
        Accept(value.filter(|value| ranges(value).next().is_some()))
    }

    /// Whether the client leaves it to the server: no field, or one that says nothing.
    pub fn is_open(&self) -> bool {
        self.0.is_none()
    }

    /// The weight of a type in thousandths, 0 for not acceptable, and how closely it was met.
    ///
    /// ```
    /// use candor_semantics::field::accept::{Accept, Specificity};
    /// use candor_semantics::field::media_type::MediaType;
    /// let html = MediaType::parse(b"text/html; charset=utf-8").unwrap();
    /// let accept = Accept::parse(b"text/html;q=0.7, */*;q=0.1");
    /// assert_eq!(accept.quality(&html), (700, Specificity::Exact));
    /// ```
    pub fn quality(&self, media_type: &MediaType) -> (u16, Specificity) {
        let Some(value) = &self.0 else { return (FULL_WEIGHT, Specificity::Any) };
        ranges(value)
            .map(|range| (range.specificity(media_type), range.weight))
            .filter(|&(specificity, _)| specificity > Specificity::Nothing)
            .max()
            .map_or((0, Specificity::Nothing), |(specificity, weight)| (weight, specificity))
    }

    /// Whether a range names exactly this type, acceptably: how browsers ask for pages and a program for JSON.
    pub fn names(&self, essence: &str) -> bool {
        let Some(value) = &self.0 else { return false };
        ranges(value).any(|range| {
            range.weight > 0
                && essence.split_once('/').is_some_and(|(type_, subtype)| {
                    range.type_.eq_ignore_ascii_case(type_.as_bytes())
                        && range.subtype.eq_ignore_ascii_case(subtype.as_bytes())
                })
        })
    }
}

/// One member that could be read.
struct Range<'a> {
    type_: &'a [u8],
    subtype: &'a [u8],
    parameters: Parameters<'a>,
    weight: u16,
}

/// The members that can be read.
fn ranges(value: &[u8]) -> impl Iterator<Item = Range<'_>> {
    list(value).filter_map(range)
}

fn range(member: &[u8]) -> Option<Range<'_>> {
    let mut cursor = Cursor::new(member);
    let type_ = cursor.token()?;
    let subtype = if cursor.eat(b'/') {
        cursor.token()?
    } else if type_ == b"*" {
        b"*"
    } else {
        return None;
    };
    if type_ == b"*" && subtype != b"*" {
        return None;
    }
    let mut parameters = Parameters::new(trim_ows(cursor.rest()));
    let all = parameters.clone();
    // The last `q` counts, wherever it stands (section 12.5.1); the others are parameters of the type.
    let weight = parameters.try_fold(FULL_WEIGHT, |found, parameter| {
        parameter.map(|p| if p.is("q") { weight(&p.value) } else { found })
    });
    Some(Range { type_, subtype, parameters: all, weight: weight.ok()? })
}

impl Range<'_> {
    fn specificity(&self, media_type: &MediaType) -> Specificity {
        let Some(parameters) = self.parameters_met(media_type) else { return Specificity::Nothing };
        if self.type_ == b"*" {
            return Specificity::Any;
        }
        let same_type = self.type_.eq_ignore_ascii_case(media_type.type_().as_bytes());
        if same_type && self.subtype == b"*" {
            return Specificity::Type;
        }
        if same_type && self.subtype.eq_ignore_ascii_case(media_type.subtype().as_bytes()) {
            return if parameters > 0 { Specificity::Parameters(parameters) } else { Specificity::Exact };
        }
        if self.is_kin(media_type) { Specificity::Kin } else { Specificity::Nothing }
    }

    /// How many parameters of the range the type has; `None` if it lacks one.
    fn parameters_met(&self, media_type: &MediaType) -> Option<u8> {
        let mut met = 0_u8;
        for parameter in self.parameters.clone().filter_map(Result::ok) {
            if parameter.is("q") {
                continue;
            }
            if media_type.has(&parameter) {
                met = met.saturating_add(1);
            } else if !(parameter.is("charset") && media_type.parameter("charset").is_none()) {
                return None;
            }
        }
        Some(met)
    }

    fn is_kin(&self, media_type: &MediaType) -> bool {
        const JAVASCRIPT: &[&str] = &[
            "text/javascript",
            "application/javascript",
            "application/x-javascript",
            "text/x-javascript",
            "application/ecmascript",
            "application/x-ecmascript",
            "text/ecmascript",
            "text/x-ecmascript",
        ];
        const XML: &[&str] = &["application/xml", "text/xml"];
        const JSON: &[&str] = &["application/json"];
        let (essence, suffix) = (media_type.essence(), media_type.suffix());
        self.is_one_of(JAVASCRIPT) && JAVASCRIPT.contains(&essence)
            || self.is_one_of(XML) && (XML.contains(&essence) || suffix == Some("xml"))
            || self.is_one_of(JSON) && suffix == Some("json")
    }

    fn is_one_of(&self, names: &[&str]) -> bool {
        names.iter().filter_map(|name| name.split_once('/')).any(|(type_, subtype)| {
            self.type_.eq_ignore_ascii_case(type_.as_bytes())
                && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Specificity::*;
    use super::*;
    use crate::field::tests::head;

    fn check(accept: &str, media_type: &str, expected: (u16, Specificity)) {
        let media_type = MediaType::parse(media_type.as_bytes()).unwrap();
        assert_eq!(
            Accept::parse(accept.as_bytes()).quality(&media_type),
            expected,
            "{accept} for {media_type}"
        );
    }

    #[test]
    fn the_example_of_the_standard() {
        let accept = "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5";
        for (media_type, expected) in [
            ("text/plain;format=flowed", (1000, Parameters(1))),
            ("text/plain", (700, Exact)),
            ("text/html", (300, Type)),
            ("image/jpeg", (500, Any)),
            ("text/plain;format=fixed", (400, Parameters(1))),
            ("text/html;level=3", (300, Type)),
        ] {
            check(accept, media_type, expected);
        }
    }

    #[test]
    fn absent_empty_and_unreadable_take_anything() {
        let html = MediaType::parse(b"text/html").unwrap();
        assert_eq!(Accept::from_head(&head("x", &[])).quality(&html), (1000, Any));
        for value in ["", " , ", "garbage", "/", "*/html", "text/", "text/html;q"] {
            assert!(Accept::parse(value.as_bytes()).is_open(), "{value}");
            check(value, "text/html", (1000, Any));
        }
        check("garbage, image/png", "text/html", (0, Nothing));
    }

    #[test]
    fn ranges_and_weights() {
        for (accept, media_type, expected) in [
            ("image/png", "text/plain", (0, Nothing)),
            ("text/html;q=0, */*", "text/html", (0, Exact)),
            ("*/*, text/html;q=0", "text/plain", (1000, Any)),
            ("TEXT/HTML;Q=0.5", "text/html", (500, Exact)),
            ("text/html;q=0.2, text/html;q=0.6", "text/html", (600, Exact)),
            ("*;q=0.5", "text/html", (500, Any)),
            ("text/html, image/gif, *; q=.2, */*; q=.2", "image/png", (1, Any)),
            ("text/html;q=2", "text/html", (1, Exact)),
            ("text/html;q=0.1234", "text/html", (1, Exact)),
            ("text/html;q=0.5;level=1", "text/html;level=1", (500, Parameters(1))),
            ("text/html;level=1", "text/html", (0, Nothing)),
            ("text/html;level=1", "text/html;level=2", (0, Nothing)),
            ("text/html;a=1;b=2;q=0.3, text/html;a=1", "text/html;b=2;a=1", (300, Parameters(2))),
            ("text/html;charset=UTF-8", "text/html;charset=utf-8", (1000, Parameters(1))),
            ("text/html;charset=utf-8", "text/html", (1000, Exact)),
            ("text/html;charset=latin1", "text/html;charset=utf-8", (0, Nothing)),
            (
                "application/signed-exchange;v=b3;q=0.7, text/html",
                "application/signed-exchange",
                (0, Nothing),
            ),
            ("text/html;title=\"a,b\", text/plain;q=0.4", "text/plain", (400, Exact)),
        ] {
            check(accept, media_type, expected);
        }
    }

    #[test]
    fn kin() {
        for (accept, media_type, expected) in [
            ("text/xml", "application/xml", (1000, Kin)),
            ("application/xml;q=0.5", "text/xml", (500, Kin)),
            ("application/xml", "image/svg+xml", (1000, Kin)),
            ("text/xml", "application/atom+xml", (1000, Kin)),
            ("application/json", "application/ld+json", (1000, Kin)),
            ("application/ld+json", "application/json", (0, Nothing)),
            ("application/ecmascript", "text/javascript", (1000, Kin)),
            ("application/x-javascript", "application/javascript", (1000, Kin)),
            ("application/javascript;q=0.4, */*", "text/javascript", (400, Kin)),
            ("application/json;q=0.4, application/ld+json", "application/ld+json", (1000, Exact)),
            ("text/*;q=0.1, text/javascript;q=0.9", "application/javascript", (900, Kin)),
            ("application/json", "text/javascript", (0, Nothing)),
        ] {
            check(accept, media_type, expected);
        }
    }

    #[test]
    fn lines_combine_and_names_are_asked() {
        let head = head("Accept", &["text/html", "application/json;q=0"]);
        let accept = Accept::from_head(&head);
        assert!(
            accept.names("text/html") && !accept.names("application/json") && !accept.names("text/plain")
        );
        assert!(!Accept::parse(b"*/*").names("text/html"));
    }
}
