//! What can be said about a configuration: where, what, and the line it is about.

use std::fmt;
use std::io;
use std::ops::Range;

use super::sources::Sources;

/// A remark about one place of a configuration, complete as printed:
///
/// ```text
/// candor.toml:12:1: unknown key "lisen"; did you mean "listen"?
///   12 | lisen = ["127.0.0.1:8080"]
///      | ^^^^^
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// `file:line:column`, the name of a variable or flag, or the file alone.
    pub origin: String,
    /// What is to be said about it, lower case, without a full stop.
    pub message: String,
    /// The source line and a line of carets below it.
    pub excerpt: Option<String>,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.origin.is_empty() {
            write!(f, "{}: ", self.origin)?;
        }
        f.write_str(&self.message)?;
        match &self.excerpt {
            Some(excerpt) => write!(f, "\n{excerpt}"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with a configuration, in the order of the file; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigurationError {
    /// The faults.
    pub faults: Vec<Remark>,
}

impl ConfigurationError {
    /// The file could not be read.
    pub(super) fn unreadable(file: &str, error: &io::Error) -> ConfigurationError {
        let message = match error.kind() {
            io::ErrorKind::InvalidData => "is not UTF-8 text".to_owned(),
            _ => format!("cannot be read: {}", plain(error)),
        };
        ConfigurationError { faults: vec![Remark { origin: file.to_owned(), message, excerpt: None }] }
    }
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, fault) in self.faults.iter().enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigurationError {}

/// The system's word for an error without its number.
pub(super) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text.get(..at).unwrap_or(&text).to_lowercase(),
        None => text,
    }
}

/// What was found so far, with places as spans into the [`Sources`].
#[derive(Debug, Default)]
pub(super) struct Report {
    faults: Vec<(Range<usize>, String)>,
    notices: Vec<(Range<usize>, String)>,
}

impl Report {
    /// Notes something wrong.
    pub(super) fn fault(&mut self, place: Range<usize>, message: impl Into<String>) {
        self.faults.push((place, message.into()));
    }

    /// Notes something to know. The same words about several places become one notice that counts them.
    pub(super) fn notice(&mut self, place: Range<usize>, message: impl Into<String>) {
        self.notices.push((place, message.into()));
    }

    /// Whether nothing wrong was found so far.
    pub(super) fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    /// The notices, or the faults if there are any.
    pub(super) fn close(mut self, sources: &Sources) -> Result<Vec<Remark>, ConfigurationError> {
        if !self.faults.is_empty() {
            self.faults.sort_by_key(|(place, _)| (place.start, place.end));
            self.faults.dedup();
            let faults = self.faults.iter().map(|(place, message)| sources.remark(place, message)).collect();
            return Err(ConfigurationError { faults });
        }
        self.notices.sort_by_key(|(place, _)| place.start);
        let mut grouped: Vec<(Range<usize>, String, usize)> = Vec::new();
        for (place, message) in self.notices {
            match grouped.iter_mut().find(|(_, known, _)| *known == message) {
                Some((_, _, more)) => *more += 1,
                None => grouped.push((place, message, 0)),
            }
        }
        Ok(grouped
            .into_iter()
            .map(|(place, message, more)| match more {
                0 => sources.remark(&place, &message),
                more => sources.remark(&place, &format!("{message} (and {more} more like it)")),
            })
            .collect())
    }
}
