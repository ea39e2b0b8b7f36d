//! What lives under the reserved prefix: health, reference pages of the codes, metrics.

use std::sync::Arc;

use bytes::Bytes;
use candor_semantics::code::Code;
use candor_semantics::facts::{self, Live, Permission, Target};
use candor_semantics::field::challenge::Challenge;
use candor_semantics::method::MethodSet;
use candor_semantics::outcome::Challenges;
use candor_semantics::representation::{Metadata, Vary};

use crate::credentials::Verdict;
use crate::own;
use crate::pages::reference;
use crate::site::Site;
use crate::world::World;

/// An address under the reserved prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// `health`: the server runs.
    Health,
    /// `ready`: the server takes work.
    Ready,
    /// `metrics`, for administrators.
    Metrics,
    /// `codes/`: all codes.
    Codes,
    /// `codes/N`: one code.
    Code(Code),
    /// `versions/TAG/PATH`: earlier and present content of an address.
    Version,
    /// Nothing.
    Nothing,
}

impl Resource {
    /// Whether only administrators may see it.
    pub(crate) fn is_private(&self) -> bool {
        matches!(self, Resource::Metrics)
    }
}

/// The resource at a path; `None` where the path is not under the prefix.
pub(crate) fn resource(prefix: &str, path: &[u8]) -> Option<Resource> {
    let name = path.strip_prefix(prefix.as_bytes())?;
    Some(match name {
        b"health" => Resource::Health,
        b"ready" => Resource::Ready,
        b"metrics" => Resource::Metrics,
        b"codes/" => Resource::Codes,
        name if name.starts_with(b"versions/") => Resource::Version,
        _ => code(name).map_or(Resource::Nothing, Resource::Code),
    })
}

fn code(name: &[u8]) -> Option<Code> {
    let number = std::str::from_utf8(name.strip_prefix(b"codes/")?).ok()?;
    // Digits alone: `+404` is another address.
    let digits = number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| number.parse().ok().and_then(Code::from_number))?
}

/// Questions 15 to 17 for a resource.
pub(crate) fn access(resource: &Resource, is_admin: bool, verdict: &Verdict) -> facts::Access {
    if !resource.is_private() || is_admin {
        return facts::Access::OPEN;
    }
    let challenges = Challenges::one(Challenge::basic("candor administrators"));
    match verdict {
        Verdict::Valid(_) => {
            facts::Access { permission: Permission::DeniedOthersMay(challenges), ..facts::Access::OPEN }
        }
        _ => facts::Access { unauthenticated: Some(challenges), ..facts::Access::OPEN },
    }
}

/// What is at the address of a resource.
pub(crate) fn target(resource: &Resource) -> Target {
    let live = (*resource != Resource::Nothing).then_some(Live::Monitor);
    Target { live, allow: MethodSet::READ, ..Target::default() }
}

/// The content of a resource.
pub(crate) struct Page {
    /// What is said about it.
    pub(crate) metadata: Arc<Metadata>,
    /// Its bytes.
    pub(crate) content: Bytes,
}

/// Makes the content of a resource.
pub(crate) fn page(resource: &Resource, world: &World) -> Page {
    let prefix = &world.configuration.reserved;
    let (content_type, content, cache) = match resource {
        Resource::Health => (own::JSON, health(world), "no-store"),
        Resource::Ready => (own::JSON, "{\"ready\":true}\n".to_owned(), "no-store"),
        Resource::Metrics => {
            ("text/plain; version=0.0.4; charset=utf-8", crate::forwarding::metrics(world), "no-store")
        }
        Resource::Codes => (own::HTML, reference::index(prefix), "max-age=3600"),
        Resource::Code(code) => (own::HTML, reference::page(code.row(), prefix), "max-age=3600"),
        Resource::Version | Resource::Nothing => (own::HTML, String::new(), "no-store"),
    };
    let content = Bytes::from(content);
    let metadata = own::metadata(content_type, &content, cache, Vary::default());
    Page { metadata: Arc::new(metadata), content }
}

/// What the server says of itself, and of its ledger: whether what is written would be kept.
fn health(world: &World) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let kept = |site: &Arc<Site>| site.authoring.as_ref().map(|authoring| authoring.can_write());
    let states: Vec<bool> = world.sites.iter().filter_map(kept).collect();
    let ledger = match (states.is_empty(), states.contains(&false)) {
        (true, _) => "none: reading only",
        (false, true) => "in memory only: nothing can be written",
        (false, false) => "kept",
    };
    format!("{{\"status\":\"ok\",\"version\":\"{version}\",\"ledger\":\"{ledger}\"}}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_under_the_prefix() {
        for (path, found) in [
            ("/-/health", Some(Resource::Health)),
            ("/-/codes/", Some(Resource::Codes)),
            ("/-/codes/404", Some(Resource::Code(Code::NOT_FOUND))),
            ("/-/codes/+404", Some(Resource::Nothing)),
            ("/-/codes/999", Some(Resource::Nothing)),
            ("/-/x", Some(Resource::Nothing)),
            ("/-/versions/x", Some(Resource::Version)),
            ("/-", None),
            ("/a/-/health", None),
        ] {
            assert_eq!(resource("/-/", path.as_bytes()), found, "{path}");
        }
    }
}
