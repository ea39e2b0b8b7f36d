//! TLS as a client sees it, over a pipe in memory.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use candor_wire::tls::{
    AcceptError, Accepted, CertificateFiles, Certificates, Protocol, Tls, TlsProblem, TlsWarning,
};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const LIMIT: Duration = Duration::from_secs(10);

/// A folder for one test's files, gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("candor-tls-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A certificate for some names, used for some hosts.
    fn certificate(&self, names: &[&str], hosts: &[&str]) -> Made {
        self.made(names, hosts, |_| {})
    }

    fn made(&self, names: &[&str], hosts: &[&str], change: impl Fn(&mut CertificateParams)) -> Made {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut parameters = CertificateParams::new(names.clone()).unwrap();
        change(&mut parameters);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let stem = names.first().map_or("none", String::as_str).replace('*', "any");
        let files = CertificateFiles {
            certificate: self.write(&format!("{stem}.pem"), &certificate.pem()),
            key: self.write(&format!("{stem}.key"), &key.serialize_pem()),
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        };
        Made { files, certificate: certificate.der().clone() }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Made {
    files: CertificateFiles,
    certificate: CertificateDer<'static>,
}

fn tls(made: &[&Made]) -> Tls {
    Tls::new(load(made)).unwrap()
}

fn load(made: &[&Made]) -> Certificates {
    let files: Vec<_> = made.iter().map(|made| made.files.clone()).collect();
    Certificates::load(&files).unwrap()
}

fn client(made: &[&Made], alpn: &[&str]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for made in made {
        roots.add(made.certificate.clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// Both ends of a connection.
struct Both {
    client: TlsStream<DuplexStream>,
    server: Accepted<DuplexStream>,
}

async fn connect(tls: &Tls, config: &Arc<ClientConfig>, name: &str) -> Both {
    let (near, far) = tokio::io::duplex(16 * 1024);
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let (client, server) =
        tokio::join!(TlsConnector::from(Arc::clone(config)).connect(name, near), tls.accept(far, LIMIT));
    Both { client: client.unwrap(), server: server.unwrap() }
}

impl Both {
    /// A word there and a word back.
    async fn talks(&mut self) {
        self.client.write_all(b"ask").await.unwrap();
        self.client.flush().await.unwrap();
        let mut heard = [0; 3];
        self.server.stream.read_exact(&mut heard).await.unwrap();
        self.server.stream.write_all(&heard).await.unwrap();
        self.server.stream.flush().await.unwrap();
        self.client.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"ask");
    }

    fn certificate(&self) -> CertificateDer<'static> {
        self.client.get_ref().1.peer_certificates().unwrap()[0].clone()
    }

    fn kind(&self) -> HandshakeKind {
        self.client.get_ref().1.handshake_kind().unwrap()
    }
}

#[tokio::test]
async fn certificates_are_chosen_by_name() {
    let folder = Folder::new();
    let first = folder.certificate(&["a.example"], &["A.example"]);
    let wild = folder.certificate(&["*.b.example", "b.example"], &["*.b.example", "b.example"]);
    let general = folder.certificate(&["c.example", "d.example"], &[]);
    let all = [&first, &wild, &general];
    let (tls, client) = (tls(&all), client(&all, &[]));
    for (name, expected) in [
        ("a.example", &first),
        ("b.example", &wild),
        ("x.b.example", &wild),
        ("c.example", &general),
        ("d.example", &general),
    ] {
        let both = connect(&tls, &client, name).await;
        assert_eq!(both.certificate(), expected.certificate, "{name}");
        assert_eq!(both.server.server_name.as_deref(), Some(name));
    }
}

#[tokio::test]
async fn an_unknown_name_gets_some_certificate() {
    let folder = Folder::new();
    let first = folder.certificate(&["a.example", "z.example"], &["a.example"]);
    let second = folder.certificate(&["b.example"], &["b.example"]);
    let both = connect(&tls(&[&first, &second]), &client(&[&first], &[]), "z.example").await;
    assert_eq!(both.certificate(), first.certificate);
}

#[tokio::test]
async fn the_protocol_is_agreed_upon() {
    let folder = Folder::new();
    let made = folder.certificate(&["a.example"], &[]);
    let tls = tls(&[&made]);
    for (offered, agreed) in [
        (&["h2", "http/1.1"][..], Protocol::Http2),
        (&["http/1.1"], Protocol::Http1),
        (&["http/1.1", "h2"], Protocol::Http2),
        (&[], Protocol::Http1),
    ] {
        let mut both = connect(&tls, &client(&[&made], offered), "a.example").await;
        assert_eq!(both.server.protocol, agreed, "{offered:?}");
        both.talks().await;
    }
}

#[tokio::test]
async fn a_reload_changes_what_comes_next_and_nothing_else() {
    let folder = Folder::new();
    let old = folder.certificate(&["a.example"], &[]);
    let other = Folder::new();
    let new = other.certificate(&["a.example"], &[]);
    let tls = tls(&[&old]);
    let client = client(&[&old, &new], &[]);
    let mut before = connect(&tls, &client, "a.example").await;
    before.talks().await;
    tls.reload(load(&[&new])).unwrap();
    before.talks().await;
    // The session is resumed, and so it still knows the old certificate; a new client sees the new one.
    let mut resumed = connect(&tls, &client, "a.example").await;
    assert_eq!(resumed.kind(), HandshakeKind::Resumed);
    resumed.talks().await;
    let after = connect(&tls, &self::client(&[&new], &[]), "a.example").await;
    assert_eq!(after.certificate(), new.certificate);
    before.talks().await;
}

#[tokio::test]
async fn sessions_are_resumed() {
    let folder = Folder::new();
    let made = folder.certificate(&["a.example"], &[]);
    let tls = tls(&[&made]);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut roots = RootCertStore::empty();
        roots.add(made.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = Arc::new(client);
        let mut first = connect(&tls, &client, "a.example").await;
        assert_eq!(first.kind(), HandshakeKind::Full);
        assert_eq!(first.client.get_ref().1.protocol_version(), Some(version.version));
        first.talks().await;
        assert_eq!(connect(&tls, &client, "a.example").await.kind(), HandshakeKind::Resumed, "{version:?}");
    }
}

#[tokio::test]
async fn plain_http_is_told_what_it_is() {
    let folder = Folder::new();
    let tls = tls(&[&folder.certificate(&["a.example"], &[])]);
    let (mut near, far) = tokio::io::duplex(16 * 1024);
    let ask = async {
        near.write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").await.unwrap();
        let mut answer = [0; 4096];
        let mut length = 0;
        loop {
            match near.read(&mut answer[length..]).await.unwrap() {
                0 => break,
                more => length += more,
            }
        }
        drop(near);
        String::from_utf8(answer[..length].to_vec()).unwrap()
    };
    let (answer, result) = tokio::join!(ask, tls.accept(far, LIMIT));
    assert!(matches!(result, Err(AcceptError::Plain)));
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("\r\nConnection: close\r\n"));
}

#[tokio::test]
async fn handshakes_that_come_to_nothing_end() {
    let folder = Folder::new();
    let tls = tls(&[&folder.certificate(&["a.example"], &[])]);
    let (near, far) = tokio::io::duplex(1024);
    drop(near);
    assert!(matches!(tls.accept(far, LIMIT).await, Err(AcceptError::Silent)));
    for sent in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let (mut near, far) = tokio::io::duplex(1024);
        near.write_all(sent).await.unwrap();
        let accepted = tls.accept(far, Duration::from_millis(30)).await;
        assert!(matches!(accepted, Err(AcceptError::TimedOut)), "{accepted:?}");
    }
    let (mut near, far) = tokio::io::duplex(1024);
    near.write_all(&[0x16, 3, 1, 0, 4, 9, 9, 9, 9]).await.unwrap();
    assert!(matches!(tls.accept(far, LIMIT).await, Err(AcceptError::Failed(_))));
}

#[test]
fn errors_name_the_file_and_what_is_wrong() {
    let folder = Folder::new();
    let good = folder.certificate(&["a.example"], &[]).files;
    let other = folder.certificate(&["b.example"], &[]).files;
    let text = folder.write("text", "hello");
    let broken = folder.write("broken", "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n");
    let missing = folder.0.join("missing");
    let fails = |certificate: &PathBuf, key: &PathBuf| {
        let files = CertificateFiles { certificate: certificate.clone(), key: key.clone(), hosts: vec![] };
        Certificates::load(&[files]).unwrap_err()
    };
    let error = fails(&missing, &good.key);
    assert!(matches!(error.problem, TlsProblem::Unreadable(_)));
    assert!(error.to_string().contains("missing: cannot be read: No such file"), "{error}");
    assert!(matches!(fails(&text, &good.key).problem, TlsProblem::NotPem));
    assert!(matches!(fails(&broken, &good.key).problem, TlsProblem::NotPem));
    assert!(matches!(fails(&good.key, &good.key).problem, TlsProblem::NoCertificate));
    assert!(matches!(fails(&good.certificate, &good.certificate).problem, TlsProblem::NoKey));
    let error = fails(&good.certificate, &other.key);
    assert_eq!(error.file, other.key);
    assert!(matches!(error.problem, TlsProblem::KeyOfAnother { .. }), "{error}");
    assert_eq!(fails(&good.certificate, &missing).file, missing);
}

#[test]
fn owners_are_warned_of_what_clients_will_not_take() {
    let folder = Folder::new();
    let good = folder.certificate(&["a.example", "*.b.example"], &["a.example", "*.b.example"]);
    assert_eq!(load(&[&good]).warnings(), []);
    let old = folder.made(&["old.example"], &["old.example"], |parameters| {
        parameters.not_before = date_time_ymd(2000, 1, 1);
        parameters.not_after = date_time_ymd(2001, 1, 1);
    });
    assert_eq!(load(&[&good, &old]).warnings(), [TlsWarning::Expired(old.files.certificate.clone())]);
    let early = folder.made(&["early.example"], &["late.example"], |parameters| {
        parameters.not_before = date_time_ymd(2999, 1, 1);
        parameters.not_after = date_time_ymd(3000, 1, 1);
    });
    let file = early.files.certificate.clone();
    let expected =
        [TlsWarning::NotYetValid(file.clone()), TlsWarning::DoesNotName(file, "late.example".to_owned())];
    assert_eq!(load(&[&early]).warnings(), expected);
}
