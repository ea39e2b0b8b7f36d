//! Writing rows.

use rusqlite::{Connection, params};

use super::fault;
use crate::contents::Digest;
use crate::fault::StoreError;
use crate::ledger::{Act, Change, IntentId, Kind, Leaves, Mark, MarkKind, Moment, Record};
use crate::rows::{NewAct, Node, State, Write};

/// Writes the rows of a plan; the last act among them.
pub(super) fn apply(connection: &Connection, writes: &[Write]) -> Result<Option<Act>, StoreError> {
    let mut last = None;
    for write in writes {
        match write {
            Write::Open(edge) => execute(
                connection,
                "INSERT OR REPLACE INTO edge (parent, name, to_t, from_t, node) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![edge.parent, edge.name, edge.to.0, edge.from.0, edge.node],
            )?,
            Write::Close { parent, name, at } => execute(
                connection,
                "UPDATE OR REPLACE edge SET to_t = ?4 WHERE parent = ?1 AND name = ?2 AND to_t = ?3",
                params![parent, name, Moment::OPEN.0, at.0],
            )?,
            Write::Node(node) => write_node(connection, node)?,
            Write::Version(node, version) => execute(
                connection,
                "INSERT OR REPLACE INTO version (node, at, digest, length, media_type, author, written)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    node,
                    version.at.0,
                    version.digest.0,
                    version.length,
                    version.media_type,
                    version.author,
                    version.written
                ],
            )?,
            Write::Mark(mark) => write_mark(connection, mark)?,
            Write::Unmark(path) => execute(connection, "DELETE FROM mark WHERE path = ?1", params![path])?,
            Write::Act(act) => last = Some(write_act(connection, act)?),
        }
    }
    Ok(last)
}

fn execute(
    connection: &Connection,
    statement: &str,
    values: impl rusqlite::Params,
) -> Result<(), StoreError> {
    connection.prepare_cached(statement).and_then(|mut s| s.execute(values)).map(|_| ()).map_err(fault)
}

fn write_node(connection: &Connection, node: &Node) -> Result<(), StoreError> {
    let current = node.current.as_ref();
    execute(
        connection,
        "INSERT OR REPLACE INTO node (id, kind, parent, name, state, since, note, digest, length, media_type,
                                      author, written, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            node.id,
            u8::from(node.kind == Kind::Collection),
            node.parent,
            node.name,
            match node.state {
                State::Present => 0_u8,
                State::Gone => 1,
                State::Forgotten => 2,
            },
            node.since.0,
            node.note,
            current.map(|version| version.digest.0),
            current.map(|version| version.length),
            current.and_then(|version| version.media_type.as_ref()),
            current.and_then(|version| version.author.as_ref()),
            current.map(|version| version.written),
            current.map(|version| version.at.0),
        ],
    )
}

fn write_mark(connection: &Connection, mark: &Mark) -> Result<(), StoreError> {
    let (kind, targets, note, from, until) = match &mark.what {
        MarkKind::Moved(to) => (0_u8, Some(to.join("\n")), None, None, None),
        MarkKind::MovedForNow(to, until) => (1, Some(to.clone()), None, None, *until),
        MarkKind::Gone { note, from, until } => (2, None, note.clone(), *from, *until),
    };
    execute(
        connection,
        "INSERT OR REPLACE INTO mark (path, kind, targets, note, from_t, until_t, since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![mark.path, kind, targets, note, from.map(|m| m.0), until.map(|m| m.0), mark.since.0],
    )
}

fn write_act(connection: &Connection, act: &NewAct) -> Result<Act, StoreError> {
    execute(
        connection,
        "INSERT INTO act (at, kind, path, target, digest, author, note) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            act.at.0,
            act.kind.word(),
            act.path,
            act.target,
            act.digest.map(|digest| digest.0),
            act.author,
            act.note
        ],
    )?;
    let NewAct { at, kind, path, target, digest, author, note } = act.clone();
    let number = u64::try_from(connection.last_insert_rowid()).unwrap_or(0);
    Ok(Act { number, at, kind, path, target, digest, author, note })
}

/// Writes an intent down.
pub(super) fn intend(connection: &Connection, record: &Record) -> Result<IntentId, StoreError> {
    let leaves_number = |leaves: &Leaves| u8::from(*leaves == Leaves::Mark);
    let (kind, target, leaves, version) = match &record.change {
        Change::Put(version) => (0_u8, None, None, Some(version)),
        Change::MakeCollection => (1, None, None, None),
        Change::Delete(leaves) => (2, None, Some(leaves_number(leaves)), None),
        Change::Move { to, leaves, .. } => (3, Some(to), Some(leaves_number(leaves)), None),
        // Marks change no files.
        Change::Mark(_) | Change::Lift => {
            return Err(StoreError::Failed("a mark needs no intent".to_owned()));
        }
    };
    execute(
        connection,
        "INSERT INTO intent (kind, path, target, leaves, digest, length, media_type, found_digest, found_length,
                             author, note)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            kind,
            record.path,
            target,
            leaves,
            version.map(|version| version.digest.0),
            version.map(|version| version.length),
            version.and_then(|version| version.media_type.as_ref()),
            record.found.as_ref().map(|found| found.digest.0),
            record.found.as_ref().map(|found| found.length),
            record.author,
            record.note,
        ],
    )?;
    Ok(IntentId(u64::try_from(connection.last_insert_rowid()).unwrap_or(0)))
}

/// Takes an intent away.
pub(super) fn abandon(connection: &Connection, intent: IntentId) -> Result<(), StoreError> {
    execute(connection, "DELETE FROM intent WHERE id = ?1", params![intent.0])
}

/// Keeps small content.
pub(super) fn keep(connection: &Connection, digest: &Digest, bytes: &[u8]) -> Result<(), StoreError> {
    execute(
        connection,
        "INSERT OR IGNORE INTO content (digest, bytes) VALUES (?1, ?2)",
        params![digest.0, bytes],
    )
}
