//! Connections: listeners, HTTP/1.1, HTTP/2, TLS, deadlines, limits, drain.

pub mod incoming;
pub mod peer;
pub mod service;
