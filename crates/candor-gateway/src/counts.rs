//! What is counted for each upstream, in the text form that Prometheus reads.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use candor_semantics::gateway::cause::Cause;

/// The counters of one upstream.
#[derive(Debug)]
pub(crate) struct Counts {
    /// Attempts made.
    pub(crate) attempts: AtomicU64,
    /// Attempts on a kept connection.
    pub(crate) reused: AtomicU64,
    /// Answers whose head arrived.
    pub(crate) answers: AtomicU64,
    /// Attempts that repeated a failed one.
    pub(crate) repeated: AtomicU64,
    by_cause: Vec<AtomicU64>,
}

impl Default for Counts {
    fn default() -> Counts {
        Counts {
            attempts: AtomicU64::new(0),
            reused: AtomicU64::new(0),
            answers: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
            by_cause: Cause::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

impl Counts {
    /// An attempt failed, or its answer broke off.
    pub(crate) fn failed(&self, cause: Cause) {
        if let Some(count) = self.by_cause.get(cause as usize) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// Appends the lines of this upstream; `labels` are written already.
    pub(crate) fn write(&self, page: &mut String, labels: &str) {
        for (name, count) in [
            ("attempts", &self.attempts),
            ("reused", &self.reused),
            ("answers", &self.answers),
            ("repeated", &self.repeated),
        ] {
            let _ = writeln!(page, "candor_upstream_{name}_total{{{labels}}} {}", count.load(Relaxed));
        }
        for (cause, count) in Cause::ALL.iter().zip(&self.by_cause) {
            let count = count.load(Relaxed);
            if count > 0 {
                let reason = format!("{}={}", cause.question().name(), cause.answer().word());
                let _ = writeln!(
                    page,
                    "candor_upstream_failures_total{{{labels},cause=\"{:?}\",reason=\"{reason}\"}} {count}",
                    cause
                );
            }
        }
    }
}
