//! Who decides what a program may not decide alone.

use candor_semantics::field::challenge::Challenge;
use candor_semantics::reaction::choice::Choice;
use candor_semantics::reaction::{Asker, Doubt, Step};
use candor_semantics::url::Url;

/// The person behind the user agent, or who stands in for one.
pub trait Person: Send {
    /// Whether an unsafe request, or one that leaves https, may follow a redirect.
    fn follows(&mut self, step: &Step, doubt: Doubt) -> bool;

    /// Which of several forms is wanted.
    fn chooses(&mut self, choices: &[Choice]) -> Option<Url>;

    /// Name and password for a space, where they are not known yet.
    fn credentials(&mut self, by: Asker, url: &Url, challenge: &Challenge) -> Option<(String, String)>;

    /// Says what is being waited for, and for how many seconds.
    fn waits(&mut self, why: &str, seconds: u64);
}

/// Nobody: every question is answered with no.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Person for Nobody {
    fn follows(&mut self, _: &Step, _: Doubt) -> bool {
        false
    }

    fn chooses(&mut self, _: &[Choice]) -> Option<Url> {
        None
    }

    fn credentials(&mut self, _: Asker, _: &Url, _: &Challenge) -> Option<(String, String)> {
        None
    }

    fn waits(&mut self, _: &str, _: u64) {}
}
