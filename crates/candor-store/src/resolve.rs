//! From an address to what is true of it: its names are followed through time.
//!
//! An address was only ever served if the validity of all edges on its way overlap. Several identities may have
//! held it one after the other; the latest one's standing counts. What moved is looked for where it is now, so an
//! answer never leads to another redirect.

use crate::fault::StoreError;
use crate::ledger::{Kind, Moment, Standing, Version};
use crate::rows::{Edge, Node, NodeId, ROOT, Rows, State};

/// Deeper than any address: a ledger that leads further is damaged.
const DEEPEST: usize = 4096;

/// An identity that held an address.
#[derive(Clone, Debug)]
pub(crate) struct Holder {
    pub(crate) node: NodeId,
    pub(crate) from: Moment,
    pub(crate) to: Moment,
}

/// The segments of a path; `None` where it is none.
pub(crate) fn segments(path: &[u8]) -> Option<Vec<&[u8]>> {
    let rest = path.strip_prefix(b"/")?;
    let rest = rest.strip_suffix(b"/").unwrap_or(rest);
    if rest.is_empty() {
        return Some(Vec::new());
    }
    let segments: Vec<&[u8]> = rest.split(|&byte| byte == b'/').collect();
    segments.iter().all(|s| !s.is_empty() && *s != b"." && *s != b"..").then_some(segments)
}

/// Everybody who ever held an address.
pub(crate) fn holders(rows: &impl Rows, path: &[u8]) -> Result<Vec<Holder>, StoreError> {
    let Some(segments) = segments(path) else { return Ok(Vec::new()) };
    let mut holders = vec![Holder { node: ROOT, from: Moment(0), to: Moment::OPEN }];
    for segment in segments {
        let mut next = Vec::new();
        for holder in &holders {
            for Edge { from, to, node, .. } in rows.edges(holder.node, segment)? {
                let (from, to) = (from.max(holder.from), to.min(holder.to));
                if from < to {
                    next.push(Holder { node, from, to });
                }
            }
        }
        if next.is_empty() {
            return Ok(next);
        }
        holders = next;
    }
    Ok(holders)
}

/// What is true of an address.
pub(crate) fn standing(rows: &impl Rows, path: &[u8]) -> Result<Standing, StoreError> {
    let mut holders = holders(rows, path)?;
    holders.sort_by_key(|holder| (holder.to, holder.from));
    while let Some(holder) = holders.pop() {
        if holder.node == ROOT {
            return Ok(Standing::Collection);
        }
        let Some(node) = rows.node(holder.node)? else {
            return Err(StoreError::Damaged("an edge names no identity".to_owned()));
        };
        if node.kind == Kind::Document && path.ends_with(b"/") {
            continue;
        }
        return match (node.state, node.kind) {
            (State::Forgotten, _) => Ok(Standing::Unknown),
            (State::Gone, _) => Ok(Standing::Gone { since: node.since, note: node.note }),
            (State::Present, kind) if holder.to == Moment::OPEN => Ok(match (kind, node.current) {
                (Kind::Document, Some(version)) => Standing::Present(version),
                // It moved here unread: what it holds is for the folder to say.
                (Kind::Document, None) => Standing::Unknown,
                (Kind::Collection, _) => Standing::Collection,
            }),
            (State::Present, kind) => Ok(match address(rows, &node)? {
                Some(mut to) => {
                    if kind == Kind::Collection {
                        to.push(b'/');
                    }
                    Standing::Moved { to, since: holder.to }
                }
                None => Standing::Unknown,
            }),
        };
    }
    Ok(Standing::Unknown)
}

/// Where an identity is now; `None` where one of its collections is not there any more.
pub(crate) fn address(rows: &impl Rows, node: &Node) -> Result<Option<Vec<u8>>, StoreError> {
    let mut names = vec![node.name.clone()];
    let mut above = node.parent;
    while above != ROOT {
        let Some(node) = rows.node(above)? else {
            return Err(StoreError::Damaged("an identity is in no collection".to_owned()));
        };
        if node.state != State::Present {
            return Ok(None);
        }
        names.push(node.name);
        above = node.parent;
        if names.len() > DEEPEST {
            return Err(StoreError::Damaged("a collection is inside itself".to_owned()));
        }
    }
    let mut path = Vec::new();
    for name in names.iter().rev() {
        path.push(b'/');
        path.extend_from_slice(name);
    }
    Ok(Some(path))
}

/// Every content that was at an address.
pub(crate) fn versions(rows: &impl Rows, path: &[u8]) -> Result<Vec<Version>, StoreError> {
    let mut found = Vec::new();
    for holder in holders(rows, path)? {
        // What was written after it left is another address's.
        found.extend(rows.versions(holder.node)?.into_iter().filter(|version| version.at < holder.to));
    }
    found.sort_by_key(|version| version.at);
    found.dedup();
    Ok(found)
}
