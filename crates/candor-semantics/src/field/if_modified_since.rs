//! `If-Modified-Since` (section 13.1.3): answer in full only if it changed after this.
//!
//! Grammar: `HTTP-date`. Example: `If-Modified-Since: Sat, 29 Oct 1994 19:43:31 GMT`. Ignored where it is no valid
//! date or stands on two lines. That it counts only for GET and HEAD without `If-None-Match` is the decision's
//! business. A date in the future is compared as it is.

use super::grammar::only_line;
use super::http_date::HttpDate;
use crate::head::Head;

/// The condition of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IfModifiedSince(pub HttpDate);

impl IfModifiedSince {
    /// The condition, if there is one that counts.
    pub fn from_head(head: &Head, now: HttpDate) -> Option<IfModifiedSince> {
        let value = only_line(head, "if-modified-since").ok()??;
        HttpDate::parse(value, now).map(IfModifiedSince)
    }

    /// Whether the condition is true: modified later than the date. The same second counts as not modified.
    pub fn is_modified(self, last_modified: HttpDate) -> bool {
        last_modified > self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;

    #[test]
    fn invalid_dates_are_ignored() {
        let now = HttpDate::from_unix(1_700_000_000);
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (lines, expected) in [
            (&[date][..], Some(784_111_777)),
            (&["Sun, 06 Nov 2099 08:49:37 GMT"], Some(4_097_638_177)),
            (&["nonsense"], None),
            (&[""], None),
            (&[date, date], None),
            (&["Sun, 06 Nov 1994 08:49:37 GMT; length=5"], None),
            (&[], None),
        ] {
            let found = IfModifiedSince::from_head(&head("If-Modified-Since", lines), now);
            assert_eq!(found.map(|f| f.0.unix()), expected, "{lines:?}");
        }
    }

    #[test]
    fn the_same_second_is_not_modified() {
        let condition = IfModifiedSince(HttpDate::from_unix(10));
        for (seconds, modified) in [(9, false), (10, false), (11, true)] {
            assert_eq!(condition.is_modified(HttpDate::from_unix(seconds)), modified);
        }
    }
}
