//! The keys that are part of the configuration but whose feature is not in this build. The list shrinks as
//! features arrive, and nothing else knows about it.

/// What becomes of a configuration that uses such a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consequence {
    /// It is refused: serving without the feature would give wrong answers.
    Refused,
    /// It is served, with these words about what happens instead.
    Served(&'static str),
}

use Consequence::{Refused, Served};

/// Table, key, consequence.
const UNBUILT: &[(&str, &str, Consequence)] = &[
    ("site.route", "choices", Refused),
    ("run", "deadline", Served("whoever asked waits until the program ends")),
    ("run", "queue", Served("no work is queued; whoever asked waits until the program ends")),
    ("run", "hours", Served("the program runs at any hour")),
    ("run", "retention", Served("no results are kept")),
    ("site.route", "protect_links", Served("documents can be deleted though others link to them")),
    ("site.route", "announce_moves", Served("moves in the folder are not recognised")),
    ("site", "vanished", Refused),
    ("site", "grace", Refused),
];

/// What follows from using a key, if its feature is not in this build.
pub(super) fn consequence(table: &str, key: &str) -> Option<Consequence> {
    UNBUILT.iter().find(|(t, k, _)| *t == table && *k == key).map(|(_, _, consequence)| *consequence)
}
