//! The `candor` program: command line and nothing else.

fn main() {}
