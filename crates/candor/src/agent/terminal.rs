//! The person at the terminal, if there is one.

use std::io::{self, BufRead, IsTerminal, Write};
use std::time::Instant;

use candor_agent::Person;
use candor_agent::download::Progress;
use candor_semantics::field::challenge::Challenge;
use candor_semantics::reaction::choice::Choice;
use candor_semantics::reaction::{Asker, Doubt, Step};
use candor_semantics::url::Url;

use crate::print::shown;

/// Asks where somebody sits at a terminal and nobody said `--json`; else every question is answered with no.
pub(crate) struct Terminal {
    is_there: bool,
    drawn: Option<Instant>,
}

impl Terminal {
    pub(crate) fn new(json: bool) -> Terminal {
        let is_there = !json && io::stdin().is_terminal() && io::stderr().is_terminal();
        Terminal { is_there, drawn: None }
    }

    /// Whether questions can be asked.
    pub(crate) fn is_there(&self) -> bool {
        self.is_there
    }

    /// Asks a question with a yes or no; no is the default.
    pub(crate) fn agrees(&mut self, question: &str) -> bool {
        matches!(self.ask(&format!("{question} [y/N] ")).as_deref(), Some("y" | "Y" | "yes"))
    }

    /// Asks a question in a line.
    pub(crate) fn ask(&mut self, question: &str) -> Option<String> {
        if !self.is_there {
            return None;
        }
        let mut out = io::stderr();
        let _ = write!(out, "{question}").and_then(|()| out.flush());
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).ok()?;
        Some(line.trim().to_owned())
    }
}

impl Person for Terminal {
    fn follows(&mut self, step: &Step, doubt: Doubt) -> bool {
        let why = match doubt {
            Doubt::Unsafe => "would be done at another address",
            Doubt::Downgrade => "would leave https, so that others can read along",
        };
        self.agrees(&format!("{} {why}: {}. Go there?", step.method, step.to))
    }

    fn chooses(&mut self, choices: &[Choice]) -> Option<Url> {
        if !self.is_there || choices.is_empty() {
            return None;
        }
        for (position, choice) in choices.iter().enumerate() {
            eprintln!("  {} {}", position + 1, super::say::choice(choice));
        }
        let number: usize = self.ask("Which one? ")?.parse().ok()?;
        choices.get(number.checked_sub(1)?).map(|choice| choice.url.clone())
    }

    fn credentials(&mut self, by: Asker, url: &Url, challenge: &Challenge) -> Option<(String, String)> {
        let who = match by {
            Asker::Origin => url.authority(),
            Asker::Proxy => "the proxy".to_owned(),
        };
        let realm = shown(challenge.realm().unwrap_or(""));
        let user =
            self.ask(&format!("{who} wants a name for {realm:?}: ")).filter(|user| !user.is_empty())?;
        let password = crate::user::ask("Password: ").ok()?;
        Some((user, password))
    }

    fn waits(&mut self, why: &str, seconds: u64) {
        eprintln!("candor: {why}; waiting {seconds} s");
    }
}

/// How far a download is, on a terminal.
pub(crate) struct Bar(Terminal);

impl Bar {
    pub(crate) fn new(is_wanted: bool) -> Bar {
        Bar(Terminal { is_there: is_wanted && io::stderr().is_terminal(), drawn: None })
    }

    pub(crate) fn end(&mut self) {
        if self.0.drawn.take().is_some() {
            eprint!("\r\x1b[K");
        }
    }
}

impl Progress for Bar {
    fn at(&mut self, received: u64, complete: Option<u64>) {
        let recently = self.0.drawn.is_some_and(|drawn| drawn.elapsed().as_millis() < 200);
        if !self.0.is_there || recently {
            return;
        }
        self.0.drawn = Some(Instant::now());
        let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        match complete.filter(|&complete| complete > 0) {
            Some(complete) => {
                let percent = received.saturating_mul(100) / complete;
                let filled = usize::try_from(percent.min(100) / 4).unwrap_or(0);
                eprint!(
                    "\r[{:<25}] {percent:>3} % of {:.1} MiB\x1b[K",
                    "=".repeat(filled),
                    mebibytes(complete)
                );
            }
            None => eprint!("\r{:.1} MiB\x1b[K", mebibytes(received)),
        }
    }
}
