//! What came of the requests.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// Counts and latencies of a run.
#[derive(Default)]
pub struct Tally {
    /// Seconds counted.
    pub seconds: f64,
    /// Octets of answers, heads included.
    pub octets: u64,
    /// Latency of each status.
    pub statuses: BTreeMap<u16, Spread>,
    /// Latency of all answers.
    pub all: Spread,
    /// How late requests of an open loop were sent because the generator was
    /// behind, not the server. Large values mean the figures are not to be
    /// trusted.
    pub lateness: Spread,
    /// Requests that got no whole answer, by what happened.
    pub failures: BTreeMap<&'static str, u64>,
    /// Requests that fell due.
    pub due: u64,
    /// The most connections open at once.
    pub most_connections: usize,
    /// Results by time of falling due.
    pub slices: Vec<Slice>,
    /// Length of a slice.
    pub slice: Option<Duration>,
}

/// One slice of the time line.
#[derive(Default, Clone)]
pub struct Slice {
    /// Answered with less than 400.
    pub served: u64,
    /// Answered with 429 or 503.
    pub refused: u64,
    /// Answered otherwise, or not at all.
    pub failed: u64,
    /// Latency of what was served.
    pub latency: Spread,
}

impl Tally {
    /// An answer with `status` came `latency` after it was due; `due` counts
    /// from the start of the run.
    pub fn answered(&mut self, status: u16, due: Duration, latency: Duration) {
        self.all.add(latency);
        self.statuses.entry(status).or_default().add(latency);
        if let Some(slice) = self.slice_at(due) {
            match status {
                429 | 503 => slice.refused += 1,
                ..400 => {
                    slice.served += 1;
                    slice.latency.add(latency);
                }
                _ => slice.failed += 1,
            }
        }
    }

    /// A request got no whole answer.
    pub fn failed(&mut self, why: &'static str, due: Duration) {
        *self.failures.entry(why).or_default() += 1;
        if let Some(slice) = self.slice_at(due) {
            slice.failed += 1;
        }
    }

    fn slice_at(&mut self, due: Duration) -> Option<&mut Slice> {
        let index = (due.as_nanos() / self.slice?.as_nanos().max(1)) as usize;
        if self.slices.len() <= index {
            self.slices.resize(index + 1, Slice::default());
        }
        self.slices.get_mut(index)
    }

    /// The tally as one line of JSON; latencies in microseconds.
    pub fn json(&self) -> String {
        let mut text = format!(
            "{{\"seconds\":{:.6},\"due\":{},\"answers\":{},\"octets\":{},\"most_connections\":{},\"latency\":{},\"lateness\":{},\"statuses\":{{",
            self.seconds,
            self.due,
            self.all.count,
            self.octets,
            self.most_connections,
            self.all.json(),
            self.lateness.json(),
        );
        list(&mut text, &self.statuses, |spread| spread.json());
        text.push_str("},\"failures\":{");
        list(&mut text, &self.failures, u64::to_string);
        text.push_str("},\"slices\":[");
        for (index, slice) in self.slices.iter().enumerate() {
            let _ = write!(
                text,
                "{}{{\"served\":{},\"refused\":{},\"failed\":{},\"p50\":{:.1},\"p99\":{:.1}}}",
                if index == 0 { "" } else { "," },
                slice.served,
                slice.refused,
                slice.failed,
                slice.latency.at(0.5),
                slice.latency.at(0.99),
            );
        }
        text.push_str("]}");
        text
    }
}

fn list<K: std::fmt::Display, V>(text: &mut String, map: &BTreeMap<K, V>, show: impl Fn(&V) -> String) {
    for (index, (key, value)) in map.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(text, "{comma}\"{key}\":{}", show(value));
    }
}

/// Sub-buckets of each power of two: a bucket is at most 1/64 wide.
const FINE: u64 = 64;

/// A histogram of durations, exact to 2 %.
#[derive(Default, Clone)]
pub struct Spread {
    /// How many.
    pub count: u64,
    largest: u64,
    buckets: Vec<u64>,
}

impl Spread {
    /// Counts one duration.
    pub fn add(&mut self, duration: Duration) {
        let nanos = duration.as_nanos().min(u128::from(u64::MAX >> 1)) as u64;
        let bucket = bucket_of(nanos);
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
        self.count += 1;
        self.largest = self.largest.max(nanos);
    }

    /// The duration that this share of all stays below, in microseconds.
    pub fn at(&self, share: f64) -> f64 {
        let wanted = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return (top_of(bucket).min(self.largest)) as f64 / 1000.0;
            }
        }
        0.0
    }

    fn json(&self) -> String {
        format!(
            "{{\"count\":{},\"p50\":{:.1},\"p90\":{:.1},\"p99\":{:.1},\"p999\":{:.1},\"max\":{:.1}}}",
            self.count,
            self.at(0.5),
            self.at(0.9),
            self.at(0.99),
            self.at(0.999),
            self.largest as f64 / 1000.0
        )
    }
}

fn bucket_of(nanos: u64) -> usize {
    if nanos < FINE {
        return nanos as usize;
    }
    let shift = u64::from(nanos.ilog2()) - u64::from(FINE.ilog2());
    ((shift + 1) * FINE + (nanos >> shift) - FINE) as usize
}

fn top_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < FINE {
        return bucket;
    }
    let shift = bucket / FINE - 1;
    (((bucket % FINE) + FINE + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_narrow_and_holds_its_value() {
        for nanos in (0..200_000).chain([1 << 40, (1 << 50) + 12345]) {
            let top = top_of(bucket_of(nanos));
            assert!(top >= nanos && top - nanos <= nanos / 60, "{nanos} in a bucket up to {top}");
        }
    }

    #[test]
    fn shares_are_found() {
        let mut spread = Spread::default();
        for micros in 1..=1000 {
            spread.add(Duration::from_micros(micros));
        }
        assert!((spread.at(0.5) - 500.0).abs() < 10.0);
        assert!((spread.at(0.99) - 990.0).abs() < 18.0);
        assert_eq!(spread.at(1.0), 1000.0);
    }
}
