//! Where lines wait to be written: one buffer, so that they stay in their order, under a lock that is held for
//! the copying of a line.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most that may wait. At 200 bytes a line this is 20,000 answers.
const BOUND: usize = 4 << 20;

/// So much is written without waiting for more.
const ENOUGH: usize = 64 << 10;

/// How long lines are gathered.
const GATHERING: Duration = Duration::from_millis(50);

/// Buffers larger than this are given back once they are written.
const KEPT: usize = 512 << 10;

#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// For the writer: there is something to do.
    work: Condvar,
    /// For those who wait for it: something was done.
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<u8>,
    phase: Phase,
    /// Whether the file is to be opened anew.
    reopen: bool,
    /// Whether nothing more will come.
    end: bool,
    /// Requests to write at once, and those of them that are met.
    asked: u64,
    met: u64,
}

/// What the writer is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Waiting for the first line.
    #[default]
    Idle,
    /// Waiting for more.
    Gathering,
    /// At the disk.
    Writing,
    /// Gone.
    Ended,
}

/// What the writer is to do next.
#[derive(Debug)]
pub(super) struct Task {
    /// Open the file anew after writing.
    pub(super) reopen: bool,
    /// It is the last.
    pub(super) end: bool,
    asked: u64,
}

impl Queue {
    /// Adds a line; `false` if too much waits already.
    pub(super) fn push(&self, line: &[u8]) -> bool {
        let mut state = self.lock();
        let before = state.lines.len();
        let after = before.saturating_add(line.len());
        if after > BOUND || state.phase == Phase::Ended {
            return false;
        }
        state.lines.extend_from_slice(line);
        let wake = match state.phase {
            // Told here, so that the next line does not wake the writer again.
            Phase::Idle => {
                state.phase = Phase::Gathering;
                true
            }
            Phase::Gathering => before < ENOUGH && after >= ENOUGH,
            Phase::Writing | Phase::Ended => false,
        };
        drop(state);
        if wake {
            self.work.notify_one();
        }
        true
    }

    /// Asks that all lines so far be written at once, and the file be opened anew after that; gives the number to
    /// wait for.
    pub(super) fn ask(&self, reopen: bool) -> u64 {
        let mut state = self.lock();
        state.asked += 1;
        state.reopen |= reopen;
        self.work.notify_one();
        state.asked
    }

    /// Waits until a request is met; `false` if that takes too long.
    pub(super) fn wait_for(&self, asked: u64, patience: Duration) -> bool {
        let (state, _) = self
            .done
            .wait_timeout_while(self.lock(), patience, |state| {
                state.met < asked && state.phase != Phase::Ended
            })
            .unwrap_or_else(PoisonError::into_inner);
        state.met >= asked
    }

    /// Lets the writer write what is left and go; `false` if that takes too long.
    pub(super) fn end(&self, patience: Duration) -> bool {
        let mut state = self.lock();
        state.end = true;
        self.work.notify_one();
        let (state, _) = self
            .done
            .wait_timeout_while(state, patience, |state| state.phase != Phase::Ended)
            .unwrap_or_else(PoisonError::into_inner);
        state.phase == Phase::Ended
    }

    /// For the writer: waits for something to do, and exchanges the waiting lines with the empty `lines`.
    pub(super) fn next(&self, lines: &mut Vec<u8>) -> Task {
        lines.clear();
        lines.shrink_to(KEPT);
        let mut state = self.lock();
        state.phase = if state.lines.is_empty() { Phase::Idle } else { Phase::Gathering };
        state = self
            .work
            .wait_while(state, |state| state.lines.is_empty() && !state.is_pressing())
            .unwrap_or_else(PoisonError::into_inner);
        state.phase = Phase::Gathering;
        (state, _) = self
            .work
            .wait_timeout_while(state, GATHERING, |state| state.lines.len() < ENOUGH && !state.is_pressing())
            .unwrap_or_else(PoisonError::into_inner);
        state.phase = Phase::Writing;
        std::mem::swap(&mut state.lines, lines);
        Task { reopen: std::mem::take(&mut state.reopen), end: state.end, asked: state.asked }
    }

    /// For the writer: a task is done.
    pub(super) fn finish(&self, task: &Task) {
        let mut state = self.lock();
        state.met = task.asked;
        if task.end {
            state.phase = Phase::Ended;
        }
        self.done.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether somebody waits for the writer.
    fn is_pressing(&self) -> bool {
        self.end || self.reopen || self.asked > self.met
    }
}
