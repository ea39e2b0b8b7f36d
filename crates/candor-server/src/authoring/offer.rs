//! What a writer may do at an address, and what must be known of the place: questions 25 to 30.

use candor_origin::{Folder, Spot, is_writable_path};
use candor_semantics::address::{Address, encode_path};
use candor_semantics::facts::{Live, Place, Target, Writing};
use candor_semantics::method::{Method, MethodSet};
use candor_semantics::negotiation;
use candor_semantics::outcome::Location;
use candor_semantics::representation::{Coding, CodingSet};

use crate::configuration::{Documents, Route, RouteKind};
use crate::credentials::Verdict;

/// What the configuration offers writers at an address.
pub(crate) struct Offer<'a> {
    /// The rules of the route.
    pub(crate) documents: &'a Documents,
    /// Bytes of content at most.
    pub(crate) limit: u64,
    /// Whether folders are listed.
    pub(crate) listing: bool,
    /// The prefix of candor's own pages.
    pub(crate) reserved: &'a str,
}

/// The rules for documents of a route that offers writing to this caller.
pub(crate) fn documents<'a>(route: Option<&'a Route>, verdict: &Verdict) -> Option<&'a Documents> {
    let route = route?;
    let RouteKind::Documents(documents) = &route.what else { return None };
    let write = route.access.write.as_ref()?;
    match verdict {
        Verdict::Valid(name) => write.include(Some(name)).then_some(documents),
        // Who is not known yet may turn out to be a writer: that is what 401 is for.
        _ => (!write.are_nobody()).then_some(documents),
    }
}

impl Offer<'_> {
    /// Adds what is offered to what is at the address. Waits for the disk.
    pub(crate) fn add_to(
        &self,
        target: &mut Target,
        folder: &Folder,
        address: &Address,
        method: Option<Method>,
    ) {
        let path = address.path();
        if !address.is_nameable() || (path != b"/" && !is_writable_path(path)) {
            return;
        }
        let bare = path.strip_suffix(b"/").unwrap_or(path);
        let Ok(spot) = folder.spot(bare) else { return };
        let spot = if bare.is_empty() { Spot::Folder } else { spot };
        target.allow = self.allow(target, path, spot);
        let reads = method.is_none_or(|method| method.is_safe());
        target.writing = Some(match reads {
            // Nobody who reads looks closer.
            true => Writing::default(),
            false => self.writing(target, folder, address, spot, method),
        });
    }

    fn allow(&self, target: &Target, path: &[u8], spot: Spot) -> MethodSet {
        let document = || MethodSet::READ.with(Method::Put);
        let movable = |set: MethodSet| set.with(Method::Delete).with(Method::Copy).with(Method::Move);
        match (spot, &target.live) {
            (Spot::File, _) => movable(document()),
            (Spot::Folder, Some(Live::Document { .. })) if !path.ends_with(b"/") => document(),
            (Spot::Folder, _) => {
                let set = document();
                let set = if self.documents.post_creates { set.with(Method::Post) } else { set };
                if path == b"/" { set } else { movable(set) }
            }
            _ => document(),
        }
    }

    fn writing(
        &self,
        target: &Target,
        folder: &Folder,
        address: &Address,
        spot: Spot,
        method: Option<Method>,
    ) -> Writing {
        let (place, resolve) = self.place(target, folder, address, spot, method);
        Writing {
            place,
            resolve,
            limit: Some(self.limit),
            // A collection is made of nothing: content of any type is not understood (RFC 4918 section 9.3).
            types: (method == Some(Method::Mkcol)).then(Default::default),
            codings: CodingSet::EMPTY.with(Coding::Identity),
            room: folder.room(),
            require_base: self.documents.require_base,
        }
    }

    fn place(
        &self,
        target: &Target,
        folder: &Folder,
        address: &Address,
        spot: Spot,
        method: Option<Method>,
    ) -> (Place, Option<Location>) {
        let path = address.path();
        let makes_folder = method == Some(Method::Mkcol);
        match spot {
            Spot::ParentMissing => (Place::ParentMissing, Some(self.way_out(nearest(folder, path)))),
            Spot::ParentIsFile => {
                (Place::ParentIsFile, Some(Location(encode_path(nearest(folder, path)).into())))
            }
            _ => match &target.live {
                Some(Live::Document { variants }) if spot != Spot::File && !path.ends_with(b"/") => {
                    let first = variants.first().map(|variant| Location(variant.href.clone()));
                    (Place::VariantsOnly(negotiation::choices(variants)), first)
                }
                _ if (spot == Spot::Folder || path.ends_with(b"/")) && !makes_folder => {
                    (Place::FolderThere, Some(self.way_out(path)))
                }
                _ if spot == Spot::Other => (Place::FolderThere, Some(self.way_out(nearest(folder, path)))),
                _ => (Place::Fits, None),
            },
        }
    }

    /// Where somebody can see what stands in the way: the folder, if it shows itself.
    pub(crate) fn way_out(&self, path: &[u8]) -> Location {
        match self.listing && path.ends_with(b"/") {
            true => Location(encode_path(path).into()),
            false => Location(format!("{}codes/409", self.reserved).into()),
        }
    }
}

/// The nearest thing on the way to a path that is there: a file, or a folder with its slash.
fn nearest<'a>(folder: &Folder, path: &'a [u8]) -> &'a [u8] {
    let mut end = path.strip_suffix(b"/").unwrap_or(path).len();
    while let Some(slash) = path.get(..end).and_then(|part| part.iter().rposition(|&byte| byte == b'/')) {
        let bare = path.get(..slash).unwrap_or_default();
        match folder.spot(bare) {
            Ok(Spot::File) => return bare,
            Ok(Spot::Folder) => return path.get(..=slash).unwrap_or(b"/"),
            _ => end = slash,
        }
    }
    b"/"
}
