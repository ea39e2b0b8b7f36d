//! Content codings made here: compressing on the fly, and checking that a coded sibling is what it claims to be.

use std::io::{self, Read, Write};

use bytes::Bytes;
use candor_semantics::field::entity_tag::EntityTag;
use candor_semantics::representation::Coding;

use crate::content::Content;
use crate::root::Missing;

/// Content below this many bytes gains nothing.
pub(crate) const LEAST: u64 = 512;
/// Content above this many bytes is not compressed while somebody waits.
pub(crate) const MOST: u64 = 10 * 1024 * 1024;
/// Siblings of content up to this many bytes are compared with it before they are served.
pub(crate) const COMPARED: u64 = 16 * 1024 * 1024;

/// Codings that are served, the preferred one first. Deflate is known to HTTP and of use to nobody.
pub(crate) const CODINGS: [Coding; 3] = [Coding::Brotli, Coding::Zstd, Coding::Gzip];

const BROTLI_QUALITY: u32 = 5;
const ZSTD_LEVEL: i32 = 9;
const GZIP_LEVEL: u32 = 6;

/// A coded copy of content.
#[derive(Debug)]
pub(crate) struct Coded {
    /// The coded bytes.
    pub(crate) bytes: Bytes,
    /// The identity's tag with the coder and its level.
    pub(crate) etag: Option<EntityTag>,
    /// Whether it is enough smaller to be preferred.
    pub(crate) worthwhile: bool,
}

impl Coded {
    /// Codes content. Takes long.
    pub(crate) fn make(content: &Content, coding: Coding) -> Result<Coded, Missing> {
        let plain = content.bytes()?;
        let bytes = compress(&plain, coding).map_err(|_| Missing::Failed)?;
        let worthwhile = bytes.len() + bytes.len() / 16 < plain.len();
        let etag =
            content.etag.as_ref().filter(|tag| !tag.is_weak()).and_then(|tag| {
                EntityTag::strong([&tag.opaque()[..], b"-", coder(coding).as_bytes()].concat())
            });
        Ok(Coded { bytes: bytes.into(), etag, worthwhile })
    }
}

/// Names coder and level: the same content coded by another one has another tag.
fn coder(coding: Coding) -> String {
    match coding {
        Coding::Identity | Coding::Deflate => String::new(),
        Coding::Gzip => format!("gz{GZIP_LEVEL}"),
        Coding::Brotli => format!("br{BROTLI_QUALITY}"),
        Coding::Zstd => format!("zst{ZSTD_LEVEL}"),
    }
}

fn compress(plain: &[u8], coding: Coding) -> io::Result<Vec<u8>> {
    match coding {
        Coding::Identity | Coding::Deflate => Err(io::ErrorKind::Unsupported.into()),
        Coding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(GZIP_LEVEL));
            encoder.write_all(plain)?;
            encoder.finish()
        }
        Coding::Brotli => {
            let mut encoder = brotli::CompressorWriter::new(Vec::new(), 16 * 1024, BROTLI_QUALITY, 22);
            encoder.write_all(plain)?;
            encoder.flush()?;
            Ok(encoder.into_inner())
        }
        Coding::Zstd => zstd::bulk::compress(plain, ZSTD_LEVEL),
    }
}

/// Whether `coded` decodes to exactly `plain`. A sibling left over from an earlier state of the file does not.
pub(crate) fn decodes_to(coded: impl Read, coding: Coding, plain: &[u8]) -> bool {
    let coded = io::BufReader::with_capacity(64 * 1024, coded);
    match coding {
        Coding::Identity | Coding::Deflate => false,
        Coding::Gzip => reads_as(flate2::bufread::MultiGzDecoder::new(coded), plain),
        Coding::Brotli => reads_as(brotli::Decompressor::new(coded, 16 * 1024), plain),
        Coding::Zstd => {
            zstd::stream::read::Decoder::with_buffer(coded).is_ok_and(|decoder| reads_as(decoder, plain))
        }
    }
}

/// Never holds more of what is read than one buffer, however much comes.
fn reads_as(mut source: impl Read, plain: &[u8]) -> bool {
    let mut rest = plain;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return rest.is_empty(),
            Ok(count) => match buffer.get(..count).and_then(|read| rest.strip_prefix(read)) {
                Some(left) => rest = left,
                None => return false,
            },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_coded_decodes_to_itself_and_to_nothing_else() {
        let plain = "candor ".repeat(20_000).into_bytes();
        for coding in CODINGS {
            let coded = compress(&plain, coding).unwrap();
            assert!(decodes_to(&coded[..], coding, &plain), "{coding:?}");
            assert!(!decodes_to(&coded[..], coding, &plain[1..]), "{coding:?}");
            assert!(!decodes_to(&coded[..coded.len() - 9], coding, &plain), "{coding:?}");
            assert!(!decodes_to(&coded[..], coding, &[]), "{coding:?}");
        }
    }
}
