//! The other end of a connection.

use std::net::{IpAddr, SocketAddr};

use candor_semantics::head::Scheme;

/// What is known about a connection, the same for all its requests.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The client's address as the socket (or the PROXY protocol of a trusted peer) gives it; `None` on unix
    /// sockets.
    pub address: Option<SocketAddr>,
    /// The address the client connected to.
    pub local: Option<SocketAddr>,
    /// Whether the connection is under TLS.
    pub scheme: Scheme,
    /// The name the client asked for in TLS (SNI), lower case.
    pub server_name: Option<String>,
}

impl Peer {
    /// The client's IP address, if the connection has one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.address.map(|a| a.ip())
    }
}
