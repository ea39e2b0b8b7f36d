//! Connections: listeners, HTTP/1.1, HTTP/2, TLS, deadlines, limits, drain.

pub mod chunked;
pub mod date;
pub mod drain;
mod encode;
mod h1;
pub mod h2;
pub mod incoming;
mod input;
mod io;
pub mod limits;
pub mod listen;
mod outgoing;
pub mod peer;
mod proxy;
mod pump;
mod read;
pub mod run;
mod scan;
pub mod service;
mod timer;
pub mod tls;
pub mod transport;
