//! A server that answers by path, as often as it is asked, and keeps what it was asked.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Site {
    /// Path, code, fields separated by `|`, content.
    pub(crate) fn new(answers: &[(&str, u16, &str, &str)]) -> Site {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let site = Site { address: listener.local_addr().unwrap(), requests: Arc::default() };
        let answers: HashMap<String, (u16, String, String)> = answers
            .iter()
            .map(|(path, code, fields, content)| {
                ((*path).to_owned(), (*code, (*fields).to_owned(), (*content).to_owned()))
            })
            .collect();
        let (shared, answers) = (site.clone(), Arc::new(answers));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (shared, answers) = (shared.clone(), Arc::clone(&answers));
                std::thread::spawn(move || shared.serve(stream.unwrap(), &answers));
            }
        });
        site
    }

    fn serve(&self, mut stream: TcpStream, answers: &HashMap<String, (u16, String, String)>) {
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            while let Some(end) = received.windows(4).position(|w| w == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&received[..end]).into_owned();
                received.drain(..end + 4);
                let line = head.lines().next().unwrap().to_owned();
                let mut words = line.split(' ');
                let (method, path) = (words.next().unwrap(), words.next().unwrap());
                self.requests.lock().unwrap().push(format!("{method} {path}"));
                let nothing = (404, String::new(), "nothing".to_owned());
                let (code, fields, content) = answers.get(path).unwrap_or(&nothing);
                let fields: String =
                    fields.split('|').filter(|f| !f.is_empty()).map(|f| format!("{f}\r\n")).collect();
                let content_sent = if method == "HEAD" { "" } else { content };
                let answer = format!(
                    "HTTP/1.1 {code} X\r\n{fields}Content-Length: {}\r\n\r\n{content_sent}",
                    content.len()
                );
                if stream.write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
            match stream.read(&mut buffer) {
                Ok(count) if count > 0 => received.extend_from_slice(&buffer[..count]),
                _ => return,
            }
        }
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        let mut requests = self.requests.lock().unwrap().clone();
        requests.sort();
        requests
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}
