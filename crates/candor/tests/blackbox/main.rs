//! Black-box tests: the real program over real folders, asked through sockets.
//!
//! One binary, so that the harness is built once. `world` starts servers, `client` speaks HTTP/1.1 by hand,
//! `promises` looks at every answer whatever the test was about, `transcript` reads the text files under
//! `tests/transcripts`. Everything else is tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod authoring;
mod client;
mod clients;
mod dates;
mod deploys;
mod gateway;
mod hostile;
mod promises;
mod stored;
mod sweeps;
mod transcript;
mod transcripts;
mod upstream;
mod world;
