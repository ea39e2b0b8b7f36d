//! Bytes read and not yet used. An idle connection holds none: its block goes back to a pool of its thread.

use std::cell::RefCell;

/// What one read can take, in bytes: more than an ordinary head, so that one read is enough.
const BLOCK: usize = 16 * 1024;

/// Blocks kept for the next connection on a thread.
const KEPT: usize = 64;

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer between a connection and what reads from it.
#[derive(Debug, Default)]
pub(crate) struct Input {
    /// All of it is initialised; bytes `start..end` are filled. Empty while nothing is held.
    block: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input {
    /// The bytes not yet used.
    pub(crate) fn filled(&self) -> &[u8] {
        self.block.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether nothing is left to use.
    pub(crate) fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    /// Number of bytes not yet used.
    pub(crate) fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Marks bytes as used.
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.start = self.end.min(self.start.saturating_add(bytes));
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Room to read into, at least one byte; the block grows if it is full.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        if self.block.len() < BLOCK {
            let held = std::mem::replace(&mut self.block, take_block());
            let bytes = held.get(self.start..self.end).unwrap_or_default();
            if let Some(place) = self.block.get_mut(..bytes.len()) {
                place.copy_from_slice(bytes);
            }
            (self.start, self.end) = (0, bytes.len());
        } else if self.end == self.block.len() {
            if self.start > 0 {
                self.block.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            } else {
                self.block.resize(self.block.len() * 2, 0);
            }
        }
        self.block.get_mut(self.end..).unwrap_or_default()
    }

    /// Marks bytes of the room as filled.
    pub(crate) fn fill(&mut self, bytes: usize) {
        self.end = self.block.len().min(self.end + bytes);
    }

    /// Holds few bytes in little memory: for a connection that waits in the middle of something.
    pub(crate) fn shrink(&mut self) {
        if self.block.len() >= BLOCK && self.len() <= BLOCK / 8 {
            let bytes = self.filled().to_vec();
            (self.start, self.end) = (0, bytes.len());
            give_back(std::mem::replace(&mut self.block, bytes));
        }
    }

    /// Gives the block back if it holds nothing.
    pub(crate) fn release(&mut self) {
        if self.is_empty() {
            give_back(std::mem::take(&mut self.block));
            (self.start, self.end) = (0, 0);
        }
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        give_back(std::mem::take(&mut self.block));
    }
}

fn take_block() -> Vec<u8> {
    POOL.with_borrow_mut(Vec::pop).unwrap_or_else(|| vec![0; BLOCK])
}

fn give_back(block: Vec<u8>) {
    if block.len() == BLOCK {
        POOL.with_borrow_mut(|pool| {
            if pool.len() < KEPT {
                pool.push(block);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Input {
        /// Adds bytes that were read elsewhere.
        fn extend(&mut self, bytes: &[u8]) {
            let mut rest = bytes;
            while !rest.is_empty() {
                let room = self.room();
                let taken = room.len().min(rest.len());
                let (now, later) = rest.split_at(taken);
                if let Some(place) = room.get_mut(..taken) {
                    place.copy_from_slice(now);
                }
                self.fill(taken);
                rest = later;
            }
        }
    }

    #[test]
    fn it_keeps_order_over_growth_and_use() {
        let mut input = Input::default();
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
        let mut out = Vec::new();
        for part in bytes.chunks(3001) {
            input.extend(part);
            let taken = input.len() / 2;
            out.extend_from_slice(&input.filled()[..taken]);
            input.consume(taken);
            input.shrink();
        }
        out.extend_from_slice(input.filled());
        assert_eq!(out, bytes);
        input.consume(usize::MAX / 2);
        input.release();
        assert!(input.block.is_empty());
    }
}
