//! The PROXY protocol, versions 1 and 2, as HAProxy's specification (2.3 of 2020) describes it: a trusted proxy
//! says at the start of a connection whose it is.
//!
//! Where it is expected it must be there; a connection that begins with anything else is closed, because nobody
//! knows whose it is.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use candor_semantics::head::Scheme;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::peer::Peer;

/// What version 2 begins with; as long as the shortest thing that version 1 can begin with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The longest line of version 1, in bytes, its end included.
const LINE: usize = 107;

/// The longest addresses and extensions of version 2 that are read, in bytes.
const EXTENSIONS: usize = 4096;

/// The extension that tells of TLS between client and proxy.
const TLS: u8 = 0x20;

/// Whose a connection is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Told {
    /// Client, and the address it connected to; `None` where the proxy speaks for itself.
    addresses: Option<(SocketAddr, SocketAddr)>,
    /// Whether the client came over TLS.
    secure: bool,
}

/// Reads the header and not a byte more; what it says replaces what the socket said.
///
/// # Errors
/// What comes is no such header, or ends too early.
pub(crate) async fn read<IO: AsyncRead + Unpin>(io: &mut IO, peer: &mut Peer) -> io::Result<()> {
    let mut start = [0; SIGNATURE.len()];
    io.read_exact(&mut start).await?;
    let told = if start == *SIGNATURE { read_binary(io).await? } else { read_line(io, &start).await? };
    let told = told.ok_or(io::ErrorKind::InvalidData)?;
    if let Some((client, local)) = told.addresses {
        (peer.address, peer.local) = (Some(client), Some(local));
    }
    if told.secure {
        peer.scheme = Scheme::Https;
    }
    Ok(())
}

async fn read_line<IO: AsyncRead + Unpin>(io: &mut IO, start: &[u8]) -> io::Result<Option<Told>> {
    let mut line = start.to_vec();
    // What does not begin like the header is not waited for any longer.
    while line.starts_with(b"PROXY ") && !line.ends_with(b"\n") && line.len() < LINE {
        line.push(io.read_u8().await?);
    }
    Ok(parse_line(&line))
}

/// `PROXY TCP4 client local port port`, or `PROXY UNKNOWN` and anything.
fn parse_line(line: &[u8]) -> Option<Told> {
    let line = std::str::from_utf8(line.strip_suffix(b"\r\n")?).ok()?.strip_prefix("PROXY ")?;
    if line == "UNKNOWN" || line.starts_with("UNKNOWN ") {
        return Some(Told::default());
    }
    let words: Vec<&str> = line.split(' ').collect();
    let [family, client, local, client_port, local_port] = words[..] else { return None };
    let address = |ip: &str, port: &str| {
        let ip: IpAddr = ip.parse().ok()?;
        (ip.is_ipv4() == (family == "TCP4")).then_some(SocketAddr::new(ip, port.parse().ok()?))
    };
    let addresses = (address(client, client_port)?, address(local, local_port)?);
    matches!(family, "TCP4" | "TCP6").then_some(Told { addresses: Some(addresses), secure: false })
}

async fn read_binary<IO: AsyncRead + Unpin>(io: &mut IO) -> io::Result<Option<Told>> {
    let (command, family, length) = (io.read_u8().await?, io.read_u8().await?, io.read_u16().await?);
    let mut rest = vec![0; usize::from(length)];
    if rest.len() > EXTENSIONS {
        return Ok(None);
    }
    io.read_exact(&mut rest).await?;
    Ok(parse_binary(command, family, &rest))
}

fn parse_binary(command: u8, family: u8, rest: &[u8]) -> Option<Told> {
    match command {
        // The proxy checks on us.
        0x20 => Some(Told::default()),
        0x21 => {
            let (addresses, extensions) = match family {
                0x11 => (Some(pair::<4>(rest, |ip| Ipv4Addr::from(ip).into())?), rest.get(12..)?),
                0x21 => (Some(pair::<16>(rest, |ip| Ipv6Addr::from(ip).into())?), rest.get(36..)?),
                // Unspecified, datagrams, unix sockets: nothing that names a client.
                _ => (None, &[][..]),
            };
            Some(Told { addresses, secure: tells_of_tls(extensions) })
        }
        _ => None,
    }
}

/// Client and local address, then their ports.
fn pair<const N: usize>(bytes: &[u8], ip: impl Fn([u8; N]) -> IpAddr) -> Option<(SocketAddr, SocketAddr)> {
    let (client, rest) = bytes.split_first_chunk::<N>()?;
    let (local, rest) = rest.split_first_chunk::<N>()?;
    let (client_port, rest) = rest.split_first_chunk::<2>()?;
    let (local_port, _) = rest.split_first_chunk::<2>()?;
    let address = |of: &[u8; N], port: &[u8; 2]| SocketAddr::new(ip(*of), u16::from_be_bytes(*port));
    Some((address(client, client_port), address(local, local_port)))
}

/// Extensions are a kind, a length of two bytes, and so many bytes.
fn tells_of_tls(mut extensions: &[u8]) -> bool {
    while let [kind, high, low, rest @ ..] = extensions {
        let Some((value, next)) = rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))
        else {
            return false;
        };
        if *kind == TLS {
            return value.first().is_some_and(|client| client & 1 == 1);
        }
        extensions = next;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn told(mut bytes: &[u8]) -> Option<(Option<SocketAddr>, Scheme, Vec<u8>)> {
        let mut peer = Peer { address: None, local: None, scheme: Scheme::Http, server_name: None };
        read(&mut bytes, &mut peer).await.ok()?;
        Some((peer.address, peer.scheme, bytes.to_vec()))
    }

    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [SIGNATURE.as_slice(), &[command, family], &length, rest, b"GET"].concat()
    }

    #[tokio::test]
    async fn lines() {
        let of = |address: &str| Some((Some(address.parse().unwrap()), Scheme::Http, b"GET".to_vec()));
        assert_eq!(told(b"PROXY TCP4 1.2.3.4 5.6.7.8 99 80\r\nGET").await, of("1.2.3.4:99"));
        assert_eq!(told(b"PROXY TCP6 ::1 ::2 99 80\r\nGET").await, of("[::1]:99"));
        let unknown = Some((None, Scheme::Http, b"GET".to_vec()));
        assert_eq!(told(b"PROXY UNKNOWN\r\nGET").await, unknown);
        assert_eq!(told(b"PROXY UNKNOWN a b c\r\nGET").await, unknown);
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LINE));
        let refused = [
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 99\r\n",
            "PROXY TCP4 ::1 ::2 99 80\r\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 99 80\n",
            "PROXY TCP4 1.2.3.4 5.6.7.8 99 99999\r\n",
            "PROXY TCP4  1.2.3.4 5.6.7.8 99 80\r\n",
            "PROXY UDP4 1.2.3.4 5.6.7.8 99 80\r\n",
            "PROXY TCP4 1.2.3.4",
            "PROXY",
            &long,
        ];
        for line in refused {
            assert_eq!(told(line.as_bytes()).await, None, "{line}");
        }
    }

    #[tokio::test]
    async fn binary_headers() {
        let v4 = [1, 2, 3, 4, 5, 6, 7, 8, 0, 99, 0, 80];
        let address = Some("1.2.3.4:99".parse().unwrap());
        assert_eq!(told(&binary(0x21, 0x11, &v4)).await, Some((address, Scheme::Http, b"GET".to_vec())));
        let tls = [&v4[..], &[1, 0, 1, 7, TLS, 0, 5, 1, 0, 0, 0, 0]].concat();
        assert_eq!(told(&binary(0x21, 0x11, &tls)).await, Some((address, Scheme::Https, b"GET".to_vec())));
        let v6 = [&[0; 15][..], &[1], &[0; 15], &[2, 0, 99, 0, 80]].concat();
        let address = Some("[::1]:99".parse().unwrap());
        assert_eq!(told(&binary(0x21, 0x21, &v6)).await, Some((address, Scheme::Http, b"GET".to_vec())));
        assert_eq!(told(&binary(0x20, 0, &[])).await, Some((None, Scheme::Http, b"GET".to_vec())));
        let refused = [
            binary(0x11, 0x11, &v4),
            binary(0x22, 0x11, &v4),
            binary(0x21, 0x11, &v4[..11]),
            binary(0x21, 0x11, &[0; EXTENSIONS + 1]),
            SIGNATURE.to_vec(),
        ];
        for header in refused {
            assert_eq!(told(&header).await, None, "{}", header.escape_ascii());
        }
    }
}
