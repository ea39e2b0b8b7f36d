//! When a connection has been quiet, or has taken nothing, for too long.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::{Sleep, sleep_until};

use crate::limits::Limits;

/// How long a connection that is told to go may take over its last words.
const FAREWELL: Duration = Duration::from_secs(2);

/// The connection's clock. Its timer is moved only when it rings, not at each request.
pub(super) struct Quiet {
    timer: Option<Pin<Box<Sleep>>>,
    since: Instant,
    served: bool,
    leaving: bool,
    handed_down: u64,
    progress: Instant,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing was asked for too long: say goodbye.
    Leave,
    /// Goodbye was said and time is over, or the client takes nothing.
    End,
}

impl Quiet {
    pub(super) fn new(began: Instant) -> Quiet {
        Quiet { timer: None, since: began, served: false, leaving: false, handed_down: 0, progress: began }
    }

    /// A request has come.
    pub(super) fn request(&mut self, now: Instant) {
        self.served = true;
        self.since = now;
    }

    /// Goodbye is being said.
    pub(super) fn leave(&mut self, now: Instant) {
        self.leaving = true;
        self.since = now;
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// `busy` tells whether requests are in progress; `stuck_at`, if bytes wait for the socket, how many it has
    /// taken so far.
    pub(super) fn poll(
        &mut self,
        busy: bool,
        stuck_at: Option<u64>,
        limits: &Limits,
        cx: &mut Context<'_>,
    ) -> Poll<Verdict> {
        let now = Instant::now();
        if busy {
            self.since = now;
        }
        if stuck_at != Some(self.handed_down) {
            self.progress = now;
            self.handed_down = stuck_at.unwrap_or(self.handed_down);
        }
        let quiet_until = self.since + self.allowed(limits);
        let deadline = match stuck_at {
            Some(_) if self.progress + limits.write_timeout <= now => return Poll::Ready(Verdict::End),
            Some(_) => quiet_until.min(self.progress + limits.write_timeout),
            None => quiet_until,
        };
        if quiet_until <= now {
            return Poll::Ready(if self.leaving { Verdict::End } else { Verdict::Leave });
        }
        self.set_timer(deadline, cx);
        Poll::Pending
    }

    fn allowed(&self, limits: &Limits) -> Duration {
        match (self.leaving, self.served) {
            (true, _) => FAREWELL,
            (false, true) => limits.idle_timeout,
            (false, false) => limits.head_timeout,
        }
    }

    /// Sees to it that the task is woken at `deadline` or before.
    fn set_timer(&mut self, deadline: Instant, cx: &mut Context<'_>) {
        let deadline = deadline.into();
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= deadline {
                cx.waker().wake_by_ref();
                return;
            }
            timer.as_mut().reset(deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    fn ask(quiet: &mut Quiet, busy: bool, stuck_at: Option<u64>) -> Poll<Verdict> {
        let second = Duration::from_secs(1);
        let limits = Limits {
            head_timeout: second * 10,
            idle_timeout: second * 60,
            write_timeout: second * 30,
            ..Limits::default()
        };
        quiet.poll(busy, stuck_at, &limits, &mut Context::from_waker(Waker::noop()))
    }

    fn ago(seconds: u64) -> Instant {
        Instant::now() - Duration::from_secs(seconds)
    }

    #[tokio::test]
    async fn a_first_request_is_waited_for_shorter_than_the_next() {
        assert_eq!(ask(&mut Quiet::new(ago(9)), false, None), Poll::Pending);
        assert_eq!(ask(&mut Quiet::new(ago(11)), false, None), Poll::Ready(Verdict::Leave));
        let mut served = Quiet::new(ago(100));
        served.request(ago(59));
        assert_eq!(ask(&mut served, false, None), Poll::Pending);
        served.request(ago(61));
        assert_eq!(ask(&mut served, false, None), Poll::Ready(Verdict::Leave));
        served.leave(ago(3));
        assert_eq!(ask(&mut served, false, None), Poll::Ready(Verdict::End));
    }

    #[tokio::test]
    async fn requests_in_progress_keep_a_connection_unless_nothing_is_taken() {
        let mut quiet = Quiet::new(ago(100));
        assert_eq!(ask(&mut quiet, true, Some(5)), Poll::Pending);
        quiet.progress = ago(31);
        assert_eq!(ask(&mut quiet, true, Some(6)), Poll::Pending);
        quiet.progress = ago(31);
        assert_eq!(ask(&mut quiet, true, Some(6)), Poll::Ready(Verdict::End));
        assert_eq!(ask(&mut quiet, true, None), Poll::Pending);
    }
}
