//! The writers that are named on the command line.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use candor_server::configuration::Author;

use crate::exit::{Exit, Failure};
use crate::user;

/// The authors of `--author NAME[:PASSWORD]`. Who has no password gets one, which is printed.
pub(crate) fn authors(written: &[String]) -> Result<Vec<Author>, Failure> {
    written.iter().map(|text| author(text)).collect()
}

fn author(text: &str) -> Result<Author, Failure> {
    let (name, password) = match text.split_once(':') {
        Some((name, password)) => (name, Some(password.to_owned())),
        None => (text, None),
    };
    if name.is_empty() || name == "anyone" || name.starts_with('@') || name.chars().any(char::is_control) {
        return Err(Failure::new(Exit::Usage, format!("{name:?} cannot be the name of an author")));
    }
    if password.as_deref() == Some("") {
        return Err(Failure::new(Exit::Usage, format!("the password of {name} is empty")));
    }
    let password = match password {
        Some(password) => password,
        None => {
            let password = made_up()?;
            eprintln!("candor: the password of {name} is {password}");
            password
        }
    };
    Ok(Author { name: name.to_owned(), hash: user::hashed(&password)? })
}

fn made_up() -> Result<String, Failure> {
    let mut bytes = [0; 12];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| Failure::new(Exit::NoAnswer, "the system gives no random bytes"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
