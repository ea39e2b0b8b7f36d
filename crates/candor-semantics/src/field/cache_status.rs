//! `Cache-Status` (RFC 9211): how a cache came by its answer.
//!
//! Grammar: a structured-field list of names with parameters; each cache appends its member. Examples:
//! `candor; hit; ttl=30`, `candor; fwd=uri-miss; stored`.

use std::fmt;

use super::structured;

/// One member: what this cache did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheStatus {
    /// The cache's name.
    pub name: String,
    /// Where the answer came from.
    pub found: Found,
    /// Seconds of freshness left; negative for a stale answer (section 2.4).
    pub ttl: Option<i64>,
    /// More, as a token or for people (section 2.8).
    pub detail: Option<String>,
}

/// Where the answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The store (section 2.1).
    Hit,
    /// The next server (section 2.2).
    Forwarded {
        /// Why it was asked.
        why: Forward,
        /// Its status code (section 2.3).
        status: Option<u16>,
        /// Whether its answer was stored (section 2.5).
        stored: bool,
        /// Whether the request was joined with others (section 2.6).
        collapsed: bool,
    },
}

/// Why the next server was asked (section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// The cache is set to pass this on.
    Bypass,
    /// The method cannot be answered from the store.
    Method,
    /// Nothing stored for this URI.
    UriMiss,
    /// Something stored, but not for these request fields.
    VaryMiss,
    /// Nothing stored; which of the two it was is not told apart.
    Miss,
    /// The request asked for it.
    Request,
    /// What was stored is stale.
    Stale,
    /// What was stored is a part that does not reach.
    Partial,
}

impl Forward {
    /// The token.
    pub const fn token(self) -> &'static str {
        match self {
            Forward::Bypass => "bypass",
            Forward::Method => "method",
            Forward::UriMiss => "uri-miss",
            Forward::VaryMiss => "vary-miss",
            Forward::Miss => "miss",
            Forward::Request => "request",
            Forward::Stale => "stale",
            Forward::Partial => "partial",
        }
    }
}

/// The member of the field value.
///
/// ```
/// use candor_semantics::field::cache_status::{CacheStatus, Found};
/// let status = CacheStatus { name: "candor".to_owned(), found: Found::Hit, ttl: Some(-5), detail: None };
/// assert_eq!(status.to_string(), "candor; hit; ttl=-5");
/// ```
impl fmt::Display for CacheStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        structured::write_name(f, &self.name)?;
        match self.found {
            Found::Hit => f.write_str("; hit")?,
            Found::Forwarded { why, status, stored, collapsed } => {
                write!(f, "; fwd={}", why.token())?;
                if let Some(status) = status {
                    write!(f, "; fwd-status={status}")?;
                }
                f.write_str(if stored { "; stored" } else { "" })?;
                f.write_str(if collapsed { "; collapsed" } else { "" })?;
            }
        }
        if let Some(ttl) = self.ttl {
            write!(f, "; ttl={ttl}")?;
        }
        if let Some(detail) = &self.detail {
            f.write_str("; detail=")?;
            structured::write_name(f, detail)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members() {
        let found = |why, status, stored, collapsed| Found::Forwarded { why, status, stored, collapsed };
        for (found, ttl, detail, expected) in [
            (Found::Hit, Some(30), None, "c; hit; ttl=30"),
            (
                Found::Hit,
                Some(-7),
                Some("stale-while-revalidate"),
                "c; hit; ttl=-7; detail=stale-while-revalidate",
            ),
            (found(Forward::UriMiss, None, true, false), None, None, "c; fwd=uri-miss; stored"),
            (
                found(Forward::Stale, Some(304), false, true),
                None,
                None,
                "c; fwd=stale; fwd-status=304; collapsed",
            ),
            (found(Forward::Method, None, false, false), None, Some("a b"), "c; fwd=method; detail=\"a b\""),
        ] {
            let status = CacheStatus { name: "c".to_owned(), found, ttl, detail: detail.map(str::to_owned) };
            assert_eq!(status.to_string(), expected);
        }
    }
}
