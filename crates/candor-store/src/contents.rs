//! Contents: bytes by their digest.

use std::fmt;
use std::fs::File;
use std::io::Read;

use crate::fault::StoreError;

/// The BLAKE3 digest of content: its identity.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(*blake3::hash(bytes).as_bytes())
    }

    /// The first half in hexadecimal, 32 digits: the entity tag of such content, and its name in addresses.
    pub fn tag(&self) -> String {
        self.0.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// All of it in hexadecimal.
    pub(crate) fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

/// Content that was found.
#[derive(Debug)]
pub enum Kept {
    /// In memory.
    Bytes(Vec<u8>),
    /// In an open file, from its beginning; the length in bytes.
    File(File, u64),
}

impl Kept {
    /// Number of bytes.
    pub fn length(&self) -> u64 {
        match self {
            Kept::Bytes(bytes) => bytes.len() as u64,
            Kept::File(_, length) => *length,
        }
    }

    /// All bytes, if there are at most so many.
    ///
    /// # Errors
    /// Reading failed.
    pub fn bytes(self, most: u64) -> std::io::Result<Option<Vec<u8>>> {
        if self.length() > most {
            return Ok(None);
        }
        match self {
            Kept::Bytes(bytes) => Ok(Some(bytes)),
            Kept::File(file, _) => {
                let mut bytes = Vec::new();
                file.take(most).read_to_end(&mut bytes)?;
                Ok(Some(bytes))
            }
        }
    }
}

/// A store of contents. Keeping the same bytes again does nothing.
pub trait Contents: Send + Sync {
    /// Keeps content; durable when it returns. `content` must give exactly the bytes of the digest.
    ///
    /// # Errors
    /// It cannot be kept, or `content` gives other bytes; then nothing is.
    fn keep(&self, digest: &Digest, content: &mut dyn Read, length: u64) -> Result<(), StoreError>;

    /// Whether content is there.
    ///
    /// # Errors
    /// The store cannot tell.
    fn has(&self, digest: &Digest) -> Result<bool, StoreError>;

    /// Content by its digest; `None` where it is not kept.
    ///
    /// # Errors
    /// The store cannot be read.
    fn open(&self, digest: &Digest) -> Result<Option<Kept>, StoreError>;
}

/// Reads everything and checks it against the digest.
pub(crate) fn read_checked(
    digest: &Digest,
    content: &mut dyn Read,
    length: u64,
) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0).min(1 << 20));
    content
        .take(length.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| StoreError::Failed(error.to_string()))?;
    match Digest::of(&bytes) == *digest {
        true => Ok(bytes),
        false => Err(StoreError::Temporary("the content changed while it was kept".to_owned())),
    }
}
