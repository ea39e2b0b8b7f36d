//! Addresses of versions: `versions/TAG/PATH` below the reserved prefix, where TAG is the entity tag of the content
//! and PATH the address whose version it is. Who may read that address may read its versions.

use bytes::Bytes;
use candor_origin::media_type_of;
use candor_semantics::address::{Address, encode_path};
use candor_semantics::field::entity_tag::EntityTag;
use candor_semantics::representation::{Coding, Metadata, Vary};
use candor_store::{Kept, StoreError, Version};

use super::Authoring;
use crate::standing::date;

/// An address of a version.
#[derive(Clone, Debug)]
pub(crate) struct VersionAddress {
    /// The entity tag, 32 digits.
    pub(crate) tag: String,
    /// The address whose version it is.
    pub(crate) of: Address,
}

impl VersionAddress {
    /// Reads a path below the reserved prefix.
    pub(crate) fn parse(prefix: &str, path: &[u8]) -> Option<VersionAddress> {
        let rest = path.strip_prefix(prefix.as_bytes())?.strip_prefix(b"versions/")?;
        let slash = rest.iter().position(|&byte| byte == b'/')?;
        let (tag, of) = rest.split_at(slash);
        let tag = std::str::from_utf8(tag).ok()?;
        let legal = tag.len() == 32 && tag.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        legal.then(|| VersionAddress { tag: tag.to_owned(), of: Address::from_path(of.to_vec()) })
    }

    /// The reference of a version.
    pub(crate) fn reference(prefix: &str, tag: &str, of: &[u8]) -> String {
        format!("{prefix}versions/{tag}{}", encode_path(of))
    }
}

/// The version of an address that has this tag. Waits for the disk.
///
/// # Errors
/// The ledger cannot be read.
pub(crate) fn find(authoring: &Authoring, path: &[u8], tag: &str) -> Result<Option<Version>, StoreError> {
    Ok(authoring.ledger.versions(path)?.into_iter().rev().find(|version| version.digest.tag() == tag))
}

/// A version, opened. Waits for the disk.
///
/// # Errors
/// The store cannot be read.
pub(crate) fn open(
    authoring: &Authoring,
    address: &VersionAddress,
) -> Result<Option<(Version, Kept)>, StoreError> {
    let Some(version) = find(authoring, address.of.path(), &address.tag)? else { return Ok(None) };
    let kept = authoring.contents.open(&version.digest)?;
    Ok(kept.map(|kept| (version, kept)))
}

/// What is said about a version.
pub(crate) fn metadata(address: &VersionAddress, version: &Version, shared: bool) -> Metadata {
    let by_name = media_type_of(address.of.name());
    let media_type = by_name.or(version.media_type.as_deref()).unwrap_or("application/octet-stream");
    let lifetime =
        if shared { "max-age=31536000, immutable" } else { "private, max-age=31536000, immutable" };
    Metadata {
        content_type: Bytes::from(media_type.to_owned()),
        content_language: None,
        coding: Coding::Identity,
        length: Some(version.length),
        etag: EntityTag::strong(address.tag.clone()),
        last_modified: Some(date(version.at.time())),
        content_location: None,
        vary: Vary::default(),
        cache_control: Some(Bytes::from_static(lifetime.as_bytes())),
        ranges: false,
        // Old content is data about a document, and not a page of this site.
        sandboxed: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_versions() {
        let tag = "0123456789abcdef0123456789abcdef";
        let reference = VersionAddress::reference("/-/", tag, b"/a b/c");
        assert_eq!(reference, format!("/-/versions/{tag}/a%20b/c"));
        let parsed = VersionAddress::parse("/-/", format!("/-/versions/{tag}/a b/c").as_bytes()).unwrap();
        assert_eq!((parsed.tag.as_str(), parsed.of.path()), (tag, &b"/a b/c"[..]));
        for other in ["/-/versions/", "/-/versions/x/a", "/-/versions/0123456789abcdef0123456789ABCDEF/a"] {
            assert!(VersionAddress::parse("/-/", other.as_bytes()).is_none(), "{other}");
        }
    }
}
