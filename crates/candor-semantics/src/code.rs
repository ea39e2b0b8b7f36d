//! The one table of the response codes, and the types that can only hold what it says.
//!
//! Everything that needs to know something of a code asks here: what is rendered, `candor explain`, the
//! reference pages under `/-/codes/`, the documents and the checks. A code that is not in the table cannot be
//! named as a [`Code`]; numbers that other servers send are read with [`understood`].

use std::fmt;

/// A response code of the table. No other number can be held.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(table::Number);

impl Code {
    /// The number on the wire, 100 to 599.
    pub const fn number(self) -> u16 {
        self.0 as u16
    }

    /// The name RFC 9110 (or the standard of the row) gives it, as sent in an HTTP/1.1 status line.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The class its first digit names (section 15).
    pub const fn class(self) -> Class {
        class_of(self.number())
    }

    /// Whether a response with this code may have content at all. An answer to HEAD never has any
    /// (section 9.3.2), whatever the code.
    pub const fn has_content(self) -> bool {
        !matches!(self.row().content, Content::Never)
    }

    /// Where candor's own reference page for this code lives, beneath the default reserved prefix.
    pub fn reference(self) -> String {
        format!("/-/codes/{}", self.number())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number(), self.name())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One row of the table: everything candor knows about a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The code of this row.
    pub code: Code,
    /// The name in today's standard.
    pub name: &'static str,
    /// What it says, in one sentence for people.
    pub brief: &'static str,
    /// The name in the older reference, for the 28 codes it lists.
    pub older_name: Option<&'static str>,
    /// Where today's standard defines it, such as "RFC 9110 section 15.3.1".
    pub section: &'static str,
    /// Who in candor sends it.
    pub sent: Sent,
    /// The fields a response with this code must have.
    pub fields: &'static [Field],
    /// Fields a response with this code must not have.
    pub without: &'static [&'static str],
    /// Whether content may follow, and of what kind.
    pub content: Content,
    /// What the content says, as a phrase; empty where there is never any.
    pub says: &'static str,
    /// Whether a cache may keep it without being told so (section 15.1, and RFC 7725 for 451).
    pub cacheable: bool,
    /// What candor's user agent does, in a few words.
    pub reaction: &'static str,
    /// What the server promises: a paragraph for people.
    pub promise: &'static str,
    /// What a visitor who meets it can do: a sentence or two.
    pub visitor: &'static str,
    /// What the owner of a site can do about it: a paragraph.
    pub owner: &'static str,
    /// What candor's user agent does: a paragraph.
    pub agent: &'static str,
}

impl Row {
    /// The older name, where it differs from today's in more than capitals.
    pub fn renamed_from(&self) -> Option<&'static str> {
        self.older_name.filter(|older| !older.eq_ignore_ascii_case(self.name))
    }

    /// The address at which the section can be read.
    pub fn section_address(&self) -> String {
        let (document, section) = self.section.split_once(" section ").unwrap_or((self.section, ""));
        let number = document.trim_start_matches("RFC ");
        format!("https://www.rfc-editor.org/rfc/rfc{number}#section-{section}")
    }
}

/// Every row of the table, by rising number.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    Code::ALL.iter().map(|code| code.row())
}

/// Who in candor sends a code of its own making. A gateway passes on what its upstream sent, whatever the code
/// (but 407, which is between the gateway and the upstream).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sent {
    /// The origin server.
    Origin,
    /// The gateway.
    Gateway,
    /// Both.
    OriginAndGateway,
    /// The origin server, in answer to WebDAV's methods only (RFC 4918).
    ForWebdav,
    /// The origin server, with `strict_redirects`, for methods other than GET and HEAD.
    StrictRedirects,
    /// Never made by candor itself.
    Never,
}

impl Sent {
    /// A phrase for tables and pages.
    pub const fn phrase(self) -> &'static str {
        match self {
            Sent::Origin => "the origin server",
            Sent::Gateway => "the gateway",
            Sent::OriginAndGateway => "the origin server and the gateway",
            Sent::ForWebdav => "the origin server, for WebDAV's methods only",
            Sent::StrictRedirects => {
                "the origin server with strict_redirects, for methods other than GET and HEAD"
            }
            Sent::Never => "never by candor itself",
        }
    }
}

/// A field that a response must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The field's name.
    pub name: &'static str,
    /// The condition under which it must be there, as a phrase; `None`: always.
    pub when: Option<&'static str>,
}

const fn always(name: &'static str) -> Field {
    Field { name, when: None }
}

const fn when(name: &'static str, condition: &'static str) -> Field {
    Field { name, when: Some(condition) }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.when {
            None => f.write_str(self.name),
            Some(condition) => write!(f, "{} ({condition})", self.name),
        }
    }
}

/// The rule about content. None of these applies to HEAD, whose answers never have content (section 9.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// No content, ever.
    Never,
    /// A representation, or parts of one.
    Representation,
    /// A report on what was done.
    Report,
    /// A short note with a link to where the answer is.
    Note,
    /// A list of the choices, with what each of them is.
    List,
    /// An explanation of what is wrong, and for how long if that is known (section 15.5).
    Explanation,
}

impl Content {
    /// A phrase for tables and pages.
    pub const fn phrase(self) -> &'static str {
        match self {
            Content::Never => "never",
            Content::Representation => "a representation",
            Content::Report => "a report",
            Content::Note => "a short note",
            Content::List => "a list",
            Content::Explanation => "an explanation",
        }
    }
}

/// The class of a code: its first digit (section 15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// 1xx: the request was received, the process goes on.
    Informational,
    /// 2xx: received, understood and accepted.
    Successful,
    /// 3xx: something more has to be done to complete the request.
    Redirection,
    /// 4xx: the request is at fault, or cannot be fulfilled as it stands.
    ClientError,
    /// 5xx: the server failed at a request that seems valid.
    ServerError,
}

impl Class {
    /// Every class, by rising first digit.
    pub const ALL: &'static [Class] = &[
        Class::Informational,
        Class::Successful,
        Class::Redirection,
        Class::ClientError,
        Class::ServerError,
    ];

    /// The code x00 of the class: what a code of the class that is not known is handled as.
    pub const fn representative(self) -> Code {
        match self {
            Class::Informational => Code::CONTINUE,
            Class::Successful => Code::OK,
            Class::Redirection => Code::MULTIPLE_CHOICES,
            Class::ClientError => Code::BAD_REQUEST,
            Class::ServerError => Code::INTERNAL_SERVER_ERROR,
        }
    }

    /// A heading for lists of codes, such as "2xx Successful".
    pub const fn heading(self) -> &'static str {
        match self {
            Class::Informational => "1xx Informational",
            Class::Successful => "2xx Successful",
            Class::Redirection => "3xx Redirection",
            Class::ClientError => "4xx Client error",
            Class::ServerError => "5xx Server error",
        }
    }

    /// One sentence on what the class means.
    pub const fn sentence(self) -> &'static str {
        match self {
            Class::Informational => {
                "The request has arrived and is being dealt with; the real answer follows."
            }
            Class::Successful => "The request was received, understood and accepted.",
            Class::Redirection => "What was asked for is to be had, by one more step.",
            Class::ClientError => "The request cannot be fulfilled as it stands.",
            Class::ServerError => "The server failed at a request that seems to be in order.",
        }
    }
}

/// The class of any number a status line can hold. A number outside 100 to 599 is not a code at all, and counts
/// as a server error (section 15).
pub const fn class_of(number: u16) -> Class {
    match number {
        100..=199 => Class::Informational,
        200..=299 => Class::Successful,
        300..=399 => Class::Redirection,
        400..=499 => Class::ClientError,
        _ => Class::ServerError,
    }
}

/// The code that a received number is handled as: itself if the table has it, else x00 of its class; 500 for
/// numbers outside 100 to 599 (section 15).
pub const fn understood(number: u16) -> Code {
    match Code::from_number(number) {
        Some(code) => code,
        None => class_of(number).representative(),
    }
}

/// Turns the rows into constants, look-ups and the list of all codes, so that none of them can disagree.
macro_rules! codes {
    ($($constant:ident = $number:literal $name:literal ($section:literal) {
        $($column:ident: $value:expr,)*
    })*) => {
        /// The numbers of the table; the private heart of `Code`.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        pub(super) enum Number { $($constant = $number,)* }

        impl Code {
            /// Every code of the table, by rising number.
            pub const ALL: &'static [Code] = &[$(Code::$constant,)*];

            $(
                #[doc = concat!(stringify!($number), " ", $name, " (", $section, ").")]
                pub const $constant: Code = Code(Number::$constant);
            )*

            /// The code with this number, if the table has it.
            pub const fn from_number(number: u16) -> Option<Code> {
                match number {
                    $($number => Some(Code::$constant),)*
                    _ => None,
                }
            }

            /// The row of the table.
            pub const fn row(self) -> &'static Row {
                match self.0 {
                    $(Number::$constant => const {
                        &Row { code: Code::$constant, name: $name, section: $section, $($column: $value,)* }
                    },)*
                }
            }
        }
    };
}

mod table;

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields of the law, once more by hand: code, always, under a condition.
    const REQUIRED: &[(u16, &[&str], &[&str])] = &[
        (200, &[], &["ETag", "Last-Modified", "Vary", "Content-Location"]),
        (201, &[], &["Location"]),
        (202, &["Location", "Link", "Retry-After"], &[]),
        (203, &["Cache-Status"], &["Age", "ETag", "Last-Modified"]),
        (204, &[], &[]),
        (205, &["Content-Length"], &[]),
        (
            206,
            &["Date", "ETag"],
            &["Content-Range", "Content-Type", "Vary", "Cache-Control", "Expires", "Content-Location"],
        ),
        (300, &["Link", "Vary"], &[]),
        (301, &["Location"], &[]),
        (302, &["Location"], &[]),
        (304, &["Date"], &["ETag", "Vary", "Content-Location", "Cache-Control", "Expires"]),
        (400, &[], &["Connection"]),
        (401, &["WWW-Authenticate"], &[]),
        (403, &[], &["WWW-Authenticate"]),
        (404, &["Cache-Control"], &[]),
        (405, &["Allow"], &[]),
        (406, &["Content-Length", "Link", "Content-Type"], &["Content-Language", "Vary"]),
        (408, &[], &["Connection"]),
        (409, &[], &[]),
        (410, &[], &[]),
        (500, &[], &[]),
        (501, &[], &[]),
        (502, &["Proxy-Status"], &[]),
        (503, &["Cache-Control"], &["Retry-After"]),
        (504, &["Proxy-Status"], &[]),
    ];

    #[test]
    fn the_table_rises_without_duplicates() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0].number() < pair[1].number()));
        for row in rows() {
            assert!((100..600).contains(&row.code.number()));
            assert_eq!(Code::from_number(row.code.number()), Some(row.code));
            assert_eq!(row.code.row(), row);
        }
    }

    #[test]
    fn every_row_has_its_texts() {
        for row in rows() {
            let code = row.code;
            assert!(row.section.starts_with("RFC ") && row.section.contains(" section "), "{code}");
            for text in [row.promise, row.owner, row.agent] {
                assert!(text.len() > 12 && text.ends_with('.'), "{code}: {text:?}");
                assert!(!text.contains("  ") && text.is_ascii(), "{code}: {text:?}");
            }
            for sentence in [row.brief, row.visitor] {
                assert!(sentence.len() > 8 && sentence.ends_with('.'), "{code}: {sentence:?}");
                assert!(!sentence.contains("  ") && sentence.is_ascii(), "{code}: {sentence:?}");
            }
            for phrase in [row.name, row.reaction] {
                assert!(
                    !phrase.is_empty() && !phrase.ends_with('.') && phrase.is_ascii(),
                    "{code}: {phrase:?}"
                );
            }
            assert_eq!(row.says.is_empty(), row.content == Content::Never, "{code}");
            assert!(!row.says.ends_with('.'), "{code}");
        }
    }

    #[test]
    fn required_fields_are_those_of_the_law() {
        for &(number, always, conditional) in REQUIRED {
            let row = Code::from_number(number).unwrap().row();
            let named = |condition: bool| -> Vec<_> {
                row.fields.iter().filter(|f| f.when.is_some() == condition).map(|f| f.name).collect()
            };
            assert_eq!(named(false), always, "{number}, always");
            assert_eq!(named(true), conditional, "{number}, under a condition");
        }
    }

    #[test]
    fn no_field_is_required_and_forbidden() {
        for row in rows() {
            for field in row.fields {
                assert!(!row.without.contains(&field.name), "{}: {}", row.code, field.name);
            }
        }
    }

    #[test]
    fn the_28_codes_of_the_older_reference_have_its_names() {
        let listed: Vec<u16> =
            rows().filter(|row| row.older_name.is_some()).map(|row| row.code.number()).collect();
        let expected: Vec<u16> = (200..=206).chain(300..=304).chain(400..=410).chain(500..=504).collect();
        assert_eq!(listed, expected);
        let renamed: Vec<_> =
            rows().filter_map(|row| Some((row.code.number(), row.renamed_from()?))).collect();
        assert_eq!(
            renamed,
            [
                (203, "Provisional information"),
                (302, "Moved temporarily"),
                (303, "Method"),
                (406, "None acceptable"),
            ]
        );
    }

    #[test]
    fn content_is_never_where_the_standard_or_the_law_forbids_it() {
        let silent: Vec<u16> =
            Code::ALL.iter().filter(|code| !code.has_content()).map(|code| code.number()).collect();
        assert_eq!(silent, [100, 101, 103, 204, 205, 304, 406]);
    }

    #[test]
    fn what_caches_may_keep_by_themselves() {
        let kept: Vec<u16> = rows().filter(|row| row.cacheable).map(|row| row.code.number()).collect();
        assert_eq!(kept, [200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 451, 501]);
    }

    #[test]
    fn who_sends_is_who_the_law_says() {
        let by = |sent: Sent| -> Vec<u16> {
            rows().filter(|row| row.sent == sent).map(|row| row.code.number()).collect()
        };
        assert_eq!(by(Sent::Gateway), [203, 502, 504]);
        assert_eq!(by(Sent::ForWebdav), [207, 423]);
        assert_eq!(by(Sent::StrictRedirects), [307, 308]);
        assert_eq!(
            by(Sent::Never),
            [101, 103, 303, 305, 306, 402, 407, 411, 422, 424, 425, 426, 506, 508, 510, 511]
        );
        assert_eq!(
            by(Sent::Origin),
            [201, 204, 205, 300, 301, 302, 404, 405, 406, 409, 410, 412, 415, 428, 501, 507]
        );
    }

    #[test]
    fn an_unknown_code_is_handled_as_x00_of_its_class() {
        let cases = [(299, 200), (471, 400), (599, 500), (399, 300), (199, 100), (404, 404), (410, 410)];
        for (number, handled) in cases {
            assert_eq!(understood(number).number(), handled);
        }
        for number in [0, 99, 600, 742, u16::MAX] {
            assert_eq!(class_of(number), Class::ServerError);
            assert_eq!(understood(number), Code::INTERNAL_SERVER_ERROR);
        }
    }

    #[test]
    fn a_class_holds_its_representative() {
        for &class in Class::ALL {
            assert_eq!(class.representative().class(), class);
            assert_eq!(class.representative().number() % 100, 0);
        }
    }

    #[test]
    fn shown_as_number_and_name() {
        assert_eq!(Code::NOT_FOUND.to_string(), "404 Not Found");
        assert_eq!(Code::GONE.reference(), "/-/codes/410");
        assert_eq!(
            Code::GONE.row().section_address(),
            "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.11"
        );
    }
}
