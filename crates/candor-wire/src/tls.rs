//! TLS 1.2 and 1.3 by rustls: certificates chosen by name, reloaded without a dropped connection.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::BytesMut;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{
    ClientHello, ParsedCertificate, ProducesTickets, ResolvesServerCert, ServerSessionMemoryCache,
    StoresServerSessions,
};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, InconsistentKeys, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::transport::Prefixed;

/// Sessions of TLS 1.2 clients without tickets that are remembered for resumption.
const SESSIONS: usize = 4096;
/// Room for a first flight; more is read by rustls.
const FIRST_READ: usize = 2048;
/// How long somebody who spoke plain HTTP is given to read what was wrong.
const PLAIN_LINGER: Duration = Duration::from_secs(1);
/// What somebody who speaks plain HTTP to a TLS port is told. There is no request to decide upon and no
/// connection to keep, so this is the whole exchange.
const PLAIN_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 52\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n\
    This port speaks HTTPS; plain HTTP was sent to it.\r\n";

/// The TLS side of a server: what it needs to accept connections, and to change its certificates while it runs.
pub struct Tls {
    config: ArcSwap<ServerConfig>,
    ticketer: Arc<dyn ProducesTickets>,
    sessions: Arc<dyn StoresServerSessions>,
}

impl Tls {
    /// Ready to accept with these certificates.
    ///
    /// # Errors
    /// If the system gives no random numbers for the keys of session tickets.
    pub fn new(certificates: Certificates) -> io::Result<Tls> {
        let ticketer = aws_lc_rs::Ticketer::new().map_err(io::Error::other)?;
        let sessions = ServerSessionMemoryCache::new(SESSIONS);
        let config = ArcSwap::from_pointee(config(certificates, &ticketer, sessions.clone())?);
        Ok(Tls { config, ticketer, sessions })
    }

    /// Uses other certificates from now on. Connections stay as they are, and sessions can still be resumed.
    ///
    /// # Errors
    /// None that is known: the certificates are whole. Nothing is changed then.
    pub fn reload(&self, certificates: Certificates) -> io::Result<()> {
        let config = config(certificates, &self.ticketer, Arc::clone(&self.sessions))?;
        self.config.store(Arc::new(config));
        Ok(())
    }

    /// Shakes hands, in at most `limit`. Plain HTTP is answered with a short 400 and closed.
    ///
    /// # Errors
    /// No TLS connection came of it; there is nothing left to do with the stream.
    pub async fn accept<IO>(&self, io: IO, limit: Duration) -> Result<Accepted<IO>, AcceptError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let accepted = async {
            let io = self.first_bytes(io).await?;
            let stream =
                TlsAcceptor::from(self.config.load_full()).accept(io).await.map_err(AcceptError::Failed)?;
            Ok(Accepted::new(stream))
        };
        timeout(limit, accepted).await.unwrap_or(Err(AcceptError::TimedOut))
    }

    /// Looks at the first byte to tell TLS, whose records begin with a small number (RFC 8446 section 5.1), from
    /// plain HTTP, which begins with a method.
    async fn first_bytes<IO>(&self, mut io: IO) -> Result<Prefixed<IO>, AcceptError>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let mut first = BytesMut::with_capacity(FIRST_READ);
        io.read_buf(&mut first).await.map_err(AcceptError::Failed)?;
        match first.first() {
            None => Err(AcceptError::Silent),
            Some(byte) if byte.is_ascii_alphabetic() => {
                let _ = timeout(PLAIN_LINGER, answer_plain(io)).await;
                Err(AcceptError::Plain)
            }
            Some(_) => Ok(Prefixed::new(first.freeze(), io)),
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// Answers, then reads until the other side closes, because closing over unread bytes would reset the connection
/// and take the answer with it.
async fn answer_plain<IO: AsyncRead + AsyncWrite + Unpin>(mut io: IO) -> io::Result<()> {
    io.write_all(PLAIN_ANSWER).await?;
    io.shutdown().await?;
    let mut unread = [0; 1024];
    while io.read(&mut unread).await? > 0 {}
    Ok(())
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(aws_lc_rs::default_provider())))
}

fn config(
    certificates: Certificates,
    ticketer: &Arc<dyn ProducesTickets>,
    sessions: Arc<dyn StoresServerSessions>,
) -> io::Result<ServerConfig> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certificates));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.ticketer = Arc::clone(ticketer);
    config.session_storage = sessions;
    Ok(config)
}

/// A connection after its handshake.
#[derive(Debug)]
pub struct Accepted<IO> {
    /// The stream inside TLS.
    pub stream: TlsStream<Prefixed<IO>>,
    /// The name the client asked for (SNI), lower case.
    pub server_name: Option<String>,
    /// What is spoken on it.
    pub protocol: Protocol,
}

impl<IO> Accepted<IO> {
    fn new(stream: TlsStream<Prefixed<IO>>) -> Accepted<IO> {
        let (_, connection) = stream.get_ref();
        let server_name = connection.server_name().map(str::to_ascii_lowercase);
        let protocol = match connection.alpn_protocol() {
            Some(b"h2") => Protocol::Http2,
            _ => Protocol::Http1,
        };
        Accepted { stream, server_name, protocol }
    }
}

/// The protocol agreed upon by ALPN (RFC 7301). Clients that name none speak HTTP/1.x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `http/1.1`, or nothing said.
    Http1,
    /// `h2`.
    Http2,
}

/// Why a connection did not come to be.
#[derive(Debug)]
pub enum AcceptError {
    /// The client connected and left without a byte.
    Silent,
    /// The client spoke plain HTTP; it has been told.
    Plain,
    /// The handshake took too long.
    TimedOut,
    /// The client broke the protocol or the connection, or there is no version or cipher both sides know.
    Failed(io::Error),
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AcceptError::Silent => f.write_str("closed before the handshake"),
            AcceptError::Plain => f.write_str("plain HTTP on a TLS port"),
            AcceptError::TimedOut => f.write_str("the handshake took too long"),
            AcceptError::Failed(_) => f.write_str("the handshake failed"),
        }
    }
}

impl std::error::Error for AcceptError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            AcceptError::Failed(error) => Some(error),
            AcceptError::Silent | AcceptError::Plain | AcceptError::TimedOut => None,
        }
    }
}

/// Where a certificate lies and for whom it is.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// PEM: the server's certificate, then those that lead towards a root.
    pub certificate: PathBuf,
    /// PEM: the private key, in PKCS#8, PKCS#1 or SEC1 form.
    pub key: PathBuf,
    /// The hosts it is used for; `*.example.org` stands for one label. None: for every host that has no other.
    pub hosts: Vec<String>,
}

/// Loaded certificates, chosen by the name the client asks for and the signatures it knows.
#[derive(Debug, Default)]
pub struct Certificates {
    /// By lower-case host; wildcards with their asterisk.
    by_host: HashMap<String, Vec<Arc<CertifiedKey>>>,
    /// For every host that has no other.
    general: Vec<Arc<CertifiedKey>>,
    all: Vec<Arc<CertifiedKey>>,
    warnings: Vec<TlsWarning>,
}

impl Certificates {
    /// Loads every certificate with its key.
    ///
    /// # Errors
    /// The first file that cannot be used, and why.
    pub fn load(files: &[CertificateFiles]) -> Result<Certificates, TlsError> {
        let mut certificates = Certificates::default();
        for files in files {
            let key = Arc::new(certified_key(files)?);
            certificates.warnings.extend(warnings(files, &key));
            certificates.add(&files.hosts, key);
        }
        Ok(certificates)
    }

    /// What an owner should know about these certificates although they are used.
    pub fn warnings(&self) -> &[TlsWarning] {
        &self.warnings
    }

    fn add(&mut self, hosts: &[String], key: Arc<CertifiedKey>) {
        for host in hosts {
            self.by_host.entry(host.to_ascii_lowercase()).or_default().push(Arc::clone(&key));
        }
        if hosts.is_empty() {
            self.general.push(Arc::clone(&key));
        }
        self.all.push(key);
    }

    /// For clients that name nobody we know: better a certificate that says whose server this is than an alert
    /// that says nothing.
    fn others(&self) -> &[Arc<CertifiedKey>] {
        if self.general.is_empty() { &self.all } else { &self.general }
    }

    /// The candidates for a name: its own, those of its wildcard, or those for everybody.
    fn candidates(&self, name: Option<&str>) -> &[Arc<CertifiedKey>] {
        let named = name.and_then(|name| {
            let name = name.to_ascii_lowercase();
            self.by_host.get(&name).or_else(|| {
                let (_, parent) = name.split_once('.')?;
                self.by_host.get(&format!("*.{parent}"))
            })
        });
        named.map_or_else(|| self.others(), Vec::as_slice)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let candidates = self.candidates(hello.server_name());
        let schemes = hello.signature_schemes();
        candidates.iter().find(|key| key.key.choose_scheme(schemes).is_some()).or(candidates.first()).cloned()
    }
}

fn certified_key(files: &CertificateFiles) -> Result<CertifiedKey, TlsError> {
    let chain = chain(&files.certificate)?;
    let key = private_key(&files.key)?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            TlsError::new(&files.key, TlsProblem::KeyOfAnother { certificate: files.certificate.clone() })
        }
        rustls::Error::InvalidCertificate(_) => TlsError::new(&files.certificate, TlsProblem::BadCertificate),
        _ => TlsError::new(&files.key, TlsProblem::BadKey),
    })
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = pem(path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match chain {
        Err(_) => Err(TlsError::new(path, TlsProblem::NotPem)),
        Ok(chain) if chain.is_empty() => Err(TlsError::new(path, TlsProblem::NoCertificate)),
        Ok(chain) => Ok(chain),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    use rustls::pki_types::pem::Error;
    PrivateKeyDer::from_pem_slice(&pem(path)?).map_err(|error| {
        let problem = match error {
            Error::NoItemsFound => TlsProblem::NoKey,
            _ => TlsProblem::NotPem,
        };
        TlsError::new(path, problem)
    })
}

fn pem(path: &Path) -> Result<Vec<u8>, TlsError> {
    let bytes = std::fs::read(path).map_err(|error| TlsError::new(path, TlsProblem::Unreadable(error)))?;
    match memchr::memmem::find(&bytes, b"-----BEGIN ") {
        Some(_) => Ok(bytes),
        None => Err(TlsError::new(path, TlsProblem::NotPem)),
    }
}

/// A file that cannot be used for TLS.
#[derive(Debug)]
pub struct TlsError {
    /// The file as it was named.
    pub file: PathBuf,
    /// What is wrong with it.
    pub problem: TlsProblem,
}

/// What can be wrong with a file.
#[derive(Debug)]
pub enum TlsProblem {
    /// It is missing, or may not be read.
    Unreadable(io::Error),
    /// There is no PEM in it, or it is damaged.
    NotPem,
    /// There is PEM in it, but no certificate.
    NoCertificate,
    /// There is PEM in it, but no private key (an encrypted one does not count).
    NoKey,
    /// The first certificate cannot be read.
    BadCertificate,
    /// The key cannot be read, or is of a kind that is not supported.
    BadKey,
    /// The key belongs to another certificate.
    KeyOfAnother {
        /// The certificate named beside it.
        certificate: PathBuf,
    },
}

impl TlsError {
    fn new(file: &Path, problem: TlsProblem) -> TlsError {
        TlsError { file: file.to_owned(), problem }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file.display())?;
        match &self.problem {
            TlsProblem::Unreadable(error) => write!(f, "cannot be read: {error}"),
            TlsProblem::NotPem => f.write_str("is not PEM, or damaged"),
            TlsProblem::NoCertificate => f.write_str("has no certificate in it"),
            TlsProblem::NoKey => f.write_str("has no private key in it, or an encrypted one"),
            TlsProblem::BadCertificate => f.write_str("its first certificate cannot be read"),
            TlsProblem::BadKey => {
                f.write_str("its key cannot be read, or is of a kind that is not supported")
            }
            TlsProblem::KeyOfAnother { certificate } => {
                write!(f, "is not the key of the certificate in {}", certificate.display())
            }
        }
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            TlsProblem::Unreadable(error) => Some(error),
            _ => None,
        }
    }
}

/// Something about a certificate that clients will object to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsWarning {
    /// Its time is over.
    Expired(PathBuf),
    /// Its time has not begun.
    NotYetValid(PathBuf),
    /// It does not name a host it is used for.
    DoesNotName(PathBuf, String),
}

impl fmt::Display for TlsWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsWarning::Expired(file) => write!(f, "{}: the certificate has expired", file.display()),
            TlsWarning::NotYetValid(file) => {
                write!(f, "{}: the certificate is not valid yet", file.display())
            }
            TlsWarning::DoesNotName(file, host) => {
                write!(f, "{}: the certificate does not name {host}", file.display())
            }
        }
    }
}

fn warnings(files: &CertificateFiles, key: &CertifiedKey) -> Vec<TlsWarning> {
    let Some(certificate) = key.end_entity_cert().ok().and_then(|der| ParsedCertificate::try_from(der).ok())
    else {
        return Vec::new();
    };
    let file = || files.certificate.clone();
    let nameless = files.hosts.iter().filter(|host| !names(&certificate, host));
    let nameless = nameless.map(|host| TlsWarning::DoesNotName(file(), host.clone()));
    out_of_time(&certificate, file).into_iter().chain(nameless).collect()
}

/// Asks for a path to no root at all: it cannot be found, but time is looked at first.
fn out_of_time(certificate: &ParsedCertificate<'_>, file: impl Fn() -> PathBuf) -> Option<TlsWarning> {
    let algorithms = provider().signature_verification_algorithms.all;
    let nobody = RootCertStore::empty();
    match verify_server_cert_signed_by_trust_anchor(certificate, &nobody, &[], UnixTime::now(), algorithms) {
        Err(rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => Some(TlsWarning::Expired(file())),
        Err(rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        )) => Some(TlsWarning::NotYetValid(file())),
        _ => None,
    }
}

/// Whether a certificate is for a host; any label stands for the asterisk of a wildcard.
fn names(certificate: &ParsedCertificate<'_>, host: &str) -> bool {
    let host = match host.strip_prefix("*.") {
        Some(parent) => format!("any.{parent}"),
        None => host.to_owned(),
    };
    ServerName::try_from(host).is_ok_and(|name| verify_server_name(certificate, &name).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_answer_has_the_length_it_says() {
        let text = std::str::from_utf8(PLAIN_ANSWER).unwrap();
        let (head, content) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", content.len())));
    }
}
