//! Taking content: small content in memory, the rest in a file of the state folder, digested as it comes.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use candor_semantics::facts::ContentFact;
use candor_semantics::field::digest::Digests;
use candor_semantics::head::Head;
use candor_store::Digest;
use candor_wire::incoming::{ContentFault, Incoming};

use super::Authoring;

/// Content up to this many bytes stays in memory until it is stored.
const IN_MEMORY: usize = 64 * 1024;

/// Bytes written to the file at once.
const PIECE: usize = 256 * 1024;

/// Content that arrived whole.
pub(crate) struct Upload {
    held: Held,
    /// Its identity.
    pub(crate) digest: Digest,
    /// Number of bytes.
    pub(crate) length: u64,
}

enum Held {
    Bytes(Vec<u8>),
    File(Unfinished),
}

/// A file in the state folder, removed unless it found its place.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What came of taking content.
pub(crate) enum Taken {
    /// All of it.
    Whole(Upload),
    /// It ended otherwise.
    Not(ContentFact),
    /// It could not be kept.
    Unkept(io::Error),
}

impl Upload {
    /// Content that was made here.
    pub(crate) fn of(bytes: Vec<u8>) -> Upload {
        Upload { digest: Digest::of(&bytes), length: bytes.len() as u64, held: Held::Bytes(bytes) }
    }

    /// The bytes, if there are at most so many.
    pub(crate) fn bytes(&self, most: u64) -> Option<Vec<u8>> {
        match &self.held {
            _ if self.length > most => None,
            Held::Bytes(bytes) => Some(bytes.clone()),
            Held::File(file) => std::fs::read(&file.0).ok(),
        }
    }

    /// A file that holds the bytes, synced to the disk. Waits for the disk.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn finished(&mut self, authoring: &Authoring) -> io::Result<&Path> {
        if let Held::Bytes(bytes) = &self.held {
            let path = authoring.unfinished().ok_or(io::ErrorKind::ReadOnlyFilesystem)?;
            let unfinished = Unfinished(path);
            let mut file = File::create_new(&unfinished.0)?;
            file.write_all(bytes)?;
            file.sync_data()?;
            self.held = Held::File(unfinished);
        } else if let Held::File(file) = &self.held {
            File::open(&file.0)?.sync_data()?;
        }
        match &self.held {
            Held::File(file) => Ok(&file.0),
            Held::Bytes(_) => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// The bytes, to be read.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub(crate) fn read(&self) -> io::Result<Box<dyn io::Read + '_>> {
        match &self.held {
            Held::Bytes(bytes) => Ok(Box::new(bytes.as_slice())),
            Held::File(file) => Ok(Box::new(File::open(&file.0)?)),
        }
    }
}

/// Takes the content of a request, at most `limit` bytes of it.
pub(crate) async fn take(
    authoring: &Arc<Authoring>,
    incoming: &mut Incoming,
    head: &Head,
    limit: Option<u64>,
) -> Taken {
    let stated = Digests::from_head(head);
    let mut sha256 = stated.is_some().then(|| Context::new(&SHA256));
    let mut writer = Writer::new(authoring.clone());
    while let Some(next) = incoming.next().await {
        let bytes = match next {
            Ok(bytes) => bytes,
            Err(fault) => return Taken::Not(fact_of(fault)),
        };
        if let Some(limit) = limit.filter(|&limit| writer.length_with(&bytes) > limit) {
            return Taken::Not(ContentFact::TooLarge(limit));
        }
        if let Some(sha256) = &mut sha256 {
            sha256.update(&bytes);
        }
        if let Err(error) = writer.write(&bytes).await {
            return Taken::Unkept(error);
        }
    }
    if let (Some(stated), Some(sha256)) = (stated, sha256) {
        let mut digest = [0; 32];
        digest.copy_from_slice(sha256.finish().as_ref());
        if [stated.content, stated.representation].into_iter().flatten().any(|stated| !stated.is(&digest)) {
            return Taken::Not(ContentFact::Malformed);
        }
    }
    match writer.finish().await {
        Ok(upload) => Taken::Whole(upload),
        Err(error) => Taken::Unkept(error),
    }
}

/// Content that is coming: in memory while it is small, digested as it comes.
pub(crate) struct Writer {
    authoring: Arc<Authoring>,
    hasher: blake3::Hasher,
    length: u64,
    buffer: Vec<u8>,
    spool: Option<(Unfinished, File)>,
}

impl Writer {
    /// Nothing yet.
    pub(crate) fn new(authoring: Arc<Authoring>) -> Writer {
        Writer { authoring, hasher: blake3::Hasher::new(), length: 0, buffer: Vec::new(), spool: None }
    }

    /// How many bytes there would be with these.
    fn length_with(&self, bytes: &[u8]) -> u64 {
        self.length.saturating_add(bytes.len() as u64)
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// They cannot be kept.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.length = self.length_with(bytes);
        self.hasher.update(bytes);
        self.buffer.extend_from_slice(bytes);
        let most = if self.spool.is_some() { PIECE } else { IN_MEMORY };
        if self.buffer.len() > most {
            let buffer = std::mem::take(&mut self.buffer);
            self.spool = Some(write_on(&self.authoring, self.spool.take(), buffer).await?);
        }
        Ok(())
    }

    /// All of it.
    ///
    /// # Errors
    /// The rest cannot be kept.
    pub(crate) async fn finish(self) -> io::Result<Upload> {
        let held = match self.spool {
            None => Held::Bytes(self.buffer),
            Some(spool) => Held::File(write_on(&self.authoring, Some(spool), self.buffer).await?.0),
        };
        Ok(Upload { held, digest: Digest(*self.hasher.finalize().as_bytes()), length: self.length })
    }
}

/// Writes to the file, made if there is none yet, off this thread.
async fn write_on(
    authoring: &Arc<Authoring>,
    spool: Option<(Unfinished, File)>,
    bytes: Vec<u8>,
) -> io::Result<(Unfinished, File)> {
    let authoring = authoring.clone();
    let work = move || {
        let (unfinished, mut file) = match spool {
            Some(spool) => spool,
            None => {
                let path = authoring.unfinished().ok_or(io::ErrorKind::ReadOnlyFilesystem)?;
                let unfinished = Unfinished(path);
                let file = File::create_new(&unfinished.0)?;
                (unfinished, file)
            }
        };
        file.write_all(&bytes)?;
        Ok((unfinished, file))
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into()))
}

/// What broken content is to the decision.
pub(crate) fn fact_of(fault: ContentFault) -> ContentFact {
    match fault {
        ContentFault::Stalled => ContentFact::Stalled,
        ContentFault::Malformed => ContentFact::Malformed,
        ContentFault::Gone => ContentFact::PeerGone,
    }
}

impl Upload {
    /// A copy of a file, written to `unfinished`. Waits for the disk.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub(crate) fn copy(source: &mut File, unfinished: PathBuf) -> io::Result<Upload> {
        let unfinished = Unfinished(unfinished);
        let mut copy = File::create_new(&unfinished.0)?;
        let length = io::copy(source, &mut copy)?;
        let digest = super::recover::digest(&mut File::open(&unfinished.0)?)?;
        Ok(Upload { held: Held::File(unfinished), digest, length })
    }
}
