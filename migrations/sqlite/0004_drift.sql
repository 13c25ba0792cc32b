-- Standing intents on their targets, and what they find.

CREATE TABLE watches (
    intent   TEXT NOT NULL,
    target   TEXT NOT NULL,
    version  INTEGER NOT NULL,
    -- When it was last looked at; also written where nothing else changes.
    checked  INTEGER,
    -- Without its open incident.
    document TEXT NOT NULL,
    PRIMARY KEY (intent, target)
) STRICT, WITHOUT ROWID;

CREATE TABLE incidents (
    id       INTEGER PRIMARY KEY CHECK (id > 0),
    intent   TEXT NOT NULL,
    target   TEXT NOT NULL,
    opened   INTEGER NOT NULL,
    closed   INTEGER,
    document TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX incidents_open ON incidents (intent, target) WHERE closed IS NULL;
CREATE INDEX incidents_intent ON incidents (intent, id);
