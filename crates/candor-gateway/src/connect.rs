//! Making a connection: name, address, TLS. Each step fails by a cause of its own.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use candor_semantics::gateway::cause::Cause;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::link::{Io, Link};
use crate::upstream::Upstream;

/// A new connection to an upstream; each step may take `limit`.
pub(crate) async fn connect(upstream: &Upstream, limit: Duration) -> Result<Link, Cause> {
    let addresses = resolve(upstream, limit).await?;
    let stream = timeout(limit, reach(&addresses)).await.map_err(|_| Cause::ConnectTimeout)??;
    // Without it small writes wait for each other; where it cannot be set they are only slower.
    let _ = stream.set_nodelay(true);
    if !upstream.tls {
        return Ok(Link::new(Io::Tcp(stream)));
    }
    let config = client_config().ok_or(Cause::TlsProtocol)?;
    let name = ServerName::try_from(upstream.host.clone()).map_err(|_| Cause::TlsCertificate)?;
    let handshake = TlsConnector::from(config).connect(name, stream);
    match timeout(limit, handshake).await {
        Err(_) => Err(Cause::ConnectTimeout),
        Ok(Ok(stream)) => Ok(Link::new(Io::Tls(Box::new(stream)))),
        Ok(Err(error)) => Err(tls_cause(&error)),
    }
}

/// The addresses of an upstream, asked for anew after a while.
async fn resolve(upstream: &Upstream, limit: Duration) -> Result<Arc<[SocketAddr]>, Cause> {
    if let Some(known) = upstream.addresses() {
        return Ok(known);
    }
    if let Ok(address) = upstream.host.parse::<IpAddr>() {
        return Ok(Arc::from([SocketAddr::new(address, upstream.port)]));
    }
    let found = timeout(limit, tokio::net::lookup_host((upstream.host.as_str(), upstream.port))).await;
    let addresses: Vec<SocketAddr> =
        found.map_err(|_| Cause::DnsTimeout)?.map_err(|_| Cause::DnsError)?.take(16).collect();
    if addresses.is_empty() {
        return Err(Cause::DnsError);
    }
    Ok(upstream.remember(addresses.into()))
}

/// The first address that takes a connection; the last one's failure where none does.
async fn reach(addresses: &[SocketAddr]) -> Result<TcpStream, Cause> {
    let mut cause = Cause::DnsError;
    for &address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => cause = connect_cause(&error),
        }
    }
    Err(cause)
}

fn connect_cause(error: &io::Error) -> Cause {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Cause::Refused,
        io::ErrorKind::TimedOut => Cause::ConnectTimeout,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::PermissionDenied
        | io::ErrorKind::InvalidInput => Cause::Unroutable,
        _ => match error.raw_os_error() {
            // No descriptors or ports are left here: that is not the upstream's doing.
            Some(code) if is_shortage(code) => Cause::LimitReached,
            _ => Cause::ConnectBroken,
        },
    }
}

fn is_shortage(code: i32) -> bool {
    use rustix::io::Errno;
    [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::ADDRNOTAVAIL, Errno::AGAIN]
        .iter()
        .any(|errno| errno.raw_os_error() == code)
}

fn tls_cause(error: &io::Error) -> Cause {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            Cause::TlsCertificate
        }
        Some(rustls::Error::AlertReceived(_)) => Cause::TlsAlert,
        _ => Cause::TlsProtocol,
    }
}

/// Trusts what the system trusts.
fn client_config() -> Option<Arc<ClientConfig>> {
    static CONFIG: OnceLock<Option<Arc<ClientConfig>>> = OnceLock::new();
    CONFIG
        .get_or_init(|| {
            let mut roots = RootCertStore::empty();
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let mut config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .ok()?
                .with_root_certificates(roots)
                .with_no_client_auth();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Some(Arc::new(config))
        })
        .clone()
}
