//! Connections: listeners, HTTP/1.1, HTTP/2, TLS, deadlines, limits, drain.

pub mod date;
pub mod drain;
pub mod h2;
pub mod incoming;
pub mod limits;
pub mod peer;
mod read;
pub mod service;
pub mod tls;
pub mod transport;
