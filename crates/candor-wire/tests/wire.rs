//! The wire as clients see it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

#[path = "wire/h1.rs"]
mod h1;
#[path = "wire/h2.rs"]
mod h2;
#[path = "wire/tls.rs"]
mod tls;
