//! A scripted upstream: real sockets, one thread for each connection, every act as written.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Connections that are open, to be cut.
type Connections = Arc<Mutex<Vec<TcpStream>>>;

/// One act on a connection. After the last one the connection is closed.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Reads one request whole, with its content.
    Read,
    /// Reads up to the end of the head only.
    ReadHead,
    Send(Vec<u8>),
    Sleep(u64),
    /// Ends the connection with a reset.
    Reset,
    /// Begins again with the first act, on the same connection.
    Again,
    /// Stays silent until the other side closes.
    Hold,
}

/// Sends text.
pub(crate) fn send(text: &str) -> Act {
    Act::Send(text.as_bytes().to_vec())
}

/// Reads a request and answers it, again and again.
pub(crate) fn serve(answer: &str) -> Vec<Act> {
    vec![Act::Read, send(answer), Act::Again]
}

pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Upstream {
    /// Each connection follows the script of its number, later ones the last.
    pub(crate) fn start(scripts: Vec<Vec<Act>>) -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (kept, count) = (Arc::clone(&seen), Arc::clone(&connections));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let number = count.fetch_add(1, Ordering::SeqCst);
                let Some(script) = scripts.get(number.min(scripts.len() - 1)).cloned() else { return };
                let kept = Arc::clone(&kept);
                thread::spawn(move || follow(stream, &script, &kept));
            }
        });
        Upstream { address, seen, connections }
    }

    /// The same for every connection.
    pub(crate) fn always(script: Vec<Act>) -> Upstream {
        Upstream::start(vec![script])
    }

    /// The requests that came, as they came.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Waits until so many requests came.
    pub(crate) fn wait_for(&self, requests: usize) {
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.seen().len() < requests {
            assert!(Instant::now() < deadline, "{} of {requests} requests came", self.seen().len());
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn follow(mut stream: TcpStream, script: &[Act], seen: &Mutex<Vec<String>>) {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut pending = Vec::new();
    loop {
        for act in script {
            match act {
                Act::Read => match read_request(&mut stream, &mut pending, true) {
                    Some(request) => seen.lock().unwrap().push(request),
                    None => return,
                },
                Act::ReadHead => match read_request(&mut stream, &mut pending, false) {
                    Some(request) => seen.lock().unwrap().push(request),
                    None => return,
                },
                Act::Send(bytes) => {
                    if stream.write_all(bytes).is_err() {
                        return;
                    }
                }
                Act::Sleep(millis) => thread::sleep(Duration::from_millis(*millis)),
                Act::Reset => {
                    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
                    return;
                }
                Act::Again => break,
                Act::Hold => {
                    let _ = stream.read(&mut [0; 1024]);
                    while matches!(stream.read(&mut [0; 1024]), Ok(1..)) {}
                    return;
                }
            }
        }
        if !script.iter().any(|act| matches!(act, Act::Again)) {
            return;
        }
    }
}

fn read_request(stream: &mut TcpStream, pending: &mut Vec<u8>, whole: bool) -> Option<String> {
    let end = loop {
        if let Some(at) = pending.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        more(stream, pending)?;
    };
    let head = String::from_utf8_lossy(&pending[..end]).into_owned();
    let lower = head.to_ascii_lowercase();
    let mut length = end;
    if whole && lower.contains("transfer-encoding: chunked") {
        while !pending[end..].ends_with(b"0\r\n\r\n") {
            more(stream, pending)?;
        }
        length = pending.len();
    } else if whole && let Some(value) = lower.split("content-length: ").nth(1) {
        let content: usize = value.split("\r\n").next()?.trim().parse().ok()?;
        while pending.len() < end + content {
            more(stream, pending)?;
        }
        length = end + content;
    }
    let request = pending.drain(..length).collect::<Vec<u8>>();
    Some(String::from_utf8_lossy(&request).into_owned())
}

fn more(stream: &mut TcpStream, pending: &mut Vec<u8>) -> Option<()> {
    let mut buffer = [0; 4096];
    match stream.read(&mut buffer) {
        Ok(read @ 1..) => {
            pending.extend_from_slice(&buffer[..read]);
            Some(())
        }
        _ => None,
    }
}

/// An upstream that can be killed, with all its connections, and brought back at the same address.
pub(crate) struct Mortal {
    pub(crate) address: SocketAddr,
    alive: Option<(Arc<AtomicBool>, Connections)>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Mortal {
    pub(crate) fn start() -> Mortal {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut mortal = Mortal { address, alive: None, seen: Arc::default() };
        mortal.live(listener);
        mortal
    }

    fn live(&mut self, listener: TcpListener) {
        let (alive, streams) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(Vec::new())));
        self.alive = Some((Arc::clone(&alive), Arc::clone(&streams)));
        let seen = Arc::clone(&self.seen);
        listener.set_nonblocking(true).unwrap();
        thread::spawn(move || {
            while alive.load(Ordering::SeqCst) {
                let Ok((stream, _)) = listener.accept() else {
                    thread::sleep(Duration::from_millis(1));
                    continue;
                };
                stream.set_nonblocking(false).unwrap();
                streams.lock().unwrap().push(stream.try_clone().unwrap());
                let seen = Arc::clone(&seen);
                thread::spawn(move || {
                    follow(stream, &serve("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), &seen)
                });
            }
        });
    }

    pub(crate) fn kill(&mut self) {
        let Some((alive, streams)) = self.alive.take() else { return };
        alive.store(false, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(5));
        for stream in streams.lock().unwrap().drain(..) {
            let _ = rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO));
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }

    pub(crate) fn revive(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(2);
        loop {
            match TcpListener::bind(self.address) {
                Ok(listener) => return self.live(listener),
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// An upstream that speaks TLS with a certificate that nobody vouches for.
pub(crate) fn untrusted() -> SocketAddr {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(mut stream), config) = (stream, Arc::clone(&config)) else { return };
            thread::spawn(move || {
                let mut tls = rustls::ServerConnection::new(config).unwrap();
                while tls.complete_io(&mut stream).is_ok_and(|(read, _)| read > 0) {}
            });
        }
    });
    address
}

/// A port on which nobody listens.
pub(crate) fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
