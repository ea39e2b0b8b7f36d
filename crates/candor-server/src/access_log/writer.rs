//! The thread that writes.

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::queue::Queue;

/// How often losses are reported at most.
const REPORTS: Duration = Duration::from_secs(10);

/// How long to wait for a reader of the standard output that set it not to block.
const PAUSE: Duration = Duration::from_millis(5);

/// Opens the place of the log, now and whenever it is to be opened anew.
pub(super) type Open = Box<dyn FnMut() -> io::Result<Box<dyn Write + Send>> + Send>;

pub(super) struct Writer {
    open: Open,
    place: Box<dyn Write + Send>,
    /// Whether the last write ended inside a line.
    inside: bool,
    lost: Arc<AtomicU64>,
    losses: Losses,
    warn: Box<dyn Fn(&str) + Send>,
}

/// What was reported about losses.
struct Losses {
    reported: u64,
    at: Option<Instant>,
    why: Option<io::Error>,
}

impl Writer {
    pub(super) fn new(
        mut open: Open,
        lost: Arc<AtomicU64>,
        warn: Box<dyn Fn(&str) + Send>,
    ) -> io::Result<Writer> {
        let place = open()?;
        let losses = Losses { reported: lost.load(Relaxed), at: None, why: None };
        Ok(Writer { open, place, inside: false, lost, losses, warn })
    }

    /// Writes until the queue ends.
    pub(super) fn run(mut self, queue: &Queue) {
        let mut lines = Vec::new();
        loop {
            let task = queue.next(&mut lines);
            self.write(&lines);
            if task.reopen {
                self.reopen();
            }
            self.report(task.end);
            queue.finish(&task);
            if task.end {
                return;
            }
        }
    }

    /// Writes lines; what cannot be written is lost.
    fn write(&mut self, lines: &[u8]) {
        if lines.is_empty() {
            return;
        }
        if self.inside && self.write_all(b"\n").1.is_none() {
            self.inside = false;
        }
        let (written, failure) = self.write_all(lines);
        if let Some(last) = written.checked_sub(1).and_then(|last| lines.get(last)) {
            self.inside = *last != b'\n';
        }
        if let Some(failure) = failure {
            let rest = lines.get(written..).unwrap_or_default();
            self.lost.fetch_add(rest.iter().filter(|&&byte| byte == b'\n').count() as u64, Relaxed);
            self.losses.why = Some(failure);
        }
    }

    /// The number of bytes written, and why it was not more.
    fn write_all(&mut self, bytes: &[u8]) -> (usize, Option<io::Error>) {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match self.place.write(rest) {
                Ok(0) => return (written, Some(ErrorKind::WriteZero.into())),
                Ok(more) => written += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(PAUSE),
                Err(error) => return (written, Some(error)),
            }
        }
        (written, None)
    }

    fn reopen(&mut self) {
        match (self.open)() {
            Ok(place) => {
                self.place = place;
                self.inside = false;
            }
            Err(error) => {
                (self.warn)(&format!("cannot open the access log anew, the old file stays in use: {error}"));
            }
        }
    }

    /// Tells the operator of losses: the first at once, later ones no more often than every ten seconds, the
    /// last at the end.
    fn report(&mut self, end: bool) {
        let lost = self.lost.load(Relaxed);
        let due = end || self.losses.at.is_none_or(|at| at.elapsed() >= REPORTS);
        let Some(more) = lost.checked_sub(self.losses.reported).filter(|&more| more > 0 && due) else {
            return;
        };
        let why = match self.losses.why.take() {
            Some(error) => format!("cannot be written: {error}"),
            None => "written too slowly".to_owned(),
        };
        (self.warn)(&format!("lines of the access log lost: {more} ({why})"));
        self.losses = Losses { reported: lost, at: Some(Instant::now()), why: None };
    }
}
