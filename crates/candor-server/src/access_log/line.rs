//! One line of the log in its two forms. What came from outside is spelled so that it cannot end a line or a
//! quoted part, nor reach a terminal as anything but plain text. docs/access-log.md describes both forms.

use std::io::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use super::Entry;
use super::moment::Moment;
use crate::configuration::LogFormat;

/// The most of one received value that is logged; the default of `limits.target_size`.
const MOST: usize = 8 << 10;

/// Room that is kept from line to line.
const KEPT: usize = 16 << 10;

/// A line in the making, with what can be used again for the next one.
#[derive(Debug, Default)]
pub(super) struct Line {
    moment: Moment,
    bytes: Vec<u8>,
}

impl Line {
    /// The line for an answer, with its end.
    pub(super) fn format(&mut self, format: LogFormat, entry: &Entry<'_>) -> &[u8] {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        let fraction = self.moment.turn_to(entry.time);
        match format {
            LogFormat::Combined => self.combined(entry),
            LogFormat::Json => self.json(entry, fraction),
        }
        self.bytes.push(b'\n');
        &self.bytes
    }

    fn combined(&mut self, entry: &Entry<'_>) {
        let head = entry.head;
        match entry.client {
            Some(ip) => self.address(ip),
            None => self.put("-"),
        }
        self.put(" - ");
        match entry.user {
            Some(user) if !user.is_empty() => self.received(user.as_bytes(), Spelling::Word),
            _ => self.put("-"),
        }
        self.put(" [");
        self.bytes.extend_from_slice(self.moment.clf().as_bytes());
        self.put("] \"");
        self.request(entry);
        self.put("\" ");
        self.number(entry.status.into());
        self.put(" ");
        self.number(entry.sent);
        for name in ["referer", "user-agent"] {
            self.put(" \"");
            self.received(head.get(name).unwrap_or(b"-"), Spelling::Quoted);
            self.put("\"");
        }
        self.put(" ");
        self.reason(entry);
        self.put(" ");
        self.seconds(entry.duration);
        if !entry.complete {
            self.put(" broken-off");
        }
        if let Some(incident) = entry.incident {
            self.put(" incident=");
            self.received(incident.as_bytes(), Spelling::Word);
        }
        if let Some((upstream, attempts)) = entry.upstream {
            self.put(" upstream=");
            self.received(upstream.as_bytes(), Spelling::Word);
            self.put(" attempts=");
            self.number(attempts.into());
        }
    }

    /// The start line; `-` where nothing of it could be read.
    fn request(&mut self, entry: &Entry<'_>) {
        let (method, target) = (entry.head.method_token(), entry.head.target());
        if method.is_empty() && target.is_empty() {
            return self.put("-");
        }
        self.received(method, Spelling::Word);
        self.put(" ");
        self.received(target, Spelling::Word);
        self.put(" ");
        self.put(entry.head.version().name());
    }

    fn json(&mut self, entry: &Entry<'_>, fraction: Duration) {
        let head = entry.head;
        self.put("{\"time\":\"");
        self.bytes.extend_from_slice(self.moment.rfc3339().as_bytes());
        self.put(".");
        self.six_digits(fraction.subsec_micros());
        self.put("Z\"");
        if let Some(ip) = entry.client {
            self.put(",\"client\":\"");
            self.address(ip);
            self.put("\"");
        }
        self.member(",\"user\":\"", entry.user.map(str::as_bytes));
        if !(head.method_token().is_empty() && head.target().is_empty()) {
            self.member(",\"method\":\"", Some(head.method_token()));
            self.member(",\"target\":\"", Some(head.target()));
            self.put(",\"version\":\"");
            self.put(head.version().name());
            self.put("\"");
        }
        self.put(",\"scheme\":\"");
        self.put(head.scheme().name());
        self.put("\"");
        self.member(",\"host\":\"", head.get("host"));
        self.put(",\"status\":");
        self.number(entry.status.into());
        if entry.reason.is_some() {
            self.put(",\"reason\":\"");
            self.reason(entry);
            self.put("\"");
        }
        self.put(",\"content_bytes\":");
        self.number(entry.sent);
        self.put(if entry.complete { ",\"complete\":true" } else { ",\"complete\":false" });
        self.put(",\"duration\":");
        self.seconds(entry.duration);
        self.member(",\"referer\":\"", head.get("referer"));
        self.member(",\"user_agent\":\"", head.get("user-agent"));
        self.member(",\"incident\":\"", entry.incident.map(str::as_bytes));
        if let Some((upstream, attempts)) = entry.upstream {
            self.member(",\"upstream\":\"", Some(upstream.as_bytes()));
            self.put(",\"attempts\":");
            self.number(attempts.into());
        }
        self.put("}");
    }

    /// A member of the object, if it has a value. `name` comes with all that stands before the value.
    fn member(&mut self, name: &str, value: Option<&[u8]>) {
        if let Some(value) = value {
            self.put(name);
            self.received(value, Spelling::Json);
            self.put("\"");
        }
    }

    fn reason(&mut self, entry: &Entry<'_>) {
        match entry.reason {
            Some(reason) => {
                self.put(reason.question.name());
                self.put("=");
                self.put(reason.answer.word());
            }
            None => self.put("-"),
        }
    }

    /// A value as received: plain text as it is, every other byte as `\xHH`. Too long a value is cut, and ends
    /// in `...`.
    fn received(&mut self, value: &[u8], spelling: Spelling) {
        const HEX: &[u8; 16] = b"0123456789ABCDEF";
        let (mut rest, cut) = match value.get(..MOST) {
            Some(start) if value.len() > MOST => (start, true),
            _ => (value, false),
        };
        loop {
            let (plain, odd) = rest.split_at(spelling.plain(rest));
            self.bytes.extend_from_slice(plain);
            let Some((&byte, after)) = odd.split_first() else { break };
            self.put(spelling.escape());
            self.bytes.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            rest = after;
        }
        if cut {
            self.put("...");
        }
    }

    fn address(&mut self, ip: IpAddr) {
        match ip {
            IpAddr::V4(ip) => {
                for (position, part) in ip.octets().into_iter().enumerate() {
                    if position > 0 {
                        self.put(".");
                    }
                    self.number(part.into());
                }
            }
            // Writing to memory cannot fail.
            IpAddr::V6(ip) => _ = write!(self.bytes, "{ip}"),
        }
    }

    /// Seconds to the microsecond: `0.000123`.
    fn seconds(&mut self, duration: Duration) {
        self.number(duration.as_secs());
        self.put(".");
        self.six_digits(duration.subsec_micros());
    }

    fn six_digits(&mut self, mut number: u32) {
        let mut digits = [b'0'; 6];
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
        self.bytes.extend_from_slice(&digits);
    }

    fn number(&mut self, mut number: u64) {
        let mut digits = [b'0'; 20];
        let mut used = 0;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
            used += 1;
            if number == 0 {
                break;
            }
        }
        self.bytes.extend_from_slice(digits.get(20 - used..).unwrap_or_default());
    }

    fn put(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }
}

/// How received values are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    /// Between quotes.
    Quoted,
    /// Up to the next blank, so that blanks are no plain text either.
    Word,
    /// In a string of JSON, where a backslash is written twice.
    Json,
}

impl Spelling {
    /// How many bytes at the start are plain text. Nearly always all of them are, so that it is worth while to look
    /// at sixteen at a time, without a branch for each.
    fn plain(self, bytes: &[u8]) -> usize {
        let blank = if self == Spelling::Word { b' ' } else { b'"' };
        let is_odd =
            |byte: u8| !(b' '..=b'~').contains(&byte) | (byte == b'"') | (byte == b'\\') | (byte == blank);
        let (blocks, _) = bytes.as_chunks::<16>();
        let clear = blocks
            .iter()
            .take_while(|block| !block.iter().fold(false, |odd, &byte| odd | is_odd(byte)))
            .count()
            * 16;
        let rest = bytes.get(clear..).unwrap_or_default();
        clear + rest.iter().position(|&byte| is_odd(byte)).unwrap_or(rest.len())
    }

    fn escape(self) -> &'static str {
        match self {
            Spelling::Quoted | Spelling::Word => "\\x",
            Spelling::Json => "\\\\x",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candor_semantics::head::{Head, Scheme, Version};
    use candor_semantics::question::Question;
    use candor_semantics::trace::{self, Answer};
    use proptest::prelude::*;
    use std::time::SystemTime;

    fn head(method: &[u8], target: &[u8], fields: &[(&str, &[u8])]) -> Head {
        Head::from_parts(method, target, Version::Http11, Scheme::Https, fields.iter().copied())
    }

    fn entry(head: &Head) -> Entry<'_> {
        Entry {
            client: Some("192.0.2.7".parse().unwrap()),
            user: None,
            time: SystemTime::UNIX_EPOCH + Duration::new(784_111_777, 1_234_567),
            head,
            status: 200,
            sent: 1234,
            complete: true,
            duration: Duration::from_nanos(123_999),
            reason: Some(trace::Entry { question: Question::Opens, answer: Answer::Yes }),
            incident: None,
            upstream: None,
        }
    }

    fn spelled(format: LogFormat, entry: &Entry<'_>) -> String {
        String::from_utf8(Line::default().format(format, entry).to_vec()).unwrap()
    }

    #[test]
    fn combined_lines() {
        let plain =
            head(b"GET", b"/a?b=%20", &[("Referer", b"http://x/"), ("User-Agent", b"Agent (a; b) 1.0")]);
        let bare = head(b"POST", b"*", &[]);
        let unread = head(b"", b"", &[]);
        let odd = head(b"G\x1b[T", b"/\xc3\xa9 \"\\\r\n", &[("user-agent", b"a \"b\"\tc\x7f")]);
        for (entry, expected) in [
            (
                entry(&plain),
                "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b=%20 HTTP/1.1\" 200 1234 \
                 \"http://x/\" \"Agent (a; b) 1.0\" opens=yes 0.000123\n",
            ),
            (
                Entry {
                    client: Some("2001:db8::1".parse().unwrap()),
                    user: Some("amy b\u{e9}"),
                    status: 500,
                    sent: 0,
                    complete: false,
                    duration: Duration::from_secs(61),
                    reason: Some(trace::Entry { question: Question::Opens, answer: Answer::Failed }),
                    incident: Some("4f2a"),
                    ..entry(&bare)
                },
                "2001:db8::1 - amy\\x20b\\xC3\\xA9 [06/Nov/1994:08:49:37 +0000] \"POST * HTTP/1.1\" 500 0 \
                 \"-\" \"-\" opens=failed 61.000000 broken-off incident=4f2a\n",
            ),
            (
                Entry { client: None, user: Some(""), reason: None, status: 408, ..entry(&unread) },
                "- - - [06/Nov/1994:08:49:37 +0000] \"-\" 408 1234 \"-\" \"-\" - 0.000123\n",
            ),
            (
                Entry { sent: u64::MAX, ..entry(&odd) },
                "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \
                 \"G\\x1B[T /\\xC3\\xA9\\x20\\x22\\x5C\\x0D\\x0A HTTP/1.1\" 200 18446744073709551615 \
                 \"-\" \"a \\x22b\\x22\\x09c\\x7F\" opens=yes 0.000123\n",
            ),
        ] {
            assert_eq!(spelled(LogFormat::Combined, &entry), expected);
        }
    }

    #[test]
    fn json_lines() {
        let plain = head(b"GET", b"/a\"\\\xff", &[("Host", b"example.org"), ("User-Agent", b"A \x01 1")]);
        let full = Entry { user: Some("amy"), incident: Some("4f2a"), ..entry(&plain) };
        let value: serde_json::Value = serde_json::from_str(&spelled(LogFormat::Json, &full)).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "time": "1994-11-06T08:49:37.001234Z", "client": "192.0.2.7", "user": "amy", "method": "GET",
                "target": "/a\\x22\\x5C\\xFF", "version": "HTTP/1.1", "scheme": "https", "host": "example.org",
                "status": 200, "reason": "opens=yes", "content_bytes": 1234, "complete": true,
                "duration": 0.000123, "user_agent": "A \\x01 1", "incident": "4f2a",
            })
        );
        let unread = head(b"", b"", &[]);
        let little = Entry { client: None, reason: None, complete: false, ..entry(&unread) };
        assert_eq!(
            spelled(LogFormat::Json, &little),
            "{\"time\":\"1994-11-06T08:49:37.001234Z\",\"scheme\":\"https\",\"status\":200,\
             \"content_bytes\":1234,\"complete\":false,\"duration\":0.000123}\n"
        );
    }

    #[test]
    fn long_values_are_cut() {
        let long = [b'a'; MOST + 1];
        let (whole, cut) = (head(b"GET", &long[..MOST], &[]), head(b"GET", &long, &[]));
        assert!(!spelled(LogFormat::Combined, &entry(&whole)).contains("..."));
        assert!(spelled(LogFormat::Combined, &entry(&cut)).contains("aaa... HTTP/1.1"));
    }

    /// What the spelling stands for.
    fn read_back(text: &str) -> Vec<u8> {
        let mut parts = text.split("\\x");
        let mut bytes = parts.next().unwrap().as_bytes().to_vec();
        for part in parts {
            bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
            bytes.extend_from_slice(&part.as_bytes()[2..]);
        }
        bytes
    }

    proptest! {
        #[test]
        fn nothing_received_breaks_a_line(
            method in proptest::collection::vec(any::<u8>(), 1..9),
            target in proptest::collection::vec(any::<u8>(), 1..60),
            agent in proptest::collection::vec(any::<u8>(), 0..60),
            user in ".*",
        ) {
            let head = head(&method, &target, &[("User-Agent", &agent)]);
            let entry = Entry { user: Some(&user), ..entry(&head) };
            let line = spelled(LogFormat::Combined, &entry);
            prop_assert!(line.ends_with('\n'));
            prop_assert!(line.trim_end_matches('\n').bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            let quoted: Vec<&str> = line.split('"').collect();
            prop_assert_eq!(quoted.len(), 7);
            let request: Vec<&str> = quoted[1].split(' ').collect();
            prop_assert_eq!(request.len(), 3);
            prop_assert_eq!(read_back(request[1]), target.clone());
            prop_assert_eq!(read_back(quoted[5]), agent.clone());
            let line = spelled(LogFormat::Json, &entry);
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(line.matches('\n').count(), 1);
            prop_assert_eq!(read_back(value["method"].as_str().unwrap()), method);
            prop_assert_eq!(read_back(value["target"].as_str().unwrap()), target);
            prop_assert_eq!(read_back(value["user_agent"].as_str().unwrap()), agent);
            prop_assert_eq!(read_back(value["user"].as_str().unwrap()), user.as_bytes());
        }
    }
}
