//! When requests fall due in an open loop.

use std::time::Duration;

/// A stretch of time with one rate.
#[derive(Clone, Copy)]
pub struct Phase {
    /// Requests a second.
    pub per_second: f64,
    /// How long.
    pub length: Duration,
}

/// Hands out due times, counted from the start of the run.
pub struct Pace {
    phases: Vec<Phase>,
    /// Where the current phase began.
    began: Duration,
    /// Index of the current phase.
    current: usize,
    /// Requests handed out in the current phase.
    handed_out: u64,
}

impl Pace {
    /// The plan of an open-loop run.
    pub fn new(phases: &[Phase]) -> Pace {
        Pace { phases: phases.to_vec(), began: Duration::ZERO, current: 0, handed_out: 0 }
    }

    /// The due time of the next request, or nothing when the plan is over.
    pub fn next(&mut self) -> Option<Duration> {
        loop {
            let phase = self.phases.get(self.current)?;
            let offset = Duration::from_secs_f64(self.handed_out as f64 / phase.per_second);
            if offset < phase.length {
                self.handed_out += 1;
                return Some(self.began + offset);
            }
            self.began += phase.length;
            self.current += 1;
            self.handed_out = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_follow_each_other() {
        let second = Duration::from_secs(1);
        let mut pace = Pace::new(&[
            Phase { per_second: 2.0, length: second },
            Phase { per_second: 4.0, length: second },
        ]);
        let due: Vec<u128> = std::iter::from_fn(|| pace.next()).map(|due| due.as_millis()).collect();
        assert_eq!(due, [0, 500, 1000, 1250, 1500, 1750]);
    }
}
