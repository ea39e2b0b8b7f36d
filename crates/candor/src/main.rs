//! The `candor` program: command line and nothing else.

mod author;
mod cli;
mod client;
mod completions;
mod config;
mod exit;
mod explain;
mod ledger;
mod man;
mod print;
mod serve;
mod trace;
mod url;
mod user;
mod why;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command, ConfigCommand, UserCommand};

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(options) => serve::run(&options),
        Command::Why(options) => why::run(&options),
        Command::Explain(options) => explain::run(&options),
        Command::Config(ConfigCommand::Check(options)) => config::check(&options),
        Command::User(UserCommand::Hash(options)) => user::hash(&options),
        Command::Log(options) => ledger::log(&options),
        Command::Move(options) => ledger::move_mark(&options),
        Command::Retire(options) => ledger::retire(&options),
        Command::Restore(options) => ledger::restore(&options),
        Command::Completions(options) => completions::run(&options),
        Command::Man(options) => man::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
