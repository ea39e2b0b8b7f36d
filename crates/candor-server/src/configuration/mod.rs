//! The configuration: what was written (TOML, `CANDOR_*` variables, flags) checked and turned into what it means.
//!
//! Everything wrong is found in one reading and told with file, line and column. Reading a configuration opens
//! no file but the configuration itself until everything in it is legal; then [`Configuration::load`] looks
//! whether the folders and certificates it names are there.
//!
//! The layers, first one wins: flags, environment, file, defaults. They are laid over each other before anything
//! is interpreted ([`sources`]), so a rule is written once for all of them.

mod authors;
mod check;
mod fault;
mod limits;
mod listener;
mod nearest;
mod read;
mod read_route;
mod read_site;
mod routes;
mod site;
mod sources;
#[cfg(test)]
mod tests;
mod unbuilt;
mod user;
mod value;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub use authors::Author;
pub use fault::{ConfigurationError, Remark};
pub use limits::{Limits, Rate};
pub use listener::{ListenAddress, Listener, Network};
pub use routes::{
    Access, Balance, Breaker, Callers, Conceal, Documents, Form, FormAfter, Gateway, Health, Hours, Route,
    RouteKind, RoutePath, Routes, Run, Target,
};
pub use site::{Cors, FieldRule, Host, Origins, Site, TlsFiles, Vanished};
pub use sources::Flags;
pub use user::{TokenDigest, User};

/// Everything candor was told, checked: what stands here is legal and complete.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The file it was read from, absolute; `None` where there was none.
    pub file: Option<PathBuf>,
    /// Where to listen; at least one.
    pub listeners: Vec<Listener>,
    /// The folder of ledger, versions, jobs and keys, absolute; `None` leaves the choice to the server.
    pub state: Option<PathBuf>,
    /// The access log; `None` is off.
    pub access_log: Option<AccessLog>,
    /// Limits and deadlines.
    pub limits: Limits,
    /// Peers whose word about the client is believed (`Forwarded`, `X-Forwarded-For`).
    pub trusted_proxies: Vec<Network>,
    /// The reserved prefix, with both slashes: `/-/` unless said otherwise.
    pub reserved: String,
    /// Users, in the order written; names are unique.
    pub users: Vec<User>,
    /// Sites, in the order written; at least one, no host twice.
    pub sites: Vec<Site>,
    /// What a person should know though nothing is wrong.
    pub notices: Vec<Remark>,
}

/// Where and how the access log is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLog {
    /// The form of a line.
    pub format: LogFormat,
    /// The file, absolute; `None` is the standard output.
    pub file: Option<PathBuf>,
}

/// The form of the access log's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// NCSA combined, with the reason id at the end.
    Combined,
    /// One JSON object a line.
    Json,
}

impl Configuration {
    /// Reads `file` under the layers above it. With a folder among the flags, the file's only site serves that
    /// folder.
    ///
    /// # Errors
    /// The file cannot be read, something in it or in the layers above is wrong, or a folder or certificate it
    /// names is not there.
    pub fn load(
        file: &Path,
        flags: &Flags,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Configuration, ConfigurationError> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| ConfigurationError::unreadable(&file.display().to_string(), &error))?;
        Configuration::present(&sources::Sources::new(Some(file), &text, flags, environment))
    }

    /// The configuration of `candor serve DIR`: one site for every host, listings on, 127.0.0.1:8080.
    ///
    /// # Errors
    /// A flag or variable is wrong, or the folder is not there.
    pub fn for_folder(
        folder: &Path,
        flags: &Flags,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Configuration, ConfigurationError> {
        let flags = Flags { folder: Some(folder.to_owned()), ..flags.clone() };
        Configuration::present(&sources::Sources::new(None, "", &flags, environment))
    }

    /// What the sources say, once everything they name is there.
    fn present(sources: &sources::Sources<'_>) -> Result<Configuration, ConfigurationError> {
        let (configuration, named) = check::configuration(sources, SystemTime::now())?;
        check::presence(sources, &named)?;
        Ok(configuration)
    }

    /// Reads `text` as if it were the content of `file`. Times that count from "now" count from `now`.
    ///
    /// # Errors
    /// Everything that is wrong in the text or in the layers above it.
    pub fn parse(
        text: &str,
        file: &Path,
        flags: &Flags,
        environment: impl IntoIterator<Item = (String, String)>,
        now: SystemTime,
    ) -> Result<Configuration, ConfigurationError> {
        let sources = sources::Sources::new(Some(file), text, flags, environment);
        check::configuration(&sources, now).map(|(configuration, _)| configuration)
    }

    /// The user of this name.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }
}

/// A moment as the configuration writes it: RFC 3339, or a date.
///
/// # Errors
/// It is none.
pub fn moment(text: &str) -> Result<SystemTime, String> {
    value::moment(&toml::de::DeValue::String(text.into()))
}

/// A length of time as the configuration writes it: `90d`, `1h30m`.
///
/// # Errors
/// It is none.
pub fn duration(text: &str) -> Result<std::time::Duration, String> {
    value::duration(text)
}
