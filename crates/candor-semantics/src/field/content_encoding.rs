//! `Content-Encoding` (section 8.4) and the content codings candor knows (section 8.4.1).
//!
//! Grammar: `#content-coding`. Example: `Content-Encoding: gzip`. Codings compare without case.

use super::grammar::list;
use crate::head::Head;

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Coding {
    /// None: a name for `Accept-Encoding`, never sent in `Content-Encoding`.
    Identity,
    /// Section 8.4.1.3; `x-gzip` is the same.
    Gzip,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
    /// Section 8.4.1.2.
    Deflate,
}

impl Coding {
    /// Every coding.
    pub const ALL: [Coding; 5] =
        [Coding::Identity, Coding::Gzip, Coding::Brotli, Coding::Zstd, Coding::Deflate];

    /// The coding that a token names.
    pub fn from_token(token: &[u8]) -> Option<Coding> {
        if token.eq_ignore_ascii_case(b"x-gzip") {
            return Some(Coding::Gzip);
        }
        Coding::ALL.into_iter().find(|coding| token.eq_ignore_ascii_case(coding.token().as_bytes()))
    }

    /// The token as it stands in fields.
    pub const fn token(self) -> &'static str {
        match self {
            Coding::Identity => "identity",
            Coding::Gzip => "gzip",
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
            Coding::Deflate => "deflate",
        }
    }
}

/// A coding that candor does not know (415; section 15.5.16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownCoding;

/// The codings of a request's content in the order they were applied; empty where there are none. `identity`
/// should not be there (section 8.4.1) and means nothing.
///
/// # Errors
/// A member that names no known coding.
pub fn from_head(head: &Head) -> Result<Vec<Coding>, UnknownCoding> {
    let mut codings = Vec::new();
    for line in head.all("content-encoding") {
        parse_into(&mut codings, line)?;
    }
    Ok(codings)
}

/// The codings that one value names.
///
/// ```
/// use candor_semantics::field::content_encoding::{Coding, parse};
/// assert_eq!(parse(b"GZIP"), Ok(vec![Coding::Gzip]));
/// assert!(parse(b"exi").is_err());
/// ```
///
/// # Errors
/// A member that names no known coding.
pub fn parse(value: &[u8]) -> Result<Vec<Coding>, UnknownCoding> {
    let mut codings = Vec::new();
    parse_into(&mut codings, value)?;
    Ok(codings)
}

fn parse_into(codings: &mut Vec<Coding>, value: &[u8]) -> Result<(), UnknownCoding> {
    for member in list(value) {
        match Coding::from_token(member).ok_or(UnknownCoding)? {
            Coding::Identity => {}
            coding => codings.push(coding),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;

    #[test]
    fn codings() {
        for (lines, expected) in [
            (&[][..], Ok(vec![])),
            (&[""], Ok(vec![])),
            (&["identity"], Ok(vec![])),
            (&["x-gzip"], Ok(vec![Coding::Gzip])),
            (&["gzip, BR"], Ok(vec![Coding::Gzip, Coding::Brotli])),
            (&["gzip", "zstd"], Ok(vec![Coding::Gzip, Coding::Zstd])),
            (&["gzip;q=1"], Err(UnknownCoding)),
            (&["compress"], Err(UnknownCoding)),
            (&["gzip, foo"], Err(UnknownCoding)),
        ] {
            assert_eq!(from_head(&head("Content-Encoding", lines)), expected, "{lines:?}");
        }
        for coding in Coding::ALL {
            assert_eq!(Coding::from_token(coding.token().as_bytes()), Some(coding));
        }
    }
}
