//! Names and passwords: given only to the origin or the proxy they belong to, and only when asked for.

use candor_semantics::field::authorization::write_basic;
use candor_semantics::field::challenge::Challenge;
use candor_semantics::url::Url;

/// Credentials for one origin.
#[derive(Clone)]
pub struct Credentials {
    /// The origin they belong to; its path does not count.
    pub origin: Url,
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl Credentials {
    /// The value of `Authorization` that answers a challenge, where it is one that name and password answer.
    pub fn answer(&self, challenge: &Challenge) -> Option<String> {
        answer(challenge, &self.user, &self.password)
    }
}

/// Never shows the password.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({} at {})", self.user, self.origin.origin())
    }
}

/// Whether a challenge can be answered with a name and a password as they are (RFC 7617).
pub(crate) fn is_basic(challenge: &Challenge) -> bool {
    challenge.scheme.eq_ignore_ascii_case("Basic")
}

pub(crate) fn answer(challenge: &Challenge, user: &str, password: &str) -> Option<String> {
    if is_basic(challenge) { write_basic(user, password) } else { None }
}

/// Splits `name:password`.
pub fn split(text: &str) -> (String, Option<String>) {
    match text.split_once(':') {
        Some((user, password)) => (user.to_owned(), Some(password.to_owned())),
        None => (text.to_owned(), None),
    }
}
