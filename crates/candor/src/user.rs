//! `candor user hash`.

use std::io::{self, BufRead, IsTerminal, Write};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use crate::cli::UserHash;
use crate::exit::{Exit, Failure};
use crate::print;

/// Prints the hash of a password, or a new token and its digest.
pub(crate) fn hash(options: &UserHash) -> Result<(), Failure> {
    if options.token {
        return token();
    }
    let password = password()?;
    if password.is_empty() {
        return Err(Failure::new(Exit::Usage, "the password is empty"));
    }
    print::out(&format!("{}\n", hashed(&password)?))
}

/// KiB of memory, passes and lanes of a new hash.
const COST: (u32, u32, u32) = (19_456, 2, 1);

/// The hash of a password, as `[[user]]` wants it.
pub(crate) fn hashed(password: &str) -> Result<String, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(Exit::NoAnswer, format!("no hash could be made: {error}"))
    };
    let params = Params::new(COST.0, COST.1, COST.2, None).map_err(|error| failed(&error))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(password.as_bytes()).map_err(|error| failed(&error))?;
    Ok(hash.to_string())
}

fn token() -> Result<(), Failure> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| Failure::new(Exit::NoAnswer, "the system gives no random bytes"))?;
    let token = URL_SAFE_NO_PAD.encode(bytes);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
    let digits: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    print::out(&format!("{token}\ntokens = [\"sha256:{digits}\"]\n"))
}

/// Asks twice where somebody sits at a terminal; else takes the first line of standard input.
fn password() -> Result<String, Failure> {
    if !io::stdin().is_terminal() {
        return line();
    }
    let first = ask("Password: ")?;
    let second = ask("Once more: ")?;
    if first == second { Ok(first) } else { Err(Failure::new(Exit::Usage, "the two passwords differ")) }
}

/// Asks for something secret: what is typed is not shown.
pub(crate) fn ask(question: &str) -> Result<String, Failure> {
    let mut terminal = io::stderr();
    let _ = write!(terminal, "{question}").and_then(|()| terminal.flush());
    let silence = Silence::begin();
    let answer = line();
    drop(silence);
    let _ = writeln!(terminal);
    answer
}

fn line() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure::new(Exit::Usage, format!("the password cannot be read: {error}")))?;
    let end = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(end);
    Ok(line)
}

/// The terminal without echo, until dropped.
struct Silence(Option<rustix::termios::Termios>);

impl Silence {
    fn begin() -> Silence {
        let Ok(usual) = tcgetattr(io::stdin()) else { return Silence(None) };
        let mut silent = usual.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        let changed = tcsetattr(io::stdin(), OptionalActions::Now, &silent).is_ok();
        Silence(changed.then_some(usual))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        if let Some(usual) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, usual);
        }
    }
}
