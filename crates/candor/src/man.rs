//! `candor man`.

use std::fs;
use std::io;
use std::path::Path;

use clap::{Command, CommandFactory};

use crate::cli::{Cli, Man};
use crate::exit::{Exit, Failure};
use crate::print;

/// Prints the page of the program and those of all commands, or writes them into a folder.
pub(crate) fn run(options: &Man) -> Result<(), Failure> {
    let mut program = without_help(Cli::command());
    program.build();
    let mut pages = Vec::new();
    collect(&program, "candor", &mut pages)
        .map_err(|error| Failure::new(Exit::Usage, format!("the pages cannot be made: {error}")))?;
    match &options.dir {
        Some(folder) => pages.iter().try_for_each(|page| write(folder, page)),
        None => print::out(&pages.into_iter().map(|page| page.text).collect::<String>()),
    }
}

/// The commands without `help`, which has no page of its own.
fn without_help(command: Command) -> Command {
    command.disable_help_subcommand(true).mut_subcommands(without_help)
}

const SOURCE: &str = concat!("candor ", env!("CARGO_PKG_VERSION"));

struct Page {
    name: String,
    text: String,
}

fn collect(command: &Command, name: &str, pages: &mut Vec<Page>) -> io::Result<()> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).title(name.to_uppercase()).source(SOURCE).render(&mut text)?;
    pages.push(Page { name: format!("{name}.1"), text: String::from_utf8_lossy(&text).into_owned() });
    for inner in command.get_subcommands() {
        collect(inner, &format!("{name}-{}", inner.get_name()), pages)?;
    }
    Ok(())
}

fn write(folder: &Path, page: &Page) -> Result<(), Failure> {
    let file = folder.join(&page.name);
    fs::write(&file, &page.text)
        .map_err(|error| Failure::new(Exit::Usage, format!("{} cannot be written: {error}", file.display())))
}
