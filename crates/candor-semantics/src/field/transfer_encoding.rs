//! `Transfer-Encoding` (RFC 9112 section 6.1): how the content is framed.
//!
//! Grammar: `#( token *( OWS ";" OWS parameter ) )`. Example: `Transfer-Encoding: chunked`.
//!
//! Stricter than the list rule: an empty element is malformed here, since this field decides where the next
//! request begins and nobody has a reason to send one.

use super::grammar::{Cursor, Parameters};
use crate::head::{Head, Version};

/// What the field says about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransferEncoding {
    /// No such field.
    Absent,
    /// Chunked and nothing else.
    Chunked,
    /// Chunked last, over codings that are not implemented (501; section 6.1).
    Unknown,
    /// Malformed, chunked missing at the end or applied twice (section 6.3), or in a version of the protocol
    /// that has no such field: HTTP/1.0 (section 6.1) and HTTP/2 (RFC 9113 section 8.2.2). 400 and close.
    Malformed,
}

impl TransferEncoding {
    /// What a request's field lines say.
    pub fn from_head(head: &Head) -> TransferEncoding {
        match head.list("transfer-encoding") {
            None => TransferEncoding::Absent,
            Some(_) if head.version() != Version::Http11 => TransferEncoding::Malformed,
            Some(value) => TransferEncoding::parse(&value),
        }
    }

    /// What a combined field value says.
    ///
    /// ```
    /// use candor_semantics::field::transfer_encoding::TransferEncoding;
    /// assert_eq!(TransferEncoding::parse(b"Chunked"), TransferEncoding::Chunked);
    /// assert_eq!(TransferEncoding::parse(b"gzip, chunked"), TransferEncoding::Unknown);
    /// assert_eq!(TransferEncoding::parse(b"chunked, gzip"), TransferEncoding::Malformed);
    /// ```
    pub fn parse(value: &[u8]) -> TransferEncoding {
        let (mut chunked, mut others) = (false, false);
        for element in value.split(|&b| b == b',') {
            if chunked {
                return TransferEncoding::Malformed;
            }
            match coding(element) {
                Some(Coding::Chunked) => chunked = true,
                Some(Coding::Other) => others = true,
                None => return TransferEncoding::Malformed,
            }
        }
        match (chunked, others) {
            (true, false) => TransferEncoding::Chunked,
            (true, true) => TransferEncoding::Unknown,
            (false, _) => TransferEncoding::Malformed,
        }
    }
}

enum Coding {
    Chunked,
    Other,
}

/// One element; commas inside quoted parameters end it, which makes them malformed: no known coding has any.
fn coding(element: &[u8]) -> Option<Coding> {
    let mut cursor = Cursor::new(element);
    cursor.skip_ows();
    let name = cursor.token()?;
    let mut parameters = Parameters::new(cursor.rest());
    if name.eq_ignore_ascii_case(b"chunked") {
        cursor.skip_ows();
        return cursor.is_end().then_some(Coding::Chunked);
    }
    parameters.all(|p| p.is_ok()).then_some(Coding::Other)
}

#[cfg(test)]
mod tests {
    use super::TransferEncoding::*;
    use super::*;
    use crate::field::tests::{head, head_of_version};

    #[test]
    fn only_chunked_is_understood() {
        for (lines, expected) in [
            (&[][..], Absent),
            (&["chunked"], Chunked),
            (&["CHUNKED"], Chunked),
            (&[" chunked "], Chunked),
            (&["foo, chunked"], Unknown),
            (&["foo;a=b, chunked"], Unknown),
            (&["gzip", "chunked"], Unknown),
            (&["identity, chunked"], Unknown),
            (&["chunked", "gzip"], Malformed),
            (&["chunked, chunked"], Malformed),
            (&["chunked", "chunked"], Malformed),
            (&["identity"], Malformed),
            (&["foo"], Malformed),
            (&["xchunked"], Malformed),
            (&["chunkedx"], Malformed),
            (&["chunked;a=b"], Malformed),
            (&["chunked;"], Malformed),
            (&["\"chunked\""], Malformed),
            (&["\x0bchunked"], Malformed),
            (&["chunked\x0c"], Malformed),
            (&["foo bar, chunked"], Malformed),
            (&["foo;a=\"b, chunked"], Malformed),
            (&[", chunked"], Malformed),
            (&["chunked,"], Malformed),
            (&[""], Malformed),
            (&["", "chunked"], Malformed),
        ] {
            assert_eq!(TransferEncoding::from_head(&head("Transfer-Encoding", lines)), expected, "{lines:?}");
        }
    }

    #[test]
    fn other_versions_have_no_such_field() {
        for version in [Version::Http10, Version::Http2] {
            let head = head_of_version(version, "Transfer-Encoding", &["chunked"]);
            assert_eq!(TransferEncoding::from_head(&head), Malformed);
            assert_eq!(TransferEncoding::from_head(&head_of_version(version, "x", &[])), Absent);
        }
    }
}
