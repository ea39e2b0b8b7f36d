//! The smallest server on HTTP/2 over TLS, to measure what the wire alone costs:
//! `h2hello ADDRESS CERTIFICATE KEY [CONTENT-LENGTH] [FILE]`.

use std::error::Error;
use std::fs::File;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use candor_semantics::fields::Fields;
use candor_semantics::head::{Head, Scheme};
use candor_semantics::refusal::Refusal;
use candor_wire::drain::Draining;
use candor_wire::h2;
use candor_wire::limits::Limits;
use candor_wire::peer::Peer;
use candor_wire::service::{Answer, Content, Delivery, FilePart, Request, Service};
use candor_wire::tls::{CertificateFiles, Certificates, Tls};

/// Gives the same answer to everybody.
struct Hello {
    content: Bytes,
    file: Option<FilePart>,
}

impl Service for Hello {
    type Record = ();

    async fn respond(&self, _: Request) -> Answer<()> {
        let mut fields = Fields::new();
        fields.push_static("Content-Type", "text/plain; charset=utf-8");
        fields.push_static("ETag", "\"0123456789abcdef\"");
        fields.push_static("Last-Modified", "Tue, 05 May 2026 10:00:00 GMT");
        fields.push_static("Accept-Ranges", "bytes");
        let content = match &self.file {
            Some(part) => Content::File(part.clone()),
            None => Content::Bytes(self.content.clone()),
        };
        Answer { status: 200, fields, content, close: false, record: () }
    }

    fn refuse(&self, _: &Arc<Peer>, _: Head, _: Refusal, _: Instant) -> Answer<()> {
        Answer { status: 400, fields: Fields::new(), content: Content::Nothing, close: true, record: () }
    }

    fn delivered(&self, (): (), _: Delivery) {}
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, certificate, key, rest @ ..] = &arguments[..] else { return Err("three arguments".into()) };
    let length = rest.first().map_or(Ok(1024), |length| length.parse())?;
    let file = match rest.get(1) {
        Some(path) => {
            let file = File::open(path)?;
            Some(FilePart { offset: 0, length: file.metadata()?.len(), file: Arc::new(file), state: None })
        }
        None => None,
    };
    let service = Arc::new(Hello { content: Bytes::from(vec![b'x'; length]), file });
    let files = CertificateFiles {
        certificate: PathBuf::from(certificate),
        key: PathBuf::from(key),
        hosts: Vec::new(),
    };
    let tls = Arc::new(Tls::new(Certificates::load(&[files])?)?);
    let limits = Arc::new(Limits::default());
    let (_draining, drain) = Draining::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, address) = listener.accept().await?;
            let (service, tls, limits, drain) = (service.clone(), tls.clone(), limits.clone(), drain.clone());
            tokio::spawn(async move {
                stream.set_nodelay(true)?;
                let local = stream.local_addr().ok();
                let accepted =
                    tls.accept(stream, Duration::from_secs(10)).await.map_err(std::io::Error::other)?;
                let peer = Peer {
                    address: Some(address),
                    local,
                    scheme: Scheme::Https,
                    server_name: accepted.server_name,
                };
                h2::serve(accepted.stream, Bytes::new(), service, Arc::new(peer), limits, drain).await;
                Ok::<(), std::io::Error>(())
            });
        }
    })
}
