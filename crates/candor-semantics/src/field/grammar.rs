//! The grammar that header fields share (section 5.6; RFC 5234 for the core rules).
//!
//! Everything here borrows from the field value, walks it once from the left and never indexes past its end.

use std::borrow::Cow;
use std::fmt;

use crate::head::Head;

/// A field value that does not follow its grammar, where that matters to the answer. Fields whose faults the
/// standard ignores give `None` instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the field value is malformed")
    }
}

impl std::error::Error for Malformed {}

/// A weight in thousandths: 1000 is `q=1`, the default where none is given (section 12.4.2).
pub const FULL_WEIGHT: u16 = 1000;

/// The lowest weight that still means acceptable, `q=0.001`.
///
/// A member whose weight is malformed gets it: the client named the member, so refusing it would be wrong, and
/// how much it is liked is not known. Clients exist that send `*/*; q=.2`.
pub const LEAST_WEIGHT: u16 = 1;

/// Reads a field value from the left.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of `value`.
    pub const fn new(value: &'a [u8]) -> Cursor<'a> {
        Cursor { rest: value }
    }

    /// What has not been read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything has been read.
    pub const fn is_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next byte, unread.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Reads one byte.
    pub fn bump(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// Reads `byte` if it is next.
    pub fn eat(&mut self, byte: u8) -> bool {
        let hit = self.peek() == Some(byte);
        if hit {
            self.bump();
        }
        hit
    }

    /// Reads bytes as long as `wanted` says so; possibly none.
    pub fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|&b| !wanted(b)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Skips optional white space (section 5.6.3).
    pub fn skip_ows(&mut self) {
        self.take_while(is_ows);
    }

    /// Reads a token (section 5.6.2).
    pub fn token(&mut self) -> Option<&'a [u8]> {
        let token = self.take_while(is_tchar);
        (!token.is_empty()).then_some(token)
    }

    /// Reads a quoted string, quotes included, without changing it (section 5.6.4).
    pub fn quoted_raw(&mut self) -> Option<&'a [u8]> {
        let start = self.rest;
        if !self.eat(b'"') {
            return None;
        }
        loop {
            match self.bump()? {
                b'"' => return start.get(..start.len() - self.rest.len()),
                b'\\' => is_quotable(self.bump()?).then_some(())?,
                byte if is_quotable(byte) => {}
                _ => return None,
            }
        }
    }

    /// Reads a quoted string and takes its quotes and escapes off; borrowed where nothing was escaped.
    pub fn quoted(&mut self) -> Option<Cow<'a, [u8]>> {
        self.quoted_raw().map(unquote)
    }

    /// Reads a token or a quoted string.
    pub fn word(&mut self) -> Option<Cow<'a, [u8]>> {
        if self.peek() == Some(b'"') { self.quoted() } else { self.token().map(Cow::Borrowed) }
    }

    /// Reads decimal digits, at least one; numbers that do not fit become the largest that does.
    pub fn number(&mut self) -> Option<u64> {
        saturating_number(self.take_while(|b| b.is_ascii_digit()))
    }
}

/// One parameter, as `;name=value` or `;name="value"` (section 5.6.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// The name as sent; names compare without case.
    pub name: &'a [u8],
    /// The value, quotes and escapes taken off.
    pub value: Cow<'a, [u8]>,
}

impl Parameter<'_> {
    /// Whether the parameter has this name.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// The parameters of a field value or list member: `*( OWS ";" OWS [ parameter ] )`. After something malformed
/// there is one `Err` and no more.
#[derive(Clone, Debug)]
pub struct Parameters<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Parameters<'a> {
    /// Parameters in `rest`, which begins before the first semicolon.
    pub const fn new(rest: &'a [u8]) -> Parameters<'a> {
        Parameters { cursor: Cursor::new(rest) }
    }

    fn step(&mut self) -> Result<Option<Parameter<'a>>, Malformed> {
        loop {
            self.cursor.skip_ows();
            if self.cursor.is_end() {
                return Ok(None);
            }
            if !self.cursor.eat(b';') {
                return Err(Malformed);
            }
            self.cursor.skip_ows();
            if self.cursor.is_end() || self.cursor.peek() == Some(b';') {
                continue;
            }
            let name = self.cursor.token().ok_or(Malformed)?;
            if !self.cursor.eat(b'=') {
                return Err(Malformed);
            }
            let value = self.cursor.word().ok_or(Malformed)?;
            return Ok(Some(Parameter { name, value }));
        }
    }
}

impl<'a> Iterator for Parameters<'a> {
    type Item = Result<Parameter<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            self.cursor = Cursor::new(&[]);
        }
        step.transpose()
    }
}

/// The elements of a comma-separated list, blanks trimmed and empty elements left out (section 5.6.1.2). Commas
/// inside quoted strings do not separate; a quoted string that never ends takes the rest of the value.
///
/// ```
/// use candor_semantics::field::grammar::list;
/// let members: Vec<&[u8]> = list(br#"a, ,b;x="1,2",, c"#).collect();
/// assert_eq!(members, [&b"a"[..], br#"b;x="1,2""#, b"c"]);
/// ```
pub const fn list(value: &[u8]) -> Separated<'_> {
    Separated { rest: value, separator: b',' }
}

/// Iterator of [`list`] and of lists with another separator.
#[derive(Clone, Debug)]
pub struct Separated<'a> {
    rest: &'a [u8],
    separator: u8,
}

impl<'a> Separated<'a> {
    /// The elements of `value` between bytes `separator` outside quoted strings.
    pub const fn new(value: &'a [u8], separator: u8) -> Separated<'a> {
        Separated { rest: value, separator }
    }
}

impl<'a> Iterator for Separated<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let end = unquoted_position(self.rest, self.separator);
            let (element, rest) = self.rest.split_at(end);
            self.rest = rest.get(1..).unwrap_or_default();
            let element = trim_ows(element);
            if !element.is_empty() {
                return Some(element);
            }
        }
        None
    }
}

/// The place of the first `separator` outside quoted strings, or the length.
fn unquoted_position(value: &[u8], separator: u8) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    value
        .iter()
        .position(|&byte| {
            if escaped {
                escaped = false;
            } else if byte == b'"' {
                quoted = !quoted;
            } else if quoted {
                escaped = byte == b'\\';
            } else {
                return byte == separator;
            }
            false
        })
        .unwrap_or(value.len())
}

/// The value of a field that is no list: `None` where it is absent, [`Malformed`] where there are several lines
/// of it (section 5.3).
///
/// # Errors
/// Two lines or more.
pub fn only_line<'a>(head: &'a Head, name: &'a str) -> Result<Option<&'a [u8]>, Malformed> {
    let mut lines = head.all(name);
    let first = lines.next();
    if lines.next().is_some() { Err(Malformed) } else { Ok(first) }
}

/// A weight (section 12.4.2) in thousandths: `0`, `1`, or either with up to three decimals, at most one.
pub fn qvalue(value: &[u8]) -> Option<u16> {
    let (&whole, rest) = value.split_first()?;
    let decimals = match rest.split_first() {
        None => rest,
        Some((b'.', decimals)) if decimals.len() <= 3 => decimals,
        Some(_) => return None,
    };
    let mut thousandths = match whole {
        b'0' => 0,
        b'1' => FULL_WEIGHT,
        _ => return None,
    };
    let mut place = 100;
    for &digit in decimals {
        if !digit.is_ascii_digit() {
            return None;
        }
        thousandths += u16::from(digit - b'0') * place;
        place /= 10;
    }
    (thousandths <= FULL_WEIGHT).then_some(thousandths)
}

/// The weight in a parameter value: [`LEAST_WEIGHT`] where it is malformed.
pub fn weight(value: &[u8]) -> u16 {
    qvalue(value).unwrap_or(LEAST_WEIGHT)
}

/// Decimal digits only, at least one; what does not fit becomes `u64::MAX`.
pub fn saturating_number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, byte| {
        byte.is_ascii_digit().then(|| number.saturating_mul(10).saturating_add(u64::from(byte - b'0')))
    })
}

/// Decimal digits only, at least one; `None` for what does not fit.
pub fn exact_number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// Without blanks and tabs at both ends.
pub fn trim_ows(value: &[u8]) -> &[u8] {
    let start = value.iter().position(|&b| !is_ows(b)).unwrap_or(value.len());
    let end = value.iter().rposition(|&b| !is_ows(b)).map_or(start, |last| last + 1);
    value.get(start..end).unwrap_or_default()
}

/// Takes quotes and escapes off a whole quoted string; anything else is given back as it is.
pub fn unquote(raw: &[u8]) -> Cow<'_, [u8]> {
    let Some(inner) = raw.strip_prefix(b"\"").and_then(|r| r.strip_suffix(b"\"")) else {
        return Cow::Borrowed(raw);
    };
    if !inner.contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    let mut plain = Vec::with_capacity(inner.len());
    let mut escaped = false;
    for &byte in inner {
        escaped = byte == b'\\' && !escaped;
        if !escaped {
            plain.push(byte);
        }
    }
    Cow::Owned(plain)
}

/// Writes a quoted string. Bytes that none can hold (controls, line ends) are left out, so no value can end its
/// line.
pub fn write_quoted(out: &mut Vec<u8>, value: &[u8]) {
    out.push(b'"');
    for &byte in value.iter().filter(|&&b| is_quotable(b)) {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// Writes a value as a token where it is one, else quoted.
pub fn write_word(out: &mut Vec<u8>, value: &[u8]) {
    if is_token(value) {
        out.extend_from_slice(value);
    } else {
        write_quoted(out, value);
    }
}

/// Decodes percent-encoding (RFC 3986 section 2.1); `None` where a percent sign is not followed by two
/// hexadecimal digits.
pub fn percent_decode(value: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(value.len());
    let mut cursor = Cursor::new(value);
    while let Some(byte) = cursor.bump() {
        decoded.push(if byte == b'%' { hex(cursor.bump()?)? << 4 | hex(cursor.bump()?)? } else { byte });
    }
    Some(decoded)
}

/// Whether every percent sign is followed by two hexadecimal digits and every other byte is `wanted`.
pub(super) fn percent_valid(value: &[u8], wanted: impl Fn(u8) -> bool) -> bool {
    let mut cursor = Cursor::new(value);
    while let Some(byte) = cursor.bump() {
        let fine = match byte {
            b'%' => {
                [cursor.bump(), cursor.bump()].into_iter().all(|b| b.is_some_and(|b| b.is_ascii_hexdigit()))
            }
            other => wanted(other),
        };
        if !fine {
            return false;
        }
    }
    true
}

/// Writes `value` percent-encoded but for the bytes that `keep` allows.
pub(super) fn percent_encode(out: &mut Vec<u8>, value: &[u8], keep: impl Fn(u8) -> bool) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in value {
        if keep(byte) {
            out.push(byte);
        } else {
            out.push(b'%');
            out.extend([byte >> 4, byte & 15].iter().filter_map(|&n| DIGITS.get(usize::from(n))));
        }
    }
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Whether the value is a token: one tchar at least and nothing else (section 5.6.2).
pub fn is_token(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(|&b| is_tchar(b))
}

/// A character of tokens (section 5.6.2).
pub const fn is_tchar(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'#'
            | b'$'
            | b'%'
            | b'&'
            | b'\''
            | b'*'
            | b'+'
            | b'-'
            | b'.'
            | b'^'
            | b'_'
            | b'`'
            | b'|'
            | b'~'
    ) || byte.is_ascii_alphanumeric()
}

/// Blank or tab (section 5.6.3).
pub const fn is_ows(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// What may stand in a quoted string, alone or after a backslash: tab, blank, visible ASCII, obs-text.
const fn is_quotable(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

/// `unreserved` of RFC 3986 section 2.3.
pub const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// `sub-delims` of RFC 3986 section 2.2.
pub const fn is_sub_delim(byte: u8) -> bool {
    matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=')
}

/// Anything that can stand in a URI reference (RFC 3986 appendix A), the percent sign included.
pub const fn is_uri_char(byte: u8) -> bool {
    is_unreserved(byte)
        || is_sub_delim(byte)
        || matches!(byte, b'%' | b':' | b'/' | b'?' | b'#' | b'[' | b']' | b'@')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn weights() {
        for (text, expected) in [
            ("1", Some(1000)),
            ("0", Some(0)),
            ("1.", Some(1000)),
            ("0.", Some(0)),
            ("0.5", Some(500)),
            ("0.05", Some(50)),
            ("0.123", Some(123)),
            ("1.000", Some(1000)),
            ("1.001", None),
            ("0.1234", None),
            ("2", None),
            (".5", None),
            ("-1", None),
            ("0.5x", None),
            ("00.5", None),
            ("0,5", None),
            ("", None),
        ] {
            assert_eq!(qvalue(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(weight(b".2"), LEAST_WEIGHT);
    }

    #[test]
    fn lists_skip_the_empty_and_respect_quotes() {
        let check = |value: &str, expected: &[&str]| {
            let found: Vec<_> = list(value.as_bytes()).map(|e| std::str::from_utf8(e).unwrap()).collect();
            assert_eq!(found, expected, "{value}");
        };
        check("", &[]);
        check(" , ,\t,", &[]);
        check("a", &["a"]);
        check("a,b , c", &["a", "b", "c"]);
        check(r#"x="a,\",b", y"#, &[r#"x="a,\",b""#, "y"]);
        check(r#"a\,b"#, &[r"a\", "b"]);
        check(r#"a, "never ends, b"#, &["a", r#""never ends, b"#]);
    }

    #[test]
    fn parameters_in_all_their_forms() {
        let check = |rest: &str, expected: Option<&[(&str, &str)]>| {
            let found: Result<Vec<_>, _> = Parameters::new(rest.as_bytes())
                .map(|p| {
                    p.map(|p| {
                        (
                            String::from_utf8(p.name.to_vec()).unwrap(),
                            String::from_utf8(p.value.into()).unwrap(),
                        )
                    })
                })
                .collect();
            let expected =
                expected.map(|e| e.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect::<Vec<_>>());
            assert_eq!(found.ok(), expected, "{rest}");
        };
        check("", Some(&[]));
        check(";", Some(&[]));
        check(" ; ;a=b", Some(&[("a", "b")]));
        check(r#";a="b c";d=e"#, Some(&[("a", "b c"), ("d", "e")]));
        check(r#";a="\"\\""#, Some(&[("a", r#""\"#)]));
        check(";a=\"\"", Some(&[("a", "")]));
        check(";a =b", None);
        check(";a= b", None);
        check(";a", None);
        check(";a=", None);
        check(";=b", None);
        check("a=b", None);
        check(r#";a="b"#, None);
        check(r#";a="b"c"#, None);
        assert_eq!(Parameters::new(b"x;y").count(), 1);
    }

    #[test]
    fn quoted_strings_end_and_hold_no_controls() {
        assert_eq!(Cursor::new(b"\"a\\\"b\" c").quoted().as_deref(), Some(&b"a\"b"[..]));
        assert_eq!(Cursor::new(b"\"a\x01\"").quoted(), None);
        assert_eq!(Cursor::new(b"\"a\\").quoted(), None);
        assert_eq!(Cursor::new(b"a").quoted(), None);
        let mut out = Vec::new();
        write_quoted(&mut out, b"a\r\nSet-Cookie: x\"\\");
        assert_eq!(out, b"\"aSet-Cookie: x\\\"\\\\\"");
    }

    #[test]
    fn numbers_saturate_or_refuse() {
        assert_eq!(saturating_number(b"18446744073709551616"), Some(u64::MAX));
        assert_eq!(exact_number(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(exact_number(b"18446744073709551616"), None);
        for bad in [&b""[..], b"+1", b"1 ", b"0x1", b"-1"] {
            assert_eq!((saturating_number(bad), exact_number(bad)), (None, None));
        }
    }

    #[test]
    fn blanks_are_trimmed() {
        for (value, trimmed) in [("", ""), (" \t", ""), (" a b\t", "a b"), ("a", "a")] {
            assert_eq!(trim_ows(value.as_bytes()), trimmed.as_bytes());
        }
    }

    #[test]
    fn percent_encoding() {
        assert_eq!(percent_decode(b"a%20b%C3%a4").as_deref(), Some(&b"a b\xc3\xa4"[..]));
        for bad in [&b"%"[..], b"%2", b"%zz", b"%+1"] {
            assert_eq!(percent_decode(bad), None);
            assert!(!percent_valid(bad, |_| true));
        }
    }

    proptest! {
        #[test]
        fn quoting_round_trips(value in proptest::collection::vec(prop_oneof![Just(b'\t'), b' '..=b'~', 0x80_u8..], 0..40)) {
            let mut out = Vec::new();
            write_quoted(&mut out, &value);
            let mut cursor = Cursor::new(&out);
            let back = cursor.quoted();
            prop_assert_eq!(back.as_deref(), Some(&value[..]));
            prop_assert!(cursor.is_end());
            prop_assert_eq!(list(&out).count(), 1);
        }

        #[test]
        fn percent_encoding_round_trips(value: Vec<u8>) {
            let mut out = Vec::new();
            percent_encode(&mut out, &value, is_unreserved);
            prop_assert_eq!(percent_decode(&out), Some(value));
        }
    }
}
