CREATE TABLE node (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    parent INTEGER NOT NULL,
    name BLOB NOT NULL,
    state INTEGER NOT NULL,
    since INTEGER NOT NULL,
    note TEXT,
    digest BLOB,
    length INTEGER,
    media_type TEXT,
    author TEXT,
    written INTEGER,
    at INTEGER
) STRICT;
-- The edge that holds, or held last, is found in one step.
CREATE TABLE edge (
    parent INTEGER NOT NULL,
    name BLOB NOT NULL,
    to_t INTEGER NOT NULL,
    from_t INTEGER NOT NULL,
    node INTEGER NOT NULL,
    PRIMARY KEY (parent, name, to_t)
) STRICT, WITHOUT ROWID;
CREATE TABLE version (
    node INTEGER NOT NULL,
    at INTEGER NOT NULL,
    digest BLOB NOT NULL,
    length INTEGER NOT NULL,
    media_type TEXT,
    author TEXT,
    written INTEGER NOT NULL,
    PRIMARY KEY (node, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX version_digest ON version (digest);
CREATE TABLE mark (
    path BLOB PRIMARY KEY,
    kind INTEGER NOT NULL,
    targets TEXT,
    note TEXT,
    from_t INTEGER,
    until_t INTEGER,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE act (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    path BLOB NOT NULL,
    target BLOB,
    digest BLOB,
    author TEXT,
    note TEXT
) STRICT;
CREATE TABLE intent (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind INTEGER NOT NULL,
    path BLOB NOT NULL,
    target BLOB,
    leaves INTEGER,
    digest BLOB,
    length INTEGER,
    media_type TEXT,
    found_digest BLOB,
    found_length INTEGER,
    author TEXT,
    note TEXT
) STRICT;
CREATE TABLE content (
    digest BLOB PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT, WITHOUT ROWID;
