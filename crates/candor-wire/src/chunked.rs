//! The chunked transfer coding, read strictly (RFC 9112 section 7.1). Pure: bytes in, spans of content out.
//!
//! | state | takes | then |
//! | --- | --- | --- |
//! | Size | hexadecimal digits, at most 16 | `;` Extension, CR SizeEnd |
//! | Extension | anything but controls, bounded over the whole content | CR SizeEnd |
//! | SizeEnd | LF | size 0: Trailers, else Content |
//! | Content | as many bytes as the size says | ContentEnd |
//! | ContentEnd | CR LF | Size |
//! | Trailers | a field section, bounded, up to its empty line | Ended |

use candor_semantics::fields::Fields;

/// Bytes that chunk extensions may take over the whole content; they mean nothing to anybody.
const EXTENSIONS: usize = 16 * 1024;

/// Bytes of a trailer section.
const TRAILERS: usize = 16 * 1024;

/// Lines of a trailer section.
const TRAILER_LINES: usize = 64;

/// The framing is broken; the connection cannot be read in step any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// What a step of decoding found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing usable yet: `used` bytes are dealt with, and more are needed.
    More {
        /// Bytes dealt with.
        used: usize,
    },
    /// After `skip` bytes of framing come `length` bytes of content.
    Content {
        /// Bytes of framing before the content.
        skip: usize,
        /// Bytes of content.
        length: usize,
    },
    /// The content ended; what follows belongs to the next request.
    End {
        /// Bytes dealt with.
        used: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    Extension,
    SizeEnd,
    Content,
    ContentEnd,
    ContentEndLf,
    Trailers,
    Ended,
}

/// Takes the coding off.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    /// The current chunk's size, or what is left of it.
    size: u64,
    digits: u8,
    extensions: usize,
    section: Vec<u8>,
    trailers: Option<Fields>,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder::new()
    }
}

impl Decoder {
    /// At the beginning of the content.
    pub fn new() -> Decoder {
        Decoder { state: State::Size, size: 0, digits: 0, extensions: 0, section: Vec::new(), trailers: None }
    }

    /// Looks at the bytes that came; those that a step deals with are not shown again.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Step, Malformed> {
        let mut used = 0;
        while let Some(&byte) = bytes.get(used) {
            match self.state {
                State::Content => {
                    let here = bytes.len() - used;
                    let length = usize::try_from(self.size).unwrap_or(usize::MAX).min(here);
                    self.size -= length as u64;
                    if self.size == 0 {
                        self.state = State::ContentEnd;
                    }
                    return Ok(Step::Content { skip: used, length });
                }
                State::Ended => return Ok(Step::End { used }),
                State::Trailers => {
                    used += self.trailer_line(bytes.get(used..).unwrap_or_default())?;
                    if self.state == State::Ended {
                        return Ok(Step::End { used });
                    }
                }
                _ => {
                    self.state = self.framing(byte)?;
                    used += 1;
                }
            }
        }
        Ok(if self.state == State::Ended { Step::End { used } } else { Step::More { used } })
    }

    /// The trailer fields, once the end was seen.
    pub fn trailers(&mut self) -> Option<Fields> {
        self.trailers.take()
    }

    fn framing(&mut self, byte: u8) -> Result<State, Malformed> {
        match (self.state, byte) {
            (State::Size, b'\r' | b';') if self.digits == 0 => Err(Malformed),
            (State::Size, b';') => Ok(State::Extension),
            (State::Size | State::Extension, b'\r') => Ok(State::SizeEnd),
            (State::Size, _) => {
                let digit = char::from(byte).to_digit(16).ok_or(Malformed)?;
                self.digits += 1;
                if self.digits > 16 {
                    return Err(Malformed);
                }
                self.size = self.size << 4 | u64::from(digit);
                Ok(State::Size)
            }
            (State::Extension, b'\t' | b' '..=b'~' | 0x80..) => {
                self.extensions += 1;
                if self.extensions > EXTENSIONS { Err(Malformed) } else { Ok(State::Extension) }
            }
            (State::SizeEnd, b'\n') => {
                self.digits = 0;
                Ok(if self.size == 0 { State::Trailers } else { State::Content })
            }
            (State::ContentEnd, b'\r') => Ok(State::ContentEndLf),
            (State::ContentEndLf, b'\n') => Ok(State::Size),
            _ => Err(Malformed),
        }
    }

    /// Takes bytes up to and including the next line end of the trailer section.
    fn trailer_line(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
        let line_start = memchr::memrchr(b'\n', &self.section).map_or(0, |at| at + 1);
        self.section.extend_from_slice(bytes.get(..end).unwrap_or_default());
        if self.section.len() > TRAILERS {
            return Err(Malformed);
        }
        let line = self.section.get(line_start..).unwrap_or_default();
        if line.ends_with(b"\n") && !line.ends_with(b"\r\n") {
            return Err(Malformed);
        }
        if line == b"\r\n" {
            self.trailers = trailer_fields(&self.section)?;
            self.section = Vec::new();
            self.state = State::Ended;
        }
        Ok(end)
    }
}

fn trailer_fields(section: &[u8]) -> Result<Option<Fields>, Malformed> {
    if section == b"\r\n" {
        return Ok(None);
    }
    let mut lines = [httparse::EMPTY_HEADER; TRAILER_LINES];
    match httparse::parse_headers(section, &mut lines) {
        Ok(httparse::Status::Complete((used, lines))) if used == section.len() => {
            let mut fields = Fields::new();
            for line in lines {
                fields.push(line.name.to_owned(), line.value.to_vec());
            }
            Ok(Some(fields))
        }
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Content, trailers and what was left over.
    type Decoded = (Vec<u8>, Option<Fields>, Vec<u8>);

    /// Decodes bytes that come in parts of `size`; `Err(None)` where the end is missing.
    fn decode(bytes: &[u8], size: usize) -> Result<Decoded, Option<Malformed>> {
        let mut decoder = Decoder::new();
        let mut content = Vec::new();
        let mut waiting = Vec::new();
        let mut parts = bytes.chunks(size);
        loop {
            match decoder.step(&waiting).map_err(Some)? {
                Step::Content { skip, length } => {
                    content.extend_from_slice(&waiting[skip..skip + length]);
                    waiting.drain(..skip + length);
                }
                Step::More { used } => {
                    waiting.drain(..used);
                    waiting.extend_from_slice(parts.next().ok_or(None)?);
                }
                Step::End { used } => {
                    waiting.drain(..used);
                    waiting.extend(parts.flatten());
                    return Ok((content, decoder.trailers(), waiting));
                }
            }
        }
    }

    #[test]
    fn whole_contents_in_any_split() {
        let bytes = b"5\r\nhello\r\n006;a=\"b;c\"; d\r\n world\r\n0\r\nX-A: b \r\nx-c:\r\n\r\nGET /";
        for size in 1..bytes.len() {
            let (content, trailers, rest) = decode(bytes, size).unwrap();
            assert_eq!(content, b"hello world");
            assert_eq!(rest, b"GET /");
            let trailers = trailers.unwrap();
            assert_eq!(trailers.get("x-a").map(|v| &v[..]), Some(&b"b"[..]));
            assert_eq!(trailers.len(), 2);
        }
        assert_eq!(decode(b"0\r\n\r\n", 1), Ok((vec![], None, vec![])));
    }

    #[test]
    fn broken_framing_is_seen_in_any_split() {
        let long = [b"1;".as_slice(), &vec![b'a'; EXTENSIONS + 1], b"\r\na\r\n0\r\n\r\n"].concat();
        let many = [b"0\r\n".as_slice(), &b"X-A: b\r\n".repeat(TRAILERS / 8 + 1), b"\r\n"].concat();
        let broken: &[&[u8]] = &[
            b"\r\n",
            b";a\r\n",
            b"x\r\n",
            b"-1\r\n",
            b"+1\r\n",
            b"0x1\r\n",
            b" 1\r\na\r\n",
            b"1 \r\na\r\n",
            b"1\na\r\n",
            b"1\r\na\n0\r\n\r\n",
            b"1\r\nab\r\n",
            b"1;a\nb\r\na\r\n",
            b"1;\0\r\na\r\n",
            b"00000000000000001\r\na\r\n",
            b"FFFFFFFFFFFFFFFFF\r\n",
            b"0\r\nX-A: b\n\r\n",
            b"0\r\nX-A : b\r\n\r\n",
            b"0\r\n X-A: b\r\n\r\n",
            b"0\r\nGET / HTTP/1.1\r\n\r\n",
            &long,
            &many,
        ];
        for bytes in broken {
            for size in [1, 2, 3, 7, bytes.len()] {
                assert_eq!(decode(bytes, size), Err(Some(Malformed)), "{}", bytes.escape_ascii());
            }
        }
    }

    #[test]
    fn an_end_cut_off_is_no_end() {
        let bytes = b"5\r\nhello\r\n0\r\n\r";
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end], 1), Err(None), "{end}");
        }
    }
}
