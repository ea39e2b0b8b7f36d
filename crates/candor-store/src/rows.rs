//! What a backend stores: identities, edges, versions, marks. The rules in `resolve` and `plan` read and write
//! nothing else, so every backend keeps the same promises.

use crate::contents::Digest;
use crate::fault::StoreError;
use crate::ledger::{ActKind, Kind, Mark, Moment, Version};

/// Names an identity.
pub(crate) type NodeId = u64;

/// The identity of the site's root.
pub(crate) const ROOT: NodeId = 1;

/// Whether an identity is still somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Present,
    Gone,
    /// It is not there and nobody said why: nothing is told.
    Forgotten,
}

/// An identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) kind: Kind,
    pub(crate) parent: NodeId,
    pub(crate) name: Vec<u8>,
    pub(crate) state: State,
    pub(crate) since: Moment,
    pub(crate) note: Option<String>,
    pub(crate) current: Option<Version>,
}

/// A name that a collection had for an identity, from a time to a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) parent: NodeId,
    pub(crate) name: Vec<u8>,
    pub(crate) from: Moment,
    pub(crate) to: Moment,
    pub(crate) node: NodeId,
}

/// Reads rows.
pub(crate) trait Rows {
    /// All edges of a name in a collection.
    fn edges(&self, parent: NodeId, name: &[u8]) -> Result<Vec<Edge>, StoreError>;
    /// An identity.
    fn node(&self, id: NodeId) -> Result<Option<Node>, StoreError>;
    /// The contents an identity had, oldest first.
    fn versions(&self, node: NodeId) -> Result<Vec<Version>, StoreError>;
    /// The time of the last act.
    fn clock(&self) -> Result<Moment, StoreError>;
}

/// One row to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    /// An edge that begins.
    Open(Edge),
    /// The edge that still holds, ended.
    Close { parent: NodeId, name: Vec<u8>, at: Moment },
    /// An identity, new or changed.
    Node(Node),
    /// A content of an identity.
    Version(NodeId, Version),
    /// A mark, in place of another.
    Mark(Mark),
    /// A mark, taken away.
    Unmark(Vec<u8>),
    /// An act.
    Act(NewAct),
}

/// An act before it has a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewAct {
    pub(crate) at: Moment,
    pub(crate) kind: ActKind,
    pub(crate) path: Vec<u8>,
    pub(crate) target: Option<Vec<u8>>,
    pub(crate) digest: Option<Digest>,
    pub(crate) author: Option<String>,
    pub(crate) note: Option<String>,
}
