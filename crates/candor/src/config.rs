//! `candor config check`.

use candor_server::configuration::{Configuration, Flags};

use crate::cli::ConfigCheck;
use crate::exit::{Exit, Failure};
use crate::print;

/// Reads a file as `serve` would, without the layers above it, and says what it found.
pub(crate) fn check(options: &ConfigCheck) -> Result<(), Failure> {
    let configuration = Configuration::load(&options.file, &Flags::default(), [])
        .map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    for notice in &configuration.notices {
        eprintln!("candor: {notice}");
    }
    let routes = configuration.sites.iter().map(|site| site.routes.iter().count()).sum();
    print::out(&format!(
        "{} is fine: {}, {}, {}, {}\n",
        options.file.display(),
        count(configuration.listeners.len(), "listener"),
        count(configuration.sites.len(), "site"),
        count(routes, "route"),
        count(configuration.users.len(), "user"),
    ))
}

fn count(number: usize, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}
