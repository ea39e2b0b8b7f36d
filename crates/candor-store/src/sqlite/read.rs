//! Reading rows.

use std::collections::BTreeMap;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fault;
use crate::contents::Digest;
use crate::fault::StoreError;
use crate::ledger::{
    Act, ActKind, Change, Intent, IntentId, Kind, Leaves, Mark, MarkKind, Moment, NewVersion, Record, Version,
};
use crate::memory::concerns;
use crate::rows::{Edge, Node, NodeId, Rows, State};

/// A connection that is read, inside a transaction.
pub(super) struct Reading<'a>(pub(super) &'a Connection);

impl Rows for Reading<'_> {
    fn edges(&self, parent: NodeId, name: &[u8]) -> Result<Vec<Edge>, StoreError> {
        let mut statement = self
            .0
            .prepare_cached("SELECT from_t, to_t, node FROM edge WHERE parent = ?1 AND name = ?2")
            .map_err(fault)?;
        let rows = statement.query_map(params![parent, name], |row| {
            Ok(Edge {
                parent,
                name: name.to_vec(),
                from: Moment(row.get(0)?),
                to: Moment(row.get(1)?),
                node: row.get(2)?,
            })
        });
        rows.map_err(fault)?.collect::<Result<_, _>>().map_err(fault)
    }

    fn node(&self, id: NodeId) -> Result<Option<Node>, StoreError> {
        let mut statement = self
            .0
            .prepare_cached(
                "SELECT kind, parent, name, state, since, note, at, digest, length, media_type, author, written
                 FROM node WHERE id = ?1",
            )
            .map_err(fault)?;
        statement
            .query_row([id], |row| {
                let at: Option<u64> = row.get(6)?;
                Ok(Node {
                    id,
                    kind: kind_of(row.get(0)?),
                    parent: row.get(1)?,
                    name: row.get(2)?,
                    state: match row.get::<_, u8>(3)? {
                        0 => State::Present,
                        1 => State::Gone,
                        _ => State::Forgotten,
                    },
                    since: Moment(row.get(4)?),
                    note: row.get(5)?,
                    current: at.map(|at| version(row, at, 7)).transpose()?,
                })
            })
            .optional()
            .map_err(fault)
    }

    fn versions(&self, node: NodeId) -> Result<Vec<Version>, StoreError> {
        let mut statement = self
            .0
            .prepare_cached(
                "SELECT at, digest, length, media_type, author, written FROM version WHERE node = ?1 ORDER BY at",
            )
            .map_err(fault)?;
        let rows = statement.query_map([node], |row| version(row, row.get(0)?, 1)).map_err(fault)?;
        rows.collect::<Result<_, _>>().map_err(fault)
    }

    fn clock(&self) -> Result<Moment, StoreError> {
        let mut statement =
            self.0.prepare_cached("SELECT at FROM act ORDER BY number DESC LIMIT 1").map_err(fault)?;
        let last: Option<u64> = statement.query_row([], |row| row.get(0)).optional().map_err(fault)?;
        Ok(Moment(last.unwrap_or(0)))
    }
}

impl Reading<'_> {
    /// Acts, newest first.
    pub(super) fn acts(
        &self,
        path: Option<&[u8]>,
        before: Option<u64>,
        most: usize,
    ) -> Result<Vec<Act>, StoreError> {
        let mut statement = self
            .0
            .prepare_cached(
                "SELECT number, at, kind, path, target, digest, author, note FROM act
                 WHERE number < ?1 ORDER BY number DESC",
            )
            .map_err(fault)?;
        let before = before.unwrap_or(Moment::OPEN.0);
        let rows = statement
            .query_map([before], |row| {
                let word: String = row.get(2)?;
                Ok(Act {
                    number: row.get(0)?,
                    at: Moment(row.get(1)?),
                    kind: ActKind::ALL
                        .into_iter()
                        .find(|kind| kind.word() == word)
                        .ok_or(rusqlite::Error::InvalidColumnType(2, word, Type::Text))?,
                    path: row.get(3)?,
                    target: row.get(4)?,
                    digest: row.get::<_, Option<[u8; 32]>>(5)?.map(Digest),
                    author: row.get(6)?,
                    note: row.get(7)?,
                })
            })
            .map_err(fault)?;
        let wanted = |act: &Result<Act, _>| match (act, path) {
            (Ok(act), Some(path)) => concerns(act, path),
            _ => true,
        };
        rows.filter(wanted).take(most).collect::<Result<_, _>>().map_err(fault)
    }

    /// What a crash left.
    pub(super) fn intents(&self) -> Result<Vec<Intent>, StoreError> {
        let mut statement = self
            .0
            .prepare_cached(
                "SELECT id, kind, path, target, leaves, digest, length, media_type, found_digest, found_length,
                        author, note FROM intent ORDER BY id",
            )
            .map_err(fault)?;
        let rows = statement.query_map([], intent).map_err(fault)?;
        rows.collect::<Result<_, _>>().map_err(fault)
    }

    /// Small content.
    pub(super) fn content(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement =
            self.0.prepare_cached("SELECT bytes FROM content WHERE digest = ?1").map_err(fault)?;
        statement.query_row([digest.0], |row| row.get(0)).optional().map_err(fault)
    }
}

fn kind_of(number: u8) -> Kind {
    if number == 0 { Kind::Document } else { Kind::Collection }
}

/// Digest, length, media type, author, written: five columns from `first`.
fn version(row: &Row<'_>, at: u64, first: usize) -> rusqlite::Result<Version> {
    Ok(Version {
        digest: Digest(row.get(first)?),
        length: row.get(first + 1)?,
        media_type: row.get(first + 2)?,
        author: row.get(first + 3)?,
        written: row.get(first + 4)?,
        at: Moment(at),
    })
}

fn intent(row: &Row<'_>) -> rusqlite::Result<Intent> {
    let new = |digest: usize, media_type: Option<String>| -> rusqlite::Result<Option<NewVersion>> {
        let found: Option<[u8; 32]> = row.get(digest)?;
        let length: Option<u64> = row.get(digest + 1)?;
        Ok(found.map(|digest| NewVersion { digest: Digest(digest), length: length.unwrap_or(0), media_type }))
    };
    let leaves = match row.get::<_, Option<u8>>(4)? {
        Some(0) => Leaves::Nothing,
        _ => Leaves::Mark,
    };
    let target: Option<Vec<u8>> = row.get(3)?;
    let change = match (row.get::<_, u8>(1)?, new(5, row.get(7)?)?, target) {
        (0, Some(version), _) => Change::Put(version),
        (1, _, _) => Change::MakeCollection,
        (3, _, Some(to)) => Change::Move { to, leaves, below: Vec::new() },
        _ => Change::Delete(leaves),
    };
    let mut record = Record::new(row.get::<_, Vec<u8>>(2)?, change);
    record.found = new(8, None)?;
    record.author = row.get(10)?;
    record.note = row.get(11)?;
    let id = IntentId(row.get(0)?);
    record.fulfils = Some(id);
    Ok(Intent { id, record })
}

/// All marks of owners.
pub(super) fn marks(connection: &Connection) -> Result<BTreeMap<Vec<u8>, Mark>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT path, kind, targets, note, from_t, until_t, since FROM mark")
        .map_err(fault)?;
    let rows = statement
        .query_map([], |row| {
            let path: Vec<u8> = row.get(0)?;
            let targets: Option<String> = row.get(2)?;
            let targets = targets.unwrap_or_default();
            let until = row.get::<_, Option<u64>>(5)?.map(Moment);
            let what = match row.get::<_, u8>(1)? {
                0 => MarkKind::Moved(targets.lines().map(str::to_owned).collect()),
                1 => MarkKind::MovedForNow(targets, until),
                _ => MarkKind::Gone {
                    note: row.get(3)?,
                    from: row.get::<_, Option<u64>>(4)?.map(Moment),
                    until,
                },
            };
            Ok((path.clone(), Mark { path, what, since: Moment(row.get(6)?) }))
        })
        .map_err(fault)?;
    rows.collect::<Result<_, _>>().map_err(fault)
}
