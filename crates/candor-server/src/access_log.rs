//! The access log: one line for each answer, when its last byte is gone.
//!
//! Who logs only formats and copies; a thread of the log's own does the writing, so that neither a system call
//! nor a slow disk stands between two answers. What waits to be written is bounded: beyond it lines are dropped
//! and counted, and the count is reported, because an unlogged answer is better than a late one.

use std::cell::RefCell;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use candor_semantics::head::Head;
use candor_semantics::trace;

use crate::configuration::{self, LogFormat};
use crate::report;

mod line;
mod moment;
mod queue;
mod writer;

use line::Line;
use queue::Queue;
use writer::{Open, Writer};

/// How long the end of the log waits for what was not written yet.
const PATIENCE: Duration = Duration::from_secs(5);

/// The mode of a new file: the owner writes, the group reads. Lines name clients and users.
const MODE: u32 = 0o640;

thread_local! {
    static LINE: RefCell<Line> = RefCell::default();
}

/// An open access log. When it is dropped, everything that was logged is written first, unless that takes longer
/// than five seconds.
#[derive(Debug)]
pub struct AccessLog {
    format: LogFormat,
    queue: Arc<Queue>,
    lost: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

/// One answer, as the log sees it.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The client's address; `None` on unix sockets.
    pub client: Option<IpAddr>,
    /// The authenticated user.
    pub user: Option<&'a str>,
    /// When the request came.
    pub time: SystemTime,
    /// The request, as far as it could be read.
    pub head: &'a Head,
    /// The status code.
    pub status: u16,
    /// Content bytes sent.
    pub sent: u64,
    /// Whether the answer was sent to its end.
    pub complete: bool,
    /// From the first byte of the request to the last of the answer.
    pub duration: Duration,
    /// The question that decided, with its answer.
    pub reason: Option<trace::Entry>,
    /// The id under which a failure of our own was reported.
    pub incident: Option<&'a str>,
    /// The upstream that was asked last, and how often any was.
    pub upstream: Option<(&'a str, u8)>,
}

impl AccessLog {
    /// Opens the log and starts its thread.
    ///
    /// # Errors
    /// The file cannot be opened for appending, standard output is closed, or no thread can be started.
    pub fn open(log: &configuration::AccessLog) -> io::Result<AccessLog> {
        AccessLog::open_counting(log, Arc::default())
    }

    /// Like [`AccessLog::open`]; lines that are lost are added to `lost`, which can outlive this log.
    ///
    /// # Errors
    /// As [`AccessLog::open`].
    pub fn open_counting(log: &configuration::AccessLog, lost: Arc<AtomicU64>) -> io::Result<AccessLog> {
        let file = log.file.clone();
        AccessLog::start(log.format, Box::new(move || open(file.as_deref())), lost, report::warn)
    }

    fn start(
        format: LogFormat,
        open: Open,
        lost: Arc<AtomicU64>,
        warn: impl Fn(&str) + Send + 'static,
    ) -> io::Result<AccessLog> {
        let queue = Arc::new(Queue::default());
        let writer = Writer::new(open, lost.clone(), Box::new(warn))?;
        let thread = std::thread::Builder::new().name("access-log".to_owned()).spawn({
            let queue = queue.clone();
            move || writer.run(&queue)
        })?;
        Ok(AccessLog { format, queue, lost, thread: Some(thread) })
    }

    /// Logs an answer. Never waits for the disk; the line is written at most 50 ms later where the disk allows.
    pub fn log(&self, entry: &Entry<'_>) {
        let taken = LINE.try_with(|line| {
            let mut line = line.borrow_mut();
            self.queue.push(line.format(self.format, entry))
        });
        if !taken.unwrap_or(false) {
            self.lost.fetch_add(1, Relaxed);
        }
    }

    /// Opens the file anew after it was renamed. What was logged before goes to the old one. Returns at once; if
    /// the file cannot be opened, the old one stays in use and the operator is told.
    pub fn reopen(&self) {
        self.queue.ask(true);
    }

    /// Waits until everything logged so far is written, and a reopening asked for is done; `false` if that
    /// took longer than five seconds. Blocks the thread.
    pub fn flush(&self) -> bool {
        let asked = self.queue.ask(false);
        self.queue.wait_for(asked, PATIENCE)
    }

    /// Lines that were dropped or could not be written.
    pub fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        let ended = self.queue.end(PATIENCE);
        // A thread that hangs in a write is left alone.
        if let (true, Some(thread)) = (ended, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

/// The file for appending, or the standard output.
fn open(file: Option<&Path>) -> io::Result<Box<dyn Write + Send>> {
    let file = match file {
        Some(file) => OpenOptions::new().append(true).create(true).mode(MODE).open(file)?,
        // Its own descriptor: the standard library's would buffer once more and lock.
        None => io::stdout().as_fd().try_clone_to_owned()?.into(),
    };
    Ok(Box::new(file))
}

#[cfg(test)]
mod tests;
