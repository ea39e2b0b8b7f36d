//! One request, as the bytes that are sent.

use std::net::SocketAddr;

/// A request ready to be written.
pub struct Ask {
    /// The whole head, with its empty line.
    pub bytes: Vec<u8>,
    /// Where a running number goes.
    number_at: Option<usize>,
    /// HEAD is answered without content, whatever Content-Length says.
    pub head_only: bool,
}

/// Stands for the running number in a path.
const PLACEHOLDER: &str = "{n}";

/// Digits of a running number.
const DIGITS: usize = 12;

impl Ask {
    /// A request for `path` with extra field lines. `{n}` in the path becomes
    /// a running number.
    pub fn new(method: &str, path: &str, fields: &[String], server: SocketAddr) -> Ask {
        let number_at = path.find(PLACEHOLDER).map(|at| method.len() + 1 + at);
        let path = path.replacen(PLACEHOLDER, &"0".repeat(DIGITS), 1);
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {server}\r\n");
        for field in fields {
            text.push_str(field);
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        Ask { bytes: text.into_bytes(), number_at, head_only: method == "HEAD" }
    }

    /// Puts the running number where it goes.
    pub fn count(&mut self, mut number: u64) {
        let Some(at) = self.number_at else { return };
        let Some(digits) = self.bytes.get_mut(at..at + DIGITS) else { return };
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
    }

    /// The requests of a mix file, in order.
    pub fn from_mix(file: &str, server: SocketAddr) -> Result<Vec<Ask>, String> {
        let text = std::fs::read_to_string(file).map_err(|problem| format!("{file}: {problem}"))?;
        text.lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| {
                let mut parts = line.split('\t');
                let start = parts.next().unwrap_or_default();
                let (method, path) = start
                    .split_once(' ')
                    .ok_or_else(|| format!("{file}: a line wants METHOD PATH, not {start:?}"))?;
                let fields: Vec<String> = parts.map(str::to_owned).collect();
                Ok(Ask::new(method, path, &fields, server))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_number_is_in_the_path() {
        let mut ask = Ask::new("GET", "/a/{n}.html", &[], SocketAddr::from(([127, 0, 0, 1], 80)));
        ask.count(1207);
        assert!(ask.bytes.starts_with(b"GET /a/000000001207.html HTTP/1.1\r\nHost: 127.0.0.1:80\r\n"));
        assert!(ask.bytes.ends_with(b"\r\n\r\n"));
    }
}
