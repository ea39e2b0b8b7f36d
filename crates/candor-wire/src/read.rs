//! Reading spans of files by position, without letting a slow disk hold up a thread of the network.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use rustix::io::{Errno, ReadWriteFlags};

/// Bytes read at once: large enough that a call costs little beside the copy, small enough that a slow reader
/// holds little.
pub(crate) const CHUNK: usize = 64 * 1024;

/// How many chunks each thread keeps for reuse.
const KEPT: usize = 16;

/// Up to `most` bytes at `offset`, never more than [`CHUNK`]; nothing at the end of the file. What is in memory is
/// read at once, the rest on the blocking pool.
///
/// # Errors
/// What the system says; the file may also have been cut short, which shows as an early end.
pub(crate) async fn read(file: &Arc<File>, offset: u64, most: usize) -> io::Result<Bytes> {
    let mut chunk = Chunk::take(most.min(CHUNK));
    match read_in_memory(file, chunk.space(), offset) {
        Ok(length) => Ok(chunk.filled(length)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            read_elsewhere(Arc::clone(file), offset, chunk).await
        }
        Err(error) => Err(error),
    }
}

/// Whether a byte of a file can be had without waiting for the disk. A file system that cannot tell is taken at
/// its best, and so is the end of the file.
pub(crate) fn in_memory(file: &File, at: u64) -> bool {
    let found = rustix::io::preadv2(file, &mut [IoSliceMut::new(&mut [0])], at, ReadWriteFlags::NOWAIT);
    found != Err(Errno::AGAIN)
}

/// What the page cache has; [`io::ErrorKind::WouldBlock`] where the disk, or a file system that cannot tell,
/// would have to be waited for.
fn read_in_memory(file: &File, space: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match rustix::io::preadv2(file, &mut [IoSliceMut::new(space)], offset, ReadWriteFlags::NOWAIT) {
            Ok(length) => return Ok(length),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN | Errno::OPNOTSUPP) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// The same read on a thread that may wait.
async fn read_elsewhere(file: Arc<File>, offset: u64, mut chunk: Chunk) -> io::Result<Bytes> {
    let read = move || loop {
        match file.read_at(chunk.space(), offset) {
            Ok(length) => return Ok(chunk.filled(length)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    };
    tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
}

thread_local! {
    static SPARE: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

/// Memory for one read; it goes back to its thread's spare ones when the last reader is done.
struct Chunk {
    memory: Box<[u8]>,
    length: usize,
}

impl Chunk {
    /// Memory for `length` bytes. Short spans get their own, so that a small answer that waits holds little.
    fn take(length: usize) -> Chunk {
        let memory = if length < CHUNK / 2 {
            vec![0; length].into_boxed_slice()
        } else {
            SPARE.with_borrow_mut(Vec::pop).unwrap_or_else(|| vec![0; CHUNK].into_boxed_slice())
        };
        Chunk { length: length.min(memory.len()), memory }
    }

    fn space(&mut self) -> &mut [u8] {
        self.memory.get_mut(..self.length).unwrap_or_default()
    }

    fn filled(mut self, length: usize) -> Bytes {
        self.length = length.min(self.length);
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        self.memory.get(..self.length).unwrap_or_default()
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if self.memory.len() == CHUNK {
            let memory = std::mem::take(&mut self.memory);
            // A thread that is ending has no spares any more; the memory is then simply freed.
            let _ = SPARE.try_with(|spare| {
                let mut spare = spare.borrow_mut();
                if spare.len() < KEPT {
                    spare.push(memory);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[tokio::test]
    async fn spans_come_whole_and_the_end_is_seen() {
        let path = std::env::temp_dir().join(format!("candor-read-{}", std::process::id()));
        let bytes: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
        File::create(&path).unwrap().write_all(&bytes).unwrap();
        let file = Arc::new(File::open(&path).unwrap());
        std::fs::remove_file(&path).unwrap();
        let mut offset = 0usize;
        loop {
            let chunk = read(&file, offset as u64, usize::MAX).await.unwrap();
            assert!(chunk.len() <= CHUNK);
            if chunk.is_empty() {
                break;
            }
            assert_eq!(chunk[..], bytes[offset..offset + chunk.len()]);
            offset += chunk.len();
        }
        assert_eq!(offset, bytes.len());
        assert_eq!(read(&file, 7, 3).await.unwrap()[..], bytes[7..10]);
    }

    #[test]
    fn memory_is_used_again() {
        let first = Chunk::take(CHUNK);
        let place = first.memory.as_ptr();
        drop(first.filled(10));
        assert_eq!(Chunk::take(CHUNK).memory.as_ptr(), place);
    }
}
