//! HTTP/1.x, byte for byte, against a service whose answers are fixed by the target.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bytes::Bytes;
use candor_semantics::fields::Fields;
use candor_semantics::head::Head;
use candor_semantics::refusal::Refusal;
use candor_wire::incoming::{ContentFault, Incoming};
use candor_wire::limits::Limits;
use candor_wire::peer::Peer;
use candor_wire::run::{Drained, Local, Running, Server, Spec};
use candor_wire::service::{Answer, Content, Delivery, FilePart, Piece, Request, Service, Source};

/// What the service was told about answers that ended: target, and how.
type Log = Arc<Mutex<Vec<(String, Delivery)>>>;

struct Script {
    log: Log,
    folder: PathBuf,
}

fn answer(target: &[u8], status: u16, content: Content) -> Answer<String> {
    let mut fields = Fields::new();
    fields.push_static("Date", "D");
    let record = String::from_utf8_lossy(target).into_owned();
    Answer { status, fields, content, close: false, record }
}

fn text(bytes: impl Into<Bytes>) -> Content {
    Content::Bytes(bytes.into())
}

impl Script {
    fn part(&self, name: &str, length: u64) -> FilePart {
        FilePart {
            file: Arc::new(File::open(self.folder.join(name)).unwrap()),
            offset: 0,
            length,
            state: None,
        }
    }
}

async fn read_all(incoming: &mut Incoming) -> Result<Vec<u8>, ContentFault> {
    let mut all = Vec::new();
    while let Some(piece) = incoming.next().await {
        all.extend_from_slice(&piece?);
    }
    Ok(all)
}

impl Service for Script {
    type Record = String;

    async fn respond(&self, mut request: Request) -> Answer<String> {
        let target = request.head.target().to_vec();
        let stream = |source: Pieces, length| Content::Stream { source: Box::new(source), length };
        let (status, content) = match &target[..] {
            b"/nothing" => (204, Content::Nothing),
            b"/same" => (304, Content::Nothing),
            b"/reset" => (205, Content::Nothing),
            b"/big" => (200, text(vec![b'b'; 3_000_000])),
            b"/refused" => (413, text("too large")),
            b"/file" => (200, Content::File(self.part("whole", 300_000))),
            b"/cut" => (200, Content::File(self.part("whole", 300_001))),
            b"/shrinks" => (200, Content::File(self.part("shrinks", 64 << 20))),
            b"/pieces" => {
                let file = Piece::File(self.part("whole", 3));
                (206, Content::Pieces(vec![Piece::Bytes("<".into()), file, Piece::Bytes(">".into())]))
            }
            b"/stream" => (200, stream(Pieces::new(&["one", "", "three"]), None)),
            b"/trailers" => (200, stream(Pieces { trailers: true, ..Pieces::new(&["one"]) }, None)),
            b"/known" => (200, stream(Pieces::new(&["one", "two"]), Some(6))),
            b"/less" => (200, stream(Pieces::new(&["one"]), Some(6))),
            b"/more" => (200, stream(Pieces::new(&["one", "two"]), Some(4))),
            b"/fails" => (200, stream(Pieces { fails: true, ..Pieces::new(&["one"]) }, None)),
            b"/duplex" => {
                let source = Box::new(Duplex(request.incoming));
                return answer(&target, 200, Content::Stream { source, length: None });
            }
            b"/elsewhere" => {
                let mut incoming = request.incoming;
                let read = tokio::spawn(async move { read_all(&mut incoming).await }).await.unwrap();
                return answer(&target, 200, text(read.unwrap()));
            }
            b"/slow" => {
                tokio::time::sleep(Duration::from_millis(300)).await;
                (200, text("slow"))
            }
            b"/read" => match read_all(&mut request.incoming).await {
                Ok(mut all) => {
                    for (name, value) in request.incoming.trailers().into_iter().flat_map(Fields::iter) {
                        all.extend_from_slice(format!("[{name}={}]", value.escape_ascii()).as_bytes());
                    }
                    (200, text(all))
                }
                Err(ContentFault::Stalled) => (408, text("stalled")),
                Err(ContentFault::Malformed) => (400, text("malformed")),
                Err(ContentFault::Gone) => (400, text("gone")),
            },
            b"/who" => (200, text(format!("{:?}", request.peer.address))),
            _ => (
                200,
                text(format!("{} {}", request.head.method_token().escape_ascii(), target.escape_ascii())),
            ),
        };
        let mut answer = answer(&target, status, content);
        answer.close = target == b"/refused" || status == 408;
        answer
    }

    fn refuse(&self, _: &Arc<Peer>, head: Head, refusal: Refusal, _: Instant) -> Answer<String> {
        let status = match refusal {
            Refusal::HeadTimeout => 408,
            Refusal::MethodTooLong | Refusal::TransferCoding => 501,
            Refusal::TargetTooLong => 414,
            Refusal::FieldsTooLarge => 431,
            Refusal::Version => 505,
            _ => 400,
        };
        let told = format!("{refusal:?} {}", head.method_token().escape_ascii());
        answer(b"refused", status, text(told))
    }

    fn delivered(&self, record: String, delivery: Delivery) {
        self.log.lock().unwrap().push((record, delivery));
    }
}

struct Pieces {
    pieces: Vec<&'static str>,
    trailers: bool,
    fails: bool,
}

impl Pieces {
    fn new(pieces: &[&'static str]) -> Pieces {
        Pieces { pieces: pieces.iter().rev().copied().collect(), trailers: false, fails: false }
    }
}

impl Source for Pieces {
    fn poll_next(&mut self, _: &mut Context<'_>) -> Poll<Option<std::io::Result<Bytes>>> {
        match self.pieces.pop() {
            None if self.fails => Poll::Ready(Some(Err(ErrorKind::Other.into()))),
            next => Poll::Ready(next.map(|piece| Ok(piece.into()))),
        }
    }

    fn trailers(&mut self) -> Option<Fields> {
        self.trailers.then(|| {
            let mut fields = Fields::new();
            fields.push_static("X-Sum", "3");
            fields
        })
    }
}

/// Gives back what it reads, while it is read.
struct Duplex(Incoming);

impl Source for Duplex {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<std::io::Result<Bytes>>> {
        let next = ready!(self.0.poll_next(cx));
        Poll::Ready(next.map(|piece| piece.map_err(|fault| std::io::Error::other(format!("{fault:?}")))))
    }
}

fn limits() -> Limits {
    Limits {
        head_timeout: Duration::from_millis(400),
        body_timeout: Duration::from_millis(400),
        idle_timeout: Duration::from_millis(900),
        write_timeout: Duration::from_millis(700),
        head_size: 4096,
        target_size: 256,
        drain_timeout: Duration::from_millis(900),
        ..Limits::default()
    }
}

struct Fixture {
    address: SocketAddr,
    log: Log,
    folder: PathBuf,
    running: Option<Running>,
}

impl Fixture {
    fn new(name: &str) -> Fixture {
        Fixture::with(name, limits(), &[])
    }

    fn with(name: &str, limits: Limits, more: &[&str]) -> Fixture {
        let folder = std::env::temp_dir().join(format!("candor-wire-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("whole"), vec![b'f'; 300_000]).unwrap();
        let specs = std::iter::once(&"127.0.0.1:0")
            .chain(more)
            .map(|address| Spec { address: address.parse().unwrap(), tls: None })
            .collect();
        let mut server = Server::bind_for(specs, 1).unwrap();
        if name == "proxy" {
            server.behind_proxy(0);
        }
        let Local::Tcp { address, .. } = server.local_addrs()[0] else { panic!("a TCP address comes first") };
        let log = Log::default();
        let script = Arc::new(Script { log: Arc::clone(&log), folder: folder.clone() });
        let running = server.start(script, Arc::new(ArcSwap::from_pointee(limits))).unwrap();
        Fixture { address, log, folder, running: Some(running) }
    }

    fn connect(&self) -> Client<TcpStream> {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Client(stream)
    }

    /// Everything that comes back for these bytes until the connection ends.
    fn ask(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut client = self.connect();
        client.send(bytes);
        client.rest()
    }

    fn delivered(&self) -> Vec<(String, Delivery)> {
        self.log.lock().unwrap().clone()
    }

    fn stop(&mut self) -> Drained {
        let running = self.running.take().unwrap();
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(running.stop())
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.stop();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

struct Client<T>(T);

impl<T: Read + Write> Client<T> {
    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    /// Reads to the end; a reset is written out.
    fn rest(&mut self) -> String {
        let mut all = Vec::new();
        let mut block = [0; 65536];
        loop {
            match self.0.read(&mut block) {
                Ok(0) => return String::from_utf8_lossy(&all).into_owned(),
                Ok(read) => all.extend_from_slice(&block[..read]),
                Err(e) if e.kind() == ErrorKind::ConnectionReset => {
                    return String::from_utf8_lossy(&all).into_owned() + "<reset>";
                }
                Err(e) => panic!("{e} after {}", String::from_utf8_lossy(&all)),
            }
        }
    }

    /// Reads until this is the end of what came.
    fn until(&mut self, end: &str) -> String {
        let mut all = Vec::new();
        let mut byte = [0];
        while !all.ends_with(end.as_bytes()) {
            match self.0.read(&mut byte) {
                Ok(1) => all.push(byte[0]),
                other => panic!("{other:?} after {}", String::from_utf8_lossy(&all)),
            }
        }
        String::from_utf8(all).unwrap()
    }
}

fn ok(content: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: {}\r\n\r\n{content}", content.len())
}

fn ok_and_close(content: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{content}",
        content.len()
    )
}

fn refused(status: &str, told: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nDate: D\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{told}",
        told.len()
    )
}

const CLOSE: &str = "GET /z HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[test]
fn answers_come_in_order_over_one_connection() {
    let fixture = Fixture::new("order");
    let asked = "GET /a HTTP/1.1\r\nHost: x\r\n\r\nHEAD /b HTTP/1.1\r\nHost: x\r\n\r\n\
                 POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nGET\
                 GET /nothing HTTP/1.1\r\nHost: x\r\n\r\nGET /same HTTP/1.1\r\nHost: x\r\n\r\n\
                 GET /reset HTTP/1.1\r\nHost: x\r\n\r\n\r\n"
        .to_owned()
        + CLOSE
        + "GET /never HTTP/1.1\r\nHost: x\r\n\r\n";
    let told = ok("GET /a")
        + "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 7\r\n\r\n"
        + &ok("POST /c")
        + "HTTP/1.1 204 No Content\r\nDate: D\r\n\r\nHTTP/1.1 304 Not Modified\r\nDate: D\r\n\r\n"
        + "HTTP/1.1 205 Reset Content\r\nDate: D\r\nContent-Length: 0\r\n\r\n"
        + &ok_and_close("GET /z");
    assert_eq!(fixture.ask(&asked), told);
    // Byte by byte the same.
    let mut client = fixture.connect();
    for byte in asked.as_bytes().chunks(1) {
        if client.0.write_all(byte).is_err() {
            break;
        }
    }
    assert_eq!(client.rest(), told);
}

#[test]
fn a_request_may_be_split_anywhere() {
    let fixture = Fixture::new("split");
    let asked = "POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
                 3;a=b\r\nabc\r\n0\r\nX-T: u\r\n\r\n"
        .to_owned()
        + CLOSE;
    let told = ok("abc[X-T=u]") + &ok_and_close("GET /z");
    let mut clients = Vec::new();
    for split in 1..asked.len() {
        let mut client = fixture.connect();
        client.send(&asked[..split]);
        clients.push((client, split));
    }
    std::thread::sleep(Duration::from_millis(50));
    for (client, split) in &mut clients {
        client.send(&asked[*split..]);
        assert_eq!(client.rest(), told, "split at {split}");
    }
}

#[test]
fn refusals_byte_for_byte() {
    let fixture = Fixture::new("refusals");
    let long_target = format!("GET /{} HTTP/1.1\r\n", "t".repeat(256));
    let long_method = "M".repeat(65);
    let long_field = format!("GET / HTTP/1.1\r\nHost: x\r\nX-A: {}", "v".repeat(5000));
    let many_fields = format!("GET / HTTP/1.1\r\n{}", "a:\r\n".repeat(600));
    let table: &[(&str, &str, &str)] = &[
        ("GET / HTTP/1.1\nHost: x\n\n", "400 Bad Request", "StartLine GET"),
        ("GET / HTTP/1.1\r\nHost: x\n\n", "400 Bad Request", "FieldLine GET"),
        ("GET / HTTP/1.1\r\nHost : x\r\n\r\n", "400 Bad Request", "FieldLine GET"),
        ("GET / HTTP/1.1\r\n Host: x\r\n\r\n", "400 Bad Request", "FieldLine GET"),
        ("GET / HTTP/1.1\r\nHost: x\r\nX-A: a\r\n b\r\n\r\n", "400 Bad Request", "FieldLine GET"),
        ("GET / HTTP/1.1\r\nHost: x\r\nX-A: a\rb\r\n\r\n", "400 Bad Request", "FieldLine GET"),
        ("GET / HTTP/1.1\r\nHost: x\r\nX-A: a\0b\r\n\r\n", "400 Bad Request", "FieldLine GET"),
        ("GET / HTTP/1.1\r\nHost: x\r\nX-A: a\x07b\r\n\r\n", "400 Bad Request", "FieldLine GET"),
        ("GET / HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n", "400 Bad Request", "FieldLine GET"),
        ("GET / HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n", "400 Bad Request", "FieldLine GET"),
        ("GET /\r\n\r\n", "400 Bad Request", "StartLine GET"),
        ("\x16\x03\x01\x02\x00", "400 Bad Request", "StartLine "),
        ("\r\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n", "400 Bad Request", "StartLine "),
        (&long_target, "414 URI Too Long", "TargetTooLong GET"),
        (&long_target[..262], "414 URI Too Long", "TargetTooLong GET"),
        (&long_method, "501 Not Implemented", "MethodTooLong "),
        (&long_field, "431 Request Header Fields Too Large", "FieldsTooLarge GET"),
        (&many_fields, "431 Request Header Fields Too Large", "FieldsTooLarge GET"),
        ("GET / HTTP/3.0\r\n", "505 HTTP Version Not Supported", "Version GET"),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "400 Bad Request",
            "Framing POST",
        ),
        ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 6\r\n\r\n", "400 Bad Request", "Framing GET"),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: foo, chunked\r\n\r\n",
            "501 Not Implemented",
            "TransferCoding GET",
        ),
        ("GET / HTTP/1.1\r\nHost: x\r\n", "408 Request Timeout", "HeadTimeout GET"),
        ("GE", "408 Request Timeout", "HeadTimeout "),
    ];
    for (asked, status, told) in table {
        assert_eq!(fixture.ask(asked), refused(status, told), "{}", asked.escape_debug());
        // The same when every byte comes alone, unless the clock decides.
        if !told.starts_with("HeadTimeout") && asked.len() < 100 {
            let mut client = fixture.connect();
            for byte in asked.as_bytes().chunks(1) {
                if client.0.write_all(byte).is_err() {
                    break;
                }
                std::thread::sleep(Duration::from_micros(200));
            }
            let slowly = client.rest();
            assert_eq!(slowly, refused(status, told), "byte by byte: {}", asked.escape_debug());
        }
    }
}

#[test]
fn faults_of_host_and_target_close() {
    let fixture = Fixture::new("host");
    for (head, told) in [
        ("POST / HTTP/1.1\r\n", "Host POST"),
        ("POST / HTTP/1.1\r\nHost: a\r\nHost: a\r\n", "Host POST"),
        ("POST * HTTP/1.1\r\nHost: a\r\n", "TargetForm POST"),
        ("POST a:80 HTTP/1.1\r\nHost: a\r\n", "TargetForm POST"),
    ] {
        let asked = format!("{head}Content-Length: 4\r\n\r\nGET {CLOSE}");
        assert_eq!(fixture.ask(asked), refused("400 Bad Request", told), "{head}");
    }
}

#[test]
fn http_1_0() {
    let fixture = Fixture::new("old");
    assert_eq!(fixture.ask("GET /a HTTP/1.0\r\n\r\n"), ok_and_close("GET /a"));
    let kept = "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: 6\r\nConnection: keep-alive\r\n\r\nGET /a";
    let asked = "GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n".to_owned() + CLOSE;
    assert_eq!(fixture.ask(asked), kept.to_owned() + &ok_and_close("GET /z"));
    // Never chunked; the end of the connection is the end of the content.
    let asked = "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    assert_eq!(fixture.ask(asked), "HTTP/1.1 200 OK\r\nDate: D\r\nConnection: close\r\n\r\nonethree");
    // No interim answers.
    let asked = "POST /read HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab";
    assert_eq!(fixture.ask(asked), ok_and_close("ab"));
}

#[test]
fn contents_of_every_kind() {
    let fixture = Fixture::new("kinds");
    let ask =
        |target: &str, close: &str| fixture.ask(format!("GET {target} HTTP/1.1\r\nHost: x\r\n{close}\r\n"));
    let close = "Connection: close\r\n";
    assert_eq!(ask("/big", close), ok_and_close(&"b".repeat(3_000_000)));
    assert_eq!(ask("/file", close), ok_and_close(&"f".repeat(300_000)));
    assert_eq!(ask("/known", close), ok_and_close("onetwo"));
    let head = |status: &str| format!("HTTP/1.1 {status}\r\nDate: D\r\n");
    assert_eq!(
        ask("/pieces", close),
        head("206 Partial Content") + "Content-Length: 5\r\nConnection: close\r\n\r\n<fff>"
    );
    let chunked = head("200 OK") + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    assert_eq!(ask("/stream", close), chunked.clone() + "3\r\none\r\n5\r\nthree\r\n0\r\n\r\n");
    assert_eq!(ask("/trailers", close), chunked + "3\r\none\r\n0\r\nX-Sum: 3\r\n\r\n");
    let asked =
        "HEAD /file HTTP/1.1\r\nHost: x\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n".to_owned() + CLOSE;
    assert_eq!(
        fixture.ask(asked),
        head("200 OK")
            + "Content-Length: 300000\r\n\r\n"
            + &head("200 OK")
            + "\r\n"
            + &ok_and_close("GET /z")
    );
    let whole = |target: &str, content| (target.to_owned(), Delivery { content, complete: true });
    let delivered = fixture.delivered();
    for entry in [whole("/big", 3_000_000), whole("/file", 300_000), whole("/pieces", 5), whole("/stream", 8)]
    {
        assert!(delivered.contains(&entry), "{entry:?} in {delivered:?}");
    }
}

#[test]
fn what_cannot_be_finished_is_visibly_broken() {
    let fixture = Fixture::new("broken");
    let file = File::create(fixture.folder.join("shrinks")).unwrap();
    file.set_len(64 << 20).unwrap();
    let ask = |target: &str| fixture.ask(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
    let chunked = "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n";
    let length = |length| format!("HTTP/1.1 200 OK\r\nDate: D\r\nContent-Length: {length}\r\n\r\n");
    // A reset may overtake the bytes before it; what came must be the beginning, and never the end.
    let broken = |got: String, head: &str, content: &str| {
        let begun = got.strip_suffix("<reset>").unwrap_or_else(|| panic!("no reset after {}", got.len()));
        assert!(format!("{head}{content}").starts_with(begun), "{}", begun.len());
    };
    broken(ask("/fails"), chunked, "3\r\none\r\n");
    broken(ask("/less"), &length(6), "one");
    broken(ask("/more"), &length(4), "one");
    broken(ask("/cut"), &length(300_001), &"f".repeat(300_000));
    let mut client = fixture.connect();
    client.send("GET /shrinks HTTP/1.1\r\nHost: x\r\n\r\n");
    client.until("\r\n\r\n");
    file.set_len(1 << 20).unwrap();
    let got = client.rest();
    assert!(got.ends_with("<reset>") && got.len() < 64 << 20, "{}", got.len());
    drop(client);
    let delivered = fixture.delivered();
    assert_eq!(delivered.len(), 5);
    assert!(delivered.iter().all(|(_, delivery)| !delivery.complete), "{delivered:?}");
}

#[test]
fn content_is_taken_on_demand() {
    let fixture = Fixture::new("demand");
    let head = "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    let mut client = fixture.connect();
    client.send(head);
    assert_eq!(client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    assert_eq!(client.until("hello"), ok("hello"));
    // Content that is there already needs no leave.
    client.send(format!("{head}again{CLOSE}"));
    assert_eq!(client.rest(), ok("again") + &ok_and_close("GET /z"));
    // Nobody wants it: the final answer comes at once, and the connection cannot be trusted to be in step.
    let asked = head.replace("/read", "/a");
    assert_eq!(fixture.ask(asked), ok_and_close("POST /a"));
    // Another task may do the reading.
    let asked = format!("POST /elsewhere HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello{CLOSE}");
    assert_eq!(fixture.ask(asked), ok("hello") + &ok_and_close("GET /z"));
}

#[test]
fn answer_and_content_flow_at_the_same_time() {
    let fixture = Fixture::new("duplex");
    let mut client = fixture.connect();
    client.send("POST /duplex HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(client.until("\r\n\r\n"), "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\n\r\n");
    for word in ["one", "two", "three"] {
        client.send(format!("{:x}\r\n{word}\r\n", word.len()));
        assert_eq!(client.until(&format!("{word}\r\n")), format!("{:x}\r\n{word}\r\n", word.len()));
    }
    client.send(format!("0\r\n\r\n{CLOSE}"));
    assert_eq!(client.rest(), "0\r\n\r\n".to_owned() + &ok_and_close("GET /z"));
}

#[test]
fn faults_of_content() {
    let fixture = Fixture::new("faults");
    let post = "POST /read HTTP/1.1\r\nHost: x\r\n";
    let stalled = format!("{post}Content-Length: 9\r\n\r\nabc");
    assert_eq!(fixture.ask(stalled), refused("408 Request Timeout", "stalled"));
    let chunked = format!("{post}Transfer-Encoding: chunked\r\n\r\n");
    assert_eq!(fixture.ask(format!("{chunked}3\r\nabcX")), refused("400 Bad Request", "malformed"));
    assert_eq!(fixture.ask(format!("{chunked}0x3\r\nabc\r\n")), refused("400 Bad Request", "malformed"));
    let mut client = fixture.connect();
    client.send(format!("{post}Content-Length: 9\r\n\r\nabc"));
    client.0.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.rest(), refused("400 Bad Request", "gone"));
}

#[test]
fn a_refusal_of_large_content_reaches_the_client() {
    let fixture = Fixture::new("linger");
    let mut client = fixture.connect();
    client.send("POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n");
    for _ in 0..20 {
        client.send([b'c'; 100_000]);
    }
    assert_eq!(client.rest(), refused("413 Content Too Large", "too large"));
    // Unread content that is small does not cost the connection; much of it does, and that is said.
    let small =
        format!("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n{}{CLOSE}", "c".repeat(60_000));
    assert_eq!(fixture.ask(small), ok("POST /a") + &ok_and_close("GET /z"));
    let much =
        format!("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n{}{CLOSE}", "c".repeat(70_000));
    assert_eq!(fixture.ask(much), ok_and_close("POST /a"));
    // Chunks whose end came along are no obstacle.
    let chunks = format!(
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n{CLOSE}"
    );
    assert_eq!(fixture.ask(chunks), ok("POST /a") + &ok_and_close("GET /z"));
}

#[test]
fn silence_ends_silently_unless_a_request_began() {
    let fixture = Fixture::new("silence");
    let begun = Instant::now();
    assert_eq!(fixture.ask(""), "");
    assert!(begun.elapsed() < Duration::from_millis(800), "{:?}", begun.elapsed());
    // An empty line is no request.
    assert_eq!(fixture.ask("\r\n"), "");
    let begun = Instant::now();
    assert_eq!(fixture.ask("GET /a HTTP/1.1\r\nHost: x\r\n\r\n\r\n"), ok("GET /a"));
    assert!(begun.elapsed() >= Duration::from_millis(850), "{:?}", begun.elapsed());
    // Half a head and the end.
    let mut client = fixture.connect();
    client.send("GET / HTTP/1.1\r\n");
    client.0.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.rest(), "");
    // A whole one and the end.
    let mut client = fixture.connect();
    client.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    client.0.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.rest(), ok("slow"));
    // A head that drips does not live longer than one that stands still.
    let mut client = fixture.connect();
    client.send("GET / HTTP/1.1\r\n");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(700) {
        let _ = client.0.write_all(b"X-A: b\r\n");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(client.rest().starts_with("HTTP/1.1 408 Request Timeout\r\n"));
}

#[test]
fn a_client_that_takes_nothing_is_cut_off() {
    let fixture = Fixture::new("slow-read");
    let file = File::create(fixture.folder.join("shrinks")).unwrap();
    file.set_len(64 << 20).unwrap();
    let mut client = fixture.connect();
    client.send("GET /shrinks HTTP/1.1\r\nHost: x\r\n\r\n");
    std::thread::sleep(Duration::from_millis(1500));
    let delivered = fixture.delivered();
    assert!(
        matches!(&delivered[..], [(_, Delivery { complete: false, content })] if *content < 64 << 20),
        "{delivered:?}"
    );
    assert!(client.rest().ends_with("<reset>"));
}

#[test]
fn draining_finishes_what_began_and_nothing_else() {
    let mut fixture =
        Fixture::with("drain", Limits { body_timeout: Duration::from_secs(9), ..limits() }, &[]);
    let mut idle = fixture.connect();
    idle.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(idle.until("/a"), ok("GET /a"));
    let mut busy = fixture.connect();
    busy.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    let mut stuck = fixture.connect();
    stuck.send("POST /duplex HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    stuck.until("\r\n\r\n");
    std::thread::sleep(Duration::from_millis(100));
    let address = fixture.address;
    let waiting = std::thread::spawn(move || (idle.rest(), busy.rest()));
    let begun = Instant::now();
    let drained = fixture.stop();
    assert_eq!(drained, Drained { open: 3, cut: 1 });
    assert!(begun.elapsed() >= Duration::from_millis(850), "{:?}", begun.elapsed());
    assert_eq!(waiting.join().unwrap(), (String::new(), ok_and_close("slow")));
    assert!(TcpStream::connect(address).is_err());
    let cut = fixture.delivered().into_iter().find(|(target, _)| target == "/duplex");
    assert_eq!(cut, Some(("/duplex".to_owned(), Delivery { content: 0, complete: false })));
}

#[test]
fn too_many_connections_are_closed_unread() {
    let most = Limits { connections: 2, ..limits() };
    let fixture = Fixture::with("many", most, &[]);
    let mut first = fixture.connect();
    first.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    first.until("/a");
    let mut second = fixture.connect();
    second.send("GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
    second.until("/b");
    assert_eq!(fixture.connect().rest(), "");
    assert_eq!(fixture.running.as_ref().unwrap().refused(), 1);
    drop(first);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(fixture.ask(CLOSE), ok_and_close("GET /z"));
    let one = Limits { connections_per_address: Some(1), ..limits() };
    let fixture = Fixture::with("one", one, &[]);
    let _first = fixture.connect();
    assert_eq!(fixture.connect().rest(), "");
}

#[test]
fn a_proxy_says_whose_the_connection_is() {
    let fixture = Fixture::new("proxy");
    let asked = "GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let header = "PROXY TCP4 192.0.2.7 192.0.2.1 4321 80\r\n";
    assert_eq!(fixture.ask(format!("{header}{asked}")), ok_and_close("Some(192.0.2.7:4321)"));
    let unannounced = fixture.ask(asked);
    assert!(unannounced.is_empty() || unannounced == "<reset>", "{unannounced}");
}

#[test]
fn a_file_that_is_not_in_memory_is_sent_too() {
    let fixture = Fixture::new("cold");
    let file = File::open(fixture.folder.join("whole")).unwrap();
    file.sync_all().unwrap();
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
    let asked = "GET /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(fixture.ask(asked), ok_and_close(&"f".repeat(300_000)));
}

#[test]
fn a_unix_socket_serves_the_same_and_goes_away() {
    let path = std::env::temp_dir().join(format!("candor-wire-{}.sock", std::process::id()));
    let listen = format!("unix:{}", path.display());
    let mut fixture = Fixture::with("unix", limits(), &[&listen]);
    let stream = UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut client = Client(stream);
    client.send("GET /file HTTP/1.1\r\nHost: x\r\n\r\n".to_owned() + CLOSE);
    assert_eq!(client.rest(), ok(&"f".repeat(300_000)) + &ok_and_close("GET /z"));
    fixture.stop();
    assert!(!Path::new(&path).exists());
}
