//! HTTP/2 as a client sees it, over a pipe in memory.

use std::fs::File;
use std::future::poll_fn;
use std::io::{self, Write};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use candor_semantics::fields::Fields;
use candor_semantics::head::{Head, Scheme};
use candor_semantics::refusal::Refusal;
use candor_wire::drain::Draining;
use candor_wire::h2::serve;
use candor_wire::incoming::ContentFault;
use candor_wire::limits::Limits;
use candor_wire::peer::Peer;
use candor_wire::service::{Answer, Content, Delivery, FilePart, Piece, Request, Service, Source};
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Method, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Longer than anything here takes, shorter than patience.
const SOON: Duration = Duration::from_secs(10);

/// A service whose answers are named by the target.
#[derive(Default)]
struct Desk {
    delivered: Mutex<Vec<(String, Delivery)>>,
    refused: Mutex<Vec<Refusal>>,
    heads: Mutex<Vec<Head>>,
    /// Answers being made, now and at most.
    working: AtomicUsize,
    most_working: AtomicUsize,
    go: Notify,
    file: Option<Arc<File>>,
}

fn answer(status: u16, record: &str, content: Content) -> Answer<String> {
    let mut fields = Fields::new();
    fields.push_static("Content-Type", "text/plain");
    fields.push_static("Keep-Alive", "timeout=5");
    Answer { status, fields, content, close: false, record: record.to_owned() }
}

fn bytes(text: &str) -> Content {
    Content::Bytes(Bytes::copy_from_slice(text.as_bytes()))
}

impl Service for Desk {
    type Record = String;

    async fn respond(&self, mut request: Request) -> Answer<String> {
        let target = String::from_utf8(request.head.target().to_vec()).unwrap();
        self.heads.lock().unwrap().push(request.head.clone());
        match &target[..] {
            "/nothing" => answer(204, &target, bytes("never sent")),
            "/empty" => answer(200, &target, bytes("")),
            "/omitted" => answer(200, &target, Content::Omitted(Some(77))),
            "/echo" => {
                let mut all = Vec::new();
                while let Some(part) = request.incoming.next().await {
                    match part {
                        Ok(part) => all.extend_from_slice(&part),
                        Err(fault) => return answer(408, &format!("{fault:?}"), bytes("fault")),
                    }
                }
                let trailer = request.incoming.trailers().and_then(|t| t.get("x-sum").cloned());
                all.extend_from_slice(&trailer.unwrap_or_default());
                answer(200, &target, Content::Bytes(all.into()))
            }
            "/slow" => {
                let working = self.working.fetch_add(1, Ordering::SeqCst) + 1;
                self.most_working.fetch_max(working, Ordering::SeqCst);
                self.go.notified().await;
                self.working.fetch_sub(1, Ordering::SeqCst);
                answer(200, &target, bytes("at last"))
            }
            "/file" => {
                let file = Arc::clone(self.file.as_ref().unwrap());
                let length = file.metadata().unwrap().len();
                answer(200, &target, Content::File(FilePart { file, offset: 0, length, state: None }))
            }
            "/short" => {
                let file = Arc::clone(self.file.as_ref().unwrap());
                let length = file.metadata().unwrap().len() + 1;
                answer(200, &target, Content::File(FilePart { file, offset: 0, length, state: None }))
            }
            "/pieces" => {
                let file = Arc::clone(self.file.as_ref().unwrap());
                let part = Piece::File(FilePart { file, offset: 10, length: 5, state: None });
                let text = |text: &'static str| Piece::Bytes(Bytes::from_static(text.as_bytes()));
                answer(206, &target, Content::Pieces(vec![text("<"), part, text(">"), text("")]))
            }
            "/stream" => answer(200, &target, stream(&["one ", "", "two"], None, Some("3"))),
            "/stream-short" => answer(200, &target, stream(&["one"], Some(4), None)),
            "/stream-long" => answer(200, &target, stream(&["one", "two"], Some(5), None)),
            "/stream-stuck" => {
                let source = Parts { parts: vec![Bytes::from_static(b"x")], trailer: None, stuck: true };
                answer(200, &target, Content::Stream { source: Box::new(source), length: None })
            }
            "/illegal" => {
                let mut answer = answer(200, &target, bytes(""));
                answer.fields.push("X-Bad", "a\r\nb");
                answer
            }
            _ => answer(200, &target, bytes(&format!("hello {target}"))),
        }
    }

    fn refuse(&self, _: &Arc<Peer>, _: Head, refusal: Refusal, _: Instant) -> Answer<String> {
        self.refused.lock().unwrap().push(refusal);
        answer(400, "refused", bytes(refusal.sentence()))
    }

    fn delivered(&self, record: String, delivery: Delivery) {
        self.delivered.lock().unwrap().push((record, delivery));
    }
}

impl Desk {
    /// Waits until an answer with this record has ended, and says how.
    async fn delivery(&self, record: &str) -> Delivery {
        let found = async {
            loop {
                if let Some((_, delivery)) = self.delivered.lock().unwrap().iter().find(|(r, _)| r == record)
                {
                    return *delivery;
                }
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(SOON, found).await.unwrap_or_else(|_| panic!("{record} never ended"))
    }
}

struct Parts {
    parts: Vec<Bytes>,
    trailer: Option<&'static str>,
    stuck: bool,
}

fn stream(parts: &[&'static str], length: Option<u64>, trailer: Option<&'static str>) -> Content {
    let parts = parts.iter().rev().map(|part| Bytes::from_static(part.as_bytes())).collect();
    Content::Stream { source: Box::new(Parts { parts, trailer, stuck: false }), length }
}

impl Source for Parts {
    fn poll_next(&mut self, _: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        match self.parts.pop() {
            Some(part) => Poll::Ready(Some(Ok(part))),
            None if self.stuck => Poll::Pending,
            None => Poll::Ready(None),
        }
    }

    fn trailers(&mut self) -> Option<Fields> {
        let mut fields = Fields::new();
        fields.push_static("X-Parts", self.trailer?);
        Some(fields)
    }
}

/// A server on one end of a pipe.
struct Served {
    desk: Arc<Desk>,
    draining: Draining,
    server: JoinHandle<()>,
}

impl Served {
    fn new(desk: Desk, limits: Limits, pipe: usize) -> (Served, DuplexStream) {
        let desk = Arc::new(desk);
        let (near, far) = tokio::io::duplex(pipe);
        let (draining, drain) = Draining::new();
        let peer = Peer { address: None, local: None, scheme: Scheme::Http, server_name: None };
        let server = tokio::spawn(serve(
            far,
            Bytes::new(),
            Arc::clone(&desk),
            Arc::new(peer),
            Arc::new(limits),
            drain,
        ));
        (Served { desk, draining, server }, near)
    }

    /// The server's connection ends by itself.
    async fn ends(self) -> Arc<Desk> {
        timeout(SOON, self.server).await.expect("the connection never ended").unwrap();
        self.desk
    }
}

/// A client with its connection running.
async fn client(io: DuplexStream) -> SendRequest<Bytes> {
    client_with(io, &Builder::new()).await.0
}

async fn client_with(
    io: DuplexStream,
    builder: &Builder,
) -> (SendRequest<Bytes>, JoinHandle<Result<(), h2::Error>>) {
    let (client, connection) = builder.handshake(io).await.unwrap();
    (client.ready().await.unwrap(), tokio::spawn(connection))
}

fn served() -> (Served, DuplexStream) {
    Served::new(Desk::default(), Limits::default(), 64 * 1024)
}

fn request(method: Method, target: &str) -> http::Request<()> {
    http::Request::builder().method(method).uri(format!("http://a.example{target}")).body(()).unwrap()
}

async fn send(client: &mut SendRequest<Bytes>, request: http::Request<()>) -> Response<RecvStream> {
    let (response, _) = client.send_request(request, true).unwrap();
    timeout(SOON, response).await.expect("no answer").unwrap()
}

/// All content, releasing the window as it goes.
async fn read(content: &mut RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut all = Vec::new();
    while let Some(part) = timeout(SOON, content.data()).await.expect("no content") {
        let part = part?;
        content.flow_control().release_capacity(part.len()).unwrap();
        all.extend_from_slice(&part);
    }
    Ok(all)
}

async fn get(client: &mut SendRequest<Bytes>, target: &str) -> (Response<()>, String) {
    let (parts, mut content) = send(client, request(Method::GET, target)).await.into_parts();
    let text = String::from_utf8(read(&mut content).await.unwrap()).unwrap();
    (Response::from_parts(parts, ()), text)
}

fn file_of(length: usize) -> Arc<File> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("candor-wire-h2-{}-{number}", std::process::id()));
    let mut file = File::create(&path).unwrap();
    let block: Vec<u8> = (0..=255).collect();
    for start in (0..length).step_by(block.len()) {
        file.write_all(&block[..block.len().min(length - start)]).unwrap();
    }
    let file = File::open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    Arc::new(file)
}

#[tokio::test]
async fn an_answer_has_its_fields_and_its_content() {
    let (served, io) = served();
    let mut client = client(io).await;
    let (response, text) = get(&mut client, "/a?b").await;
    assert_eq!(text, "hello /a?b");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-length"], "10");
    assert_eq!(response.headers()["content-type"], "text/plain");
    assert!(response.headers().contains_key("date"));
    assert!(!response.headers().contains_key("keep-alive"));
    let delivery = served.desk.delivery("/a?b").await;
    assert_eq!(delivery, Delivery { content: 10, complete: true });
    drop(client);
    assert_eq!(served.ends().await.delivered.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn no_content_follows_where_none_may() {
    let (served, io) = served();
    let mut client = client(io).await;
    for (method, target, length) in [
        (Method::GET, "/nothing", None),
        (Method::GET, "/empty", Some("0")),
        (Method::HEAD, "/omitted", Some("77")),
        (Method::HEAD, "/a", Some("8")),
    ] {
        let (parts, content) = send(&mut client, request(method, target)).await.into_parts();
        assert_eq!(parts.headers.get("content-length").map(|l| l.to_str().unwrap()), length, "{target}");
        assert!(content.is_end_stream(), "{target}: END_STREAM is on the head");
        assert_eq!(served.desk.delivery(target).await, Delivery { content: 0, complete: true });
    }
}

#[tokio::test]
async fn content_goes_up_with_its_trailers() {
    let (served, io) = served();
    let mut client = client(io).await;
    let (response, mut content) = client.send_request(request(Method::POST, "/echo"), false).unwrap();
    for _ in 0..100 {
        send_all(&mut content, Bytes::from(vec![b'x'; 10_000])).await;
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", "end".parse().unwrap());
    content.send_trailers(trailers).unwrap();
    let mut content = timeout(SOON, response).await.unwrap().unwrap().into_body();
    let echoed = read(&mut content).await.unwrap();
    assert_eq!(echoed.len(), 1_000_003);
    assert!(echoed.ends_with(b"xend"));
    assert_eq!(served.desk.delivery("/echo").await.content, 1_000_003);

    // Content was wanted on this connection: from now on more of it may come at once.
    let (_response, mut content) = client.send_request(request(Method::POST, "/echo"), false).unwrap();
    content.reserve_capacity(300_000);
    let wide = async { while poll_fn(|cx| content.poll_capacity(cx)).await.unwrap().unwrap() < 300_000 {} };
    timeout(SOON, wide).await.expect("the window stays as small as it was");
}

async fn send_all(content: &mut SendStream<Bytes>, mut bytes: Bytes) {
    while !bytes.is_empty() {
        content.reserve_capacity(bytes.len());
        let room = timeout(SOON, poll_fn(|cx| content.poll_capacity(cx))).await.unwrap().unwrap().unwrap();
        content.send_data(bytes.split_to(room.min(bytes.len())), false).unwrap();
    }
}

#[tokio::test]
async fn unread_content_is_not_let_in_and_then_waived() {
    let (served, io) = served();
    let mut client = client(io).await;
    let (response, mut content) =
        client.send_request(request(Method::POST, "/ignores-content"), false).unwrap();
    let mut sent = 0;
    let reset = poll_fn(|cx| {
        loop {
            if let Poll::Ready(reset) = content.poll_reset(cx) {
                return Poll::Ready(reset.unwrap());
            }
            content.reserve_capacity(16_384);
            let Poll::Ready(Some(Ok(room))) = content.poll_capacity(cx) else { return Poll::Pending };
            content.send_data(Bytes::from(vec![0; room]), false).unwrap();
            sent += room;
        }
    });
    assert_eq!(timeout(SOON, reset).await.unwrap(), Reason::NO_ERROR);
    assert!(sent <= 64 * 1024, "{sent} bytes were let in that nobody asked for");
    assert_eq!(response.await.unwrap().status(), 200);
    assert!(served.desk.delivery("/ignores-content").await.complete);
}

#[tokio::test]
async fn a_100_is_sent_when_content_is_asked_for() {
    let (_served, io) = served();
    let mut client = client(io).await;
    let mut expecting = request(Method::PUT, "/echo");
    expecting.headers_mut().insert("expect", "100-continue".parse().unwrap());
    let (mut response, mut content) = client.send_request(expecting, false).unwrap();
    let interim =
        timeout(SOON, poll_fn(|cx| response.poll_informational(cx))).await.unwrap().unwrap().unwrap();
    assert_eq!(interim.status(), 100);
    content.send_data(Bytes::from_static(b"now"), true).unwrap();
    assert_eq!(read(timeout(SOON, response).await.unwrap().unwrap().body_mut()).await.unwrap(), b"now");

    let mut expecting = request(Method::PUT, "/never-reads");
    expecting.headers_mut().insert("expect", "100-continue".parse().unwrap());
    let (response, _content) = client.send_request(expecting, false).unwrap();
    let response = timeout(SOON, without_interim(response)).await.unwrap();
    assert_eq!(response.status(), 200);
}

async fn without_interim(mut response: ResponseFuture) -> Response<RecvStream> {
    poll_fn(|cx| {
        if let Poll::Ready(Some(interim)) = response.poll_informational(cx) {
            panic!("{interim:?}");
        }
        Pin::new(&mut response).poll(cx)
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn stalled_content_is_a_fault_and_still_answered() {
    let limits = Limits { body_timeout: Duration::from_millis(60), ..Limits::default() };
    let (served, io) = Served::new(Desk::default(), limits, 64 * 1024);
    let mut client = client(io).await;
    let (response, mut content) = client.send_request(request(Method::POST, "/echo"), false).unwrap();
    for _ in 0..4 {
        sleep(Duration::from_millis(30)).await;
        content.send_data(Bytes::from_static(b"."), false).unwrap();
    }
    assert_eq!(timeout(SOON, response).await.unwrap().unwrap().status(), 408);
    assert!(served.desk.delivery(&format!("{:?}", ContentFault::Stalled)).await.complete);
}

#[tokio::test]
async fn a_request_taken_back_is_a_fault_and_nobody_is_answered() {
    let (served, io) = served();
    let mut client = client(io).await;
    let (_response, mut content) = client.send_request(request(Method::POST, "/echo"), false).unwrap();
    content.send_data(Bytes::from_static(b"x"), false).unwrap();
    sleep(Duration::from_millis(20)).await;
    content.send_reset(Reason::CANCEL);
    let delivery = served.desk.delivery(&format!("{:?}", ContentFault::Gone)).await;
    assert_eq!(delivery, Delivery { content: 0, complete: false });
}

#[tokio::test]
async fn files_pieces_and_streams_come_whole() {
    let desk = Desk { file: Some(file_of(300_000)), ..Desk::default() };
    let (served, io) = Served::new(desk, Limits::default(), 64 * 1024);
    let mut client = client(io).await;
    let (parts, mut content) = send(&mut client, request(Method::GET, "/file")).await.into_parts();
    let all = read(&mut content).await.unwrap();
    assert_eq!((parts.headers["content-length"].to_str().unwrap(), all.len()), ("300000", 300_000));
    assert!(all.iter().enumerate().all(|(place, byte)| *byte == (place % 256) as u8));
    let (parts, mut content) = send(&mut client, request(Method::GET, "/pieces")).await.into_parts();
    assert_eq!(parts.headers["content-length"], "7");
    assert_eq!(read(&mut content).await.unwrap(), b"<\x0a\x0b\x0c\x0d\x0e>");
    let (parts, mut content) = send(&mut client, request(Method::GET, "/stream")).await.into_parts();
    assert!(!parts.headers.contains_key("content-length"));
    assert_eq!(read(&mut content).await.unwrap(), b"one two");
    assert_eq!(content.trailers().await.unwrap().unwrap()["x-parts"], "3");
    assert_eq!(served.desk.delivery("/stream").await, Delivery { content: 7, complete: true });
}

#[tokio::test]
async fn what_cannot_be_finished_is_reset() {
    let desk = Desk { file: Some(file_of(1000)), ..Desk::default() };
    let (served, io) = Served::new(desk, Limits::default(), 64 * 1024);
    let mut client = client(io).await;
    for target in ["/short", "/stream-short", "/stream-long"] {
        let (response, _) = client.send_request(request(Method::GET, target), true).unwrap();
        // If the head was still waiting to be written, it goes, too.
        let error = match timeout(SOON, response).await.unwrap() {
            Ok(response) => read(&mut response.into_body()).await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR), "{target}");
        assert!(!served.desk.delivery(target).await.complete, "{target}");
    }
    let (response, _) = client.send_request(request(Method::GET, "/illegal"), true).unwrap();
    assert_eq!(timeout(SOON, response).await.unwrap().unwrap_err().reason(), Some(Reason::INTERNAL_ERROR));
    assert_eq!(get(&mut client, "/still-there").await.1, "hello /still-there");
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_while_nothing_is_sent() {
    let (served, io) = served();
    let mut client = client(io).await;
    let mut content = send(&mut client, request(Method::GET, "/stream-stuck")).await.into_body();
    assert_eq!(content.data().await.unwrap().unwrap(), "x");
    drop(content);
    assert_eq!(served.desk.delivery("/stream-stuck").await, Delivery { content: 1, complete: false });
}

#[tokio::test]
async fn a_slow_reader_of_a_large_file_costs_little() {
    const LENGTH: usize = 50 * 1024 * 1024;
    let desk = Desk { file: Some(file_of(LENGTH)), ..Desk::default() };
    let (served, io) = Served::new(desk, Limits::default(), 64 * 1024);
    let mut wide = Builder::new();
    // The client's window would let everything in at once; what holds the server back is the pipe.
    wide.initial_window_size(1 << 30).initial_connection_window_size(1 << 30).max_frame_size(1 << 20);
    let (mut client, connection) = wide.handshake::<_, Bytes>(io).await.unwrap();
    let mut connection = pin!(connection);
    let (response, _) = client.send_request(request(Method::GET, "/file"), true).unwrap();
    let mut content = beside(&mut connection, response).await.unwrap().into_body();
    let before = resident();
    // Nobody reads the pipe.
    sleep(Duration::from_millis(200)).await;
    let grown = resident().saturating_sub(before);
    assert!(grown < 16 * 1024 * 1024, "for a reader that stalls, {grown} bytes are held");
    let mut received = 0;
    while let Some(part) = beside(&mut connection, content.data()).await {
        let part = part.unwrap();
        received += part.len();
        content.flow_control().release_capacity(part.len()).unwrap();
    }
    assert_eq!(received, LENGTH);
    let delivery = beside(&mut connection, served.desk.delivery("/file")).await;
    assert_eq!(delivery, Delivery { content: LENGTH as u64, complete: true });
}

/// Runs a client's connection only as long as something is waited for.
async fn beside<T>(connection: &mut Pin<&mut impl Future>, wait: impl Future<Output = T>) -> T {
    let mut wait = pin!(timeout(SOON, wait));
    let waited = poll_fn(|cx| {
        let _ = connection.as_mut().poll(cx);
        wait.as_mut().poll(cx)
    });
    waited.await.expect("it never comes")
}

/// Memory of this process in pages of the system, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_given_up() {
    let limits = Limits { write_timeout: Duration::from_millis(100), ..Limits::default() };
    let desk = Desk { file: Some(file_of(1_000_000)), ..Desk::default() };
    let (served, io) = Served::new(desk, limits, 64 * 1024);
    let mut narrow = Builder::new();
    narrow.initial_window_size(100);
    let (mut client, _connection) = client_with(io, &narrow).await;
    let content = send(&mut client, request(Method::GET, "/file")).await.into_body();
    let delivery = served.desk.delivery("/file").await;
    assert_eq!(delivery, Delivery { content: 100, complete: false });
    drop(content);
}

#[tokio::test]
async fn draining_says_goodbye_and_finishes() {
    let (served, io) = served();
    let (mut client, connection) = client_with(io, &Builder::new()).await;
    let (slow, _) = client.send_request(request(Method::GET, "/slow"), true).unwrap();
    while served.desk.working.load(Ordering::SeqCst) == 0 {
        sleep(Duration::from_millis(2)).await;
    }
    served.draining.begin();
    let refused = async {
        while let Ok(mut ready) = client.clone().ready().await {
            let (response, _) = ready.send_request(request(Method::GET, "/a"), true).unwrap();
            if response.await.is_err() {
                break;
            }
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(SOON, refused).await.expect("requests are taken after the word to drain");
    assert!(!served.server.is_finished());
    served.desk.go.notify_waiters();
    let mut content = timeout(SOON, slow).await.unwrap().unwrap().into_body();
    assert_eq!(read(&mut content).await.unwrap(), b"at last");
    drop((content, client));
    timeout(SOON, connection).await.unwrap().unwrap().unwrap();
    assert!(served.ends().await.delivered.lock().unwrap().iter().any(|(r, d)| r == "/slow" && d.complete));
}

#[tokio::test]
async fn quiet_connections_are_ended() {
    let limits = Limits {
        idle_timeout: Duration::from_millis(80),
        head_timeout: Duration::from_millis(40),
        ..Limits::default()
    };
    let (silent, _near) = Served::new(Desk::default(), limits.clone(), 1024);
    silent.ends().await;
    let (wordless, io) = Served::new(Desk::default(), limits.clone(), 1024);
    let (_client, connection) = client_with(io, &Builder::new()).await;
    timeout(SOON, connection).await.unwrap().unwrap().unwrap();
    wordless.ends().await;
    let (served, io) = Served::new(Desk::default(), limits, 64 * 1024);
    let (mut client, connection) = client_with(io, &Builder::new()).await;
    let began = Instant::now();
    for _ in 0..4 {
        get(&mut client, "/a").await;
        sleep(Duration::from_millis(30)).await;
    }
    timeout(SOON, connection).await.unwrap().unwrap().unwrap();
    assert!(began.elapsed() >= Duration::from_millis(160));
    assert_eq!(served.ends().await.delivered.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn requests_that_cannot_be_are_refused() {
    let (served, io) = served();
    let mut client = client(io).await;
    let mut differing = request(Method::GET, "/a");
    differing.headers_mut().insert("host", "b.example".parse().unwrap());
    assert_eq!(send(&mut client, differing).await.status(), 400);
    assert_eq!(*served.desk.refused.lock().unwrap(), [Refusal::Host]);
    let long = request(Method::GET, &format!("/{}", "x".repeat(9000)));
    assert_eq!(send(&mut client, long).await.status(), 400);
    assert_eq!(served.desk.refused.lock().unwrap().last(), Some(&Refusal::TargetTooLong));
    let mut crumbs = request(Method::GET, "/crumbs");
    crumbs.headers_mut().append("cookie", "a=1".parse().unwrap());
    crumbs.headers_mut().append("cookie", "b=2".parse().unwrap());
    send(&mut client, crumbs).await;
    let heads = served.desk.heads.lock().unwrap();
    let head = heads.last().unwrap();
    assert_eq!(head.get("cookie"), Some(&b"a=1; b=2"[..]));
    assert_eq!(head.get("host"), Some(&b"a.example"[..]));
}

#[tokio::test]
async fn a_header_list_over_the_limit_is_431() {
    let limits = Limits { head_size: 4096, ..Limits::default() };
    let (_served, io) = Served::new(Desk::default(), limits, 64 * 1024);
    // This client does not know the server's limit yet, as one that does would not send it.
    let mut client = client(io).await;
    let mut large = request(Method::GET, "/a");
    large.headers_mut().insert("x-large", "x".repeat(6000).parse().unwrap());
    assert_eq!(send(&mut client, large).await.status(), 431);
    assert_eq!(get(&mut client, "/a").await.1, "hello /a");
}

#[tokio::test]
async fn requests_taken_back_at_once_do_not_pile_up() {
    const STREAMS: u32 = 10;
    let limits = Limits { streams: STREAMS, ..Limits::default() };
    let (served, io) = Served::new(Desk::default(), limits, 64 * 1024);
    let (mut client, connection) = client_with(io, &Builder::new()).await;
    for _ in 0..2000 {
        let Ok(mut ready) = client.clone().ready().await else { break };
        let Ok((_, mut stream)) = ready.send_request(request(Method::GET, "/slow"), true) else { break };
        tokio::task::yield_now().await;
        stream.send_reset(Reason::CANCEL);
        client = ready;
    }
    let end = timeout(SOON, connection).await.expect("the flood is borne for ever").unwrap();
    assert_eq!(end.unwrap_err().reason(), Some(Reason::ENHANCE_YOUR_CALM));
    let desk = served.ends().await;
    assert!(desk.most_working.load(Ordering::SeqCst) <= STREAMS as usize);
    assert!(desk.most_working.load(Ordering::SeqCst) > 0);
}

/// A frame's head and payload (RFC 9113 section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend_from_slice(&[kind, flags]);
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#[tokio::test]
async fn floods_that_want_answers_are_held_back() {
    for flood in [frame(6, 0, 0, b"pingping"), frame(4, 0, 0, &[])] {
        let limits = Limits { write_timeout: Duration::from_millis(300), ..Limits::default() };
        let (served, mut io) = Served::new(Desk::default(), limits, 8 * 1024);
        io.write_all(PREFACE).await.unwrap();
        io.write_all(&frame(4, 0, 0, &[])).await.unwrap();
        let block = flood.repeat(100);
        let mut sent = 0;
        // Nothing is read: the server must stop reading, too, and then give up.
        while sent < 64 * 1024 * 1024 && io.write_all(&block).await.is_ok() {
            sent += block.len();
        }
        assert!(sent < 1024 * 1024, "{sent} bytes of a flood were taken in");
        served.ends().await;
    }
}

#[tokio::test]
async fn what_was_read_to_find_out_the_version_is_not_lost() {
    let desk = Arc::new(Desk::default());
    let (mut near, far) = tokio::io::duplex(4096);
    let (_draining, drain) = Draining::new();
    let peer = Arc::new(Peer { address: None, local: None, scheme: Scheme::Http, server_name: None });
    let already = Bytes::from_static(&PREFACE[..20]);
    tokio::spawn(serve(far, already, desk, peer, Arc::new(Limits::default()), drain));
    near.write_all(&PREFACE[20..]).await.unwrap();
    near.write_all(&frame(4, 0, 0, &[])).await.unwrap();
    let mut seen = [0; 9];
    timeout(SOON, near.read_exact(&mut seen)).await.unwrap().unwrap();
    assert_eq!(seen[3], 4, "the server's SETTINGS come first");
}
