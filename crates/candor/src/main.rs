//! The `candor` program: command line and nothing else.

mod agent;
mod author;
mod cli;
mod client;
mod completions;
mod config;
mod exit;
mod explain;
mod ledger;
mod links;
mod man;
mod print;
mod serve;
mod trace;
mod url;
mod user;
mod why;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command, ConfigCommand, LinksCommand, UserCommand};

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(options) => serve::run(&options),
        Command::Why(options) => why::run(&options),
        Command::Get(options) => agent::get::run(&options),
        Command::Head(options) => agent::get::head(&options),
        Command::Put(options) => agent::put::run(&options),
        Command::Post(options) => agent::post::run(&options),
        Command::Delete(options) => agent::post::delete(&options),
        Command::Wait(options) => agent::wait::run(&options),
        Command::Links(LinksCommand::Check(options)) => links::check(&options),
        Command::Links(LinksCommand::Fix(options)) => links::fix(&options),
        Command::Links(LinksCommand::Undo(options)) => links::undo(&options),
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
