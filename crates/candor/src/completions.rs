//! `candor completions`.

use clap::CommandFactory;

use crate::cli::{Cli, Completions};
use crate::exit::Failure;
use crate::print;

/// Prints the completions of a shell.
pub(crate) fn run(options: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "candor", &mut script);
    print::out(&String::from_utf8_lossy(&script))
}
