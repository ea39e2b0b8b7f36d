//! The retry table: what may be sent a second time (section 9.2.2). At most one repetition, never after a byte of
//! an answer, and for methods that are not idempotent only where the upstream provably did not act.

use crate::head::Head;
use crate::method::Method;

/// How an attempt failed, as far as it matters for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Happened {
    /// No byte of the request was written.
    NotWritten,
    /// The upstream says that it did not act (421, or a refused stream).
    NotProcessed,
    /// A kept connection was closed before any byte of an answer.
    ReusedClosed,
    /// A new connection was closed, or went silent, before any byte of an answer.
    FreshFailed,
    /// A byte of an answer came.
    AnswerBegun,
}

impl Happened {
    /// Every way.
    pub const ALL: [Happened; 5] = [
        Happened::NotWritten,
        Happened::NotProcessed,
        Happened::ReusedClosed,
        Happened::FreshFailed,
        Happened::AnswerBegun,
    ];
}

/// The columns of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// GET, HEAD, OPTIONS, TRACE.
    Safe,
    /// PUT and DELETE without conditions.
    Idempotent,
    /// PUT and DELETE with If-Match or If-None-Match: a repetition could turn success into 412.
    Conditional,
    /// POST, PATCH and everything that is not known here.
    Other,
}

impl Kind {
    /// Every column.
    pub const ALL: [Kind; 4] = [Kind::Safe, Kind::Idempotent, Kind::Conditional, Kind::Other];

    /// The column of a request.
    pub fn of(head: &Head) -> Kind {
        match head.method() {
            Some(Method::Get | Method::Head | Method::Options | Method::Trace) => Kind::Safe,
            Some(Method::Put | Method::Delete) if head.has("if-match") || head.has("if-none-match") => {
                Kind::Conditional
            }
            Some(Method::Put | Method::Delete) => Kind::Idempotent,
            _ => Kind::Other,
        }
    }
}

/// What else a repetition depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Means {
    /// The content, if there is any, can be sent again from its beginning.
    pub replayable: bool,
    /// There is time left for another attempt.
    pub time_left: bool,
    /// It was already tried twice.
    pub repeated: bool,
}

/// Whether the request may be sent once more.
pub const fn may_repeat(happened: Happened, kind: Kind, means: Means) -> bool {
    if means.repeated || !means.replayable {
        return false;
    }
    match (happened, kind) {
        (Happened::AnswerBegun, _) => false,
        (Happened::NotWritten | Happened::NotProcessed, _) => true,
        (Happened::ReusedClosed, Kind::Safe | Kind::Idempotent) => true,
        (Happened::FreshFailed, Kind::Safe | Kind::Idempotent) => means.time_left,
        (Happened::ReusedClosed | Happened::FreshFailed, Kind::Conditional | Kind::Other) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::{Scheme, Version};

    #[test]
    fn the_table_of_the_rules() {
        // Rows and columns as the rules have them; "t" is "if time is left".
        let rows = [
            (Happened::NotWritten, "yyyy"),
            (Happened::NotProcessed, "yyyy"),
            (Happened::ReusedClosed, "yynn"),
            (Happened::FreshFailed, "ttnn"),
            (Happened::AnswerBegun, "nnnn"),
        ];
        for (happened, row) in rows {
            for (kind, cell) in Kind::ALL.into_iter().zip(row.chars()) {
                for bits in 0..8u8 {
                    let means =
                        Means { replayable: bits & 1 > 0, time_left: bits & 2 > 0, repeated: bits & 4 > 0 };
                    let wanted = match cell {
                        'y' => true,
                        't' => means.time_left,
                        _ => false,
                    };
                    let wanted = wanted && means.replayable && !means.repeated;
                    assert_eq!(may_repeat(happened, kind, means), wanted, "{happened:?} {kind:?} {means:?}");
                }
            }
        }
    }

    #[test]
    fn columns() {
        let kind = |method: &str, fields: &[(&str, &str)]| {
            Kind::of(&Head::from_parts(
                method.as_bytes(),
                b"/",
                Version::Http11,
                Scheme::Http,
                fields.iter().copied(),
            ))
        };
        for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
            assert_eq!(kind(method, &[("If-None-Match", "*")]), Kind::Safe);
        }
        for method in ["PUT", "DELETE"] {
            assert_eq!(kind(method, &[("If-Modified-Since", "x")]), Kind::Idempotent);
            assert_eq!(kind(method, &[("If-Match", "*")]), Kind::Conditional);
            assert_eq!(kind(method, &[("if-none-match", "*")]), Kind::Conditional);
        }
        for method in ["POST", "PATCH", "BREW", "MOVE", "get"] {
            assert_eq!(kind(method, &[]), Kind::Other);
        }
    }
}
