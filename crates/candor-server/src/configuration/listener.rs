//! Where candor listens, and which peers it believes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// One place to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The address.
    pub address: ListenAddress,
    /// Whether connections are under TLS.
    pub tls: bool,
    /// Whether connections begin with a PROXY protocol header; then its word is believed.
    pub proxy_protocol: bool,
}

/// The address of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// TCP; port 0 takes a free one.
    Tcp(SocketAddr),
    /// A unix socket, absolute path.
    Unix(PathBuf),
    /// A listening socket inherited under this descriptor number (`fd:3`).
    Inherited(u16),
}

impl Listener {
    /// Whether strangers can read what passes here: neither TLS nor this machine only. Inherited sockets are
    /// the business of whoever opened them.
    pub fn is_cleartext_off_loopback(&self) -> bool {
        match &self.address {
            ListenAddress::Tcp(address) => !self.tls && !address.ip().to_canonical().is_loopback(),
            ListenAddress::Unix(_) | ListenAddress::Inherited(_) => false,
        }
    }

    /// Whether this listener and another cannot both be opened.
    pub(super) fn clashes_with(&self, other: &Listener) -> bool {
        match (&self.address, &other.address) {
            (ListenAddress::Tcp(a), ListenAddress::Tcp(b)) => a == b && a.port() != 0,
            (a, b) => a == b,
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        match &self.address {
            ListenAddress::Tcp(address) => write!(f, "{scheme}://{address}"),
            ListenAddress::Unix(path) => write!(f, "unix:{}", path.display()),
            ListenAddress::Inherited(number) => write!(f, "fd:{number}"),
        }
    }
}

/// Reads `HOST:PORT`, `http://…`, `https://…`, `unix:PATH` or `fd:N`. The path of a unix socket is as written.
pub(super) fn listener(text: &str, bare_is_tls: bool) -> Result<Listener, String> {
    let plain = |address| Listener { address, tls: false, proxy_protocol: false };
    if let Some(path) = text.strip_prefix("unix:") {
        return match path {
            "" => Err("a unix socket needs a path, such as unix:/run/candor.sock".to_owned()),
            path => Ok(plain(ListenAddress::Unix(PathBuf::from(path)))),
        };
    }
    if let Some(number) = text.strip_prefix("fd:") {
        return number
            .parse()
            .map(|number| plain(ListenAddress::Inherited(number)))
            .map_err(|_| format!("{number:?} is not the number of a descriptor"));
    }
    let (tls, address) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(address), _) => (true, address),
        (_, Some(address)) => (false, address),
        _ => (bare_is_tls, text),
    };
    let address = socket(address.strip_suffix('/').unwrap_or(address))
        .ok_or_else(|| format!("{text:?} is not a place to listen; {}", advice(address)))?;
    Ok(Listener { address: ListenAddress::Tcp(address), tls, proxy_protocol: false })
}

fn socket(text: &str) -> Option<SocketAddr> {
    if let Some(port) = text.strip_prefix("localhost:") {
        return Some(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port.parse().ok()?));
    }
    text.parse().ok()
}

fn advice(address: &str) -> String {
    if address.parse::<IpAddr>().is_ok() {
        return format!("it needs a port, such as \"{}:8080\"", bracketed(address));
    }
    let port = address.trim_start_matches([':', '*']);
    if let Ok(port) = port.parse::<u16>() {
        return format!(
            "write \"0.0.0.0:{port}\" for every address of this machine, or \"127.0.0.1:{port}\" for this machine only"
        );
    }
    "write an IP address and a port, such as \"127.0.0.1:8080\" or \"https://0.0.0.0:443\", \
     or \"unix:/run/candor.sock\""
        .to_owned()
}

fn bracketed(address: &str) -> String {
    if address.contains(':') { format!("[{address}]") } else { address.to_owned() }
}

/// A block of IP addresses (RFC 4632 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The first address of the block.
    pub address: IpAddr,
    /// How many leading bits count.
    pub bits: u8,
}

impl Network {
    /// Whether the block holds an address. IPv4 addresses mapped into IPv6 count as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(block), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                block.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(block), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                block.to_bits() & mask == address.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// Reads `10.0.0.0/8`, `::1` and the like.
pub(super) fn network(text: &str) -> Result<Network, String> {
    let wrong = || format!("{text:?} is not an address or a block of addresses such as \"10.0.0.0/8\"");
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        Some(bits) => bits.parse::<u8>().ok().filter(|bits| *bits <= most).ok_or_else(wrong)?,
        None => most,
    };
    Ok(Network { address, bits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_to_listen() {
        for (text, meant) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("localhost:80", "http://127.0.0.1:80"),
            ("https://0.0.0.0:443", "https://0.0.0.0:443"),
            ("http://[::1]:0/", "http://[::1]:0"),
            ("unix:/run/candor.sock", "unix:/run/candor.sock"),
            ("fd:3", "fd:3"),
        ] {
            assert_eq!(listener(text, false).map(|l| l.to_string()), Ok(meant.to_owned()), "{text}");
        }
        assert_eq!(listener("[::]:443", true).map(|l| l.tls), Ok(true));
        assert_eq!(listener("http://[::]:80", true).map(|l| l.tls), Ok(false));
        for text in [
            "",
            "8080",
            ":8080",
            "*:80",
            "example.org:80",
            "1.2.3.4",
            "::1",
            "unix:",
            "fd:x",
            "ftp://1.2.3.4:1",
        ] {
            assert!(listener(text, false).is_err(), "{text}");
        }
        assert!(listener(":80", false).is_err_and(|e| e.contains("0.0.0.0:80")));
        assert!(listener("::1", false).is_err_and(|e| e.contains("[::1]:8080")));
    }

    #[test]
    fn blocks_hold_their_addresses() {
        for (block, address, inside) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("0.0.0.0/0", "200.1.1.1", true),
            ("0.0.0.0/0", "::2", false),
            ("::1", "::1", true),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe80::1", false),
            ("::/0", "fe80::1", true),
        ] {
            let block = network(block).unwrap();
            assert_eq!(block.contains(address.parse().unwrap()), inside, "{block} {address}");
        }
        for text in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/", "10.0.0.0/-1", "example.org"] {
            assert!(network(text).is_err(), "{text}");
        }
    }
}
