//! `load`: asks a server for the same things over and over and says how it fared.
//!
//! Two ways to ask:
//!
//! - *closed* (no `--rate`): every connection sends its next request as soon
//!   as the last answer is complete. Shows capacity.
//! - *open* (`--rate N:S`): requests fall due N times a second for S seconds,
//!   whether or not earlier ones were answered, and latency counts from the
//!   moment a request was due. A server that stalls cannot hide it by slowing
//!   the client down. Several phases may follow each other.
//!
//! One thread spins over one epoll set without ever sleeping, because a timer
//! of a millisecond would drown a latency of fifty microseconds. Give it a
//! core of its own. Content is counted and thrown away inside the kernel
//! (`MSG_TRUNC`), so that the price of a large answer is the server's.

mod answer;
mod ask;
mod connection;
mod options;
mod pace;
mod run;
mod tally;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut options = match options::Options::from_arguments(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("load: {problem}\n\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    match run::run(&mut options) {
        Ok(tally) => {
            println!("{}", tally.json());
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("load: {}: {problem}", options.server);
            ExitCode::from(3)
        }
    }
}
