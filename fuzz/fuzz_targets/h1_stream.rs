//! The state machine of HTTP/1.x over any stream of bytes: it ends, it says the same however the bytes are split,
//! and what it says is a row of answers.
#![no_main]

use std::cell::LazyCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use candor_semantics::fields::Fields;
use candor_semantics::head::{Head, Scheme};
use candor_semantics::refusal::Refusal;
use candor_wire::drain::Draining;
use candor_wire::incoming::ContentFault;
use candor_wire::limits::Limits;
use candor_wire::peer::Peer;
use candor_wire::run::converse;
use candor_wire::service::{Answer, Content, Delivery, Request, Service};
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};

const INTERIM: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Reads all content, so that what it says does not depend on when it came.
struct Reads;

fn answer(status: u16, told: String) -> Answer<()> {
    let mut fields = Fields::new();
    fields.push_static("Date", "D");
    Answer { status, fields, content: Content::Bytes(told.into()), close: false, record: () }
}

impl Service for Reads {
    type Record = ();

    async fn respond(&self, mut request: Request) -> Answer<()> {
        let mut all = Vec::new();
        let mut fault = None;
        while let Some(piece) = request.incoming.next().await {
            match piece {
                Ok(bytes) => all.extend_from_slice(&bytes),
                Err(found) => {
                    fault = Some(found);
                    break;
                }
            }
        }
        assert_ne!(fault, Some(ContentFault::Stalled));
        if let (Some(length), None) = (request.incoming.length(), fault) {
            assert_eq!(length, all.len() as u64);
        }
        let head = &request.head;
        let fields: Vec<_> = head.fields().map(|(n, v)| (n.escape_ascii().to_string(), v.to_vec())).collect();
        let told = format!(
            "{} {} {fields:?} {fault:?} {}",
            head.method_token().escape_ascii(),
            head.target().escape_ascii(),
            all.escape_ascii()
        );
        answer(200, told)
    }

    fn refuse(&self, _: &Arc<Peer>, _: Head, refusal: Refusal, _: Instant) -> Answer<()> {
        answer(400, format!("{refusal:?}"))
    }

    fn delivered(&self, (): (), _: Delivery) {}
}

thread_local! {
    static RUNTIME: LazyCell<Runtime> =
        LazyCell::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime"));
}

/// What the server says to these parts, interim answers left out.
async fn talk(parts: Vec<&[u8]>) -> Vec<u8> {
    let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    let peer = Arc::new(Peer { address: None, local: None, scheme: Scheme::Http, server_name: None });
    let limits = Limits { target_size: 64, head_size: 512, ..Limits::default() };
    let (_draining, drain) = Draining::new();
    let (mut reader, mut writer) = theirs.into_split();
    let send = async {
        for part in parts {
            // The server may have closed already.
            let _ = writer.write_all(part).await;
            tokio::task::yield_now().await;
        }
        let _ = writer.shutdown().await;
    };
    let mut said = Vec::new();
    let receive = async { reader.read_to_end(&mut said).await.unwrap_or(0) };
    let serve = converse(ours, &Reads, &peer, Arc::new(limits), drain);
    let whole = async { tokio::join!(send, receive, serve) };
    tokio::time::timeout(Duration::from_secs(1), whole).await.expect("an end");
    while let Some(at) = said.windows(INTERIM.len()).position(|bytes| bytes == INTERIM) {
        said.drain(at..at + INTERIM.len());
    }
    said
}

fuzz_target!(|input: (u64, Vec<u8>)| {
    let (mut splits, stream) = input;
    RUNTIME.with(|runtime| {
        let at_once = runtime.block_on(talk(vec![&stream]));
        let mut parts = Vec::new();
        let mut rest = &stream[..];
        while !rest.is_empty() {
            let (part, later) = rest.split_at(rest.len().min(1 + (splits % 16) as usize));
            splits = splits.rotate_right(4);
            parts.push(part);
            rest = later;
        }
        let in_parts = runtime.block_on(talk(parts));
        assert_eq!(
            at_once.escape_ascii().to_string(),
            in_parts.escape_ascii().to_string(),
            "{}",
            stream.escape_ascii()
        );
        assert!(at_once.is_empty() || at_once.starts_with(b"HTTP/1.1 "));
    });
});
