//! Serves fixed bytes at `/`, a 304 at `/same`, and a file given as an argument at `/file`: what the wire can do
//! with nothing above it.
//!
//! `hello ADDRESS [FILE] [WORKERS]`

use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use candor_semantics::fields::Fields;
use candor_semantics::head::Head;
use candor_semantics::refusal::Refusal;
use candor_wire::limits::Limits;
use candor_wire::peer::Peer;
use candor_wire::run::{Server, Spec};
use candor_wire::service::{Answer, Content, Delivery, FilePart, Request, Service};

struct Hello {
    file: Option<(Arc<File>, u64)>,
}

impl Hello {
    fn answer(&self, status: u16, content: Content) -> Answer<()> {
        let mut fields = Fields::new();
        fields.push_static("Server", "candor");
        fields.push_static("Content-Type", "text/plain");
        fields.push_static("Last-Modified", "Tue, 01 Oct 2024 10:00:00 GMT");
        fields.push_static("ETag", "\"66fbc6a0-1000\"");
        fields.push_static("Accept-Ranges", "bytes");
        Answer { status, fields, content, close: false, record: () }
    }
}

impl Service for Hello {
    type Record = ();

    async fn respond(&self, request: Request) -> Answer<()> {
        static SMALL: [u8; 1024] = [b'x'; 1024];
        match (request.head.target(), &self.file) {
            (b"/same", _) => self.answer(304, Content::Nothing),
            (b"/file", Some((file, length))) => {
                let part = FilePart { file: Arc::clone(file), offset: 0, length: *length, state: None };
                self.answer(200, Content::File(part))
            }
            (b"/range", Some((file, length))) => {
                let part =
                    FilePart { file: Arc::clone(file), offset: 0, length: (*length).min(65536), state: None };
                self.answer(206, Content::File(part))
            }
            _ => self.answer(200, Content::Bytes(Bytes::from_static(&SMALL))),
        }
    }

    fn refuse(&self, _: &Arc<Peer>, _: Head, refusal: Refusal, _: Instant) -> Answer<()> {
        self.answer(400, Content::Bytes(Bytes::from_static(refusal.sentence().as_bytes())))
    }

    fn delivered(&self, (): (), _: Delivery) {}
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".into()).parse()?;
    let file = match arguments.next() {
        Some(path) => {
            let file = File::open(path)?;
            let length = file.metadata()?.len();
            Some((Arc::new(file), length))
        }
        None => None,
    };
    let workers = arguments.next().map_or(Ok(1), |number| number.parse())?;
    let server = Server::bind_for(vec![Spec { address, tls: None }], workers)?;
    for local in server.local_addrs() {
        println!("{local}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let limits = Arc::new(arc_swap::ArcSwap::from_pointee(Limits::default()));
    runtime.block_on(server.run(Arc::new(Hello { file }), limits, async {
        // Without signals nothing but the end of the program ends it.
        let _ = tokio::signal::ctrl_c().await;
    }))?;
    Ok(())
}
