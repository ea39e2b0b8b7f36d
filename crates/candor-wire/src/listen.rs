//! Listening sockets: their addresses as people write them, binding with plain errors, and sharing a port between
//! the workers.

use std::fmt;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Where to listen, and whether TLS is spoken there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    /// The place.
    pub place: Place,
    /// Whether connections are under TLS.
    pub secure: bool,
}

/// A place where connections arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Host and port; a name stands for each of its addresses, port 0 for a free one.
    Tcp(String),
    /// The path of a unix socket.
    Unix(PathBuf),
    /// A listening socket, TCP or unix, that the starter hands over under this descriptor number, 3 or more
    /// (`LISTEN_FDS`).
    Inherited(u16),
}

/// Not an address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadAddress(String);

impl fmt::Display for BadAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\"{}\" is no address to listen on; write HOST:PORT, https://HOST:PORT or unix:/path/to/socket",
            self.0
        )
    }
}

impl std::error::Error for BadAddress {}

impl FromStr for ListenAddress {
    type Err = BadAddress;

    /// Reads `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, `http://…`, `https://…` or `unix:/path`.
    fn from_str(text: &str) -> Result<ListenAddress, BadAddress> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            let place = Place::Unix(PathBuf::from(path));
            return if path.is_empty() {
                Err(BadAddress(text.into()))
            } else {
                Ok(ListenAddress { place, secure: false })
            };
        }
        let (secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => (false, text),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        match rest.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                Ok(ListenAddress { place: Place::Tcp(rest.into()), secure })
            }
            _ => Err(BadAddress(text.into())),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Unix(path) => write!(f, "unix:{}", path.display()),
            Place::Inherited(number) => write!(f, "fd:{number}"),
            Place::Tcp(address) if self.secure => write!(f, "https://{address}"),
            Place::Tcp(address) => write!(f, "http://{address}"),
        }
    }
}

/// A bound socket, once for each worker.
#[derive(Debug)]
pub(crate) enum Listeners {
    /// Sockets that share an address; the system spreads connections over them.
    Tcp(Vec<TcpListener>),
    /// Copies of one socket; whoever comes first takes the connection.
    Unix(Vec<UnixListener>, Option<SocketFile>),
}

/// Binds an address for so many workers; a name may stand for several.
///
/// # Errors
/// Names the address and what the system says.
pub(crate) fn bind(place: &Place, workers: usize) -> io::Result<Vec<Listeners>> {
    match place {
        Place::Unix(path) => Ok(vec![bind_unix(path, workers)?]),
        Place::Inherited(number) => {
            let taken = inherited(*number, workers).map_err(|e| named(&format!("fd:{number}"), &e))?;
            Ok(vec![taken])
        }
        Place::Tcp(address) => {
            let addresses = address.to_socket_addrs().map_err(|e| named(address, &e))?;
            addresses
                .map(|a| tcp(a, workers).map(Listeners::Tcp).map_err(|e| named(&a.to_string(), &e)))
                .collect()
        }
    }
}

fn named(address: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
}

/// The first socket is bound alone, so that an address that somebody else uses is an error even where that one
/// would share it; only then is it opened to the other workers.
fn tcp(address: SocketAddr, workers: usize) -> io::Result<Vec<TcpListener>> {
    let first = tcp_socket(address)?;
    first.bind(&address.into())?;
    if workers > 1 {
        first.set_reuse_port(true)?;
    }
    first.listen(BACKLOG)?;
    let first = TcpListener::from(first);
    let address = first.local_addr()?;
    let mut all = vec![first];
    for _ in 1..workers {
        let next = tcp_socket(address)?;
        next.set_reuse_port(true)?;
        next.bind(&address.into())?;
        next.listen(BACKLOG)?;
        all.push(next.into());
    }
    Ok(all)
}

/// A socket from the starter, copied for each worker: whoever comes first takes the connection.
fn inherited(number: u16, workers: usize) -> io::Result<Listeners> {
    const FIRST: u16 = 3;
    let missing = || io::Error::new(io::ErrorKind::NotFound, "no such socket was handed over (LISTEN_FDS)");
    let place = usize::from(number.checked_sub(FIRST).ok_or_else(missing)?);
    let mut given = listenfd::ListenFd::from_env();
    // A socket of the other kind is an error and stays where it is.
    if let Ok(unix) = given.take_unix_listener(place) {
        let unix = unix.ok_or_else(missing)?;
        unix.set_nonblocking(true)?;
        return Ok(Listeners::Unix(copies(unix, workers, UnixListener::try_clone)?, None));
    }
    let tcp = given.take_tcp_listener(place)?.ok_or_else(missing)?;
    tcp.set_nonblocking(true)?;
    socket2::SockRef::from(&tcp).set_tcp_nodelay(true)?;
    Ok(Listeners::Tcp(copies(tcp, workers, TcpListener::try_clone)?))
}

/// A socket and its copies, as many as there are workers.
fn copies<T>(first: T, workers: usize, copy: impl Fn(&T) -> io::Result<T>) -> io::Result<Vec<T>> {
    let mut all = (1..workers).map(|_| copy(&first)).collect::<io::Result<Vec<T>>>()?;
    all.push(first);
    Ok(all)
}

fn tcp_socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    // Accepted sockets inherit it.
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn bind_unix(path: &Path, workers: usize) -> io::Result<Listeners> {
    let bound = || -> io::Result<(Vec<UnixListener>, SocketFile)> {
        make_way(path)?;
        let first = UnixListener::bind(path)?;
        let file = SocketFile::new(path)?;
        first.set_nonblocking(true)?;
        Ok((copies(first, workers, UnixListener::try_clone)?, file))
    };
    let (all, file) = bound().map_err(|e| named(&format!("unix:{}", path.display()), &e))?;
    Ok(Listeners::Unix(all, Some(file)))
}

/// Removes a socket that nobody listens on any more; anything else at the path stays.
fn make_way(path: &Path) -> io::Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "something that is no socket is there"));
    }
    match UnixStream::connect(path) {
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        _ => Err(io::ErrorKind::AddrInUse.into()),
    }
}

/// The file of a unix socket, removed at the end if it is still ours.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn new(path: &Path) -> io::Result<SocketFile> {
        let found = fs::symlink_metadata(path)?;
        Ok(SocketFile { path: path.into(), device: found.dev(), inode: found.ino() })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode));
        if ours {
            // Somebody may have been faster; then there is nothing left to do.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Option<(Place, bool)> {
        text.parse::<ListenAddress>().ok().map(|a| (a.place, a.secure))
    }

    #[test]
    fn addresses_as_people_write_them() {
        let tcp = |text: &str, secure| Some((Place::Tcp(text.into()), secure));
        assert_eq!(place("127.0.0.1:0"), tcp("127.0.0.1:0", false));
        assert_eq!(place("https://0.0.0.0:443"), tcp("0.0.0.0:443", true));
        assert_eq!(place("http://[::1]:80/"), tcp("[::1]:80", false));
        assert_eq!(place("unix:/run/c.sock"), Some((Place::Unix("/run/c.sock".into()), false)));
        for text in ["", "8080", ":8080", "localhost", "a:b", "a:70000", "unix:", "ftp://a:b"] {
            assert_eq!(place(text), None, "{text}");
        }
        assert_eq!("https://a:1".parse::<ListenAddress>().unwrap().to_string(), "https://a:1");
    }

    #[test]
    fn a_port_is_shared_by_our_workers_and_nobody_else() {
        for workers in [1, 3] {
            let sockets = tcp("127.0.0.1:0".parse().unwrap(), workers).unwrap();
            assert_eq!(sockets.len(), workers);
            let address = sockets[0].local_addr().unwrap();
            assert!(sockets.iter().all(|s| s.local_addr().unwrap() == address));
            let again = tcp(address, workers).unwrap_err();
            assert_eq!(again.kind(), io::ErrorKind::AddrInUse);
            let told = bind(&Place::Tcp(address.to_string()), workers).unwrap_err().to_string();
            assert!(told.contains(&address.to_string()), "{told}");
        }
    }

    #[test]
    fn a_stale_socket_makes_way_and_a_live_one_does_not() {
        let path = std::env::temp_dir().join(format!("candor-listen-{}.sock", std::process::id()));
        let _ = fs::remove_file(&path);
        drop(UnixListener::bind(&path).unwrap());
        let bound = bind_unix(&path, 2).unwrap();
        assert_eq!(bind_unix(&path, 1).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(bound);
        assert!(!path.exists());
        fs::write(&path, "kept").unwrap();
        assert_eq!(bind_unix(&path, 1).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        fs::remove_file(&path).unwrap();
    }
}
