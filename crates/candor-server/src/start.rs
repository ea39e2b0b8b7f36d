//! Starting, reloading and stopping: from a configuration to a running server and back.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use candor_wire::limits::Limits;
use candor_wire::listen::{ListenAddress, Place};
use candor_wire::run::{Local, Running, Spec};
use candor_wire::tls::{CertificateFiles, Certificates, Tls};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::access_log::AccessLog;
use crate::admin_key::AdminKey;
use crate::configuration::{self, Configuration};
use crate::metrics::{Measure, Metrics};
use crate::report;
use crate::server::Server;
use crate::world::World;

/// Why serving could not begin, in one line that names the thing and what to do.
#[derive(Debug)]
pub struct ServeError(String);

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ServeError {}

impl ServeError {
    fn of(doing: &str, error: impl fmt::Display) -> ServeError {
        ServeError(format!("{doing}: {error}"))
    }
}

/// Serves until SIGTERM or SIGINT, then drains. SIGHUP reads the configuration again by `again`; one that cannot be
/// used changes nothing. SIGUSR1 opens the access log anew.
///
/// # Errors
/// Something the configuration names cannot be had: a folder, a certificate, an address. Nothing is left started.
pub fn serve(
    configuration: Configuration,
    again: impl Fn() -> Result<Configuration, String>,
) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| ServeError::of("cannot start", error))?;
    runtime.block_on(Start::of(configuration)?.run(again))
}

/// How often what is remembered of files that are gone is let go.
const TIDY: Duration = Duration::from_secs(10);

/// Everything that a start has put together.
struct Start {
    server: Arc<Server>,
    metrics: Arc<Metrics>,
    running: Running,
    limits: Arc<ArcSwap<Limits>>,
    /// Lines that access logs could not write, over all reloads.
    lost: Arc<AtomicU64>,
    tls: Option<Arc<Tls>>,
}

impl Start {
    fn of(configuration: Configuration) -> Result<Start, ServeError> {
        raise_descriptors();
        let tls = tls(&configuration)?;
        let lost = Arc::new(AtomicU64::new(0));
        let log = open_log(&configuration, &lost)?;
        let metrics = Arc::new(Metrics::new());
        let limits = Arc::new(ArcSwap::from_pointee(wire_limits(&configuration)));
        let bound = candor_wire::run::Server::bind(specs(&configuration, tls.as_ref())?)
            .map_err(|error| ServeError(error.to_string()))?;
        let locals = bound.local_addrs().to_vec();
        let key = admin_key(&configuration, &locals)?;
        let mut world = World::open(configuration, metrics.clone()).map_err(|e| ServeError(e.to_string()))?;
        announce(&world.configuration, &locals);
        world.https_port = https_port(&locals);
        let server = Arc::new(Server::new(world, log, metrics.clone(), key));
        observe(&metrics, &server, &lost);
        let running = bound
            .start(server.clone(), limits.clone())
            .map_err(|error| ServeError::of("cannot start the workers", error))?;
        Ok(Start { server, metrics, running, limits, lost, tls })
    }

    async fn run(self, again: impl Fn() -> Result<Configuration, String>) -> Result<(), ServeError> {
        let mut terminate = on(SignalKind::terminate())?;
        let mut interrupt = on(SignalKind::interrupt())?;
        let mut hangup = on(SignalKind::hangup())?;
        let mut reopen = on(SignalKind::user_defined1())?;
        let mut tidy = tokio::time::interval(TIDY);
        loop {
            tokio::select! {
                _ = tidy.tick() => self.server.world().sites.iter().for_each(|site| site.folder.tidy()),
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hangup.recv() => match self.reload(&again) {
                    Ok(()) => report::note("the configuration was read again and is in force"),
                    Err(error) => report::error(&format!("the configuration stays as it was: {error}")),
                },
                _ = reopen.recv() => self.server.reopen_log(),
            }
        }
        report::note(
            "stopping: requests at work are finished, nothing new is taken (once more to stop at once)",
        );
        let drained = tokio::select! {
            drained = self.running.stop() => drained,
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        };
        if drained.cut > 0 {
            report::warn(&format!("{} of {} open connections had to be cut off", drained.cut, drained.open));
        }
        Ok(())
    }

    /// Puts a new configuration in force, all of it or nothing. Listeners stay as they are.
    fn reload(&self, again: &impl Fn() -> Result<Configuration, String>) -> Result<(), ServeError> {
        let configuration = again().map_err(ServeError)?;
        let held = self.server.world();
        if configuration.listeners != held.configuration.listeners {
            report::warn("addresses to listen on change only at a restart; the old ones stay");
        }
        let certificates = certificates(&configuration)?;
        let log = match configuration.access_log == held.configuration.access_log {
            true => None,
            false => Some(open_log(&configuration, &self.lost)?),
        };
        let limits = wire_limits(&configuration);
        let mut world = World::open(configuration, self.metrics.clone())
            .map_err(|error| ServeError(error.to_string()))?;
        world.https_port = held.https_port;
        if let (Some(tls), Some(certificates)) = (&self.tls, certificates) {
            tls.reload(certificates).map_err(|error| ServeError::of("cannot use the certificates", error))?;
        }
        self.limits.store(Arc::new(limits));
        self.server.replace(world);
        match log {
            Some(log) => self.server.replace_log(log),
            None => self.server.reopen_log(),
        }
        Ok(())
    }
}

/// Lets the metrics look at what the server counts itself. The server holds the metrics, so not the other way
/// round.
fn observe(metrics: &Metrics, server: &Arc<Server>, lost: &Arc<AtomicU64>) {
    let lost = lost.clone();
    metrics.observe(Measure::LogLinesLost, move || lost.load(Ordering::Relaxed));
    let look = |read: fn(&Server) -> usize| {
        let server = Arc::downgrade(server);
        move || server.upgrade().map_or(0, |server| read(&server) as u64)
    };
    metrics.observe(Measure::InFlight, look(Server::in_flight));
    metrics.observe(Measure::Waiting, look(Server::waiting));
}

/// Takes as many descriptors as this process may have: connections and open files both want them.
fn raise_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Without the right to it, the old limit stays.
    let _ = setrlimit(Resource::Nofile, limit);
}

fn on(kind: SignalKind) -> Result<Signal, ServeError> {
    signal(kind).map_err(|error| ServeError::of("cannot listen to signals", error))
}

// ---- what the wire needs -------------------------------------------------------------------------------------

fn specs(configuration: &Configuration, tls: Option<&Arc<Tls>>) -> Result<Vec<Spec>, ServeError> {
    let mut specs = Vec::new();
    for listener in &configuration.listeners {
        let place = match &listener.address {
            configuration::ListenAddress::Tcp(address) => Place::Tcp(address.to_string()),
            configuration::ListenAddress::Unix(path) => Place::Unix(path.clone()),
            configuration::ListenAddress::Inherited(number) => Place::Inherited(*number),
        };
        specs.push(Spec { address: ListenAddress { place, secure: listener.tls }, tls: tls.cloned() });
    }
    Ok(specs)
}

fn wire_limits(configuration: &Configuration) -> Limits {
    let limits = &configuration.limits;
    Limits {
        connections: limits.connections,
        head_timeout: limits.head_timeout,
        body_timeout: limits.body_timeout,
        idle_timeout: limits.idle_timeout,
        head_size: limits.head_size,
        target_size: limits.target_size,
        ..Limits::default()
    }
}

fn certificates(configuration: &Configuration) -> Result<Option<Certificates>, ServeError> {
    let files: Vec<CertificateFiles> = configuration
        .sites
        .iter()
        .filter_map(|site| {
            let tls = site.tls.as_ref()?;
            Some(CertificateFiles {
                certificate: tls.cert.clone(),
                key: tls.key.clone(),
                hosts: site.hosts.iter().map(ToString::to_string).collect(),
            })
        })
        .collect();
    if files.is_empty() {
        return Ok(None);
    }
    let certificates = Certificates::load(&files).map_err(|error| ServeError(error.to_string()))?;
    for warning in certificates.warnings() {
        report::warn(&warning.to_string());
    }
    Ok(Some(certificates))
}

fn tls(configuration: &Configuration) -> Result<Option<Arc<Tls>>, ServeError> {
    let Some(certificates) = certificates(configuration)? else { return Ok(None) };
    Tls::new(certificates)
        .map(|tls| Some(Arc::new(tls)))
        .map_err(|error| ServeError::of("cannot use the certificates", error))
}

fn https_port(locals: &[Local]) -> Option<u16> {
    locals.iter().find_map(|local| match local {
        Local::Tcp { address, scheme: candor_semantics::head::Scheme::Https } => Some(address.port()),
        _ => None,
    })
}

// ---- what people see -----------------------------------------------------------------------------------------

fn open_log(configuration: &Configuration, lost: &Arc<AtomicU64>) -> Result<Option<AccessLog>, ServeError> {
    let Some(log) = &configuration.access_log else { return Ok(None) };
    let place = log.file.as_deref().unwrap_or(Path::new("the standard output"));
    AccessLog::open_counting(log, lost.clone())
        .map(Some)
        .map_err(|error| ServeError(format!("cannot write the access log to {}: {error}", place.display())))
}

/// Says what is served, where, and how to stop.
fn announce(configuration: &Configuration, locals: &[Local]) {
    let at: Vec<String> = locals.iter().map(ToString::to_string).collect();
    for site in &configuration.sites {
        let hosts: Vec<String> = site.hosts.iter().map(ToString::to_string).collect();
        let hosts = if hosts.is_empty() { String::new() } else { format!(" as {}", hosts.join(", ")) };
        report::note(&format!("candor serves {}{hosts} at {}", site.root.display(), at.join(" and ")));
    }
    let written = |route: &configuration::Route| {
        matches!(route.what, configuration::RouteKind::Documents(_)) && route.access.write.is_some()
    };
    match configuration.sites.iter().any(|site| site.routes.iter().any(written)) {
        true => report::note("documents can be read, and written where the configuration says; Ctrl-C stops"),
        false => report::note("documents can be read, not written; Ctrl-C stops"),
    }
}

/// The admin key, left in the state folder and in the user's runtime folder.
fn admin_key(configuration: &Configuration, locals: &[Local]) -> Result<AdminKey, ServeError> {
    let mut key = AdminKey::new().map_err(|error| ServeError::of("cannot make the admin key", error))?;
    if let Some(state) = &configuration.state
        && let Err(error) = leave_in_state(&mut key, state)
    {
        report::warn(&format!("the admin key cannot be left in {}: {error}", state.display()));
    }
    for local in locals {
        if let Local::Tcp { address, .. } = local
            && let Err(error) = key.leave_for(*address)
        {
            report::warn(&format!(
                "the admin key for {address} cannot be left in the runtime folder: {error}"
            ));
        }
    }
    Ok(key)
}

fn leave_in_state(key: &mut AdminKey, state: &Path) -> io::Result<PathBuf> {
    std::fs::create_dir_all(state)?;
    key.leave(state.join("admin.key"))
}
