//! Addresses: one path of one site, made from a request target once (question 8) and used by routes, access,
//! ledger, origin and gateway alike.

use std::fmt;

use bytes::Bytes;

use crate::refusal::Refusal;

/// A decoded, normalised path and the query that came with it.
///
/// The path starts with `/`, is percent-decoded once, and has no dot segments. Bytes that are not UTF-8 are
/// kept: file names need not be text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    path: Bytes,
    query: Option<Bytes>,
    nameable: bool,
}

impl Address {
    /// Reads a request target in origin form or absolute form (RFC 9112 section 3.2). `*` gives the path `*`.
    ///
    /// # Errors
    /// [`Refusal::Path`] where a percent sign is not followed by two hexadecimal digits, where a byte decodes to
    /// NUL, or where dot segments climb above the root, however they were written.
    pub fn parse(target: &[u8]) -> Result<Address, Refusal> {
        if target == b"*" {
            return Ok(Address { path: Bytes::from_static(b"*"), query: None, nameable: false });
        }
        let local = without_authority(target);
        let (path, query) = match memchr::memchr(b'?', local) {
            Some(at) => (local.get(..at).unwrap_or_default(), local.get(at + 1..)),
            None => (local, None),
        };
        let query = query.map(Bytes::copy_from_slice);
        if path.is_empty() {
            return Ok(Address { path: Bytes::from_static(b"/"), query, nameable: true });
        }
        let (decoded, encoded_slash) = percent_decode(path)?;
        let path = remove_dot_segments(decoded)?;
        let nameable = !encoded_slash && memchr::memmem::find(&path, b"//").is_none();
        Ok(Address { path: path.into(), query, nameable })
    }

    /// An address made by ourselves from a decoded path, without a query.
    pub fn from_path(path: impl Into<Bytes>) -> Address {
        let path = path.into();
        let nameable = path.starts_with(b"/") && memchr::memmem::find(&path, b"//").is_none();
        Address { path, query: None, nameable }
    }

    /// The decoded path.
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// The query as sent, without its question mark.
    pub fn query(&self) -> Option<&[u8]> {
        self.query.as_deref()
    }

    /// Whether a file could have this name: no empty segment, and no slash hidden by percent-encoding.
    pub fn is_nameable(&self) -> bool {
        self.nameable
    }

    /// Whether the path ends in a slash: the address of a folder.
    pub fn is_folder_form(&self) -> bool {
        self.path.ends_with(b"/")
    }

    /// The last segment; empty in folder form.
    pub fn name(&self) -> &[u8] {
        let start = memchr::memrchr(b'/', &self.path).map_or(0, |at| at + 1);
        self.path.get(start..).unwrap_or_default()
    }

    /// The path up to and including the last slash.
    pub fn parent(&self) -> &[u8] {
        let end = memchr::memrchr(b'/', &self.path).map_or(0, |at| at + 1);
        self.path.get(..end).unwrap_or_default()
    }

    /// The path as a reference: percent-encoded, safe in a field and in markup, and never taken for an
    /// authority.
    pub fn reference(&self) -> String {
        encode_path(&self.path)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reference())?;
        if let Some(query) = self.query() {
            write!(f, "?{}", String::from_utf8_lossy(query))?;
        }
        Ok(())
    }
}

/// Percent-encodes a decoded path (RFC 3986 section 3.3). A path that begins with two slashes would be read as
/// an authority; its second slash is encoded.
pub fn encode_path(path: &[u8]) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(path.len() + 8);
    for (position, &byte) in path.iter().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte);
        if plain || (byte == b'/' && !(position == 1 && path.starts_with(b"/"))) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    out
}

/// The part of a target after scheme and authority, if it has them.
fn without_authority(target: &[u8]) -> &[u8] {
    if target.starts_with(b"/") {
        return target;
    }
    let Some(colon) = memchr::memmem::find(target, b"://") else { return target };
    let rest = target.get(colon + 3..).unwrap_or_default();
    let end = rest.iter().position(|&b| b == b'/' || b == b'?').unwrap_or(rest.len());
    rest.get(end..).unwrap_or_default()
}

/// Decodes once; tells whether a slash was hidden in an escape.
fn percent_decode(path: &[u8]) -> Result<(Vec<u8>, bool), Refusal> {
    if memchr::memchr2(b'%', 0, path).is_none() {
        return Ok((path.to_vec(), false));
    }
    let mut out = Vec::with_capacity(path.len());
    let mut encoded_slash = false;
    let mut bytes = path.iter();
    while let Some(&byte) = bytes.next() {
        let decoded = if byte == b'%' {
            let high = bytes.next().and_then(|&b| char::from(b).to_digit(16));
            let low = bytes.next().and_then(|&b| char::from(b).to_digit(16));
            let (Some(high), Some(low)) = (high, low) else { return Err(Refusal::Path) };
            let value = u8::try_from(high * 16 + low).map_err(|_| Refusal::Path)?;
            encoded_slash |= value == b'/';
            value
        } else {
            byte
        };
        if decoded == 0 {
            return Err(Refusal::Path);
        }
        out.push(decoded);
    }
    Ok((out, encoded_slash))
}

/// RFC 3986 section 5.2.4 on a decoded path, refusing to climb above the root.
fn remove_dot_segments(path: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    if memchr::memmem::find(&path, b"/.").is_none() {
        return Ok(path);
    }
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut folder_form = false;
    for segment in path.split(|&b| b == b'/').skip(1) {
        folder_form = matches!(segment, b"." | b"..");
        match segment {
            b"." => {}
            b".." => {
                kept.pop().ok_or(Refusal::Path)?;
            }
            name => kept.push(name),
        }
    }
    let mut out = Vec::with_capacity(path.len());
    for segment in &kept {
        out.push(b'/');
        out.extend_from_slice(segment);
    }
    if folder_form || out.is_empty() {
        out.push(b'/');
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(target: &str) -> String {
        Address::parse(target.as_bytes())
            .map_or_else(|r| format!("{r:?}"), |a| String::from_utf8_lossy(a.path()).into_owned())
    }

    #[test]
    fn targets_become_paths() {
        for (target, expected) in [
            ("/a.txt", "/a.txt"),
            ("/a%20b?x=%zz", "/a b"),
            ("/%2568ello", "/%68ello"),
            ("/%zz", "Path"),
            ("/%", "Path"),
            ("/a%2", "Path"),
            ("/a%00", "Path"),
            ("/dir/../hello.txt", "/hello.txt"),
            ("/dir/..", "/"),
            ("/a/b/.", "/a/b/"),
            ("/./x", "/x"),
            ("/..", "Path"),
            ("/a/../../x", "Path"),
            ("/%2e%2e/x", "Path"),
            ("/..%2fx", "Path"),
            ("/.../x", "/.../x"),
            ("/.well-known/x", "/.well-known/x"),
            ("http://example.org", "/"),
            ("http://example.org?q", "/"),
            ("HTTP://example.org/a/b", "/a/b"),
            ("*", "*"),
        ] {
            assert_eq!(path(target), expected, "{target}");
        }
    }

    #[test]
    fn names_that_no_file_can_have() {
        for (target, nameable) in
            [("/a/b", true), ("/a%2Fb", false), ("//a", false), ("/a//", false), ("/a/", true)]
        {
            assert_eq!(Address::parse(target.as_bytes()).unwrap().is_nameable(), nameable, "{target}");
        }
    }

    #[test]
    fn references_are_never_an_authority() {
        assert_eq!(encode_path(b"//evil/x"), "/%2Fevil/x");
        assert_eq!(encode_path(b"/a b\r\n<\xff"), "/a%20b%0D%0A%3C%FF");
    }

    proptest! {
        #[test]
        fn a_parsed_path_never_leaves_the_root(target in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut target = target;
            target.insert(0, b'/');
            if let Ok(address) = Address::parse(&target) {
                prop_assert!(address.path().starts_with(b"/"));
                prop_assert!(!address.path().split(|&b| b == b'/').any(|s| s == b".." || s == b"."));
                prop_assert!(!address.path().contains(&0));
            }
        }

        #[test]
        fn encoding_round_trips(name in proptest::collection::vec(1u8..=255, 0..40)) {
            let mut path = vec![b'/'];
            path.extend(name.into_iter().filter(|&b| b != b'/' && b != b'.'));
            let again = Address::parse(encode_path(&path).as_bytes()).unwrap();
            prop_assert_eq!(again.path(), &path[..]);
        }
    }
}
