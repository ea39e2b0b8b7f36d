//! Where an answer ends.
//!
//! Only as much of HTTP/1.1 as a client needs to find the end of a message:
//! `httparse` reads the head, the content is a length, chunks, or all until
//! the close.

/// How far the reading of one answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The head is not complete.
    Head,
    /// So many octets of content are missing.
    Content(u64),
    /// Inside chunked content.
    Chunks(Chunk),
    /// Content ends where the connection ends.
    UntilClose,
    /// Complete.
    Whole,
}

/// Where in chunked content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// In the line with the size; the size so far.
    Size(u64),
    /// In the rest of the size's line.
    Extension(u64),
    /// So many octets of chunk and its line end are missing.
    Octets(u64),
    /// In the trailer section; octets seen of the current line.
    Trailer(u64),
}

/// What the head of an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// Octets of the head.
    pub length: usize,
    /// What follows the head.
    pub then: Progress,
    /// The server will close after this answer.
    pub closes: bool,
}

/// The answer is not HTTP.
#[derive(Debug, PartialEq, Eq)]
pub struct NotHttp;

/// Reads a head from the start of `octets`; nothing when it is not complete.
pub fn head(octets: &[u8], head_only: bool) -> Result<Option<Head>, NotHttp> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(length) = response.parse(octets).map_err(|_| NotHttp)? else {
        return Ok(None);
    };
    let status = response.code.ok_or(NotHttp)?;
    let mut content_length = None;
    let mut chunked = false;
    let mut closes = response.version != Some(1);
    for field in response.headers.iter() {
        if field.name.eq_ignore_ascii_case("content-length") {
            let text = std::str::from_utf8(field.value).map_err(|_| NotHttp)?;
            content_length = Some(text.trim().parse::<u64>().map_err(|_| NotHttp)?);
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            chunked = field.value.to_ascii_lowercase().ends_with(b"chunked");
        } else if field.name.eq_ignore_ascii_case("connection") {
            closes |= names_close(field.value);
        }
    }
    let then = if head_only || status == 204 || status == 304 {
        Progress::Whole
    } else if chunked {
        Progress::Chunks(Chunk::Size(0))
    } else {
        match content_length {
            Some(0) => Progress::Whole,
            Some(length) => Progress::Content(length),
            None => Progress::UntilClose,
        }
    };
    Ok(Some(Head { status, length, then, closes }))
}

fn names_close(options: &[u8]) -> bool {
    options.split(|octet| *octet == b',').any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"))
}

impl Progress {
    /// Goes on over octets of content.
    pub fn over(self, octets: &[u8]) -> Result<Progress, NotHttp> {
        match self {
            Progress::Content(missing) => {
                let missing = missing.checked_sub(octets.len() as u64).ok_or(NotHttp)?;
                Ok(if missing == 0 { Progress::Whole } else { Progress::Content(missing) })
            }
            Progress::Chunks(chunk) => over_chunks(chunk, octets),
            Progress::UntilClose => Ok(self),
            Progress::Head | Progress::Whole if octets.is_empty() => Ok(self),
            Progress::Head | Progress::Whole => Err(NotHttp),
        }
    }
}

fn over_chunks(mut chunk: Chunk, mut octets: &[u8]) -> Result<Progress, NotHttp> {
    while let Some((&first, rest)) = octets.split_first() {
        if let Chunk::Octets(missing) = chunk {
            let take = missing.min(octets.len() as u64);
            octets = &octets[take as usize..];
            chunk = if take == missing { Chunk::Size(0) } else { Chunk::Octets(missing - take) };
            continue;
        }
        octets = rest;
        chunk = match (chunk, first) {
            (Chunk::Size(0) | Chunk::Extension(0), b'\n') => Chunk::Trailer(0),
            // The line end after the chunk belongs to it.
            (Chunk::Size(size) | Chunk::Extension(size), b'\n') => Chunk::Octets(size + 2),
            (Chunk::Size(size), _) => match (first as char).to_digit(16) {
                Some(digit) => Chunk::Size(
                    size.checked_mul(16)
                        .and_then(|size| size.checked_add(u64::from(digit)))
                        .filter(|size| *size < u64::MAX - 2)
                        .ok_or(NotHttp)?,
                ),
                None => Chunk::Extension(size),
            },
            (Chunk::Trailer(0), b'\n') => {
                return if octets.is_empty() { Ok(Progress::Whole) } else { Err(NotHttp) };
            }
            (Chunk::Trailer(_), b'\n') => Chunk::Trailer(0),
            (Chunk::Trailer(seen), b'\r') => Chunk::Trailer(seen),
            (Chunk::Trailer(seen), _) => Chunk::Trailer(seen.saturating_add(1)),
            (other, _) => other,
        };
    }
    Ok(Progress::Chunks(chunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_followed_by_that_many_octets() {
        let octets = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        let found = head(octets, false).unwrap().unwrap();
        assert_eq!((found.status, found.then), (200, Progress::Content(5)));
        assert_eq!(found.then.over(&octets[found.length..]), Ok(Progress::Whole));
        assert_eq!(found.then.over(b"hello!"), Err(NotHttp));
    }

    #[test]
    fn no_content_after_304_and_head() {
        let octets = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(head(octets, false).unwrap().unwrap().then, Progress::Whole);
        let octets = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(head(octets, true).unwrap().unwrap().then, Progress::Whole);
    }

    #[test]
    fn close_is_found_among_other_options() {
        let octets = b"HTTP/1.1 200 OK\r\nConnection: Upgrade, Close\r\nContent-Length: 0\r\n\r\n";
        assert!(head(octets, false).unwrap().unwrap().closes);
    }

    #[test]
    fn chunks_end_wherever_the_octets_are_split() {
        let octets = b"4\r\nWiki\r\n10;x=y\r\n0123456789abcdef\r\n0\r\nA: b\r\n\r\n";
        for split in 0..octets.len() {
            let start = Progress::Chunks(Chunk::Size(0));
            let middle = start.over(&octets[..split]).unwrap();
            assert_ne!(middle, Progress::Whole, "whole after {split}");
            assert_eq!(middle.over(&octets[split..]), Ok(Progress::Whole), "split at {split}");
        }
    }

    #[test]
    fn an_incomplete_head_waits() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\nConte", false), Ok(None));
        assert_eq!(head(b"SSH-2.0-x\r\n\r\n", false), Err(NotHttp));
    }
}
