//! The server as a whole: bound sockets, one worker for each core, and the way to an orderly end.
//!
//! A worker is a thread with its own runtime, its own listening sockets and its own connections; workers share
//! nothing that is touched for each request.

use std::collections::HashMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwap;
use candor_semantics::head::Scheme;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{sleep, timeout};

use crate::drain::{Drain, Draining};
use crate::h1;
use crate::h2;
use crate::io::Io;
use crate::limits::Limits;
use crate::listen::{self, ListenAddress, Listeners, SocketFile};
use crate::peer::Peer;
use crate::proxy;
use crate::service::Service;
use crate::tls::{Protocol, Tls};

/// How long accepting rests when the system has no descriptors or memory left.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// Threads for waiting work (disks), for each worker.
const BLOCKING_THREADS: usize = 32;

/// Where to listen and with what.
pub struct Spec {
    /// The address.
    pub address: ListenAddress,
    /// Certificates, where the address wants TLS.
    pub tls: Option<Arc<Tls>>,
}

/// An address that is listened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Local {
    /// A TCP address.
    Tcp {
        /// Address and port, the real one where a free one was asked for.
        address: SocketAddr,
        /// Whether it is under TLS.
        scheme: Scheme,
    },
    /// A unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Local::Tcp { address, scheme } => write!(f, "{}://{address}", scheme.name()),
            Local::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Bound, not yet serving.
pub struct Server {
    workers: Vec<Vec<Listener>>,
    locals: Vec<Local>,
    files: Vec<SocketFile>,
}

/// One socket of one worker.
struct Listener {
    socket: Socket,
    tls: Option<Arc<Tls>>,
    /// Which of the specifications it comes from.
    spec: usize,
    /// Whether each connection begins with a header of the PROXY protocol.
    proxied: bool,
}

enum Socket {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
}

/// How the end went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were open when the word to drain came.
    pub open: usize,
    /// Those of them that had to be cut off.
    pub cut: usize,
}

impl Server {
    /// Binds every address for one worker on each core that this process may use.
    ///
    /// # Errors
    /// The first address that cannot be listened on, named in the error. Nothing is left bound then.
    pub fn bind(specs: Vec<Spec>) -> io::Result<Server> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Server::bind_for(specs, cores)
    }

    /// As [`Server::bind`], for a number of workers.
    ///
    /// # Errors
    /// As [`Server::bind`].
    pub fn bind_for(specs: Vec<Spec>, workers: usize) -> io::Result<Server> {
        let count = workers.max(1);
        let mut server = Server {
            workers: (0..count).map(|_| Vec::new()).collect(),
            locals: Vec::new(),
            files: Vec::new(),
        };
        for (number, spec) in specs.into_iter().enumerate() {
            if spec.address.secure && spec.tls.is_none() {
                let told = format!("cannot listen on {}: no certificate is configured for it", spec.address);
                return Err(io::Error::new(io::ErrorKind::InvalidInput, told));
            }
            let tls = spec.tls.filter(|_| spec.address.secure);
            for listeners in listen::bind(&spec.address.place, count)? {
                server.add(listeners, tls.as_ref(), number)?;
            }
        }
        Ok(server)
    }

    fn add(&mut self, listeners: Listeners, tls: Option<&Arc<Tls>>, spec: usize) -> io::Result<()> {
        let sockets: Vec<Socket> = match listeners {
            Listeners::Tcp(all) => {
                if let Some(first) = all.first() {
                    let scheme = if tls.is_some() { Scheme::Https } else { Scheme::Http };
                    self.locals.push(Local::Tcp { address: first.local_addr()?, scheme });
                }
                all.into_iter().map(Socket::Tcp).collect()
            }
            Listeners::Unix(all, file) => {
                let path = match (&file, all.first().and_then(|first| first.local_addr().ok())) {
                    (Some(file), _) => file.path().to_path_buf(),
                    (None, Some(address)) => address.as_pathname().unwrap_or(Path::new("")).to_path_buf(),
                    (None, None) => PathBuf::new(),
                };
                self.locals.push(Local::Unix(path));
                self.files.extend(file);
                all.into_iter().map(Socket::Unix).collect()
            }
        };
        for (worker, socket) in self.workers.iter_mut().zip(sockets) {
            worker.push(Listener { socket, tls: tls.cloned(), spec, proxied: false });
        }
        Ok(())
    }

    /// Expects the PROXY protocol (version 1 or 2) on every connection to the specification of this number: only
    /// proxies can reach it, and what they say of the client is believed.
    pub fn behind_proxy(&mut self, spec: usize) {
        for listener in self.workers.iter_mut().flatten().filter(|listener| listener.spec == spec) {
            listener.proxied = true;
        }
    }

    /// The addresses listened on.
    pub fn local_addrs(&self) -> &[Local] {
        &self.locals
    }

    /// Serves until `shutdown` is done, then drains: nothing new is accepted, idle connections close, busy ones
    /// finish what they began within `limits.drain_timeout`.
    ///
    /// # Errors
    /// A worker cannot be started.
    pub async fn run<S: Service>(
        self,
        service: Arc<S>,
        limits: Arc<ArcSwap<Limits>>,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<Drained> {
        let running = self.start(service, limits)?;
        shutdown.await;
        Ok(running.stop().await)
    }

    /// Starts the workers. They stop when [`Running`] is stopped or dropped.
    ///
    /// # Errors
    /// A thread or its runtime cannot be made.
    pub fn start<S: Service>(self, service: Arc<S>, limits: Arc<ArcSwap<Limits>>) -> io::Result<Running> {
        let gauge = Arc::new(Gauge::default());
        let (stop, _) = watch::channel(false);
        let mut workers = Vec::new();
        for (number, listeners) in self.workers.into_iter().enumerate() {
            let runtime = Builder::new_current_thread()
                .enable_io()
                .enable_time()
                .max_blocking_threads(BLOCKING_THREADS)
                .build()?;
            let (draining, drain) = Draining::new();
            let worker = Arc::new(Worker {
                service: Arc::clone(&service),
                limits: Arc::clone(&limits),
                gauge: Arc::clone(&gauge),
                open: AtomicUsize::new(0),
                emptied: Notify::new(),
                drain,
            });
            let (done, result) = oneshot::channel();
            let stopped = stop.subscribe();
            let thread = thread::Builder::new().name(format!("candor-{number}")).spawn(move || {
                // Nobody to tell is no reason to go on.
                let _ = done.send(work(runtime, listeners, &worker, &draining, stopped));
            })?;
            workers.push((thread, result));
        }
        Ok(Running { stop, workers, gauge, files: self.files })
    }
}

/// A server at work.
pub struct Running {
    stop: watch::Sender<bool>,
    workers: Vec<(JoinHandle<()>, oneshot::Receiver<Drained>)>,
    gauge: Arc<Gauge>,
    files: Vec<SocketFile>,
}

impl Running {
    /// Connections that are open now.
    pub fn connections(&self) -> usize {
        self.gauge.open.load(Ordering::Relaxed)
    }

    /// Connections that were closed unread because there were too many.
    pub fn refused(&self) -> u64 {
        self.gauge.refused.load(Ordering::Relaxed) as u64
    }

    /// Drains, and waits until that is done.
    pub async fn stop(self) -> Drained {
        self.stop.send_replace(true);
        let mut sum = Drained::default();
        for (thread, result) in self.workers {
            if let Ok(drained) = result.await {
                sum.open += drained.open;
                sum.cut += drained.cut;
            }
            // It has said its last word; a panic of it was printed where it happened.
            let _ = thread.join();
        }
        drop(self.files);
        sum
    }
}

/// Counts that all workers share; touched when a connection begins and ends.
#[derive(Debug, Default)]
struct Gauge {
    open: AtomicUsize,
    refused: AtomicUsize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// What the connections of one worker share.
struct Worker<S> {
    service: Arc<S>,
    limits: Arc<ArcSwap<Limits>>,
    gauge: Arc<Gauge>,
    open: AtomicUsize,
    emptied: Notify,
    drain: Drain,
}

/// A place among the connections; given back when it is dropped.
struct Admission<S: Service> {
    worker: Arc<Worker<S>>,
    counted: Option<IpAddr>,
}

impl<S: Service> Admission<S> {
    /// `None` where there are too many connections already, in all or from this address.
    fn new(worker: &Arc<Worker<S>>, limits: &Limits, ip: Option<IpAddr>) -> Option<Admission<S>> {
        let gauge = &worker.gauge;
        worker.open.fetch_add(1, Ordering::Relaxed);
        let open = gauge.open.fetch_add(1, Ordering::Relaxed);
        let mut admission = Admission { worker: Arc::clone(worker), counted: None };
        let mut admitted = open < limits.connections;
        if let (true, Some(ip), Some(most)) = (admitted, ip, limits.connections_per_address) {
            let mut by_address = gauge.by_address.lock().unwrap_or_else(PoisonError::into_inner);
            let count = by_address.entry(ip).or_insert(0);
            *count += 1;
            admission.counted = Some(ip);
            admitted = *count <= most;
        }
        if !admitted {
            gauge.refused.fetch_add(1, Ordering::Relaxed);
        }
        admitted.then_some(admission)
    }
}

impl<S: Service> Drop for Admission<S> {
    fn drop(&mut self) {
        let gauge = &self.worker.gauge;
        gauge.open.fetch_sub(1, Ordering::Relaxed);
        if let Some(ip) = self.counted {
            let mut by_address = gauge.by_address.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(count) = by_address.get_mut(&ip) {
                *count -= 1;
                if *count == 0 {
                    by_address.remove(&ip);
                }
            }
        }
        if self.worker.open.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.worker.emptied.notify_one();
        }
    }
}

/// A worker's life.
fn work<S: Service>(
    runtime: Runtime,
    listeners: Vec<Listener>,
    worker: &Arc<Worker<S>>,
    draining: &Draining,
    mut stopped: watch::Receiver<bool>,
) -> Drained {
    let drained = runtime.block_on(async {
        let (close, closed) = watch::channel(());
        let accepting: Vec<_> = listeners
            .into_iter()
            .map(|listener| tokio::spawn(accept(listener, Arc::clone(worker), closed.clone())))
            .collect();
        // An error means that nobody can say stop any more, which says it as well.
        let _ = stopped.wait_for(|stop| *stop).await;
        drop(close);
        for task in accepting {
            // The task only ends; there is nothing to learn from it.
            let _ = task.await;
        }
        draining.begin();
        let open = worker.open.load(Ordering::Relaxed);
        let patience = worker.limits.load().drain_timeout;
        let emptied = async {
            while worker.open.load(Ordering::Relaxed) > 0 {
                worker.emptied.notified().await;
            }
        };
        // Those that are still open after that time are cut off with the runtime.
        let _ = timeout(patience, emptied).await;
        Drained { open, cut: worker.open.load(Ordering::Relaxed) }
    });
    runtime.shutdown_background();
    drained
}

/// Accepts on one socket until it is told to stop; what already waits then is still accepted.
async fn accept<S: Service>(listener: Listener, worker: Arc<Worker<S>>, closed: watch::Receiver<()>) {
    match listener.socket {
        Socket::Tcp(socket) => {
            let Ok(socket) = TcpListener::from_std(socket) else { return };
            accept_tcp(socket, listener.tls, listener.proxied, &worker, closed).await;
        }
        Socket::Unix(socket) => {
            let Ok(socket) = UnixListener::from_std(socket) else { return };
            accept_unix(socket, listener.proxied, &worker, closed).await;
        }
    }
}

/// The next connection; `None` when it is time to stop and none waits.
async fn next<T>(
    closed: &mut watch::Receiver<()>,
    mut accept: impl FnMut(&mut Context<'_>) -> Poll<io::Result<T>>,
) -> Option<T> {
    loop {
        let accepted = tokio::select! {
            biased;
            accepted = poll_fn(&mut accept) => accepted,
            _ = closed.changed() => return None,
        };
        match accepted {
            Ok(connection) => return Some(connection),
            Err(error) if is_exhausted(&error) => sleep(EXHAUSTED).await,
            // The connection was gone before it was accepted.
            Err(_) => {}
        }
    }
}

fn is_exhausted(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}

async fn accept_tcp<S: Service>(
    socket: TcpListener,
    tls: Option<Arc<Tls>>,
    proxied: bool,
    worker: &Arc<Worker<S>>,
    mut closed: watch::Receiver<()>,
) {
    // Asked of each connection only where the socket's own address does not tell.
    let local = socket.local_addr().ok().filter(|address| !address.ip().is_unspecified());
    while let Some((stream, address)) = next(&mut closed, |cx| socket.poll_accept(cx)).await {
        let limits = worker.limits.load_full();
        let Some(admission) = Admission::new(worker, &limits, Some(address.ip())) else { continue };
        let local = local.or_else(|| stream.local_addr().ok());
        let mut peer = Peer { address: Some(address), local, scheme: Scheme::Http, server_name: None };
        match &tls {
            _ if proxied => drop(tokio::spawn(behind_proxy(stream, peer, tls.clone(), limits, admission))),
            None => drop(tokio::spawn(plain(Io::Tcp(stream), peer, limits, admission))),
            Some(tls) => {
                peer.scheme = Scheme::Https;
                drop(tokio::spawn(secure(stream, peer, Arc::clone(tls), limits, admission)));
            }
        }
    }
}

async fn accept_unix<S: Service>(
    socket: UnixListener,
    proxied: bool,
    worker: &Arc<Worker<S>>,
    mut closed: watch::Receiver<()>,
) {
    while let Some((stream, _)) = next(&mut closed, |cx| socket.poll_accept(cx)).await {
        let limits = worker.limits.load_full();
        let Some(admission) = Admission::new(worker, &limits, None) else { continue };
        let peer = Peer { address: None, local: None, scheme: Scheme::Http, server_name: None };
        if proxied {
            drop(tokio::spawn(local_behind_proxy(stream, peer, limits, admission)));
        } else {
            drop(tokio::spawn(plain(Io::Unix(stream), peer, limits, admission)));
        }
    }
}

/// A connection that a proxy hands on.
async fn behind_proxy<S: Service>(
    mut stream: TcpStream,
    mut peer: Peer,
    tls: Option<Arc<Tls>>,
    limits: Arc<Limits>,
    admission: Admission<S>,
) {
    let read = timeout(limits.head_timeout, proxy::read(&mut stream, &mut peer));
    if !matches!(Box::pin(read).await, Ok(Ok(()))) {
        return;
    }
    match tls {
        None => plain(Io::Tcp(stream), peer, limits, admission).await,
        Some(tls) => {
            peer.scheme = Scheme::Https;
            secure(stream, peer, tls, limits, admission).await;
        }
    }
}

/// The same over a unix socket.
async fn local_behind_proxy<S: Service>(
    mut stream: UnixStream,
    mut peer: Peer,
    limits: Arc<Limits>,
    admission: Admission<S>,
) {
    let read = timeout(limits.head_timeout, proxy::read(&mut stream, &mut peer));
    if matches!(Box::pin(read).await, Ok(Ok(()))) {
        plain(Io::Unix(stream), peer, limits, admission).await;
    }
}

/// Serves one connection that somebody else accepted, HTTP/1.x only, to its end: for tests, and for programs that
/// have a socket of their own.
pub async fn converse<S: Service>(
    stream: UnixStream,
    service: &S,
    peer: &Arc<Peer>,
    limits: Arc<Limits>,
    drain: Drain,
) {
    drop(h1::serve(Io::Unix(stream), service, peer, limits, drain).await);
}

/// A connection without TLS: HTTP/1.x, or HTTP/2 by prior knowledge.
async fn plain<S: Service>(io: Io, peer: Peer, limits: Arc<Limits>, admission: Admission<S>) {
    let worker = &admission.worker;
    let peer = Arc::new(peer);
    let drain = worker.drain.clone();
    let handover = h1::serve(io, &*worker.service, &peer, Arc::clone(&limits), drain).await;
    if let Some(h1::Handover { io, read }) = handover {
        let (service, drain) = (Arc::clone(&worker.service), worker.drain.clone());
        match io {
            Io::Tcp(stream) => Box::pin(h2::serve(stream, read, service, peer, limits, drain)).await,
            Io::Unix(stream) => Box::pin(h2::serve(stream, read, service, peer, limits, drain)).await,
            Io::Tls(_) => {}
        }
    }
}

/// A connection under TLS; its version is agreed upon in the handshake.
async fn secure<S: Service>(
    stream: TcpStream,
    mut peer: Peer,
    tls: Arc<Tls>,
    limits: Arc<Limits>,
    admission: Admission<S>,
) {
    let worker = &admission.worker;
    let Ok(accepted) = Box::pin(tls.accept(stream, limits.head_timeout)).await else { return };
    drop(tls);
    peer.server_name = accepted.server_name;
    let (peer, drain) = (Arc::new(peer), worker.drain.clone());
    match accepted.protocol {
        Protocol::Http1 => {
            let io = Io::Tls(Box::new(accepted.stream));
            Box::pin(h1::serve(io, &*worker.service, &peer, limits, drain)).await;
        }
        Protocol::Http2 => {
            let service = Arc::clone(&worker.service);
            Box::pin(h2::serve(accepted.stream, Default::default(), service, peer, limits, drain)).await;
        }
    }
}
