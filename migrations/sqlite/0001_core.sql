-- Tables keep whole values as JSON in `document` (or a column named for it) and have columns of
-- their own only for what is searched, ordered or compared. Times are milliseconds since 1970.

CREATE TABLE audit (
    seq      INTEGER PRIMARY KEY CHECK (seq > 0),
    previous TEXT NOT NULL,
    hash     TEXT NOT NULL,
    -- Canonical JSON, exactly as it was hashed.
    entry    TEXT NOT NULL,
    -- Taken from `entry`, so that they cannot tell another story than what was hashed.
    at       INTEGER GENERATED ALWAYS AS (json_extract(entry, '$.at')) VIRTUAL,
    request  INTEGER GENERATED ALWAYS AS (json_extract(entry, '$.request')) VIRTUAL,
    person   TEXT    GENERATED ALWAYS AS (json_extract(entry, '$.actor.person')) VIRTUAL
) STRICT;
CREATE INDEX audit_request ON audit (request, seq) WHERE request IS NOT NULL;
CREATE INDEX audit_person ON audit (person, seq) WHERE person IS NOT NULL;

CREATE TABLE requests (
    id       INTEGER PRIMARY KEY CHECK (id > 0),
    version  INTEGER NOT NULL,
    state    TEXT NOT NULL,
    -- The person who asked; NULL for a service.
    person   TEXT,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX requests_state ON requests (state, id);
CREATE INDEX requests_person ON requests (person, id);

CREATE TABLE runs (
    request  INTEGER NOT NULL REFERENCES requests (id),
    attempt  INTEGER NOT NULL,
    started  INTEGER NOT NULL,
    ended    INTEGER,
    document TEXT NOT NULL,
    PRIMARY KEY (request, attempt)
) STRICT;
CREATE INDEX runs_open ON runs (started) WHERE ended IS NULL;

CREATE TABLE uses (
    ord     INTEGER PRIMARY KEY,
    repo    TEXT NOT NULL,
    number  INTEGER NOT NULL,
    request INTEGER NOT NULL REFERENCES requests (id),
    UNIQUE (repo, number, request)
) STRICT;

CREATE TABLE posts (
    ord             INTEGER PRIMARY KEY,
    key             TEXT NOT NULL UNIQUE,
    place           TEXT NOT NULL,
    -- The key of the post whose thread it belongs to.
    thread_of       TEXT,
    body            TEXT NOT NULL,
    seeds           TEXT NOT NULL,
    generation      INTEGER NOT NULL,
    sent_generation INTEGER NOT NULL DEFAULT 0,
    sent            TEXT,
    platform        TEXT,
    channel         TEXT,
    message         TEXT,
    posted_text     TEXT,
    first_text      TEXT,
    seeded          INTEGER NOT NULL DEFAULT 0,
    failures        INTEGER NOT NULL DEFAULT 0,
    not_before      INTEGER
) STRICT;
CREATE UNIQUE INDEX posts_message ON posts (platform, channel, message) WHERE message IS NOT NULL;
CREATE INDEX posts_due ON posts (ord)
    WHERE sent_generation < generation OR (seeded = 0 AND seeds <> '[]');

CREATE TABLE seen (
    platform TEXT NOT NULL,
    channel  TEXT NOT NULL,
    message  TEXT NOT NULL,
    PRIMARY KEY (platform, channel, message)
) STRICT, WITHOUT ROWID;

CREATE TABLE cursors (
    platform TEXT PRIMARY KEY,
    cursor   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE source (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    applied  TEXT,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE sightings (
    revision TEXT PRIMARY KEY,
    at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    hash   TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    until  INTEGER NOT NULL,
    used   INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    hash   TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    host   TEXT NOT NULL,
    since  INTEGER NOT NULL,
    until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
