//! What one connection may cost: sizes and times, from the configuration.

use std::time::Duration;

/// Sizes and deadlines of the wire, the same for all versions of the protocol.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From the first byte of a head, or the acceptance of the connection, to the end of the head.
    pub head_timeout: Duration,
    /// The longest silence inside a request's content.
    pub body_timeout: Duration,
    /// The longest silence between requests.
    pub idle_timeout: Duration,
    /// The longest time in which sending an answer makes no progress.
    pub write_timeout: Duration,
    /// Bytes of a header section, and of any one field of it.
    pub head_size: usize,
    /// Bytes of a request target.
    pub target_size: usize,
    /// Requests in progress on one HTTP/2 connection.
    pub streams: u32,
    /// Connections at once; past this, new ones are closed unread.
    pub connections: usize,
    /// Connections at once from one client address; `None` sets no bound.
    pub connections_per_address: Option<usize>,
    /// How long requests in progress may take to end after the word to drain.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(30),
            head_size: 32 * 1024,
            target_size: 8 * 1024,
            streams: 128,
            connections: 20_000,
            connections_per_address: None,
            drain_timeout: Duration::from_secs(30),
        }
    }
}
