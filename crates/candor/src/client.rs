//! One request over HTTP/1.1, and the head of its answer: all that `candor why` needs.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned,
};

use crate::exit::{Exit, Failure};
use crate::url::Url;

/// For a connection, and for the head of an answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes of an answer's head; larger ones are not read.
const LARGEST_HEAD: usize = 256 << 10;
const MOST_FIELDS: usize = 256;

/// The head of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// The reason phrase as sent, which may be empty.
    pub(crate) phrase: String,
    /// Fields in order; bytes that are not UTF-8 are replaced.
    pub(crate) fields: Vec<(String, String)>,
}

impl Answer {
    /// The lines of a field joined by commas (RFC 9110 section 5.3).
    pub(crate) fn list(&self, name: &str) -> Option<String> {
        let lines: Vec<&str> = self
            .fields
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    }
}

/// An open connection to the server of a URL.
pub(crate) struct Connection {
    stream: Stream,
    peer: SocketAddr,
    local: SocketAddr,
    deadline: Instant,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Connection {
    /// Connects to the server of a URL; over https, `insecure` accepts any certificate.
    pub(crate) fn open(url: &Url, insecure: bool) -> Result<Connection, Failure> {
        let tcp = connect(url)?;
        let sort = |error| no_answer(format!("the connection to {} broke: {error}", url.authority()));
        let (peer, local) = (tcp.peer_addr().map_err(sort)?, tcp.local_addr().map_err(sort)?);
        let stream =
            if url.tls { Stream::Tls(Box::new(encrypted(tcp, url, insecure)?)) } else { Stream::Plain(tcp) };
        Ok(Connection { stream, peer, local, deadline: Instant::now() + ANSWER_TIMEOUT })
    }

    /// The address of the server.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The address of this end.
    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Sends a request without content and reads the head of its final answer.
    pub(crate) fn ask(
        mut self,
        method: &str,
        url: &Url,
        fields: &[(String, String)],
    ) -> Result<Answer, Failure> {
        let server = url.authority();
        let request = request(method, url, fields);
        // A server may refuse before it has read everything; what it says then is worth more than our error.
        let sent = self.write(request.as_bytes());
        match self.read_answer() {
            Ok(answer) => Ok(answer),
            Err(broken) => Err(no_answer(match sent {
                Err(error) => trouble(&server, &error),
                Ok(()) => trouble(&server, &broken),
            })),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        match &mut self.stream {
            Stream::Plain(stream) => stream.set_read_timeout(Some(left)).and_then(|()| stream.read(buffer)),
            Stream::Tls(stream) => {
                stream.sock.set_read_timeout(Some(left)).and_then(|()| stream.read(buffer))
            }
        }
    }

    fn read_answer(&mut self) -> io::Result<Answer> {
        let mut received: Vec<u8> = Vec::new();
        let mut buffer = [0; 8192];
        loop {
            while let Some((answer, length)) = parse(&received)? {
                if answer.status >= 200 || answer.status == 101 {
                    return Ok(answer);
                }
                received.drain(..length.min(received.len()));
            }
            if received.len() > LARGEST_HEAD {
                return Err(invalid("its head is larger than 256 KiB"));
            }
            match self.read(&mut buffer)? {
                0 if received.is_empty() => {
                    return Err(invalid("it closed the connection without an answer"));
                }
                0 => return Err(invalid("it closed the connection inside the head of its answer")),
                count => received.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            }
        }
    }
}

fn no_answer(message: String) -> Failure {
    Failure::new(Exit::NoAnswer, message)
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why)
}

fn trouble(server: &str, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            format!("{server} did not answer within {} seconds", ANSWER_TIMEOUT.as_secs())
        }
        _ => format!("no answer from {server}: {error}"),
    }
}

fn connect(url: &Url) -> Result<TcpStream, Failure> {
    let addresses: Vec<SocketAddr> = (url.host.as_str(), url.port)
        .to_socket_addrs()
        .map_err(|error| no_answer(format!("the address of {} cannot be found: {error}", url.host)))?
        .collect();
    let mut last = io::Error::from(ErrorKind::NotFound);
    for address in &addresses {
        match TcpStream::connect_timeout(address, CONNECT_TIMEOUT) {
            Ok(stream) => {
                let _ = stream.set_nodelay(true);
                let _ = stream.set_write_timeout(Some(ANSWER_TIMEOUT));
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    let server = url.authority();
    Err(no_answer(match last.kind() {
        ErrorKind::ConnectionRefused => format!("nothing listens at {server}; is the server running?"),
        ErrorKind::TimedOut => {
            format!("{server} did not accept a connection within {} seconds", CONNECT_TIMEOUT.as_secs())
        }
        _ => format!("no connection to {server}: {last}"),
    }))
}

fn request(method: &str, url: &Url, fields: &[(String, String)]) -> String {
    let given = |name: &str| fields.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    let mut text = format!("{method} {} HTTP/1.1\r\n", url.target);
    let mut add = |name: &str, value: &str| text.push_str(&format!("{name}: {value}\r\n"));
    if !given("Host") {
        add("Host", &url.authority());
    }
    for (name, value) in fields {
        add(name, value);
    }
    if !given("User-Agent") {
        add("User-Agent", concat!("candor/", env!("CARGO_PKG_VERSION")));
    }
    if !given("Accept") {
        add("Accept", "*/*");
    }
    if matches!(method, "POST" | "PUT" | "PATCH") && !given("Content-Length") && !given("Transfer-Encoding") {
        add("Content-Length", "0");
    }
    if !given("Connection") {
        add("Connection", "close");
    }
    text.push_str("\r\n");
    text
}

/// The answer at the beginning of what was received, with the length of its head; `None` while it is not whole.
fn parse(received: &[u8]) -> io::Result<Option<(Answer, usize)>> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut head = httparse::Response::new(&mut fields);
    let length = match head.parse(received) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(invalid("what it sent is not HTTP")),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let fields = head.headers.iter().map(|field| (field.name.to_owned(), text(field.value))).collect();
    let status = head.code.ok_or_else(|| invalid("what it sent has no status"))?;
    let phrase = head.reason.unwrap_or_default().to_owned();
    Ok(Some((Answer { status, phrase, fields }, length)))
}

// ---- TLS.

fn encrypted(
    mut tcp: TcpStream,
    url: &Url,
    insecure: bool,
) -> Result<StreamOwned<ClientConnection, TcpStream>, Failure> {
    let server = url.authority();
    let failed = |why: String| no_answer(format!("no secure connection to {server}: {why}"));
    let name = ServerName::try_from(url.host.clone())
        .map_err(|_| failed("its name cannot be in a certificate".into()))?;
    let config = tls(insecure).map_err(failed)?;
    let mut session =
        ClientConnection::new(Arc::new(config), name).map_err(|error| failed(error.to_string()))?;
    let _ = tcp.set_read_timeout(Some(CONNECT_TIMEOUT));
    while session.is_handshaking() {
        session.complete_io(&mut tcp).map_err(|error| failed(handshake(&error)))?;
    }
    Ok(StreamOwned::new(session, tcp))
}

fn handshake(error: &io::Error) -> String {
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(why)) => {
            format!("its certificate is not trusted ({why}); --insecure accepts any")
        }
        Some(rustls::Error::InvalidMessage(_)) => "it does not speak TLS; is the URL an http one?".to_owned(),
        Some(cause) => cause.to_string(),
        None if error.kind() == ErrorKind::UnexpectedEof => "it closed the connection".to_owned(),
        None => error.to_string(),
    }
}

fn tls(insecure: bool) -> Result<ClientConfig, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut config = if insecure {
        let any = Arc::new(AnyCertificate(provider));
        builder.dangerous().with_custom_certificate_verifier(any).with_no_client_auth()
    } else {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        builder.with_root_certificates(roots).with_no_client_auth()
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Trusts every certificate, as `--insecure` asks; signatures are still checked, so the peer has its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_whole() {
        let url = Url::parse("http://127.0.0.1:8080/x?y").unwrap();
        let text = request("POST", &url, &[("user-agent".into(), "me".into())]);
        let expected = "POST /x?y HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nuser-agent: me\r\nAccept: */*\r\n\
                        Content-Length: 0\r\nConnection: close\r\n\r\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn heads_are_read_when_whole() {
        let text = b"HTTP/1.1 404 Not Found\r\nA: 1\r\na: 2\r\n\r\nrest";
        let (answer, length) = parse(text).unwrap().unwrap();
        assert_eq!((answer.status, answer.phrase.as_str(), length), (404, "Not Found", text.len() - 4));
        assert_eq!(answer.list("A").as_deref(), Some("1, 2"));
        assert_eq!(answer.list("B"), None);
        for end in 0..text.len() - 4 {
            assert_eq!(parse(&text[..end]).unwrap(), None);
        }
        assert!(parse(b"SSH-2.0-x\r\n").is_err());
    }
}
