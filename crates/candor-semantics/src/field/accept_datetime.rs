//! `Accept-Datetime` (RFC 7089 section 2.1.1): the representation as it was then.
//!
//! Grammar: IMF-fixdate, no other form. Example: `Accept-Datetime: Thu, 31 May 2007 20:35:00 GMT`.

use super::grammar::{Malformed, only_line};
use super::http_date::HttpDate;
use crate::head::Head;

/// The moment a request asks for; `None` where it asks for none.
///
/// # Errors
/// Two lines, or no such date: RFC 7089 asks for a 400 then.
pub fn from_head(head: &Head) -> Result<Option<HttpDate>, Malformed> {
    only_line(head, "accept-datetime")?.map(|value| parse(value).ok_or(Malformed)).transpose()
}

/// Reads a field value.
///
/// ```
/// use candor_semantics::field::accept_datetime::parse;
/// assert_eq!(parse(b"Thu, 31 May 2007 20:35:00 GMT").map(|d| d.unix()), Some(1_180_643_700));
/// ```
pub fn parse(value: &[u8]) -> Option<HttpDate> {
    HttpDate::parse_fixdate(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;

    #[test]
    fn fixdates_only() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (lines, expected) in [
            (&[][..], Ok(None)),
            (&[date], Ok(Some(HttpDate::from_unix(784_111_777)))),
            (&["Sunday, 06-Nov-94 08:49:37 GMT"], Err(Malformed)),
            (&["Sun Nov  6 08:49:37 1994"], Err(Malformed)),
            (&["1994"], Err(Malformed)),
            (&[date, date], Err(Malformed)),
        ] {
            assert_eq!(from_head(&head("Accept-Datetime", lines)), expected, "{lines:?}");
        }
    }
}
