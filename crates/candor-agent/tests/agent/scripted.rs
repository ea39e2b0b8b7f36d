//! A server that plays a script and keeps what it was sent.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What is done with one request.
#[derive(Clone)]
pub(crate) enum Play {
    /// These bytes; the connection stays open.
    Say(String),
    /// These bytes, then the connection closes.
    Close(String),
}

/// A running server; its thread ends with the test program.
#[derive(Clone)]
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
}

impl Scripted {
    /// Plays the script in order, one part a request; the last part is repeated.
    pub(crate) fn play(script: Vec<Play>) -> Scripted {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Scripted {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
            connections: Arc::default(),
        };
        let shared = server.clone();
        let script = Arc::new(script);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                *shared.connections.lock().unwrap() += 1;
                let (shared, script) = (shared.clone(), Arc::clone(&script));
                std::thread::spawn(move || shared.serve(stream.unwrap(), &script));
            }
        });
        server
    }

    fn serve(&self, mut stream: TcpStream, script: &[Play]) {
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut received = Vec::new();
        while let Some(request) = one_request(&mut stream, &mut received) {
            let play = {
                let mut requests = self.requests.lock().unwrap();
                requests.push(request);
                script.get(requests.len() - 1).or(script.last()).unwrap().clone()
            };
            match play {
                Play::Say(text) => {
                    stream.write_all(text.replace("{host}", &self.address.to_string()).as_bytes()).unwrap()
                }
                Play::Close(text) => {
                    let _ = stream.write_all(text.replace("{host}", &self.address.to_string()).as_bytes());
                    return;
                }
            }
        }
    }

    /// The requests so far, head and content.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// The start lines so far, without the version.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line =
            |request: &String| request.lines().next().unwrap_or("").trim_end_matches(" HTTP/1.1").to_owned();
        self.requests().iter().map(line).collect()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn one_request(stream: &mut TcpStream, received: &mut Vec<u8>) -> Option<String> {
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = received.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&received[..end]).into_owned();
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned)
                })
                .map_or(0, |length| length.trim().parse::<usize>().unwrap());
            if received.len() >= end + 4 + length {
                let rest = received.split_off(end + 4 + length);
                return Some(String::from_utf8_lossy(&std::mem::replace(received, rest)).into_owned());
            }
        }
        match stream.read(&mut buffer) {
            Ok(count) if count > 0 => received.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
}

/// An answer with a length, on a connection that stays open.
pub(crate) fn answer(code: u16, fields: &str, content: &str) -> Play {
    let lines: String =
        fields.split('|').filter(|line| !line.is_empty()).map(|line| format!("{line}\r\n")).collect();
    Play::Say(format!("HTTP/1.1 {code} X\r\nContent-Length: {}\r\n{lines}\r\n{content}", content.len()))
}

/// A head without content and without a length.
pub(crate) fn bare(code: u16, fields: &str) -> Play {
    let lines: String =
        fields.split('|').filter(|line| !line.is_empty()).map(|line| format!("{line}\r\n")).collect();
    Play::Say(format!("HTTP/1.1 {code} X\r\n{lines}\r\n"))
}
