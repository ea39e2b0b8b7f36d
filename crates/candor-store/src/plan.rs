//! From a change to the rows that record it. Pure but for reading rows: a backend applies the plan in the same
//! transaction it was made in.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::fault::{RecordError, StoreError};
use crate::ledger::{
    ActKind, Change, Expected, Kind, Leaves, Mark, MarkKind, Moment, NewVersion, Record, Standing, Version,
};
use crate::resolve::{self, segments};
use crate::rows::{Edge, NewAct, Node, NodeId, ROOT, Rows, State, Write};

/// The rows of a change. `wall` is the wall clock's time.
pub(crate) fn plan(rows: &impl Rows, record: &Record, wall: Moment) -> Result<Vec<Write>, RecordError> {
    check(rows, record)?;
    let last = rows.clock()?;
    let mut plan = Plan {
        rows,
        record,
        at: wall.max(Moment(last.0.saturating_add(1))),
        writes: Vec::new(),
        made: HashMap::new(),
    };
    plan.change()?;
    Ok(plan.writes)
}

/// Checks what a change expects, without making it.
pub(crate) fn check(rows: &impl Rows, record: &Record) -> Result<(), RecordError> {
    segments(&record.path).ok_or(RecordError::NoPath)?;
    if let Change::Move { to, .. } = &record.change {
        segments(to).ok_or(RecordError::NoPath)?;
        if is_inside(to, &record.path) {
            return Err(RecordError::IntoItself);
        }
    }
    if record.expected == Expected::Any {
        return Ok(());
    }
    let standing = resolve::standing(rows, &record.path)?;
    let holds = match (record.expected, &standing) {
        (Expected::Nothing, Standing::Present(_) | Standing::Collection) => false,
        (Expected::Nothing, _) | (Expected::Any, _) => true,
        (Expected::Content(digest), Standing::Present(version)) => version.digest == digest,
        (Expected::Content(_), _) => false,
    };
    if holds { Ok(()) } else { Err(RecordError::Clash(Box::new(standing))) }
}

/// Whether an address is another one, or below it.
fn is_inside(path: &[u8], around: &[u8]) -> bool {
    let around = around.strip_suffix(b"/").unwrap_or(around);
    path.strip_prefix(around).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

struct Plan<'a, R> {
    rows: &'a R,
    record: &'a Record,
    at: Moment,
    writes: Vec<Write>,
    /// Identities made or changed by this plan, by where they are.
    made: HashMap<(NodeId, Vec<u8>), Option<Node>>,
}

impl<R: Rows> Plan<'_, R> {
    fn change(&mut self) -> Result<(), RecordError> {
        let path = &self.record.path;
        match &self.record.change {
            Change::Put(version) => {
                let mut node = self.reach(path, Kind::Document)?;
                self.find(&mut node);
                self.hold(&mut node, version, true);
                self.act(ActKind::Put, None, Some(version));
            }
            Change::MakeCollection => {
                self.reach(path, Kind::Collection)?;
                self.act(ActKind::MakeCollection, None, None);
            }
            Change::Delete(leaves) => self.delete(path, *leaves)?,
            Change::Move { to, leaves, below } => self.move_to(path, to, *leaves, below)?,
            Change::Mark(what) => {
                let mark = Mark { path: path.clone(), what: what.clone(), since: self.at };
                let (kind, target) = match what {
                    MarkKind::Moved(to) => (ActKind::MarkMoved, Some(to.join(" "))),
                    MarkKind::MovedForNow(to, _) => (ActKind::MarkMovedForNow, Some(to.clone())),
                    MarkKind::Gone { .. } => (ActKind::Retire, None),
                };
                self.writes.push(Write::Mark(mark));
                self.act(kind, target.map(String::into_bytes), None);
            }
            Change::Lift => {
                self.writes.push(Write::Unmark(path.clone()));
                self.forget(path)?;
                self.act(ActKind::Restore, None, None);
            }
        }
        Ok(())
    }

    /// The content that was found in place of what was known.
    fn find(&mut self, node: &mut Node) {
        if let Some(found) = self.record.found.clone()
            && node.current.as_ref().is_none_or(|current| current.digest != found.digest)
        {
            self.hold(node, &found, false);
            self.act(ActKind::Found, None, Some(&found));
            self.at = Moment(self.at.0.saturating_add(1));
        }
    }

    fn hold(&mut self, node: &mut Node, version: &NewVersion, written: bool) {
        let version = Version {
            digest: version.digest,
            length: version.length,
            media_type: version.media_type.clone(),
            author: self.record.author.clone().filter(|_| written),
            written,
            at: self.at,
        };
        node.current = Some(version.clone());
        self.writes.push(Write::Version(node.id, version));
        self.writes.push(Write::Node(node.clone()));
        self.made.insert((node.parent, node.name.clone()), Some(node.clone()));
    }

    fn delete(&mut self, path: &[u8], leaves: Leaves) -> Result<(), RecordError> {
        let kind = if path.ends_with(b"/") { Kind::Collection } else { Kind::Document };
        let mut node = self.reach(path, kind)?;
        if node.id == ROOT {
            return Err(RecordError::NoPath);
        }
        self.find(&mut node);
        // It was there before it was deleted, even if only for a moment.
        self.at = Moment(self.at.0.saturating_add(1));
        node.state = match leaves {
            Leaves::Mark => State::Gone,
            Leaves::Nothing => State::Forgotten,
        };
        node.since = self.at;
        node.note = self.record.note.clone();
        self.close(&node);
        self.writes.push(Write::Node(node));
        self.act(ActKind::Delete, None, None);
        Ok(())
    }

    fn move_to(
        &mut self,
        path: &[u8],
        to: &[u8],
        leaves: Leaves,
        below: &[(Vec<u8>, Kind)],
    ) -> Result<(), RecordError> {
        let kind = if path.ends_with(b"/") { Kind::Collection } else { Kind::Document };
        let mut node = self.reach(path, kind)?;
        if node.id == ROOT {
            return Err(RecordError::NoPath);
        }
        self.find(&mut node);
        for (relative, kind) in below {
            let mut inner = node.id;
            let names: Vec<&[u8]> = relative.split(|&byte| byte == b'/').filter(|n| !n.is_empty()).collect();
            for (position, name) in names.iter().enumerate() {
                let last = position + 1 == names.len();
                inner = self.step(inner, name, if last { *kind } else { Kind::Collection })?.id;
            }
        }
        // What was below came there before it left.
        self.at = Moment(self.at.0.saturating_add(1));
        let target = self.parent_of(to)?;
        let name = segments(to).and_then(|names| names.last().map(|name| name.to_vec()));
        let name = name.ok_or(RecordError::NoPath)?;
        if let Some(mut replaced) = self.child(target, &name)? {
            replaced.state = State::Gone;
            replaced.since = self.at;
            self.close(&replaced);
            self.writes.push(Write::Node(replaced));
        }
        self.close(&node);
        if leaves == Leaves::Nothing {
            // Another identity goes on under the new name; the old one told nobody.
            let told = node.current.clone();
            node.state = State::Forgotten;
            node.since = self.at;
            self.writes.push(Write::Node(node.clone()));
            node = Node { id: new_id(), state: State::Present, current: None, ..node };
            if let Some(version) = told {
                let version = Version { at: self.at, ..version };
                node.current = Some(version.clone());
                self.writes.push(Write::Version(node.id, version));
            }
        }
        node.parent = target;
        node.name = name;
        self.writes.push(Write::Open(Edge {
            parent: node.parent,
            name: node.name.clone(),
            from: self.at,
            to: Moment::OPEN,
            node: node.id,
        }));
        self.writes.push(Write::Node(node));
        self.act(ActKind::Move, Some(to.to_vec()), None);
        Ok(())
    }

    /// Nothing is told any more of those who held an address and are not there.
    fn forget(&mut self, path: &[u8]) -> Result<(), RecordError> {
        for holder in resolve::holders(self.rows, path)? {
            if let Some(mut node) = self.rows.node(holder.node)?
                && node.state == State::Gone
            {
                node.state = State::Forgotten;
                self.writes.push(Write::Node(node));
            }
        }
        Ok(())
    }

    fn act(&mut self, kind: ActKind, target: Option<Vec<u8>>, version: Option<&NewVersion>) {
        self.writes.push(Write::Act(NewAct {
            at: self.at,
            kind,
            path: self.record.path.clone(),
            target,
            digest: version.map(|version| version.digest),
            author: self.record.author.clone().filter(|_| kind != ActKind::Found),
            note: self.record.note.clone(),
        }));
    }

    // ---- the way to an address -----------------------------------------------------------------------------------

    /// The identity at an address, made with everything on the way where it is not known.
    fn reach(&mut self, path: &[u8], kind: Kind) -> Result<Node, RecordError> {
        let parent = self.parent_of(path)?;
        let names = segments(path).ok_or(RecordError::NoPath)?;
        match names.last() {
            Some(name) => Ok(self.step(parent, name, kind)?),
            None => Ok(Node {
                id: ROOT,
                kind: Kind::Collection,
                parent: ROOT,
                name: Vec::new(),
                state: State::Present,
                since: self.at,
                note: None,
                current: None,
            }),
        }
    }

    /// The collection around an address.
    fn parent_of(&mut self, path: &[u8]) -> Result<NodeId, RecordError> {
        let names = segments(path).ok_or(RecordError::NoPath)?;
        let mut parent = ROOT;
        for name in names.iter().take(names.len().saturating_sub(1)) {
            parent = self.step(parent, name, Kind::Collection)?.id;
        }
        Ok(parent)
    }

    /// The identity of a name in a collection, made where there is none of this kind.
    fn step(&mut self, parent: NodeId, name: &[u8], kind: Kind) -> Result<Node, StoreError> {
        if let Some(mut node) = self.child(parent, name)? {
            if node.kind == kind {
                return Ok(node);
            }
            // Replaced behind our back by something of the other kind.
            node.state = State::Forgotten;
            node.since = self.at;
            self.close(&node);
            self.writes.push(Write::Node(node));
        }
        let node = Node {
            id: new_id(),
            kind,
            parent,
            name: name.to_vec(),
            state: State::Present,
            since: self.at,
            note: None,
            current: None,
        };
        self.writes.push(Write::Open(Edge {
            parent,
            name: name.to_vec(),
            from: self.at,
            to: Moment::OPEN,
            node: node.id,
        }));
        self.writes.push(Write::Node(node.clone()));
        self.made.insert((parent, name.to_vec()), Some(node.clone()));
        Ok(node)
    }

    /// The identity that has a name in a collection now.
    fn child(&self, parent: NodeId, name: &[u8]) -> Result<Option<Node>, StoreError> {
        if let Some(node) = self.made.get(&(parent, name.to_vec())) {
            return Ok(node.clone());
        }
        let edges = self.rows.edges(parent, name)?;
        match edges.iter().find(|edge| edge.to == Moment::OPEN) {
            Some(edge) => self.rows.node(edge.node),
            None => Ok(None),
        }
    }

    fn close(&mut self, node: &Node) {
        self.writes.push(Write::Close { parent: node.parent, name: node.name.clone(), at: self.at });
        self.made.insert((node.parent, node.name.clone()), None);
    }
}

/// A number that no other identity has: random, so that several servers need not agree on the next one.
pub(crate) fn new_id() -> u64 {
    loop {
        let id = RandomState::new().build_hasher().finish() >> 1;
        if id > ROOT {
            return id;
        }
    }
}
