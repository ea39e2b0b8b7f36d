//! Connections: TCP, TLS, and through a proxy.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use candor_semantics::url::Url;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// What requests are written to and answers read from.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// An open connection, and what was received on it but not used yet.
pub(crate) struct Connection {
    pub(crate) stream: Box<dyn Stream>,
    pub(crate) received: BytesMut,
    /// Whether an exchange went over it before.
    pub(crate) is_reused: bool,
}

impl Connection {
    fn new(stream: Box<dyn Stream>) -> Connection {
        Connection { stream, received: BytesMut::with_capacity(16 << 10), is_reused: false }
    }

    /// Whether the connection is open and silent. Data without a request outstanding is no answer: such a
    /// connection is dropped (RFC 9112 section 9.2).
    pub(crate) async fn is_silent(&mut self) -> bool {
        self.received.is_empty()
            && tokio::time::timeout(Duration::ZERO, self.stream.read_buf(&mut self.received)).await.is_err()
    }
}

/// The TLS configuration: the system's roots, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
pub(crate) fn tls() -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Connects to the server of a URL, without TLS.
pub(crate) async fn plain(url: &Url) -> io::Result<Connection> {
    let open = async {
        let addresses = tokio::net::lookup_host((url.host(), url.port())).await?;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    let _ = stream.set_nodelay(true);
                    return Ok(Connection::new(Box::new(stream)));
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    };
    match tokio::time::timeout(CONNECT, open).await {
        Ok(done) => done,
        Err(_) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no connection within {} seconds", CONNECT.as_secs()),
        )),
    }
}

/// Speaks TLS with the server of a URL over a connection.
pub(crate) async fn encrypt(
    connection: Connection,
    url: &Url,
    config: Arc<ClientConfig>,
) -> io::Result<Connection> {
    let name = ServerName::try_from(url.host().to_owned()).map_err(|_| {
        io::Error::new(io::ErrorKind::InvalidInput, "the host is no name that a certificate can have")
    })?;
    let handshake = TlsConnector::from(config).connect(name, connection.stream);
    match tokio::time::timeout(CONNECT, handshake).await {
        Ok(stream) => Ok(Connection::new(Box::new(stream?))),
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no TLS within 10 seconds")),
    }
}
