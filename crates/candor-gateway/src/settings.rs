//! What a gateway route says.

use std::time::Duration;

use bytes::Bytes;

/// The settings of one route.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Upstreams, as http or https URLs. One with a path replaces the route's prefix by it.
    pub to: Vec<String>,
    /// The route's path.
    pub prefix: String,
    /// For resolving a name, and for making a connection.
    pub connect_timeout: Duration,
    /// The longest silence of an upstream: before its answer, and inside it.
    pub response_timeout: Duration,
    /// Whether answers are stored.
    pub cache: bool,
    /// Whether stored answers are used past their lifetime when there is no contact.
    pub stale: bool,
    /// Whether what is not definitive is 203; else it keeps its 200.
    pub provisional: bool,
    /// Whether the upstream is a third party's copy: all its 200 are provisional.
    pub mirror: bool,
    /// Fields added to answers, which makes them provisional.
    pub annotate: Vec<(String, Bytes)>,
    /// When an upstream is left alone.
    pub breaker: Option<Breaker>,
    /// Whether the address chooses the upstream; else the one with the fewest requests at work.
    pub by_hash: bool,
    /// How upstreams are asked whether they are well.
    pub health: Option<Health>,
    /// Requests at work at the same time.
    pub in_flight: usize,
    /// Bytes of content taken from a client.
    pub content_limit: Option<u64>,
}

/// Failures in a row that open the breaker, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Breaker {
    /// Failures in a row.
    pub failures: u32,
    /// How long it stays open.
    pub open: Duration,
}

/// An address asked for at intervals.
#[derive(Clone, Debug)]
pub struct Health {
    /// The address; any answer below 400 is well.
    pub path: String,
    /// How often.
    pub every: Duration,
}
