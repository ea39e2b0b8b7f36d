//! `candor serve`.

use std::path::{Path, PathBuf};

use candor_server::configuration::{Author, Configuration, ConfigurationError, Flags};

use crate::author;
use crate::cli::Serve;
use crate::exit::{Exit, Failure};

/// Reads the configuration and serves until told to stop.
pub(crate) fn run(options: &Serve) -> Result<(), Failure> {
    let source = Source::of(options)?;
    let configuration = source.read().map_err(|error| Failure::new(Exit::Usage, error))?;
    for notice in &configuration.notices {
        eprintln!("candor: {notice}");
    }
    candor_server::serve(configuration, || source.read())
        .map_err(|error| Failure::new(Exit::Usage, error.to_string()))
}

/// Where the configuration comes from, to be read at start and again at SIGHUP.
struct Source {
    file: Option<PathBuf>,
    flags: Flags,
    authors: Vec<Author>,
}

impl Source {
    fn of(options: &Serve) -> Result<Source, Failure> {
        if options.folder.is_none() && options.config.is_none() && Path::new("candor.toml").exists() {
            // Guessing either way would hurt: serving this folder would publish the file, and a file that came
            // with somebody's folder should not be obeyed unasked.
            let message = "there is a candor.toml here; say `--config candor.toml` to serve by it, \
                           or name the folder to serve";
            return Err(Failure::new(Exit::Usage, message));
        }
        let folder = match (&options.folder, &options.config) {
            (None, None) => Some(PathBuf::from(".")),
            (folder, _) => folder.clone(),
        };
        let flags = Flags {
            folder,
            listen: options.listen.clone(),
            state: options.state.clone(),
            access_log: options.access_log.clone(),
            tls_cert: options.tls_cert.clone(),
            tls_key: options.tls_key.clone(),
            listing: options.no_listing.then_some(false),
        };
        Ok(Source { file: options.config.clone(), flags, authors: author::authors(&options.author)? })
    }

    fn read(&self) -> Result<Configuration, String> {
        self.read_file().map_err(|error| error.to_string())?.with_authors(&self.authors)
    }

    fn read_file(&self) -> Result<Configuration, ConfigurationError> {
        match (&self.file, &self.flags.folder) {
            (Some(file), _) => Configuration::load(file, &self.flags, environment()),
            (None, Some(folder)) => Configuration::for_folder(folder, &self.flags, environment()),
            (None, None) => Configuration::for_folder(Path::new("."), &self.flags, environment()),
        }
    }
}

/// The environment, without what is not text.
pub(crate) fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
