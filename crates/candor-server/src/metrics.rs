//! What the server counts about its answers, in the text form that Prometheus reads (version 0.0.4).
//!
//! Each thread counts in a shard of its own, so that cores do not pass a cache line to and fro for every answer;
//! the shards are summed when somebody asks. Counting takes no lock and allocates nothing.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use candor_semantics::question::Question;
use candor_semantics::trace::{self, Answer};

/// Upper bounds of the duration buckets, in nanoseconds, with their spelling in seconds.
const BUCKETS: [(u64, &str); 18] = [
    (25_000, "0.000025"),
    (50_000, "0.00005"),
    (100_000, "0.0001"),
    (250_000, "0.00025"),
    (500_000, "0.0005"),
    (1_000_000, "0.001"),
    (2_500_000, "0.0025"),
    (5_000_000, "0.005"),
    (10_000_000, "0.01"),
    (25_000_000, "0.025"),
    (50_000_000, "0.05"),
    (100_000_000, "0.1"),
    (250_000_000, "0.25"),
    (500_000_000, "0.5"),
    (1_000_000_000, "1"),
    (2_500_000_000, "2.5"),
    (5_000_000_000, "5"),
    (10_000_000_000, "10"),
];

/// Durations are summed in units of 100 ns: fine enough for the fastest answers, and full after 58,000 years of
/// answering.
const UNIT: u64 = 100;

/// Places for pairs of code and reason in a shard. The decision order makes some 300; what an upstream invents
/// beyond the places is counted together.
const SLOTS: usize = 1024;

/// Places looked at for one pair.
const PROBES: usize = 32;

/// The counters of one server.
#[derive(Debug)]
pub struct Metrics {
    shards: Vec<Shard>,
    sources: Mutex<BTreeMap<Measure, Source>>,
    started: SystemTime,
}

/// A number that is kept elsewhere and read when metrics are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Requests that are inside now.
    InFlight,
    /// Requests that wait for admission now.
    Waiting,
    /// Open connections.
    Connections,
    /// Connections refused at the hard limit.
    ConnectionsRefused,
    /// Lines of the access log that were dropped or could not be written.
    LogLinesLost,
}

struct Source(Box<dyn Fn() -> u64 + Send + Sync>);

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

impl Measure {
    /// Name, type and description.
    fn row(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Measure::InFlight => ("candor_requests_in_flight", "gauge", "Requests that are inside now."),
            Measure::Waiting => ("candor_requests_waiting", "gauge", "Requests that wait for admission now."),
            Measure::Connections => ("candor_connections", "gauge", "Open connections."),
            Measure::ConnectionsRefused => {
                ("candor_connections_refused_total", "counter", "Connections refused at the hard limit.")
            }
            Measure::LogLinesLost => (
                "candor_access_log_lines_lost_total",
                "counter",
                "Lines of the access log that were dropped or could not be written.",
            ),
        }
    }
}

/// The counters of the threads that share a number; on cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    requests: AtomicU64,
    broken_off: AtomicU64,
    content: AtomicU64,
    /// In [`UNIT`]s.
    duration: AtomicU64,
    /// Not cumulative; the last one is for what no bound holds.
    buckets: [AtomicU64; BUCKETS.len() + 1],
    slots: Box<[Slot]>,
    /// Answers that found no slot.
    others: AtomicU64,
}

/// How often one code was given for one reason. A key once set stays.
#[derive(Debug, Default)]
struct Slot {
    key: AtomicU32,
    count: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Metrics {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Metrics::with_shards(cores.clamp(1, 64).next_power_of_two())
    }

    fn with_shards(shards: usize) -> Metrics {
        Metrics {
            shards: (0..shards.max(1)).map(|_| Shard::new()).collect(),
            sources: Mutex::default(),
            started: SystemTime::now(),
        }
    }

    /// Has `measure` read from `source` whenever metrics are asked for; it replaces an earlier source. What has no
    /// source is not shown.
    pub fn observe(&self, measure: Measure, source: impl Fn() -> u64 + Send + Sync + 'static) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.insert(measure, Source(Box::new(source)));
    }

    /// A request has come.
    pub fn began(&self) {
        if let Some(shard) = self.shard() {
            shard.requests.fetch_add(1, Relaxed);
        }
    }

    /// A final answer was delivered, or broke off. `duration` is the time since the first byte of the request's
    /// head, `content` the number of content bytes sent.
    pub fn answered(
        &self,
        status: u16,
        reason: Option<trace::Entry>,
        duration: Duration,
        content: u64,
        complete: bool,
    ) {
        let Some(shard) = self.shard() else { return };
        shard.count(key(status, reason));
        shard.time(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
        if content > 0 {
            shard.content.fetch_add(content, Relaxed);
        }
        if !complete {
            shard.broken_off.fetch_add(1, Relaxed);
        }
    }

    /// The shard of the calling thread.
    fn shard(&self) -> Option<&Shard> {
        self.shards.get(thread_number() & (self.shards.len() - 1))
    }

    /// Everything, as Prometheus reads it. While answers are counted the numbers may differ by the few that come
    /// between two reads.
    pub fn render(&self) -> String {
        let mut page = Page(String::with_capacity(8 << 10));
        page.family("candor_responses_total", "counter", "Final answers by status code and reason.");
        for (key, count) in self.by_reason() {
            let (code, reason) = (key >> 16, Reason(key));
            page.line(format_args!("candor_responses_total{{code=\"{code}\",reason=\"{reason}\"}} {count}"));
        }
        match self.sum(|shard| &shard.others) {
            0 => {}
            others => {
                let labels = "code=\"other\",reason=\"other\"";
                page.line(format_args!("candor_responses_total{{{labels}}} {others}"));
            }
        }
        self.render_durations(&mut page);
        for (name, help, count) in [
            ("candor_requests_total", "Requests begun.", self.sum(|shard| &shard.requests)),
            (
                "candor_responses_broken_off_total",
                "Answers that could not be sent to their end.",
                self.sum(|shard| &shard.broken_off),
            ),
            (
                "candor_response_content_bytes_total",
                "Bytes of content sent.",
                self.sum(|shard| &shard.content),
            ),
        ] {
            page.single(name, "counter", help, count);
        }
        for (measure, source) in &*self.sources.lock().unwrap_or_else(PoisonError::into_inner) {
            let (name, kind, help) = measure.row();
            page.single(name, kind, help, (source.0)());
        }
        let started = self.started.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        page.single("candor_start_time_seconds", "gauge", "Unix time of the start.", started);
        page.0
    }

    fn render_durations(&self, page: &mut Page) {
        let name = "candor_response_seconds";
        page.family(
            name,
            "histogram",
            "Time from the first byte of a request to the last byte of its answer.",
        );
        let mut below = 0;
        for (number, (_, bound)) in BUCKETS.iter().enumerate() {
            below += self.bucket(number);
            page.line(format_args!("{name}_bucket{{le=\"{bound}\"}} {below}"));
        }
        let all = below + self.bucket(BUCKETS.len());
        page.line(format_args!("{name}_bucket{{le=\"+Inf\"}} {all}"));
        let units = self.sum(|shard| &shard.duration);
        let per_second = 1_000_000_000 / UNIT;
        page.line(format_args!("{name}_sum {}.{:07}", units / per_second, units % per_second));
        page.line(format_args!("{name}_count {all}"));
    }

    fn bucket(&self, number: usize) -> u64 {
        self.shards
            .iter()
            .filter_map(|shard| shard.buckets.get(number))
            .map(|count| count.load(Relaxed))
            .sum()
    }

    fn sum(&self, counter: impl Fn(&Shard) -> &AtomicU64) -> u64 {
        self.shards.iter().fold(0, |sum, shard| sum.wrapping_add(counter(shard).load(Relaxed)))
    }

    fn by_reason(&self) -> BTreeMap<u32, u64> {
        let mut counts = BTreeMap::new();
        for slot in self.shards.iter().flat_map(|shard| &shard.slots) {
            let (key, count) = (slot.key.load(Relaxed), slot.count.load(Relaxed));
            if key != 0 && count != 0 {
                *counts.entry(key).or_insert(0) += count;
            }
        }
        counts
    }
}

impl Shard {
    fn new() -> Shard {
        Shard {
            requests: AtomicU64::new(0),
            broken_off: AtomicU64::new(0),
            content: AtomicU64::new(0),
            duration: AtomicU64::new(0),
            buckets: Default::default(),
            slots: (0..SLOTS).map(|_| Slot::default()).collect(),
            others: AtomicU64::new(0),
        }
    }

    fn count(&self, key: u32) {
        let start = key.wrapping_mul(0x9E37_79B1) as usize >> 16;
        let counter = (start..start + PROBES)
            .filter_map(|place| self.slots.get(place % SLOTS))
            .find(|slot| slot.holds(key))
            .map_or(&self.others, |slot| &slot.count);
        counter.fetch_add(1, Relaxed);
    }

    fn time(&self, nanoseconds: u64) {
        let bucket = BUCKETS.iter().position(|&(bound, _)| nanoseconds <= bound).unwrap_or(BUCKETS.len());
        if let Some(count) = self.buckets.get(bucket) {
            count.fetch_add(1, Relaxed);
        }
        self.duration.fetch_add(nanoseconds / UNIT, Relaxed);
    }
}

impl Slot {
    /// Whether the slot is the key's; a free one becomes so.
    fn holds(&self, key: u32) -> bool {
        match self.key.load(Relaxed) {
            0 => match self.key.compare_exchange(0, key, Relaxed, Relaxed) {
                Ok(_) => true,
                Err(other) => other == key,
            },
            other => other == key,
        }
    }
}

/// A number for each thread, in the order of their first answers.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    NUMBER.with(|number| {
        if number.get() == usize::MAX {
            number.set(NEXT.fetch_add(1, Relaxed));
        }
        number.get()
    })
}

/// Code and reason in one number: the code above, then question and answer by their numbers, the answer's from
/// one. Never 0 for a status that exists.
fn key(status: u16, reason: Option<trace::Entry>) -> u32 {
    let reason = reason
        .map_or(0, |entry| u32::from(entry.question.number()) << 8 | (u32::from(entry.answer as u8) + 1));
    u32::from(status.max(1)) << 16 | reason
}

/// The reason in a key, as `question=answer`; nothing where there was none, which is the same as no label.
struct Reason(u32);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [_, _, question, answer] = self.0.to_be_bytes();
        let Some(answer) = usize::from(answer).checked_sub(1).and_then(|place| Answer::ALL.get(place)) else {
            return Ok(());
        };
        let question = Question::from_number(question).unwrap_or(Question::Start);
        write!(f, "{}={}", question.name(), answer.word())
    }
}

/// The page in the making. Writing to a string cannot fail, so its results are let go.
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.family(name, kind, help);
        self.line(format_args!("{name} {value}"));
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        let _ = writeln!(self.0, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn reason(question: Question, answer: Answer) -> Option<trace::Entry> {
        Some(trace::Entry { question, answer })
    }

    fn value(page: &str, name: &str) -> Option<f64> {
        page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    #[test]
    fn answers_are_counted_by_code_and_reason() {
        let metrics = Metrics::new();
        for _ in 0..3 {
            let opens = reason(Question::Opens, Answer::Yes);
            metrics.answered(200, opens, Duration::from_micros(30), 100, true);
        }
        metrics.answered(404, reason(Question::Creates, Answer::No), Duration::from_millis(2), 10, true);
        metrics.answered(502, None, Duration::from_secs(60), 0, false);
        metrics.began();
        let page = metrics.render();
        for (name, expected) in [
            ("candor_responses_total{code=\"200\",reason=\"opens=yes\"}", 3.0),
            ("candor_responses_total{code=\"404\",reason=\"creates=no\"}", 1.0),
            ("candor_responses_total{code=\"502\",reason=\"\"}", 1.0),
            ("candor_response_seconds_bucket{le=\"0.000025\"}", 0.0),
            ("candor_response_seconds_bucket{le=\"0.00005\"}", 3.0),
            ("candor_response_seconds_bucket{le=\"0.0025\"}", 4.0),
            ("candor_response_seconds_bucket{le=\"10\"}", 4.0),
            ("candor_response_seconds_bucket{le=\"+Inf\"}", 5.0),
            ("candor_response_seconds_count", 5.0),
            ("candor_response_seconds_sum", 60.00209),
            ("candor_response_content_bytes_total", 310.0),
            ("candor_responses_broken_off_total", 1.0),
            ("candor_requests_total", 1.0),
        ] {
            assert_eq!(value(&page, name), Some(expected), "{name} in\n{page}");
        }
    }

    #[test]
    fn every_pair_of_question_and_answer_reads_back() {
        for &question in Question::ALL {
            for &answer in Answer::ALL {
                let key = key(599, reason(question, answer));
                assert_eq!(key >> 16, 599);
                assert_eq!(Reason(key).to_string(), format!("{}={}", question.name(), answer.word()));
            }
        }
        assert_eq!(Reason(key(200, None)).to_string(), "");
    }

    #[test]
    fn bounds_belong_to_their_bucket_and_are_spelled_right() {
        for (number, (bound, spelling)) in BUCKETS.iter().enumerate() {
            let shard = Shard::new();
            shard.time(*bound);
            shard.time(bound + 1);
            let counts: Vec<u64> = shard.buckets.iter().map(|count| count.load(Relaxed)).collect();
            assert_eq!((counts[number], counts[number + 1]), (1, 1));
            assert!((spelling.parse::<f64>().unwrap() * 1e9 - *bound as f64).abs() < 1e-3);
        }
        assert!(BUCKETS.is_sorted());
    }

    #[test]
    fn more_pairs_than_places_are_counted_together() {
        let metrics = Metrics::with_shards(1);
        for status in 200..600 {
            for answer in [Answer::Yes, Answer::No, Answer::Failed] {
                metrics.answered(status, reason(Question::Opens, answer), Duration::ZERO, 0, true);
            }
        }
        let page = metrics.render();
        let counted: u64 = page
            .lines()
            .filter(|line| line.starts_with("candor_responses_total{"))
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum();
        assert_eq!(counted, 1200);
        assert!(value(&page, "candor_responses_total{code=\"other\",reason=\"other\"}").unwrap() >= 176.0);
    }

    #[test]
    fn a_measure_shows_once_it_has_a_source() {
        let metrics = Metrics::new();
        assert!(!metrics.render().contains("candor_connections"));
        let open = Arc::new(AtomicU64::new(7));
        let read = open.clone();
        metrics.observe(Measure::Connections, move || read.load(Relaxed));
        assert_eq!(value(&metrics.render(), "candor_connections"), Some(7.0));
        open.store(8, Relaxed);
        assert_eq!(value(&metrics.render(), "candor_connections"), Some(8.0));
    }

    #[test]
    fn threads_lose_nothing() {
        for shards in [1, 4] {
            let metrics = Metrics::with_shards(shards);
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        for number in 0..10_000u16 {
                            let status = 200 + number % 50;
                            let reason = reason(Question::Opens, Answer::Yes);
                            metrics.answered(status, reason, Duration::from_nanos(100), 1, true);
                        }
                    });
                }
            });
            let counts = metrics.by_reason();
            assert_eq!(counts.len(), 50);
            assert!(counts.values().all(|&count| count == 1600));
            let page = metrics.render();
            assert_eq!(value(&page, "candor_response_content_bytes_total"), Some(80_000.0));
            assert_eq!(value(&page, "candor_response_seconds_sum"), Some(0.008));
        }
    }

    /// The grammar of the format: comments of two kinds before their samples, then `name{labels} value`.
    #[test]
    fn every_line_is_of_the_format() {
        let metrics = Metrics::new();
        metrics.answered(200, reason(Question::Opens, Answer::Yes), Duration::ZERO, 1, true);
        metrics.observe(Measure::LogLinesLost, || 0);
        let page = metrics.render();
        assert!(page.ends_with('\n'));
        let mut described = std::collections::HashSet::new();
        let mut family = String::new();
        for line in page.lines() {
            if let Some(rest) = line.strip_prefix("# ") {
                let mut words = rest.splitn(3, ' ');
                let (word, name, text) =
                    (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
                match word {
                    "HELP" => assert!(described.insert(name.to_owned()), "{name} twice"),
                    "TYPE" => assert!(["counter", "gauge", "histogram"].contains(&text)),
                    other => panic!("{other}"),
                }
                family = name.to_owned();
            } else {
                assert!(line.starts_with(&family), "{line} under {family}");
                let (_, number) = line.rsplit_once(' ').unwrap();
                assert!(number.parse::<f64>().is_ok(), "{line}");
            }
        }
    }
}
