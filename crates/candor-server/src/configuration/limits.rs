//! Limits and deadlines.

use std::time::Duration;

/// The `[limits]` table, with its defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections past this number are refused.
    pub connections: usize,
    /// Requests at work past this number wait at most 10 ms, then get 503.
    pub requests_in_flight: usize,
    /// A head that takes longer is answered 408.
    pub head_timeout: Duration,
    /// A silence this long inside content is answered 408.
    pub body_timeout: Duration,
    /// A connection idle for this long between requests is closed.
    pub idle_timeout: Duration,
    /// Bytes of a header section; larger is answered 431.
    pub head_size: usize,
    /// Bytes of a request target; longer is answered 414.
    pub target_size: usize,
    /// The most that `Prefer: wait=N` can ask for (RFC 7240 section 4.3).
    pub max_wait: Duration,
    /// Requests per client address; more are answered 429.
    pub rate: Option<Rate>,
    /// Bytes of a request's content; larger is answered 413.
    pub body_size: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 20_000,
            requests_in_flight: 4096,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(60),
            head_size: 32 << 10,
            target_size: 8 << 10,
            max_wait: Duration::from_secs(30),
            rate: None,
            body_size: 1 << 30,
        }
    }
}

/// So many requests in so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests; at least one.
    pub count: u32,
    /// The time they are spread over: a second, a minute or an hour.
    pub per: Duration,
}
