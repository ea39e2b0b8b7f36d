//! `If-Unmodified-Since` (section 13.1.4): do it only if it did not change after this.
//!
//! Grammar: `HTTP-date`. Example: `If-Unmodified-Since: Sat, 29 Oct 1994 19:43:31 GMT`. Ignored where it is no
//! valid date or stands on two lines. That `If-Match` takes its place is the decision's business.

use super::grammar::only_line;
use super::http_date::HttpDate;
use crate::head::Head;

/// The condition of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IfUnmodifiedSince(pub HttpDate);

impl IfUnmodifiedSince {
    /// The condition, if there is one that counts.
    pub fn from_head(head: &Head, now: HttpDate) -> Option<IfUnmodifiedSince> {
        let value = only_line(head, "if-unmodified-since").ok()??;
        HttpDate::parse(value, now).map(IfUnmodifiedSince)
    }

    /// Whether the condition is true: modified at that date or earlier.
    pub fn is_unmodified(self, last_modified: HttpDate) -> bool {
        last_modified <= self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;

    #[test]
    fn invalid_dates_are_ignored_and_the_same_second_holds() {
        let now = HttpDate::from_unix(1_700_000_000);
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let find = |lines: &[&str]| IfUnmodifiedSince::from_head(&head("If-Unmodified-Since", lines), now);
        assert_eq!(find(&["nonsense"]), None);
        assert_eq!(find(&[date, date]), None);
        assert_eq!(find(&[]), None);
        let condition = find(&[date]).unwrap();
        for (seconds, unmodified) in [(784_111_776, true), (784_111_777, true), (784_111_778, false)] {
            assert_eq!(condition.is_unmodified(HttpDate::from_unix(seconds)), unmodified);
        }
    }
}
