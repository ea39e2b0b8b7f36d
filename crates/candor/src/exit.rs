//! How the program ends when it does not end well.

use std::process::ExitCode;

/// Why a command failed, by exit code. 0 is fine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 1: findings, or a refusal by the other side.
    Refused = 1,
    /// 2: usage or configuration.
    Usage = 2,
    /// 3: no answer could be had.
    NoAnswer = 3,
    /// 4: a person must decide.
    Decide = 4,
    /// 5: accepted, not done.
    Accepted = 5,
}

/// An end with something to say on standard error.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// A failure that says what is wrong and what to do about it, lower case, without a full stop.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into() }
    }

    /// Says it, and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        for (position, line) in self.message.lines().enumerate() {
            match position {
                0 => eprintln!("candor: {line}"),
                _ => eprintln!("{line}"),
            }
        }
        ExitCode::from(self.exit as u8)
    }
}
