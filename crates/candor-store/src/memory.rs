//! A store in memory: for tests, and where nothing can be written.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::contents::{Contents, Digest, Kept, read_checked};
use crate::fault::{RecordError, StoreError};
use crate::ledger::{Act, Intended, Intent, IntentId, Ledger, Mark, Moment, Record, Standing, Version};
use crate::rows::{Edge, NewAct, Node, NodeId, Rows, Write};
use crate::{plan, resolve};

/// Ledger and contents in memory: forgotten with the process.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    nodes: HashMap<NodeId, Node>,
    edges: HashMap<(NodeId, Vec<u8>), Vec<Edge>>,
    versions: HashMap<NodeId, Vec<Version>>,
    marks: BTreeMap<Vec<u8>, Mark>,
    acts: Vec<Act>,
    intents: BTreeMap<u64, Record>,
    last_intent: u64,
    contents: HashMap<Digest, Arc<[u8]>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows for State {
    fn edges(&self, parent: NodeId, name: &[u8]) -> Result<Vec<Edge>, StoreError> {
        Ok(self.edges.get(&(parent, name.to_vec())).cloned().unwrap_or_default())
    }

    fn node(&self, id: NodeId) -> Result<Option<Node>, StoreError> {
        Ok(self.nodes.get(&id).cloned())
    }

    fn versions(&self, node: NodeId) -> Result<Vec<Version>, StoreError> {
        Ok(self.versions.get(&node).cloned().unwrap_or_default())
    }

    fn clock(&self) -> Result<Moment, StoreError> {
        Ok(self.acts.last().map_or(Moment(0), |act| act.at))
    }
}

impl State {
    fn apply(&mut self, write: Write) {
        match write {
            Write::Open(edge) => {
                self.edges.entry((edge.parent, edge.name.clone())).or_default().push(edge);
            }
            Write::Close { parent, name, at } => {
                for edge in self.edges.entry((parent, name)).or_default() {
                    if edge.to == Moment::OPEN {
                        edge.to = at;
                    }
                }
            }
            Write::Node(node) => {
                self.nodes.insert(node.id, node);
            }
            Write::Version(node, version) => self.versions.entry(node).or_default().push(version),
            Write::Mark(mark) => {
                self.marks.insert(mark.path.clone(), mark);
            }
            Write::Unmark(path) => {
                self.marks.remove(&path);
            }
            Write::Act(NewAct { at, kind, path, target, digest, author, note }) => {
                let number = self.acts.len() as u64 + 1;
                self.acts.push(Act { number, at, kind, path, target, digest, author, note });
            }
        }
    }
}

impl Ledger for MemoryStore {
    fn standing(&self, path: &[u8]) -> Result<Standing, StoreError> {
        resolve::standing(&*self.state(), path)
    }

    fn mark(&self, path: &[u8]) -> Result<Option<Mark>, StoreError> {
        Ok(nearest_mark(&self.state().marks, path))
    }

    fn versions(&self, path: &[u8]) -> Result<Vec<Version>, StoreError> {
        resolve::versions(&*self.state(), path)
    }

    fn acts(&self, path: Option<&[u8]>, before: Option<u64>, most: usize) -> Result<Vec<Act>, StoreError> {
        let state = self.state();
        let wanted = |act: &&Act| {
            before.is_none_or(|before| act.number < before) && path.is_none_or(|path| concerns(act, path))
        };
        Ok(state.acts.iter().rev().filter(wanted).take(most).cloned().collect())
    }

    fn record(&self, record: &Record) -> Result<Act, RecordError> {
        let mut state = self.state();
        for write in plan::plan(&*state, record, Moment::now())? {
            state.apply(write);
        }
        if let Some(IntentId(id)) = record.fulfils {
            state.intents.remove(&id);
        }
        state.acts.last().cloned().ok_or(RecordError::Nothing)
    }

    fn intend(&self, intended: &Intended) -> Result<IntentId, RecordError> {
        let mut state = self.state();
        plan::check(&*state, intended)?;
        state.last_intent += 1;
        let id = state.last_intent;
        state.intents.insert(id, intended.clone());
        Ok(IntentId(id))
    }

    fn abandon(&self, intent: IntentId) -> Result<(), StoreError> {
        self.state().intents.remove(&intent.0);
        Ok(())
    }

    fn intents(&self) -> Result<Vec<Intent>, StoreError> {
        let state = self.state();
        Ok(state
            .intents
            .iter()
            .map(|(id, record)| Intent { id: IntentId(*id), record: record.clone() })
            .collect())
    }
}

impl Contents for MemoryStore {
    fn keep(&self, digest: &Digest, content: &mut dyn Read, length: u64) -> Result<(), StoreError> {
        let bytes = read_checked(digest, content, length)?;
        self.state().contents.insert(*digest, bytes.into());
        Ok(())
    }

    fn has(&self, digest: &Digest) -> Result<bool, StoreError> {
        Ok(self.state().contents.contains_key(digest))
    }

    fn open(&self, digest: &Digest) -> Result<Option<Kept>, StoreError> {
        Ok(self.state().contents.get(digest).map(|bytes| Kept::Bytes(bytes.to_vec())))
    }
}

/// The mark on a path, or on the nearest collection around it that is marked.
pub(crate) fn nearest_mark(marks: &BTreeMap<Vec<u8>, Mark>, path: &[u8]) -> Option<Mark> {
    if marks.is_empty() {
        return None;
    }
    if let Some(mark) = marks.get(path) {
        return Some(mark.clone());
    }
    let mut end = path.len();
    while let Some(slash) = path.get(..end).and_then(|part| part.iter().rposition(|&byte| byte == b'/')) {
        if let Some(mark) = path.get(..=slash).and_then(|part| marks.get(part)) {
            return Some(mark.clone());
        }
        end = slash;
    }
    None
}

/// Whether an act is about an address or something below it.
pub(crate) fn concerns(act: &Act, path: &[u8]) -> bool {
    let about = |there: &[u8]| match path.strip_suffix(b"/") {
        Some(_) => there.starts_with(path),
        None => there == path,
    };
    about(&act.path) || act.target.as_deref().is_some_and(about)
}
