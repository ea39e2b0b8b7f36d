//! The listing of a folder as the client wants it: a page, or JSON.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use candor_origin::{Body, Opened};
use candor_semantics::address::Address;
use candor_semantics::head::Head;
use candor_semantics::representation::{Metadata, Vary};

use crate::own;
use crate::pages::listing::{Entry, Kind, Listing, Order};

/// A listing, made.
pub(crate) struct ListingPage {
    /// What is said about it.
    pub(crate) metadata: Arc<Metadata>,
    /// Its bytes.
    pub(crate) content: Bytes,
}

impl ListingPage {
    /// Makes the listing of a folder that was opened.
    pub(crate) fn new(head: &Head, address: &Address, opened: Opened) -> ListingPage {
        let program = own::wants_program_form(head, &[own::JSON]);
        let entries = match &opened.body {
            Body::Listing(listing) => listing.entries.as_slice(),
            Body::Bytes(_) | Body::File { .. } => &[],
        };
        let entries: Vec<Entry<'_>> = entries
            .iter()
            .map(|entry| Entry {
                name: &entry.name,
                kind: if entry.is_folder { Kind::Folder } else { Kind::File },
                size: (!entry.is_folder).then_some(entry.size),
                modified: u64::try_from(entry.modified)
                    .ok()
                    .map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds)),
            })
            .collect();
        let order = Order::from_query(address.query().unwrap_or_default());
        let listing = Listing { path: address.path(), entries: &entries, order: Some(order) };
        let content = Bytes::from(if program { listing.json() } else { listing.html() });
        let form = if program { own::JSON } else { own::HTML };
        let metadata = Metadata {
            last_modified: opened.metadata.last_modified,
            // What a folder holds changes without notice.
            ..own::metadata(form, &content, "no-cache", Vary { accept: true, ..Vary::default() })
        };
        ListingPage { metadata: Arc::new(metadata), content }
    }
}
