//! A server that gives every connection the same bytes and keeps what it was asked.

use std::fs::{self, DirBuilder};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A running server; its thread ends with the test program.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers every request with these bytes, then closes.
    pub(crate) fn answer(bytes: &str) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, bytes) = (Arc::clone(&requests), bytes.to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                let mut request = Vec::new();
                let mut buffer = [0; 4096];
                // A TLS greeting has no end that we know, but it comes in one piece.
                while !request.ends_with(b"\r\n\r\n") && !request.starts_with(&[22]) {
                    match stream.read(&mut buffer) {
                        Ok(count) if count > 0 => request.extend_from_slice(&buffer[..count]),
                        _ => break,
                    }
                }
                kept.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
                let _ = stream.write_all(bytes.as_bytes());
            }
        });
        Server { address, requests }
    }

    /// What the last client sent.
    pub(crate) fn last_request(&self) -> String {
        self.requests.lock().unwrap().last().cloned().unwrap_or_default()
    }

    /// Leaves a key for this server in a runtime folder.
    pub(crate) fn leave_key(&self, runtime: &Path, key: &str) {
        let folder = runtime.join("candor");
        DirBuilder::new().mode(0o700).create(&folder).unwrap();
        fs::write(folder.join(format!("{}.key", self.address)), format!("{key}\n")).unwrap();
    }
}

/// An address at which nobody listens: one that was free a moment ago.
pub(crate) fn nobody_listens() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
